//! Smart HTTP: one connection a request, HTTP/1.1, no redirect, no proxy, no compression of its own.

use std::{
    cell::RefCell,
    io::{self, BufRead, Cursor, Read, Write},
    rc::Rc,
    sync::Arc,
};

use bytes::Bytes;
use gix_transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse};
use http::{Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use reqwest::dns::Resolve as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::Runtime,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

use super::{super::registry::Names, Error, line::Line};
use crate::{limits, source::Trouble};

/// Something to read from and to write to.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A server that is spoken to.
pub(super) struct Client(Rc<Peer>);

/// Where it is, and how we come there.
pub(super) struct Peer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// What is said about us: `Basic …`, `Bearer …`.
    pub(super) authorization: Option<String>,
    pub(super) names: Names,
    pub(super) line: Rc<Line>,
    pub(super) runtime: Runtime,
}

/// A request that waits to be sent: method, URL, headers, body.
type Unsent = (Method, String, Vec<(String, String)>, Vec<u8>);

/// A request and its answer.
struct Exchange {
    peer: Rc<Peer>,
    request: Option<Unsent>,
    answer: Option<Incoming>,
    /// Nothing of the answer was read yet.
    is_new: bool,
}

type Shared = Rc<RefCell<Exchange>>;

/// The headers of an answer, a line each. A request is sent when they, or the body, are first read.
pub(super) struct Headers(Shared, Option<Cursor<Vec<u8>>>);

/// The body of an answer.
pub(super) struct Body(Shared, Bytes);

/// The body of a request: a list of names of objects, which fits into memory.
pub(super) struct Posted(Shared);

impl Client {
    pub(super) fn new(peer: Peer) -> Self {
        Self(Rc::new(peer))
    }

    fn exchange(
        &self,
        method: Method,
        url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Shared {
        let pair =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        let headers = headers.into_iter().filter_map(|it| pair(it.as_ref())).collect();
        let request = Some((method, url.to_owned(), headers, Vec::new()));
        Rc::new(RefCell::new(Exchange { peer: Rc::clone(&self.0), request, answer: None, is_new: true }))
    }
}

impl Http for Client {
    type Headers = Headers;
    type ResponseBody = Body;
    type PostBody = Posted;

    fn get(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Headers, Body>> {
        let exchange = self.exchange(Method::GET, url, headers);
        Ok(GetResponse { headers: Headers(Rc::clone(&exchange), None), body: Body(exchange, Bytes::new()) })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _body: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Headers, Body, Posted>> {
        let exchange = self.exchange(Method::POST, url, headers);
        Ok(PostResponse {
            post_body: Posted(Rc::clone(&exchange)),
            headers: Headers(Rc::clone(&exchange), None),
            body: Body(exchange, Bytes::new()),
        })
    }

    fn configure(&mut self, _config: &dyn std::any::Any) -> gix::Result {
        Ok(())
    }
}

impl Exchange {
    /// Sends the request where that was not done, and gives the headers of the answer, once.
    fn send(&mut self) -> io::Result<Vec<u8>> {
        let Some((method, url, headers, body)) = self.request.take() else { return Ok(Vec::new()) };
        let peer = Rc::clone(&self.peer);
        let line = &peer.line;
        let sent = || -> Result<Response<Incoming>, Error> {
            let request = peer.request(&method, &url, headers, body)?;
            let wait = line.may_wait()?;
            peer.runtime.block_on(async {
                tokio::select! {
                    answer = peer.ask(request, wait) => answer,
                    error = line.give_way() => Err(error),
                }
            })
        };
        let answer = sent().and_then(|it| peer.accepted(it)).map_err(|error| line.fail(error))?;
        let (head, body) = answer.into_parts();
        self.answer = Some(body);
        let mut text = Vec::new();
        for (name, value) in &head.headers {
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value.as_bytes());
            text.push(b'\n');
        }
        Ok(text)
    }

    /// The next piece of the body; empty at its end.
    fn piece(&mut self) -> io::Result<Bytes> {
        self.send()?;
        let peer = Rc::clone(&self.peer);
        let line = &peer.line;
        let Some(body) = self.answer.as_mut() else { return Ok(Bytes::new()) };
        let mut next = || -> Result<Bytes, Error> {
            loop {
                let wait = line.may_wait()?;
                let frame = peer.runtime.block_on(async {
                    tokio::select! {
                        frame = timeout(wait, body.frame()) => {
                            frame.map_err(|_| line.stalled("nothing comes".into(), wait))
                        }
                        error = line.give_way() => Err(error),
                    }
                })?;
                let Some(frame) = frame else { return Ok(Bytes::new()) };
                let broken = |error: hyper::Error| {
                    Error::Network(Trouble::Failing { url: line.url.clone(), why: words(&error) })
                };
                // What is no data is a trailer, which nobody asked for.
                let Ok(bytes) = frame.map_err(broken)?.into_data() else { continue };
                line.took(bytes.len())?;
                if bytes.is_empty() {
                    continue;
                }
                if std::mem::take(&mut self.is_new)
                    && let Some(why) = refusal(&bytes)
                {
                    return Err(Error::Network(Trouble::Answer { url: line.url.clone(), why }));
                }
                return Ok(bytes);
            }
        };
        let piece = next().map_err(|error| line.fail(error))?;
        if piece.is_empty() {
            self.answer = None;
        }
        Ok(piece)
    }
}

/// What a server says instead of an answer, which the library would take for one (gitprotocol-pack, `error-line`).
fn refusal(first: &[u8]) -> Option<String> {
    let told = first.get(4..)?.strip_prefix(b"ERR ")?;
    let told = told.split(|it| *it == b'\n').next().unwrap_or_default();
    Some(String::from_utf8_lossy(told).chars().filter(|it| !it.is_control()).take(400).collect())
}

impl Peer {
    fn request(
        &self,
        method: &Method,
        url: &str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let answer = |why: &dyn ToString| {
            Error::Network(Trouble::Answer { url: self.line.url.clone(), why: why.to_string() })
        };
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| answer(&error))?;
        let path = uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
        let host = uri.authority().map(|it| it.as_str().to_owned()).unwrap_or_default();
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, host);
        for (name, value) in headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("user-agent")) {
            request = request.header(name, value);
        }
        // Servers tell Git from browsers by how it begins.
        request = request.header(header::USER_AGENT, concat!("git/airlock-", env!("CARGO_PKG_VERSION")));
        request = request.header(header::CONNECTION, "close");
        if let Some(authorization) = &self.authorization {
            let mut value: http::HeaderValue =
                authorization.parse().map_err(|_| answer(&"the credentials fit no header"))?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        request.body(Full::new(body.into())).map_err(|error| answer(&error))
    }

