//! Entries that are charts: from a blob to what Helm would install.

mod given;
mod preview;

use std::{collections::BTreeSet, rc::Rc};

use serde_json::{Value, json};

use super::{
    Answers, Hook, HookDeletion, HookEvent, Inputs, Lookup, Needs, Parts, Place, ReleaseRecord, Spec, Why,
    helm::{
        self, Capabilities, Chart, Event, Manifest, Options, Randomness, Rendered, World, chart, record,
        values,
    },
    reach,
    spec::DEFAULT_NAMESPACE,
};
use crate::{
    archive::{self, Tree},
    bundle::{Descriptor, Kubernetes},
    content::Content,
    object::{Gvk, Object, list},
    render::gotemplate::{self, Budget, sprig::clock::Time},
    yaml::{self, Version},
};

pub(super) use preview::preview;

use given::{Known, given, questions};

/// Renders the chart of a spec.
///
/// # Errors
/// When the blob is no chart, or Helm would refuse it.
pub(super) fn read(content: &Content, spec: &Spec, inputs: &Inputs) -> Result<Result<Parts, Needs>, Why> {
    let wanted = &spec.content;
    let blob = content.read(&wanted.digest, wanted.size)?;
    let chart = from_blob(&blob, wanted, &spec.path)?;
    let capabilities = capabilities(content.root().statement.target.kubernetes.as_ref());
    let reach = &content.root().scope;
    let known = Known { site: &inputs.site, answers: Some(&inputs.answers) };
    let needs = questions(spec, &inputs.answers, reach)?;
    if !needs.lookups.is_empty() {
        return Ok(Err(needs));
    }
    let given = given(spec, &known)?;
    let answers = inputs.answers.clone();
    let world = World {
        now: Time { nanos: 0, ..Time::unix(inputs.time().as_second()) },
        random: inputs.secret.map_or(Randomness::Missing, Randomness::Derived),
        cluster: Some(Rc::new(move |asked: &helm::Lookup| answer(&answers, asked))),
        budget: Budget::default(),
        lenient: false,
    };
    let release = release(spec);
    helm::check(&chart)?;
    let rendered = helm::install(&chart, &given, &release, &capabilities, Options::default(), world)?;
    if !rendered.needs.is_empty() {
        let lookups: BTreeSet<Lookup> = rendered.needs.iter().filter_map(question).collect();
        lookups.iter().try_for_each(|it| reach::check_read(it, reach))?;
        return Ok(Err(Needs { lookups, ..Needs::default() }));
    }
    let mut parts = parts(&rendered)?;
    parts.release = Some(ReleaseRecord {
        name: release.name.clone(),
        namespace: release.namespace.clone(),
        body: record::body(&rendered, &given, &release),
    });
    Ok(Ok(parts))
}

/// The longest name of a release: what is made of it has to fit a label.
const RELEASE_NAME: usize = 53;

/// The release that a spec becomes.
fn release(spec: &Spec) -> helm::Release {
    helm::Release {
        name: super::shortened(spec.name.as_str(), RELEASE_NAME),
        namespace: spec.target_namespace.as_ref().map_or(DEFAULT_NAMESPACE, |it| it.as_str()).to_owned(),
        revision: 1,
        is_upgrade: false,
    }
}

/// What the cluster can do, as far as the statement says it: of the versions that the bundle is made for the newest counts.
pub(super) fn capabilities(target: Option<&Kubernetes>) -> Capabilities {
    let mut capabilities = Capabilities::default();
    if let Some(version) =
        target.and_then(|it| it.max.as_ref().or(it.min.as_ref())).and_then(|it| it.parse().ok())
    {
        capabilities.kube_version = version;
    }
    capabilities
}

/// A chart as Helm packs it, or as a tree.
pub(super) fn from_blob(blob: &[u8], content: &Descriptor, path: &str) -> Result<Chart, Why> {
    match blob.starts_with(b"\x1f\x8b") {
        true => Ok(chart::read_archive(blob)?),
        false => from_tree(&archive::read_tree(blob, content.size, content.unpacked)?, path),
    }
}

/// A chart packed as a tree stands in a directory of its name.
pub(super) fn from_tree(tree: &Tree, path: &str) -> Result<Chart, Why> {
    let top = match (path, tree.names("").as_slice()) {
        ("" | ".", [only]) if tree.get(only).is_none() => (*only).to_owned(),
        ("" | ".", _) => String::new(),
        (path, _) => path.trim_end_matches('/').to_owned(),
    };
    Ok(chart::read_directory(tree, &top)?)
}

