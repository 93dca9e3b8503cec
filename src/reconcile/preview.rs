//! What would change, before anything does: the plan of every entry, as people read it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{entry::Entry, node::Node};
use crate::{
    bundle::Floor,
    cluster::observe::{Inventories, Settled},
    digest::Digest,
    fault::{Class, Report},
    name::{ChannelName, EntryName},
    plan::{self, Guard, diff::Diff},
    render::Rendered,
};

/// What a bundle would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// The channel.
    pub channel: ChannelName,
    /// The bundle: the staged one, or else the active one.
    pub position: Floor,
    /// Whether it is active already.
    pub active: bool,
    /// Entry by entry, in the order of work.
    pub entries: Vec<EntryPreview>,
    /// What the render of an entry read in the cluster, which no signature covers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reads: BTreeMap<EntryName, Vec<String>>,
    /// What would be deleted, with everything that goes along.
    pub deletions: u64,
    /// What the operator would have to approve.
    pub deletion_list: Option<Digest>,
    /// What stands in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Report>,
}

/// What one entry would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntryPreview {
    /// The entry.
    pub entry: EntryName,
    /// The changes, in lines.
    pub text: String,
    /// The changes, for programs.
    pub changes: serde_json::Value,
}

impl Node {
    /// Plans the staged bundle, or else the active one, and does nothing.
    ///
    /// # Errors
    /// When there is no bundle, or it cannot be rendered or observed.
    pub async fn preview(self: &Arc<Self>, channel: &ChannelName) -> Result<Preview, Report> {
        let state = self.channel_state(channel);
        let active = state.active.filter(|_| state.staged.is_none());
        let Some(held) = state.staged.or(active) else {
            let error = format!("channel `{channel}` has no bundle");
            return Err(Report::new("no_bundle", Class::Invalid, error, Some("import one first")));
        };
        let cluster = self.cluster()?;
        let content = self.content(channel, &held)?;
        let site = match active {
            Some(_) => state.inputs.clone().unwrap_or_default(),
            None => self.site(&content)?,
        };
        let desired = self.desire(&cluster, &content, site, true).await?;
        let inventories = Inventories::read(&*cluster).await?;
        let forecast = self.deletions(&cluster, channel, &desired, &inventories).await?;
        let list = forecast.all;
        let mut refused = Report::each(&forecast.refusals);
        let guard = self.guard(channel, &inventories);
        let mut deletion_list = None;
        if let Err(refusals) = guard.check(&list) {
            deletion_list = Some(list.digest());
            refused.extend(Report::each(&refusals));
        }
        // The bundle as a whole is judged above; its entries are shown whatever came of that.
        let open = Guard { approved: vec![plan::Approval::List(list.clone())], ..guard };
        let mut entries: Vec<EntryPreview> = Vec::new();
        let mut unsettled: BTreeSet<EntryName> = desired.waiting.keys().cloned().collect();
        for rendered in desired.entries_in_order() {
            let mut entry = Entry {
                rendered: Arc::clone(rendered),
                observed: inventories.around(rendered.owner(), &desired.claims)?,
                claims: desired.claims.clone(),
                guard: open.clone(),
                observer: self.observer(&cluster),
                settled: Settled::default(),
                // Nothing is carried out, so no word is used.
                word: Arc::new(|_, list| Ok(list.clone())),
                still_leader: Arc::new(|| false),
                contests: Arc::default(),
            };
            let name = rendered.owner().entry.clone();
            let waits: Vec<&EntryName> =
                rendered.spec().depends_on.iter().filter(|it| unsettled.contains(*it)).collect();
            let diff = match entry.plan().await? {
                Ok(plan) => {
                    if !plan.is_empty() {
                        unsettled.insert(name.clone());
                    }
                    Diff::of(&plan)
                }
                // What an entry stands on is not there yet, so what the cluster says against it now means nothing.
                Err(why) if !waits.is_empty() && why.refusals.iter().all(is_dry_run) => {
                    unsettled.insert(name.clone());
                    entries.push(untried(rendered, &waits));
                    continue;
                }
                Err(why) => {
                    refused.extend(Report::each(&why.refusals));
                    Diff::of_refused(&why)
                }
            };
            entries.push(EntryPreview {
                entry: name,
                text: diff.text(),
                changes: serde_json::to_value(&diff).unwrap_or_default(),
            });
        }
        entries.extend(desired.waiting.iter().map(|(entry, report)| unrendered(entry, report)));
        for (owner, diff) in self.retired_diffs(&cluster, &desired, &inventories).await? {
            entries.push(EntryPreview {
                entry: owner.entry,
                text: diff.text(),
                changes: serde_json::to_value(&diff).unwrap_or_default(),
            });
        }
        Ok(Preview {
            channel: channel.clone(),
            position: held.position,
            active: active.is_some(),
            entries,
            reads: desired.reads,
            deletions: list.count(),
            deletion_list,
            refused: (!refused.is_empty()).then(|| Report::all_of(refused)),
        })
    }
}

fn is_dry_run(refusal: &plan::Refusal) -> bool {
    matches!(refusal, plan::Refusal::DryRun { .. })
}

/// An entry that waits for something before it can even be rendered.
fn unrendered(entry: &EntryName, report: &Report) -> EntryPreview {
    // The entry is named by what stands above.
    let why = if report.because.is_empty() { report.error.clone() } else { report.because.join(": ") };
    EntryPreview {
        entry: entry.clone(),
        text: format!("not rendered yet: {why}\n"),
        changes: serde_json::json!({ "waits": report }),
    }
}

/// An entry that can be tried only once others are there.
fn untried(rendered: &Rendered, waits: &[&EntryName]) -> EntryPreview {
    let names: Vec<&str> = waits.iter().map(|it| it.as_str()).collect();
    let why = format!("after {}", names.join(", "));
    let ids: Vec<String> = rendered.objects().iter().map(|it| it.id().to_string()).collect();
    let text = ids.iter().map(|id| format!("+ {id} applied {why}\n")).collect::<String>();
    let text = format!("{text}{} applied {why}\n", ids.len());
    let changes = serde_json::json!({"later": ids, "after": names});
    EntryPreview { entry: rendered.owner().entry.clone(), text, changes }
}
