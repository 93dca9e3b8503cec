//! The record of a release, in the form that Helm keeps in the Secrets of a cluster.
//!
//! A Secret `sh.helm.release.v1.<name>.v<revision>` of type `helm.sh/release.v1` holds under `release` what [`encode`]
//! gives. Charts within the chart are not part of it, as in the original: a rollback applies the manifest.

use std::io::{Read as _, Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use jiff::Timestamp;
use serde_json::{Map as Object, Value as Json, json};

use super::{
    Chart, Error, Hook, Release, Rendered,
    chart::{Dependency, File, Metadata},
    values,
};
use crate::{limits, render::gotemplate::Map, yaml};

/// The type of the Secret.
pub const SECRET_TYPE: &str = "helm.sh/release.v1";

/// How a release is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "Helm's own words")]
pub enum Status {
    Unknown,
    Deployed,
    Uninstalled,
    Superseded,
    Failed,
    Uninstalling,
    PendingInstall,
    PendingUpgrade,
    PendingRollback,
}

impl Status {
    /// Helm's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Deployed => "deployed",
            Self::Uninstalled => "uninstalled",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalling => "uninstalling",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
        }
    }

    /// The status of Helm's word.
    pub fn of(word: &str) -> Option<Self> {
        let all = [
            Self::Unknown,
            Self::Deployed,
            Self::Uninstalled,
            Self::Superseded,
            Self::Failed,
            Self::Uninstalling,
            Self::PendingInstall,
            Self::PendingUpgrade,
            Self::PendingRollback,
        ];
        all.into_iter().find(|it| it.as_str() == word)
    }
}

/// What only whoever installs a release knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// When its first revision was deployed.
    pub first_deployed: Timestamp,
    /// When this one was.
    pub last_deployed: Timestamp,
    /// How it is doing.
    pub status: Status,
    /// A sentence about that.
    pub description: String,
}

/// The name of the Secret of a revision.
pub fn secret_name(release: &str, revision: i64) -> String {
    format!("sh.helm.release.v1.{release}.v{revision}")
}

/// What a record says of a rendered chart, without its [`Info`].
pub fn body(rendered: &Rendered, given: &Map, release: &Release) -> Object<String, Json> {
    let mut body = Object::new();
    let mut put = |key: &str, value: Json| {
        body.insert(key.to_owned(), value);
    };
    put("name", release.name.as_str().into());
    put("namespace", release.namespace.as_str().into());
    put("version", release.revision.into());
    put("chart", chart(&rendered.chart));
    if !given.is_empty() {
        put("config", yaml::Value::Map(values::to_map(given)).into());
    }
    let manifest = rendered.manifest();
    if !manifest.is_empty() {
        put("manifest", manifest.into());
    }
    if !rendered.hooks.is_empty() {
        put("hooks", rendered.hooks.iter().map(hook).collect());
    }
    put("apply_method", "ssa".into());
    let notes = &rendered.notes;
    put("info", if notes.is_empty() { json!({}) } else { json!({ "notes": notes }) });
    body
}

/// Completes a body with what its installer knows. What a body does not have of it is added, what it has is replaced.
pub fn complete(body: &Object<String, Json>, revision: i64, info: &Info) -> Object<String, Json> {
    let mut record = body.clone();
    record.insert("version".into(), revision.into());
    let about = record.entry("info").or_insert_with(|| json!({}));
    if let Json::Object(about) = about {
        about.insert("first_deployed".into(), info.first_deployed.to_string().into());
        about.insert("last_deployed".into(), info.last_deployed.to_string().into());
        about.insert("status".into(), info.status.as_str().into());
        about.insert("description".into(), info.description.as_str().into());
    }
    record
}

/// What Helm keeps under `release` in the Secret, before the Secret's own base64.
pub fn encode(record: &Object<String, Json>) -> String {
    let text = serde_json::to_vec(record).expect("a map of JSON is JSON");
    let mut zip = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let packed = zip.write_all(&text).and_then(|()| zip.finish()).expect("memory takes what is written");
    STANDARD.encode(packed)
}

/// Reads what is kept under `release`. Old records are not compressed.
///
/// # Errors
/// When it is no record.
pub fn decode(stored: &str) -> Result<Object<String, Json>, Error> {
    let wrong = |why: String| Error::Record(format!("the record of the release cannot be read: {why}"));
    let bytes = STANDARD.decode(stored.trim()).map_err(|error| wrong(error.to_string()))?;
    let bytes = if bytes.len() > 3 && bytes.starts_with(b"\x1f\x8b\x08") {
        let mut plain = Vec::new();
        let limit = limits::RECORD_BYTES;
        let unzipped = GzDecoder::new(bytes.as_slice()).take(limit + 1).read_to_end(&mut plain);
        unzipped.map_err(|error| wrong(error.to_string()))?;
        if plain.len() as u64 > limit {
            return Err(wrong(format!("it unpacks to more than {limit} bytes")));
        }
        plain
    } else {
        bytes
    };
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}

