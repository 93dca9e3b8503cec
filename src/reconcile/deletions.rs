//! What a bundle deletes, all entries together, before the first of them is worked on.

use std::{collections::BTreeMap, sync::Arc};

use super::{desired::Desired, node::Node};
use crate::{
    cluster::{
        Cluster,
        observe::{Inventories, Observer},
    },
    fault::Report,
    name::ChannelName,
    plan::{self, Budget, DeletionList, Guard},
    render::Owner,
};

/// Entries that are worked on at the same time, and requests of one of them; as many as kustomize-controller's default.
pub(super) const CONCURRENT: usize = 4;

/// What a bundle would delete.
#[derive(Clone, Debug, Default)]
pub(super) struct Forecast {
    /// All of it.
    pub(super) all: DeletionList,
    /// By entry, those included that left the bundle.
    pub(super) by: BTreeMap<Owner, DeletionList>,
    /// What speaks against it beside the budget.
    pub(super) refusals: Vec<plan::Refusal>,
}

impl Forecast {
    fn add(&mut self, owner: &Owner, list: DeletionList) {
        self.all.extend(&list);
        if !list.is_empty() {
            self.by.insert(owner.clone(), list);
        }
    }

    /// What all others delete.
    pub(super) fn beside(&self, owner: &Owner) -> DeletionList {
        let mut all = DeletionList::default();
        for (_, list) in self.by.iter().filter(|(it, _)| *it != owner) {
            all.extend(list);
        }
        all
    }
}

impl Node {
    /// What a bundle would delete, over all its entries and those that it does not have any more.
    pub(super) async fn deletions(
        &self,
        cluster: &Arc<dyn Cluster>,
        channel: &ChannelName,
        desired: &Desired,
        inventories: &Inventories,
    ) -> Result<Forecast, Report> {
        let (guard, observer) = (self.guard(channel, inventories), self.observer(cluster));
        let mut forecast = Forecast::default();
        for rendered in desired.entries.values() {
            let around = match inventories.around(rendered.owner(), &desired.claims) {
                Ok(around) => around,
                Err(error) => {
                    forecast.refusals.push(plan::Refusal::Inventory(error));
                    continue;
                }
            };
            let observed = observer.observe_forecast(rendered, around).await?;
            let (own, refusals) = plan::forecast(rendered, &observed, &guard);
            forecast.add(rendered.owner(), own);
            forecast.refusals.extend(refusals);
        }
        // What is not rendered yet cannot be installed either.
        forecast.refusals.extend(desired.waiting.keys().map(|it| plan::Refusal::Release(desired.owner(it))));
        let open = open(guard);
        for owner in desired.retired(inventories) {
            let around = inventories.around(&owner, &desired.claims)?;
            let observed = observer.observe_retired(&owner, around).await?;
            match plan::retire(&desired.content, &observed, &open) {
                Ok(Some(plan)) => forecast.add(&owner, plan.deletions().clone()),
                Ok(None) => (),
                Err(refused) => {
                    forecast.add(&owner, refused.deletions().cloned().unwrap_or_default());
                    let others = refused.refusals.into_iter().filter(|it| it.waivable().is_none());
                    forecast.refusals.extend(others);
                }
            }
        }
        Ok(forecast)
    }

    /// What would be deleted of entries that the bundle does not have any more, for people.
    pub(super) async fn retired_diffs(
        &self,
        cluster: &Arc<dyn Cluster>,
        desired: &Desired,
        inventories: &Inventories,
    ) -> Result<Vec<(Owner, plan::diff::Diff)>, Report> {
        let mut diffs = Vec::new();
        for owner in desired.retired(inventories) {
            let around = inventories.around(&owner, &desired.claims)?;
            let observed = self.observer(cluster).observe_retired(&owner, around).await?;
            match plan::retire(&desired.content, &observed, &open(Guard::default())) {
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

    /// What may be deleted in a channel without the operator's word.
    pub(super) fn guard(&self, channel: &ChannelName, inventories: &Inventories) -> Guard {
        let own = inventories.iter().filter(|it| it.owner.channel == *channel);
        let inventoried = own.map(|it| it.all().count() as u64).sum();
        Guard { budget: self.profile.budget, inventoried, ..Guard::default() }
    }
}

/// A guard under which nothing is over the budget, where somebody else judges the whole.
fn open(guard: Guard) -> Guard {
    Guard { budget: Budget { count: u64::MAX, percent: 100 }, inventoried: u64::MAX, ..guard }
}
