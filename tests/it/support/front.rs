//! An API server's HTTP before any cluster of the port, so that the client is tried over the wire where no real server was built.
//!
//! What the wire looks like is taken from Kubernetes' API conventions; what happens behind it is the cluster's.

use std::{collections::BTreeMap, sync::Arc};

use airlock::{
    cluster::{
        ApplyOptions, Cluster, CreateOptions, DeleteOptions, Error, ListOptions, Metadata, Preconditions,
        PropagationPolicy, Reference, Resource, ResourceVersion, UpdateOptions, WatchEvent,
    },
    object::{Gvk, Object},
    render::ServiceAccount,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// Answers for `cluster` on a free port until the runtime ends; gives the address.
pub async fn serve(cluster: Arc<dyn Cluster>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(Arc::clone(&cluster), stream));
        }
    });
    address
}

/// A request as it came.
struct Asked {
    method: String,
    path: Vec<String>,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Asked {
    async fn read(stream: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if line.trim().is_empty() {
                break;
            }
            lines.push(line.trim().to_owned());
        }
        let mut first = lines.first()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?);
        let header = |line: &String| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        let headers: BTreeMap<String, String> = lines.iter().skip(1).filter_map(header).collect();
        let length = headers.get("content-length").map_or(0, |it| it.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pair = |it: &str| it.split_once('=').map(|(key, value)| (decode(key), decode(value)));
        Some(Self {
            method,
            path: path.split('/').filter(|it| !it.is_empty()).map(decode).collect(),
            query: query.split('&').filter_map(pair).collect(),
            headers,
            body,
        })
    }

    fn says(&self, key: &str) -> &str {
        self.query.get(key).map_or("", String::as_str)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Who asks, as far as rights go.
    fn whose(&self, cluster: &Arc<dyn Cluster>) -> Arc<dyn Cluster> {
        let Some(user) = self.headers.get("impersonate-user") else { return Arc::clone(cluster) };
        let (namespace, name) = user.strip_prefix("system:serviceaccount:").unwrap().split_once(':').unwrap();
        assert!(self.headers["impersonate-group"].starts_with("system:"));
        cluster.impersonate(&ServiceAccount { namespace: namespace.parse().unwrap(), name: name.to_owned() })
    }
}

fn decode(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let hex: String = bytes.by_ref().take(2).map(char::from).collect();
            out.push(u8::from_str_radix(&hex, 16).unwrap());
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).unwrap()
}

async fn connection(cluster: Arc<dyn Cluster>, stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = Asked::read(&mut stream).await {
        if asked.says("watch") == "true" {
            watch(&cluster, &asked, stream).await;
            return;
        }
        let (code, kind, body) = match answer(&cluster, &asked).await {
            Ok(Answer::Document(value)) => (200, "application/json", value.to_string()),
            Ok(Answer::Groups(value)) => (
                200,
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
                value.to_string(),
            ),
            Ok(Answer::Nothing) => (404, "text/plain", "404 page not found\n".to_owned()),
            Err(error) => {
                let status = status(&error);
                let code = status["code"].as_u64().unwrap();
                (code, "application/json", status.to_string())
            }
        };
        let head =
            format!("HTTP/1.1 {code} It\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all((head + &body).as_bytes()).await.is_err() {
            return;
        }
    }
}

enum Answer {
    Document(Value),
    Groups(Value),
    /// Nothing is served there.
    Nothing,
}

/// What a path names.
struct Place {
    resource: Resource,
    namespace: Option<String>,
    name: Option<String>,
    part: Option<String>,
}

async fn place(cluster: &dyn Cluster, path: &[String]) -> Option<Place> {
    let (group, version, rest) = match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["api", version, ..] => ("", version, &path[2..]),
        ["apis", group, version, ..] => (group, version, &path[3..]),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        [first, namespace, _, ..] if first == "namespaces" => (Some(namespace.clone()), &rest[2..]),
        _ => (None, rest),
    };
    let plural = rest.first()?;
    let serves = |it: &Resource| it.gvk.group == group && it.gvk.version == version && it.plural == *plural;
    let resource = cluster.resources().await.ok()?.into_iter().find(serves)?;
    Some(Place { resource, namespace, name: rest.get(1).cloned(), part: rest.get(2).cloned() })
}

