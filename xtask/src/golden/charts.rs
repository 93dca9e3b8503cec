//! Real charts with other values than their own, made by rule: Helm itself and ours on the same input, side by side.
//!
//! ```text
//! missing   what a chart that does not render with its own values says is not there, in all other sets too
//! toggle    every `enabled` and the like by itself, the other way round
//! single    a text or a number by itself
//! sizes     all replicas, all resources
//! names     all texts that name things
//! unknown   what the chart has no word for
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use airlock::{
    archive::{Unpacked, read_tgz},
    render::{
        gotemplate::{Budget, sprig::clock::Time},
        helm::{Capabilities, Options, Randomness, Release, World, chart, check, install, values::Overrides},
    },
};
use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::original;

/// Toggles of one chart at most; of more, every so many are taken.
const TOGGLES: usize = 8;

/// Texts and numbers of one chart that are set by themselves, of each at most.
const SINGLES: usize = 4;

/// Tables that a chart may lack before it renders.
const LACKS: usize = 8;

/// How often the original is asked again where the two differ: what it says otherwise then is random.
const AGAIN: usize = 5;

/// What nested templates may take of the stack.
const STACK: usize = 256 << 20;

/// Compares all charts; gives what differs, in words.
///
/// # Errors
/// When Helm or a chart cannot be had.
pub(super) fn compare() -> Result<String> {
    let corpus = std::env::var_os("AIRLOCK_CORPUS").context("AIRLOCK_CORPUS names no charts")?;
    let only = std::env::var("AIRLOCK_CHART").unwrap_or_default();
    let helm = original::helm()?;
    let mut folders: Vec<PathBuf> =
        fs::read_dir(Path::new(&corpus).join("helm"))?.map(|it| Ok(it?.path())).collect::<Result<_>>()?;
    folders.retain(|it| it.join("chart.tgz").exists() && it.to_string_lossy().contains(&only));
    folders.sort();
    let place = tempfile::tempdir()?;
    let (mut equal, mut refused, mut random, mut few) = (0, 0, 0, Vec::new());
    let mut different = String::new();
    for folder in &folders {
        let name = folder.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let archive = folder.join("chart.tgz");
        let file = place.path().join("values.yaml");
        let lacks = lacks(&helm, &archive, &file)?;
        let mut sets = sets(&own_values(&archive)?);
        let mut rendered = 0;
        for (what, set) in &mut sets {
            for path in &lacks {
                supply(set, path);
            }
            let set = &*set;
            fs::write(&file, set.to_string())?;
            let theirs = theirs(&helm, &archive, &file)?;
            let ours = ours(&archive, set)?;
            rendered += usize::from(theirs.is_ok());
            match settle(&theirs, &ours, || self::theirs(&helm, &archive, &file))? {
                Same::Equal if theirs.is_ok() => equal += 1,
                Same::Equal => refused += 1,
                Same::Random => random += 1,
                Same::Not(difference) => {
                    different.push_str(&format!("{name}, {what}\n{difference}\n"));
                }
            }
        }
        if rendered < 3 && !sets.is_empty() {
            few.push(format!("{name} ({rendered} of {})", sets.len()));
        }
    }
    eprintln!(
        "{} charts: {equal} sets of values are equal, {refused} are refused in the same words, {random} differ where the \
         original differs from itself; fewer than three sets are rendered of: {}",
        folders.len(),
        few.join(", ")
    );
    Ok(different)
}

/// Tables that the chart reads something of and does not have: the original names one at a time.
fn lacks(helm: &Path, archive: &Path, file: &Path) -> Result<Vec<Vec<String>>> {
    let (mut set, mut lacks) = (json!({}), Vec::new());
    while lacks.len() < LACKS {
        fs::write(file, set.to_string())?;
        let Err(error) = theirs(helm, archive, file)? else { break };
        let Some((_, rest)) = error.split_once("at <.Values.").filter(|_| error.contains("nil pointer"))
        else {
            break;
        };
        let path: Vec<String> =
            rest.split('>').next().unwrap_or_default().split('.').map(str::to_owned).collect();
        let Some((_, table)) = path.split_last().filter(|(_, table)| !table.is_empty()) else { break };
        supply(&mut set, table);
        lacks.push(table.to_vec());
    }
    Ok(lacks)
}

/// Puts an empty table where there is none.
fn supply(set: &mut Value, path: &[String]) {
    let pointer: String = path.iter().map(|it| format!("/{it}")).collect();
    if set.pointer(&pointer).is_none() {
        put(set, path, json!({}));
    }
}

