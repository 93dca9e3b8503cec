//! The next agent, as a bundle brings it: for nodes that are too old to read the bundle itself, and for whoever gets it
//! from them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    accept::read_envelope,
    memory::Memory,
    node::Node,
    upkeep::{copy_to, copying},
};
use crate::{
    bundle::{
        AGENT_ENVELOPE, AgentStatement, AgentVersion, Binary, BlobRole, Inventory, Item, Malformed,
        Medium as _, TrustRoot, Unverified,
    },
    content::Content,
    digest::Checked,
    fault::{Class, Report},
    limits,
    name::ChannelName,
    source::Volumes,
    trust::{self, Refusal, Verified, walk},
};

/// The envelope of the agent statement that a bundle carries.
pub(super) fn carried(content: &Content, inventory: &Inventory) -> Result<Option<Vec<u8>>, Report> {
    let is_it = |role: BlobRole, media: &str| role == BlobRole::Agent && media == AGENT_ENVELOPE;
    let blob =
        inventory.iter().find(|it| is_it(it.role, &it.media_type) && it.size <= limits::ENVELOPE_BYTES);
    Ok(blob.map(|it| content.read(&it.digest, it.size)).transpose()?)
}

/// The root that judges what a medium brings: the newest of the node's own and of those that continue them on the medium.
/// Looking teaches a node nothing.
pub(super) fn judge(
    memory: &Memory,
    medium: &Volumes,
) -> Result<(Verified<TrustRoot>, Option<Refusal>), Report> {
    let newest = memory.newest_root();
    let roots = medium.roots().map_err(|error| Report::from(Malformed::new(medium.label(), error)))?;
    let mut offered = BTreeMap::new();
    for version in roots.into_iter().filter(|it| *it > newest.version) {
        if let Ok(Some(root)) = read_envelope(medium, Item::Root(version)) {
            offered.insert(version, root);
        }
    }
    let walked = walk(newest, &memory.root_digests(), &offered);
    let judge = walked.learned.last().unwrap_or(newest).clone();
    Ok((judge, walked.stopped))
}

/// The agent statement of a medium, where it has one that counts.
///
/// # Errors
/// When it has one and it does not count.
pub(super) fn of(memory: &Memory, medium: &Volumes) -> Result<Option<Verified<AgentStatement>>, Report> {
    let Some(envelope) = read_envelope(medium, Item::Agent)? else { return Ok(None) };
    let (judge, _) = judge(memory, medium)?;
    Ok(Some(trust::agent(&judge, &envelope)?))
}

impl Node {
    /// Writes the next agent's program for this machine to `to`: from a medium, or else from the bundle in use.
    /// Gives its version.
    ///
    /// # Errors
    /// When there is none, it is not signed by the agent role, it is older than this agent, or it has no program for
    /// this machine.
    pub fn extract_agent(
        &self,
        channel: &ChannelName,
        from: Option<&Path>,
        to: &Path,
    ) -> Result<(AgentVersion, PathBuf), Report> {
        match from {
            Some(path) => {
                let medium = Volumes::new(crate::source::find(path)?.media)?;
                let statement = of(&self.memory(), &medium)?.ok_or_else(|| none(&medium.label()))?;
                let binary = self.chosen_binary(&statement)?;
                let opened = medium.open(Item::Blob(binary.digest)).ok().flatten();
                let opened = opened.ok_or_else(|| none(&medium.label()))?;
                let mut reader = Checked::new(opened.reader, binary.digest, binary.size);
                copying(copy_to(&mut reader, to, true), to)?;
                Ok((statement.version, to.to_owned()))
            }
            None => {
                let held = self.chosen(channel, None)?;
                let content = self.content(channel, &held)?;
                let label = format!("bundle {} of channel `{channel}`", held.position);
                let envelope = carried(&content, &content.inventory()?)?.ok_or_else(|| none(&label))?;
                let envelope = Unverified::read(&label, envelope)?;
                let statement = trust::agent(self.memory().newest_root(), &envelope)?;
                let binary = self.chosen_binary(&statement)?;
                let mut reader = content.reader(&binary.digest, binary.size)?;
                copying(copy_to(&mut reader, to, true), to)?;
                Ok((statement.version, to.to_owned()))
            }
        }
    }

    fn chosen_binary<'a>(&self, statement: &'a AgentStatement) -> Result<&'a Binary, Report> {
        let this = self.profile.terms.agent;
        if statement.version < this {
            let error = format!("agent {} is older than this one, which is {this}", statement.version);
            return Err(Report::new("rollback", Class::Denied, error, Some("look for a newer bundle")));
        }
        let arch = &self.profile.terms.arch;
        statement.binaries.iter().find(|it| it.arch == *arch).ok_or_else(|| {
            let there: Vec<&str> = statement.binaries.iter().map(|it| it.arch.as_str()).collect();
            let hint = format!("it has: {}", there.join(", "));
            let error = format!("agent {} has no program for {arch}", statement.version);
            Report::new("target", Class::Denied, error, Some(&hint))
        })
    }
}

fn none(label: &str) -> Report {
    let hint = "the builder adds it with `agent:` in bundle.yaml";
    Report::new("no_agent", Class::Invalid, format!("{label} brings no agent"), Some(hint))
}
