//! The command line as people see it: `tests/data/cli/help` holds what every verb says of itself, and each directory of
//! `tests/data/cli/sessions` what an operator types and what comes back.
//!
//! A session is `session.txt`: lines that begin with `$ ` are typed, the rest was printed; ` (exit N)` follows where the
//! exit code is not 0. What differs from run to run is masked: times, ages, the test's own directory, the store id.
//! With `AIRLOCK_UPDATE` set both are written instead, to be read before they are committed.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use airlock::{
    bundle::{Item, Role},
    digest::Digest,
};
use serde_json::{Value, json};

use crate::{
    node::{bundle, settings, space},
    support::{
        bundle::Maker,
        case,
        kit::{Person, day, first_root, sealed, statement},
        medium::MapMedium,
    },
};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cli").join(name)
}

fn airlock(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
    command.current_dir(folder).env_clear().env("USER", "rita");
    command
}

/// Every verb, and every verb of a verb.
fn verbs() -> Vec<Vec<String>> {
    let mut open: Vec<Vec<String>> = vec![Vec::new()];
    let mut all = Vec::new();
    while let Some(verb) = open.pop() {
        let help = airlock(Path::new("/")).args(&verb).arg("--help").output().unwrap();
        let text = String::from_utf8(help.stdout).unwrap();
        let commands = text.split("\nCommands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap();
        for line in commands.lines().filter(|it| it.starts_with("  ") && !it.starts_with("   ")) {
            let name = line.split_whitespace().next().unwrap();
            if name != "help" {
                open.push([verb.clone(), vec![name.to_owned()]].concat());
            }
        }
        all.push(verb);
    }
    all.sort();
    all
}

#[test]
fn every_verb_says_what_it_does() {
    let folder = data("help");
    let verbs = verbs();
    assert!(verbs.len() > 20, "{verbs:?}");
    let mut known = Vec::new();
    let mut wrong = String::new();
    for verb in &verbs {
        let name = if verb.is_empty() { "airlock".into() } else { format!("airlock-{}", verb.join("-")) };
        let help = airlock(Path::new("/")).args(verb).arg("--help").output().unwrap();
        assert!(help.status.success() && help.stderr.is_empty(), "{name}");
        let found = String::from_utf8(help.stdout).unwrap();
        let file = folder.join(format!("{name}.txt"));
        if std::env::var_os("AIRLOCK_UPDATE").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        if found != expected {
            writeln!(wrong, "--- {name}\n{found}").unwrap();
        }
        known.push(file);
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    let files = std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path());
    let stray: Vec<PathBuf> = files.filter(|it| !known.contains(it)).collect();
    assert!(stray.is_empty(), "no verb prints {stray:?}");
}

/// What lies on the table before a session begins: the root, sticks, a configuration.
fn set_the_table(folder: &Path) {
    let root = sealed(Role::Root, &first_root(), &["rosa", "rolf"]);
    std::fs::write(folder.join("0001.root.dsse"), &root).unwrap();
    let digest = Digest::of(&serde_json::to_vec(&first_root()).unwrap());
    std::fs::write(folder.join("digest"), digest.hex()).unwrap();
    for name in ["cluster", "etc", "run"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    let base = folder.display();
    let config = format!(
        "cluster: ship-7\nchannels: [platform]\nstore: {base}/store\nsite: {base}/etc/site.yaml\n\
         storeId: {base}/etc/store-id\nsocket: {base}/run/airlock.sock\napply: {{directory: {base}/cluster}}\n\
         kubernetes: \"1.36\"\narch: amd64\n"
    );
    std::fs::write(folder.join("airlock.yaml"), &config).unwrap();
    std::fs::write(folder.join("manual.yaml"), config.clone() + "activate: manual\n").unwrap();
    std::fs::write(folder.join("typo.yaml"), config.replace("channels", "chanels")).unwrap();
    std::fs::write(folder.join("alone.yaml"), config.replace("apply:", "role: store\n#")).unwrap();
    let rows = |value: &str| {
        vec![
            ("base", &[] as &[&str], vec![space()]),
            ("shop", &["base"], vec![settings("one", value), settings("two", value)]),
        ]
    };
    stick(folder, "first", &bundle(1, &rows("1")), "ship-7");
    stick(folder, "second", &bundle(2, &rows("2")), "ship-7");
    let fewer =
        vec![("base", &[] as &[&str], vec![space()]), ("shop", &["base"], vec![settings("one", "3")])];
    stick(folder, "fewer", &bundle(3, &fewer), "ship-7");
    let many: Vec<Value> = (0..8).map(|at| settings(&format!("many-{at}"), "1")).collect();
    let many = vec![("base", &[] as &[&str], vec![space()]), ("shop", &["base"], many)];
    stick(folder, "many", &bundle(4, &many), "ship-7");
    let none =
        vec![("base", &[] as &[&str], vec![space()]), ("shop", &["base"], vec![settings("many-0", "1")])];
    stick(folder, "none", &bundle(5, &none), "ship-7");
    stick(folder, "elsewhere", &bundle(2, &rows("2")), "ship-8");
    let tampered = stick(folder, "tampered", &bundle(2, &rows("other")), "ship-7");
    let mut blobs: Vec<PathBuf> =
        std::fs::read_dir(tampered.join("blobs/sha256")).unwrap().map(|it| it.unwrap().path()).collect();
    blobs.sort_by_key(|it| std::fs::metadata(it).unwrap().len());
    let victim = blobs.first().unwrap();
    let mut bytes = std::fs::read(victim).unwrap();
    bytes[0] ^= 1;
    std::fs::write(victim, bytes).unwrap();
    let card = json!({"type": "card", "format": 1, "domain": first_root().domain, "channel": "platform",
        "epoch": 1, "sequence": 9, "digest": Digest::of(b"nine"), "created": day(9)});
    std::fs::write(folder.join("card.dsse"), sealed(Role::Card, &card, &["cora"])).unwrap();
    std::fs::write(folder.join("holiday.jpg"), b"\xff\xd8\xff\xe0").unwrap();
}

fn stick(folder: &Path, name: &str, maker: &Maker, cluster: &str) -> PathBuf {
    let cargo = maker.cargo();
    let roots = [(1, sealed(Role::Root, &first_root(), &["rosa", "rolf"]))];
    let mut made = statement(&first_root(), maker.sequence, &cargo);
    made.audience = vec![cluster.into()];
    // The sessions run on the machine's own clock.
    made.accept_until = "9999-01-01T00:00:00Z".parse().unwrap();
    let medium = MapMedium::of(&roots, &made, &["bea", "ben"], &cargo);
    let path = folder.join(name);
    for (item, bytes) in &medium.items {
        let file = path.join(item);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
    assert!(path.join(Item::Bundle.to_string()).exists());
    path
}

/// Runs the lines of a session through a shell of few words: `cat`, `rm`, `edit`, and `airlock`.
fn play(case: &Path) {
    let folder = tempfile::tempdir().unwrap();
    set_the_table(folder.path());
    let session = std::fs::read_to_string(case.join("session.txt")).unwrap();
    let mut found = String::new();
    for line in session.lines().filter_map(|it| it.strip_prefix("$ ")) {
        writeln!(found, "$ {line}").unwrap();
        // `$digest` stands for the root's digest, as a person would copy it from the sheet.
        let digest = std::fs::read_to_string(folder.path().join("digest")).unwrap();
        let list = last_digest(&found);
        let words: Vec<String> = line
            .split_whitespace()
            .map(|it| it.replace("$digest", &digest).replace("$list", &list))
            .collect();
        match words[0].as_str() {
            "cat" => found += &std::fs::read_to_string(folder.path().join(&words[1])).unwrap_or_default(),
            "rm" => {
                let path = folder.path().join(&words[1]);
                let gone =
                    if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
                gone.unwrap();
            }
            "edit" => {
                let path = folder.path().join(&words[1]);
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                std::fs::write(path, text.replace(&words[2], &words[3])).unwrap();
            }
            "write" => std::fs::write(folder.path().join(&words[1]), words[2..].join(" ") + "\n").unwrap(),
            "airlock" => {
                let mut words = words[1..].to_vec();
                if !words.iter().any(|it| it == "--config") {
                    words.extend(["--config".into(), "airlock.yaml".into()]);
                }
                let output = airlock(folder.path()).args(&words).output().unwrap();
                found += &String::from_utf8(output.stdout).unwrap();
                found += &String::from_utf8(output.stderr).unwrap();
                if !output.status.success() {
                    writeln!(found, "(exit {})", output.status.code().unwrap()).unwrap();
                }
            }
            other => panic!("{}: nobody knows `{other}`", case.display()),
        }
    }
    let found = masked(&found, folder.path());
    let file = case.join("session.txt");
    if std::env::var_os("AIRLOCK_UPDATE").is_some() {
        std::fs::write(&file, &found).unwrap();
        return;
    }
    assert!(session == found, "{}\n--- expected\n{session}--- found\n{found}", file.display());
}

/// The digest that was printed last: what an operator copies into `airlock approve`.
fn last_digest(text: &str) -> String {
    let at = text.rmatch_indices("sha256:").next();
    at.map(|(at, _)| text[at..].chars().take(71).collect()).unwrap_or_default()
}

/// Takes out what is another with each run.
fn masked(text: &str, folder: &Path) -> String {
    let mut text = text.replace(&folder.display().to_string(), "TABLE");
    let keys: Vec<(String, String)> = ["bea", "ben", "cora"]
        .iter()
        .map(|name| {
            (Person::named(name).id().fingerprint(), format!("FINGERPRINT-OF-{}", name.to_uppercase()))
        })
        .collect();
    for (key, name) in &keys {
        text = text.replace(key, name);
    }
    let rules = [
        (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"\b\d+ (s|min|h|days) ago", "AGE ago"),
        (r"store id is `[0-9a-f]{32}`", "store id is `ID`"),
        (r#""storeId": "[0-9a-f]{32}""#, r#""storeId": "ID""#),
        (r"sha256:[0-9a-f]{64}", "DIGEST"),
        (r"\b[0-9a-f]{12}\b", "SHORT"),
        (r"\b[01] s\b", "0 s"),
        (r"\b(rita \(uid \d+\)|uid \d+)", "WHO"),
    ];
    for (pattern, with) in rules {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, with).into_owned();
    }
    text
}

#[test]
fn what_an_operator_types_and_what_comes_back() {
    case::each("cli/sessions", 8, play);
}
