//! Who asks: shown to the registry, and to the server of tokens that it names, where that may be.

use std::{io::Read as _, path::Path};

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use reqwest::{Response, Url};
use serde::Deserialize;

use super::{
    super::{Credentials, Error, Place, challenge::Challenge, credentials},
    Client, words,
};
use crate::{limits, source::Hosts, source::Trouble};

impl Client {
    /// Whether a target is the registry itself, which alone is shown who asks.
    pub(super) fn is_home(&self, target: &Url) -> bool {
        target.origin() == self.base.origin()
    }

    /// Holds a place that the registry names against those that it may.
    pub(super) fn check(&self, target: &Url) -> Result<(), Error> {
        let host = target.host_str().unwrap_or_default();
        let named = match target.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        // Where the registry itself is asked without TLS, its neighbours are no better.
        let safe = target.scheme() == "https" || (target.scheme() == "http" && self.base.scheme() == "http");
        let known = self.is_home(target)
            || match &self.hosts {
                Hosts::Only(hosts) => hosts.iter().any(|it| *it == named || it == host),
                Hosts::AnyByTls => target.scheme() == "https",
            };
        let bare = target.username().is_empty() && target.password().is_none();
        if safe && known && bare {
            return Ok(());
        }
        let to = if safe { named } else { format!("{}://{named}", target.scheme()) };
        Err(Error::Network(Trouble::Redirect { url: self.url.clone(), to: words(to.as_bytes()) }))
    }

    /// Does what the registry asks for, and keeps what it is to be shown.
    pub(super) async fn authorize(&self, response: &Response) -> Result<(), Error> {
        let refused =
            |why: &str| Error::Network(Trouble::Credentials { url: self.url.clone(), why: why.to_owned() });
        let asked: Vec<&str> =
            response.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|it| it.to_str().ok()).collect();
        let challenge = Challenge::parse(&asked.join(", "));
        let value = match (challenge, &self.credentials) {
            (None, _) => return Err(refused("it asks for something that is neither a password nor a token")),
            (Some(_), Some(Credentials::Token(token))) => format!("Bearer {token}"),
            (Some(Challenge::Basic), Some(Credentials::Password { name, password })) => basic(name, password),
            (Some(Challenge::Basic), None) => {
                return Err(refused("it asks for a name and a password, and none are known for it"));
            }
            (Some(Challenge::Bearer { realm, service, scope }), password) => {
                format!("Bearer {}", self.token(&realm, service, scope, password.as_ref()).await?)
            }
        };
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| refused("what it is to be shown cannot stand in a header"))?;
        value.set_sensitive(true);
        *self.authorization.lock().await = Some(value);
        Ok(())
    }

    /// Fetches a token from the server that the registry names.
    async fn token(
        &self,
        realm: &str,
        service: Option<String>,
        scope: Option<String>,
        password: Option<&Credentials>,
    ) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
        }
        let what = "the token";
        let mut target = self
            .base
            .join(realm)
            .map_err(|_| self.answer(format!("its tokens are at `{}`", words(realm.as_bytes()))))?;
        self.check(&target)?;
        // A registry asks for what it likes; we ask for what we need.
        let path = self.base.path().trim_start_matches("/v2/").trim_end_matches('/');
        let pull = format!("repository:{path}:pull");
        let scope = scope.filter(|it| *it == pull).unwrap_or(pull);
        target
            .query_pairs_mut()
            .extend_pairs(service.iter().map(|it| ("service", it)))
            .append_pair("scope", &scope);
        let mut headers = HeaderMap::new();
        if let Some(Credentials::Password { name, password }) = password {
            let value = HeaderValue::from_str(&basic(name, password));
            headers.extend(value.ok().map(|it| (AUTHORIZATION, it)));
        }
        let response = self.send(target, headers, what).await?;
        let response = self.expect(response, &[StatusCode::OK], what).await?;
        let bytes = self.collect(response, what, limits::TOKEN_BYTES).await?;
        let answer: Answer =
            serde_json::from_slice(&bytes).map_err(|_| self.answer("its server of tokens gives none"))?;
        answer.token.or(answer.access_token).ok_or_else(|| self.answer("its server of tokens gives none"))
    }
}

/// What a docker configuration file has for a place.
pub(super) fn read_credentials(path: &Path, place: &Place) -> Result<Option<Credentials>, Error> {
    let wrong = |why: String| {
        Error::Network(Trouble::File {
        path: path.to_owned(),
        why,
        fix: "write it as docker's `config.json`: {\"auths\": {\"HOST\": {\"auth\": \"name:password in base64\"}}}".into(),
    })
    };
    let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(limits::CREDENTIALS_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(error.to_string()))?;
    if bytes.len() as u64 > limits::CREDENTIALS_BYTES {
        return Err(wrong("it is larger than any list of credentials".into()));
    }
    credentials::parse(&bytes, place.host(), place.path()).map_err(wrong)
}

fn basic(name: &str, password: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}
