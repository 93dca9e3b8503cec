//! Case directories with a file of what is expected.

use std::path::{Path, PathBuf};

/// The case directories of a stage, sorted; fails where there are fewer than `at_least`.
fn all(stage: &str, at_least: usize) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(stage);
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&root).unwrap().map(|it| it.unwrap().path()).collect();
    cases.retain(|it| it.is_dir());
    cases.sort();
    assert!(cases.len() >= at_least, "{} cases in {}", cases.len(), root.display());
    cases
}

/// Checks every case of a stage and fails once, with the names of those that did.
pub fn each(stage: &str, at_least: usize, check: impl Fn(&Path) + std::panic::RefUnwindSafe) {
    let failed = |case: &PathBuf| std::panic::catch_unwind(|| check(case)).is_err();
    let failed: Vec<PathBuf> = all(stage, at_least).into_iter().filter(failed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

/// A YAML file of a case; the default where there is none.
pub fn read<T: serde::de::DeserializeOwned + Default>(file: &Path) -> T {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            // By way of JSON, so that an enum is a map with one key.
            let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
            serde_json::from_value(value).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        }
        Err(_) => T::default(),
    }
}

/// Compares a result with the case's `expected.txt`. With `AIRLOCK_UPDATE` set, writes it instead, to be read before
/// it is committed.
#[track_caller]
pub fn expect(case: &Path, found: &str) {
    let file = case.join("expected.txt");
    if std::env::var_os("AIRLOCK_UPDATE").is_some() {
        std::fs::write(&file, found).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(expected == found, "{}\n--- expected\n{expected}--- found\n{found}", file.display());
}
