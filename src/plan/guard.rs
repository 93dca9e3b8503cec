use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Observed, Refusal};
use crate::{
    digest::Digest,
    object::{GroupKind, Object, ObjectId},
    render::Owner,
};

/// The annotation by which a protected object agrees to its deletion: `airlock.dev/prune: "allowed"`.
pub const PRUNE_ANNOTATION: &str = "airlock.dev/prune";

/// A few deletions are no flood, however small a channel is.
const FEW: u64 = 3;

/// Kinds whose deletion destroys what no bundle can bring back: data, and everything of a kind or a namespace.
const PROTECTED: [&str; 10] = [
    "Namespace",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Node",
    "apiextensions.k8s.io/CustomResourceDefinition",
    "snapshot.storage.k8s.io/VolumeSnapshot",
    "snapshot.storage.k8s.io/VolumeSnapshotContent",
    "groupsnapshot.storage.k8s.io/VolumeGroupSnapshot",
    "groupsnapshot.storage.k8s.io/VolumeGroupSnapshotContent",
    "cluster.x-k8s.io/Cluster",
];

/// What a plan may delete.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// How much without the operator's word.
    pub budget: Budget,
    /// How many objects the inventories of the channel hold together: what the share is a share of.
    pub inventoried: u64,
    /// What the other entries of the bundle delete. The budget is one for the bundle.
    pub elsewhere: DeletionList,
    /// The operator's word.
    pub approved: Vec<Approval>,
    /// Kinds to protect beside the built-in ones.
    pub protected: BTreeSet<GroupKind>,
}

/// How much may be deleted without the operator's word, counted with everything that goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// So many objects.
    pub count: u64,
    /// So many hundredths of what the channel's inventories hold. Three objects are always within it; all of them
    /// never are.
    pub percent: u8,
}

impl Default for Budget {
    /// A release that replaces one application of a platform with a hundred of them passes; one that lost a directory
    /// does not.
    fn default() -> Self {
        Self { count: 100, percent: 20 }
    }
}

/// What the operator agreed to, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// The list with this digest, as a refusal named it.
    Digest(Digest),
    /// A list that was agreed to before and is being worked off: whatever of it is left.
    List(DeletionList),
}

/// Objects that are to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionList {
    /// Each once, by id.
    pub deletions: Vec<Deletion>,
}

/// One object that is to be deleted, and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// The object.
    pub id: ObjectId,
    /// Its UID.
    pub uid: String,
    /// Why.
    pub why: DeletionCause,
    /// What goes with it, as far as it is known.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub takes: BTreeSet<ObjectId>,
    /// Itself and what goes along, as far as it is protected and did not agree: the operator must.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub protected: BTreeSet<ObjectId>,
}

/// Why an object is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletionCause {
    /// It left the render.
    Pruned,
    /// An immutable field changes.
    Recreated,
    /// Its entry left the bundle.
    Retired,
}

impl DeletionList {
    /// The digest that the operator's word names: over ids and UIDs, in the order of ids.
    pub fn digest(&self) -> Digest {
        let lines: BTreeSet<String> =
            self.deletions.iter().map(|it| format!("{} {}\n", it.id.inventory(), it.uid)).collect();
        Digest::of(lines.into_iter().collect::<String>().as_bytes())
    }

    /// How many objects go, each once, with everything that goes along.
    pub fn count(&self) -> u64 {
        let all: BTreeSet<&ObjectId> =
            self.deletions.iter().flat_map(|it| it.takes.iter().chain([&it.id])).collect();
        all.len() as u64
    }

    /// Whether nothing is to be deleted.
    pub fn is_empty(&self) -> bool {
        self.deletions.is_empty()
    }

    /// Takes in another list.
    pub fn extend(&mut self, other: &Self) {
        let known: BTreeSet<ObjectId> = self.deletions.iter().map(|it| it.id.clone()).collect();
        let new = other.deletions.iter().filter(|it| !known.contains(&it.id));
        self.deletions.extend(new.cloned());
    }

    fn contains(&self, deletion: &Deletion) -> bool {
        self.deletions.iter().any(|it| it.id == deletion.id && it.uid == deletion.uid)
    }
}

/// What the guard says.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) refusals: Vec<Refusal>,
    /// The operator's word that was needed.
    pub(super) used: Option<Digest>,
}

