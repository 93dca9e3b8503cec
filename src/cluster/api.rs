//! A real API server behind the port: over HTTP, by way of `kube`.
//!
//! ```text
//! access       which server, and who we are: a kubeconfig, or a pod's own credentials; read again when a file changes
//! awake        connections that end when their process stood still
//! connection   one request and its answer, in time and within bounds
//! path         where things are
//! discovery    what is served, remembered until something is missing
//! stream       watches, line by line
//! ```
//!
//! Of `kube` only the client is used (TLS, credentials). The requests are ours, since the port's promises are about them:
//! none is retried, each ends in time, a refusal keeps the server's own words, and metadata comes without `managedFields`, which
//! is most of it and of no use to a watch.

mod access;
mod awake;
mod connection;
mod discovery;
mod path;
mod stream;

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, header::CONTENT_TYPE};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::{
    awake::Mark,
    connection::{Answer, Call, Connection},
    discovery::Discovery,
    path::{Path, Query},
};
use super::{
    ApplyOptions, Cluster, CreateOptions, DeleteOptions, Error, ListOptions, Metadata, Reference, Resource,
    ResourceVersion, ServerVersion, UpdateOptions, Watch,
};
use crate::{
    object::{Gvk, Object},
    render::ServiceAccount,
};

pub use self::{
    access::{Access, AccessError},
    connection::Limits,
};

/// How many whole objects are asked for at once: none is larger than what etcd takes (1.5 MiB), so that a page has a bound.
const PAGE: usize = 100;

/// How many objects' metadata are asked for at once, as client-go's pager asks.
const METADATA_PAGE: usize = 500;

/// What an API server answers with when it is asked for metadata alone.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const JSON: &str = "application/json";

/// An API server. Clones are the same one, with the same connections.
#[derive(Clone)]
pub struct ApiServer {
    shared: Arc<Shared>,
    account: Option<ServiceAccount>,
}

struct Shared {
    connection: Connection,
    discovery: Discovery,
}

/// A list as it comes, typed or of metadata.
#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    metadata: ListMeta,
    #[serde(default)]
    items: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    rest: String,
}

impl ApiServer {
    /// A server and who we are to it. Nothing is asked yet: a kubeconfig that is not there, or cannot be used, is looked at again with
    /// each request, which ends in [`Error::Access`] until it can.
    pub fn new(access: Access) -> Self {
        Self::with_limits(access, Limits::default())
    }

    /// The same with other limits.
    pub fn with_limits(access: Access, limits: Limits) -> Self {
        let connection = Connection::new(access, limits);
        let shared = Shared { connection, discovery: Discovery::default() };
        Self { shared: Arc::new(shared), account: None }
    }

    /// One request, as whoever we are.
    async fn ask(&self, mut call: Call) -> Result<Answer, Error> {
        call.account.clone_from(&self.account);
        self.shared.connection.ask(call).await
    }

    /// One request about a kind.
    async fn ask_of(&self, gvk: &Gvk, call: Call) -> Result<Value, Error> {
        let answer = self.ask(call).await?;
        if answer.is_unknown_path() { Err(self.missed(gvk).await) } else { answer.into_object() }
    }

    /// Why a path is not there that discovery named: the kind has changed since it was looked up, or is about to be served.
    async fn missed(&self, gvk: &Gvk) -> Error {
        let refreshed = self.shared.discovery.refresh(&self.shared.connection).await;
        if let Err(error) = refreshed.and_then(|()| self.shared.discovery.known(gvk)) {
            return error;
        }
        let reason = format!("it has begun to serve {gvk}, and does not everywhere yet");
        Error::Unavailable { reason, status: None, source: None }
    }

    /// A request that answers with an object of this kind.
    async fn object(&self, gvk: &Gvk, call: Call) -> Result<Object, Error> {
        Object::new(self.ask_of(gvk, call).await?, "answer").map_err(malformed)
    }

    /// Where an object is.
    async fn at(&self, reference: &Reference) -> Result<Path, Error> {
        Path::object(&self.resource(&reference.gvk).await?, &reference.namespace, &reference.name)
    }

