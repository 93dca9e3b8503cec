//! What is applied, stage by stage.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;

use super::{
    ApiError, DeletionCause, DeletionList, DryRun, Guard, Live, Observed, Refusal, clean_up, drift, mask,
    step::{Apply, Awaited, Deferred, Propagation, Purpose, Recreate, Step, Verb, Wait, Why},
};
use crate::{
    fault::Class,
    object::{
        GroupKind, Gvk, Object, ObjectId,
        health::{Status, is_job_with_ttl},
        optout::{self, Skip},
        order::{Key, Stage, is_definition, stage_of},
    },
    render::Rendered,
};

/// How long the objects of a stage may take on which the next one stands, and a deletion for a recreation (Flux:
/// `DefaultApplyOptions`).
pub(super) const STAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// What comes of all stages.
#[derive(Debug, Default)]
pub(super) struct Applying {
    pub(super) steps: Vec<Step>,
    /// Ends in a [`Step::Replan`].
    pub(super) again: bool,
    pub(super) unchanged: Vec<ObjectId>,
    pub(super) skipped: Vec<(ObjectId, Skip)>,
    /// What is not as it should be and is left so, since somebody else writes it all the time.
    pub(super) contested: Vec<ObjectId>,
    /// What others hold and this entry leaves alone: it is not inventoried.
    pub(super) foreign: BTreeSet<ObjectId>,
    pub(super) recreated: DeletionList,
    pub(super) refusals: Vec<Refusal>,
}

/// What one object comes to.
enum Fate {
    Skipped(Skip),
    Contested,
    Unchanged,
    Change(Step),
    /// It cannot be told yet, or never: why, and the refusal that it is where nothing is left to wait for.
    Blocked(Why, Box<Refusal>),
}

impl Fate {
    /// What is contested is not changed.
    fn unless(self, contested: bool) -> Self {
        match self {
            Self::Change(Step::Apply(_)) if contested => Self::Contested,
            fate => fate,
        }
    }
}

/// Decides about every object of a render.
///
/// A stage is applied as a whole or not at all: one object that the server refuses stops its stage and those after
/// it. While an earlier stage still has something to do, the server may refuse because of just that (a namespace that
/// is not there, a role that cannot be granted yet), so the plan ends there and another one is made.
pub(super) fn apply(
    rendered: &Rendered,
    observed: &Observed,
    guard: &Guard,
    custom: &BTreeSet<GroupKind>,
) -> Applying {
    let mut out = Applying::default();
    let mut stages: BTreeMap<Stage, Vec<&Object>> = BTreeMap::new();
    for object in rendered.objects() {
        stages.entry(stage_of(object, custom)).or_default().push(object);
    }
    let brings = served(rendered.objects());
    let mut pending = false;
    // Once a stage is refused, what the server says about later ones may be a consequence.
    let mut refused = false;
    let mut deferred: Vec<Deferred> = Vec::new();
    for (stage, objects) in stages {
        let mut steps = Vec::new();
        let mut blocked: BTreeMap<ObjectId, (Why, Box<Refusal>)> = BTreeMap::new();
        let mut awaited = Vec::new();
        // Whether all that is blocked needs nothing but time: its definition is one of this entry.
        let mut only_time = true;
        for object in &objects {
            let id = object.id();
            let Some(live) = observed.objects.get(&id) else {
                out.refusals.push(Refusal::Unobserved(id));
                continue;
            };
            let contested = observed.contested.contains(&id);
            match fate(object, live, stage, rendered, observed, guard, &mut out).unless(contested) {
                Fate::Skipped(skip) => out.skipped.push((id, skip)),
                Fate::Contested => out.contested.push(id),
                Fate::Blocked(why, refusal) => {
                    only_time &= why == Why::NotServed && brings.contains(object.gvk());
                    blocked.insert(id, (why, refusal));
                }
                Fate::Unchanged => {
                    if stage.waits() && live.health.status != Status::Current {
                        awaited.push(Awaited::of(object));
                    }
                    out.unchanged.push(id);
                }
                Fate::Change(step) => {
                    steps.push(step);
                    if stage.waits() {
                        awaited.push(Awaited::of(object));
                    }
                }
            }
        }
        let again = pending || (only_time && !blocked.is_empty());
        if !deferred.is_empty() || (!blocked.is_empty() && again) {
            deferred.extend(steps.into_iter().filter_map(put_off));
            for object in objects {
                if let Some((why, _)) = blocked.remove(&object.id()) {
                    let before = observed.objects.get(&object.id()).and_then(|live| live.object.clone());
                    let verb = if before.is_some() { Verb::Configured } else { Verb::Created };
                    deferred.push(Deferred { object: object.clone(), stage, verb, before, after: None, why });
                }
            }
            continue;
        }
        if !refused && !blocked.is_empty() {
            refused = true;
            let told = objects.iter().filter_map(|object| blocked.remove(&object.id()));
            out.refusals.extend(told.map(|(_, refusal)| *refusal));
        }
        pending |= !steps.is_empty() || !awaited.is_empty();
        out.steps.extend(steps);
        if !awaited.is_empty() {
            out.steps.push(Step::Wait(Wait {
                purpose: Purpose::Stage(stage),
                objects: awaited,
                timeout: STAGE_TIMEOUT,
                fail_fast: false,
            }));
        }
    }
    if !deferred.is_empty() {
        out.again = true;
        deferred.sort_by_cached_key(|it| (it.stage, Key(it.object.id())));
        out.steps.push(Step::Replan(deferred));
    }
    out
}

