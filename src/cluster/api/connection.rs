//! One request and its answer: as whoever we are, in time, and within bounds.

use std::{
    error::Error as StdError,
    time::{Duration, Instant},
};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::BodyExt as _;
use hyper_timeout::TimeoutConnector;
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioExecutor};
use kube::{
    Config,
    client::{Body, Client, ClientBuilder, ConfigExt as _},
};
use serde_json::{Value, json};
use tower::{BoxError, ServiceBuilder};

use super::{
    JSON,
    access::{Access, AccessError, Stamps},
    awake::{Awake, Mark},
    malformed,
    stream::Lines,
};
use crate::{
    cluster::{Error, groups},
    render::ServiceAccount,
};

/// How long is waited, and how much is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection, its handshake included.
    pub connect: Duration,
    /// For an answer that changes nothing.
    pub read: Duration,
    /// For a write: a little longer than the server itself works at one (60 s, `--request-timeout`), so that it says how it ended.
    pub write: Duration,
    /// For a sign of life in a watch. The server sends a bookmark every minute.
    pub idle: Duration,
    /// The bytes of one answer: a page of a hundred objects that are as large as etcd takes them.
    pub answer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(10),
            read: seconds(30),
            write: seconds(65),
            idle: seconds(180),
            answer: 192 << 20,
        }
    }
}

/// How often the files that credentials come from are looked at, at most.
const LOOK: Duration = Duration::from_secs(1);

/// How long a connection that nobody uses is kept: less than a server keeps it (90 s), so that no request meets its end.
const IDLE: Duration = Duration::from_secs(30);

/// What is kept of an answer that is no `Status`.
const WORDS: usize = 512;

/// A request to be made.
#[derive(Debug)]
pub(super) struct Call {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
    /// When it was decided on, where it changes something.
    decided: Option<Mark>,
    /// Whose rights count; the credentials' own without.
    pub(super) account: Option<ServiceAccount>,
}

impl Call {
    fn new(method: Method, target: String, decided: Option<Mark>) -> Self {
        let (headers, body) = (HeaderMap::new(), Vec::new());
        Self { method, target, headers, body, decided, account: None }
            .header(ACCEPT, JSON)
            .header(CONTENT_TYPE, JSON)
    }

    pub(super) fn get(target: String) -> Self {
        Self::new(Method::GET, target, None)
    }

    /// One that changes something, and is not sent if the process stood still since `decided`.
    pub(super) fn write(decided: Mark, method: Method, target: String) -> Self {
        Self::new(method, target, Some(decided))
    }

    pub(super) fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub(super) fn accepting(self, kinds: &'static str) -> Self {
        self.header(ACCEPT, kinds)
    }

    /// With the digest of what we have already.
    pub(super) fn unless(mut self, etag: Option<HeaderValue>) -> Self {
        if let Some(etag) = etag {
            self.headers.insert(http::header::IF_NONE_MATCH, etag);
        }
        self
    }

