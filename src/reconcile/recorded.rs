//! What the cluster remembers of this node's decisions, so that no node ever goes back behind another.

use std::{collections::BTreeMap, sync::Arc};

use super::node::Node;
use crate::{
    bundle::{Statement, Unverified},
    cluster::{
        Cluster, Error,
        record::{self, Bundle, Channel, Record, RecordError, Root},
    },
    digest::Digest,
    fault::Report,
    name::ChannelName,
    trust::{
        readmit,
        state::{Held, RootRef},
    },
};

/// Another node may write at the same time; then it is read again, so often.
const TRIES: usize = 5;

impl Node {
    /// Records the chain of roots and where each channel stands, before the first write that follows from it.
    ///
    /// # Errors
    /// `behind` where another node recorded what this one does not know; it takes no part until it knows. `followed` where
    /// another node decided otherwise meanwhile: what was begun is not what runs any more.
    pub(super) async fn record(&self, cluster: &Arc<dyn Cluster>) -> Result<(), Report> {
        let mut tries = 1;
        loop {
            let seen = record::read(&**cluster).await?;
            self.raise_floors(&seen)?;
            if self.follow(&seen)? {
                self.wake();
                let text = "another node decided meanwhile what runs; this one follows";
                return Err(Report::new("followed", crate::fault::Class::Conflict, text, None));
            }
            let ours = self.ours(&seen)?;
            match record::write(&**cluster, &seen, &ours, &|| self.leads()).await {
                Ok(_) => return Ok(()),
                Err(RecordError::Cluster(Error::Conflict { .. } | Error::AlreadyExists(_)))
                    if tries < TRIES =>
                {
                    tries += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What is to be recorded, given what is.
    pub(super) fn ours(&self, seen: &Record) -> Result<Record, Report> {
        let (chain, channels) = {
            let memory = self.memory();
            let own = memory.state.clusters.get(&self.profile.cluster).cloned().unwrap_or_default();
            (memory.chain().to_vec(), own)
        };
        let roots = chain.iter().map(|root| {
            let at = RootRef { version: root.version, digest: root.digest() };
            (root.version, Root { root: at, envelope: root.envelope().to_vec() })
        });
        let mut ours = Record { roots: roots.collect(), channels: BTreeMap::new() };
        for (name, state) in channels {
            let recorded = seen.channels.get(&name);
            let Some(active) = state.active else {
                // Nothing of it was applied by this node; what others recorded stands.
                if let Some(recorded) = recorded {
                    ours.channels.insert(name, recorded.clone());
                }
                continue;
            };
            let active = self.bundle(&name, &active)?;
            // After a rollback what runs is lower than what was accepted. A floor that was only heard of does not make the
            // bundle known: it must be here.
            let higher = match recorded.and_then(|it| it.highest.clone()) {
                Some(it) if it.position > active.position && self.knows(&name, &it)? => Some(it),
                _ => None,
            };
            let inputs =
                state.inputs.as_ref().map(|it| Digest::of(&serde_json::to_vec(it).unwrap_or_default()));
            let channel = Channel {
                highest: higher.or_else(|| Some(active.clone())),
                active: Some(active),
                denied: state.denied,
                hold: state.hold,
                paused: state.paused,
                decided: state.decided,
                inputs,
                version: recorded.and_then(|it| it.version.clone()),
            };
            ours.channels.insert(name, channel);
        }
        Ok(ours)
    }

    /// Whether a recorded bundle was accepted by this node, or a newer one was.
    fn knows(&self, channel: &ChannelName, recorded: &Bundle) -> Result<bool, Report> {
        let kept = self.store.bundle(channel, recorded.position)?;
        let newer =
            self.store.bundles()?.into_iter().any(|(it, at)| it == *channel && at > recorded.position);
        Ok(newer || kept.is_some_and(|it| it.payload_digest() == recorded.digest))
    }

    fn bundle(&self, channel: &ChannelName, held: &Held) -> Result<Bundle, Report> {
        let root = self.memory().admitted(&self.store, channel, held)?;
        Ok(Bundle {
            position: held.position,
            digest: held.digest,
            root_version: held.root_version,
            envelope: root.envelope().to_vec(),
        })
    }

    /// The floor of a channel is at least what the cluster records, where that can be verified here: nothing recorded is
    /// believed by itself.
    pub(super) fn raise_floors(&self, seen: &Record) -> Result<(), Report> {
        let own = self.profile.cluster.clone();
        let Some(audience) = self.profile.terms.audiences.iter().find(|it| it.cluster == own) else {
            return Ok(());
        };
        for (name, recorded) in &seen.channels {
            let Some(highest) = &recorded.highest else { continue };
            if self.channel_state(name).floor.is_some_and(|it| it.position >= highest.position) {
                continue;
            }
            let verified = {
                let memory = self.memory();
                let what = format!("the recorded bundle of channel `{name}`");
                let envelope = Unverified::read(&what, highest.envelope.clone());
                let judge = memory.root(highest.root_version);
                judge.zip(envelope.ok()).and_then(|(judge, envelope)| readmit(judge, &envelope).ok())
            };
            let ours =
                |statement: &Statement| statement.channel == *name && audience.admits(statement).is_ok();
            let Some(root) = verified.filter(|it| ours(&it.statement)) else { continue };
            let (position, digest) = (root.statement.position(), root.digest());
            self.memory()
                .note(&self.store, |state| state.channel_mut(&own, name).raise_floor(position, digest))?;
        }
        Ok(())
    }
}
