//! The operator's word: which bundle runs, what is held or paused, which one refusal is waived.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{node::Node, receipt};
use crate::{
    bundle::Floor,
    digest::Digest,
    fault::{Class, Report},
    name::{ChannelName, EntryName},
    trust::state::{ChannelState, Held, Hold},
};

/// Refusals that the operator may waive. Threshold, channel, audience and rollback are not among them, and never will be.
const WAIVABLE: [&str; 4] = ["expired", "jump", "deletion_budget", "protected"];

/// A bundle that the store holds whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its epoch and sequence.
    pub position: Floor,
    /// Its identity.
    pub digest: Digest,
}

impl Node {
    /// The operator waives one refusal of one payload or one deletion list, once.
    ///
    /// # Errors
    /// When the state cannot be made durable.
    pub fn approve(&self, digest: Digest, who: &str, now: Timestamp) -> Result<(), Report> {
        let channels: Vec<_> = {
            let state = &self.memory().state;
            let known = state
                .clusters
                .iter()
                .flat_map(|(cluster, it)| it.keys().map(|it| (cluster.clone(), it.clone())));
            let followed = self.profile.terms.audiences.iter();
            let followed = followed
                .flat_map(|it| it.channels.iter().map(|channel| (it.cluster.clone(), channel.clone())));
            known.chain(followed).collect()
        };
        let body = receipt::word("approved", who, json!({"digest": digest}));
        self.change(now, &body, |state| {
            // The digest is of one payload or one list, so it says by itself where it counts.
            for (cluster, channel) in &channels {
                for code in WAIVABLE {
                    state.channel_mut(cluster, channel).waive(code, digest);
                }
            }
        })?;
        Ok(())
    }

    /// Holds the whole channel (what is staged stays so), or pauses one entry (drift correction leaves it alone).
    ///
    /// # Errors
    /// When the entry is not there.
    pub fn pause(
        &self,
        channel: &ChannelName,
        entry: Option<&EntryName>,
        hold: Hold,
        now: Timestamp,
    ) -> Result<(), Report> {
        self.check_decides()?;
        if let Some(entry) = entry {
            self.entry_exists(channel, entry)?;
        }
        let facts = json!({"channel": channel, "entry": entry, "why": hold.why, "until": hold.until});
        let cluster = self.profile.cluster.clone();
        self.change(now, &receipt::word("paused", &hold.who, facts), |state| {
            let state = state.channel_mut(&cluster, channel);
            match entry {
                Some(entry) => drop(state.paused.insert(entry.clone(), hold.clone())),
                None => state.hold = Some(hold.clone()),
            }
            state.decided += 1;
        })?;
        Ok(())
    }

    /// Ends a hold or a pause.
    ///
    /// # Errors
    /// When there is none.
    pub fn resume(
        &self,
        channel: &ChannelName,
        entry: Option<&EntryName>,
        who: &str,
        now: Timestamp,
    ) -> Result<(), Report> {
        self.check_decides()?;
        let state = self.channel_state(channel);
        let there = match entry {
            Some(entry) => state.paused.contains_key(entry),
            None => state.hold.is_some(),
        };
        if !there {
            let what =
                entry.map_or_else(|| format!("channel `{channel}`"), |entry| format!("entry `{entry}`"));
            return Err(Report::new("not_paused", Class::Invalid, format!("{what} is not paused"), None));
        }
        let cluster = self.profile.cluster.clone();
        self.change(
            now,
            &receipt::word("resumed", who, json!({"channel": channel, "entry": entry})),
            |state| {
                let state = state.channel_mut(&cluster, channel);
                match entry {
                    Some(entry) => drop(state.paused.remove(entry)),
                    None => state.hold = None,
                }
                state.decided += 1;
            },
        )?;
        Ok(())
    }

    /// Lets a bundle that is set aside, or waits for the operator, become active with the next pass.
    ///
    /// # Errors
    /// When no bundle is staged or set aside, or the store does not hold it whole.
    pub fn activate(&self, channel: &ChannelName, who: &str, now: Timestamp) -> Result<Held, Report> {
        self.check_decides()?;
        let state = self.channel_state(channel);
        let chosen = match state.staged {
            Some(staged) => staged,
            // What was left by a rollback is the newest that is kept and not active.
            None => self.newest_kept(channel, &state)?,
        };
        let cluster = self.profile.cluster.clone();
        let facts = json!({"channel": channel, "bundle": chosen});
        self.change(now, &receipt::word("activate", who, facts), |state| {
            let state = state.channel_mut(&cluster, channel);
            state.denied.retain(|it| it.digest != chosen.digest);
            state.attempt = None;
            state.staged = Some(chosen);
            state.ordered = Some(chosen.digest);
        })?;
        Ok(chosen)
    }

    /// Makes a kept bundle active again: the one at `to`, or the last good one.
    ///
    /// # Errors
    /// `rollback_floor` when the newest accepted bundle does not allow it; when nothing that old is kept.
    pub fn roll_back(&self, channel: &ChannelName, to: Option<Floor>, who: &str) -> Result<Held, Report> {
        self.check_decides()?;
        let state = self.channel_state(channel);
        let Some(active) = state.active else {
            return Err(Report::new(
                "not_active",
                Class::Invalid,
                format!("channel `{channel}` runs no bundle"),
                None,
            ));
        };
        let kept = self.kept(channel)?;
        let chosen = match to {
            Some(position) => kept.get(&position).copied(),
            None => match state.last_good.filter(|it| it.digest != active.digest) {
                Some(good) => Some(good),
                None => kept.range(..active.position).next_back().map(|(_, held)| *held),
            },
        };
        let Some(chosen) = chosen.filter(|it| it.digest != active.digest) else {
            let wanted = to.map_or_else(|| "an older bundle".to_owned(), |to| format!("bundle {to}"));
            return Err(Report::new(
                "not_kept",
                Class::Unavailable,
                format!("{wanted} of channel `{channel}` is not kept"),
                Some("`airlock status` lists what is kept; another one must be imported from a newer medium"),
            ));
        };
        self.go_back(channel, chosen, who, &format!("rolled back by {who}"))?;
        Ok(chosen)
    }

