//! The hostile table: every way in which a bundle may lie that `tests/data/hostile/rows.yaml` lists, as data, through
//! the real import into a real store. `tests/data/hostile/README.md` says how a case is written.

mod node;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::Value;

use crate::support::recipe::{
    Place,
    bytes::Edit,
    document::Document,
    medium::{self, Made},
};
use node::Node;

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The row of the threat table.
    row: String,
    /// What happens, in one sentence.
    says: String,
    #[serde(default)]
    node: Begin,
    /// Media by name; one may say `like` another and change it.
    #[serde(default)]
    media: BTreeMap<String, Value>,
    steps: Vec<Step>,
}

/// The node before anything happens: the one of `ship-7`, on which the fleet's first root is anchored.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Begin {
    /// The chain of which one root is anchored.
    roots: Option<Vec<Document>>,
    /// Which one: the last where it says nothing.
    anchor: Option<usize>,
    cluster: Option<String>,
    channels: Option<Vec<String>>,
    wildcards: bool,
    agent: Option<String>,
    arch: Option<String>,
    kubernetes: Option<u32>,
    /// Clusters for which it keeps bundles that it does not run.
    relays: Vec<String>,
    /// The clock at each step that says nothing: day 10.
    clock: Option<Value>,
}

/// What is done, what comes of it, and what it leaves behind. One of the first words says what.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Step {
    /// Media by name; `disc#2` is one volume. All are imported at once.
    import: Option<Several<String>>,
    /// Together with `import`: the directory is given that they all lie in.
    top: bool,
    /// The checks alone, as `airlock verify` makes them.
    verify: Option<String>,
    /// The store is closed and files of it change; the next step opens it.
    damage: Option<BTreeMap<String, Vec<Edit>>>,
    /// Files of the store that are gone.
    lose: Option<Vec<String>>,
    /// Files of the store are copied, under a name for all of them.
    save: Option<BTreeMap<String, Vec<String>>>,
    /// The store is closed and what was copied under that name lies there again.
    back: Option<String>,
    /// A file that stands on a medium before it is imported: `name: target` of a link, by medium.
    plant: Option<BTreeMap<String, BTreeMap<String, String>>>,
    /// The process ends and another one starts.
    restart: Option<node::Restart>,
    /// `airlock trust init` with the last root of a chain.
    anchor: Option<node::Anchor>,
    /// `airlock trust recover` with the root that was anchored.
    recover: Option<node::Recover>,
    /// A latest card is shown to the node.
    card: Option<Document>,
    /// An agent statement is verified.
    agent: Option<Document>,
    /// The operator's word for a refusal of the bundle on a medium.
    approve: Option<node::Approve>,
    /// What is staged becomes active, and what is active is verified again as at every start.
    activate: Option<String>,
    /// What is active is verified again, by channel.
    admit: Option<String>,
    /// Everything is hashed again.
    fsck: bool,
    /// The tree of what was accepted is read, as a renderer does.
    read: Option<node::Read>,
    /// Bytes of a manifest are read.
    yaml: Option<node::Yaml>,
    clock: Option<Value>,
    /// The code, or `staged`, `held`, `incomplete`, `ok`; several where several bundles come.
    expect: Option<Several<String>>,
    /// A part of the sentence, or of those behind it. A code that stands for many things needs one.
    because: Option<String>,
    leaves: Leaves,
}

/// What a step leaves behind, where it is not what its outcome leaves.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Leaves {
    /// Trust roots that were walked.
    learned: u32,
    /// Receipt lines.
    receipts: Option<u64>,
    /// The floor of channel `platform`, or of the channel named before a space.
    floor: Option<String>,
    /// The time floor.
    time: Option<Value>,
    /// What the want-list names.
    want: Option<Vec<String>>,
    /// What the node was told of the newest bundle.
    latest: Option<String>,
    /// What was found at a start and mended.
    notices: Option<Vec<String>>,
    /// Blobs that came.
    blobs: Option<usize>,
    /// A part of the words that a courier is given.
    words: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Several<T> {
    One(T),
    Many(Vec<T>),
}

impl<T: Clone> Several<T> {
    fn list(&self) -> Vec<T> {
        match self {
            Self::One(it) => vec![it.clone()],
            Self::Many(all) => all.clone(),
        }
    }
}

/// Codes that stand for many reasons: a case that expects one says which reason it means.
const BROAD: [&str; 11] = [
    "format",
    "yaml",
    "json",
    "tampered",
    "medium",
    "io",
    "root_chain",
    "archive_path",
    "archive_entry",
    "archive_limit",
    "archive_format",
];

/// How long any case may take on a busy machine without optimisation. A bomb takes longer, or the memory ends.
const PATIENCE: Duration = Duration::from_secs(20);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hostile")
}

/// A row of the threat table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[expect(dead_code, reason = "for people")]
    says: String,
    least: usize,
    /// The row's cases are plans, below `tests/data/plan`, with names that begin so.
    plan: Option<String>,
}

