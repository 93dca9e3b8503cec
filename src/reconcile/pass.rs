//! One pass over a node's channels: what is staged may become active, what is active is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    entry::{self, Ended, Entry},
    node::{Node, no_cluster},
    receipt, site,
    status::{EntryStatus, Phase},
};
use crate::{
    cluster::{
        Cluster, execute,
        observe::{Inventories, Observer},
    },
    content::Content,
    digest::Digest,
    fault::{Class, Report},
    graph::Graph,
    name::{ChannelName, EntryName},
    object::{Gvk, ObjectId},
    plan::{self, Approval, DeletionList, Guard, Inventory, Observed},
    render::{Inputs, Outcome, Owner, Rendered, Spec, render},
    trust::state::{ChannelState, Held},
};

/// Rounds in which a render may ask the cluster something before it is taken to ask for ever.
const ROUNDS: usize = 8;

/// Entries that are worked on at the same time; as many as kustomize-controller's default.
const CONCURRENT: usize = 4;

type Site = serde_json::Map<String, serde_json::Value>;

/// A bundle, rendered as a whole.
pub(super) struct Desired {
    pub(super) content: Arc<Content>,
    pub(super) entries: BTreeMap<EntryName, Arc<Rendered>>,
    graph: Graph<EntryName>,
}

/// Whose is what, by the inventories of the cluster.
pub(super) struct Holdings {
    pub(super) inventories: BTreeMap<Owner, Inventory>,
    owners: BTreeMap<ObjectId, Owner>,
}

impl Node {
    /// One pass over all own channels. Whoever wants to know what came of it asks for the status.
    pub async fn reconcile(self: &Arc<Self>, only: Option<&EntryName>) {
        let _pass = self.pass.lock().await;
        let now = self.now();
        // Holds that ran out are no word any more; a disk that fails here is noticed where something depends on it.
        let own = self.profile.cluster.clone();
        let _ = self.memory().note(&self.store, |state| {
            for channel in state.clusters.get_mut(&own).into_iter().flat_map(|it| it.values_mut()) {
                channel.expire_holds(now);
            }
        });
        for channel in self.own_channels() {
            if let Err(report) = self.advance(&channel).await {
                self.reports().waiting.insert(channel.clone(), report);
            }
            match self.keep(&channel, only).await {
                Ok(()) => drop(self.reports().failures.remove(&channel)),
                Err(report) => drop(self.reports().failures.insert(channel, report)),
            }
        }
    }

    pub(super) fn own_channels(&self) -> Vec<ChannelName> {
        let memory = self.memory();
        let own = memory.state.clusters.get(&self.profile.cluster);
        own.into_iter().flat_map(|it| it.keys().cloned()).collect()
    }

    pub(super) fn cluster(&self) -> Result<Arc<dyn Cluster>, Report> {
        self.cluster.clone().ok_or_else(no_cluster)
    }

    /// Makes the staged bundle active, where nothing speaks against it.
    async fn advance(self: &Arc<Self>, channel: &ChannelName) -> Result<(), Report> {
        let state = self.channel_state(channel);
        let Some(staged) = state.staged else {
            self.reports().waiting.remove(channel);
            return Ok(());
        };
        if let Some(hold) = &state.hold {
            let error = format!("channel `{channel}` is held by {}: {}", hold.who, hold.why);
            return Err(Report::new("held", Class::Denied, error, Some("`airlock resume` ends the hold")));
        }
        if let Some(denial) = state.denial(&staged.digest) {
            let error = format!("bundle {} is set aside: {}", staged.position, denial.why);
            return Err(Report::new(
                "denied",
                Class::Denied,
                error,
                Some("`airlock activate` takes it back"),
            ));
        }
        if !self.profile.auto && state.ordered != Some(staged.digest) {
            let error = format!("bundle {} waits for the operator", staged.position);
            return Err(Report::new(
                "manual",
                Class::Unavailable,
                error,
                Some("`airlock diff`, then `airlock activate`"),
            ));
        }
        self.cluster()?;
        let own = self.profile.cluster.clone();
        let mut spent = false;
        self.memory()
            .note(&self.store, |state| spent = state.channel_mut(&own, channel).begin(staged.digest))?;
        if spent {
            return self.set_aside(channel, &staged, "the agent ended twice while it worked on it");
        }
        let prepared = self.prepare(channel, &staged, &state).await;
        match prepared {
            Ok((inputs, agreed, used)) => {
                let digest = Digest::of(&serde_json::to_vec(&inputs).unwrap_or_default());
                self.change(self.now(), &receipt::activated(channel, &staged, digest), |state| {
                    let state = state.channel_mut(&own, channel);
                    state.activate(inputs);
                    if let Some(used) = used {
                        state.waivers.retain(|it| it.digest != used);
                        state.agreed = serde_json::to_value(agreed).ok();
                    }
                })?;
                self.reports().waiting.remove(channel);
                Ok(())
            }
            Err(report) => {
                self.memory().note(&self.store, |state| state.channel_mut(&own, channel).end())?;
                Err(report)
            }
        }
    }

