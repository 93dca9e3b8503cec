//! What the last passes found.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    desired::Desired,
    node::Node,
    status::{EntryStatus, Phase},
};
use crate::{
    fault::{Report, Retry},
    name::{ChannelName, EntryName},
    object::Gvk,
};

/// What the last passes found.
#[derive(Debug, Default)]
pub(super) struct Reports {
    pub(super) entries: BTreeMap<(ChannelName, EntryName), EntryStatus>,
    /// Why what is staged is not active.
    pub(super) waiting: BTreeMap<ChannelName, Report>,
    /// What stands in the way of a whole channel.
    pub(super) failures: BTreeMap<ChannelName, Report>,
    /// What the cluster was told of entries that failed, so that it is not told the same again.
    pub(super) told: BTreeMap<(ChannelName, EntryName), Report>,
    /// The kinds of the objects that are kept.
    pub(super) kinds: BTreeSet<Gvk>,
}

impl Reports {
    fn faults(&self) -> impl Iterator<Item = &Report> {
        let entries = self.entries.values().filter_map(|it| it.failure.as_ref());
        entries.chain(self.waiting.values()).chain(self.failures.values())
    }
}

impl Node {
    /// When what failed in the last pass is tried again; none where nothing failed, or nothing would help but a change.
    pub fn retry(&self) -> Option<Retry> {
        let reports = self.reports();
        let all: Vec<Retry> = reports.faults().map(|it| it.class.retry()).collect();
        [Retry::Now, Retry::Backoff].into_iter().find(|it| all.contains(it))
    }

    /// Whether a staged bundle waits for better answers of the site.
    pub fn awaits_site(&self) -> bool {
        self.reports().waiting.values().any(|it| it.code == "site_input")
    }

    /// Takes entries out of the status that the bundle does not have.
    pub(super) fn forget_entries(&self, channel: &ChannelName, has: impl Fn(&EntryName) -> bool) {
        self.reports().entries.retain(|(it, name), _| it != channel || has(name));
        super::node::lock(&self.settled).retain(|(it, name), _| it != channel || has(name));
    }

    /// Notes which kinds are kept, so that they are followed.
    pub(super) fn note_kinds(&self, desired: &Desired) {
        let objects = desired.entries.values().flat_map(|it| it.objects());
        let mut kinds: BTreeSet<Gvk> = objects.map(|it| it.gvk().clone()).collect();
        // Inventories are followed with the rest.
        kinds.insert(Gvk { group: String::new(), version: "v1".to_owned(), kind: "ConfigMap".to_owned() });
        let mut reports = self.reports();
        if !kinds.is_subset(&reports.kinds) {
            reports.kinds.extend(kinds);
            self.other_kinds.notify_one();
        }
    }

    /// Notes how an entry stands.
    pub(super) fn report(
        &self,
        channel: &ChannelName,
        name: &EntryName,
        phase: Phase,
        message: String,
        objects: usize,
    ) {
        self.report_with(channel, name, phase, message, objects, None, BTreeMap::new());
    }

    /// Notes how an entry ended.
    #[expect(clippy::too_many_arguments, reason = "these are the fields of one status")]
    pub(super) fn report_with(
        &self,
        channel: &ChannelName,
        name: &EntryName,
        phase: Phase,
        message: String,
        objects: usize,
        failure: Option<Report>,
        changes: BTreeMap<String, String>,
    ) {
        let now = self.now();
        let mut reports = self.reports();
        let key = (channel.clone(), name.clone());
        let before = reports.entries.get(&key);
        let same = before.filter(|it| it.phase == phase);
        let since = same.map_or(now, |it| it.since);
        // A pass that finds nothing to do does not hide what the last one did.
        let changes = match (changes.is_empty(), before) {
            (true, Some(before)) => before.changes.clone(),
            _ => changes,
        };
        let status = EntryStatus { entry: name.clone(), phase, message, failure, objects, changes, since };
        reports.entries.insert(key, status);
    }
}
