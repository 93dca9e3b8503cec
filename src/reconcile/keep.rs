//! Bringing the cluster to what the active bundle says, and keeping it there.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use tokio::task::{Id, JoinError, JoinSet};

use super::{
    deletions::{CONCURRENT, Forecast},
    desired::Desired,
    entry::{self, Ended, Entry},
    node::{Node, lock},
    receipt,
    status::Phase,
    tell::News,
};
use crate::{
    cluster::{Cluster, observe::Inventories},
    digest::Digest,
    fault::{Class, Report},
    name::{ChannelName, EntryName},
    plan::{self, Approval, DeletionList, Guard, Inventory, InventoryError},
    render::{Owner, Rendered},
    trust::state::{ChannelState, Held},
};

/// The active bundle of one channel at work.
struct Keeping {
    node: Arc<Node>,
    channel: ChannelName,
    state: ChannelState,
    active: Held,
    cluster: Arc<dyn Cluster>,
    desired: Desired,
    inventories: Inventories,
    forecast: Forecast,
    guard: Guard,
}

impl Node {
    /// Keeps the active bundle of a channel, or of it only one entry.
    pub(super) async fn keep(
        self: &Arc<Self>,
        channel: &ChannelName,
        only: Option<&EntryName>,
    ) -> Result<(), Report> {
        let state = self.channel_state(channel);
        let Some(active) = state.active else {
            self.forget_entries(channel, |_| false);
            return Ok(());
        };
        let (None, Some(cluster)) = (&state.hold, self.cluster.clone()) else { return Ok(()) };
        self.lead(&cluster).await?;
        if only.is_none() && self.is_still(channel, &state) {
            return Ok(());
        }
        // What was healthy as a whole once does not kill the agent by itself.
        let proven = state.last_good.is_some_and(|it| it.digest == active.digest);
        if !proven && self.begin(channel, active.digest)? {
            let report = self.give_up(channel, &active);
            self.wake();
            return Err(report);
        }
        let kept = match Keeping::begin(self, channel, state, active, cluster).await {
            Ok(keeping) => keeping.run(only).await,
            Err(report) => Err(report),
        };
        if !proven {
            self.end(channel)?;
        }
        kept
    }

    /// Uses up the operator's word, before anything is deleted by it: what is left of the list if the power fails now
    /// needs no second one.
    fn agree(
        &self,
        channel: &ChannelName,
        used: Digest,
        list: &DeletionList,
    ) -> Result<DeletionList, Report> {
        let mut agreed = agreed(&self.channel_state(channel));
        agreed.extend(list);
        let own = self.profile.cluster.clone();
        let value = serde_json::to_value(&agreed).unwrap_or_default();
        self.change(self.now(), &receipt::word_used(channel, used, list), |state| {
            state.channel_mut(&own, channel).agree(used, value);
        })?;
        Ok(agreed)
    }

    /// Everything is well: the bundle is the last good one.
    fn settle(&self, channel: &ChannelName, active: &Held) -> Result<(), Report> {
        let state = self.channel_state(channel);
        let own = self.profile.cluster.clone();
        if state.active.map(|it| it.digest) != Some(active.digest) {
            return Ok(());
        }
        if state.last_good.is_some_and(|it| it.digest == active.digest) {
            self.memory().note(&self.store, |state| state.channel_mut(&own, channel).agreed = None)?;
            return Ok(());
        }
        self.change(self.now(), &receipt::healthy(channel, active), |state| {
            state.channel_mut(&own, channel).healthy()
        })?;
        Ok(())
    }
}

/// The deletions that the operator agreed to and that are not all done.
fn agreed(state: &ChannelState) -> DeletionList {
    state.agreed.clone().and_then(|it| serde_json::from_value(it).ok()).unwrap_or_default()
}