    fn set_aside(&self, channel: &ChannelName, held: &Held, why: &str) -> Result<(), Report> {
        let own = self.profile.cluster.clone();
        self.change(self.now(), &receipt::denied(channel, held.digest, why), |state| {
            state.channel_mut(&own, channel).deny(held.digest, why);
        })?;
        let error = format!("bundle {} is set aside: {why}", held.position);
        Err(Report::new("denied", Class::Denied, error, Some("`airlock activate` tries it once more")))
    }

    /// Everything that can be asked before a bundle becomes active: answers of the site, all renders, the closure, and
    /// what would be deleted.
    async fn prepare(
        self: &Arc<Self>,
        channel: &ChannelName,
        held: &Held,
        state: &ChannelState,
    ) -> Result<(Site, DeletionList, Option<Digest>), Report> {
        let cluster = self.cluster()?;
        let content = self.content(channel, held)?;
        let inputs = self.site(&content)?;
        let desired = self.desire(&cluster, &content, inputs.clone()).await?;
        super::closure::check(&desired)?;
        let holdings = Holdings::read(&*cluster).await?;
        let (list, refusals) = self.deletions(&cluster, channel, &desired, &holdings).await?;
        if let Some(refusal) = refusals.first() {
            return Err(Report::of(refusal));
        }
        let approved = state.waivers.iter().map(|it| Approval::Digest(it.digest)).collect();
        let guard = Guard { approved, ..self.guard(channel, &holdings) };
        match guard.check(&list) {
            Ok(used) => Ok((inputs, list, used)),
            Err(refusals) => Err(all_of(Report::each(&refusals))),
        }
    }

