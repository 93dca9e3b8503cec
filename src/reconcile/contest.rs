//! Objects that somebody else changes back as often as they are put right.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    fault::{Class, Report},
    object::{Object, ObjectId},
    plan::FIELD_MANAGER,
};

/// So often within so long an object is put back before that counts as a fight: a person who edits twice, or a controller
/// that settles, does less.
const TIMES: usize = 5;
const WINDOW: Duration = Duration::from_secs(60);

/// How long it is left alone then, at first and at last: every pause is twice the one before.
const PAUSE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));

/// A fight is forgotten when nothing had to be put back for so long after its pause.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// The fights of a node.
#[derive(Debug, Default)]
pub(super) struct Contests(BTreeMap<ObjectId, Contest>);

#[derive(Debug, Default)]
struct Contest {
    /// When it was put back.
    times: VecDeque<Instant>,
    /// How often it was given up.
    given_up: u32,
    /// It is left alone until then.
    until: Option<Instant>,
    /// Who wrote it last.
    by: Option<String>,
}

impl Contests {
    /// An object that was as it should be is not so any more, and is put back now.
    pub(super) fn put_back(&mut self, id: &ObjectId, live: Option<&Object>, now: Instant) {
        self.0.retain(|_, it| {
            let last = it.until.max(it.times.back().copied());
            last.is_some_and(|last| now.saturating_duration_since(last) < FORGOTTEN)
        });
        let contest = self.0.entry(id.clone()).or_default();
        contest.by = live.and_then(writer).or_else(|| contest.by.take());
        contest.times.push_back(now);
        contest.times.retain(|it| now.saturating_duration_since(*it) < WINDOW);
        if contest.times.len() >= TIMES {
            let pause = PAUSE.0.saturating_mul(1 << contest.given_up.min(16)).min(PAUSE.1);
            contest.given_up += 1;
            contest.until = Some(now + pause);
            contest.times.clear();
        }
    }

    /// The objects that are left alone now.
    pub(super) fn now(&self, now: Instant) -> BTreeSet<ObjectId> {
        let contested = self.0.iter().filter(|(_, it)| it.until.is_some_and(|until| now < until));
        contested.map(|(id, _)| id.clone()).collect()
    }

    /// Whether an object is left alone now.
    pub(super) fn has(&self, id: &ObjectId, now: Instant) -> bool {
        self.0.get(id).and_then(|it| it.until).is_some_and(|until| now < until)
    }

    /// The sentence about objects that are left alone.
    pub(super) fn report(&self, ids: &[ObjectId], now: Instant) -> Report {
        let told = |id: &ObjectId| {
            let contest = self.0.get(id);
            let by =
                contest.and_then(|it| it.by.as_deref()).map(|it| format!(" by `{it}`")).unwrap_or_default();
            let left =
                contest.and_then(|it| it.until).map_or(0, |it| it.saturating_duration_since(now).as_secs());
            format!(
                "{id} was put back {TIMES} times within {} s and changed again{by}; it is left alone for {left} s",
                WINDOW.as_secs()
            )
        };
        let texts: Vec<String> = ids.iter().map(told).collect();
        let hint = "two write the same fields: take them out of the bundle, stop the other one, or annotate the object with \
                    `kustomize.toolkit.fluxcd.io/ssa: IfNotPresent`; `airlock pause ENTRY` leaves the entry alone meanwhile";
        Report::new("contested", Class::Unavailable, texts.join("; "), Some(hint))
    }
}

/// Who wrote an object last, beside us.
fn writer(object: &Object) -> Option<String> {
    let entries = object.get(&["metadata", "managedFields"])?.as_array()?;
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let others = entries.iter().filter(|it| text(it, "manager") != FIELD_MANAGER);
    let newest = others.max_by_key(|it| text(it, "time"))?;
    Some(text(newest, "manager"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn live(manager: &str) -> Object {
        let fields = json!([
            {"manager": "early", "time": "2026-01-01T00:00:00Z"},
            {"manager": manager, "time": "2026-01-01T00:00:05Z"},
            {"manager": FIELD_MANAGER, "time": "2026-01-01T00:00:09Z"},
        ]);
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "n", "managedFields": fields}});
        Object::new(object, "test").unwrap()
    }

    #[test]
    fn pauses_grow_and_are_forgotten() {
        let (start, id) = (Instant::now(), live("x").id());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut contests = Contests::default();
        let mut begun = 0;
        for pause in [60, 120, 240] {
            for time in 0..4 {
                contests.put_back(&id, Some(&live("rival")), at(begun + time));
                assert!(!contests.has(&id, at(begun + time)));
            }
            contests.put_back(&id, None, at(begun + 4));
            assert!(contests.has(&id, at(begun + 4)) && contests.now(at(begun + 4)).contains(&id));
            assert!(contests.has(&id, at(begun + 3 + pause)) && !contests.has(&id, at(begun + 4 + pause)));
            begun += 4 + pause;
        }
        let told = contests.report(std::slice::from_ref(&id), at(begun));
        assert!(
            told.error
                .starts_with("ConfigMap/n/a was put back 5 times within 60 s and changed again by `rival`"),
            "{told:?}"
        );
        // Ten quiet minutes later it is as if nothing had been.
        contests.put_back(&id, None, at(begun + 700));
        assert_eq!(contests.0[&id].given_up, 0);
        // Edits by people are too far apart to be a fight.
        for time in 0..20 {
            contests.put_back(&id, None, at(begun + 1000 + 20 * time));
        }
        assert!(!contests.has(&id, at(begun + 1380)));
    }
}
