//! How the node stands, in Prometheus' text format (version 0.0.4).

use std::{fmt::Write as _, time::Duration};

use crate::reconcile::{ChannelStatus, Phase, Status};

/// Upper ends of the buckets of a pass' duration, in seconds: those of Flux' `gotk_reconcile_duration_seconds`.
const BUCKETS: [f64; 9] = [0.01, 0.1, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];

/// What the agent's loop counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counters {
    within: [u64; BUCKETS.len()],
    passes: u64,
    failed: u64,
    seconds: f64,
}

impl Counters {
    /// Counts a pass that took so long; `failed` where it left something to be tried again.
    pub(super) fn pass(&mut self, took: Duration, failed: bool) {
        let seconds = took.as_secs_f64();
        for (count, end) in self.within.iter_mut().zip(BUCKETS) {
            *count += u64::from(seconds <= end);
        }
        self.passes += 1;
        self.failed += u64::from(failed);
        self.seconds += seconds;
    }
}

/// What the process takes of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Process {
    pub(super) cpu_seconds: f64,
    pub(super) resident_bytes: u64,
    pub(super) open_files: u64,
}

impl Process {
    /// This process, as `/proc/self` tells it; zeros where it does not.
    pub(super) fn this() -> Self {
        // The name of the process is in brackets and may hold anything; after it come the fields from the third on.
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "ticks of a few years are far below 2^52")]
        let cpu_seconds = (field(14) + field(15)) as f64 / rustix::param::clock_ticks_per_second() as f64;
        Self {
            cpu_seconds,
            resident_bytes: field(24) * rustix::param::page_size() as u64,
            open_files: std::fs::read_dir("/proc/self/fd").map_or(0, |it| it.count() as u64),
        }
    }
}

/// The page that Prometheus reads.
pub(super) fn page(status: &Status, counters: &Counters, process: Process, version: &str) -> String {
    let mut page = Page(String::new());
    let own = || status.channels.iter().filter(|it| it.cluster == status.cluster);
    page.family("airlock_build_info", "gauge", "The version of the agent.");
    page.line("airlock_build_info", &[("version", version)], 1);
    page.family("airlock_trust_root_version", "gauge", "The version of the newest trust root.");
    page.line("airlock_trust_root_version", &[], status.root.version);
    page.family(
        "airlock_trust_root_expires_timestamp_seconds",
        "gauge",
        "When it admits no new bundle any more.",
    );
    page.line("airlock_trust_root_expires_timestamp_seconds", &[], status.root.expires.as_second());
    page.family("airlock_bundle_sequence", "gauge", "The sequence of the bundle that is in this state.");
    for channel in &status.channels {
        for (state, held) in states(channel) {
            let Some(position) = held else { continue };
            let epoch = position.epoch.to_string();
            let labels = [
                ("cluster", channel.cluster.as_str()),
                ("channel", channel.channel.as_str()),
                ("state", state),
            ];
            page.line(
                "airlock_bundle_sequence",
                &[labels.as_slice(), &[("epoch", &epoch)]].concat(),
                position.sequence,
            );
        }
    }
    page.family("airlock_bundle_created_timestamp_seconds", "gauge", "When the active bundle was made.");
    for channel in own() {
        if let Some(created) = channel.created {
            let labels = [("channel", channel.channel.as_str())];
            page.line("airlock_bundle_created_timestamp_seconds", &labels, created.as_second());
        }
    }
    page.family("airlock_channel_waiting", "gauge", "A staged bundle is not active, for this reason.");
    for channel in own() {
        if let Some(report) = &channel.waiting {
            page.line(
                "airlock_channel_waiting",
                &[("channel", channel.channel.as_str()), ("code", &report.code)],
                1,
            );
        }
    }
    page.family("airlock_channel_failed", "gauge", "Something stands in the way of the whole active bundle.");
    for channel in own() {
        let code = channel.failure.as_ref().map_or("", |it| &it.code);
        let labels = [("channel", channel.channel.as_str()), ("code", code)];
        page.line("airlock_channel_failed", &labels, u8::from(channel.failure.is_some()));
    }
    page.family("airlock_channel_held", "gauge", "The operator holds the channel.");
    for channel in own() {
        page.line(
            "airlock_channel_held",
            &[("channel", channel.channel.as_str())],
            u8::from(channel.hold.is_some()),
        );
    }
    page.family("airlock_entry_ready", "gauge", "Whether all objects of an entry are there and well.");
    for channel in own() {
        for entry in &channel.entries {
            let labels = [
                ("channel", channel.channel.as_str()),
                ("entry", entry.entry.as_str()),
                ("phase", entry.phase.as_str()),
                ("code", entry.failure.as_ref().map_or("", |it| &it.code)),
            ];
            page.line("airlock_entry_ready", &labels, u8::from(entry.phase == Phase::Ready));
        }
    }
    page.family("airlock_entry_objects", "gauge", "How many objects an entry has.");
    for channel in own() {
        for entry in &channel.entries {
            let labels = [("channel", channel.channel.as_str()), ("entry", entry.entry.as_str())];
            page.line("airlock_entry_objects", &labels, entry.objects);
        }
    }
    page.counters(counters);
    page.family("process_cpu_seconds_total", "counter", "Time of the processors.");
    page.line("process_cpu_seconds_total", &[], process.cpu_seconds);
    page.family("process_resident_memory_bytes", "gauge", "Memory.");
    page.line("process_resident_memory_bytes", &[], process.resident_bytes);
    page.family("process_open_fds", "gauge", "Open files.");
    page.line("process_open_fds", &[], process.open_files);
    page.0
}

fn states(channel: &ChannelStatus) -> [(&'static str, Option<crate::bundle::Floor>); 4] {
    [
        ("floor", channel.floor.map(|it| it.position)),
        ("staged", channel.staged.map(|it| it.position)),
        ("active", channel.active.map(|it| it.position)),
        ("last_good", channel.last_good.map(|it| it.position)),
    ]
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (number, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if number == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn counters(&mut self, counters: &Counters) {
        self.family(
            "airlock_reconcile_duration_seconds",
            "histogram",
            "How long the passes of the agent take.",
        );
        for (count, end) in counters.within.iter().zip(BUCKETS) {
            self.line("airlock_reconcile_duration_seconds_bucket", &[("le", &end.to_string())], count);
        }
        self.line("airlock_reconcile_duration_seconds_bucket", &[("le", "+Inf")], counters.passes);
        self.line("airlock_reconcile_duration_seconds_sum", &[], counters.seconds);
        self.line("airlock_reconcile_duration_seconds_count", &[], counters.passes);
        self.family(
            "airlock_reconcile_failed_total",
            "counter",
            "Passes that left something to be tried again.",
        );
        self.line("airlock_reconcile_failed_total", &[], counters.failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_in_every_bucket_that_is_long_enough() {
        let mut counters = Counters::default();
        counters.pass(Duration::from_millis(500), false);
        counters.pass(Duration::from_secs(5), true);
        counters.pass(Duration::from_secs(7200), true);
        assert_eq!(counters.within, [0, 0, 1, 2, 2, 2, 2, 2, 2]);
        assert_eq!((counters.passes, counters.failed, counters.seconds), (3, 2, 7205.5));
    }

    #[test]
    fn labels_are_escaped() {
        let mut page = Page(String::new());
        page.line("it", &[("a", "x\"y\\z\n"), ("b", "")], 1);
        assert_eq!(page.0, "it{a=\"x\\\"y\\\\z\\n\",b=\"\"} 1\n");
    }
}
