//! Taking over what the nodes of a cluster decided: before a node leads, and as long as it does not.
//!
//! Every decision about what runs (activated, rolled back, set aside, held, paused) is counted. The cluster records the
//! count with the decision; whoever knows of fewer follows, and whoever cannot follow does not lead.

use std::sync::{Arc, atomic::Ordering};

use super::{desired::Site, node::Node, receipt};
use crate::{
    cluster::{
        Cluster,
        record::{self, Channel, Record, RecordError},
    },
    digest::Digest,
    fault::{Class, Report},
    name::ChannelName,
    trust::state::Held,
};

impl Node {
    /// Makes sure that this node may keep the cluster: it holds the Lease, and knows what was decided elsewhere.
    ///
    /// # Errors
    /// `not_leader` while another node keeps the cluster; `behind` and `other_inputs` where this one must not.
    pub(super) async fn prepare_to_keep(&self) -> Result<(), Report> {
        let Some(cluster) = &self.cluster else { return Ok(()) };
        match self.lead(cluster).await {
            Ok(()) if self.joined.load(Ordering::Relaxed) => Ok(()),
            Ok(()) => self.join(cluster).await,
            Err(report) if report.code == "not_leader" && !self.is_stopped() => {
                // What the leader decides is known here, too, so that this node can take over.
                self.join(cluster).await?;
                Err(report)
            }
            Err(report) => Err(report),
        }
    }

    /// Follows what is recorded, and checks that nothing recorded is beyond this node.
    ///
    /// # Errors
    /// As [`Node::prepare_to_keep`].
    pub(super) async fn join(&self, cluster: &Arc<dyn Cluster>) -> Result<(), Report> {
        let seen = record::read(&**cluster).await?;
        self.raise_floors(&seen)?;
        self.follow(&seen)?;
        seen.admits(&self.ours(&seen)?)?;
        self.joined.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Follows decisions of other nodes; true where there was one.
    ///
    /// # Errors
    /// When what runs in the cluster is not here, or would be rendered with other answers.
    pub(super) fn follow(&self, seen: &Record) -> Result<bool, Report> {
        let mut followed = false;
        for (name, recorded) in &seen.channels {
            followed |= self.follow_channel(name, recorded)?;
        }
        Ok(followed)
    }

    fn follow_channel(&self, name: &ChannelName, recorded: &Channel) -> Result<bool, Report> {
        let state = self.channel_state(name);
        let Some(active) = &recorded.active else { return Ok(false) };
        let same = state.active.is_some_and(|it| it.digest == active.digest);
        let theirs = recorded.decided > state.decided || (recorded.decided == state.decided && !same);
        if !theirs {
            return Ok(false);
        }
        let behind = || RecordError::Behind { channel: name.clone(), recorded: active.position };
        let held = self.kept(name)?.get(&active.position).copied();
        let held = held.filter(|it| it.digest == active.digest).ok_or_else(behind)?;
        let inputs = match state.inputs.filter(|_| same) {
            Some(inputs) => inputs,
            None => {
                let content = self.content(name, &held).map_err(|_| behind())?;
                self.site(&content)?
            }
        };
        check_inputs(name, &held, &inputs, recorded.inputs)?;
        let own = self.profile.cluster.clone();
        let change = |state: &mut crate::trust::state::State| {
            let Channel { denied, hold, paused, .. } = recorded.clone();
            state.channel_mut(&own, name).follow(recorded.decided, held, inputs, denied, hold, paused);
        };
        match same {
            true => self.memory().note(&self.store, change)?,
            false => self.change(self.now(), &receipt::followed(name, &held), change)?,
        }
        Ok(true)
    }

    /// Whether the operator's word about what runs counts here: the node that keeps the cluster is the one to be told.
    ///
    /// # Errors
    /// `not_leader`, naming the node that is.
    pub fn check_decides(&self) -> Result<(), Report> {
        let Some(holder) = self.led_by().filter(|_| !self.leads()) else { return Ok(()) };
        let error = format!("node `{holder}` keeps the cluster, and this one follows it");
        let hint = format!("say it on `{holder}`; what it decides is followed here");
        Err(Report::new("not_leader", Class::Unavailable, error, Some(&hint)))
    }
}

/// Nodes that would render something else must not take turns.
fn check_inputs(
    name: &ChannelName,
    held: &Held,
    inputs: &Site,
    recorded: Option<Digest>,
) -> Result<(), Report> {
    let ours = Digest::of(&serde_json::to_vec(inputs).unwrap_or_default());
    if recorded.is_none_or(|it| it == ours) {
        return Ok(());
    }
    let error = format!(
        "the site's answers on this node are others than those with which bundle {} of channel `{name}` runs in the cluster",
        held.position
    );
    let hint = "make site.yaml the same on all nodes of the cluster; this node does not lead before";
    Err(Report::new("other_inputs", Class::Unavailable, error, Some(hint)))
}
