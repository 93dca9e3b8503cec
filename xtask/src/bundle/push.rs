//! A signed bundle into a registry, as one artifact that other tools copy whole.
//!
//! What the registry has is not sent again, so a push that broke off is gone on with by pushing again. Nothing is held in
//! memory but the piece that is on its way.

mod images;

use std::{
    io::{Cursor, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use airlock::{
    bundle::{Item, Medium, Piece},
    digest::{Checked, Digest},
    limits, oci,
    source::{
        Supply as _,
        registry::{Artifact, Credentials, Place, parse_credentials},
    },
};
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use oci_client::{
    Client, Reference, RegistryOperation,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    secrets::RegistryAuth,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tokio::sync::mpsc;

use super::{
    opened::{FromMedium, Opened},
    sign::leaving,
};
use crate::disk;

/// How a registry is reached.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Reach {
    /// A docker configuration file with `auths` for the registry
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// The authorities of its certificate, in PEM
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Ask it without TLS; loopback needs none
    #[arg(long)]
    pub plain_http: bool,
}

/// What was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Where it lies now, by digest.
    pub place: String,
    /// How many blobs were sent.
    pub sent: u64,
    /// And their bytes.
    pub bytes: u64,
    /// How many were there.
    pub kept: u64,
    /// How many images were put beside it.
    pub images: u64,
}

/// A piece of an answer that a server sends while a blob is on its way.
const CHUNK: usize = 1024 * 1024;

/// How long a registry may be silent.
const PATIENCE: Duration = Duration::from_secs(120);

/// Pushes a bundle. `chunked` sends blobs in pieces, where something before the registry takes no large requests; with
/// `images` the images that it carries become images of the registry, too.
///
/// # Errors
/// When it is not signed by enough, a blob is absent, or the registry does not take it.
pub fn push(
    bundle: &Path,
    to: &Place,
    reach: &Reach,
    chunked: bool,
    images: bool,
    trust: Option<&Path>,
) -> Result<Pushed> {
    ensure!(to.digest().is_none(), "{to} names a digest; a bundle is pushed under a tag");
    let opened = Opened::signed(bundle, trust)?;
    let contents = leaving(&opened, trust)?;
    let mut small: Vec<(Item, Vec<u8>)> =
        contents.roots.into_iter().map(|(version, bytes)| (Item::Root(version), bytes)).collect();
    small.extend(contents.agent.map(|bytes| (Item::Agent, bytes)));
    small.push((Item::Bundle, contents.bundle));
    let large: Vec<Piece> = contents.head.into_iter().chain(contents.pieces).collect();

    let mut layers = Vec::new();
    for (item, bytes) in &small {
        layers.extend(Artifact::layer(*item, Digest::of(bytes), bytes.len() as u64));
    }
    for piece in &large {
        layers.extend(Artifact::layer(Item::Blob(piece.digest), piece.digest, piece.size));
    }
    let manifest = Artifact::manifest(layers).encode();
    ensure!(
        manifest.len() as u64 <= limits::OCI_DOCUMENT_BYTES,
        "{} blobs make a manifest of {} bytes, and registries take {}; make two channels of it, or carry it on a medium",
        large.len(),
        manifest.len(),
        limits::OCI_DOCUMENT_BYTES
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let target = Target::open(&runtime, to, reach, chunked)?;
    let mut pushed = Pushed::default();
    for (_, bytes) in small {
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        target.put(digest, size, &mut pushed, || Ok(Box::new(Cursor::new(bytes))))?;
    }
    target.put(Digest::of(oci::Manifest::EMPTY), oci::Manifest::EMPTY.len() as u64, &mut pushed, || {
        Ok(Box::new(Cursor::new(oci::Manifest::EMPTY)))
    })?;
    for piece in &large {
        target.put(piece.digest, piece.size, &mut pushed, || piece_of(opened.medium(), piece))?;
    }
    let digest = Digest::of(&manifest);
    target.document(&target.tag, oci::media_type::MANIFEST, manifest)?;
    if images {
        images::push(&runtime, &opened, to, reach, chunked, &mut pushed)?;
    }
    pushed.place = to.clone().pinned(digest).to_string();
    Ok(pushed)
}

fn piece_of(medium: &dyn Medium, piece: &Piece) -> Result<Box<dyn Read + Send>> {
    let reader = FromMedium(medium).open(piece)?;
    let reader =
        reader.with_context(|| format!("blob {} is not there; a bundle is pushed whole", piece.digest))?;
    // What is not what was signed does not leave this machine.
    Ok(Box::new(Checked::new(reader, piece.digest, piece.size)))
}

/// A repository that is written to.
struct Target<'a> {
    runtime: &'a tokio::runtime::Runtime,
    client: Client,
    reference: Reference,
    tag: String,
    place: &'a Place,
}

impl<'a> Target<'a> {
    fn open(
        runtime: &'a tokio::runtime::Runtime,
        place: &'a Place,
        reach: &Reach,
        chunked: bool,
    ) -> Result<Self> {
        // Another part of this process may have chosen before, and both choose the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut certificates = Vec::new();
        if let Some(path) = &reach.ca {
            let bytes = disk::read(path, limits::AUTHORITIES_BYTES)?;
            for certificate in CertificateDer::pem_slice_iter(&bytes) {
                let certificate = certificate
                    .with_context(|| format!("{} holds no certificates in PEM", path.display()))?;
                certificates
                    .push(Certificate { encoding: CertificateEncoding::Der, data: certificate.to_vec() });
            }
            ensure!(!certificates.is_empty(), "{} holds no certificate", path.display());
        }
        let plain = reach.plain_http || (place.is_loopback() && reach.ca.is_none());
        let config = ClientConfig {
            protocol: if plain { ClientProtocol::Http } else { ClientProtocol::Https },
            tls_certs_only: certificates,
            use_monolithic_push: !chunked,
            read_timeout: Some(PATIENCE),
            connect_timeout: Some(limits::CONNECT),
            user_agent: concat!("airlock/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).context("no connection can be made")?;
        let tag = place.tag().unwrap_or("latest").to_owned();
        let reference = Reference::with_tag(place.host().to_owned(), place.path().to_owned(), tag.clone());
        let auth = match &reach.credentials {
            None => RegistryAuth::Anonymous,
            Some(path) => {
                let bytes = disk::read(path, limits::CREDENTIALS_BYTES)?;
                match parse_credentials(&bytes, place.host(), place.path()) {
                    Ok(None) => RegistryAuth::Anonymous,
                    Ok(Some(Credentials::Password { name, password })) => RegistryAuth::Basic(name, password),
                    Ok(Some(Credentials::Token(token))) => RegistryAuth::Bearer(token),
                    Err(why) => bail!("{} cannot be used: {why}", path.display()),
                }
            }
        };
        let entered = runtime.block_on(client.auth(&reference, &auth, RegistryOperation::Push));
        entered.with_context(|| format!("{place} does not let us in"))?;
        Ok(Self { runtime, client, reference, tag, place })
    }

    /// Sends a blob that is not there.
    fn put(
        &self,
        digest: Digest,
        size: u64,
        pushed: &mut Pushed,
        open: impl FnOnce() -> Result<Box<dyn Read + Send>>,
    ) -> Result<()> {
        let name = digest.to_string();
        let there = self.runtime.block_on(self.client.blob_exists(&self.reference, &name));
        if there.with_context(|| format!("{} does not answer", self.place))? {
            pushed.kept += 1;
            return Ok(());
        }
        let reader = open()?;
        let (sender, receiver) = mpsc::channel(2);
        let reading = self.runtime.spawn_blocking(move || read(reader, &sender));
        let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|piece| (piece, receiver))
        });
        let sent =
            self.runtime.block_on(self.client.push_blob_stream(&self.reference, stream, &name, Some(size)));
        self.runtime.block_on(reading)?.with_context(|| format!("blob {digest} is not what was signed"))?;
        sent.with_context(|| format!("{} does not take blob {digest}", self.place))?;
        pushed.sent += 1;
        pushed.bytes += size;
        Ok(())
    }

    /// Takes a blob over from another repository of the same registry, where that has it and the registry does so.
    fn mount(&self, from: &Reference, digest: Digest, pushed: &mut Pushed) -> Result<bool> {
        let name = digest.to_string();
        let there = self.runtime.block_on(self.client.blob_exists(&self.reference, &name));
        if there.with_context(|| format!("{} does not answer", self.place))? {
            return Ok(true);
        }
        let mounted = self.runtime.block_on(self.client.mount_blob(&self.reference, from, &name)).is_ok();
        pushed.kept += u64::from(mounted);
        Ok(mounted)
    }

    /// Puts a manifest or an index there, under a tag or a digest.
    fn document(&self, reference: &str, kind: &str, bytes: Vec<u8>) -> Result<()> {
        let (host, path) = (self.place.host().to_owned(), self.place.path().to_owned());
        let at = match reference.parse::<Digest>() {
            Ok(_) => Reference::with_digest(host, path, reference.to_owned()),
            Err(_) => Reference::with_tag(host, path, reference.to_owned()),
        };
        let kind = http::HeaderValue::from_str(kind)?;
        let put = self.runtime.block_on(self.client.push_manifest_raw(&at, bytes, kind));
        put.with_context(|| format!("{} does not take the manifest", self.place))?;
        Ok(())
    }
}

/// Reads ahead of the network, a few pieces at most.
fn read(
    mut reader: impl Read,
    sender: &mpsc::Sender<Result<Bytes, OciDistributionError>>,
) -> std::io::Result<()> {
    loop {
        let mut piece = vec![0; CHUNK];
        let mut filled = 0;
        while let Some(room) = piece.get_mut(filled..).filter(|it| !it.is_empty()) {
            match reader.read(room) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => (),
                Err(error) => {
                    // The request breaks off, and so nothing comes to lie there under a name that is not its own.
                    let told = std::io::Error::new(error.kind(), error.to_string());
                    drop(sender.blocking_send(Err(told.into())));
                    return Err(error);
                }
            }
        }
        piece.truncate(filled);
        // Whoever does not listen any more says why himself.
        if filled == 0 || sender.blocking_send(Ok(piece.into())).is_err() {
            return Ok(());
        }
    }
}
