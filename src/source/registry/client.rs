mod authorize;

use std::{error::Error as StdError, future::Future, io, sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, IF_NONE_MATCH, LOCATION, RANGE},
};
use reqwest::{Response, Url, redirect};
use serde::Deserialize;

use self::authorize::read_credentials;
use super::{Credentials, Error, Names, Place, blob::Blob, tls};
use crate::{
    digest::Digest,
    limits, oci,
    source::Trouble,
    source::{GaveWay, GiveWay, Hosts, Spec},
};

/// How long a registry is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection, its handshake included.
    pub connect: Duration,
    /// For an answer to begin, and in every pause of it.
    pub pause: Duration,
    /// For a small document as a whole.
    pub document: Duration,
    /// Over how long its rate is taken.
    pub window: Duration,
    /// What has to come in that time.
    pub window_bytes: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: limits::CONNECT,
            pause: limits::SERVER_PAUSE,
            document: limits::SERVER_DOCUMENT,
            window: limits::SERVER_WINDOW,
            window_bytes: limits::SERVER_WINDOW_BYTES,
        }
    }
}

/// A document that a registry gave for a tag or a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// What its bytes come to.
    pub digest: Digest,
    /// What the registry says that it is.
    pub media_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// One repository of a registry.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    runtime: tokio::runtime::Handle,
    /// `https://host/v2/path/`
    base: Url,
    url: String,
    credentials: Option<Credentials>,
    hosts: Hosts,
    pub(super) patience: Patience,
    pub(super) give_way: GiveWay,
    /// What the registry was shown last, and let us in for.
    authorization: tokio::sync::Mutex<Option<HeaderValue>>,
}

/// The documents that a repository may have under a name.
const DOCUMENTS: [&str; 4] = [
    oci::media_type::MANIFEST,
    oci::media_type::INDEX,
    oci::media_type::DOCKER_MANIFEST,
    oci::media_type::DOCKER_LIST,
];