/// What can be tried and has to wait for the rest of its stage.
fn put_off(step: Step) -> Option<Deferred> {
    match step {
        Step::Apply(it) => {
            let Apply { object, stage, verb, before, after, .. } = *it;
            Some(Deferred { object, stage, verb, before, after: Some(after), why: Why::Stage })
        }
        Step::Recreate(it) => {
            let Recreate { object, stage, before, .. } = *it;
            let (verb, before) = (Verb::Recreated, Some(before));
            Some(Deferred { object, stage, verb, before, after: None, why: Why::Stage })
        }
        _ => None,
    }
}

/// The kinds that the entry's own definitions serve, in each of their versions.
fn served(objects: &[Object]) -> BTreeSet<Gvk> {
    let mut served = BTreeSet::new();
    for object in objects.iter().filter(|object| is_definition(object)) {
        let group = object.text(&["spec", "group"]).unwrap_or_default();
        let kind = object.text(&["spec", "names", "kind"]).unwrap_or_default();
        let versions = object.get(&["spec", "versions"]).and_then(Value::as_array);
        for version in versions.into_iter().flatten() {
            let is_served = version.get("served").and_then(Value::as_bool).unwrap_or(false);
            if let (true, Some(name)) = (is_served, version.get("name").and_then(Value::as_str)) {
                let (group, version, kind) = (group.to_owned(), name.to_owned(), kind.to_owned());
                served.insert(Gvk { group, version, kind });
            }
        }
    }
    served
}

fn fate(
    object: &Object,
    live: &Live,
    stage: Stage,
    rendered: &Rendered,
    observed: &Observed,
    guard: &Guard,
    out: &mut Applying,
) -> Fate {
    let id = object.id();
    let opt_outs = optout::for_apply(object, live.object.as_ref());
    let holder = observed.owners.get(&id);
    if let Some(skip) = opt_outs.skip {
        if holder.is_some() {
            out.foreign.insert(id);
        }
        return Fate::Skipped(skip);
    }
    if let Some(owner) = holder {
        let (owner, this) = (owner.clone(), rendered.owner().clone());
        out.refusals.push(Refusal::Owned { id, owner, this, within: None });
        return Fate::Unchanged;
    }
    match &live.dry_run {
        DryRun::NotAsked => {
            out.refusals.push(Refusal::Unobserved(id));
            Fate::Unchanged
        }
        DryRun::Settled => Fate::Unchanged,
        DryRun::NotServed | DryRun::NotDefined => {
            let (kind, version) = (object.kind(), object.api_version());
            let text =
                format!("{id} dry-run failed: no matches for kind \"{kind}\" in version \"{version}\"");
            Fate::Blocked(Why::NotServed, Refusal::DryRun { id, text, class: Class::Unavailable }.into())
        }
        DryRun::Refused(error) => {
            let text = mask::scrub(&text_of(&id, error), object);
            match &live.object {
                Some(before) if drift::is_immutable(error) && (rendered.spec().force || opt_outs.force) => {
                    let (deletion, refusals) =
                        guard.deletion(before, DeletionCause::Recreated, rendered.owner(), observed);
                    let uid = deletion.uid.clone();
                    out.recreated.deletions.push(deletion);
                    out.refusals.extend(refusals);
                    Fate::Change(Step::Recreate(Box::new(Recreate {
                        object: object.clone(),
                        stage,
                        before: before.clone(),
                        uid,
                        propagation: Propagation::Background,
                        timeout: STAGE_TIMEOUT,
                        because: text,
                    })))
                }
                _ => {
                    let no_namespace = error.reason == "NotFound"
                        && rendered
                            .objects()
                            .iter()
                            .any(|it| it.gvk().is("", "Namespace") && it.name() == id.namespace);
                    let why = if no_namespace { Why::Namespace } else { Why::Refused(text.clone()) };
                    Fate::Blocked(why, Refusal::DryRun { id, text, class: class_of(error) }.into())
                }
            }
        }
        DryRun::Would(after) => {
            let before = live.object.as_ref();
            let clean_up = match before {
                Some(live) if !opt_outs.merge => clean_up::patch(live),
                _ => Vec::new(),
            };
            if let Some(before) = before
                && clean_up.is_empty()
                && !drift::differs(before, after)
            {
                return Fate::Unchanged;
            }
            let verb = if before.is_some() { Verb::Configured } else { Verb::Created };
            Fate::Change(Step::Apply(Box::new(Apply {
                object: object.clone(),
                stage,
                verb,
                clean_up,
                before: before.cloned(),
                after: after.clone(),
            })))
        }
    }
}

/// Flux's text for a dry-run that failed (fluxcd/pkg/ssa `DryRunErr`).
pub(super) fn text_of(id: &ObjectId, error: &ApiError) -> String {
    let message = &error.message;
    if error.reason == "NotFound" {
        let what = if id.namespace.is_empty() { "namespace not specified" } else { "not found" };
        return format!("{id} {what}: {message}");
    }
    const CONFLICT: &str = "FieldManagerConflict";
    let conflict = error.causes.iter().any(|cause| cause == CONFLICT);
    match if conflict { CONFLICT } else { error.reason.as_str() } {
        "" => format!("{id} dry-run failed: {message}"),
        reason => format!("{id} dry-run failed ({reason}): {message}"),
    }
}

fn class_of(error: &ApiError) -> Class {
    match error.code {
        401 | 403 => Class::Denied,
        409 => Class::Conflict,
        500 if error.message.starts_with("failed to create typed patch object") => Class::Invalid,
        404 | 408 | 429 | 500.. => Class::Unavailable,
        _ => Class::Invalid,
    }
}

impl Awaited {
    /// An object of a render.
    pub(super) fn of(object: &Object) -> Self {
        Self { id: object.id(), gvk: object.gvk().clone(), gone_is_done: is_job_with_ttl(object) }
    }
}