/// What is printed, or the error.
type Printed = Result<String, String>;

/// How two outputs stand to each other.
enum Same {
    Equal,
    /// The original prints something else each time, in this place.
    Random,
    /// The first line that differs.
    Not(String),
}

/// Compares the two but for the lines that the original prints otherwise each time.
fn settle(theirs: &Printed, ours: &Printed, again: impl Fn() -> Result<Printed>) -> Result<Same> {
    if theirs == ours {
        return Ok(Same::Equal);
    }
    let text = |it: &Printed| it.clone().unwrap_or_else(|error| error);
    let mut runs = vec![text(theirs)];
    for _ in 0..AGAIN {
        runs.push(text(&again()?));
    }
    let first: Vec<&str> = runs.first().map(|it| it.lines().collect()).unwrap_or_default();
    let own = text(ours);
    let own: Vec<&str> = own.lines().collect();
    let mut stable = vec![true; first.len()];
    for run in &runs {
        let lines: Vec<&str> = run.lines().collect();
        if lines.len() != first.len() {
            // Not even where things stand is the same each time.
            return Ok(Same::Random);
        }
        for (stable, (a, b)) in stable.iter_mut().zip(first.iter().zip(&lines)) {
            *stable &= a == b;
        }
    }
    let is_random = stable.contains(&false);
    if theirs.is_ok() == ours.is_ok() && own.len() == first.len() {
        let open = stable.iter().zip(first.iter().zip(&own)).position(|(stable, (a, b))| *stable && a != b);
        return Ok(match open {
            None => Same::Random,
            Some(at) => Same::Not(shown(at, first.get(at), own.get(at))),
        });
    }
    if is_random && runs.iter().any(|it| it.lines().eq(own.iter().copied())) {
        return Ok(Same::Random);
    }
    let at = first.iter().zip(&own).position(|(a, b)| a != b).unwrap_or_else(|| first.len().min(own.len()));
    Ok(Same::Not(shown(at, first.get(at), own.get(at))))
}

fn shown(at: usize, theirs: Option<&&str>, ours: Option<&&str>) -> String {
    format!("    line {}\n    original {theirs:?}\n    ours     {ours:?}", at + 1)
}

/// The values of the chart itself.
fn own_values(archive: &Path) -> Result<Map<String, Value>> {
    let bytes = fs::read(archive)?;
    let tree = read_tgz(bytes.as_slice(), bytes.len() as u64, Unpacked::AtMost(1 << 30))?;
    let top = tree.names("").first().map_or_else(String::new, |it| (*it).to_owned());
    let text = tree.file(&format!("{top}/values.yaml")).unwrap_or_default();
    let values =
        chart::read_values(text).map_err(|error| anyhow::anyhow!("{}: {error}", archive.display()))?;
    Ok(match Value::from(airlock::yaml::Value::Map(values)) {
        Value::Object(map) => map,
        _ => Map::new(),
    })
}

