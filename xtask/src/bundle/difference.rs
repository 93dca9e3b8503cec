//! What changes from one bundle to the next, in words that a signer reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{Display, Write},
};

use airlock::{
    archive::{Node, Tree},
    bundle::{Entry, Release, Source, Statement},
    digest::Digest,
    object::{Object, ObjectId},
    render::{self, Draft, Files, Place, Preview, Spec},
    yaml,
};
use anyhow::Result;
use serde_json::Value;

use super::opened::Opened;

/// Lines around a change that help to place it.
const CONTEXT: usize = 3;

/// A changed file beyond this is named and not shown.
const SHOWN_BYTES: usize = 256 * 1024;

/// Tells what changes from `before` (none: from nothing) to `after`: the statement, then entries with their objects,
/// then sources, images and files.
///
/// # Errors
/// When content that is there is not what was signed.
pub fn difference(before: Option<&Opened>, after: &Opened) -> Result<String> {
    let mut text = String::new();
    heading(&mut text, before, after);
    let none = Vec::new();
    let old = before.map_or(&none, |it| &it.release.entries);
    for entry in &after.release.entries {
        let was = old.iter().find(|it| it.name == entry.name);
        self::entry(&mut text, before.zip(was), (after, entry))?;
    }
    for gone in old.iter().filter(|it| after.release.entries.iter().all(|new| new.name != it.name)) {
        let _ = writeln!(text, "entry {}: removed, with every object of it", gone.name);
    }
    let maps = |of: &dyn Fn(&Release) -> BTreeMap<String, String>| {
        (before.map(|it| of(&it.release)).unwrap_or_default(), of(&after.release))
    };
    let source = |release: &Release| -> BTreeMap<String, String> {
        let named = |it: &Source| (format!("{} at {}", it.url, it.revision), it.content.digest.to_string());
        release.sources.iter().map(named).collect()
    };
    let image = |release: &Release| -> BTreeMap<String, String> {
        release.images.iter().map(|(name, it)| (name.clone(), it.digest.to_string())).collect()
    };
    let external = |release: &Release| -> BTreeMap<String, String> {
        release.closure.external.iter().map(|name| (name.clone(), String::new())).collect()
    };
    let file = |release: &Release| -> BTreeMap<String, String> {
        let told = |it: &airlock::bundle::FileRef| {
            format!("{} {}", it.digest, if it.executable { "executable" } else { "" })
        };
        release.files.iter().map(|(name, it)| (name.clone(), told(it).trim_end().to_owned())).collect()
    };
    let site = |release: &Release| -> BTreeMap<String, String> {
        let told = release.site.as_ref().and_then(|it| serde_json::to_string(it).ok());
        told.into_iter()
            .map(|it| ("schema and defaults".to_owned(), Digest::of(it.as_bytes()).to_string()))
            .collect()
    };
    let apis = |release: &Release| -> BTreeMap<String, String> {
        release.apis.iter().map(|name| (name.clone(), String::new())).collect()
    };
    for (what, of) in [
        ("source", &source as &dyn Fn(&Release) -> BTreeMap<String, String>),
        ("image", &image),
        ("external image", &external),
        ("file", &file),
        ("site", &site),
        ("api", &apis),
    ] {
        let (old, new) = maps(of);
        table(&mut text, what, &old, &new);
    }
    Ok(text)
}

fn heading(text: &mut String, before: Option<&Opened>, after: &Opened) {
    let lines = |bundle: &Opened| {
        let it: &Statement = &bundle.statement;
        let some = |it: Option<&str>| it.unwrap_or("any").to_owned();
        let kubernetes = it.target.kubernetes.as_ref();
        [
            ("audience", it.audience.join(", ")),
            ("accept until", it.accept_until.to_string()),
            ("rollback floor", it.rollback_floor.to_string()),
            (
                "kubernetes",
                format!(
                    "{} to {}",
                    some(kubernetes.and_then(|it| it.min.as_deref())),
                    some(kubernetes.and_then(|it| it.max.as_deref()))
                ),
            ),
            ("architectures", it.target.arch.join(", ")),
            ("agent", it.requires_agent.to_string()),
        ]
    };
    let name = |bundle: &Opened| {
        format!(
            "{} {} of channel {}",
            bundle.release.name,
            bundle.statement.position(),
            bundle.statement.channel
        )
    };
    let _ = writeln!(text, "{}", name(after));
    let _ = writeln!(text, "  signed as {}", after.envelope.digest());
    match before {
        None => text.push_str("  there is no bundle before it: everything is new\n"),
        Some(before) => {
            let _ = writeln!(text, "  after {}, signed as {}", name(before), before.envelope.digest());
            let follows =
                after.statement.previous.as_ref().is_some_and(|it| it.digest == before.envelope.digest());
            if !follows {
                text.push_str("  note: it does not name that one as the bundle before it\n");
            }
        }
    }
    let old = before.map(lines);
    for (at, (what, new)) in lines(after).into_iter().enumerate() {
        match old.as_ref().and_then(|it| it.get(at)) {
            Some((_, old)) if *old == new => (),
            Some((_, old)) => {
                let _ = writeln!(text, "  {what}: {old} becomes {new}");
            }
            None => {
                let _ = writeln!(text, "  {what}: {new}");
            }
        }
    }
    text.push('\n');
}

