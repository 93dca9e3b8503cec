//! Bundles in registries (OCI distribution specification 1.1).
//!
//! ```text
//! place         `oci://host[:port]/path[:tag][@digest]`                                     [`Place`]
//! credentials   docker's configuration file, without the programs that it may name
//! challenge     what a registry asks for (RFC 9110, 11.6.1)
//! client        one request and its answer: in time, within bounds, nowhere else than allowed    [`Client`]
//! blob          a blob as bytes arrive, from any place in it
//! artifact      a bundle as a manifest, and a manifest as a medium                          [`Artifact`]
//! names, tls    who a name is, and whether it is who answers
//! ```
//!
//! A registry is a stranger. It may be slow, broken, or lie, and a client that believes its lengths or reads its words
//! to their end can be filled up by it: so requests and answers are ours, on top of an HTTP library, and every byte
//! that is read has a bound.

mod artifact;
mod blob;
mod challenge;
mod client;
mod credentials;
mod error;
mod names;
mod place;
mod tls;

pub use artifact::{ARTIFACT, Artifact, media_type};
pub use client::{Client, Fetched, Patience};
pub use credentials::{Credentials, parse as parse_credentials};
pub use error::Error;
pub use names::Names;
pub use place::Place;
pub(super) use tls::config as tls_config;

use std::sync::Arc;

use super::{Asked, Failure, GiveWay, Remote, Spec};

/// A bundle's place in a registry, ready to be asked.
#[derive(Debug)]
pub struct Registry {
    client: Arc<Client>,
    place: Place,
    url: String,
}

impl Registry {
    /// Makes ready to ask: reads credentials and authorities.
    ///
    /// # Errors
    /// When one of the files cannot be used.
    pub fn open(place: &Place, spec: &Spec, give_way: &GiveWay) -> Result<Self, Error> {
        let client = Arc::new(Client::open(place, spec, give_way)?);
        Ok(Self { client, place: place.clone(), url: place.to_string() })
    }
}

impl Remote for Registry {
    fn url(&self) -> &str {
        &self.url
    }

    fn newest(&self, known: Option<&str>) -> Result<Asked, Failure> {
        let fetched = self.client.manifest(&self.place.reference(), self.place.digest(), known);
        let Some(fetched) = fetched.map_err(Failure::new)? else { return Ok(Asked::Same) };
        let mark = fetched.digest.to_string();
        if known == Some(&*mark) {
            return Ok(Asked::Same);
        }
        let artifact = Artifact::new(Arc::clone(&self.client), &fetched).map_err(Failure::new)?;
        Ok(Asked::Bundle { mark, medium: Arc::new(artifact) })
    }
}
