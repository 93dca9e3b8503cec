use std::process::ExitCode;

use jiff::Timestamp;

use super::{context::Context, import::unexpected, output::table, words};
use crate::{
    daemon::control::{Reply, Request},
    fault::Report,
    reconcile::{ChannelStatus, Phase, Status},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Shows what runs, how old it is, and what is wrong.
pub(super) fn run(_: &Args, context: &Context) -> Result<ExitCode, Report> {
    let Reply::Status(status) = context.ask(Request::Status)? else { return Err(unexpected()) };
    context.print(&status, |it| text(it))
}

pub(super) fn text(status: &Status) -> String {
    let root = &status.root;
    let mut text = format!(
        "cluster {}   trust root {} (epoch {}, until {})\n",
        status.cluster, root.version, root.epoch, root.expires
    );
    for notice in &status.notices {
        text += &format!("notice: {notice}\n");
    }
    if status.channels.is_empty() {
        text += "no bundle was accepted yet; `airlock import PATH` takes one in\n";
    }
    if !status.sources.is_empty() {
        text += &sources(status);
    }
    for channel in &status.channels {
        text += &channel_text(channel, status);
    }
    text
}

/// The places that are asked, each with how it answered.
fn sources(status: &Status) -> String {
    let when = |it: Option<Timestamp>| it.map_or_else(|| "never".to_owned(), |it| words::age(it, status.at));
    let rows: Vec<Vec<String>> = status
        .sources
        .iter()
        .map(|it| {
            let told = match &it.failure {
                Some(report) => format!("{} [{}]", report.error, report.code),
                None => String::new(),
            };
            let bundle = it.bundle.map(|it| it.to_string()).unwrap_or_default();
            vec![it.url.clone(), when(it.tried), when(it.answered), bundle, told]
        })
        .collect();
    format!("\n{}", table(&["SOURCE", "TRIED", "ANSWERED", "BUNDLE", "MESSAGE"], &rows))
}

fn channel_text(channel: &ChannelStatus, status: &Status) -> String {
    let relayed =
        if channel.cluster == status.cluster { String::new() } else { format!(" for {}", channel.cluster) };
    let mut text = format!("\nchannel {}{relayed}\n", channel.channel);
    let mut line = |name: &str, value: String| text += &format!("  {name:<10} {value}\n");
    if let Some(active) = &channel.active {
        let age =
            channel.created.map(|it| format!(", made {} ago", words::age(it, status.at))).unwrap_or_default();
        let good = channel.last_good.as_ref().is_some_and(|it| it.digest == active.digest);
        let health = if good { "healthy" } else { "not yet healthy as a whole" };
        line("active", format!("{}{age}, {health}", words::bundle(active)));
    }
    if let Some(staged) = &channel.staged {
        line("staged", words::bundle(staged));
    }
    if let Some(report) = &channel.waiting {
        line("waiting", format!("{} [{}]", report.error, report.code));
        if let Some(hint) = &report.hint {
            line("", hint.clone());
        }
    }
    if let Some(good) = &channel.last_good
        && channel.active.as_ref().is_none_or(|it| it.digest != good.digest)
    {
        line("last good", words::bundle(good));
    }
    if let Some(floor) = &channel.floor {
        line("floor", format!("{}: nothing older is accepted", floor.position));
    }
    if let Some(latest) = &channel.latest
        && channel.floor.as_ref().is_none_or(|it| it.position < latest.position)
    {
        line("behind", format!("a card tells of bundle {} of {}", latest.position, latest.created));
    }
    if let Some(hold) = &channel.hold {
        let until = hold.until.map(|it| format!(" until {it}")).unwrap_or_default();
        line("held", format!("by {}{until}: {}", hold.who, hold.why));
    }
    for denial in &channel.denied {
        line("set aside", format!("{}: {}", words::short(&denial.digest), denial.why));
    }
    if let Some(report) = &channel.failure {
        line("failure", format!("{} [{}]", report.error, report.code));
    }
    if !channel.entries.is_empty() {
        let rows: Vec<Vec<String>> = channel
            .entries
            .iter()
            .map(|it| {
                let mark = if it.phase == Phase::Failed { "failed: " } else { "" };
                vec![
                    it.entry.to_string(),
                    it.phase.as_str().to_owned(),
                    it.objects.to_string(),
                    words::age(it.since, status.at),
                    format!("{mark}{}", it.message),
                ]
            })
            .collect();
        text += "\n";
        for row in table(&["ENTRY", "STATUS", "OBJECTS", "SINCE", "MESSAGE"], &rows).lines() {
            text += &format!("  {row}\n");
        }
    }
    text
}