    /// The site's answers, checked against what the bundle asks.
    pub(super) fn site(&self, content: &Content) -> Result<Site, Report> {
        let file = self.profile.site.display().to_string();
        let text = match std::fs::read_to_string(&self.profile.site) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(site::Error { file, why: error.to_string() }.into()),
        };
        Ok(site::answers(content.release().site.as_ref(), &file, text.as_deref())?)
    }

    /// Renders a whole bundle, asking the cluster what the renders must know.
    pub(super) async fn desire(
        &self,
        cluster: &Arc<dyn Cluster>,
        content: &Arc<Content>,
        site: Site,
    ) -> Result<Desired, Report> {
        let release = content.release();
        let nodes = release.entries.iter().map(|it| (it.name.clone(), it.depends_on.clone()));
        let graph = Graph::new(nodes)?;
        let mut entries = BTreeMap::new();
        for entry in &release.entries {
            let spec = Spec::from(entry);
            let mut inputs = Inputs::new(content, site.clone());
            let mut rounds = 0;
            let rendered = loop {
                // A panic in one entry is that entry's fault, and the agent goes on.
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    render(content, &spec, &inputs)
                }));
                let outcome = outcome.map_err(|panic| entry::panicked(&spec.name, &*panic))?;
                match outcome? {
                    Outcome::Rendered(rendered) => break Arc::from(rendered),
                    Outcome::Needs(needs) if rounds < ROUNDS => {
                        rounds += 1;
                        inputs.answers.extend(self.observer(cluster).answer(&needs).await?);
                    }
                    Outcome::Needs(_) => {
                        let error = format!("entry `{}` asks the cluster for ever", spec.name);
                        return Err(Report::new("needs_rounds", Class::Invalid, error, None));
                    }
                }
            };
            entries.insert(entry.name.clone(), rendered);
        }
        Ok(Desired { content: Arc::clone(content), entries, graph })
    }

    /// What a bundle would delete, over all its entries and those that it does not have any more.
    pub(super) async fn deletions(
        &self,
        cluster: &Arc<dyn Cluster>,
        channel: &ChannelName,
        desired: &Desired,
        holdings: &Holdings,
    ) -> Result<(DeletionList, Vec<plan::Refusal>), Report> {
        let (guard, observer) = (self.guard(channel, holdings), self.observer(cluster));
        let (mut list, mut refusals) = (DeletionList::default(), Vec::new());
        for rendered in desired.entries.values() {
            let around = holdings.base(rendered.owner(), Some(desired));
            let observed = observer.observe_forecast(rendered, around).await?;
            let (own, more) = plan::forecast(rendered, &observed, &guard);
            list.extend(&own);
            refusals.extend(more);
        }
        for owner in holdings.retired(channel, desired) {
            let observed =
                self.observer(cluster).observe_retired(&owner, holdings.base(&owner, Some(desired))).await?;
            // The guard judges the whole list later, so here nothing is over any budget.
            let open = Guard {
                budget: plan::Budget { count: u64::MAX, percent: 100 },
                inventoried: u64::MAX,
                ..guard.clone()
            };
            match plan::retire(&desired.content, &observed, &open) {
                Ok(Some(plan)) => list.extend(plan.deletions()),
                Ok(None) => (),
                Err(refused) => {
                    if let Some(deletions) = refused.deletions() {
                        list.extend(deletions);
                    }
                    refusals.extend(refused.refusals.into_iter().filter(|it| it.waivable().is_none()));
                }
            }
        }
        Ok((list, refusals))
    }

    /// What would be deleted of entries that the bundle does not have any more, for people.
    pub(super) async fn retired_diffs(
        &self,
        cluster: &Arc<dyn Cluster>,
        channel: &ChannelName,
        desired: &Desired,
        holdings: &Holdings,
    ) -> Result<Vec<(Owner, plan::diff::Diff)>, Report> {
        let open = Guard {
            budget: plan::Budget { count: u64::MAX, percent: 100 },
            inventoried: u64::MAX,
            ..Guard::default()
        };
        let mut diffs = Vec::new();
        for owner in holdings.retired(channel, desired) {
            let observed =
                self.observer(cluster).observe_retired(&owner, holdings.base(&owner, Some(desired))).await?;
            match plan::retire(&desired.content, &observed, &open) {
                Ok(Some(plan)) => diffs.push((owner, plan::diff::Diff::of(&plan))),
                Ok(None) => (),
                Err(refused) => diffs.push((owner, plan::diff::Diff::of_refused(&refused))),
            }
        }
        Ok(diffs)
    }

    pub(super) fn observer(&self, cluster: &Arc<dyn Cluster>) -> Observer {
        Observer { cluster: Arc::clone(cluster), concurrency: CONCURRENT, clock: Arc::clone(&self.clock) }
    }

    pub(super) fn guard(&self, channel: &ChannelName, holdings: &Holdings) -> Guard {
        let own = holdings.inventories.iter().filter(|(owner, _)| owner.channel == *channel);
        let inventoried = own.map(|(_, it)| it.all().count() as u64).sum();
        Guard { budget: self.profile.budget, inventoried, ..Guard::default() }
    }

    /// Brings the cluster to what the active bundle says, entry after entry, each as soon as what it depends on is ready.
    async fn keep(self: &Arc<Self>, channel: &ChannelName, only: Option<&EntryName>) -> Result<(), Report> {
        let state = self.channel_state(channel);
        let (Some(active), None) = (state.active, &state.hold) else { return Ok(()) };
        let Some(cluster) = self.cluster.clone() else { return Ok(()) };
        execute::prepare(&*cluster).await?;
        let content = self.content(channel, &active)?;
        let desired = self.desire(&cluster, &content, state.inputs.clone().unwrap_or_default()).await?;
        let holdings = Holdings::read(&*cluster).await?;
        let agreed: Option<DeletionList> =
            state.agreed.clone().and_then(|it| serde_json::from_value(it).ok());
        let approved: Vec<Approval> = agreed
            .map(Approval::List)
            .into_iter()
            .chain(state.waivers.iter().map(|it| Approval::Digest(it.digest)))
            .collect();
        let guard = Guard { approved, ..self.guard(channel, &holdings) };
        self.forget_entries(channel, &desired);
        self.note_kinds(&desired);

        let mut ready: BTreeSet<EntryName> = BTreeSet::new();
        let mut begun: BTreeSet<EntryName> = BTreeSet::new();
        let mut working = tokio::task::JoinSet::new();
        loop {
            for name in desired.graph.order() {
                let waits = desired.graph.waits_for(name, |it| ready.contains(it));
                if begun.contains(name) || !waits.is_empty() || working.len() >= CONCURRENT {
                    continue;
                }
                begun.insert(name.clone());
                let Some(rendered) = desired.entries.get(name) else { continue };
                if only.is_some_and(|it| it != name) {
                    // What is not asked for stands where the last pass left it.
                    if self
                        .reports()
                        .entries
                        .get(&(channel.clone(), name.clone()))
                        .is_none_or(|it| it.phase == Phase::Ready)
                    {
                        ready.insert(name.clone());
                    }
                    continue;
                }
                if let Some(hold) = state.paused.get(name) {
                    let message = format!("paused by {}: {}; drift is left alone", hold.who, hold.why);
                    self.report(
                        channel,
                        name,
                        Phase::Paused,
                        message,
                        None,
                        rendered.objects().len(),
                        BTreeMap::new(),
                    );
                    ready.insert(name.clone());
                    continue;
                }
                let entry = Entry {
                    rendered: Arc::clone(rendered),
                    observed: holdings.base(rendered.owner(), Some(&desired)),
                    guard: guard.clone(),
                    observer: self.observer(&cluster),
                };
                self.report(
                    channel,
                    name,
                    Phase::Progressing,
                    "reconciling".into(),
                    None,
                    rendered.objects().len(),
                    BTreeMap::new(),
                );
                let name = name.clone();
                working.spawn(async move { (name, entry.reconcile().await) });
            }
            let Some(joined) = working.join_next().await else { break };
            // The task's own panic was caught; this is the runtime going down.
            let Ok((name, ended)) = joined else { return Ok(()) };
            if self.note_end(channel, &name, &desired, ended) {
                ready.insert(name);
            }
        }
        for name in desired.graph.order().filter(|name| !begun.contains(*name)) {
            let waits: Vec<String> = desired
                .graph
                .waits_for(name, |it| ready.contains(it))
                .iter()
                .map(ToString::to_string)
                .collect();
            let message = format!("waits for {}", waits.join(", "));
            let objects = desired.entries.get(name).map_or(0, |it| it.objects().len());
            self.report(channel, name, Phase::DependencyNotReady, message, None, objects, BTreeMap::new());
        }
        let all = ready.len() == desired.entries.len();
        if all && only.is_none() {
            self.retire(&cluster, channel, &desired, &guard).await?;
            self.settle(channel, &active)?;
        }
        let own = self.profile.cluster.clone();
        self.memory().note(&self.store, |state| state.channel_mut(&own, channel).end())?;
        Ok(())
    }

    /// Takes entries out of the status that the bundle does not have.
    fn forget_entries(&self, channel: &ChannelName, desired: &Desired) {
        self.reports().entries.retain(|(it, name), _| it != channel || desired.entries.contains_key(name));
    }

    fn note_kinds(&self, desired: &Desired) {
        let objects = desired.entries.values().flat_map(|it| it.objects());
        let kinds: BTreeSet<Gvk> = objects.map(|it| it.gvk().clone()).collect();
        let mut reports = self.reports();
        if !kinds.is_subset(&reports.kinds) {
            reports.kinds.extend(kinds);
            self.other_kinds.notify_one();
        }
    }

    /// Notes how an entry ended; true where it is ready.
    fn note_end(
        &self,
        channel: &ChannelName,
        name: &EntryName,
        desired: &Desired,
        ended: Result<Ended, Report>,
    ) -> bool {
        let objects = desired.entries.get(name).map_or(0, |it| it.objects().len());
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
                self.report(channel, name, Phase::Ready, message, None, objects, ended.changes);
                true
            }
            Err(report) => {
                let message = report.error.clone();
                self.report(channel, name, Phase::Failed, message, Some(report), objects, BTreeMap::new());
                false
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "these are the fields of one status")]
    fn report(
        &self,
        channel: &ChannelName,
        name: &EntryName,
        phase: Phase,
        message: String,
        failure: Option<Report>,
        objects: usize,
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

    /// Deletes what entries applied that the bundle does not have any more. This comes last: nothing is given up before
    /// what replaces it is well.
    async fn retire(
        &self,
        cluster: &Arc<dyn Cluster>,
        channel: &ChannelName,
        desired: &Desired,
        guard: &Guard,
    ) -> Result<(), Report> {
        // The entries wrote their inventories since.
        let holdings = Holdings::read(&**cluster).await?;
        for owner in holdings.retired(channel, desired) {
            let observed =
                self.observer(cluster).observe_retired(&owner, holdings.base(&owner, Some(desired))).await?;
            let plan = plan::retire(&desired.content, &observed, guard);
            let plan = plan.map_err(|refused| all_of(Report::each(&refused.refusals)))?;
            if let Some(plan) = plan {
                entry::carry_out(cluster, &plan, &self.clock).await?;
            }
        }
        Ok(())
    }

    /// Everything is well: the bundle is the last good one.
    fn settle(&self, channel: &ChannelName, active: &Held) -> Result<(), Report> {
        let state = self.channel_state(channel);
        if state.last_good.is_some_and(|it| it.digest == active.digest)
            || state.active.map(|it| it.digest) != Some(active.digest)
        {
            return Ok(());
        }
        let own = self.profile.cluster.clone();
        self.change(self.now(), &receipt::healthy(channel, active), |state| {
            state.channel_mut(&own, channel).healthy()
        })?;
        Ok(())
    }
}

