//! One case is a directory below `tests/data/plan`:
//!
//! ```text
//! before/       manifests of an earlier bundle, applied until nothing is left to do; may be missing
//! live.yaml     what then happens to the cluster without us, operation by operation; may be missing
//! after/        manifests of the bundle that is planned
//! case.yaml     the entry's fields, the guard, and what else is unlike the usual; may be missing
//! expected.txt  the steps and the diff, or the refusals
//! ```
//!
//! Every plan that is not refused is also executed, observed and planned again until nothing is left to do, and every
//! one that is must have written nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use airlock::{
    content::Content,
    fault::Fault,
    object::{GroupKind, Object, ObjectId, health::Status},
    plan::{
        self, Approval, Budget, Deletion, DeletionCause, DeletionList, Guard, Inventory, InventoryEntry,
        Owners, Plan, Refused, diff::Diff,
    },
    render::{Inputs, Outcome, Owner, Rendered, Spec, render},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::{
    bundle::{Maker, tree},
    case,
    model::Model,
};

/// `case.yaml`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Case {
    /// Fields of the entry, over the usual ones.
    entry: Map<String, Value>,
    /// Fields of the entry in the earlier bundle, over those.
    entry_before: Map<String, Value>,
    budget: Option<Budget>,
    /// How many objects the channel's inventories hold; what this one holds where it is not said.
    inventoried: Option<u64>,
    /// Kinds to protect beside the built-in ones.
    protect: Vec<String>,
    /// How many objects other entries of the bundle delete.
    elsewhere: usize,
    /// Inventories of other entries: `channel/entry` to objects.
    others: BTreeMap<String, Vec<ObjectId>>,
    /// What other entries of the bundle render.
    claims: BTreeSet<ObjectId>,
    /// The kinds of the third stage.
    custom: Vec<String>,
    /// The inventory says that it was `after` which was applied, though it was `before`.
    same_bundle: bool,
    /// The earlier bundle is interrupted after so many operations.
    interrupted: Option<usize>,
    /// The operator approves what the refusal names; `list`: as a list that is being worked off.
    approve: Option<String>,
    /// The entry is missing in the bundle.
    retire: bool,
    /// It does not converge, and this is why.
    stuck: Option<String>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            entry: Map::new(),
            entry_before: Map::new(),
            budget: None,
            inventoried: None,
            protect: Vec::new(),
            elsewhere: 0,
            others: BTreeMap::new(),
            claims: BTreeSet::new(),
            custom: Vec::new(),
            same_bundle: false,
            interrupted: None,
            approve: None,
            retire: false,
            stuck: None,
        }
    }
}

/// What happens to the cluster without us.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Happening {
    /// Someone creates it, or applies it.
    Put(Value),
    Merge {
        id: ObjectId,
        patch: Value,
    },
    Remove(ObjectId),
    Refuse {
        id: ObjectId,
        error: Map<String, Value>,
    },
    Accept(ObjectId),
    Unserve(String),
    Sick {
        id: ObjectId,
        status: String,
    },
}

#[test]
fn cases() {
    case::each("plan", 80, check);
}