impl Guard {
    /// Judges what one entry deletes, together with what the others delete: the budget is one for all, while a
    /// protected object stops only its own entry.
    pub(super) fn judge(&self, own: &DeletionList) -> Verdict {
        if own.is_empty() {
            return Verdict::default();
        }
        let mut all = own.clone();
        all.extend(&self.elsewhere);
        let digest = all.digest();
        let mut rest = all.clone();
        rest.deletions.retain(|deletion| {
            !self.approved.iter().any(|word| matches!(word, Approval::List(list) if list.contains(deletion)))
        });
        let mut refusals = Vec::new();
        let (count, allowed) = (rest.count(), self.allowed());
        if count > allowed {
            let inventoried = self.inventoried;
            refusals.push(Refusal::DeletionBudget { count, allowed, inventoried, list: all.clone(), digest });
        }
        let of_own = rest.deletions.iter().filter(|it| own.contains(it));
        let objects: BTreeSet<ObjectId> = of_own.flat_map(|it| it.protected.clone()).collect();
        if !objects.is_empty() {
            refusals.push(Refusal::Protected { objects: objects.into_iter().collect(), list: all, digest });
        }
        if !refusals.is_empty() && self.approved.contains(&Approval::Digest(digest)) {
            return Verdict { refusals: Vec::new(), used: Some(digest) };
        }
        Verdict { refusals, used: None }
    }

    /// How many objects may go without a word.
    fn allowed(&self) -> u64 {
        let share = self.inventoried.saturating_mul(u64::from(self.budget.percent)) / 100;
        let allowed = share.max(FEW).min(self.budget.count);
        // All of them is never a share, however few they are.
        allowed.min(self.inventoried.saturating_sub(1))
    }

    /// Describes a deletion: what goes along, and whether it is protected.
    pub(super) fn deletion(
        &self,
        live: &Object,
        why: DeletionCause,
        owner: &Owner,
        observed: &Observed,
    ) -> (Deletion, Vec<Refusal>) {
        let id = live.id();
        let mut takes = BTreeSet::new();
        let mut refusals = Vec::new();
        if takes_others_along(&id.group_kind) {
            let own = observed.inventory.iter().flat_map(|inventory| inventory.all()).map(|entry| &entry.id);
            let within = within(live);
            takes.extend(own.filter(|it| within(it)).cloned());
            for (held, holder) in observed.owners.iter().filter(|(it, _)| within(it)) {
                if holder.channel != owner.channel && refusals.is_empty() {
                    let (this, holder) = (owner.clone(), holder.clone());
                    let within = Some(id.clone());
                    refusals.push(Refusal::Owned { id: held.clone(), owner: holder, this, within });
                }
                takes.insert(held.clone());
            }
        }
        takes.extend(observed.contents.get(&id).into_iter().flatten().cloned());
        takes.extend(applied_by(live));
        takes.remove(&id);
        let agreed = |object: &Object| object.annotation(PRUNE_ANNOTATION) == Some("allowed");
        // What goes along is asked as well: a namespace that agreed does not speak for the claims in it.
        let known = |it: &ObjectId| observed.objects.get(it).and_then(|live| live.object.as_ref());
        let along =
            takes.iter().filter(|it| self.protects_kind(&it.group_kind) && !known(it).is_some_and(agreed));
        let mut protected: BTreeSet<ObjectId> = along.cloned().collect();
        if self.protects(live) && !agreed(live) {
            protected.insert(id.clone());
        }
        let uid = live.uid().unwrap_or_default().to_owned();
        (Deletion { id, uid, why, takes, protected }, refusals)
    }

    fn protects(&self, live: &Object) -> bool {
        let kind = live.gvk().group_kind();
        // A StatefulSet that takes its claims along takes its data along.
        let with_claims = kind.kind == "StatefulSet"
            && live.text(&["spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted"]) == Some("Delete");
        with_claims || self.protects_kind(&kind)
    }

    fn protects_kind(&self, kind: &GroupKind) -> bool {
        self.protected.contains(kind) || PROTECTED.contains(&kind.to_string().as_str())
    }
}

/// Whether the deletion of such an object takes others along that no inventory needs to know.
pub(super) fn takes_others_along(kind: &GroupKind) -> bool {
    matches!(
        (kind.group.as_str(), kind.kind.as_str()),
        ("", "Namespace")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
            | ("kustomize.toolkit.fluxcd.io", "Kustomization")
            | ("helm.toolkit.fluxcd.io", "HelmRelease")
    )
}

