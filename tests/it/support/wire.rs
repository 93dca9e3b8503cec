//! What the servers in this process share: connections, with or without TLS, answered until the test ends.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

/// A connection.
pub trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

/// A file of tests/data/registry, which has certificates for loopback.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/registry").join(name)
}

/// A server. It ends with the test.
pub struct Serving {
    pub address: SocketAddr,
    pub scheme: &'static str,
    stopped: Arc<AtomicBool>,
}

impl Serving {
    /// Answers each connection on a thread of its own; without TLS, or with a certificate of tests/data/registry.
    /// `answer` is told whether the test is over.
    pub fn start(
        certificate: Option<&str>,
        answer: impl Fn(Box<dyn Stream>, &AtomicBool) + Send + Sync + 'static,
    ) -> Self {
        let tls = certificate.map(|name| {
            let chain = CertificateDer::pem_file_iter(data(name)).unwrap().map(Result::unwrap).collect();
            let key = PrivateKeyDer::from_pem_file(data("server.key")).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap();
            Arc::new(config)
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::<AtomicBool>::default();
        let (over, answer) = (Arc::clone(&stopped), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (over, answer, tls) = (Arc::clone(&over), Arc::clone(&answer), tls.clone());
                std::thread::spawn(move || {
                    let stream: Box<dyn Stream> = match tls {
                        None => Box::new(stream),
                        Some(tls) => Box::new(StreamOwned::new(ServerConnection::new(tls).unwrap(), stream)),
                    };
                    answer(stream, &over);
                });
            }
        });
        Self { address, scheme, stopped }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
    }
}
