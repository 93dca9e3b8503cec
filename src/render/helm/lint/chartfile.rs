//! `Chart.yaml`, more strictly than it is loaded.

use super::Findings;
use crate::{
    render::{
        gotemplate::{
            sprig::semver::{Constraints, Version},
            strconv::quote,
        },
        helm::chart::{decode::document, metadata::Draft},
    },
    yaml::{self, Value},
};

const FILE: &str = "Chart.yaml";

pub(super) fn check(text: &[u8], findings: &mut Findings) {
    let mut draft = Draft::default();
    if let Err(error) = draft.read(text) {
        return findings.error(FILE, format!("unable to parse YAML\n\t{error}"));
    }
    if let Some(why) = strictly(text) {
        findings.warn(FILE, format!("failed to strictly parse chart metadata file\n\t{why}"));
    }
    let maintainers = draft.maintainers();
    let depends = draft.depends();
    let it = &draft.metadata;
    if it.name.is_empty() {
        findings.error(FILE, "name is required");
    } else if it.name.contains('/') {
        findings.error(FILE, format!("chart name {} is invalid", quote(it.name.as_bytes())));
    }
    match it.api_version.as_str() {
        "v1" | "v2" => (),
        "" => findings.error(FILE, "apiVersion is required. The value must be either \"v1\" or \"v2\""),
        other => {
            let why = format!("apiVersion '{other}' is not valid. The value must be either \"v1\" or \"v2\"");
            findings.error(FILE, why);
        }
    }
    let plain = document(text).ok();
    let kind = |key: &str| plain.as_ref().and_then(|it| it.get(key)).and_then(type_of);
    if let Some(kind) = kind("version") {
        findings.error(FILE, format!("version should be of type string but it's of type {kind}"));
    }
    check_version(&it.version, findings);
    if let Some(kind) = kind("appVersion") {
        findings.error(FILE, format!("appVersion should be of type string but it's of type {kind}"));
    }
    for maintainer in maintainers {
        let why = match maintainer {
            None => "a maintainer entry is empty".to_owned(),
            Some(it) if it.name.is_empty() => "each maintainer requires a name".to_owned(),
            Some(it) if !it.email.is_empty() && !is_email(&it.email) => {
                format!("invalid email '{}' for maintainer '{}'", it.email, it.name)
            }
            Some(it) if !it.url.is_empty() && !is_url(&it.url, false) => {
                format!("invalid url '{}' for maintainer '{}'", it.url, it.name)
            }
            Some(_) => continue,
        };
        findings.error(FILE, why);
        break;
    }
    if let Some(source) = it.sources.iter().find(|it| !is_url(it, true)) {
        findings.error(FILE, format!("invalid source URL '{source}'"));
    }
    if it.icon.is_empty() {
        findings.info(FILE, "icon is recommended");
    } else if !is_url(&it.icon, true) {
        findings.error(FILE, format!("invalid icon URL '{}'", it.icon));
    }
    let version = &it.api_version;
    if !it.kind.is_empty() && version != "v2" {
        let why =
            format!("chart type is not valid in apiVersion '{version}'. It is valid in apiVersion 'v2'");
        findings.error(FILE, why);
    }
    if depends && version != "v2" {
        let why = format!("dependencies are not valid in the Chart file with apiVersion '{version}'.");
        findings.error(FILE, format!("{why} They are valid in apiVersion 'v2'"));
    }
    if Version::parse_strict(&it.version).is_err() {
        findings.warn(FILE, format!("version '{}' is not a valid SemVerV2", it.version));
    }
}

fn check_version(text: &str, findings: &mut Findings) {
    if text.is_empty() {
        return findings.error(FILE, "version is required");
    }
    match Version::parse(text) {
        Err(_) => findings.error(FILE, format!("version '{text}' is not a valid SemVer")),
        Ok(version) => {
            let unmet = Constraints::parse(">0.0.0-0").map(|it| it.validate(&version)).unwrap_or_default();
            if let Some(first) = unmet.first() {
                findings.error(FILE, format!("version {first}"));
            }
        }
    }
}

/// The Go type of what should be text and is not.
fn type_of(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(_) => None,
        Value::Null => Some("<nil>"),
        Value::Bool(_) => Some("bool"),
        Value::Int(_) | Value::Uint(_) | Value::Float(_) => Some("float64"),
        Value::Seq(_) => Some("[]interface {}"),
        Value::Map(_) => Some("map[string]interface {}"),
    }
}

/// What a reader that knows no other fields says: the first that it does not know, in the order of names.
fn strictly(text: &[u8]) -> Option<String> {
    const KNOWN: &[&str] = &[
        "name",
        "home",
        "sources",
        "version",
        "description",
        "keywords",
        "maintainers",
        "icon",
        "apiversion",
        "condition",
        "tags",
        "appversion",
        "deprecated",
        "annotations",
        "kubeversion",
        "dependencies",
        "type",
    ];
    let strict = yaml::parse_first(text, yaml::Version::V2).and_then(|it| it.to_value_strict());
    let map = match strict {
        Err(error) => return Some(format!("error converting YAML to JSON: {error}")),
        Ok(Value::Map(map)) => map,
        Ok(_) => return None,
    };
    let known = |key: &str| KNOWN.contains(&key.to_ascii_lowercase().as_str());
    let mut unknown: Vec<&str> = map.keys().filter(|it| !known(it)).collect();
    unknown.sort_unstable();
    let first = unknown.first()?;
    let first = quote(first.as_bytes());
    Some(format!("error unmarshaling JSON: while decoding JSON: json: unknown field {first}"))
}

/// Roughly an address: something before one `@`, and names with dots behind it.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let label = |it: &str| {
        let inner = |c: char| c.is_alphanumeric() || c == '-';
        !it.is_empty() && it.chars().all(inner) && !it.starts_with('-') && !it.ends_with('-')
    };
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let atom = |it: &str| {
        !it.is_empty() && it.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
    };
    (quoted || local.split('.').all(atom)) && domain.contains('.') && domain.split('.').all(label)
}

/// Roughly an address on the web. What is fetched needs a scheme; a page does not.
fn is_url(text: &str, needs_scheme: bool) -> bool {
    let is_clean =
        !text.is_empty() && text.len() < 2083 && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    match text.split_once("://") {
        Some((scheme, rest)) => {
            let scheme_is_good = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            is_clean && scheme_is_good && (needs_scheme || !host.is_empty())
        }
        // An opaque address such as `mailto:x` has a scheme too.
        None if needs_scheme => {
            is_clean
                && text.split_once(':').is_some_and(|(it, _)| it.chars().all(|c| c.is_ascii_alphanumeric()))
        }
        None => is_clean && text.split('/').next().is_some_and(|it| it.contains('.') || it == "localhost"),
    }
}