/// Which objects lie within this one: those of a namespace, those of a kind.
fn within(live: &Object) -> impl Fn(&ObjectId) -> bool {
    let namespace = live.gvk().is("", "Namespace").then(|| live.name().to_owned());
    let definition = live.gvk().is("apiextensions.k8s.io", "CustomResourceDefinition");
    let text = |path: &[&str]| live.text(path).unwrap_or_default().to_owned();
    let kind = definition
        .then(|| GroupKind { group: text(&["spec", "group"]), kind: text(&["spec", "names", "kind"]) });
    move |id| {
        namespace.as_ref().is_some_and(|it| *it == id.namespace)
            || kind.as_ref().is_some_and(|it| *it == id.group_kind)
    }
}

/// What a Flux Kustomization deletes before it goes: its inventory, unless it says otherwise.
fn applied_by(live: &Object) -> BTreeSet<ObjectId> {
    let flag = |key| live.get(&["spec", key]).and_then(serde_json::Value::as_bool).unwrap_or(false);
    let policy = live.text(&["spec", "deletionPolicy"]).unwrap_or("MirrorPrune");
    let deletes = match policy {
        "Delete" | "WaitForTermination" => true,
        "MirrorPrune" => flag("prune"),
        _ => false,
    };
    if !live.gvk().is("kustomize.toolkit.fluxcd.io", "Kustomization") || flag("suspend") || !deletes {
        return BTreeSet::new();
    }
    let entries = live.get(&["status", "inventory", "entries"]).and_then(serde_json::Value::as_array);
    let ids = entries.into_iter().flatten().filter_map(|entry| entry.get("id")?.as_str()?.parse().ok());
    ids.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(deletions: &[(&str, &str)]) -> DeletionList {
        let deletion = |(name, uid): &(&str, &str)| Deletion {
            id: format!("shop_{name}__ConfigMap").parse().unwrap(),
            uid: (*uid).to_owned(),
            why: DeletionCause::Pruned,
            takes: BTreeSet::new(),
            protected: BTreeSet::new(),
        };
        DeletionList { deletions: deletions.iter().map(deletion).collect() }
    }

    #[test]
    fn the_word_is_for_one_list_of_ids_and_uids() {
        let wanted = list(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
        let digest = wanted.digest();
        let verdict = |list: &DeletionList, approved: Vec<Approval>| {
            let guard = Guard { inventoried: 10, approved, ..Guard::default() };
            let verdict = guard.judge(list);
            (verdict.refusals.len(), verdict.used)
        };
        assert_eq!(verdict(&wanted, vec![]), (1, None));
        assert_eq!(verdict(&wanted, vec![Approval::Digest(digest)]), (0, Some(digest)));
        let turned = list(&[("d", "4"), ("c", "3"), ("b", "2"), ("a", "1")]);
        assert_eq!(verdict(&turned, vec![Approval::Digest(digest)]), (0, Some(digest)));
        // An object that was deleted and made again in between is another one.
        let another = list(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "5")]);
        assert_eq!(verdict(&another, vec![Approval::Digest(digest)]), (1, None));
        let more = list(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", "5")]);
        assert_eq!(verdict(&more, vec![Approval::Digest(digest)]), (1, None));
        // What is left of a list that was agreed to needs no second word, and what is new counts alone.
        let words = || vec![Approval::List(wanted.clone())];
        assert_eq!(verdict(&list(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]), words()), (0, None));
        assert_eq!(verdict(&more, words()), (0, None));
        let much_more = list(&[("a", "1"), ("e", "5"), ("f", "6"), ("g", "7"), ("h", "8")]);
        assert_eq!(verdict(&much_more, words()), (1, None));
        // A word that is not needed is not used up.
        let few = list(&[("a", "1")]);
        assert_eq!(verdict(&few, vec![Approval::Digest(few.digest())]), (0, None));
        assert_eq!(verdict(&list(&[]), vec![]), (0, None));
    }

    #[test]
    fn how_much_may_go() {
        for (count, percent, inventoried, allowed) in [
            (100, 20, 0, 0),
            (100, 20, 1, 0),
            (100, 20, 3, 2),
            (100, 20, 4, 3),
            (100, 20, 15, 3),
            (100, 20, 20, 4),
            (100, 20, 10_000, 100),
            (100, 100, 50, 49),
            (0, 100, 50, 0),
            (100, 0, 50, 3),
            (u64::MAX, 255, u64::MAX, u64::MAX / 100),
        ] {
            let guard = Guard { budget: Budget { count, percent }, inventoried, ..Guard::default() };
            assert_eq!(guard.allowed(), allowed, "{count} {percent} {inventoried}");
        }
    }
}
