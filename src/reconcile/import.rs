//! Sticks, directories, tars and volumes: whatever lies at the paths that somebody named.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    accept::{self, Accepted, Damage, OnBytes, Terms},
    card::{self, Told as Card},
    memory::Lend,
    receipt, successor,
};
use crate::{
    bundle::{Floor, Medium},
    fault::{Class, Fault, Report},
    source::{self, Left, Volumes, find, leave},
    store::Store,
};

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// One for each bundle that was found, in the order in which they were taken.
    pub media: Vec<MediumReport>,
}

/// What came of one bundle on one medium, or on several volumes of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MediumReport {
    /// How people call it.
    pub medium: String,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Where the want-list lies, or its words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub want: Option<String>,
}

/// Taken, or refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It was taken, whole or in part.
    Accepted(Box<Accepted>),
    /// It is a latest card, and tells how far a channel is.
    Told(Card),
    /// It was not.
    Refused(Report),
}

impl Imported {
    /// The first refusal, where there is one.
    pub fn refusal(&self) -> Option<&Report> {
        self.media.iter().find_map(|it| match &it.verdict {
            Verdict::Refused(report) => Some(report),
            Verdict::Accepted(_) | Verdict::Told(_) => None,
        })
    }
}

/// Imports what lies at `paths`. Volumes of one bundle are put together across all of them, and several bundles of a
/// channel are taken in the order of their numbers.
pub fn import(
    store: &Store,
    memory: &mut impl Lend,
    terms: &Terms,
    paths: &[PathBuf],
    now: Timestamp,
    progress: &OnBytes,
) -> Imported {
    let mut imported = Imported::default();
    let mut media = Vec::new();
    for path in paths {
        match find(path) {
            Ok(found) => {
                for error in &found.refused {
                    refuse(store, memory, &mut imported, path.display().to_string(), error, None, now);
                }
                for (label, bytes) in found.cards {
                    match card::learn(store, memory, terms, &label, bytes, now) {
                        Ok(told) => {
                            let verdict = Verdict::Told(told);
                            imported.media.push(MediumReport { medium: label, verdict, want: None });
                        }
                        Err(error) => refuse(store, memory, &mut imported, label, &error, None, now),
                    }
                }
                media.extend(found.media);
            }
            Err(error) => refuse(store, memory, &mut imported, path.display().to_string(), &error, None, now),
        }
    }
    let mut groups = Vec::new();
    for (label, group) in Volumes::sort(media) {
        match group {
            Ok(volumes) => groups.push(volumes),
            Err(error) => refuse(store, memory, &mut imported, label, &error, None, now),
        }
    }
    if let Some(error) = mixed(&groups) {
        refuse(
            store,
            memory,
            &mut imported,
            groups.iter().map(|it| it.label()).collect::<Vec<_>>().join(", "),
            &error,
            None,
            now,
        );
        return imported;
    }
    let mut ranked: Vec<(Option<Floor>, Volumes)> = groups
        .into_iter()
        .map(|volumes| (accept::preview(store, memory, terms, &volumes, now).ok(), volumes))
        .collect();
    ranked.sort_by_key(|(position, _)| *position);
    for (_, volumes) in ranked {
        let told = Told::All(paths.first().map(PathBuf::as_path));
        imported.media.push(volumes_in(store, memory, terms, &volumes, told, now, progress));
    }
    imported
}

/// Takes in the one bundle that a place on the network gave. `told` is what was wrong with the place when it was asked
/// before: what is still wrong is written down once.
pub(super) fn take(
    store: &Store,
    memory: &mut impl Lend,
    terms: &Terms,
    medium: Arc<dyn Medium>,
    told: Option<&Report>,
    now: Timestamp,
    progress: &OnBytes,
) -> MediumReport {
    let label = medium.label();
    match Volumes::new(vec![medium]) {
        Ok(volumes) => volumes_in(store, memory, terms, &volumes, Told::ButFor(told), now, progress),
        Err(error) => refused(store, memory, label, &error, None, Told::ButFor(told), now),
    }
}

