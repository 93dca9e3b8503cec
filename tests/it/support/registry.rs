//! A registry in this process, which says the truth until it is told to lie.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read, Write},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use airlock::{bundle::Item, digest::Digest, oci::media_type::MANIFEST, source::registry::Artifact};

pub use super::wire::data;
use super::{medium::MapMedium, wire::Serving};

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// With the query.
    pub path: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// As HTTP has it.
    Whole { code: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// The truth in whatever size is announced, and the end of the connection after so many bytes.
    Cut { after: usize },
    /// The truth, and silence after so many bytes of its body; before its first line where there are none.
    Hang { after: usize },
    /// The truth, a byte at a time.
    Drip,
    /// The truth with something behind it, and no word of how long it is.
    More(Vec<u8>),
    /// Without end.
    Endless,
}

pub fn whole(code: u16, body: &[u8]) -> Answer {
    Answer::Whole { code, headers: Vec::new(), body: body.to_vec() }
}

pub fn with(code: u16, headers: &[(&'static str, &str)]) -> Answer {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Answer::Whole { code, headers, body: Vec::new() }
}

type Lie = Box<dyn Fn(&Asked) -> Option<Answer> + Send>;

#[derive(Default)]
struct Shared {
    /// By path.
    content: Mutex<BTreeMap<String, (String, Vec<u8>)>>,
    lie: Mutex<Option<Lie>>,
    asked: Mutex<Vec<Asked>>,
}

/// The registry. It ends with the test.
pub struct Registry {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _serving: Serving,
}

impl Registry {
    /// Without TLS.
    pub fn start() -> Self {
        Self::serve(None)
    }

    /// With a certificate of tests/data/registry.
    pub fn with_certificate(name: &str) -> Self {
        Self::serve(Some(name))
    }

    fn serve(certificate: Option<&str>) -> Self {
        let shared = Arc::<Shared>::default();
        let answering = Arc::clone(&shared);
        // A client that does not like the certificate goes away, and that is its business.
        let serving =
            Serving::start(certificate, move |stream, over| drop(converse(&answering, stream, over)));
        Self { address: serving.address, shared, _serving: serving }
    }

    /// Puts a bundle there under a tag, as `cargo xtask bundle push` does, and gives the digest of its manifest.
    pub fn publish(&self, repository: &str, tag: &str, medium: &MapMedium) -> Digest {
        let mut layers = Vec::new();
        for (name, bytes) in &medium.items {
            let digest = self.blob(repository, bytes);
            layers.extend(Artifact::layer(Item::parse(name).unwrap(), digest, bytes.len() as u64));
        }
        self.manifest(repository, tag, MANIFEST, &Artifact::manifest(layers).encode())
    }

    pub fn blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let path = format!("/v2/{repository}/blobs/{digest}");
        let content = ("application/octet-stream".to_owned(), bytes.to_vec());
        self.shared.content.lock().unwrap().insert(path, content);
        digest
    }

    pub fn manifest(&self, repository: &str, tag: &str, kind: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        for reference in [tag.to_owned(), digest.to_string()] {
            let path = format!("/v2/{repository}/manifests/{reference}");
            self.shared.content.lock().unwrap().insert(path, (kind.to_owned(), bytes.to_vec()));
        }
        digest
    }

    /// From now on it answers so, where something is given, and with the truth elsewhere.
    pub fn lie(&self, lie: impl Fn(&Asked) -> Option<Answer> + Send + 'static) {
        *self.shared.lie.lock().unwrap() = Some(Box::new(lie));
    }

    /// From now on it says nothing but the truth.
    pub fn repent(&self) {
        *self.shared.lie.lock().unwrap() = None;
    }

    /// What was asked since this was asked.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.shared.asked.lock().unwrap())
    }
}

impl Shared {
    /// The truth.
    fn answer(&self, asked: &Asked) -> Answer {
        let path = asked.path.split('?').next().unwrap_or_default();
        let Some((kind, body)) = self.content.lock().unwrap().get(path).cloned() else {
            let told = br#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}"#;
            return whole(404, told);
        };
        let etag = format!("\"{}\"", Digest::of(&body));
        if asked.headers.get("if-none-match") == Some(&etag) {
            return with(304, &[("etag", &etag)]);
        }
        let mut headers = vec![("content-type", kind), ("etag", etag)];
        let from = asked.headers.get("range").and_then(|it| it.strip_prefix("bytes="));
        match from.and_then(|it| it.trim_end_matches('-').parse::<usize>().ok()) {
            None => Answer::Whole { code: 200, headers, body },
            Some(from) if from >= body.len() => whole(416, b""),
            Some(from) => {
                headers.push(("content-range", format!("bytes {from}-{}/{}", body.len() - 1, body.len())));
                Answer::Whole { code: 206, headers, body: body[from..].to_vec() }
            }
        }
    }
}

fn converse(shared: &Shared, stream: impl Read + Write, over: &AtomicBool) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read(&mut stream)? {
        shared.asked.lock().unwrap().push(asked.clone());
        let lie = shared.lie.lock().unwrap().as_ref().and_then(|lie| lie(&asked));
        let truth = || match shared.answer(&asked) {
            Answer::Whole { code, headers, body } => (code, headers, body),
            _ => unreachable!("the truth is whole"),
        };
        let out = stream.get_mut();
        match lie.unwrap_or_else(|| shared.answer(&asked)) {
            Answer::Whole { code, headers, body } => {
                head(out, code, &headers, Some(body.len()))?;
                out.write_all(&body)?;
            }
            Answer::Cut { after } => {
                let (code, headers, body) = truth();
                head(out, code, &headers, Some(body.len()))?;
                out.write_all(&body[..after.min(body.len())])?;
                return out.flush();
            }
            Answer::Hang { after } => {
                let (code, headers, body) = truth();
                if after > 0 {
                    head(out, code, &headers, Some(body.len()))?;
                    out.write_all(&body[..after.min(body.len())])?;
                    out.flush()?;
                }
                while !over.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(50));
                }
                return Ok(());
            }
            Answer::Drip => {
                let (code, headers, body) = truth();
                head(out, code, &headers, Some(body.len()))?;
                for byte in body {
                    out.write_all(&[byte])?;
                    out.flush()?;
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            Answer::More(more) => {
                let (code, headers, body) = truth();
                head(out, code, &headers, None)?;
                out.write_all(&body)?;
                out.write_all(&more)?;
                return out.flush();
            }
            Answer::Endless => {
                let (code, headers, _) = truth();
                head(out, code, &headers, None)?;
                loop {
                    out.write_all(&[b' '; 64 * 1024])?;
                }
            }
        }
        out.flush()?;
    }
    Ok(())
}

fn head(
    out: &mut impl Write,
    code: u16,
    headers: &[(&str, String)],
    length: Option<usize>,
) -> std::io::Result<()> {
    let mut text = format!("HTTP/1.1 {code} It\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &match length {
        _ if code == 304 => String::new(),
        Some(length) => format!("content-length: {length}\r\n"),
        None => "connection: close\r\n".to_owned(),
    };
    out.write_all(format!("{text}\r\n").as_bytes())
}

fn read<S: Read>(stream: &mut BufReader<S>) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => drop(headers.insert(name.to_lowercase(), value.to_owned())),
            None => return Ok(Some(Asked { method, path, headers })),
        }
    }
}
