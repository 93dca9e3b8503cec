use std::process::ExitCode;

use serde_json::Value;

use super::{context::Context, words};
use crate::fault::{Class, Report};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// So many of the newest; 0 is all
    #[arg(long, short = 'n', default_value_t = 20)]
    lines: usize,
}

/// Shows the receipts, and whether their chain holds.
pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, Report> {
    let settings = context.settings()?;
    let (store, _) = context.read(&settings)?;
    let mut chain = store.receipts()?;
    if args.lines > 0 {
        let skip = chain.receipts.len().saturating_sub(args.lines);
        chain.receipts.drain(..skip);
    }
    context.print(&chain, |chain| {
        let lines = chain
            .receipts
            .iter()
            .map(|it| format!("{:>5}  {}  {}\n", it.number, words::second(it.at), text(&it.body)));
        lines.collect::<String>()
    })?;
    match chain.breaks.first() {
        None => Ok(ExitCode::SUCCESS),
        Some(first) => {
            let hint = "somebody changed the receipts, or the disk lost some; compare with the copies that left this node";
            Err(Report::new(
                "receipts",
                Class::Denied,
                format!("the chain of receipts does not hold: {first}"),
                Some(hint),
            ))
        }
    }
}

/// One receipt in one line.
fn text(body: &Value) -> String {
    let get = |path: &str| body.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let what = get("/what");
    let position = |at: &str| {
        let number =
            |name: &str| body.pointer(&format!("{at}/position/{name}")).and_then(Value::as_u64).unwrap_or(0);
        format!("{}-{}", number("epoch"), number("sequence"))
    };
    match what.as_str() {
        "import" => {
            let at = if body.pointer("/result/taking").is_some() { "/result/taking" } else { "/result" };
            let signers =
                body.pointer(&format!("{at}/signers")).and_then(Value::as_array).map_or(0, Vec::len);
            let (outcome, channel) = (get("/result/outcome"), get(&format!("{at}/channel")));
            format!("{outcome} bundle {} of {channel}, signed by {signers}", position(at))
        }
        "card" => {
            let channel = get("/told/channel");
            format!("a card tells of bundle {} of {channel}", position("/told"))
        }
        "word_used" => format!("the word for deletions {} was used in {}", get("/digest"), get("/channel")),
        "refused" => format!("refused [{}] {}", get("/code"), get("/error")),
        "activated" | "healthy" | "activate" => {
            let reads = body.get("reads").and_then(Value::as_object);
            let reads = reads.into_iter().flat_map(|it| it.values()).filter_map(Value::as_array).flatten();
            let reads: Vec<&str> = reads.filter_map(Value::as_str).collect();
            let bundle = format!("{what} bundle {} of {}", position("/bundle"), get("/channel"));
            match reads.is_empty() {
                true => bundle,
                false => format!("{bundle}, with {} of the cluster", reads.join(", ")),
            }
        }
        "followed" => {
            format!("followed the cluster to bundle {} of {}", position("/bundle"), get("/channel"))
        }
        "rollback" => format!(
            "rollback by {} from {} to {} of {}",
            get("/who"),
            position("/from"),
            position("/to"),
            get("/channel")
        ),
        "denied" => format!("set aside in {}: {}", get("/channel"), get("/why")),
        "approved" => format!("approved by {}: {}", get("/who"), get("/digest")),
        "paused" | "resumed" => {
            let entry = get("/entry");
            let name = if entry.is_empty() {
                format!("channel {}", get("/channel"))
            } else {
                format!("entry {entry}")
            };
            format!("{what} {name} by {} {}", get("/who"), get("/why"))
        }
        "root_learned" | "trust_anchored" | "trust_recovered" => {
            let version = body.get("version").and_then(Value::as_u64).unwrap_or(0);
            format!("{what}: trust root {version}")
        }
        _ => body.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_render_read_of_the_cluster_is_told() {
        let body = |reads: Value| {
            json!({"what": "activated", "channel": "platform", "reads": reads,
                "bundle": {"position": {"epoch": 1, "sequence": 7}}})
        };
        assert_eq!(text(&body(json!({}))), "activated bundle 1-7 of platform");
        let reads = json!({"shop": ["Secret shop/words"], "web": ["all of kind Node"]});
        let expect =
            "activated bundle 1-7 of platform, with Secret shop/words, all of kind Node of the cluster";
        assert_eq!(text(&body(reads)), expect);
    }
}