impl Desired {
    /// The entries, each after what it depends on.
    pub(super) fn entries_in_order(&self) -> impl Iterator<Item = &Arc<Rendered>> {
        self.graph.order().filter_map(|name| self.entries.get(name))
    }
}

impl Holdings {
    pub(super) async fn read(cluster: &dyn Cluster) -> Result<Self, Report> {
        let inventories: BTreeMap<Owner, Inventory> =
            Inventories::read(cluster).await?.iter().map(|it| (it.owner.clone(), it.clone())).collect();
        let mut owners = BTreeMap::new();
        for (owner, inventory) in &inventories {
            owners.extend(inventory.all().map(|entry| (entry.id.clone(), owner.clone())));
        }
        Ok(Self { inventories, owners })
    }

    /// What a plan of one entry begins with.
    pub(super) fn base(&self, owner: &Owner, desired: Option<&Desired>) -> Observed {
        let others = self.owners.iter().filter(|(_, it)| *it != owner);
        let owners = others.map(|(id, it)| (id.clone(), it.clone())).collect();
        let claimed = desired.into_iter().flat_map(|it| it.entries.values()).filter(|it| it.owner() != owner);
        let claims = claimed.flat_map(|it| it.objects().iter().map(crate::object::Object::id)).collect();
        Observed {
            inventory: self.inventories.get(owner).cloned(),
            owners: Arc::new(owners),
            claims: Arc::new(claims),
            ..Observed::default()
        }
    }

    /// Entries of the channel that have an inventory and are not in the bundle.
    fn retired(&self, channel: &ChannelName, desired: &Desired) -> Vec<Owner> {
        let own = self.inventories.keys().filter(|it| it.channel == *channel);
        own.filter(|it| !desired.entries.contains_key(&it.entry)).cloned().collect()
    }
}

/// Several reports as one: the first, with the others behind it.
pub(super) fn all_of(mut reports: Vec<Report>) -> Report {
    let rest: Vec<String> = reports.iter().skip(1).map(|it| it.error.clone()).collect();
    match reports.is_empty() {
        true => Report::new("refused", Class::Bug, "refused without a reason", None),
        false => {
            let mut first = reports.swap_remove(0);
            first.because.extend(rest);
            first
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_refusals_are_told_as_one() {
        let report = |text: &str| Report::new("x", Class::Denied, text, None);
        let told = all_of(vec![report("a"), report("b"), report("c")]);
        assert_eq!((told.error.as_str(), told.because), ("a", vec!["b".to_owned(), "c".to_owned()]));
    }
}