#[test]
fn every_hostile_case_ends_as_it_should() {
    let rows = std::fs::read_to_string(folder().join("rows.yaml")).unwrap();
    let rows: BTreeMap<String, Row> = serde_yaml::from_str(&rows).unwrap();
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|it| it.unwrap().path()).collect();
    cases.retain(|it| it.is_dir());
    cases.sort();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(path) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let begun = Instant::now();
                    let result = std::panic::catch_unwind(|| run(path));
                    let took = begun.elapsed();
                    let row = result.map_err(|panic| words(panic.as_ref()));
                    done.lock().unwrap().push((path.clone(), row, took));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort();
    report(&rows, &done);
}

/// What a panic said.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned())).unwrap_or_default()
}

fn report(rows: &BTreeMap<String, Row>, done: &[(PathBuf, Result<String, String>, Duration)]) {
    let mut counts: BTreeMap<&str, usize> = rows.keys().map(|row| (row.as_str(), 0)).collect();
    for (row, prefix) in rows.iter().filter_map(|(row, it)| Some((row, it.plan.as_ref()?))) {
        let plans = std::fs::read_dir(folder().with_file_name("plan")).unwrap();
        let names = plans.map(|it| it.unwrap().file_name().into_string().unwrap());
        counts.insert(row, names.filter(|it| it.starts_with(prefix)).count());
    }
    let mut wrong = String::new();
    for (path, result, took) in done {
        let name = path.file_name().unwrap().to_str().unwrap();
        match result {
            Ok(row) if !name.starts_with(&format!("{row}-")) => {
                writeln!(wrong, "{name}: it says to be of row {row}").unwrap();
            }
            Ok(row) => match counts.get_mut(row.as_str()) {
                Some(count) => *count += 1,
                None => writeln!(wrong, "{name}: rows.yaml has no row {row}").unwrap(),
            },
            Err(why) => writeln!(wrong, "{name}: {why}").unwrap(),
        }
        if *took > PATIENCE {
            writeln!(wrong, "{name}: it took {took:?}").unwrap();
        }
    }
    let shown: Vec<String> = counts.iter().map(|(row, count)| format!("{row} {count}")).collect();
    let total: usize = counts.values().sum();
    println!("hostile: {total} cases end as they should ({})", shown.join(", "));
    if let Some((path, _, took)) = done.iter().max_by_key(|(.., took)| *took) {
        println!("hostile: the longest, {}, took {took:?}", path.file_name().unwrap().display());
    }
    for (row, Row { least, .. }) in rows {
        if counts[row.as_str()] < *least {
            writeln!(wrong, "row {row} has {} cases, and {least} are due", counts[row.as_str()]).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Reads YAML by way of JSON, so that a recipe's words are maps with one key and not tags.
fn read(path: &Path) -> Case {
    let text = std::fs::read_to_string(path.join("case.yaml")).unwrap();
    let value: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}"))
}

/// A medium by name, on top of the one that it is like.
fn recipe(media: &BTreeMap<String, Value>, name: &str) -> Value {
    let mut own = match media.get(name) {
        Some(own) => own.clone(),
        None if name == "good" => Value::Object(serde_json::Map::new()),
        None => panic!("nobody knows the medium `{name}`"),
    };
    match own.as_object_mut().and_then(|fields| fields.remove("like")) {
        Some(other) => overlay(recipe(media, other.as_str().unwrap()), own),
        None => own,
    }
}

/// A merge patch that knows no words: those are for the documents.
fn overlay(base: Value, patch: Value) -> Value {
    match (base, patch) {
        (Value::Object(mut base), Value::Object(patch)) => {
            for (key, change) in patch {
                let below = base.remove(&key).unwrap_or(Value::Null);
                base.insert(key, overlay(below, change));
            }
            Value::Object(base)
        }
        (_, patch) => patch,
    }
}

/// Runs a case and says of which row it is.
fn run(path: &Path) -> String {
    let case = read(path);
    assert!(case.says.ends_with('.') && case.says.len() > 20, "it does not say what happens");
    assert!(case.steps.iter().any(|it| it.expect.is_some()), "it expects nothing");
    let place = Place { folder: path.to_owned(), ..Place::default() };
    let media: BTreeMap<String, Made> = case
        .media
        .keys()
        .map(String::as_str)
        .chain(["good"])
        .map(|name| {
            let recipe: medium::Recipe = serde_json::from_value(recipe(&case.media, name))
                .unwrap_or_else(|error| panic!("medium {name}: {error}"));
            (name.to_owned(), recipe.make(&place))
        })
        .collect();
    let mut node = Node::begin(&case.node, media, place);
    for (number, step) in (1..).zip(&case.steps) {
        for code in step.expect.iter().flat_map(Several::list) {
            let vague = BROAD.contains(&code.as_str()) && step.because.is_none();
            assert!(!vague, "step {number} expects `{code}` and does not say because of what");
        }
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| node.step(step)));
        if let Err(panic) = result {
            panic!("step {number}: {}", words(panic.as_ref()));
        }
    }
    case.row
}
