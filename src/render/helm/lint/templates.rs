//! What templates write, document by document.

use super::{Findings, Lint, deprecated, said};
use crate::{
    render::{
        gotemplate::{Str, strconv::quote},
        helm::{
            Chart, KubeVersion, Release, World,
            chart::decode::document,
            engine,
            manifest::{Head, trim_start},
            schema, values,
        },
    },
    yaml::Value,
};

pub(super) fn check(chart: &Chart, lint: Lint<'_>, namespace: &str, findings: &mut Findings) {
    let templates = "templates/";
    let mut processed = chart.clone();
    if values::process_dependencies(&mut processed, lint.given).is_err() {
        return;
    }
    // The original coalesces twice.
    let Ok(coalesced) = values::coalesce(&processed, lint.given) else { return };
    let Ok(coalesced) = values::coalesce(&processed, &coalesced) else { return };
    if !lint.skip_schema
        && let Err(error) = schema::validate(&processed, &coalesced)
    {
        return findings.error(templates, said(&error));
    }
    let release = Release {
        name: "test-release".into(),
        namespace: namespace.to_owned(),
        revision: 0,
        is_upgrade: false,
    };
    let world = World { lenient: true, cluster: None, ..lint.world };
    let written = match engine::render(&processed, &coalesced, &release, &lint.capabilities, world) {
        Ok(written) => written.files,
        Err(error) => return findings.error(templates, said(&error)),
    };
    for file in &processed.files.templates {
        let name = &file.name;
        let base = name.rsplit('/').next().unwrap_or(name);
        let extension = base.rfind('.').and_then(|at| base.get(at..)).unwrap_or_default();
        if !matches!(extension, ".yaml" | ".yml" | ".tpl" | ".txt") {
            let why = format!("file extension '{extension}' not valid.");
            findings.error(name, format!("{why} Valid extensions are .yaml, .yml, .tpl, or .txt"));
        }
        if !matches!(extension.to_ascii_lowercase().as_str(), ".yaml" | ".yml") {
            continue;
        }
        let text = written.get(&format!("{}/{name}", processed.name()));
        let Some(text) = text.filter(|it| !trim_start(it).is_empty()) else { continue };
        indent(name, text, findings);
        if !documents(name, text, &lint.capabilities.kube_version, findings) {
            return;
        }
    }
}

/// A first line that does not begin at the left.
fn indent(name: &str, text: &Str, findings: &mut Findings) {
    let text = text.to_text();
    let first = text.lines().find(|it| !it.trim().is_empty());
    if let Some(line) = first.filter(|it| it.starts_with([' ', '\t'])) {
        let line = quote(line.as_bytes());
        let why = format!("document starts with an illegal indent: {line}, which may cause parsing problems");
        findings.warn(name, why);
    }
}

/// Looks at each document; `false` where one is no YAML, which ends linting.
fn documents(name: &str, text: &Str, on: &KubeVersion, findings: &mut Findings) -> bool {
    for part in parts(text) {
        let head = match Head::read(part) {
            Ok(head) => head,
            Err(error) => {
                findings.error(name, format!("unable to parse YAML: {error}"));
                return false;
            }
        };
        if !matches!(document(part), Ok(Value::Map(_))) {
            continue;
        }
        check_name(name, &head, findings);
        if let Some(why) = deprecated::warning(&head, on) {
            findings.warn(name, why);
        }
        let text = text.to_text();
        let needs_selector =
            matches!(head.kind.as_str(), "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet");
        if needs_selector && !text.contains("matchLabels") && !text.contains("matchExpressions") {
            let (kind, object) = (&head.kind, quote(head.name.as_bytes()));
            let why = format!("a {kind} must contain matchLabels or matchExpressions, and {object} does not");
            findings.error(name, why);
        }
        if head.kind == "List" && keeps(part) {
            findings.error(name, "annotation 'helm.sh/resource-policy' within List objects are ignored");
        }
    }
    true
}

/// Whether an item of a list has the annotation that keeps it.
fn keeps(text: &[u8]) -> bool {
    let Ok(list) = document(text) else { return false };
    let items = list.get("items").and_then(Value::as_seq).unwrap_or(&[]);
    items.iter().any(|it| {
        let annotations = it.get("metadata").and_then(|it| it.get("annotations"));
        annotations.and_then(Value::as_map).is_some_and(|it| it.contains_key("helm.sh/resource-policy"))
    })
}

/// The documents between lines of three hyphens.
fn parts(text: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"---") {
            parts.extend(text.get(start..at));
            start = at + line.len();
        }
        at += line.len();
    }
    parts.extend(text.get(start..));
    parts.retain(|it| !trim_start(it).is_empty());
    parts
}

/// The name, by the rule of the object's kind.
fn check_name(path: &str, head: &Head, findings: &mut Findings) {
    let name = head.name.as_str();
    let why = match head.kind.to_lowercase().as_str() {
        "certificatesigningrequest" => return,
        "role" | "clusterrole" | "rolebinding" | "clusterrolebinding" => match name {
            "." | ".." => Some(format!("may not be '{name}'")),
            name if name.contains('/') => Some("may not contain '/'".to_owned()),
            name if name.contains('%') => Some("may not contain '%'".to_owned()),
            _ => None,
        },
        "service" => (!is_label(name, true)).then(|| {
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
             character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
             validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
                .to_owned()
        }),
        "namespace" if name.contains('.') => Some("must not contain dots".to_owned()),
        "namespace" => (!is_label(name, false)).then(|| {
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
             end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
                .to_owned()
        }),
        _ => (name.len() > 253 || !name.split('.').all(is_label_of_any_length)).then(|| {
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
             start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                .to_owned()
        }),
    };
    if let Some(why) = why {
        let quoted = quote(name.as_bytes());
        let rule = "object name does not conform to Kubernetes naming requirements";
        findings.warn(path, format!("{rule}: {quoted}: metadata.name: Invalid value: {quoted}: {why}"));
    }
}

fn is_label_of_any_length(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_label(text: &str, begins_with_letter: bool) -> bool {
    text.len() <= 63
        && is_label_of_any_length(text)
        && (!begins_with_letter || text.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// The files of `crds/`, which are no templates.
pub(super) fn check_crds(chart: &Chart, findings: &mut Findings) {
    let mut files = Vec::new();
    chart.each_crd(&mut |_, file| files.push((file.name.clone(), file.data.clone())));
    for (name, text) in files {
        for part in parts(&text) {
            let head = match Head::read(part) {
                Ok(head) => head,
                Err(error) => return findings.error(&name, format!("unable to parse YAML: {error}")),
            };
            if !matches!(document(part), Ok(Value::Map(_))) {
                continue;
            }
            if !head.api_version.starts_with("apiextensions.k8s.io") {
                findings.error(&name, "apiVersion is not in 'apiextensions.k8s.io'");
            }
            if head.kind != "CustomResourceDefinition" {
                findings.error(&name, "object kind is not 'CustomResourceDefinition'");
            }
        }
    }
}