fn entry(
    text: &mut String,
    before: Option<(&Opened, &Entry)>,
    (bundle, entry): (&Opened, &Entry),
) -> Result<()> {
    let place = |entry: &Entry| format!("{} {}", entry.content.digest, entry.path);
    match before {
        Some((_, was)) if was == entry => return Ok(()),
        Some((_, was)) => {
            let _ = writeln!(text, "entry {}", entry.name);
            if was.path != entry.path {
                let _ = writeln!(text, "  path: {} becomes {}", was.path, entry.path);
            }
            let settings = |it: &Entry| {
                let bare = Entry { content: entry.content, path: String::new(), ..it.clone() };
                serde_json::to_value(bare).unwrap_or_default()
            };
            for (name, new) in settings(entry).as_object().into_iter().flatten() {
                let old = settings(was).get(name).cloned();
                if old.as_ref() != Some(new) {
                    let _ = writeln!(text, "  {name}: {} becomes {new}", old.unwrap_or(Value::Null));
                }
            }
        }
        None => {
            let _ = writeln!(text, "entry {}: new, {}", entry.name, place(entry));
        }
    }
    let after = bundle.tree(&entry.content)?;
    let old = before.map(|(bundle, was)| bundle.tree(&was.content)).transpose()?.flatten();
    match (after, before.is_some() && old.is_none()) {
        (Some(tree), false) => {
            // What no engine here renders is told file by file.
            let was = old.as_ref().zip(before).map(|(tree, (bundle, was))| preview(bundle, tree, was));
            match (preview(bundle, &tree, entry), was) {
                (Some(now), None) => differ(text, &BTreeMap::new(), &objects(&now)),
                (Some(now), Some(Some(was))) => differ(text, &objects(&was), &objects(&now)),
                _ => files_differ(text, old.as_ref(), &tree),
            }
        }
        _ => text.push_str("  its content is not on both media, so what changes inside it is not told\n"),
    }
    text.push('\n');
    Ok(())
}

/// What an entry renders to, where that does not wait for the site.
fn preview(bundle: &Opened, tree: &Tree, entry: &Entry) -> Option<Vec<(Object, Place)>> {
    let nothing = serde_json::Map::new();
    let open = |source: &Source| bundle.tree(&source.content).ok().flatten();
    let draft = Draft {
        site: bundle.release.site.as_ref().map_or(&nothing, |it| &it.defaults),
        kubernetes: bundle.statement.target.kubernetes.as_ref(),
        sources: &bundle.release.sources,
        open: &open,
    };
    match render::preview(Files::Tree(tree), &Spec::from(entry), &draft) {
        Ok(Preview::Objects(objects)) => Some(objects),
        Ok(Preview::Waits(_)) | Err(_) => None,
    }
}

fn objects(list: &[(Object, Place)]) -> BTreeMap<ObjectId, String> {
    list.iter().map(|(object, _)| (object.id(), told(object))).collect()
}

fn files_differ(text: &mut String, before: Option<&Tree>, after: &Tree) {
    let told = |node: &Node| match node {
        Node::File { bytes, .. } if bytes.len() <= SHOWN_BYTES => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => format!("{} bytes, {}\n", bytes.len(), Digest::of(bytes)),
        },
        Node::File { bytes, .. } => format!("{} bytes, {}\n", bytes.len(), Digest::of(bytes)),
        Node::Symlink { target } => format!("a link to {target}\n"),
    };
    let map = |tree: &Tree| -> BTreeMap<String, String> {
        tree.iter().map(|(path, node)| (path.to_string(), told(node))).collect()
    };
    differ(text, &before.map(map).unwrap_or_default(), &map(after));
}

fn differ<K: Ord + Display>(text: &mut String, before: &BTreeMap<K, String>, after: &BTreeMap<K, String>) {
    let names: BTreeSet<&K> = before.keys().chain(after.keys()).collect();
    for name in names {
        match (before.get(name), after.get(name)) {
            (None, Some(_)) => {
                let _ = writeln!(text, "  + {name}");
            }
            (Some(_), None) => {
                let _ = writeln!(text, "  - {name}");
            }
            (Some(old), Some(new)) if old != new => {
                let _ = writeln!(text, "  ~ {name}");
                let diff = similar::TextDiff::from_lines(old.as_str(), new.as_str());
                for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
                    for line in hunk.to_string().lines() {
                        let _ = writeln!(text, "      {}", printable(line));
                    }
                }
            }
            _ => (),
        }
    }
}

fn table(text: &mut String, what: &str, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let line = match (old.get(name), new.get(name)) {
            (None, Some(it)) => format!("{what} + {name} {it}"),
            (Some(_), None) => format!("{what} - {name}"),
            (Some(was), Some(is)) if was != is => format!("{what} ~ {name} {was} becomes {is}"),
            _ => continue,
        };
        let _ = writeln!(text, "{}", printable(line.trim_end()));
    }
}

/// An object as people read it. What a Secret holds is told apart and not told.
fn told(object: &Object) -> String {
    let mut value = Value::Object(object.fields().clone());
    if object.kind() == "Secret" {
        for field in ["data", "stringData"] {
            for (_, secret) in value.get_mut(field).and_then(Value::as_object_mut).into_iter().flatten() {
                let digest = Digest::of(secret.to_string().as_bytes());
                *secret = Value::String(format!("({})", digest.hex().chars().take(12).collect::<String>()));
            }
        }
    }
    yaml::emit::emit(&value.into())
}

/// Nothing that a manifest says may move the reader's cursor.
fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}
