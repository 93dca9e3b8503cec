//! A Git server in this process: a real `git http-backend` behind HTTP and TLS of ours, which says the truth until it is
//! told to lie.

use std::{
    collections::BTreeMap,
    io::{BufReader, Read, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::wire::Serving;
pub use super::wire::data;

/// What is answered instead of the truth.
#[derive(Clone, Debug)]
pub enum Lie {
    /// These bytes, whatever they are, with a status and headers.
    Whole(u16, Vec<(String, String)>, Vec<u8>),
    /// The truth until so many bytes of the body, then silence.
    Hang(usize),
    /// The truth, a byte in so many milliseconds.
    Drip(u64),
    /// Lines without end.
    Endless,
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

type Liar = Box<dyn Fn(&Request) -> Option<Lie> + Send>;

/// The server. It ends with the test.
pub struct GitServer {
    pub address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    _serving: Serving,
}

struct Shared {
    repositories: PathBuf,
    liar: Mutex<Option<Liar>>,
    asked: Mutex<Vec<Request>>,
}

impl GitServer {
    /// Serves the repositories below a directory, without TLS or with a certificate of tests/data/registry.
    pub fn start(repositories: &Path, certificate: Option<&str>) -> Self {
        let repositories = repositories.to_owned();
        let shared = Arc::new(Shared { repositories, liar: Mutex::default(), asked: Mutex::default() });
        let answering = Arc::clone(&shared);
        let serving = Serving::start(certificate, move |stream, over| answering.answer(stream, over));
        Self { address: serving.address, scheme: serving.scheme, shared, _serving: serving }
    }

    /// The address of a repository, and the ref that is asked for.
    pub fn url(&self, repository: &str, asked: &str) -> String {
        format!("{}://{}/{repository}#{asked}", self.scheme, self.address)
    }

    /// From now on that is asked before the truth is.
    pub fn lie(&self, liar: impl Fn(&Request) -> Option<Lie> + Send + 'static) {
        *self.shared.liar.lock().unwrap() = Some(Box::new(liar));
    }

    /// From now on nothing but the truth.
    pub fn repent(&self) {
        *self.shared.liar.lock().unwrap() = None;
    }

    /// What was asked since the last time.
    pub fn asked(&self) -> Vec<Request> {
        std::mem::take(&mut self.shared.asked.lock().unwrap())
    }
}

impl Shared {
    fn answer(&self, stream: impl Read + Write, over: &AtomicBool) {
        let mut stream = BufReader::new(stream);
        let Some(request) = read(&mut stream) else { return };
        self.asked.lock().unwrap().push(request.clone());
        let lie = self.liar.lock().unwrap().as_ref().and_then(|it| it(&request));
        let out = stream.get_mut();
        // Whoever asked may be gone by now, which is no matter of ours.
        let _ = match lie {
            Some(Lie::Whole(status, headers, body)) => respond(out, status, &headers, &body),
            Some(Lie::Endless) => endless(out, over),
            Some(Lie::Hang(after)) => self.truth(&request, out, |out, body| {
                out.write_all(&body[..after.min(body.len())])?;
                out.flush()?;
                while !over.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Ok(())
            }),
            Some(Lie::Drip(pause)) => self.truth(&request, out, |out, body| {
                for byte in body {
                    out.write_all(&[*byte])?;
                    out.flush()?;
                    std::thread::sleep(Duration::from_millis(pause));
                }
                Ok(())
            }),
            None => self.truth(&request, out, |out, body| out.write_all(body)),
        };
        let _ = stream.get_mut().flush();
    }

    /// Runs the original.
    fn truth<W: Write>(
        &self,
        request: &Request,
        out: &mut W,
        send: impl FnOnce(&mut W, &[u8]) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let header = |name: &str| request.headers.get(name).cloned().unwrap_or_default();
        let mut child = Command::new("git")
            .arg("http-backend")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.repositories)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "safe.directory")
            .env("GIT_CONFIG_VALUE_0", "*")
            .env("GIT_PROJECT_ROOT", &self.repositories)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("GIT_PROTOCOL", header("git-protocol"))
            .env("PATH_INFO", &request.path)
            .env("QUERY_STRING", &request.query)
            .env("REQUEST_METHOD", &request.method)
            .env("CONTENT_TYPE", header("content-type"))
            .env("CONTENT_LENGTH", request.body.len().to_string())
            .env("REMOTE_ADDR", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut stdin = child.stdin.take().unwrap();
        let body = request.body.clone();
        let writing = std::thread::spawn(move || stdin.write_all(&body));
        let said = child.wait_with_output()?.stdout;
        let _ = writing.join();
        let end = said.windows(4).position(|it| it == b"\r\n\r\n").unwrap_or(said.len() - 4);
        let head = String::from_utf8_lossy(&said[..end]).into_owned();
        let mut status = 200;
        let mut headers = Vec::new();
        for line in head.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            match name {
                "Status" => status = value[..3].parse().unwrap(),
                _ => headers.push((name.to_owned(), value.to_owned())),
            }
        }
        let body = &said[end + 4..];
        headers.push(("content-length".to_owned(), body.len().to_string()));
        respond(out, status, &headers, b"")?;
        send(out, body)
    }
}

fn endless<W: Write>(out: &mut W, over: &AtomicBool) -> std::io::Result<()> {
    let kind = header("content-type", "application/x-git-upload-pack-advertisement");
    respond(out, 200, &[kind], b"000eversion 2\n")?;
    let line = format!("{:04x}{}\n", 1005, "x".repeat(1000));
    while !over.load(Ordering::Relaxed) {
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

pub fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn respond(
    out: &mut impl Write,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} so\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    out.write_all(format!("{head}\r\n").as_bytes())?;
    out.write_all(body)?;
    out.flush()
}

fn read(stream: &mut impl std::io::BufRead) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let mut first = lines.first()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: BTreeMap<String, String> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), headers, body })
}

/// A line of the protocol.
pub fn packet(bytes: &[u8]) -> Vec<u8> {
    [format!("{:04x}", bytes.len() + 4).as_bytes(), bytes].concat()
}

/// What a server of protocol 2 says that has one ref, and whose pack is `pack`: an answer to each of three questions.
pub fn liar_with_pack(
    name: &str,
    tip: &str,
    pack: &[u8],
) -> impl Fn(&Request) -> Option<Lie> + Send + 'static {
    let (refs, mut sent) = (packet(format!("{tip} {name}\n").as_bytes()), packet(b"packfile\n"));
    for piece in pack.chunks(60_000) {
        sent.extend(packet(&[b"\x01", piece].concat()));
    }
    sent.extend(b"0000");
    move |request| {
        let result = vec![header("content-type", "application/x-git-upload-pack-result")];
        let says = |word: &[u8]| request.body.windows(word.len()).any(|it| it == word);
        Some(if request.method == "GET" {
            let mut body = packet(b"version 2\n");
            for line in ["agent=git/liar\n", "ls-refs\n", "fetch=shallow\n", "object-format=sha1\n"] {
                body.extend(packet(line.as_bytes()));
            }
            body.extend(b"0000");
            let advertisement = header("content-type", "application/x-git-upload-pack-advertisement");
            Lie::Whole(200, vec![advertisement], body)
        } else if says(b"command=ls-refs") {
            Lie::Whole(200, result, [refs.clone(), b"0000".to_vec()].concat())
        } else {
            Lie::Whole(200, result, sent.clone())
        })
    }
}