    /// Makes a kept bundle active again, where the newest one lets us go back so far, all of it is here, and the site
    /// answers what it asks.
    pub(super) fn go_back(
        &self,
        channel: &ChannelName,
        to: Held,
        who: &str,
        why: &str,
    ) -> Result<(), Report> {
        self.check_rollback_floor(channel, &self.kept(channel)?, &to)?;
        let inputs = self.site(&*self.content(channel, &to)?)?;
        let cluster = self.profile.cluster.clone();
        let active = self.channel_state(channel).active;
        let facts = json!({"channel": channel, "from": active, "to": to, "why": why});
        self.change(self.now(), &receipt::word("rollback", who, facts), |state| {
            state.channel_mut(&cluster, channel).roll_back(to, inputs, why);
        })?;
        Ok(())
    }

    /// The newest accepted bundle says how far back one may go.
    fn check_rollback_floor(
        &self,
        channel: &ChannelName,
        kept: &BTreeMap<Floor, Held>,
        chosen: &Held,
    ) -> Result<(), Report> {
        let Some((_, newest)) = kept.last_key_value() else { return Ok(()) };
        let floor = self.memory().admitted(&self.store, channel, newest)?.statement.rollback_floor;
        if chosen.position < floor {
            return Err(Report::new(
                "rollback_floor",
                Class::Denied,
                format!(
                    "bundle {} of channel `{channel}` is older than {floor}, which bundle {} sets as the oldest to go back to",
                    chosen.position, newest.position
                ),
                Some("ask for a newer bundle that mends what is wrong"),
            ));
        }
        Ok(())
    }

    /// The accepted bundles of a channel whose envelopes are kept, by position.
    pub(super) fn kept(&self, channel: &ChannelName) -> Result<BTreeMap<Floor, Held>, Report> {
        let state = self.channel_state(channel);
        let in_use: Vec<Held> = [state.staged, state.active, state.last_good].into_iter().flatten().collect();
        let mut kept = BTreeMap::new();
        for (_, position) in self.store.bundles()?.into_iter().filter(|(it, _)| it == channel) {
            let known = in_use.iter().find(|it| it.position == position).copied();
            if let Some(held) = known.or_else(|| self.find_judge(channel, position)) {
                kept.insert(position, held);
            }
        }
        Ok(kept)
    }

    /// A bundle that is not in use any more: the newest root of its epoch that verifies it is the one under which it is
    /// read again.
    fn find_judge(&self, channel: &ChannelName, position: Floor) -> Option<Held> {
        let memory = self.memory();
        let envelope = self.store.bundle(channel, position).ok()??;
        memory.chain().iter().rev().filter(|root| root.epoch == position.epoch).find_map(|judge| {
            let root = crate::trust::readmit(judge, &envelope).ok()?;
            let accepted = root.statement.created;
            Some(Held { position, digest: root.digest(), root_version: judge.version, accepted })
        })
    }

    fn newest_kept(&self, channel: &ChannelName, state: &ChannelState) -> Result<Held, Report> {
        let active = state.active.map(|it| it.digest);
        let kept = self.kept(channel)?;
        let newest = kept.into_values().next_back().filter(|it| Some(it.digest) != active);
        newest.ok_or_else(|| {
            let nothing = format!("nothing of channel `{channel}` is staged or set aside");
            Report::new("nothing_staged", Class::Invalid, nothing, Some("import a newer bundle first"))
        })
    }

    /// Whether an active bundle of any own channel has the entry.
    ///
    /// # Errors
    /// `no_entry`, with the names of those that there are.
    pub fn check_entry(&self, entry: &EntryName) -> Result<(), Report> {
        let mut refused = None;
        for channel in self.own_channels() {
            match self.entry_exists(&channel, entry) {
                Ok(()) => return Ok(()),
                Err(report) => refused = refused.or(Some(report)),
            }
        }
        let nothing = || {
            Report::new("no_entry", Class::Invalid, format!("nothing runs that has an entry `{entry}`"), None)
        };
        Err(refused.unwrap_or_else(nothing))
    }

    fn entry_exists(&self, channel: &ChannelName, entry: &EntryName) -> Result<(), Report> {
        let state = self.channel_state(channel);
        let names: Vec<String> = match state.active {
            Some(active) => self
                .content(channel, &active)?
                .release()
                .entries
                .iter()
                .map(|it| it.name.to_string())
                .collect(),
            None => Vec::new(),
        };
        if names.iter().any(|it| it == entry.as_str()) {
            return Ok(());
        }
        let there = format!("the active bundle has: {}", names.join(", "));
        let error = format!("channel `{channel}` has no entry `{entry}`");
        Err(Report::new("no_entry", Class::Invalid, error, Some(&there)))
    }

    /// The state of one of this node's own channels.
    pub(super) fn channel_state(&self, channel: &ChannelName) -> ChannelState {
        self.memory().state.channel(&self.profile.cluster, channel)
    }
}
