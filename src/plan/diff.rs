//! A plan as people read it, and as programs do. Secrets are masked in both.
//!
//! ```text
//! + Namespace/shop created
//! + Widget/shop/small created later
//!     its kind is not served yet
//! ~ Deployment/shop/web configured
//!     spec.replicas
//!       - 2
//!       + 3
//! ! Job/shop/migrate recreated (2 objects go along)
//!     spec.template: field is immutable
//! - Service/shop/old deleted
//! = PersistentVolumeClaim/shop/data kept: it opted out (prune: disabled)
//! 2 created, 1 configured, 1 recreated, 1 deleted; 7 unchanged, 1 kept
//! ```

mod fields;

use std::fmt::Write as _;

use serde::Serialize;

pub use fields::Field;

use super::{Deletion, DeletionCause, DeletionList, Kept, KeptBecause, Plan, Refused, Step, Verb, Why};
use crate::object::{ObjectId, optout::Skip};

/// What a plan changes, object by object, in the order in which it does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// What changes.
    pub changes: Vec<Change>,
    /// What stays although it left the render.
    pub kept: Vec<Left>,
    /// What is left alone because it wants to be.
    pub skipped: Vec<Left>,
    /// How many objects are as they should be.
    pub unchanged: usize,
}

/// What happens to one object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The object.
    pub id: ObjectId,
    /// What happens, in a word.
    pub verb: &'static str,
    /// Whether it happens only after another round of observing, and may still turn out otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub later: bool,
    /// Fields that change, where it was there before and still will be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// How many objects go along with a deletion.
    #[serde(skip_serializing_if = "is_zero")]
    pub along: usize,
    /// Why it happens, or why not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// An object that is left where it is, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Left {
    /// The object.
    pub id: ObjectId,
    /// Why.
    pub why: &'static str,
}

impl Diff {
    /// What a plan changes.
    pub fn of(plan: &Plan) -> Self {
        let kept = |it: &Kept| Left { id: it.id.clone(), why: kept_because(it.why) };
        let skipped = |(id, why): &(ObjectId, Skip)| Left { id: id.clone(), why: skipped_because(*why) };
        Self {
            changes: changes(plan.steps(), plan.deletions()),
            kept: plan.kept().iter().map(kept).collect(),
            skipped: plan.skipped().iter().map(skipped).collect(),
            unchanged: plan.unchanged().len(),
        }
    }

    /// What would have changed, had it not been refused.
    pub fn of_refused(refused: &Refused) -> Self {
        let list = DeletionList::default();
        Self {
            changes: changes(refused.preview(), refused.deletions().unwrap_or(&list)),
            kept: Vec::new(),
            skipped: Vec::new(),
            unchanged: 0,
        }
    }

    /// For people: lines, each with its end.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for change in &self.changes {
            change.write(&mut out);
        }
        for left in &self.kept {
            _ = writeln!(out, "= {} kept: {}", left.id, left.why);
        }
        for left in &self.skipped {
            _ = writeln!(out, "= {} skipped: {}", left.id, left.why);
        }
        _ = writeln!(out, "{}", self.summary());
        out
    }

    /// How many of what, in one line.
    pub fn summary(&self) -> String {
        let verbs = [Verb::Created, Verb::Configured, Verb::Recreated, Verb::Deleted].map(Verb::as_str);
        let count = |verb| self.changes.iter().filter(|change| change.verb == verb).count();
        let counts = verbs.map(|verb| (count(verb), verb)).into_iter().filter(|(count, _)| *count > 0);
        let changed: Vec<String> = counts.map(|(count, verb)| format!("{count} {verb}")).collect();
        let rest =
            [(self.unchanged, "unchanged"), (self.kept.len(), "kept"), (self.skipped.len(), "skipped")];
        let rest: Vec<String> = rest
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        match (changed.is_empty(), rest.is_empty()) {
            (true, true) => "nothing to do".to_owned(),
            (true, false) => format!("nothing to do; {}", rest.join(", ")),
            (false, true) => changed.join(", "),
            (false, false) => format!("{}; {}", changed.join(", "), rest.join(", ")),
        }
    }
}

