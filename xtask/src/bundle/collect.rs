//! Trees, charts and files out of directories of this machine.

use std::{os::unix::fs::PermissionsExt, path::Path};

use airlock::{
    archive::{Node, SafePath, Tree, Unpacked, read_tgz, write_tree},
    bundle::{BlobRole, Descriptor},
    limits,
};
use anyhow::{Context, Result, bail, ensure};

use super::blobs::Blobs;
use crate::disk;

/// The media type of a tree.
pub(super) const TREE: &str = "application/vnd.airlock.tree.v1.tar+zstd";

/// The media type of a chart that was a directory: a tree with the chart's name above its files, as `helm package` has it.
pub(super) const CHART_TREE: &str = "application/vnd.airlock.chart.v1.tar+zstd";

/// The media type of a chart as Helm packs it.
pub(super) const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// A chart is text: what unpacks to more than this is something else.
const CHART_BYTES: u64 = 1024 * 1024 * 1024;

/// Reads a directory, or a single file, as a tree. `skip` says which paths are left out.
///
/// # Errors
/// When something in it is no file, directory or link, or may not be in a tree.
pub(super) fn tree(path: &Path, skip: &dyn Fn(&Path) -> bool) -> Result<Tree> {
    let mut nodes = Vec::new();
    let found = std::fs::metadata(path).with_context(|| format!("failed to read {}", path.display()))?;
    if found.is_dir() {
        walk(path, path, skip, &mut nodes)?;
    } else {
        let name = path.file_name().and_then(|it| it.to_str()).context("its name is not UTF-8")?;
        nodes.push((SafePath::new(name)?, file(path)?));
    }
    ensure!(!nodes.is_empty(), "{} holds no file", path.display());
    Ok(Tree::new(nodes)?)
}

fn walk(
    top: &Path,
    directory: &Path,
    skip: &dyn Fn(&Path) -> bool,
    nodes: &mut Vec<(SafePath, Node)>,
) -> Result<()> {
    let list = || format!("failed to list {}", directory.display());
    for item in std::fs::read_dir(directory).with_context(list)? {
        let item = item.with_context(list)?;
        let path = item.path();
        // What Git keeps about a checkout is no part of it.
        if item.file_name() == ".git" || skip(&path) {
            continue;
        }
        let kind = item.file_type().with_context(list)?;
        let name = path.strip_prefix(top).ok().and_then(|it| it.to_str());
        let name = name.with_context(|| format!("the name of {} is not UTF-8", path.display()))?;
        let safe =
            || SafePath::new(name).with_context(|| format!("{} cannot be in a bundle", path.display()));
        if kind.is_dir() {
            walk(top, &path, skip, nodes)?;
        } else if kind.is_symlink() {
            let target = std::fs::read_link(&path).with_context(list)?;
            let target =
                target.to_str().with_context(|| format!("the target of {} is not UTF-8", path.display()))?;
            nodes.push((safe()?, Node::Symlink { target: target.to_owned() }));
        } else if kind.is_file() {
            nodes.push((safe()?, file(&path)?));
        } else {
            bail!("{} is neither a file, a directory nor a link", path.display());
        }
    }
    Ok(())
}

fn file(path: &Path) -> Result<Node> {
    let bytes = disk::read(path, limits::ARCHIVE_FILE_BYTES)?;
    let mode =
        std::fs::metadata(path).with_context(|| format!("failed to read {}", path.display()))?.permissions();
    Ok(Node::File { bytes: bytes.into(), executable: mode.mode() & 0o100 != 0 })
}

/// Packs a tree into a blob.
///
/// # Errors
/// When no node would read it.
pub(super) fn put_tree(tree: &Tree, blobs: &mut Blobs) -> Result<Descriptor> {
    let packed = write_tree(tree)?;
    Ok(blobs.put(packed.bytes, packed.unpacked, TREE, BlobRole::Tree))
}

/// Takes a chart: a `.tgz` byte for byte, a directory packed canonically.
///
/// # Errors
/// When it is no chart.
pub(super) fn put_chart(path: &Path, blobs: &mut Blobs) -> Result<Descriptor> {
    if path.is_dir() {
        let files = tree(path, &|_| false)?;
        let name =
            chart_name(&files, "Chart.yaml").with_context(|| format!("{} is no chart", path.display()))?;
        let above =
            files.into_nodes().map(|(path, node)| Ok((SafePath::new(&format!("{name}/{path}"))?, node)));
        let packed = write_tree(&Tree::new(above.collect::<Result<Vec<_>>>()?)?)?;
        return Ok(blobs.put(packed.bytes, packed.unpacked, CHART_TREE, BlobRole::Chart));
    }
    let bytes = disk::read(path, CHART_BYTES)?;
    let size = bytes.len() as u64;
    let unpacked = airlock::archive::measure_tgz(bytes.as_slice(), size, CHART_BYTES)
        .with_context(|| format!("{} is no `.tgz`", path.display()))?;
    let files = read_tgz(bytes.as_slice(), size, Unpacked::Exactly(unpacked))
        .with_context(|| format!("{} is no chart", path.display()))?;
    let tops = files.names("");
    let [top] = tops.as_slice() else {
        bail!("{} holds {} directories, and a chart is one", path.display(), tops.len())
    };
    chart_name(&files, &format!("{top}/Chart.yaml"))
        .with_context(|| format!("{} is no chart", path.display()))?;
    Ok(blobs.put(bytes, unpacked, CHART, BlobRole::Chart))
}

/// The files of a chart, to look at what it renders.
///
/// # Errors
/// When it is no chart.
pub(super) fn chart(path: &Path) -> Result<Tree> {
    if path.is_dir() {
        return tree(path, &|_| false);
    }
    let bytes = disk::read(path, CHART_BYTES)?;
    Ok(read_tgz(bytes.as_slice(), bytes.len() as u64, Unpacked::AtMost(CHART_BYTES))?)
}

fn chart_name(files: &Tree, path: &str) -> Result<String> {
    let text = files.file(path).with_context(|| format!("it has no {path}"))?;
    let chart: serde_yaml::Value =
        serde_yaml::from_slice(text).with_context(|| format!("its {path} is no YAML"))?;
    let name =
        chart.get("name").and_then(|it| it.as_str()).with_context(|| format!("its {path} has no name"))?;
    ensure!(!name.contains('/'), "its name `{name}` is none");
    Ok(name.to_owned())
}
