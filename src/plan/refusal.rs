use std::fmt;

use super::{DeletionList, InventoryError, Step};
use crate::{
    digest::Digest,
    fault::{Class, Fault},
    object::ObjectId,
    render::Owner,
};

/// Why a plan is not made. Nothing of it is done then.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The server refuses an object. The text is Flux's.
    #[error("{text}")]
    DryRun {
        /// The object.
        id: ObjectId,
        /// Flux's text.
        text: String,
        /// What to do about it.
        class: Class,
    },
    /// Another entry holds the object.
    #[error("{id} belongs to entry {owner}{}", taker(.within.as_ref()))]
    Owned {
        /// The object.
        id: ObjectId,
        /// Who holds it.
        owner: Owner,
        /// Who wants it.
        this: Owner,
        /// What would take it along when it is deleted.
        within: Option<ObjectId>,
    },
    /// More would be deleted than the budget allows.
    #[error("{count} of {inventoried} objects would be deleted, and {allowed} may be")]
    DeletionBudget {
        /// How many, with everything that goes along.
        count: u64,
        /// How many may.
        allowed: u64,
        /// How many there are.
        inventoried: u64,
        /// The whole list.
        list: DeletionList,
        /// Its digest.
        digest: Digest,
    },
    /// Something would be deleted that nothing brings back.
    #[error("{} would be deleted", names(.objects))]
    Protected {
        /// The objects.
        objects: Vec<ObjectId>,
        /// The whole list.
        list: DeletionList,
        /// Its digest.
        digest: Digest,
    },
    /// The inventory does not fit.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// Someone forgot to look.
    #[error("{0} was not observed")]
    Unobserved(ObjectId),
    /// A chart is a release with hooks, definitions and a record of its own. A plan of its objects alone would look as if
    /// it had been installed.
    #[error("entry {0} is a chart, and this agent renders charts and does not install them yet")]
    Release(Owner),
    /// Only an entry that is missing in a bundle of its own channel can be retired.
    #[error("the bundle does not say that entry {0} is to go")]
    NotRetired(Owner),
}

fn taker(within: Option<&ObjectId>) -> String {
    within.map(|id| format!(", and the deletion of {id} would take it along")).unwrap_or_default()
}

/// As many names as people read.
fn names(ids: &[ObjectId]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = ids.iter().take(SHOWN).map(ToString::to_string).collect();
    match ids.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl Refusal {
    /// The digest that the operator's word must name, where the operator may waive the refusal.
    pub fn waivable(&self) -> Option<Digest> {
        match self {
            Self::DeletionBudget { digest, .. } | Self::Protected { digest, .. } => Some(*digest),
            _ => None,
        }
    }
}

impl Fault for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::DryRun { .. } => "dry_run",
            Self::Owned { .. } => "owned",
            Self::DeletionBudget { .. } => "deletion_budget",
            Self::Protected { .. } => "protected",
            Self::Inventory(error) => error.code(),
            Self::Unobserved(_) => "unobserved",
            Self::Release(_) => "release",
            Self::NotRetired(_) => "not_retired",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::DryRun { class, .. } => *class,
            // The other entry of the channel may be about to let it go.
            Self::Owned { owner, this, .. } if owner.channel == this.channel => Class::Unavailable,
            Self::Owned { .. } | Self::DeletionBudget { .. } | Self::Protected { .. } => Class::Denied,
            Self::Inventory(error) => error.class(),
            Self::Release(_) => Class::Invalid,
            Self::Unobserved(_) | Self::NotRetired(_) => Class::Bug,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::DryRun { text, .. } if text.contains("immutable") => Some(
                "to delete the object and make it anew, annotate it with `kustomize.toolkit.fluxcd.io/force: enabled`".into(),
            ),
            Self::DryRun { .. } => None,
            Self::Owned { owner, within: Some(taker), .. } => {
                Some(format!("keep {taker}, or ask those of channel `{}`", owner.channel))
            }
            Self::Owned { id, owner, .. } => {
                Some(format!("take {} out of one of the two entries; {owner} applied it first", id))
            }
            Self::DeletionBudget { digest, .. } => Some(format!(
                "`airlock diff` lists them; if they are to go: `airlock approve {digest}`"
            )),
            Self::Protected { digest, .. } => Some(format!(
                "annotate an object with `airlock.dev/prune: \"allowed\"` in a bundle before the one that leaves it out; or `airlock approve {digest}`"
            )),
            Self::Inventory(error) => error.hint(),
            Self::Release(_) => Some(
                "`airlock template` prints what it renders, which an entry of kind manifests can carry meanwhile".into(),
            ),
            Self::Unobserved(_) | Self::NotRetired(_) => None,
        }
    }
}

/// All the reasons why a plan is not made, and what it would have done.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The reasons, at least one.
    pub refusals: Vec<Refusal>,
    pub(super) steps: Vec<Step>,
}

impl Refused {
    /// What would have been done, to be shown. It cannot be executed.
    pub fn preview(&self) -> &[Step] {
        &self.steps
    }

    /// What would have been deleted, where that is among the reasons.
    pub fn deletions(&self) -> Option<&DeletionList> {
        self.refusals.iter().find_map(|refusal| match refusal {
            Refusal::DeletionBudget { list, .. } | Refusal::Protected { list, .. } => Some(list),
            _ => None,
        })
    }

    /// The reason that decides code, class and hint: one that needs a person comes before one that time may heal.
    fn first(&self) -> Option<&Refusal> {
        self.refusals.iter().min_by_key(|it| it.class())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, refusal) in self.refusals.iter().enumerate() {
            write!(f, "{}{refusal}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

impl Fault for Refused {
    fn code(&self) -> &'static str {
        self.first().map_or("refused", Fault::code)
    }

    fn class(&self) -> Class {
        self.first().map_or(Class::Bug, Fault::class)
    }

    fn hint(&self) -> Option<String> {
        self.first().and_then(Fault::hint)
    }
}
