//! A plan as people read it, and as programs do. Secrets are masked in both.
//!
//! ```text
//! + Namespace/shop created
//! ~ Deployment/shop/web configured
//!     spec.replicas
//!       - 2
//!       + 3
//! ! Job/shop/migrate recreated (2 objects go along)
//!     spec.template: field is immutable
//! - Service/shop/old deleted
//! = PersistentVolumeClaim/shop/data kept: it opted out (prune: disabled)
//! 1 created, 1 configured, 1 recreated, 1 deleted; 7 unchanged, 1 kept
//! ```

mod fields;

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

pub use fields::Field;

use super::{DeletionList, Kept, KeptBecause, Plan, Refused, Step, Verb, Why};
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
        let mut counts: BTreeMap<usize, (&str, usize)> = BTreeMap::new();
        const ORDER: [&str; 5] = ["created", "configured", "recreated", "deleted", LATER];
        for change in &self.changes {
            let place = ORDER.iter().position(|it| *it == change.verb).unwrap_or(ORDER.len());
            counts.entry(place).or_insert((change.verb, 0)).1 += 1;
        }
        let changed: Vec<String> = counts.values().map(|(verb, count)| format!("{count} {verb}")).collect();
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

/// The word for an object whose turn comes in another round.
const LATER: &str = "later";

fn changes(steps: &[Step], list: &DeletionList) -> Vec<Change> {
    let along = |id: &ObjectId| list.deletions.iter().find(|it| it.id == *id).map_or(0, |it| it.takes.len());
    let mut changes = Vec::new();
    for step in steps {
        match step {
            Step::Apply(apply) => {
                let mut fields = Vec::new();
                if let Some(before) = &apply.before {
                    fields = fields::between(before, &apply.after);
                }
                let why =
                    (!apply.clean_up.is_empty()).then(|| "fields of other tools are taken over".to_owned());
                let (id, verb) = (apply.object.id(), apply.verb.as_str());
                changes.push(Change { id, verb, fields, along: 0, why });
            }
            Step::Recreate(it) => {
                let id = it.object.id();
                let (along, why) = (along(&id), Some(it.because.clone()));
                let verb = Verb::Recreated.as_str();
                changes.push(Change { id, verb, fields: Vec::new(), along, why });
            }
            Step::Delete(it) => changes.push(Change {
                id: it.id.clone(),
                verb: Verb::Deleted.as_str(),
                fields: Vec::new(),
                along: along(&it.id),
                why: None,
            }),
            Step::Replan(deferred) => changes.extend(deferred.iter().map(|it| {
                let why = match &it.why {
                    Why::NotServed => "its kind is not served yet".to_owned(),
                    Why::Refused(text) => text.clone(),
                    Why::Stage => "others of its stage have to wait".to_owned(),
                };
                Change { id: it.object.id(), verb: LATER, fields: Vec::new(), along: 0, why: Some(why) }
            })),
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
            LATER => '?',
            _ => '!',
        };
        _ = write!(out, "{sign} {} {}", self.id, self.verb);
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
