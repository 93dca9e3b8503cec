//! A chart from a `.tgz`.

use super::{Chart, File, load};
use crate::{
    archive::{self, Node, Unpacked},
    limits,
    render::{
        gotemplate::{Str, strconv::quote},
        helm::Error,
    },
};

/// Reads a chart archive. The first name of each path is dropped, `.helmignore` does not count, and a symbolic link is
/// an empty file, as in the original.
///
/// # Errors
/// When it is no archive, larger than the original takes, or no chart.
pub fn read_archive(bytes: &[u8]) -> Result<Chart, Error> {
    read_nested(bytes, 0, &mut { limits::CHART_TOTAL_BYTES })
}

/// As [`read_archive`], `depth` charts deep, of which all together may still unpack to `left` bytes.
pub(super) fn read_nested(bytes: &[u8], depth: usize, left: &mut u64) -> Result<Chart, Error> {
    let files = files(bytes).map_err(|error| match error {
        // The original does not say what is wrong with an archive.
        Error::Chart(why) if depth == 0 => Error::Archive(archive::Error::Format(why)),
        error => error,
    })?;
    let size: u64 = files.iter().map(|it| it.data.len() as u64).sum();
    *left = left.checked_sub(size).ok_or_else(|| {
        let limit = limits::CHART_TOTAL_BYTES;
        Error::Chart(format!("the archives of the chart unpack to more than {limit} bytes"))
    })?;
    let chart = files.iter().find(|it| it.name == "Chart.yaml");
    match chart {
        Some(file) => load::check_version(&file.data)?,
        // A chart within another is not asked for its version first.
        None if depth > 0 => (),
        None => return Err(Error::Chart("unable to detect chart version, no Chart.yaml found".into())),
    }
    load::load_nested(files, depth, left)
}

fn files(bytes: &[u8]) -> Result<Vec<File>, Error> {
    let limit = limits::CHART_FILE_BYTES;
    let size = Unpacked::AtMost(limits::CHART_BYTES + limits::CHART_BYTES / 4);
    let tree = archive::read_tgz(bytes, bytes.len() as u64, size).map_err(Error::Archive)?;
    let mut files = Vec::with_capacity(tree.len());
    let mut total = 0_u64;
    for (path, node) in tree.into_nodes() {
        let Some((_, name)) = path.as_str().split_once('/') else {
            if path.as_str() == "Chart.yaml" {
                return Err(Error::Chart("chart yaml not in base directory".into()));
            }
            let path = quote(path.as_str().as_bytes());
            let why = "chart illegally contains content outside the base directory";
            return Err(Error::Chart(format!("{why}: {path}")));
        };
        let data = match node {
            Node::File { bytes, .. } => Str::from(bytes),
            Node::Symlink { .. } => Str::default(),
        };
        if data.len() as u64 > limit {
            let path = quote(path.as_str().as_bytes());
            let why = format!("decompressed chart file {path} is larger than the maximum file size {limit}");
            return Err(Error::Chart(why));
        }
        total = total.saturating_add(data.len() as u64);
        if total >= limits::CHART_BYTES {
            let limit = limits::CHART_BYTES;
            return Err(Error::Chart(format!("decompressed chart is larger than the maximum size {limit}")));
        }
        files.push(File { name: name.to_owned(), data: load::without_mark(data) });
    }
    if files.is_empty() {
        return Err(Error::Chart("no files in chart archive".into()));
    }
    // `helm package` writes a directory's files and directories by their names; a tree sorts whole paths.
    files.sort_by(|a, b| a.name.split('/').cmp(b.name.split('/')));
    Ok(files)
}
