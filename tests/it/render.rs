//! One case is a directory below `tests/data/render`:
//!
//! ```text
//! tree/         the files of the entry; `x.link` is a symbolic link `x` to what the file says
//! sources/NAME/ the files of a source, likewise
//! case.yaml     the entry's fields, the sources, the channel's reach, and what the cluster answers; may be missing
//! expected.txt  the objects and where they come from, or the error with its reasons
//! ```

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use airlock::{
    archive::Tree,
    bundle::{Site, Source},
    content::{Blobs, Content},
    digest::Digest,
    fault::Fault,
    object::{GroupKind, Object, scope::Scope},
    render::{Draft, Files, Inputs, Lookup, Outcome, Preview, Spec, Why, preview, render},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::{
    bundle::{Maker, tree},
    case,
};

mod values;

/// `case.yaml`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Case {
    /// Fields of the entry, over the usual ones.
    entry: Map<String, Value>,
    namespaces: Vec<String>,
    cluster_scoped: bool,
    /// What the cluster answers when it is asked where a kind lives.
    scopes: BTreeMap<String, Option<String>>,
    /// Whether the cluster's secret is known.
    secret: bool,
    /// What the cluster has, where it is asked for objects; without it the test tells what is asked.
    objects: Option<Vec<Value>>,
    /// What the site answers.
    site: Map<String, Value>,
    /// The fields of sources, by the names of their directories.
    sources: BTreeMap<String, Value>,
}

impl Default for Case {
    fn default() -> Self {
        let namespaces = vec!["*".to_owned()];
        Self {
            entry: Map::new(),
            namespaces,
            cluster_scoped: true,
            scopes: BTreeMap::new(),
            secret: false,
            objects: None,
            site: Map::new(),
            sources: BTreeMap::new(),
        }
    }
}

#[test]
fn cases() {
    case::each("render", 75, check);
}

#[track_caller]
fn check(directory: &Path) {
    let case: Case = case::read(&directory.join("case.yaml"));
    let mut entry = json!({"name": "shop", "kind": "manifests"});
    for (key, value) in &case.entry {
        entry[key] = value.clone();
    }
    let site = Some(Site { schema: json!({}), defaults: Map::new() });
    let mut maker =
        Maker { namespaces: case.namespaces, cluster_scoped: case.cluster_scoped, site, ..Maker::default() };
    maker.entry(entry, &tree(&directory.join("tree")));
    for (name, fields) in &case.sources {
        maker.source(fields.clone(), &tree(&directory.join("sources").join(name)));
    }
    let content = maker.content();
    let mut inputs = Inputs::new(&content, case.site);
    let answers = case.scopes.iter().map(|(kind, scope)| {
        let scope = scope.as_ref().map(|it| if it == "Cluster" { Scope::Cluster } else { Scope::Namespaced });
        (kind.parse::<GroupKind>().unwrap(), scope)
    });
    inputs.answers.scopes.extend(answers);
    inputs.secret = case.secret.then_some([7; 32]);
    let spec = Spec::from(&content.release().entries[0]);
    while let (Some(objects), Ok(Outcome::Needs(needs))) = (&case.objects, render(&content, &spec, &inputs)) {
        assert!(!needs.lookups.is_empty() && inputs.answers.lookups.len() < 100, "{needs:?}");
        inputs.answers.lookups.extend(needs.lookups.into_iter().map(|it| (it.clone(), found(&it, objects))));
    }
    case::expect(directory, &told(&content, &inputs));
}

/// What a cluster with these objects answers.
fn found(asked: &Lookup, objects: &[Value]) -> Vec<Object> {
    let objects = objects.iter().map(|it| Object::new(it.clone(), "it").unwrap());
    let fits = |it: &Object| {
        it.gvk() == &asked.gvk
            && (asked.namespace.is_empty() || it.namespace() == Some(asked.namespace.as_str()))
            && (asked.name.is_empty() || it.name() == asked.name)
    };
    objects.filter(fits).collect()
}

