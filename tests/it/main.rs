//! One test binary; one file a stage, and one `check` in each.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::or_fun_call,
    clippy::print_stdout,
    reason = "tests"
)]

mod archive;
mod cli;
mod cluster;
mod converge;
mod crash;
mod git;
mod git_source;
mod gotemplate;
mod graph;
mod helm;
mod hostile;
mod import;
mod kustomize;
mod media;
mod mirror;
mod node;
mod object;
mod oci;
mod plan;
mod render;
mod sprig;
mod store;
mod support;
mod systemd;
mod trust;
mod yaml;
mod yaml_read;

/// A file that nobody declares above would silently never run.
#[test]
fn no_test_file_is_forgotten() {
    let main = include_str!("main.rs");
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")).unwrap() {
        let file = file.unwrap();
        if file.path().is_dir() {
            continue;
        }
        let name = file.file_name().into_string().unwrap();
        let stem = name.trim_end_matches(".rs");
        assert!(
            stem == "main" || main.contains(&format!("\nmod {stem};")),
            "tests/it/{name} is not declared"
        );
    }
}