impl Keeping {
    /// Renders, records, reads what is there, and counts what all entries together delete.
    async fn begin(
        node: &Arc<Node>,
        channel: &ChannelName,
        state: ChannelState,
        active: Held,
        cluster: Arc<dyn Cluster>,
    ) -> Result<Self, Report> {
        node.record(&cluster).await?;
        let content = node.content(channel, &active)?;
        let desired =
            node.desire(&cluster, &content, state.inputs.clone().unwrap_or_default(), false).await?;
        let inventories = Inventories::read(&*cluster).await?;
        let forecast = node.deletions(&cluster, channel, &desired, &inventories).await?;
        let mut agreed = agreed(&state);
        let words = state.waivers.iter().map(|it| Approval::Digest(it.digest));
        let mut approved = vec![Approval::List(agreed.clone())];
        approved.extend(words);
        let mut guard = Guard { approved, ..node.guard(channel, &inventories) };
        // Where the whole is refused, each entry that deletes something is, and the others go on.
        if let Ok(Some(used)) = guard.check(&forecast.all) {
            agreed = node.agree(channel, used, &forecast.all)?;
            guard.approved.push(Approval::List(agreed));
        }
        node.forget_entries(channel, |name| desired.has(name));
        node.read_inventories(&inventories);
        node.expect_news(&desired);
        node.note_kinds(&desired);
        let (node, channel) = (Arc::clone(node), channel.clone());
        Ok(Self { node, channel, state, active, cluster, desired, inventories, forecast, guard })
    }

    /// Works on entry after entry, each as soon as what it depends on is ready.
    async fn run(&self, only: Option<&EntryName>) -> Result<(), Report> {
        let graph = &self.desired.graph;
        let mut ready: BTreeSet<EntryName> = BTreeSet::new();
        let mut begun: BTreeSet<EntryName> = BTreeSet::new();
        let mut working: JoinSet<Result<Ended, Report>> = JoinSet::new();
        let mut names: HashMap<Id, EntryName> = HashMap::new();
        let (mut acted, mut owned) = (false, false);
        let mut inventories = self.inventories.clone();
        loop {
            for name in graph.order() {
                let waits = !graph.waits_for(name, |it| ready.contains(it)).is_empty();
                if begun.contains(name) || waits || working.len() >= CONCURRENT {
                    continue;
                }
                begun.insert(name.clone());
                let Some(rendered) = self.desired.entries.get(name) else {
                    self.tell_unrendered(name);
                    continue;
                };
                let key = (self.channel.clone(), name.clone());
                let well = only.is_none() && self.node.is_well(&key, rendered);
                if well || self.stands(name, only) || self.is_paused(name, rendered) {
                    ready.insert(name.clone());
                    continue;
                }
                if only.is_some_and(|it| it != name) {
                    continue;
                }
                let count = rendered.objects().len();
                self.node.look_at(&key);
                match self.entry(rendered, &inventories) {
                    Ok(entry) => {
                        self.node.report(
                            &self.channel,
                            name,
                            Phase::Progressing,
                            "reconciling".into(),
                            count,
                        );
                        names.insert(working.spawn(entry.reconcile()).id(), name.clone());
                    }
                    Err(error) => drop(self.node.note_end(&self.channel, name, count, Err(error.into()))),
                }
            }
            let joined = tokio::select! {
                joined = working.join_next_with_id() => joined,
                // Nobody waits for what others wait for: what changes meanwhile is put back at once.
                () = self.node.news_came.notified(), if only.is_none() => {
                    let unwell = self.node.unwell(&self.channel);
                    let again = unwell.into_iter().filter(|name| ready.contains(name) && begun.contains(name));
                    let again: Vec<EntryName> = again.collect();
                    if !again.is_empty() {
                        // The entries wrote their inventories since.
                        inventories = Inventories::read(&*self.cluster).await?;
                        self.node.read_inventories(&inventories);
                        begun.retain(|name| !again.contains(name));
                    }
                    continue;
                }
            };
            let Some(joined) = joined else { break };
            let (id, mut ended) = match joined {
                Ok(joined) => joined,
                Err(error) => (error.id(), Err(ended_early(&error, names.get(&error.id())))),
            };
            self.node.beat();
            let Some(name) = names.remove(&id) else { continue };
            let key = (self.channel.clone(), name.clone());
            if let Ok(ended) = &mut ended {
                acted |= ended.acted;
                lock(&self.node.settled).insert(key.clone(), std::mem::take(&mut ended.settled));
                if let Some(inventory) = &ended.inventory {
                    self.node.wrote_inventory(&key, inventory);
                }
                if let Some(rendered) = self.desired.entries.get(&name) {
                    self.node.found_well(&key, rendered);
                }
            }
            owned |= ended.as_ref().is_err_and(|report| report.code == "owned");
            let count = self.desired.entries.get(&name).map_or(0, |it| it.objects().len());
            self.tell(&key, &ended);
            if self.node.note_end(&self.channel, &name, count, ended) {
                ready.insert(name);
            } else {
                ready.remove(&name);
            }
        }
        self.tell_waiting(&begun, &ready);
        if owned && acted {
            // An object goes from one entry to another. The one that had it may have let go of it by now.
            self.node.wake();
        }
        let paused = self.desired.entries.keys().any(|name| self.state.paused.contains_key(name));
        let whole = ready.len() == self.desired.entries.len() && self.desired.waiting.is_empty();
        if whole && only.is_none() && !paused {
            self.retire().await?;
            self.node.settle(&self.channel, &self.active)?;
            if self.desired.lasting && self.inventories.damaged.is_empty() {
                self.node.note_still(&self.channel, self.desired.entries.len());
            }
        }
        self.stray_damage()
    }