fn told(content: &Content, inputs: &Inputs) -> String {
    let mut text = String::new();
    match render(content, &Spec::from(&content.release().entries[0]), inputs) {
        Ok(Outcome::Rendered(rendered)) => {
            for object in rendered.objects() {
                let place = rendered.place(&object.id()).unwrap();
                _ = writeln!(text, "{} ({place})\n  {}", object.id(), serde_json::to_string(object).unwrap());
            }
            for definition in rendered.definitions() {
                _ = writeln!(text, "definition {}", definition.id());
            }
            for hook in rendered.hooks() {
                let (id, events, delete) = (hook.object.id(), &hook.events, &hook.delete);
                _ = writeln!(
                    text,
                    "hook {id} ({}) {events:?} weight {} deleted {delete:?}",
                    hook.place, hook.weight
                );
            }
            if let Some(notes) = rendered.notes() {
                _ = writeln!(text, "notes {notes:?}");
            }
            if let Some(release) = rendered.release() {
                let keys: Vec<&String> = release.body.keys().collect();
                _ = writeln!(text, "release {}/{} {keys:?}", release.namespace, release.name);
            }
        }
        Ok(Outcome::Needs(needs)) if needs.scopes.is_empty() => {
            for lookup in needs.lookups {
                let (gvk, namespace, name) = (lookup.gvk.api_version(), lookup.namespace, lookup.name);
                _ = writeln!(text, "looks up {gvk} {} {namespace}/{name}", lookup.gvk.kind);
            }
        }
        Ok(Outcome::Needs(needs)) => {
            let kinds: Vec<String> = needs.scopes.iter().map(ToString::to_string).collect();
            _ = writeln!(text, "needs the scope of {}", kinds.join(", "));
        }
        Err(error) => {
            _ = writeln!(text, "{} ({:?}): {error}", error.code(), error.class());
            let mut source = std::error::Error::source(&error);
            while let Some(because) = source {
                _ = writeln!(text, "  because: {because}");
                source = because.source();
            }
            if let Some(hint) = error.hint() {
                _ = writeln!(text, "  hint: {hint}");
            }
        }
    }
    text
}

#[test]
fn a_preview_knows_the_sources_of_the_bundle() {
    let directory =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/render/kustomization-from-elsewhere");
    let case: Case = case::read(&directory.join("case.yaml"));
    let mut maker = Maker::default();
    let mut trees = BTreeMap::new();
    for (name, fields) in &case.sources {
        let tree = tree(&directory.join("sources").join(name));
        maker.source(fields.clone(), &tree);
        trees.insert(fields["url"].as_str().unwrap().to_owned(), tree);
    }
    let own = tree(&directory.join("tree"));
    maker.entry(json!({"name": "shop", "kind": "kustomization"}), &own);
    let spec = Spec::from(&maker.entries[0]);
    let shown = |open: &dyn Fn(&Source) -> Option<Tree>| {
        let draft = Draft { site: &Map::new(), kubernetes: None, sources: &maker.sources, open };
        preview(Files::Tree(&own), &spec, &draft)
    };
    let Preview::Objects(all) = shown(&|source| trees.get(&source.url).cloned()).unwrap() else {
        panic!("a kustomization waits for nobody");
    };
    let ids: Vec<String> = all.iter().map(|(object, _)| object.id().to_string()).collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    // What is not on the medium is missed by name.
    let error = shown(&|_| None).unwrap_err();
    assert!(matches!(&error, Why::Kustomize { why, .. } if why.code() == "kustomize_remote"), "{error:?}");
}

fn small() -> Maker {
    let mut maker = Maker::default();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/render/one-file/tree");
    maker.entry(json!({"name": "shop", "kind": "manifests"}), &tree(&directory));
    maker
}

