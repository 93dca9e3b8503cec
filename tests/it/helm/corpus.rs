//! Real charts with what Helm 4.2.3 printed of them.

use std::{io::Read as _, path::PathBuf, time::Instant};

use airlock::render::{
    gotemplate::{Map, value::ANY_MAP},
    helm::{Capabilities, Options, chart, install},
};
use flate2::read::GzDecoder;
use serde_json::json;

use super::{first_difference, read_corpus_chart, release, with_stack, world};

#[test]
fn charts_of_the_corpus_render_as_the_original_rendered_them() {
    let Some(corpus) = std::env::var_os("AIRLOCK_CORPUS").map(PathBuf::from) else {
        println!("skipped: AIRLOCK_CORPUS is not set");
        return;
    };
    let only = std::env::var("AIRLOCK_CHART").unwrap_or_default();
    let mut folders: Vec<_> =
        std::fs::read_dir(corpus.join("helm")).unwrap().map(|it| it.unwrap().path()).collect();
    folders.retain(|it| it.is_dir() && it.to_string_lossy().contains(&only));
    folders.sort();
    let (mut equal, mut wrong) = (0, Vec::new());
    for folder in &folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let masks = std::fs::read_to_string(folder.join("masked-lines.txt")).unwrap_or_default();
        // The numbers of lines that are random.
        let masks: Vec<usize> = masks.lines().map(|it| it.trim().parse().unwrap()).collect();
        let mut expect = String::new();
        let packed = std::fs::File::open(folder.join("expected.yaml.gz")).unwrap();
        GzDecoder::new(packed).read_to_string(&mut expect).unwrap();
        let start = Instant::now();
        let found = with_stack(|| {
            let tree = read_corpus_chart(&folder.join("chart.tgz"));
            let top = tree.names("").first().unwrap().to_string();
            let chart = chart::read_directory(&tree, &top).map_err(|error| error.to_string())?;
            let values = Map::new(&ANY_MAP, Default::default());
            let release = release(&json!({ "namespace": "ns" }));
            let options = Options { include_crds: true, ..Options::default() };
            let capabilities = Capabilities::default();
            let rendered = install(&chart, &values, &release, &capabilities, options, world());
            rendered.map(|it| it.text(false, false)).map_err(|error| error.to_string())
        });
        let took = start.elapsed().as_millis();
        match found {
            Err(error) => wrong.push(format!("{name} ({took} ms)\n    {error}")),
            Ok(found) if found == expect => equal += 1,
            Ok(found) => {
                let mask = |text: &str| -> String {
                    let lines = text.lines().enumerate();
                    lines
                        .map(
                            |(at, it)| {
                                if masks.contains(&(at + 1)) { "\n".into() } else { format!("{it}\n") }
                            },
                        )
                        .collect()
                };
                let (expect, found) = (mask(&expect), mask(&found));
                let open = expect.lines().zip(found.lines()).filter(|(a, b)| a != b).count();
                if open == 0 && expect.lines().count() == found.lines().count() {
                    equal += 1;
                } else {
                    wrong.push(format!(
                        "{name} ({took} ms), {open} lines\n{}",
                        first_difference(&expect, &found)
                    ));
                }
            }
        }
    }
    println!("{equal} of {} charts are equal", folders.len());
    assert!(
        wrong.is_empty(),
        "{equal} of {} charts are equal; these are not:\n{}",
        folders.len(),
        wrong.join("\n")
    );
}