    /// Tells the cluster what changed, or what failed otherwise than before.
    fn tell(&self, key: &(ChannelName, EntryName), ended: &Result<Ended, Report>) {
        let owner = Owner { channel: key.0.clone(), entry: key.1.clone() };
        let news = match ended {
            Ok(ended) if ended.changes.is_empty() => return drop(self.node.reports().told.remove(key)),
            Ok(ended) => News::Changed(&ended.changes),
            Err(report) => {
                let reports = self.node.reports();
                let before = reports.told.get(key);
                if before == Some(report) || report.code == "not_leader" {
                    return;
                }
                News::Failed(report)
            }
        };
        self.node.tell(&self.cluster, &owner, self.active.position, &news);
        let told = ended.as_ref().err().cloned();
        let mut reports = self.node.reports();
        match told {
            Some(report) => drop(reports.told.insert(key.clone(), report)),
            None => drop(reports.told.remove(key)),
        }
    }

    /// Whether an entry is not asked for, and stands well where the last pass left it.
    fn stands(&self, name: &EntryName, only: Option<&EntryName>) -> bool {
        let key = (self.channel.clone(), name.clone());
        only.is_some_and(|it| it != name)
            && self.node.reports().entries.get(&key).is_none_or(|it| it.phase == Phase::Ready)
    }

    fn is_paused(&self, name: &EntryName, rendered: &Rendered) -> bool {
        let Some(hold) = self.state.paused.get(name) else { return false };
        let message = format!("paused by {}: {}; drift is left alone", hold.who, hold.why);
        self.node.report(&self.channel, name, Phase::Paused, message, rendered.objects().len());
        true
    }

    fn entry(&self, rendered: &Arc<Rendered>, inventories: &Inventories) -> Result<Entry, InventoryError> {
        let owner = rendered.owner();
        let key = (self.channel.clone(), owner.entry.clone());
        let (node, channel) = (Arc::clone(&self.node), self.channel.clone());
        Ok(Entry {
            rendered: Arc::clone(rendered),
            observed: inventories.around(owner, &self.desired.claims)?,
            claims: self.desired.claims.clone(),
            guard: self.guard_of(owner),
            observer: self.node.observer(&self.cluster),
            settled: lock(&self.node.settled).get(&key).cloned().unwrap_or_default(),
            still_leader: node.still_leader(),
            contests: Arc::clone(&node.contests),
            word: Arc::new(move |used, list| node.agree(&channel, used, list)),
        })
    }

    fn guard_of(&self, owner: &Owner) -> Guard {
        Guard { elsewhere: self.forecast.beside(owner), ..self.guard.clone() }
    }

    /// An entry that is not rendered is left as it is, and says why.
    fn tell_unrendered(&self, name: &EntryName) {
        if let Some(report) = self.desired.waiting.get(name) {
            let phase = match report.class {
                Class::Unavailable => Phase::DependencyNotReady,
                _ => Phase::Failed,
            };
            let (message, report) = (report.error.clone(), Some(report.clone()));
            self.node.report_with(&self.channel, name, phase, message, 0, report, BTreeMap::new());
        }
    }

