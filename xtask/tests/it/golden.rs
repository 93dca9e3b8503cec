//! Originals that are run as the tests run, where there is a Go to build them with.

use xtask::golden::{checkout, suite};

#[test]
fn the_tables_of_kustomize_are_built_as_by_the_original() {
    if std::process::Command::new("go").arg("version").output().is_err() {
        println!("skipped: there is no Go to build the original with");
        return;
    }
    let counts = suite::run(&checkout()).unwrap();
    for (table, count) in &counts {
        println!("{table}: {} rows, {} exceptions", count.rows, count.excepted);
    }
    let rows: usize = counts.values().map(|it| it.rows).sum();
    assert_eq!(rows, 476, "{counts:?}");
}