/// Sets of values by rule, each with what it is.
fn sets(own: &Map<String, Value>) -> Vec<(String, Value)> {
    let mut leaves = Vec::new();
    find(own, &mut Vec::new(), &mut leaves);
    let mut sets = Vec::new();
    let toggles: Vec<(&Vec<String>, bool)> =
        leaves.iter().filter_map(|(path, value)| Some((path, value.as_bool()?))).collect();
    for (path, value) in toggles.iter().step_by(toggles.len().div_ceil(TOGGLES).max(1)) {
        let mut set = json!({});
        put(&mut set, path, json!(!value));
        sets.push((format!("{} toggled", path.join(".")), set));
    }
    let texts: Vec<_> = leaves.iter().filter(|(_, value)| value.is_string()).collect();
    let numbers: Vec<_> = leaves.iter().filter(|(_, value)| value.is_number()).collect();
    for singles in [texts, numbers] {
        for (path, old) in singles.iter().step_by(singles.len().div_ceil(SINGLES).max(1)) {
            let value = old.as_f64().map_or_else(|| json!("other-1"), |number| json!(number + 1.0));
            let mut set = json!({});
            put(&mut set, path, value);
            sets.push((format!("{} alone", path.join(".")), set));
        }
    }
    sets.push(("unknown".to_owned(), json!({"unheard": {"of": [1, null, "x"]}})));
    sets.push(("unknown to all".to_owned(), json!({"global": {"unheard": {"of": "it's"}}})));
    let mut all = |what: &str, value: Value, fits: &dyn Fn(&str, &Value) -> bool| {
        let mut set = json!({});
        for (path, old) in &leaves {
            if path.last().is_some_and(|key| fits(key, old)) {
                put(&mut set, path, value.clone());
            }
        }
        if set.as_object().is_some_and(|it| !it.is_empty()) {
            sets.push((what.to_owned(), set));
        }
    };
    all("replicas", json!(3), &|key, old| matches!(key, "replicas" | "replicaCount") && old.is_number());
    let resources = json!({"limits": {"memory": "128Mi"}, "requests": {"cpu": "100m", "memory": 64_000_000}});
    all("resources", resources, &|key, old| key == "resources" && old.is_object());
    all("names", json!("it's-\u{e9}"), &|key, old| {
        matches!(key, "nameOverride" | "fullnameOverride" | "clusterDomain" | "priorityClassName")
            && old.is_string()
    });
    let labels = json!({"a": "yes", "b/c": "1e3", "d": "multi\nline\n"});
    all("maps", labels, &|key, old| {
        matches!(
            key,
            "commonLabels" | "annotations" | "podAnnotations" | "labels" | "nodeSelector" | "podLabels"
        ) && old.as_object().is_some_and(Map::is_empty)
    });
    let items = json!([{"key": "a", "operator": "Exists"}, {"name": "b", "value": "{{ .Release.Name }}"}]);
    all("lists", items, &|key, old| {
        matches!(key, "tolerations" | "extraEnv" | "extraEnvVars" | "env")
            && old.as_array().is_some_and(Vec::is_empty)
    });
    sets
}

/// Every value that is no table, and every table that has a rule of its own.
fn find(map: &Map<String, Value>, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, Value)>) {
    for (key, value) in map {
        path.push(key.clone());
        match value {
            Value::Object(inner) if !inner.is_empty() && key != "resources" => {
                if path.len() < 6 {
                    find(inner, path, leaves);
                }
            }
            value => leaves.push((path.clone(), value.clone())),
        }
        path.pop();
    }
}

fn put(set: &mut Value, path: &[String], value: Value) {
    let mut at = set;
    for key in path {
        if !at.is_object() {
            *at = json!({});
        }
        let Some(map) = at.as_object_mut() else { return };
        at = map.entry(key.clone()).or_insert(Value::Null);
    }
    *at = value;
}

fn theirs(helm: &Path, archive: &Path, values: &Path) -> Result<Printed> {
    let output = Command::new(helm)
        .args(["template", "rel"])
        .arg(archive)
        .args(["--include-crds", "--namespace", "ns", "--values"])
        .arg(values)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(Ok(String::from_utf8_lossy(&output.stdout).into_owned()));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // Warnings stand before it.
    let error = said.split_once("Error: ").map_or(&*said, |(_, error)| error);
    Ok(Err(error.trim_end().to_owned()))
}

fn ours(archive: &Path, set: &Value) -> Result<Printed> {
    let bytes = fs::read(archive)?;
    let set = set.to_string().into_bytes();
    let render = move || -> Printed {
        let now = Timestamp::now();
        let world = World {
            now: Time::unix(now.as_second()),
            random: Randomness::Derived([7; 32]),
            cluster: None,
            budget: Budget { stack: STACK / 2, ..Budget::default() },
            lenient: false,
        };
        let late = |error: airlock::render::helm::Error| {
            let debug = if error.is_late() { "\n\nUse --debug flag to render out invalid YAML" } else { "" };
            format!("{error}{debug}").trim_end().to_owned()
        };
        let overrides = Overrides { files: vec![("values.yaml".into(), set)], ..Overrides::default() };
        let given = overrides.values(&|_| Err("no files".into())).map_err(late)?;
        let chart = chart::read_archive(&bytes).map_err(late)?;
        check(&chart).map_err(late)?;
        let release = Release { name: "rel".into(), namespace: "ns".into(), revision: 1, is_upgrade: false };
        let options = Options { include_crds: true, ..Options::default() };
        let rendered =
            install(&chart, &given, &release, &Capabilities::default(), options, world).map_err(late)?;
        Ok(rendered.text(false, false))
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(render)?;
    let printed = thread.join();
    ensure!(printed.is_ok(), "{} breaks ours", archive.display());
    Ok(printed.unwrap_or_else(|_| Err(String::new())))
}
