use airlock::render::gotemplate::sprig::regexp::{Regexp, quote_meta};
use serde_json::{Value, json};

use super::{bytes, check, text};

#[test]
fn go_reads_and_matches_alike() {
    check(include_str!("../../data/sprig/regexp.jsonl"), 2000, |asked, _| {
        let given: Vec<Vec<u8>> = asked.iter().map(bytes).collect();
        let all = |found: Vec<&[u8]>| match found.is_empty() {
            true => Value::Null,
            false => found.into_iter().map(text).collect(),
        };
        match asked[0].as_str().unwrap() {
            "regexp" => match Regexp::compile(&given[1]) {
                Err(error) => json!({ "error": text(&error.text()) }),
                Ok(it) => {
                    let pieces =
                        |found: Option<Vec<&[u8]>>| found.unwrap().into_iter().map(text).collect::<Value>();
                    json!([
                        it.is_match(&given[2]),
                        text(it.find(&given[2])),
                        all(it.find_all(&given[2], -1)),
                        all(it.find_all(&given[2], 2)),
                        pieces(it.split(&given[2], -1)),
                        pieces(it.split(&given[2], 2)),
                        text(&it.replace_all(&given[2], &given[3])),
                        text(&it.replace_all_literal(&given[2], &given[3])),
                    ])
                }
            },
            "quoteMeta" => text(&quote_meta(&given[1])),
            "mustCompile" => {
                let error = Regexp::compile(&given[1]).unwrap_err();
                text(&Regexp::panic_text(&given[1], &error))
            }
            other => panic!("{other}?"),
        }
    });
}
