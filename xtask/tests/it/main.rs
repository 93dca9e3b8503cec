//! One test binary. `hands` holds what the tests share: directories, keys, and programs of OpenSSH and OpenSSL.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod agent;
mod bundle;
mod cli;
mod demo;
mod fido;
mod fixture;
mod golden;
mod hands;
mod key;
mod openssh;
mod registry;
mod root;
mod tag;

/// A file that nobody declares above would silently never run.
#[test]
fn no_test_file_is_forgotten() {
    let main = include_str!("main.rs");
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let stem = name.trim_end_matches(".rs");
        assert!(
            stem == "main" || main.contains(&format!("\nmod {stem};")),
            "tests/it/{name} is not declared"
        );
    }
}
