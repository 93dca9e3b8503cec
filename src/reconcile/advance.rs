//! From staged to active: everything that can be asked beforehand is asked before anything is given up.

use std::sync::Arc;

use super::{
    desired::{Reads, Site},
    node::Node,
    receipt, site,
};
use crate::{
    cluster::observe::Inventories,
    content::Content,
    digest::Digest,
    fault::{Class, Report},
    name::ChannelName,
    plan::{Approval, DeletionList, Guard},
    trust::state::{ChannelState, Held},
};

/// What a bundle becomes active with.
struct Prepared {
    /// What the site answered.
    inputs: Site,
    /// What it deletes.
    deletions: DeletionList,
    /// The operator's word that was needed for it.
    used: Option<Digest>,
    /// What its render read in the cluster.
    reads: Reads,
}

impl Node {
    /// Makes the staged bundle active, where nothing speaks against it.
    pub(super) async fn advance(self: &Arc<Self>, channel: &ChannelName) -> Result<(), Report> {
        let state = self.channel_state(channel);
        let Some(staged) = state.staged else { return Ok(()) };
        self.check_awaited(channel, &state, &staged)?;
        self.cluster()?;
        if self.begin(channel, staged.digest)? {
            let why = "the agent ended twice while it worked on it";
            self.deny(channel, &staged, why)?;
            return Err(set_aside(&staged, why));
        }
        let prepared = self.prepare(channel, &staged, &state).await;
        let own = self.profile.cluster.clone();
        match prepared {
            Ok(Prepared { inputs, deletions, used, reads }) => {
                let digest = Digest::of(&serde_json::to_vec(&inputs).unwrap_or_default());
                let receipt = receipt::activated(channel, &staged, digest, used, &reads);
                self.change(self.now(), &receipt, |state| {
                    let state = state.channel_mut(&own, channel);
                    state.activate(inputs);
                    if let Some(used) = used {
                        state.agree(used, serde_json::to_value(&deletions).unwrap_or_default());
                    }
                })?;
                Ok(())
            }
            Err(report) => {
                self.end(channel)?;
                Err(report)
            }
        }
    }

    /// Whether the staged bundle waits for somebody's word.
    fn check_awaited(
        &self,
        channel: &ChannelName,
        state: &ChannelState,
        staged: &Held,
    ) -> Result<(), Report> {
        let awaits = |code, class, error, hint| Err(Report::new(code, class, error, Some(hint)));
        if let Some(hold) = &state.hold {
            let error = format!("channel `{channel}` is held by {}: {}", hold.who, hold.why);
            return awaits("held", Class::Denied, error, "`airlock resume` ends the hold");
        }
        if let Some(denial) = state.denial(&staged.digest) {
            return Err(set_aside(staged, &denial.why));
        }
        if !self.profile.auto && state.ordered != Some(staged.digest) {
            let error = format!("bundle {} waits for the operator", staged.position);
            return awaits("manual", Class::Denied, error, "`airlock diff`, then `airlock activate`");
        }
        Ok(())
    }

    /// Counts that work on a bundle begins; true when it began too often without an end.
    pub(super) fn begin(&self, channel: &ChannelName, digest: Digest) -> Result<bool, Report> {
        let own = self.profile.cluster.clone();
        let mut spent = false;
        self.memory().note(&self.store, |state| spent = state.channel_mut(&own, channel).begin(digest))?;
        Ok(spent)
    }

    /// Notes that the work ended, good or bad, without taking the agent with it.
    pub(super) fn end(&self, channel: &ChannelName) -> Result<(), Report> {
        let own = self.profile.cluster.clone();
        self.memory().note(&self.store, |state| state.channel_mut(&own, channel).end())?;
        Ok(())
    }

    fn deny(&self, channel: &ChannelName, held: &Held, why: &str) -> Result<(), Report> {
        let own = self.profile.cluster.clone();
        self.change(self.now(), &receipt::denied(channel, held.digest, why), |state| {
            state.channel_mut(&own, channel).deny(held.digest, why);
        })?;
        Ok(())
    }

    /// Gives up the active bundle, which took the agent with it twice: the last good one runs again, where there is one
    /// and the newest bundle lets us go back so far; else nothing is touched any more.
    pub(super) fn give_up(&self, channel: &ChannelName, active: &Held) -> Report {
        let why = "the agent ended twice while it kept it";
        let state = self.channel_state(channel);
        let good = state.last_good.filter(|it| it.digest != active.digest);
        let back = good.map(|good| self.go_back(channel, good, "airlock", why));
        match back {
            Some(Ok(_)) => set_aside(active, why),
            None | Some(Err(_)) => match self.deny(channel, active, why) {
                Ok(()) => set_aside(active, why),
                Err(report) => report,
            },
        }
    }

    /// Everything that can be asked before a bundle becomes active: answers of the site, all renders, the closure, and
    /// what would be deleted.
    async fn prepare(
        self: &Arc<Self>,
        channel: &ChannelName,
        held: &Held,
        state: &ChannelState,
    ) -> Result<Prepared, Report> {
        let cluster = self.cluster()?;
        let content = self.content(channel, held)?;
        let inputs = self.site(&content)?;
        // Asking makes nothing in the cluster: whoever keeps the bundle there does, once it leads.
        let desired = self.desire(&cluster, &content, inputs.clone(), true).await?;
        super::closure::check(&desired)?;
        let inventories = Inventories::read(&*cluster).await?;
        let forecast = self.deletions(&cluster, channel, &desired, &inventories).await?;
        if !forecast.refusals.is_empty() {
            let mut reports = Report::each(&forecast.refusals);
            reports.extend(desired.waiting.values().map(waits_for));
            return Err(Report::all_of(reports));
        }
        let approved = state.waivers.iter().map(|it| Approval::Digest(it.digest)).collect();
        let guard = Guard { approved, ..self.guard(channel, &inventories) };
        match guard.check(&forecast.all) {
            Ok(used) => Ok(Prepared { inputs, deletions: forecast.all, used, reads: desired.reads }),
            Err(refusals) => Err(Report::all_of(Report::each(&refusals))),
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
}

/// Why an entry is not rendered, in one sentence: where several things are told only these are.
fn waits_for(report: &Report) -> Report {
    let told: Vec<&str> = [&report.error].into_iter().chain(&report.because).map(String::as_str).collect();
    let error = told.join(": ");
    Report { error, because: Vec::new(), ..report.clone() }
}

fn set_aside(held: &Held, why: &str) -> Report {
    let error = format!("bundle {} is set aside: {why}", held.position);
    Report::new("denied", Class::Denied, error, Some("`airlock activate` tries it once more"))
}