fn changes(steps: &[Step], list: &DeletionList) -> Vec<Change> {
    let along = |id: &ObjectId| list.deletions.iter().find(|it| it.id == *id).map_or(0, |it| it.takes.len());
    let change = |id: ObjectId, verb: Verb| {
        let along = along(&id);
        Change { id, verb: verb.as_str(), later: false, fields: Vec::new(), along, why: None }
    };
    let mut changes = Vec::new();
    for step in steps {
        match step {
            Step::Apply(it) => {
                let fields = it.before.as_ref().map(|before| fields::between(before, &it.after));
                let why =
                    (!it.clean_up.is_empty()).then(|| "fields of other tools are taken over".to_owned());
                let fields = fields.unwrap_or_default();
                changes.push(Change { fields, why, ..change(it.object.id(), it.verb) });
            }
            Step::Recreate(it) => {
                let why = Some(it.because.clone());
                changes.push(Change { why, ..change(it.object.id(), Verb::Recreated) });
            }
            Step::Delete(it) => changes.push(change(it.id.clone(), Verb::Deleted)),
            Step::Replan(deferred) => {
                for it in deferred {
                    let why = match &it.why {
                        Why::NotServed => Some("its kind is not served yet".to_owned()),
                        Why::Namespace => Some("its namespace is not there yet".to_owned()),
                        Why::Refused(text) => Some(text.clone()),
                        Why::Stage => None,
                    };
                    let both = it.before.as_ref().zip(it.after.as_ref());
                    let fields =
                        both.map(|(before, after)| fields::between(before, after)).unwrap_or_default();
                    changes.push(Change { later: true, fields, why, ..change(it.object.id(), it.verb) });
                }
                // What is pruned once the last stage is through.
                let pruned = list.deletions.iter().filter(|it| it.why == DeletionCause::Pruned);
                let later = |it: &Deletion| Change { later: true, ..change(it.id.clone(), Verb::Deleted) };
                changes.extend(pruned.map(later));
            }
            Step::Record(_) | Step::Forget(_) | Step::Wait(_) => (),
        }
    }
    changes
}

impl Change {
    fn write(&self, out: &mut String) {
        let sign = match self.verb {
            "created" => '+',
            "configured" => '~',
            "deleted" => '-',
            _ => '!',
        };
        _ = write!(out, "{sign} {} {}", self.id, self.verb);
        out.push_str(if self.later { " later" } else { "" });
        match self.along {
            0 => out.push('\n'),
            1 => out.push_str(" (1 object goes along)\n"),
            along => _ = writeln!(out, " ({along} objects go along)"),
        }
        for line in self.why.iter().flat_map(|it| it.lines()) {
            _ = writeln!(out, "    {line}");
        }
        for field in &self.fields {
            field.write(out);
        }
    }
}

fn kept_because(why: KeptBecause) -> &'static str {
    use crate::object::optout::Keep;
    match why {
        KeptBecause::Unchanged => "it left the render although the bundle is the same",
        KeptBecause::NotServed => "its kind is not served, so nobody knows whether it is there",
        KeptBecause::NoPrune => "the entry does not prune",
        KeptBecause::OptOut(Keep::Prune) => "it opted out (prune: disabled)",
        KeptBecause::OptOut(Keep::Disabled) => "it opted out (reconcile: disabled)",
        KeptBecause::OptOut(Keep::Ignored) => "it opted out (ssa: Ignore)",
        KeptBecause::NotOurs => "it does not carry this entry's labels",
        KeptBecause::HandedOver => "another entry of the bundle has it now",
    }
}

fn skipped_because(why: Skip) -> &'static str {
    match why {
        Skip::Disabled => "it opted out (reconcile: disabled)",
        Skip::Ignored => "it opted out (ssa: Ignore)",
        Skip::Present => "it is there, and wants to be created only (ssa: IfNotPresent)",
    }
}