    fn tell_waiting(&self, begun: &BTreeSet<EntryName>, ready: &BTreeSet<EntryName>) {
        let graph = &self.desired.graph;
        for name in graph.order().filter(|name| !begun.contains(*name)) {
            let waits = graph.waits_for(name, |it| ready.contains(it));
            let waits: Vec<String> = waits.iter().map(ToString::to_string).collect();
            let message = format!("waits for {}", waits.join(", "));
            let count = self.desired.entries.get(name).map_or(0, |it| it.objects().len());
            self.node.report(&self.channel, name, Phase::DependencyNotReady, message, count);
        }
    }

    /// Deletes what entries applied that the bundle does not have any more. This comes last: nothing is given up before
    /// what replaces it is well.
    async fn retire(&self) -> Result<(), Report> {
        let cluster = &self.cluster;
        if self.desired.retired(&self.inventories).is_empty() {
            return Ok(());
        }
        // The entries wrote their inventories since.
        let inventories = Inventories::read(&**cluster).await?;
        for owner in self.desired.retired(&inventories) {
            let around = inventories.around(&owner, &self.desired.claims)?;
            let observed = self.node.observer(cluster).observe_retired(&owner, around).await?;
            let guard = self.guard_of(&owner);
            let plan = plan::retire(&self.desired.content, &observed, &guard);
            let Some(plan) = plan.map_err(|refused| Report::all_of(Report::each(&refused.refusals)))? else {
                continue;
            };
            if let Some(used) = plan.approved() {
                let mut list = plan.deletions().clone();
                list.extend(&guard.elsewhere);
                self.node.agree(&self.channel, used, &list)?;
            }
            entry::carry_out(cluster, &plan, &self.node.clock, &self.node.still_leader()).await?;
        }
        Ok(())
    }

    /// An inventory that cannot be read and is no entry's of the bundle: what it held is forgotten by nobody.
    fn stray_damage(&self) -> Result<(), Report> {
        let waiting = self.desired.waiting.keys().map(|it| Inventory::name(&self.desired.owner(it)));
        let known: BTreeSet<String> =
            self.desired.entries.values().map(|it| Inventory::name(it.owner())).chain(waiting).collect();
        let own = format!("inventory.{}.", self.channel);
        let stray = self.inventories.damaged.iter().find(|it| match it {
            InventoryError::Damaged { name, .. } => name.starts_with(&own) && !known.contains(name),
            InventoryError::TooLarge { .. } => false,
        });
        stray.map_or(Ok(()), |error| Err(Report::of(error)))
    }
}

/// The task of an entry ended without a word: our fault, told as the entry's.
fn ended_early(error: &JoinError, name: Option<&EntryName>) -> Report {
    let name = name.map_or_else(|| "?".to_owned(), ToString::to_string);
    let what = if error.is_panic() { "failed" } else { "was stopped" };
    let hint = "this is a defect of Airlock; the other entries are kept as ever";
    Report::new("panic", Class::Bug, format!("reconciling entry `{name}` {what}: {error}"), Some(hint))
}

impl Node {
    /// Notes how an entry ended; true where it is ready.
    fn note_end(
        &self,
        channel: &ChannelName,
        name: &EntryName,
        objects: usize,
        ended: Result<Ended, Report>,
    ) -> bool {
        match ended {
            Ok(ended) => {
                let message = match ended.changes.len() {
                    0 => "as it should be".to_owned(),
                    count => format!("{count} changed, all well"),
                };
                let message = match ended.kept.is_empty() {
                    true => message,
                    false => format!("{message}; kept: {}", ended.kept.join(", ")),
                };
                self.report_with(channel, name, Phase::Ready, message, objects, None, ended.changes);
                true
            }
            Err(report) => {
                let message = report.error.clone();
                self.report_with(
                    channel,
                    name,
                    Phase::Failed,
                    message,
                    objects,
                    Some(report),
                    BTreeMap::new(),
                );
                false
            }
        }
    }
}