#[track_caller]
fn check(directory: &Path) {
    let case: Case = case::read(&directory.join("case.yaml"));
    let custom: BTreeSet<GroupKind> = case.custom.iter().map(|it| it.parse().unwrap()).collect();
    let owner = Owner { channel: "platform".parse().unwrap(), entry: "shop".parse().unwrap() };
    let mut model = Model::default();
    for (number, (name, ids)) in case.others.iter().enumerate() {
        let (channel, entry) = name.split_once('/').unwrap();
        let owner = Owner { channel: channel.parse().unwrap(), entry: entry.parse().unwrap() };
        let entries = ids.iter().map(|id| InventoryEntry { id: id.clone(), v: "v1".into() }).collect();
        let generation = i64::try_from(number).unwrap();
        let inventory =
            Inventory { owner, bundle: None, generation, prune: true, entries, attempted: Vec::new() };
        model.apply(&inventory.encode().unwrap(), "airlock").unwrap();
    }
    let entry = |more: &Map<String, Value>| {
        let mut fields = json!({"name": "shop", "kind": "manifests"});
        for (key, value) in case.entry.iter().chain(more) {
            fields[key] = value.clone();
        }
        fields
    };
    if directory.join("before").exists() {
        let rendered = rendered(directory, "before", entry(&case.entry_before), 1, &model);
        let guard =
            Guard { budget: Budget { count: 1000, percent: 100 }, inventoried: 1000, ..Guard::default() };
        let mut budget = case.interrupted.unwrap_or(usize::MAX);
        let end = converge(&mut model, &rendered, &guard, &custom, &mut budget);
        assert_eq!(end.is_err(), case.interrupted.is_some(), "{}: {end:?}", directory.display());
    }
    for happening in case::read::<Vec<Happening>>(&directory.join("live.yaml")) {
        happen(&mut model, happening);
    }
    if case.retire {
        let content = Maker { sequence: 2, ..Maker::default() }.content();
        retire(directory, &case, &mut model, &content, &owner);
        return;
    }
    let rendered = rendered(directory, "after", entry(&Map::new()), 2, &model);
    if case.same_bundle {
        let mut inventory = model.inventory(&owner).unwrap();
        inventory.bundle = Some(rendered.origin().bundle);
        model.apply(&inventory.encode().unwrap(), "airlock").unwrap();
    }
    let mut observed = model.observe(&rendered);
    observed.claims = claimed(&case.claims);
    let mut guard = guard(&case, &model, &owner);
    let first = plan::plan(&rendered, &observed, &guard, &custom);
    let (mut text, writes) = (String::new(), model.writes);
    let planned = match (first, &case.approve) {
        (Err(refused), Some(how)) => {
            approve(&mut guard, &refused, how);
            _ = writeln!(text, "refused: {}, then approved", codes(&refused));
            plan::plan(&rendered, &observed, &guard, &custom)
        }
        (first, _) => first,
    };
    describe(&mut text, &planned);
    if planned.is_ok() {
        let claims = case.claims.clone();
        let end = converge_claimed(&mut model, &rendered, &guard, &custom, &mut usize::MAX.clone(), &claims);
        match (&case.stuck, end) {
            (None, Ok(())) => (),
            (Some(why), Err(end)) if end.contains(why) => (),
            (stuck, end) => panic!("{}: {stuck:?}, and it ends with {end:?}", directory.display()),
        }
    }
    assert!(planned.is_ok() || model.writes == writes, "a refused plan wrote something");
    case::expect(directory, &text);
}

#[track_caller]
fn retire(directory: &Path, case: &Case, model: &mut Model, content: &Content, owner: &Owner) {
    let mut observed = model.observe_retired(owner);
    observed.claims = claimed(&case.claims);
    let mut guard = guard(case, model, owner);
    let mut text = String::new();
    let mut planned = plan::retire(content, &observed, &guard);
    if let (Err(refused), Some(how)) = (&planned, &case.approve) {
        approve(&mut guard, refused, how);
        _ = writeln!(text, "refused: {}, then approved", codes(refused));
        planned = plan::retire(content, &observed, &guard);
    }
    match planned {
        Ok(None) => text.push_str("nothing to retire\n"),
        Ok(Some(plan)) => {
            describe(&mut text, &Ok(plan.clone()));
            model.act(&plan, &mut usize::MAX.clone()).unwrap();
            let again = plan::retire(content, &model.observe_retired(owner), &guard).unwrap();
            assert!(again.is_none_or(|plan| plan.is_empty()), "{}", directory.display());
        }
        Err(refused) => describe(&mut text, &Err(refused)),
    }
    case::expect(directory, &text);
}

fn guard(case: &Case, model: &Model, owner: &Owner) -> Guard {
    let held = model.inventory(owner).map_or(0, |it| it.all().count() as u64);
    let elsewhere = (0..case.elsewhere).map(|number| Deletion {
        id: format!("other_gone-{number}__ConfigMap").parse().unwrap(),
        uid: format!("other-{number}"),
        why: DeletionCause::Pruned,
        takes: BTreeSet::new(),
        protected: BTreeSet::new(),
    });
    Guard {
        budget: case.budget.unwrap_or_default(),
        inventoried: case.inventoried.unwrap_or(held),
        elsewhere: DeletionList { deletions: elsewhere.collect() },
        approved: Vec::new(),
        protected: case.protect.iter().map(|it| it.parse().unwrap()).collect(),
    }
}

fn approve(guard: &mut Guard, refused: &Refused, how: &str) {
    let digest = refused.refusals.iter().find_map(|it| it.waivable()).expect("it can be waived");
    guard.approved.push(match how {
        "list" => Approval::List(refused.deletions().unwrap().clone()),
        _ => Approval::Digest(digest),
    });
}

