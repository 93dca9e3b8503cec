//! `configMapGenerator`, `secretGenerator`, and the generator of accounts for Google's cloud.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    Build, Error,
    edit::{clear, lookup, set},
    kustomization::{GeneratorArgs, GeneratorOptions},
    loader::Loader,
    node::{Kind, Node, NodeId, Nodes, Style, Tag},
    path::base,
    resmap::Behavior,
    resource::{Resource, annotation, set_text},
    text::{list, quote},
};

/// What is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generated {
    ConfigMap,
    Secret,
}

/// Makes a ConfigMap or a Secret.
pub(super) fn data<'a>(
    build: &mut Build<'a>,
    loader: &Loader<'a>,
    kind: Generated,
    args: &GeneratorArgs,
) -> Result<Resource, Error> {
    if args.name.is_empty() {
        return Err(Error::new("a configmap must have a name"));
    }
    let entries = entries(loader, args)?;
    let nodes = &mut build.nodes;
    let word = match kind {
        Generated::ConfigMap => "ConfigMap",
        Generated::Secret => "Secret",
    };
    let object = nodes.add(Node { kind: Kind::Mapping, tag: Tag::Map, ..Node::default() });
    for (field, value) in [("apiVersion", "v1"), ("kind", word)] {
        let value =
            nodes.add(Node { kind: Kind::Scalar, tag: Tag::Str, value: value.into(), ..Node::default() });
        set(nodes, object, field, value)?;
    }
    for (field, value) in [("name", &args.name), ("namespace", &args.namespace)] {
        if !value.is_empty()
            && let Some(metadata) = lookup(nodes, object, &["metadata"], Some(Kind::Mapping))?
        {
            let value = nodes.string(value.clone());
            set(nodes, metadata, field, value)?;
        }
    }
    if kind == Generated::Secret {
        let secret_type = if args.secret_type.is_empty() { "Opaque" } else { &args.secret_type };
        let value = nodes.string(secret_type.to_owned());
        set(nodes, object, "type", value)?;
        lookup(nodes, object, &["data"], Some(Kind::Mapping))?;
    }
    for (key, value) in entries {
        let (field, value) = match (kind, String::from_utf8(value)) {
            (Generated::ConfigMap, Ok(text)) => ("data", text),
            (Generated::ConfigMap, Err(error)) => ("binaryData", encode(error.as_bytes())),
            (Generated::Secret, Ok(text)) => ("data", encode(text.as_bytes())),
            (Generated::Secret, Err(error)) => ("data", encode(error.as_bytes())),
        };
        put(nodes, object, field, key, value)?;
    }
    if let Some(options) = &args.options {
        annotate(nodes, object, options)?;
    }
    let resource = Resource::new(nodes, object, &build.schemas);
    if args.options.as_ref().is_none_or(|options| !options.disable_name_suffix_hash) {
        resource.put_annotation(nodes, annotation::NEEDS_HASH, annotation::ENABLED)?;
    }
    resource.put_annotation(nodes, annotation::BEHAVIOR, Behavior::of(&args.behavior).word())?;
    Ok(resource)
}

fn put(nodes: &mut Nodes<'_>, object: NodeId, field: &str, key: String, value: String) -> Result<(), Error> {
    let Some(map) = lookup(nodes, object, &[field], Some(Kind::Mapping))? else { return Ok(()) };
    let style = if value.contains('\n') { Style::Literal } else { Style::Plain };
    let value = Node { kind: Kind::Scalar, tag: Tag::Str, style, value: value.into(), ..Node::default() };
    let value = nodes.add(value);
    set(nodes, map, key, value)
}

fn annotate(nodes: &mut Nodes<'_>, object: NodeId, options: &GeneratorOptions) -> Result<(), Error> {
    for (key, value) in options.labels.iter().flatten() {
        set_text(nodes, object, "labels", key, value)?;
    }
    for (key, value) in options.annotations.iter().flatten() {
        set_text(nodes, object, "annotations", key, value)?;
    }
    if options.immutable {
        let value =
            nodes.add(Node { kind: Kind::Scalar, tag: Tag::Bool, value: "true".into(), ..Node::default() });
        set(nodes, object, "immutable", value)?;
    }
    Ok(())
}

/// Base64 in lines of 70 where there is more than one.
fn encode(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let text = STANDARD.encode(bytes);
    // The original counts a line more where the last one is full.
    if text.len() / LINE + 1 < 2 {
        return text;
    }
    let mut out = String::with_capacity(text.len() + text.len() / LINE + 1);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at_checked(LINE.min(rest.len())).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out
}

