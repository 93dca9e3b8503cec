//! Charts on the disk.

use std::path::Path;

use crate::{
    archive::{Node, SafePath, Tree, Unpacked, read_tgz},
    fault::{Class, Report},
    limits,
    render::helm::{Chart, chart},
};

/// Reads a chart from a directory or a `.tgz`.
pub(in crate::cli) fn chart(place: &Path) -> Result<Chart, Report> {
    let shown = place.display();
    let report = |why: String, hint: &str| Report::new("chart", Class::Invalid, why, Some(hint));
    if shown.to_string().contains("://") {
        return Err(report(
            format!("{shown} is not fetched"),
            "nothing here uses a network; name a directory or a `.tgz`",
        ));
    }
    let about = std::fs::metadata(place).map_err(|error| {
        let hint = "name a directory or a `.tgz`; charts of repositories are not fetched";
        report(format!("path \"{shown}\" not found: {error}"), hint)
    })?;
    if !about.is_dir() {
        if about.len() > limits::CHART_BYTES {
            return Err(report(
                format!("file '{shown}' is too large for a chart"),
                "a chart has at most 100 MiB",
            ));
        }
        let bytes = std::fs::read(place).map_err(|error| unreadable(place, &error))?;
        if !bytes.starts_with(b"\x1f\x8b") {
            let why = format!("file '{shown}' does not appear to be a gzipped archive");
            return Err(report(why, "name the directory of the chart, or a `.tgz`"));
        }
        return Ok(chart::read_archive(&bytes)?);
    }
    Ok(chart::read_directory(&directory(place)?, "")?)
}

/// The files of a chart, and where in them it stands.
pub(in crate::cli) fn tree(place: &Path) -> Result<(Tree, String), Report> {
    if place.is_dir() {
        return Ok((directory(place)?, String::new()));
    }
    let bytes = std::fs::read(place).map_err(|error| unreadable(place, &error))?;
    let size = Unpacked::AtMost(limits::CHART_BYTES);
    let tree = read_tgz(bytes.as_slice(), bytes.len() as u64, size)?;
    let top = tree.names("").first().map_or_else(String::new, |it| (*it).to_owned());
    Ok((tree, top))
}

fn directory(place: &Path) -> Result<Tree, Report> {
    let rules = std::fs::read(place.join(".helmignore")).unwrap_or_default();
    let rules = chart::Rules::parse(&rules).map_err(|why| {
        Report::new("chart", Class::Invalid, why, Some("correct the chart's `.helmignore`"))
    })?;
    let mut nodes = Vec::new();
    let mut total = 0;
    gather(place, "", 0, &rules, &mut nodes, &mut total)?;
    Ok(Tree::new(nodes)?)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Report {
    Report::new("chart", Class::Invalid, format!("{} cannot be read: {error}", path.display()), None)
}

/// Takes the files of a directory. Links count as what they lead to, as in the original; what is left out is not read.
fn gather(
    directory: &Path,
    shown: &str,
    depth: usize,
    rules: &chart::Rules,
    nodes: &mut Vec<(SafePath, Node)>,
    total: &mut u64,
) -> Result<(), Report> {
    let too_much = |what: &str| Report::new("chart", Class::Invalid, format!("the chart has {what}"), None);
    if depth > limits::PATH_DEPTH {
        return Err(too_much("directories too deep within each other, or links that lead to themselves"));
    }
    let entries = std::fs::read_dir(directory).map_err(|error| unreadable(directory, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| unreadable(directory, &error))?.path();
        let Some(name) = path.file_name().and_then(|it| it.to_str()) else {
            return Err(too_much(&format!("a file whose name is no UTF-8: {}", path.display())));
        };
        let inside = if shown.is_empty() { name.to_owned() } else { format!("{shown}/{name}") };
        let about = std::fs::metadata(&path).map_err(|error| {
            Report::new(
                "chart",
                Class::Invalid,
                format!("error evaluating symlink {}: {error}", path.display()),
                None,
            )
        })?;
        if rules.ignores(&inside, about.is_dir()) {
            continue;
        }
        if about.is_dir() {
            gather(&path, &inside, depth + 1, rules, nodes, total)?;
            continue;
        }
        if !about.is_file() {
            let why =
                format!("cannot load irregular file {} as it has file mode type bits set", path.display());
            return Err(Report::new("chart", Class::Invalid, why, None));
        }
        *total = total.saturating_add(about.len());
        if *total > limits::CHART_BYTES || nodes.len() >= limits::ARCHIVE_ENTRIES {
            return Err(too_much("more than 100 MiB of files, or too many of them"));
        }
        let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        let place = SafePath::new(&inside).map_err(|why| {
            Report::new("chart", Class::Invalid, format!("{}: {why}", path.display()), None)
        })?;
        nodes.push((place, Node::file(bytes)));
    }
    Ok(())
}