fn happen(model: &mut Model, happening: Happening) {
    match happening {
        Happening::Put(value) => {
            model.apply(&Object::new(value, "live.yaml").unwrap(), "someone").unwrap();
        }
        Happening::Merge { id, patch } => model.merge(&id, &patch),
        Happening::Remove(id) => {
            assert!(model.get(&id).is_some(), "{id} is not there");
            model.remove(&id);
        }
        Happening::Refuse { id, error } => {
            let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let causes = error.get("cause").and_then(Value::as_str).map(str::to_owned).into_iter().collect();
            let code = error.get("code").and_then(Value::as_u64).map_or(422, |it| it.try_into().unwrap());
            let (reason, message) = (text("reason"), text("message"));
            model.refusals.insert(id, plan::ApiError { code, reason, message, causes });
        }
        Happening::Accept(id) => {
            model.refusals.remove(&id);
        }
        Happening::Unserve(kind) => {
            model.unserved.insert(kind.parse().unwrap());
        }
        Happening::Sick { id, status } => {
            let status = if status == "Failed" { Status::Failed } else { Status::InProgress };
            model.sick.insert(id, status);
        }
    }
}

/// Renders a directory of manifests as the entry of a bundle that passed the gate.
fn rendered(directory: &Path, name: &str, entry: Value, sequence: u64, model: &Model) -> Rendered {
    let mut maker = Maker { sequence, ..Maker::default() };
    maker.entry(entry, &tree(&directory.join(name)));
    render_only(&maker.content(), model)
}

/// The first entry of a bundle.
pub fn render_only(content: &Content, model: &Model) -> Rendered {
    let spec = Spec::from(&content.release().entries[0]);
    let mut inputs = Inputs::new(content, Map::new());
    loop {
        match render(content, &spec, &inputs).unwrap_or_else(|error| panic!("{error}: {}", error.why)) {
            Outcome::Rendered(rendered) => return *rendered,
            Outcome::Needs(needs) => {
                let answers = needs.scopes.iter().map(|kind| (kind.clone(), model.scope(kind)));
                inputs.answers.scopes.extend(answers);
            }
        }
    }
}

/// Plans and acts until nothing is left to do.
fn converge(
    model: &mut Model,
    rendered: &Rendered,
    guard: &Guard,
    custom: &BTreeSet<GroupKind>,
    budget: &mut usize,
) -> Result<(), String> {
    converge_claimed(model, rendered, guard, custom, budget, &BTreeSet::new())
}

/// What another entry of the bundle renders.
fn claimed(claims: &BTreeSet<ObjectId>) -> Owners {
    let other = Owner { channel: "platform".parse().unwrap(), entry: "another".parse().unwrap() };
    Owners::of(claims.iter().map(|id| (id.clone(), other.clone())))
}

fn converge_claimed(
    model: &mut Model,
    rendered: &Rendered,
    guard: &Guard,
    custom: &BTreeSet<GroupKind>,
    budget: &mut usize,
    claims: &BTreeSet<ObjectId>,
) -> Result<(), String> {
    for _ in 0..6 {
        let mut observed = model.observe(rendered);
        observed.claims = claimed(claims);
        let plan = plan::plan(rendered, &observed, guard, custom).map_err(|it| it.to_string())?;
        if plan.is_empty() {
            return Ok(());
        }
        model.act(&plan, budget)?;
    }
    Err("there is no end".into())
}

fn codes(refused: &Refused) -> String {
    let codes: Vec<&str> = refused.refusals.iter().map(Fault::code).collect();
    codes.join(", ")
}

fn describe(text: &mut String, planned: &Result<Plan, Refused>) {
    let (steps, diff) = match planned {
        Ok(plan) => (plan.steps(), Diff::of(plan)),
        Err(refused) => {
            for refusal in &refused.refusals {
                _ = writeln!(text, "{} ({:?}): {refusal}", refusal.code(), refusal.class());
                if let Some(hint) = refusal.hint() {
                    _ = writeln!(text, "  hint: {hint}");
                }
            }
            (refused.preview(), Diff::of_refused(refused))
        }
    };
    let title = if planned.is_ok() { "steps" } else { "would be" };
    _ = writeln!(text, "--- {title}");
    for step in steps {
        _ = writeln!(text, "{step}");
    }
    _ = writeln!(text, "--- diff\n{}", diff.text().trim_end());
    if let Ok(plan) = planned
        && plan.approved().is_some()
    {
        _ = writeln!(text, "--- the operator's word is used up");
    }
}
