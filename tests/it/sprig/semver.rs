use airlock::render::gotemplate::sprig::semver::{Constraints, Version};
use serde_json::{Value, json};

use super::{check, outcome};

#[test]
fn versions_and_constraints() {
    let mut against: Vec<Version> = Vec::new();
    check(include_str!("../../data/sprig/semver.jsonl"), 1100, |asked, _| {
        let text = |at: usize| asked[at].as_str().unwrap();
        match text(0) {
            "version" => outcome(Version::parse(text(1)).map(|it| {
                let [major, minor, patch] = [it.major, it.minor, it.patch].map(|it| it.to_string());
                json!([it.to_string(), it.original, major, minor, patch, it.prerelease, it.metadata])
            })),
            "strict" => outcome(Version::parse_strict(text(1)).map(|it| it.to_string())),
            "compare" => {
                let [a, b] = [1, 2].map(|at| Version::parse(text(at)).unwrap());
                json!(a.compare(&b) as i8)
            }
            "constraint" => outcome(Constraints::parse(text(1)).map(|it| it.to_string())),
            "against" => {
                let versions = asked[1].as_array().unwrap().iter();
                against = versions.map(|it| Version::parse(it.as_str().unwrap()).unwrap()).collect();
                Value::Null
            }
            "check" => outcome(Constraints::parse(text(1)).map(|constraints| {
                let mark = |it: &Version| if constraints.check(it) { '1' } else { '0' };
                against.iter().map(mark).collect::<String>()
            })),
            other => panic!("{other}?"),
        }
    });
}
