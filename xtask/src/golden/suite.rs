//! The tables of Kustomize's own tests: what the original builds of each row, and what we do.
//!
//! The oracle reads the tables from the source of the modules, where Go keeps them, and makes a tree of each row; nothing
//! of them is kept here.

use std::{collections::BTreeMap, path::Path};

use airlock::{
    archive::{Node, SafePath, Tree},
    render::kustomize::{Options, Order, Source, TreeFiles, build},
};
use anyhow::{Context as _, Result, bail};

use super::Oracle;

/// Rows on which we differ, and why. Each of them must still differ.
const EXCEPTIONS: [(&str, &str); 0] = [];

/// How many rows of a table there are, and how many of them are exceptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All rows.
    pub rows: usize,
    /// Those that are known to differ.
    pub excepted: usize,
}

#[derive(serde::Deserialize)]
struct Row {
    name: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    out: String,
    #[serde(default)]
    err: String,
    remote: Option<Remote>,
}

/// How a repository is named, and what that means.
#[derive(serde::Deserialize)]
struct Remote {
    input: String,
    clone: String,
    path: String,
    r#ref: String,
}

/// Builds every row and compares.
///
/// # Errors
/// When there is no Go or no module, when a row differs that is no exception (the first difference is told), and when one
/// that is does not.
pub fn run(checkout: &Path) -> Result<BTreeMap<String, Count>> {
    compare(&Oracle::build(checkout, "kustomize")?)
}

pub(super) fn compare(oracle: &Oracle) -> Result<BTreeMap<String, Count>> {
    let printed = oracle.run(&["suite"], None)?;
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in printed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let row: Row = serde_json::from_slice(line)?;
        let (table, _) = row.name.rsplit_once(' ').context("a row without a number")?;
        let count = counts.entry(table.to_owned()).or_default();
        count.rows += 1;
        if let Some(remote) = &row.remote {
            if let Err(error) = answered(remote)? {
                wrong.push(format!("{} {}: {error}", row.name, remote.input));
            }
            continue;
        }
        let have = built(&row)?;
        let want = if row.err.is_empty() { Ok(row.out) } else { Err(row.err) };
        match (EXCEPTIONS.iter().any(|(name, _)| *name == row.name), have == want) {
            (false, true) => (),
            (true, false) => count.excepted += 1,
            (true, true) => wrong.push(format!("{} is no exception any more", row.name)),
            (false, false) => {
                let files: Vec<String> =
                    row.files.iter().map(|(name, text)| format!("--- {name}\n{text}")).collect();
                wrong.push(format!("{}\n{}\nwant {want:?}\nhave {have:?}", row.name, files.join("")));
            }
        }
    }
    match wrong.first() {
        None => Ok(counts),
        Some(first) => bail!("{} rows of the original's tables differ, the first one:\n{first}", wrong.len()),
    }
}

fn built(row: &Row) -> Result<Result<String, String>> {
    let node = |(path, text): (&String, &String)| Ok((SafePath::new(path)?, Node::file(text.clone())));
    let tree = Tree::new(row.files.iter().map(node).collect::<Result<Vec<_>>>()?)?;
    let options = Options { order: Order::None, ..Options::default() };
    let output = build(&TreeFiles::new(&tree, Vec::new()), "/", &options);
    Ok(output.map(|output| output.text()).map_err(|error| error.to_string()))
}

/// Whether a kustomization that names a repository gets what stands at that revision in that directory of it.
fn answered(remote: &Remote) -> Result<Result<(), String>> {
    let node = |path: &str, text: String| -> Result<_> { Ok((SafePath::new(path)?, Node::file(text))) };
    let input = serde_json::to_string(&remote.input)?;
    let own = Tree::new([node("kustomization.yaml", format!("resources: [{input}]\n"))?])?;
    let directory = remote.path.trim_matches('/');
    let inside = |name: &str| match directory {
        "" => name.to_owned(),
        directory => format!("{directory}/{name}"),
    };
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";
    let tree = Tree::new([
        node(&inside("kustomization.yaml"), "resources: [a.yaml]\n".into())?,
        node(&inside("a.yaml"), object.into())?,
    ])?;
    let source = Source::new(&remote.clone, &remote.r#ref, || Some(tree.clone()));
    let output = build(&TreeFiles::new(&own, vec![source]), "/", &Options::default());
    Ok(match output.map(|output| output.text()).map_err(|error| error.to_string()) {
        Ok(text) if text == object => Ok(()),
        Ok(text) => Err(text),
        Err(error) => Err(error),
    })
}
