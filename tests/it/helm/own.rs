//! The tables of Helm's own tests: `tests/oracle/helm` reads them out of Helm's sources and says what Helm makes of each row
//! now; nothing of them is kept here. It takes a minute, and runs where `AIRLOCK_ORACLE` is set.

use std::{path::Path, process::Command};

use serde_json::{Value as Json, json};

use super::{difference, numbers, printed, set_of, with_stack};

/// Commands that do what a node does not: they fetch, or run a program of the user's.
const NOT_OURS: [&str; 6] =
    ["--post-renderer", "--repo", "--dependency-update", "--validate", "--dry-run=server", "--verify"];

#[test]
fn tables_of_helms_own_tests() {
    if std::env::var_os("AIRLOCK_ORACLE").is_none() {
        println!("skipped: AIRLOCK_ORACLE is not set");
        return;
    }
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/helm");
    // Under the name `helm`, as which `go run` would start it, it is Helm.
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("oracle");
    let build = ["build", "-mod=readonly", "-buildvcs=false", "-o", program.to_str().unwrap(), "."];
    let built = Command::new("go").args(build).current_dir(&oracle).status().expect("`go` is there");
    assert!(built.success(), "`go build` fails");
    // It asks Go where Helm's sources are.
    let said = Command::new(program).arg("own").current_dir(&oracle).env("TZ", "UTC").output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said: Json = serde_json::from_slice(&said.stdout).unwrap();
    let module = Path::new(said["module"].as_str().unwrap());
    let (mut wrong, mut counts) = (Vec::new(), [0; 5]);
    for row in said["rows"].as_array().unwrap() {
        let (suite, expect) = (row["suite"].as_str().unwrap(), &row["result"]);
        let (at, about, same, found) = match suite {
            "engine" | "literal" => {
                let found = with_stack(|| printed(&row["case"]));
                (if suite == "engine" { 0 } else { 4 }, &row["case"], found == *expect, found)
            }
            "set" => {
                let found = numbers(set_of(&row["row"]));
                (1, &row["row"], found == numbers(expect.clone()), found)
            }
            _ => {
                let (at, folder) = if suite == "chart" { (3, "") } else { (2, "pkg/cmd") };
                let Some(found) = command(row, &module.join(folder)) else { continue };
                (at, &row["args"], agrees(expect, &found), found)
            }
        };
        counts[at] += 1;
        if !same {
            wrong.push(format!("{suite} {about}\n{}", difference(expect, &found)));
        }
    }
    println!(
        "Helm's own tests: {} templates, {} flags, {} commands, {} charts, {} charts of literals",
        counts[0], counts[1], counts[2], counts[3], counts[4]
    );
    assert!(wrong.is_empty(), "{} rows differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(counts.iter().zip([26, 340, 35, 500, 100]).all(|(count, least)| *count >= least), "{counts:?}");
}

/// What our command prints; none: it is one of those that are not ours.
fn command(row: &Json, directory: &Path) -> Option<Json> {
    let args: Vec<&str> = row["args"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    if args.iter().any(|arg| NOT_OURS.iter().any(|it| arg.starts_with(it))) {
        return None;
    }
    let ran =
        Command::new(env!("CARGO_BIN_EXE_airlock")).args(&args).current_dir(directory).output().unwrap();
    let output = String::from_utf8(ran.stdout).unwrap();
    Some(match ran.status.success() {
        true => json!({ "output": output }),
        false => json!({ "output": output, "error": String::from_utf8_lossy(&ran.stderr) }),
    })
}

/// Both print the same, or both fail. In which words is looked at in the tables of errors, not here.
fn agrees(expect: &Json, found: &Json) -> bool {
    match (expect.get("error"), found.get("error")) {
        (None, None) => expect["output"] == found["output"],
        (Some(_), Some(_)) => true,
        _ => false,
    }
}