fn selecting(asked: &Asked, place: &Place) -> ListOptions {
    let mut options = ListOptions { namespace: place.namespace.clone(), ..ListOptions::default() };
    for part in asked.says("fieldSelector").split(',').filter(|it| !it.is_empty()) {
        let (path, value) = part.split_once('=').unwrap();
        options = options.with_field(path, value);
    }
    for part in asked.says("labelSelector").split(',').filter(|it| !it.is_empty()) {
        options = match part.split_once('=') {
            Some((key, value)) => options.labelled(key, value),
            None => options.with_label_key(part),
        };
    }
    options
}

async fn answer(cluster: &Arc<dyn Cluster>, asked: &Asked) -> Result<Answer, Error> {
    match asked.path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["version"] => {
            let it = cluster.version().await?;
            let version = json!({"major": it.major, "minor": it.minor, "gitVersion": it.git_version});
            return Ok(Answer::Document(version));
        }
        ["api"] => return Ok(Answer::Groups(groups(&**cluster, true).await?)),
        ["apis"] => return Ok(Answer::Groups(groups(&**cluster, false).await?)),
        _ => {}
    }
    let Some(place) = place(&**cluster, &asked.path).await else { return Ok(Answer::Nothing) };
    let gvk = place.resource.gvk.clone();
    let cluster = asked.whose(cluster);
    let (field_manager, dry_run) = (asked.says("fieldManager").to_owned(), asked.says("dryRun") == "All");
    let update = UpdateOptions { field_manager: field_manager.clone(), dry_run };
    let body = || Object::new(asked.json(), "body").unwrap();
    let Some(name) = &place.name else {
        if asked.method == "POST" {
            let made = cluster.create(&body(), &CreateOptions { field_manager, dry_run }).await?;
            return Ok(Answer::Document(made.into_value()));
        }
        return list(&*cluster, asked, &place, &gvk).await.map(Answer::Document);
    };
    let reference = Reference::new(gvk, place.namespace.as_deref().unwrap_or(""), name);
    let of_status = place.part.as_deref() == Some("status");
    let object = match (asked.method.as_str(), asked.headers["content-type"].as_str()) {
        ("GET", _) => cluster.get(&reference).await?,
        ("PUT", _) if of_status => cluster.update_status(&body(), &update).await?,
        ("PUT", _) => cluster.update(&body(), &update).await?,
        ("PATCH", "application/json-patch+json") => {
            cluster.patch(&reference, asked.json().as_array().unwrap(), &update).await?
        }
        ("PATCH", "application/apply-patch+yaml") => {
            let options = ApplyOptions { field_manager, dry_run, force: asked.says("force") == "true" };
            match of_status {
                true => cluster.apply_status(&body(), &options).await?,
                false => cluster.apply(&body(), &options).await?,
            }
        }
        ("DELETE", _) => {
            let body = asked.json();
            let text = |path: &str| body.pointer(path).and_then(Value::as_str).map(str::to_owned);
            let propagation = match text("/propagationPolicy").as_deref() {
                Some("Foreground") => PropagationPolicy::Foreground,
                Some("Orphan") => PropagationPolicy::Orphan,
                _ => PropagationPolicy::Background,
            };
            let preconditions = Preconditions {
                uid: text("/preconditions/uid"),
                resource_version: text("/preconditions/resourceVersion").map(ResourceVersion),
            };
            let dry_run = body["dryRun"] == json!(["All"]);
            cluster.delete(&reference, &DeleteOptions { preconditions, propagation, dry_run }).await?;
            return Ok(Answer::Document(json!({"kind": "Status", "status": "Success"})));
        }
        other => panic!("{other:?}"),
    };
    Ok(Answer::Document(object.into_value()))
}

