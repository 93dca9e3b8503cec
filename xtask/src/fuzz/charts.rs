//! Charts and their templates as the targets `chart` and `gotemplate` take them.

use std::path::{Path, PathBuf};

use airlock::{
    archive::{Node, Tree, Unpacked, read_tgz},
    render::gotemplate::sprig,
};
use anyhow::{Context as _, Result};
use serde_json::Value;

/// Larger inputs are slow to try, and small ones reach the same code.
const LARGEST: usize = 32 * 1024;

/// The first byte of an input of `chart` says what the rest is.
const ARCHIVE: u8 = 0;
const DIRECTORY: u8 = 3;
const TEMPLATE: u8 = 4;

/// Writes what our own cases and the real charts of `AIRLOCK_CORPUS` hold into `to`.
///
/// # Errors
/// When something there is not what it should be, or the disk refuses.
pub(super) fn seeds(target: &str, cases: &Path, to: &Path) -> Result<()> {
    if !matches!(target, "chart" | "gotemplate") {
        return Ok(());
    }
    let mut seeds = Seeds { whole: target == "chart", to, written: 0 };
    for file in listed(&cases.join("render"))? {
        if file.extension().is_some_and(|it| it == "yaml") {
            let cases: Vec<Value> = serde_yaml::from_str(&std::fs::read_to_string(&file)?)
                .with_context(|| file.display().to_string())?;
            cases.iter().filter_map(|it| it["files"].as_object()).try_for_each(|it| seeds.case(it))?;
        }
    }
    if let Some(corpus) = std::env::var_os("AIRLOCK_CORPUS").map(PathBuf::from) {
        for folder in listed(&corpus.join("helm"))? {
            if let Ok(bytes) = std::fs::read(folder.join("chart.tgz")) {
                let tree = read_tgz(bytes.as_slice(), bytes.len() as u64, Unpacked::AtMost(1 << 30))?;
                seeds.chart(&bytes, &tree)?;
            }
        }
    }
    Ok(())
}

/// Writes the words of templates, which chance does not find, into a file in the form of libFuzzer's dictionaries.
///
/// # Errors
/// When the disk refuses.
pub(super) fn words(target: &str, place: &Path) -> Result<Option<PathBuf>> {
    if !matches!(target, "chart" | "gotemplate") {
        return Ok(None);
    }
    let words = sprig::functions().map(|it| it.name).chain(SYNTAX.split_whitespace());
    let lines = words.map(|it| format!("\"{}\"\n", it.replace('\\', r"\\").replace('"', "\\\"")));
    let file = place.join(format!("{target}.dict"));
    std::fs::write(&file, lines.collect::<String>())?;
    Ok(Some(file))
}

const SYNTAX: &str = r#"{{ }} {{- -}} {{/* */}} := = | ( ) . $ $x .Values .x if else end range with define template block break
    continue nil true false and or not len index slice print printf println html js urlquery call eq ne lt le gt ge
    "%v" "%#v" "%-8.3q" `x` 'x' 0x1p-2 1e9 include tpl required lookup toYaml fromYaml toToml fromToml .Files.Get"#;

struct Seeds<'a> {
    /// Whether the target takes whole charts, or only templates.
    whole: bool,
    to: &'a Path,
    written: usize,
}

impl Seeds<'_> {
    fn case(&mut self, files: &serde_json::Map<String, Value>) -> Result<()> {
        let texts = files.iter().filter_map(|(name, it)| Some((name.as_str(), it.as_str()?.as_bytes())));
        self.directory(texts.clone())?;
        texts.filter(|(name, _)| is_template(name)).try_for_each(|(_, it)| self.template(it))
    }

    fn chart(&mut self, archive: &[u8], tree: &Tree) -> Result<()> {
        let files = || {
            tree.iter().filter_map(|(path, node)| match node {
                // Below the directory of the chart's name.
                Node::File { bytes, .. } => Some((path.as_str().split_once('/')?.1, &bytes[..])),
                Node::Symlink { .. } => None,
            })
        };
        files().filter(|(name, _)| is_template(name)).try_for_each(|(_, it)| self.template(it))?;
        if self.whole {
            self.write(&[&[ARCHIVE], archive])?;
        }
        self.directory(files())
    }

    /// Names and contents by turns, each up to a zero.
    fn directory<'f>(&mut self, files: impl Iterator<Item = (&'f str, &'f [u8])>) -> Result<()> {
        let mut all = vec![DIRECTORY];
        for (name, content) in files {
            for part in [name.as_bytes(), content] {
                all.extend(part);
                all.push(0);
            }
        }
        if self.whole { self.write(&[&all]) } else { Ok(()) }
    }

    fn template(&mut self, text: &[u8]) -> Result<()> {
        match self.whole {
            true => self.write(&[&[TEMPLATE], text]),
            false => self.write(&[text]),
        }
    }

    fn write(&mut self, parts: &[&[u8]]) -> Result<()> {
        let bytes = parts.concat();
        if bytes.len() <= LARGEST {
            self.written += 1;
            std::fs::write(self.to.join(format!("chart-{}", self.written)), bytes)?;
        }
        Ok(())
    }
}

fn is_template(name: &str) -> bool {
    name.contains("templates/")
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = listed.map(|it| Ok(it?.path())).collect::<Result<_>>()?;
    paths.sort();
    Ok(paths)
}