    /// Every page of a list, as one state: what changes between two pages is not seen. Where the server has forgotten that state
    /// meanwhile, the list begins anew in one piece, as client-go's does.
    async fn pages<T>(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
        (accept, page): (&'static str, usize),
        item: fn(&Gvk, Value) -> Result<T, Error>,
    ) -> Result<(Vec<T>, ResourceVersion), Error> {
        let resource = self.resource(gvk).await?;
        let path = Path::collection(&resource, options.namespace.as_deref())?;
        let (mut found, mut rest, mut page) = (Vec::new(), String::new(), Some(page));
        loop {
            let mut query = Query::default();
            query.set_if("labelSelector", &options.labels.to_string());
            query.set_if("fieldSelector", &options.field_selector());
            query.set_if("limit", &page.map(|it| it.to_string()).unwrap_or_default());
            query.set_if("continue", &rest);
            let call = Call::get(path.with(&query)).accepting(accept);
            let listed = match self.ask_of(gvk, call).await {
                Err(Error::Gone(_)) if !rest.is_empty() => {
                    (found, rest, page) = (Vec::new(), String::new(), None);
                    continue;
                }
                listed => serde_json::from_value::<Listed>(listed?).map_err(malformed)?,
            };
            for value in listed.items.unwrap_or_default() {
                found.push(item(gvk, value)?);
            }
            rest = listed.metadata.rest;
            if rest.is_empty() {
                return Ok((found, ResourceVersion(listed.metadata.resource_version)));
            }
        }
    }

    /// A write whose body is the object.
    async fn write(&self, object: &Object, call: Call) -> Result<Object, Error> {
        let body = serde_json::to_vec(object.fields()).map_err(malformed)?;
        self.object(object.gvk(), call.with_body(body)).await
    }

    async fn apply_to(&self, object: &Object, options: &ApplyOptions, part: &str) -> Result<Object, Error> {
        let decided = Mark::now();
        let path = self.at(&Reference::of(object)).await?.part(part);
        let mut query = writing(&options.field_manager, options.dry_run);
        query.set("force", if options.force { "true" } else { "false" });
        // JSON is YAML.
        let call = Call::write(decided, Method::PATCH, path.with(&query));
        self.write(object, call.header(CONTENT_TYPE, "application/apply-patch+yaml")).await
    }

    async fn replace(&self, object: &Object, options: &UpdateOptions, part: &str) -> Result<Object, Error> {
        let decided = Mark::now();
        let path = self.at(&Reference::of(object)).await?.part(part);
        let query = writing(&options.field_manager, options.dry_run);
        self.write(object, Call::write(decided, Method::PUT, path.with(&query))).await
    }
}

/// What every write says.
fn writing(field_manager: &str, dry_run: bool) -> Query {
    let mut query = Query::default();
    query.set("fieldManager", field_manager);
    if dry_run {
        query.set("dryRun", "All");
    }
    query
}

fn malformed(error: impl std::fmt::Display) -> Error {
    Error::Malformed(error.to_string())
}

/// An item of a list. Those of a typed list leave out what the list says of all.
fn listed_object(gvk: &Gvk, mut item: Value) -> Result<Object, Error> {
    if let Some(fields) = item.as_object_mut() {
        fields.entry("apiVersion").or_insert_with(|| gvk.api_version().into());
        fields.entry("kind").or_insert_with(|| gvk.kind.clone().into());
    }
    Object::new(item, "item").map_err(malformed)
}

/// The metadata of an item, without what a watch has no use for.
fn metadata(gvk: &Gvk, item: Value) -> Result<Metadata, Error> {
    let metadata = match item {
        Value::Object(mut fields) => fields.remove("metadata"),
        _ => None,
    };
    let mut metadata = metadata.unwrap_or_else(|| Value::Object(Map::new()));
    if let Some(fields) = metadata.as_object_mut() {
        fields.remove("managedFields");
    }
    Metadata::parse(gvk, metadata).map_err(malformed)
}

#[async_trait]
impl Cluster for ApiServer {
    async fn version(&self) -> Result<ServerVersion, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            major: String,
            minor: String,
            git_version: String,
        }
        let answer = self.ask(Call::get(Path::fixed("/version").with(&Query::default()))).await?;
        let Version { major, minor, git_version } =
            serde_json::from_value(answer.into_object()?).map_err(malformed)?;
        Ok(ServerVersion { major, minor, git_version })
    }

    async fn resources(&self) -> Result<Vec<Resource>, Error> {
        self.shared.discovery.refresh(&self.shared.connection).await?;
        Ok(self.shared.discovery.all())
    }

    async fn resource(&self, gvk: &Gvk) -> Result<Resource, Error> {
        if let Ok(resource) = self.shared.discovery.known(gvk) {
            return Ok(resource);
        }
        self.shared.discovery.refresh(&self.shared.connection).await?;
        self.shared.discovery.known(gvk)
    }

    fn impersonate(&self, account: &ServiceAccount) -> Arc<dyn Cluster> {
        Arc::new(Self { shared: Arc::clone(&self.shared), account: Some(account.clone()) })
    }

    async fn get(&self, reference: &Reference) -> Result<Object, Error> {
        let path = self.at(reference).await?;
        self.object(&reference.gvk, Call::get(path.with(&Query::default()))).await
    }

    async fn list(&self, gvk: &Gvk, options: &ListOptions) -> Result<(Vec<Object>, ResourceVersion), Error> {
        self.pages(gvk, options, (JSON, PAGE), listed_object).await
    }

    async fn list_metadata(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
    ) -> Result<(Vec<Metadata>, ResourceVersion), Error> {
        self.pages(gvk, options, (METADATA_LIST, METADATA_PAGE), metadata).await
    }

    async fn watch_metadata(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
        from: &ResourceVersion,
    ) -> Result<Watch, Error> {
        let resource = self.resource(gvk).await?;
        let path = Path::collection(&resource, options.namespace.as_deref())?;
        let mut query = Query::default();
        query.set("watch", "true");
        query.set("allowWatchBookmarks", "true");
        query.set("resourceVersion", &from.0);
        query.set("timeoutSeconds", &stream::lifetime(gvk).as_secs().to_string());
        query.set_if("labelSelector", &options.labels.to_string());
        query.set_if("fieldSelector", &options.field_selector());
        let mut call = Call::get(path.with(&query)).accepting(METADATA);
        call.account.clone_from(&self.account);
        let lines = match self.shared.connection.open(call).await? {
            Ok(lines) => lines,
            Err(answer) if answer.is_unknown_path() => return Err(self.missed(gvk).await),
            Err(answer) => return Err(answer.into_error()),
        };
        let (sender, watch) = Watch::channel();
        tokio::spawn(stream::tell(lines, gvk.clone(), sender));
        Ok(watch)
    }

    async fn apply(&self, object: &Object, options: &ApplyOptions) -> Result<Object, Error> {
        self.apply_to(object, options, "").await
    }

    async fn apply_status(&self, object: &Object, options: &ApplyOptions) -> Result<Object, Error> {
        self.apply_to(object, options, "status").await
    }

    async fn create(&self, object: &Object, options: &CreateOptions) -> Result<Object, Error> {
        let decided = Mark::now();
        let resource = self.resource(object.gvk()).await?;
        // The place is checked as for any other request, though a creation names it in the body alone.
        Path::object(&resource, object.namespace().unwrap_or(""), object.name())?;
        let path = Path::collection(&resource, object.namespace())?;
        let query = writing(&options.field_manager, options.dry_run);
        self.write(object, Call::write(decided, Method::POST, path.with(&query))).await
    }

    async fn update(&self, object: &Object, options: &UpdateOptions) -> Result<Object, Error> {
        self.replace(object, options, "").await
    }

    async fn update_status(&self, object: &Object, options: &UpdateOptions) -> Result<Object, Error> {
        self.replace(object, options, "status").await
    }

    async fn patch(
        &self,
        reference: &Reference,
        operations: &[Value],
        options: &UpdateOptions,
    ) -> Result<Object, Error> {
        let decided = Mark::now();
        let path = self.at(reference).await?;
        let query = writing(&options.field_manager, options.dry_run);
        let body = serde_json::to_vec(operations).map_err(malformed)?;
        let call = Call::write(decided, Method::PATCH, path.with(&query)).with_body(body);
        self.object(&reference.gvk, call.header(CONTENT_TYPE, "application/json-patch+json")).await
    }

    async fn delete(&self, reference: &Reference, options: &DeleteOptions) -> Result<(), Error> {
        let decided = Mark::now();
        let path = self.at(reference).await?;
        let mut body = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": options.propagation.as_str(),
            "preconditions": {
                "uid": options.preconditions.uid,
                "resourceVersion": options.preconditions.resource_version,
            },
        });
        if let (true, Some(fields)) = (options.dry_run, body.as_object_mut()) {
            fields.insert("dryRun".to_owned(), json!(["All"]));
        }
        let body = serde_json::to_vec(&body).map_err(malformed)?;
        let call = Call::write(decided, Method::DELETE, path.with(&Query::default())).with_body(body);
        self.ask_of(&reference.gvk, call).await.map(drop)
    }
}