/// What is written down of an import.
#[derive(Clone, Copy)]
enum Told<'a> {
    /// Everything; and what is missing is left at this path, too.
    All(Option<&'a Path>),
    /// Everything but this, which was written down before.
    ButFor(Option<&'a Report>),
}

/// Takes in one bundle.
fn volumes_in(
    store: &Store,
    memory: &mut impl Lend,
    terms: &Terms,
    volumes: &Volumes,
    told: Told<'_>,
    now: Timestamp,
    progress: &OnBytes,
) -> MediumReport {
    let label = volumes.label();
    let error = match accept::accept(store, memory, terms, volumes, now, progress) {
        Ok(accepted) => {
            let want = match (&accepted, told) {
                (Accepted::Incomplete { want, damaged, .. }, told) => {
                    let lacks = incomplete(&label, damaged);
                    if !matches!(told, Told::ButFor(Some(before)) if *before == lacks) {
                        // What is missing is told here as well, so a receipt that cannot be written loses nothing.
                        let body = receipt::accepted(&accepted, volumes);
                        let _ = memory.lend(|memory| memory.change(store, now, &body, |_| ()));
                    }
                    match told {
                        Told::All(path) => path.map(|path| left(path, want.clone(), volumes)),
                        Told::ButFor(_) => Some(want.words(Some(volumes))),
                    }
                }
                (Accepted::Held(_) | Accepted::Staged(_), _) => None,
            };
            let verdict = Verdict::Accepted(Box::new(accepted));
            return MediumReport { medium: label, verdict, want };
        }
        Err(error) => error,
    };
    let mut report = refused(store, memory, label, &error, Some(volumes.payload()), told, now);
    if let Verdict::Refused(report) = &mut report.verdict
        && report.code == "agent"
        && let Ok(Some(next)) = memory.lend(|memory| successor::of(memory, volumes))
    {
        report.hint = Some(format!(
            "it brings agent {}: `airlock extract --agent --from {} --to PATH` writes it",
            next.version,
            volumes.label()
        ));
    }
    report
}

/// What is wrong with a medium whose bundle is not whole: other content is worse than none.
pub fn incomplete(medium: &str, damaged: &[Damage]) -> Report {
    let because = damaged.iter().map(|it| it.what.clone()).collect();
    if !damaged.iter().any(|it| it.other) {
        let hint = "bring the missing discs, or ask the builder for what the want-list names";
        let error = format!("{medium} does not carry the whole bundle");
        return Report { because, ..Report::new("missing", Class::Unavailable, error, Some(hint)) };
    }
    let hint = "what is good was kept; ask for the bundle again, and ask the courier where this medium was";
    let error = format!("{medium} holds something else than was signed");
    Report { because, ..Report::new("tampered", Class::Denied, error, Some(hint)) }
}

/// Volumes that lack others, of two bundles: discs of two sets were mixed up, and taking either would make it look as
/// if that were right.
fn mixed(groups: &[Volumes]) -> Option<source::Error> {
    let lacking = |it: &&Volumes| it.absent().is_some_and(|(absent, _)| !absent.is_empty());
    let mut lacking = groups.iter().filter(lacking);
    let (first, second) = (lacking.next()?, lacking.next()?);
    let what = "bundle.dsse".to_owned();
    Some(source::Error::Mixed { first: first.label(), second: second.label(), what })
}

fn left(path: &Path, want: source::Want, volumes: &Volumes) -> String {
    let words = want.words(Some(volumes));
    match leave(path, want, Some(volumes)) {
        Ok(Left::Written(path)) => format!("{words}; the list is on the medium: {}", path.display()),
        Ok(Left::Words(words)) => words,
        Err(error) => format!("{words}; the list could not be left on the medium: {error}"),
    }
}

fn refuse(
    store: &Store,
    memory: &mut impl Lend,
    imported: &mut Imported,
    medium: String,
    fault: &dyn Fault,
    payload: Option<crate::digest::Digest>,
    now: Timestamp,
) {
    imported.media.push(refused(store, memory, medium, fault, payload, Told::All(None), now));
}

fn refused(
    store: &Store,
    memory: &mut impl Lend,
    medium: String,
    fault: &dyn Fault,
    payload: Option<crate::digest::Digest>,
    told: Told<'_>,
    now: Timestamp,
) -> MediumReport {
    let report = Report::of(fault);
    // What may pass by itself is no decision.
    let passes = |report: &Report| report.class == Class::Unavailable;
    if !matches!(told, Told::ButFor(before) if before == Some(&report) || passes(&report)) {
        // A refusal stands whether or not the disk has room for a line about it.
        let body = receipt::refused(&report, &medium, payload);
        let _ = memory.lend(|memory| memory.change(store, now, &body, |_| ()));
    }
    MediumReport { medium, verdict: Verdict::Refused(report), want: None }
}
