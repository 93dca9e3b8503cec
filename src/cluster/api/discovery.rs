//! What a server serves, from its aggregated discovery (Kubernetes 1.27 and newer).

use std::{collections::BTreeMap, sync::PoisonError};

use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, ETAG},
};
use serde::Deserialize;

use super::{
    connection::{Call, Connection},
    malformed,
    path::{Path, Query},
};
use crate::{
    cluster::{Error, Resource},
    object::Gvk,
};

/// What is asked for: the list of all groups with their versions and kinds at once.
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                      application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

/// The two roots below which everything is served.
const ROOTS: [&str; 2] = ["/api", "/apis"];

/// What was served when it was asked last.
#[derive(Default)]
pub(super) struct Discovery {
    kinds: std::sync::RwLock<BTreeMap<Gvk, Resource>>,
    /// One refresh at a time; for each root what it said last, and under which tag.
    roots: tokio::sync::Mutex<[Root; 2]>,
}

#[derive(Default)]
struct Root {
    etag: Option<HeaderValue>,
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: Name,
    #[serde(default)]
    versions: Vec<Version>,
}

/// The core group has no name.
#[derive(Default, Deserialize)]
struct Name {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    resource: String,
    #[serde(default)]
    response_kind: Option<Kind>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

impl Discovery {
    /// A kind that is known to be served.
    ///
    /// # Errors
    /// [`Error::NoMatch`] when it was not when the server was asked last.
    pub(super) fn known(&self, gvk: &Gvk) -> Result<Resource, Error> {
        let kinds = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
        kinds.get(gvk).cloned().ok_or_else(|| Error::NoMatch(gvk.clone()))
    }

    /// Everything that is known.
    pub(super) fn all(&self) -> Vec<Resource> {
        self.kinds.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Asks again. A server that has nothing new says so in a few bytes. Always asked with the credentials' own rights: what is served
    /// depends on nobody's.
    pub(super) async fn refresh(&self, connection: &Connection) -> Result<(), Error> {
        let mut roots = self.roots.lock().await;
        for (root, path) in roots.iter_mut().zip(ROOTS) {
            let call = Call::get(Path::fixed(path).with(&Query::default())).accepting(ACCEPT);
            let answer = connection.ask(call.unless(root.etag.clone())).await?;
            if answer.code == StatusCode::NOT_MODIFIED {
                continue;
            }
            let aggregated = answer.headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
            let aggregated = aggregated.is_some_and(|it| it.contains("as=APIGroupDiscoveryList"));
            let etag = answer.headers.get(ETAG).cloned();
            let document = answer.into_object()?;
            if !aggregated {
                let text = "a server older than Kubernetes 1.27, which does not tell all its kinds at once";
                return Err(Error::Malformed(text.to_owned()));
            }
            let groups: Groups = serde_json::from_value(document).map_err(malformed)?;
            *root = Root { etag, resources: resources(groups) };
        }
        let mut kinds = BTreeMap::new();
        for resource in roots.iter().flat_map(|it| &it.resources) {
            kinds.entry(resource.gvk.clone()).or_insert_with(|| resource.clone());
        }
        *self.kinds.write().unwrap_or_else(PoisonError::into_inner) = kinds;
        Ok(())
    }
}

fn resources(groups: Groups) -> Vec<Resource> {
    let mut found = Vec::new();
    for group in groups.items {
        for version in group.versions {
            for row in version.resources {
                // What has subresources alone has no kind of its own.
                let Some(kind) = row.response_kind else { continue };
                let (group, version) = (group.metadata.name.clone(), version.version.clone());
                found.push(Resource {
                    gvk: Gvk { group, version, kind: kind.kind },
                    plural: row.resource,
                    namespaced: row.scope == "Namespaced",
                    verbs: row.verbs,
                });
            }
        }
    }
    found
}