impl Client {
    /// Makes ready to ask: reads credentials, authorities, and where names are found. To be called within a runtime.
    ///
    /// # Errors
    /// When one of the files cannot be used.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn open(place: &Place, spec: &Spec, give_way: &GiveWay) -> Result<Self, Error> {
        let patience = spec.patience;
        // This machine needs no certificate to be itself; where an authority is named, it has one.
        let plain = spec.plain_http || (place.is_loopback() && spec.ca.is_none());
        let scheme = if plain { "http" } else { "https" };
        let url = place.to_string();
        let base = Url::parse(&format!("{scheme}://{}/v2/{}/", place.host(), place.path()));
        let base = base
            .map_err(|error| Error::Network(Trouble::Answer { url: url.clone(), why: error.to_string() }))?;
        let unusable = |path: &str, why: String| {
            Error::Network(Trouble::File {
                path: path.into(),
                why,
                fix: "names of hosts are found by /etc/hosts and /etc/resolv.conf".into(),
            })
        };
        let names = Names::of_host().map_err(|error| unusable("/etc/resolv.conf", error.to_string()))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(spec.ca.as_deref())?)
            .dns_resolver(names)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(patience.connect)
            .user_agent(concat!("airlock/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| unusable("the HTTP client", deepest(&error)))?;
        let credentials = match &spec.credentials {
            None => None,
            Some(path) => read_credentials(path, place)?,
        };
        Ok(Self {
            http,
            runtime: tokio::runtime::Handle::current(),
            base,
            url,
            credentials,
            hosts: spec.hosts.clone(),
            patience,
            give_way: give_way.clone(),
            authorization: tokio::sync::Mutex::default(),
        })
    }

    /// How people call it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks for the document with that tag or digest, and blocks. None where the registry still has the `known` one.
    ///
    /// # Errors
    /// When there is no answer in time, it is too large, or it is not the `expected` one.
    pub fn manifest(
        &self,
        reference: &str,
        expected: Option<Digest>,
        known: Option<&str>,
    ) -> Result<Option<Fetched>, Error> {
        self.wait(async {
            let mut headers = HeaderMap::new();
            for kind in DOCUMENTS {
                headers.append(ACCEPT, HeaderValue::from_static(kind));
            }
            if let Some(known) = known.and_then(|it| HeaderValue::from_str(&format!("\"{it}\"")).ok()) {
                headers.insert(IF_NONE_MATCH, known);
            }
            let what = format!("manifest `{reference}`");
            let response = self.ask(&format!("manifests/{reference}"), headers, &what).await?;
            // What was not asked for conditionally cannot be unchanged.
            if response.status() == StatusCode::NOT_MODIFIED && known.is_some() {
                return Ok(None);
            }
            let response = self.expect(response, &[StatusCode::OK], &what).await?;
            let media_type =
                header(&response, CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_owned();
            let bytes = self.collect(response, &what, limits::OCI_DOCUMENT_BYTES).await?;
            let digest = Digest::of(&bytes);
            if let Some(expected) = expected.filter(|it| *it != digest) {
                return Err(Error::Tampered { url: self.url.clone(), expected, found: digest });
            }
            Ok(Some(Fetched { digest, media_type, bytes }))
        })
    }

    /// Asks for a small blob as a whole, and blocks.
    ///
    /// # Errors
    /// When there is no answer in time, or it is another one.
    pub fn document(&self, digest: Digest, size: u64) -> Result<Vec<u8>, Error> {
        self.wait(async {
            let what = format!("blob {digest}");
            let response = self.ask(&format!("blobs/{digest}"), HeaderMap::new(), &what).await?;
            let response = self.expect(response, &[StatusCode::OK], &what).await?;
            let bytes = self.collect(response, &what, size).await?;
            if (bytes.len() as u64) < size {
                return Err(Error::Short { url: self.url.clone(), what, size, found: bytes.len() as u64 });
            }
            match Digest::of(&bytes) {
                found if found == digest => Ok(bytes),
                found => Err(Error::Tampered { url: self.url.clone(), expected: digest, found }),
            }
        })
    }

    /// A blob from some place in it, fetched as it is read: no more of it than it has, and not held against its digest.
    pub fn reader(client: &Arc<Self>, digest: Digest, size: u64, at: u64) -> Box<dyn io::Read + Send> {
        Box::new(Blob::new(Arc::clone(client), digest, size, at))
    }

    /// Asks for a blob from some place in it; also how many bytes of the answer come before that place, where the
    /// registry begins at its own.
    pub(super) async fn blob(&self, digest: Digest, size: u64, at: u64) -> Result<(Response, u64), Error> {
        let what = format!("blob {digest}");
        let mut headers = HeaderMap::new();
        if at > 0 {
            let range = HeaderValue::from_str(&format!("bytes={at}-"));
            headers.extend(range.ok().map(|it| (RANGE, it)));
        }
        let response = self.ask(&format!("blobs/{digest}"), headers, &what).await?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            return Err(Error::Short { url: self.url.clone(), what, size, found: at });
        }
        let response = self.expect(response, &[StatusCode::OK, StatusCode::PARTIAL_CONTENT], &what).await?;
        let skip = match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = header(&response, http::header::CONTENT_RANGE);
                if !range.starts_with(&format!("bytes {at}-")) {
                    let why =
                        format!("asked for {what} from byte {at}, it sends `{}`", words(range.as_bytes()));
                    return Err(self.answer(why));
                }
                0
            }
            _ => at,
        };
        let expected = size.saturating_sub(at).saturating_add(skip);
        match header(&response, CONTENT_LENGTH).parse::<u64>() {
            Ok(found) if found > expected => {
                Err(Error::Network(Trouble::TooLarge { url: self.url.clone(), what, limit: size }))
            }
            Ok(found) if found < expected => Err(Error::Short {
                url: self.url.clone(),
                what,
                size,
                found: size.saturating_sub(expected - found),
            }),
            _ => Ok((response, skip)),
        }
    }

    /// Waits for an answer on this thread, as long as nothing else wants what it holds.
    pub(super) fn wait<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.runtime.block_on(async {
            tokio::select! {
                answer = answer => answer,
                () = self.give_way.asked() => Err(self.gave_way()),
            }
        })
    }

    pub(super) fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    pub(super) fn gave_way(&self) -> Error {
        GaveWay { url: self.url.clone() }.into()
    }

    pub(super) fn answer(&self, why: impl Into<String>) -> Error {
        Error::Network(Trouble::Answer { url: self.url.clone(), why: why.into() })
    }

    pub(super) fn stalled(&self, what: impl Into<String>, within: Duration) -> Error {
        Error::Network(Trouble::Stalled { url: self.url.clone(), what: what.into(), within })
    }

    /// One request, shown who asks and followed to where it is sent, until something answers.
    async fn ask(&self, path: &str, headers: HeaderMap, what: &str) -> Result<Response, Error> {
        let mut target = self.base.join(path).map_err(|error| self.answer(error.to_string()))?;
        let (mut sent_on, mut shown) = (0, false);
        loop {
            let mut headers = headers.clone();
            let home = self.is_home(&target);
            if home && let Some(authorization) = self.authorization.lock().await.clone() {
                headers.insert(AUTHORIZATION, authorization);
            }
            let response = self.send(target.clone(), headers, what).await?;
            match response.status() {
                StatusCode::UNAUTHORIZED if home && !shown => {
                    shown = true;
                    self.authorize(&response).await?;
                }
                status if status.is_redirection() && status != StatusCode::NOT_MODIFIED => {
                    sent_on += 1;
                    if sent_on > limits::REDIRECTS {
                        return Err(self.answer(format!("it sends {what} on and on")));
                    }
                    let place = header(&response, LOCATION);
                    target = target.join(&place).map_err(|_| {
                        self.answer(format!("it sends {what} on to `{}`", words(place.as_bytes())))
                    })?;
                    self.check(&target)?;
                }
                _ => return Ok(response),
            }
        }
    }

    async fn send(&self, target: Url, headers: HeaderMap, what: &str) -> Result<Response, Error> {
        let sent = self.http.get(target).headers(headers).send();
        // The connection has its own time, and says so itself.
        let limit = self.patience.connect.saturating_add(self.patience.pause);
        match tokio::time::timeout(limit, sent).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.broken(&error)),
            Err(_) => Err(self.stalled(format!("no answer about {what} came"), limit)),
        }
    }

    /// What a request or an answer broke with. What lies deepest says why: "connection refused" rather than "client error".
    pub(super) fn broken(&self, error: &reqwest::Error) -> Error {
        let (url, why) = (self.url.clone(), deepest(error));
        if why.starts_with("invalid peer certificate") {
            return Error::Network(Trouble::Untrusted { url, why });
        }
        if error.is_timeout() {
            let why = format!("no connection within {} s", self.patience.connect.as_secs());
            return Error::Network(Trouble::Unreachable { url, why });
        }
        Error::Network(Trouble::Unreachable { url, why })
    }

    /// An answer with one of these codes, or what the registry says instead.
    async fn expect(&self, response: Response, codes: &[StatusCode], what: &str) -> Result<Response, Error> {
        let status = response.status();
        if codes.contains(&status) {
            return Ok(response);
        }
        let told = self.told(response).await;
        let url = self.url.clone();
        let why = format!("{told} (HTTP {})", status.as_u16());
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Error::Network(Trouble::Credentials { url, why })
            }
            StatusCode::NOT_FOUND => Error::Network(Trouble::Missing { url, what: what.to_owned() }),
            StatusCode::TOO_MANY_REQUESTS => Error::Network(Trouble::Failing { url, why }),
            status if status.is_server_error() => Error::Network(Trouble::Failing { url, why }),
            _ => Error::Network(Trouble::Answer { url, why }),
        })
    }

    /// What a registry says about what went wrong, as far as it says it shortly.
    async fn told(&self, response: Response) -> String {
        #[derive(Deserialize)]
        struct Told {
            errors: Vec<One>,
        }
        #[derive(Deserialize)]
        struct One {
            #[serde(default)]
            code: String,
            #[serde(default)]
            message: String,
        }
        let reason = response.status().canonical_reason().unwrap_or("no reason").to_lowercase();
        let bytes =
            self.collect(response, "its reasons", limits::SERVER_WORDS_BYTES).await.unwrap_or_default();
        let told = serde_json::from_slice::<Told>(&bytes).ok().and_then(|it| it.errors.into_iter().next());
        let told =
            told.map(|it| if it.message.is_empty() { it.code } else { it.message }).unwrap_or_default();
        if told.is_empty() { reason } else { words(told.as_bytes()) }
    }

    /// The whole of an answer, which may have at most so many bytes.
    async fn collect(&self, mut response: Response, what: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let too_large =
            || Error::Network(Trouble::TooLarge { url: self.url.clone(), what: what.to_owned(), limit });
        if header(&response, CONTENT_LENGTH).parse::<u64>().is_ok_and(|it| it > limit) {
            return Err(too_large());
        }
        let whole = async {
            let mut bytes = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
                if (bytes.len() as u64).saturating_add(chunk.len() as u64) > limit {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        };
        let late = |_| Err(self.stalled(format!("{what} did not come"), self.patience.document));
        tokio::time::timeout(self.patience.document, whole).await.unwrap_or_else(late)
    }
}

fn header(response: &Response, name: http::HeaderName) -> String {
    response.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned()
}

/// A stranger's words, fit to be shown: short, and without what moves a cursor.
fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(200).collect()
}

/// What lies deepest in an error, and says why.
fn deepest(error: &dyn StdError) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    words(deepest.to_string().as_bytes())
}