#[test]
fn a_render_says_whose_word_it_is() {
    let content = Maker { sequence: 7, ..small() }.content();
    let spec = Spec::from(&content.release().entries[0]);
    let inputs = Inputs::new(&content, Map::new());
    assert_eq!(inputs.time(), content.root().statement.created);
    let Ok(Outcome::Rendered(rendered)) = render(&content, &spec, &inputs) else { panic!() };
    let origin = rendered.origin();
    assert_eq!(origin.bundle, content.root().digest());
    assert_eq!(
        (origin.owner.to_string(), origin.position.to_string()),
        ("platform/shop".into(), "1-7".into())
    );
    assert_eq!(rendered.spec(), &spec);
}

/// Nodes of one cluster agree, clusters differ, and without the cluster's secret nobody computes anything.
#[test]
fn what_is_random_is_of_the_cluster() {
    let mut maker = Maker::default();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/render/chart-is-random/tree");
    let entry = |name: &str| json!({"name": name, "kind": "chart", "targetNamespace": "store"});
    maker.entry(entry("shop"), &tree(&directory)).entry(entry("other"), &tree(&directory));
    let content = maker.content();
    let drawn = |at: usize, secret: Option<[u8; 32]>| {
        let mut inputs = Inputs::new(&content, Map::new());
        inputs.secret = secret;
        match render(&content, &Spec::from(&content.release().entries[at]), &inputs) {
            Ok(Outcome::Rendered(rendered)) => Ok(rendered.objects()[0].fields()["data"].clone()),
            Ok(Outcome::Needs(needs)) => panic!("{needs:?}"),
            Err(error) => Err(error.code()),
        }
    };
    let (ship, shore) = (Some([1; 32]), Some([2; 32]));
    assert_eq!(drawn(0, ship), drawn(0, ship), "two nodes");
    assert_ne!(drawn(0, ship), drawn(0, shore), "two clusters");
    assert_ne!(drawn(0, ship), drawn(1, ship), "two releases");
    assert_eq!(drawn(0, None), Err("random"));
}

#[test]
fn what_another_bundle_signed_is_not_rendered() {
    let content = small().content();
    let mut spec = Spec::from(&content.release().entries[0]);
    spec.content.digest = Digest::of(b"something that lies in the store");
    let error = render(&content, &spec, &Inputs::new(&content, Map::new())).unwrap_err();
    assert_eq!((error.code(), error.class()), ("not_signed", airlock::fault::Class::Denied));
}

#[test]
fn what_the_disk_changed_is_not_rendered() {
    struct Changed(BTreeMap<Digest, Vec<u8>>);
    impl Blobs for Changed {
        fn open(&self, digest: &Digest) -> std::io::Result<Option<Box<dyn std::io::Read + Send>>> {
            Ok(self.0.get(digest).map(|bytes| Box::new(std::io::Cursor::new(bytes.clone())) as _))
        }
    }
    let maker = small();
    let content = maker.content();
    let release = content.release().encode();
    for at in 0..maker.blobs.values().next().unwrap().len() {
        let mut blobs = BTreeMap::from([(Digest::of(&release), release.clone())]);
        for (digest, bytes) in &maker.blobs {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            blobs.insert(*digest, bytes);
        }
        let content = Content::open(content.root().clone(), std::sync::Arc::new(Changed(blobs))).unwrap();
        let spec = Spec::from(&content.release().entries[0]);
        let error = render(&content, &spec, &Inputs::new(&content, Map::new())).unwrap_err();
        assert_eq!(error.code(), "tampered", "{at}: {error:?}");
    }
    let nothing = BTreeMap::from([(Digest::of(&release), release)]);
    let content = Content::open(content.root().clone(), std::sync::Arc::new(Changed(nothing))).unwrap();
    let spec = Spec::from(&content.release().entries[0]);
    assert_eq!(render(&content, &spec, &Inputs::new(&content, Map::new())).unwrap_err().code(), "missing");
}