fn question(asked: &helm::Lookup) -> Option<Lookup> {
    let helm::Lookup { api_version, kind, namespace, name } = asked.clone();
    Some(Lookup { gvk: Gvk::parse(&api_version, &kind)?, namespace, name })
}

/// What is known of a question; an empty map where there is nothing.
fn answer(answers: &Answers, asked: &helm::Lookup) -> Option<gotemplate::Map> {
    let nothing = || values::from_map(&yaml::Map::new());
    // Of a kind that cannot be there is nothing.
    let Some(question) = question(asked) else { return Some(nothing()) };
    let found = answers.lookups.get(&question)?;
    let whole = |object: &Object| Value::Object(object.fields().clone());
    let value = if asked.name.is_empty() {
        // Who may see all of a kind sees none of the agent's own.
        let visible = found.iter().filter(|it| it.namespace() != Some(reach::AGENT_NAMESPACE));
        let items: Vec<Value> = visible.map(whole).collect();
        json!({ "apiVersion": asked.api_version, "kind": format!("{}List", asked.kind), "items": items })
    } else {
        match found.first() {
            Some(object) => whole(object),
            None => return Some(nothing()),
        }
    };
    Some(yaml::Value::from(value).as_map().map_or_else(nothing, values::from_map))
}

fn parts(rendered: &Rendered) -> Result<Parts, Why> {
    let mut parts = Parts::default();
    let mut failed = None;
    rendered.chart.each_crd(&mut |name, file| {
        match objects(&name, &file.data, 1) {
            Ok(found) => parts.definitions.extend(found),
            Err(why) => failed = failed.take().or(Some(why)),
        };
    });
    if let Some(why) = failed {
        return Err(why);
    }
    let mut file = "";
    let mut number = 0;
    for Manifest { path, content, .. } in &rendered.manifests {
        // The documents of one file need not follow each other, since they are sorted by kind.
        number = if file == path { number + 1 } else { 1 };
        file = path;
        parts.objects.extend(objects(path, content.as_bytes(), number)?);
    }
    for hook in &rendered.hooks {
        for (object, place) in objects(&hook.path, hook.manifest.as_bytes(), 1)? {
            parts.hooks.push(Hook {
                object,
                place,
                events: hook.events.iter().map(|it| event(*it)).collect(),
                weight: hook.weight,
                delete: deletions(&hook.delete_policies),
            });
        }
    }
    parts.notes = Some(rendered.notes.clone()).filter(|it| !it.is_empty());
    Ok(parts)
}

/// The objects of one document; comments alone are none.
fn objects(file: &str, text: &[u8], document: usize) -> Result<Vec<(Object, Place)>, Why> {
    let place = Place { file: file.to_owned(), document };
    let wrong = |why: yaml::Error| Why::Yaml { file: file.to_owned(), why };
    let documents = yaml::parse(text, Version::V2).map_err(wrong)?;
    let mut values = Vec::with_capacity(documents.len());
    for document in &documents {
        let value = document.to_value(Version::V2).and_then(yaml::json::through_json).map_err(wrong)?;
        values.push(Value::from(value));
    }
    let objects = list::expand(values, &place.to_string())?;
    Ok(objects.into_iter().map(|object| (object, place.clone())).collect())
}

fn event(event: Event) -> HookEvent {
    match event {
        Event::PreInstall => HookEvent::PreInstall,
        Event::PostInstall => HookEvent::PostInstall,
        Event::PreDelete => HookEvent::PreDelete,
        Event::PostDelete => HookEvent::PostDelete,
        Event::PreUpgrade => HookEvent::PreUpgrade,
        Event::PostUpgrade => HookEvent::PostUpgrade,
        Event::PreRollback => HookEvent::PreRollback,
        Event::PostRollback => HookEvent::PostRollback,
        Event::Test => HookEvent::Test,
    }
}

/// When a hook is deleted. Helm does so before it makes it anew where the chart says nothing, and knows no other words.
fn deletions(words: &[String]) -> BTreeSet<HookDeletion> {
    if words.is_empty() {
        return [HookDeletion::BeforeHookCreation].into();
    }
    let one = |word: &String| match word.as_str() {
        "before-hook-creation" => Some(HookDeletion::BeforeHookCreation),
        "hook-succeeded" => Some(HookDeletion::HookSucceeded),
        "hook-failed" => Some(HookDeletion::HookFailed),
        _ => None,
    };
    words.iter().filter_map(one).collect()
}