    pub(super) fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    fn into_request(mut self) -> Result<Request<Body>, Error> {
        if let Some(account) = &self.account {
            let user = format!("system:serviceaccount:{}:{}", account.namespace, account.name);
            let value = |text: &str| HeaderValue::from_str(text).map_err(malformed);
            self.headers.insert("impersonate-user", value(&user)?);
            for group in groups(account) {
                self.headers.append("impersonate-group", value(&group)?);
            }
        }
        let mut request = Request::builder().method(self.method).uri(self.target);
        if let Some(headers) = request.headers_mut() {
            *headers = self.headers;
        }
        request.body(Body::from(self.body)).map_err(malformed)
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: StatusCode,
    pub(super) headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Answer {
    /// Whether nothing at all is served at that path: then it is not a `Status` that says so.
    pub(super) fn is_unknown_path(&self) -> bool {
        self.code == StatusCode::NOT_FOUND && self.status().is_none()
    }

    /// The document that was asked for.
    ///
    /// # Errors
    /// What the server says instead.
    pub(super) fn into_object(self) -> Result<Value, Error> {
        if self.code.is_success() {
            return serde_json::from_slice(&self.bytes).map_err(malformed);
        }
        Err(self.into_error())
    }

    fn status(&self) -> Option<Value> {
        let value: Value = serde_json::from_slice(&self.bytes).ok()?;
        (value.get("kind").and_then(Value::as_str) == Some("Status")).then_some(value)
    }

    pub(super) fn into_error(self) -> Error {
        let seconds = self.headers.get(RETRY_AFTER).and_then(|it| it.to_str().ok()?.trim().parse().ok());
        let status = self.status().unwrap_or_else(|| {
            // A proxy before the server, or the server before it knows who asks: the code is all that can be relied on.
            let text = String::from_utf8_lossy(self.bytes.get(..WORDS).unwrap_or(&self.bytes));
            let words = [text.trim(), self.code.canonical_reason().unwrap_or("no reason")];
            let words = words.into_iter().find(|it| !it.is_empty()).unwrap_or_default();
            json!({"code": self.code.as_u16(), "message": format!("{words} (HTTP {})", self.code.as_u16())})
        });
        Error::from_status(&status, seconds.map(Duration::from_secs))
    }
}

/// The connections to one server, made anew when the credentials change.
pub(super) struct Connection {
    access: Access,
    limits: Limits,
    state: tokio::sync::Mutex<State>,
}

struct State {
    client: Option<(Client, String)>,
    stamps: Stamps,
    looked: Option<Instant>,
}

impl Connection {
    pub(super) fn new(access: Access, limits: Limits) -> Self {
        let stamps = access.stamps();
        Self { access, limits, state: tokio::sync::Mutex::new(State { client: None, stamps, looked: None }) }
    }

    /// One request, and the whole of its answer, whatever it says.
    ///
    /// # Errors
    /// When there is none in time.
    pub(super) async fn ask(&self, call: Call) -> Result<Answer, Error> {
        let limit = if call.decided.is_none() { self.limits.read } else { self.limits.write };
        let (client, server) = self.client().await?;
        if let Err(stood_still) = call.decided.map_or(Ok(()), Mark::check) {
            return Err(Error::Unavailable { reason: stood_still.to_string(), status: None, source: None });
        }
        let whole = async {
            let response = send(&client, &server, call.into_request()?).await?;
            self.collect(&server, response).await
        };
        tokio::time::timeout(limit, whole).await.unwrap_or_else(|_| Err(silent(&server, limit)))
    }

    /// A request whose answer goes on: its lines, or what it says instead.
    ///
    /// # Errors
    /// When it does not begin in time.
    pub(super) async fn open(&self, call: Call) -> Result<Result<Lines, Answer>, Error> {
        let (client, server) = self.client().await?;
        let limit = self.limits.read;
        let begun = async {
            let response = send(&client, &server, call.into_request()?).await?;
            if response.status().is_success() {
                return Ok(Ok(Lines::new(response.into_body(), self.limits.idle)));
            }
            self.collect(&server, response).await.map(Err)
        };
        tokio::time::timeout(limit, begun).await.unwrap_or_else(|_| Err(silent(&server, limit)))
    }

    async fn collect(&self, server: &str, response: Response<Body>) -> Result<Answer, Error> {
        let (parts, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| unreachable(server, error))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > self.limits.answer {
                let text = format!("more than {} MiB in one answer", self.limits.answer >> 20);
                return Err(Error::Malformed(text));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Answer { code: parts.status, headers: parts.headers, bytes })
    }

    /// The client for the credentials as they are now. Credentials that cannot be read do not end what works with the old ones.
    async fn client(&self) -> Result<(Client, String), Error> {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        let fresh = state.looked.is_some_and(|it| now.saturating_duration_since(it) < LOOK);
        if let Some(client) = &state.client
            && (fresh || state.stamps.still_hold())
        {
            let client = client.clone();
            if !fresh {
                state.looked = Some(now);
            }
            return Ok(client);
        }
        state.looked = Some(now);
        let (stamps, config) = self.access.load().await;
        // What could not be used is not looked at again before it is another, as long as the old does.
        state.stamps = stamps;
        match config.and_then(|config| self.connect(config)) {
            Ok(client) => {
                state.client = Some(client.clone());
                Ok(client)
            }
            Err(error) => match &state.client {
                Some(client) => {
                    tracing::warn!("{}; the credentials from before are used", chain(&error));
                    Ok(client.clone())
                }
                None => Err(error.into()),
            },
        }
    }

    fn connect(&self, config: Config) -> Result<(Client, String), AccessError> {
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client = self.build(&config).map_err(|error| self.access.unusable(error))?;
        Ok((client, server))
    }

    /// As kube builds its clients, over connections of our own, and without its retries: whether and when a request is made again is
    /// its callers' decision.
    fn build(&self, config: &Config) -> Result<Client, kube::Error> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // A watch is silent for a minute; whole requests have limits of their own here.
        let mut tls = TimeoutConnector::new(config.rustls_https_connector_with_connector(Awake(tcp))?);
        tls.set_connect_timeout(Some(self.limits.connect));
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .retry_canceled_requests(false)
            .pool_idle_timeout(IDLE)
            .build::<_, Body>(tls);
        let service = ServiceBuilder::new()
            .layer(config.base_uri_layer())
            .option_layer(config.auth_layer()?)
            .layer(config.extra_headers_layer()?)
            .map_err(BoxError::from)
            .service(http);
        Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
    }
}

async fn send(client: &Client, server: &str, request: Request<Body>) -> Result<Response<Body>, Error> {
    client.send(request).await.map_err(|error| unreachable(server, error))
}

fn silent(server: &str, limit: Duration) -> Error {
    let reason = format!("{server} does not answer within {} s", limit.as_secs());
    Error::Unavailable { reason, status: None, source: None }
}

/// No answer came. What lies deepest says why: "connection refused" rather than "client error".
fn unreachable(server: &str, error: kube::Error) -> Error {
    let mut deepest: &dyn StdError = &error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let why = deepest.to_string();
    if why.starts_with("invalid peer certificate") {
        return Error::Untrusted { server: server.to_owned(), why };
    }
    Error::Unavailable { reason: format!("{server}: {why}"), status: None, source: Some(Box::new(error)) }
}

/// An error and all that it follows from, in one line.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        // Some repeat what they follow from.
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = error.source();
    }
    text
}