    /// Connects, asks, and waits for the head of the answer.
    async fn ask(
        &self,
        request: Request<Full<Bytes>>,
        wait: std::time::Duration,
    ) -> Result<Response<Incoming>, Error> {
        let line = &self.line;
        let connect = line.patience.connect;
        let late = |_| {
            Error::Network(Trouble::Unreachable {
                url: line.url.clone(),
                why: format!("no connection within {} s", connect.as_secs()),
            })
        };
        let stream = timeout(connect, self.connect()).await.map_err(late)??;
        let failing = |error: hyper::Error| {
            Error::Network(Trouble::Failing { url: line.url.clone(), why: words(&error) })
        };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failing)?;
        // It ends with the answer, or with the runtime.
        tokio::spawn(connection);
        let answer = timeout(wait, sender.send_request(request)).await;
        answer.map_err(|_| line.stalled("no answer begins".into(), wait))?.map_err(failing)
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, Error> {
        let url = || self.line.url.clone();
        let unreachable = |why: String| Error::Network(Trouble::Unreachable { url: url(), why });
        let addresses: Vec<std::net::IpAddr> = match self.host.parse() {
            Ok(address) => vec![address],
            Err(_) => {
                let name = self.host.parse().map_err(|_| unreachable("its host has no name".into()))?;
                let found = self.names.resolve(name).await.map_err(|error| unreachable(chain(&*error)))?;
                found.map(|it| it.ip()).collect()
            }
        };
        let mut refused = unreachable("its name has no address".into());
        for address in addresses {
            match TcpStream::connect((address, self.port)).await {
                Ok(stream) => return self.secure(stream).await,
                Err(error) => refused = unreachable(format!("{address}: {error}")),
            }
        }
        Err(refused)
    }

    async fn secure(&self, stream: TcpStream) -> Result<Box<dyn Stream>, Error> {
        let _ = stream.set_nodelay(true);
        let Some(config) = &self.tls else { return Ok(Box::new(stream)) };
        let untrusted = |why: String| Error::Network(Trouble::Untrusted { url: self.line.url.clone(), why });
        let name = ServerName::try_from(self.host.clone()).map_err(|error| untrusted(error.to_string()))?;
        match TlsConnector::from(Arc::clone(config)).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(untrusted(error.to_string())),
        }
    }

    /// Takes only the one status that has an answer of Git's in it.
    fn accepted(&self, answer: Response<Incoming>) -> Result<Response<Incoming>, Error> {
        let (url, status) = (self.line.url.clone(), answer.status());
        match status {
            StatusCode::OK => Ok(answer),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let why = match &self.authorization {
                    None => format!("it asks who we are ({status}), and no credentials are named"),
                    Some(_) => format!("it does not take the credentials ({status})"),
                };
                Err(Error::Network(Trouble::Credentials { url, why }))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Err(Error::Network(Trouble::Missing { url, what: format!("that repository ({status})") }))
            }
            status if status.is_redirection() => {
                let to = answer.headers().get(header::LOCATION).and_then(|it| it.to_str().ok());
                let to = to.unwrap_or("nowhere").chars().filter(|it| !it.is_control()).take(400).collect();
                Err(Error::Network(Trouble::Redirect { url, to }))
            }
            StatusCode::TOO_MANY_REQUESTS => Err(Error::Network(Trouble::Failing {
                url,
                why: format!("it is asked too often ({status})"),
            })),
            status if status.is_server_error() => {
                Err(Error::Network(Trouble::Failing { url, why: status.to_string() }))
            }
            status => Err(Error::Network(Trouble::Answer { url, why: status.to_string() })),
        }
    }
}

/// An error with what lies behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let told = source.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        next = source.source();
    }
    text
}

fn words(error: &hyper::Error) -> String {
    chain(error)
}

impl Read for Headers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Headers {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.1.is_none() {
            self.1 = Some(Cursor::new(self.0.borrow_mut().send()?));
        }
        match &mut self.1 {
            Some(text) => text.fill_buf(),
            None => Ok(&[]),
        }
    }

    fn consume(&mut self, count: usize) {
        if let Some(text) = &mut self.1 {
            text.consume(count);
        }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.1.is_empty() {
            self.1 = self.0.borrow_mut().piece()?;
        }
        Ok(&self.1)
    }

    fn consume(&mut self, count: usize) {
        let _ = self.1.split_to(count.min(self.1.len()));
    }
}

impl Write for Posted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut exchange = self.0.borrow_mut();
        let Some((.., body)) = &mut exchange.request else {
            return Err(io::Error::other("the request was sent already"));
        };
        if body.len() + bytes.len() > limits::GIT_QUESTION_BYTES {
            return Err(io::Error::other("the request is larger than any of ours"));
        }
        body.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