fn chart(chart: &Chart) -> Json {
    let values = chart.values.as_ref().map(|it| Json::from(yaml::Value::Map((**it).clone())));
    let data = |data: &[u8]| Json::from(STANDARD.encode(data));
    let files = |files: &[File]| match files {
        [] => Json::Null,
        files => files.iter().map(|it| json!({ "name": it.name, "data": data(&it.data) })).collect(),
    };
    let lock = chart.files.lock.as_ref().map(|lock| {
        json!({
            "generated": lock.generated.as_deref().unwrap_or(NEVER),
            "digest": lock.digest,
            "dependencies": match lock.dependencies.as_slice() {
                [] => Json::Null,
                all => all.iter().map(|it| it.as_ref().map_or(Json::Null, dependency)).collect(),
            },
        })
    });
    json!({
        "metadata": metadata(&chart.metadata),
        "lock": lock,
        "templates": files(&chart.files.templates),
        "values": values,
        "schema": chart.files.schema.as_ref().map(|it| data(it)),
        // A tree does not keep when its files were written.
        "schemamodtime": NEVER,
        "files": files(&chart.files.other),
    })
}

/// Go's zero time.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// An object without what is empty.
fn filled<const N: usize>(entries: [(&str, Json); N]) -> Json {
    let empty = |value: &Json| match value {
        Json::Null | Json::Bool(false) => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty(),
        Json::Number(number) => number.as_i64() == Some(0),
        Json::Bool(true) => false,
    };
    let entries = entries.into_iter().filter(|(_, value)| !empty(value));
    Json::Object(entries.map(|(key, value)| (key.to_owned(), value)).collect())
}

fn metadata(it: &Metadata) -> Json {
    let maintainers = it.maintainers.iter().map(|it| {
        filled([
            ("name", it.name.as_str().into()),
            ("email", it.email.as_str().into()),
            ("url", it.url.as_str().into()),
        ])
    });
    let annotations = it.annotations.iter().flatten();
    let annotations = annotations.map(|(key, value)| (key.clone(), Json::from(value.as_str())));
    filled([
        ("name", it.name.as_str().into()),
        ("home", it.home.as_str().into()),
        ("sources", it.sources.clone().into()),
        ("version", it.version.as_str().into()),
        ("description", it.description.as_str().into()),
        ("keywords", it.keywords.clone().into()),
        ("maintainers", maintainers.collect()),
        ("icon", it.icon.as_str().into()),
        ("apiVersion", it.api_version.as_str().into()),
        ("condition", it.condition.as_str().into()),
        ("tags", it.tags.as_str().into()),
        ("appVersion", it.app_version.as_str().into()),
        ("deprecated", it.deprecated.into()),
        ("annotations", Json::Object(annotations.collect())),
        ("kubeVersion", it.kube_version.as_str().into()),
        ("dependencies", it.dependencies.iter().map(dependency).collect()),
        ("type", it.kind.as_str().into()),
    ])
}

fn dependency(it: &Dependency) -> Json {
    let mut entry = filled([
        ("version", it.version.as_str().into()),
        ("condition", it.condition.as_str().into()),
        ("tags", it.tags.clone().into()),
        ("enabled", it.enabled.into()),
        ("import-values", it.import_values.iter().cloned().map(Json::from).collect()),
        ("alias", it.alias.as_str().into()),
    ]);
    if let Json::Object(entry) = &mut entry {
        // These two are there even when they are empty.
        entry.insert("name".into(), it.name.as_str().into());
        entry.insert("repository".into(), it.repository.as_str().into());
    }
    entry
}

fn hook(it: &Hook) -> Json {
    let mut entry = filled([
        ("name", it.name.as_str().into()),
        ("kind", it.kind.as_str().into()),
        ("path", it.path.as_str().into()),
        ("manifest", it.manifest.as_str().into()),
        ("events", it.events.iter().map(|it| it.as_str()).collect()),
        ("weight", it.weight.into()),
        ("delete_policies", it.delete_policies.clone().into()),
        ("output_log_policies", it.output_log_policies.clone().into()),
    ]);
    if let Json::Object(entry) = &mut entry {
        entry.insert("last_run".into(), json!({ "phase": "" }));
    }
    entry
}