async fn list(cluster: &dyn Cluster, asked: &Asked, place: &Place, gvk: &Gvk) -> Result<Value, Error> {
    let (objects, version) = cluster.list(gvk, &selecting(asked, place)).await?;
    let metadata = asked.headers["accept"].contains("as=PartialObjectMetadataList");
    let from: usize = asked.says("continue").parse().unwrap_or(0);
    let limit: usize = asked.says("limit").parse().unwrap_or(usize::MAX);
    let rest = objects.len() > from.saturating_add(limit);
    let items: Vec<Value> = objects
        .into_iter()
        .skip(from)
        .take(limit)
        .map(|it| match metadata {
            true => json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": it.into_value()["metadata"]}),
            false => {
                // A typed list says once what all its items are.
                let mut value = it.into_value();
                value.as_object_mut().unwrap().retain(|key, _| key != "kind" && key != "apiVersion");
                value
            }
        })
        .collect();
    let rest = if rest { (from + limit).to_string() } else { String::new() };
    Ok(json!({"kind": "List", "metadata": {"resourceVersion": version, "continue": rest}, "items": items}))
}

async fn groups(cluster: &dyn Cluster, core: bool) -> Result<Value, Error> {
    let mut groups: BTreeMap<String, BTreeMap<String, Vec<Value>>> = BTreeMap::new();
    for it in cluster.resources().await?.into_iter().filter(|it| it.gvk.group.is_empty() == core) {
        let row = json!({
            "resource": it.plural, "verbs": it.verbs, "scope": if it.namespaced { "Namespaced" } else { "Cluster" },
            "responseKind": {"group": it.gvk.group, "version": it.gvk.version, "kind": it.gvk.kind},
        });
        groups.entry(it.gvk.group).or_default().entry(it.gvk.version).or_default().push(row);
    }
    let version =
        |(version, resources): (String, Vec<Value>)| json!({"version": version, "resources": resources});
    let group = |(name, versions): (String, BTreeMap<String, Vec<Value>>)| json!({"metadata": {"name": name}, "versions": versions.into_iter().map(version).collect::<Vec<_>>()});
    Ok(json!({"kind": "APIGroupDiscoveryList", "items": groups.into_iter().map(group).collect::<Vec<_>>()}))
}

async fn watch(cluster: &Arc<dyn Cluster>, asked: &Asked, mut stream: BufReader<TcpStream>) {
    let place = place(&**cluster, &asked.path).await.unwrap();
    let from = ResourceVersion(asked.says("resourceVersion").to_owned());
    let begun =
        asked.whose(cluster).watch_metadata(&place.resource.gvk, &selecting(asked, &place), &from).await;
    // The end of the connection is the end of the watch.
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
    if stream.write_all(head.as_bytes()).await.is_err() {
        return;
    }
    let line = |event: Result<WatchEvent, Error>| {
        let partial = |it: Metadata| it.as_object().clone().into_value();
        let (what, object) = match event {
            Ok(WatchEvent::Added(it)) => ("ADDED", partial(it)),
            Ok(WatchEvent::Modified(it)) => ("MODIFIED", partial(it)),
            Ok(WatchEvent::Deleted(it)) => ("DELETED", partial(it)),
            Ok(WatchEvent::Bookmark(version)) => {
                ("BOOKMARK", json!({"metadata": {"resourceVersion": version}}))
            }
            Err(error) => ("ERROR", status(&error)),
        };
        json!({"type": what, "object": object}).to_string() + "\n"
    };
    match begun {
        Err(error) => drop(stream.write_all(line(Err(error)).as_bytes()).await),
        Ok(mut watch) => {
            while let Some(event) = watch.next().await {
                if stream.write_all(line(event).as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// As a server puts an error.
fn status(error: &Error) -> Value {
    let known = error.status().cloned().unwrap_or_default();
    let mut causes: Vec<Value> = known.causes.iter().map(|it| json!({"reason": it})).collect();
    if let Error::Conflict { fields, .. } = error
        && !fields.is_empty()
    {
        let cause = |it: &airlock::cluster::FieldConflict| json!({"reason": "FieldManagerConflict", "message": it.message, "field": it.field});
        causes = fields.iter().map(cause).collect();
    }
    json!({
        "kind": "Status", "status": "Failure", "code": if known.code == 0 { 500 } else { known.code },
        "reason": known.reason, "message": error.to_string(), "details": {"causes": causes},
    })
}
