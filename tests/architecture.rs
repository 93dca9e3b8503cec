//! What `src/lib.rs` says about the house, held as law: the direction of dependencies, the purity of what is not an
//! edge, the size of files, and that there is one gate.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// A module of `lib.rs`, and whether its line says that it is an edge.
struct Module {
    name: String,
    edge: bool,
}

#[test]
fn dependencies_point_one_way() {
    let order = modules();
    let rank = |name: &str| order.iter().position(|it| it.name == name);
    let mut wrong = Vec::new();
    for (own, module) in order.iter().enumerate() {
        for file in sources(&module.name) {
            for used in crate_paths(&code(&file)) {
                match rank(&used) {
                    Some(used_rank) if used_rank <= own => (),
                    Some(_) => wrong.push(format!("{}: `{}` uses `{used}`", file.display(), module.name)),
                    None => wrong.push(format!("{}: `crate::{used}` is no module", file.display())),
                }
            }
        }
    }
    assert!(order.len() > 5, "lib.rs was not understood");
    assert!(wrong.is_empty(), "dependencies against the flow:\n{}", wrong.join("\n"));
}

#[test]
fn pure_modules_are_synchronous_and_touch_nothing() {
    // clippy bans the functions; this bans what clippy cannot see: asynchrony, and whole crates of effects.
    const EFFECTS: [&str; 9] = [
        "async ",
        ".await",
        "tokio::",
        "rustix::",
        "gix::",
        "kube::",
        "std::net",
        "std::process",
        "std::thread",
    ];
    let mut wrong = Vec::new();
    for module in modules().iter().filter(|it| !it.edge) {
        for file in sources(&module.name) {
            let code = code(&file);
            for effect in EFFECTS.iter().filter(|it| code.contains(**it)) {
                wrong.push(format!("{}: `{effect}` in the pure module `{}`", file.display(), module.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lint_exceptions_are_edges() {
    for file in every_file() {
        let code = code(&file);
        let waived = code.contains("clippy::disallowed_methods");
        let allowed = file.ends_with("src/lib.rs") || file.ends_with("src/main.rs");
        assert!(!waived || allowed, "{}: only lib.rs says what touches the world", file.display());
    }
}

#[test]
fn there_is_one_gate() {
    let makers: usize = every_file().iter().map(|file| code(file).matches("Verified {").count()).sum();
    // The struct itself, its impls and the one constructor.
    let file = code(&Path::new(SOURCE).join("trust/verified.rs"));
    assert_eq!(file.matches("Ok(Verified {").count(), 1, "the gate makes the proof once");
    assert_eq!(makers, 1, "and nobody else makes it");
    assert!(!file.contains("Deserialize"), "a verdict is never stored");
    let strict: usize = every_file().iter().map(|file| code(file).matches(".verify(&").count()).sum();
    assert_eq!(strict, 0, "signatures are checked with verify_strict");
}

#[test]
fn files_stay_small() {
    let mut lengths = Vec::new();
    let mut wrong = Vec::new();
    for file in every_file() {
        let text = fs::read_to_string(&file).unwrap();
        // Tests stand last in a file and do not count.
        let own = text.split("\n#[cfg(test)]").next().unwrap();
        let lines = own.lines().count();
        let reason = text.lines().take(3).any(|line| line.contains("because"));
        if lines > 800 && !reason {
            wrong.push(format!("{}: {lines} lines, and no reason at its top", file.display()));
        }
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let (half, most) = (lengths[lengths.len() / 2], lengths[lengths.len() * 9 / 10]);
    println!("{} files: p50 {half}, p90 {most}, largest {}", lengths.len(), lengths.last().unwrap());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(half <= 200, "half the files are longer than 200 lines: {half}");
    assert!(most <= 500, "one in ten is longer than 500 lines: {most}");
}

/// The modules in the order in which `lib.rs` declares them.
fn modules() -> Vec<Module> {
    let lib = fs::read_to_string(Path::new(SOURCE).join("lib.rs")).unwrap();
    let mut found = Vec::new();
    let mut edge = false;
    for line in lib.lines() {
        edge |= line.contains("reason = \"edge");
        if let Some(rest) = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod ")) {
            found.push(Module { name: rest.trim_end_matches(';').to_owned(), edge });
            edge = false;
        }
    }
    found
}

fn sources(module: &str) -> Vec<PathBuf> {
    let root = Path::new(SOURCE).join(module);
    every_file()
        .into_iter()
        .filter(|file| *file == root.with_extension("rs") || file.starts_with(&root))
        .collect()
}

fn every_file() -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut folders = vec![PathBuf::from(SOURCE)];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                files.insert(path);
            }
        }
    }
    files
}

/// The text without comments and without the tests at its end, which may do as they please.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let own = text.split("\n#[cfg(test)]").next().unwrap().to_owned();
    own.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The first segment of every `crate::` path, `crate::{…}` groups included.
fn crate_paths(code: &str) -> BTreeSet<String> {
    let ident =
        |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(ident(rest));
            continue;
        };
        let (mut depth, mut fresh) = (0, true);
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' => fresh = depth == 0,
                c if fresh && c.is_alphabetic() => {
                    found.insert(ident(&group[i..]));
                    fresh = false;
                }
                _ => (),
            }
        }
    }
    found
}
