use std::{io::Read as _, path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject as _};

use super::Error;
use crate::{limits, source::Trouble};

/// How connections are made: with the authorities of a file alone, or with those of the system.
///
/// # Errors
/// When the file has no certificate, or one that is none.
pub(in crate::source) fn config(ca: Option<&Path>) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let wrong = |why: String| {
                Error::Network(Trouble::File {
                    path: path.to_owned(),
                    why,
                    fix: "`ca` names a file of certificates in PEM (`-----BEGIN CERTIFICATE-----`)".into(),
                })
            };
            let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
            let mut bytes = Vec::new();
            file.take(limits::AUTHORITIES_BYTES + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| wrong(error.to_string()))?;
            if bytes.len() as u64 > limits::AUTHORITIES_BYTES {
                return Err(wrong("it is larger than any list of authorities".into()));
            }
            for certificate in CertificateDer::pem_slice_iter(&bytes) {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(wrong("it holds no certificate".into()));
            }
        }
        // A system without any has none that are trusted; then only what names its authority is.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            Error::Network(Trouble::File {
                path: ca.map(Path::to_owned).unwrap_or_default(),
                why: error.to_string(),
                fix: "please report this".into(),
            })
        })?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}