/// The options of a kustomization, under those of one generator.
pub(super) fn with_global(args: &GeneratorArgs, global: Option<&GeneratorOptions>) -> GeneratorArgs {
    let mut args = args.clone();
    let Some(global) = global else { return args };
    let own = args.options.get_or_insert_default();
    for (own, global) in [(&mut own.labels, &global.labels), (&mut own.annotations, &global.annotations)] {
        let Some(global) = global else { continue };
        let own = own.get_or_insert_default();
        for (key, value) in global {
            own.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    own.disable_name_suffix_hash |= global.disable_name_suffix_hash;
    own.immutable |= global.immutable;
    args
}

/// Merges the data of a resource into that of one that replaces it.
pub(super) fn merge_data(nodes: &mut Nodes<'_>, new: NodeId, old: NodeId) -> Result<(), Error> {
    for field in ["data", "binaryData"] {
        let mut merged = texts(nodes, old, field)?;
        merged.extend(texts(nodes, new, field)?);
        clear(nodes, new, field)?;
        for (key, value) in merged {
            put(nodes, new, field, key, value)?;
        }
    }
    Ok(())
}

fn texts(nodes: &Nodes<'_>, object: NodeId, field: &str) -> Result<BTreeMap<String, String>, Error> {
    let Some(map) = super::edit::get(nodes, object, field)? else { return Ok(BTreeMap::new()) };
    let text = |node: NodeId| if nodes.is_null(node) { String::new() } else { nodes[node].value.to_string() };
    Ok(nodes.entries(map).map(|(key, value)| (text(key), text(value))).collect())
}

/// Keys and values, from files of variables, from literals and from files, in this order.
fn entries(loader: &Loader<'_>, args: &GeneratorArgs) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut all = BTreeMap::new();
    let mut add = |key: String, value: Vec<u8>| {
        if all.contains_key(&key) {
            return Err(Error::new(format!("configmap {} illegally repeats the key `{key}`", args.name)));
        }
        all.insert(key, value);
        Ok(())
    };
    let mut pairs: Vec<(String, Vec<u8>)> = Vec::new();
    let loading = |error: Error| error.context("loading KV pairs");
    for path in &args.envs {
        let context =
            |error: Error| loading(error.context(format!("env source files: {}", list(&args.envs))));
        let content = loader.load(path).map_err(context)?;
        variables(content, &mut pairs).map_err(context)?;
    }
    for source in &args.literals {
        let context =
            |error: Error| loading(error.context(format!("literal sources {}", list(&args.literals))));
        let wrong = || Error::new(format!("invalid literal source {source}, expected key=value"));
        match source.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                pairs.push((key.to_owned(), without_quotes(value).as_bytes().to_vec()));
            }
            _ => return Err(context(wrong())),
        }
    }
    for source in &args.files {
        let context = |error: Error| loading(error.context(format!("file sources: {}", list(&args.files))));
        let (key, path) = file_source(source).map_err(context)?;
        pairs.push((key.to_owned(), loader.load(path).map_err(context)?.to_vec()));
    }
    for (key, value) in pairs {
        add(key, value)?;
    }
    Ok(all)
}

fn without_quotes(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)) {
            return inner;
        }
    }
    text
}

/// Key and path of `key=path`; a path alone has its last part as key.
fn file_source(source: &str) -> Result<(&str, &str), Error> {
    let quoted = quote(source);
    match source.split_once('=') {
        None => Ok((base(source), source)),
        Some((_, path)) if path.contains('=') => {
            Err(Error::new(format!("source {quoted} key name or file path contains '='")))
        }
        Some(("", path)) => {
            Err(Error::new(format!("missing key name for file path {} in source {quoted}", quote(path))))
        }
        Some((key, "")) => {
            Err(Error::new(format!("missing file path for key name {} in source {quoted}", quote(key))))
        }
        Some(pair) => Ok(pair),
    }
}

/// The lines of a file of variables. Quotes and what is behind a value belong to it.
fn variables(content: &[u8], pairs: &mut Vec<(String, Vec<u8>)>) -> Result<(), Error> {
    // Go's scanner gives up at longer lines.
    const LINE: usize = 64 * 1024;
    let mut lines = content.split(|byte| *byte == b'\n').peekable();
    let mut number = 0;
    while let Some(line) = lines.next() {
        if line.is_empty() && lines.peek().is_none() {
            break;
        }
        if line.len() >= LINE {
            break;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(text) = std::str::from_utf8(line) else {
            let bytes: Vec<String> = line.iter().map(u8::to_string).collect();
            return Err(Error::new(format!(
                "line {} has invalid utf8 bytes : {}",
                list(&bytes),
                String::from_utf8_lossy(line)
            )));
        };
        let text = if number == 0 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        number += 1;
        let text = text.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if !key.is_empty() {
            pairs.push((key.to_owned(), value.as_bytes().to_vec()));
        }
    }
    Ok(())
}

/// What `IAMPolicyGenerator` is told.
#[derive(Clone, Debug, Default)]
pub(super) struct IamPolicy {
    pub(super) cloud: String,
    pub(super) account: String,
    pub(super) namespace: String,
    pub(super) service_account: String,
    pub(super) project: String,
}

impl IamPolicy {
    /// Makes a service account that stands for one of the cloud's.
    pub(super) fn generate(&self, build: &mut Build<'_>) -> Result<Resource, Error> {
        if self.cloud != "gke" {
            return Err(Error::new(format!("cloud provider {} not supported yet", self.cloud)));
        }
        let mut text = format!(
            "\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  annotations:\n    iam.gke.io/gcp-service-account: {}@{}.iam.gserviceaccount.com\n  name: {}\n",
            self.service_account, self.project, self.account
        );
        if !self.namespace.is_empty() {
            text.push_str("\n  namespace: ");
            text.push_str(&self.namespace);
        }
        let text = build.arena.keep(text.into_bytes());
        let document = crate::yaml::parse_first(text, crate::yaml::Version::V3)?;
        let node = build.nodes.take(&document)?;
        let node = node.ok_or_else(|| Error::new("an IAM policy without content"))?;
        Ok(Resource::new(&build.nodes, node, &build.schemas))
    }
}
