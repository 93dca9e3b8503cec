use std::collections::BTreeSet;

use airlock::render::gotemplate::sprig;
use serde_json::json;

use super::check;

/// Helm takes these away, and makes one of them anew where it knows how to fail.
const OF_HELM: [&str; 3] = ["env", "expandenv", "fail"];

#[test]
fn every_function_is_there_and_no_other() {
    check(include_str!("../../data/sprig/names.jsonl"), 1, |_, _| {
        let ours: Vec<&str> = sprig::functions().map(|it| it.name).chain(OF_HELM).collect();
        let names: BTreeSet<&str> = ours.iter().copied().collect();
        assert_eq!(names.len(), ours.len(), "a name is there twice");
        json!(names)
    });
}

#[test]
fn every_function_is_compared() {
    let suites =
        [include_str!("../../data/sprig/functions.jsonl"), include_str!("../../data/sprig/crypto.jsonl")];
    // What is left to chance is tested by its form, what is of the clock by itself, what asks the network by nothing.
    const OTHERS: [&str; 18] = [
        "ago",
        "buildCustomCert",
        "genCA",
        "genPrivateKey",
        "genSelfSignedCert",
        "genSignedCert",
        "getHostByName",
        "htpasswd",
        "now",
        "randAlpha",
        "randAlphaNum",
        "randAscii",
        "randBytes",
        "randInt",
        "randNumeric",
        "shuffle",
        "encryptAES",
        "uuidv4",
    ];
    for function in sprig::functions().filter(|it| !OTHERS.contains(&it.name)) {
        let start = format!("[\"{}\",", function.name);
        let rows = suites.iter().flat_map(|it| it.lines()).filter(|it| it.starts_with(&start)).count();
        assert!(rows >= 3 || function.name == "hello", "{} has {rows} rows", function.name);
    }
}
