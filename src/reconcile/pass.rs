//! One pass over a node's channels: what is staged may become active, what is active is kept.

use std::{future::Future, sync::Arc};

use super::node::{Node, lock, no_cluster};
use crate::{
    cluster::Cluster,
    digest::Digest,
    fault::{Class, Report},
    name::{ChannelName, EntryName},
};

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
        let may = self.prepare_to_keep().await;
        if may.as_ref().is_err_and(|report| report.code == "behind") {
            self.behind.notify_waiters();
        }
        for channel in self.own_channels() {
            self.beat();
            if let Err(report) = &may {
                let staged = self.channel_state(&channel).staged;
                let waiting = staged.map_or(Ok(()), |_| Err(report.clone()));
                self.note(waiting, &channel, |reports| &mut reports.waiting);
                self.note(Err(report.clone()), &channel, |reports| &mut reports.failures);
                continue;
            }
            let (node, it) = (Arc::clone(self), channel.clone());
            let advanced = caught(&channel, async move { node.advance(&it).await }).await;
            self.note(advanced, &channel, |reports| &mut reports.waiting);
            let (node, it, only) = (Arc::clone(self), channel.clone(), only.cloned());
            let kept = caught(&channel, async move { node.keep(&it, only.as_ref()).await }).await;
            self.note(kept, &channel, |reports| &mut reports.failures);
            let state = self.channel_state(&channel);
            let in_use = [state.staged, state.active, state.last_good].into_iter().flatten();
            let in_use: Vec<Digest> = in_use.map(|it| it.digest).collect();
            lock(&self.rendered).retain(&channel, &in_use);
        }
    }

    fn note(
        &self,
        came: Result<(), Report>,
        channel: &ChannelName,
        to: impl FnOnce(&mut super::reports::Reports) -> &mut std::collections::BTreeMap<ChannelName, Report>,
    ) {
        let mut reports = self.reports();
        match came {
            Ok(()) => drop(to(&mut reports).remove(channel)),
            Err(report) => drop(to(&mut reports).insert(channel.clone(), report)),
        }
    }

    /// The channels of this node's own cluster.
    pub(super) fn own_channels(&self) -> Vec<ChannelName> {
        let memory = self.memory();
        let own = memory.state.clusters.get(&self.profile.cluster);
        own.into_iter().flat_map(|it| it.keys().cloned()).collect()
    }

    pub(super) fn cluster(&self) -> Result<Arc<dyn Cluster>, Report> {
        self.cluster.clone().ok_or_else(no_cluster)
    }
}

/// Works for one channel. A panic is that channel's fault, and the agent goes on with the others.
async fn caught(
    channel: &ChannelName,
    work: impl Future<Output = Result<(), Report>> + Send + 'static,
) -> Result<(), Report> {
    // A set ends what is in it when the pass itself is ended.
    let mut one = tokio::task::JoinSet::new();
    one.spawn(work);
    match one.join_next().await {
        Some(Ok(came)) => came,
        Some(Err(error)) => {
            let hint = "this is a defect of Airlock; the other channels are kept as ever";
            let error = format!("work on channel `{channel}` failed: {error}");
            Err(Report::new("panic", Class::Bug, error, Some(hint)))
        }
        None => Ok(()),
    }
}
