//! Places on the network: asked again and again, judged as sticks are, and never in the way of anything else.

use std::{path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    accept::{Accepted, OnBytes, Terms},
    import::{self, Imported, MediumReport, Verdict},
    node::{Node, lock},
};
use crate::{
    bundle::Floor,
    fault::{Class, Fault as _, Report, Retry},
    name::ChannelName,
    source::{Asked, Remote, Spec, Url},
};

/// A place that the node asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Where and how.
    pub spec: Spec,
    /// The one channel that it may feed; without, it may feed all that the node follows.
    pub channel: Option<ChannelName>,
    /// How often it is asked.
    pub interval: Duration,
}

/// How a place stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// Where.
    pub url: String,
    /// When it was asked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<Timestamp>,
    /// When it answered last with a bundle, new or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Timestamp>,
    /// The bundle that it had then, where it was one that this node takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Floor>,
    /// What is wrong with it or with its bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Report>,
}

/// A place and what is known of it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) followed: Followed,
    pub(super) status: SourceStatus,
    /// The mark of the answer that was taken in whole: nothing is to be done while the place gives the same.
    mark: Option<String>,
    /// How often it failed in a row.
    failed: u32,
}

impl Place {
    pub(super) fn new(followed: Followed) -> Self {
        let url = followed.spec.url.to_string();
        let status = SourceStatus { url, tried: None, answered: None, bundle: None, failure: None };
        Self { followed, status, mark: None, failed: 0 }
    }
}

/// The first pause after a failure that may pass; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Tells a place that its bundle was accepted. What is staged stays so, whether or not its place could be noted: the
/// floor is in the state, and a history that is not known from there is followed from the next bundle on.
fn keep(remote: &dyn Remote, mark: &str, report: &MediumReport) {
    if let Verdict::Accepted(accepted) = &report.verdict
        && matches!(**accepted, Accepted::Staged(_) | Accepted::Held(_))
        && let Err(failure) = remote.accepted(mark)
    {
        tracing::warn!(source = remote.url(), code = failure.code(), "{failure}");
    }
}

impl Node {
    /// The same node, with places that it asks.
    #[must_use]
    pub fn following(self, places: Vec<Followed>) -> Self {
        *lock(&self.places) = places.into_iter().map(Place::new).collect();
        self
    }

    /// The same node, which keeps the history of places that have one below its store.
    #[must_use]
    pub fn keeping(mut self, store: PathBuf) -> Self {
        self.objects = Some(store);
        self
    }

    /// How many places the node asks.
    pub fn sources(&self) -> usize {
        lock(&self.places).len()
    }

    /// How long until a place is asked again: at its interval, and sooner after a failure that may pass.
    pub fn source_pause(&self, index: usize) -> Duration {
        let places = lock(&self.places);
        let Some(place) = places.get(index) else { return Duration::MAX };
        let interval = place.followed.interval;
        match place.status.failure.as_ref().map(|it| it.class.retry()) {
            Some(Retry::Backoff | Retry::Now) => {
                FIRST_PAUSE.saturating_mul(1 << place.failed.saturating_sub(1).min(16)).min(interval)
            }
            Some(Retry::OnChange) | None => interval,
        }
    }

    /// Ends when a place should be asked whatever its interval: the cluster records a bundle that is not here.
    pub async fn lacks_a_bundle(&self) {
        self.behind.notified().await;
    }

    /// Asks a place because its time has come. Where it still has what was taken in, that is one request. Blocks.
    ///
    /// True where something came that a pass should look at.
    pub fn poll(&self, index: usize) -> bool {
        let Some((followed, mark)) =
            lock(&self.places).get(index).map(|it| (it.followed.clone(), it.mark.clone()))
        else {
            return false;
        };
        let report = self.ask(&followed, mark.as_deref(), &(Arc::new(|_, _| ()) as _));
        matches!(report.map(|it| it.verdict), Some(Verdict::Accepted(it)) if matches!(*it, Accepted::Staged(_)))
    }

    /// Asks places once, whatever they answered before: the one that is named, or else all that the node follows. Blocks.
    ///
    /// # Errors
    /// When none is named and none is followed.
    pub fn pull(&self, url: Option<Url>, progress: &OnBytes) -> Result<Imported, Report> {
        let known: Vec<Followed> = lock(&self.places).iter().map(|it| it.followed.clone()).collect();
        let wanted: Vec<Followed> = match url {
            None => known,
            Some(url) => vec![match known.iter().find(|it| it.spec.url == url) {
                Some(followed) => followed.clone(),
                None => {
                    let spec = Spec::like(url, known.into_iter().map(|it| it.spec));
                    let spec = Spec { objects: self.objects.clone(), ..spec };
                    Followed { spec, channel: None, interval: Duration::MAX }
                }
            }],
        };
        if wanted.is_empty() {
            return Err(Report::new(
                "no_source",
                Class::Invalid,
                "this node follows no place on the network",
                Some(
                    "name one, as in `airlock pull oci://registry/path:tag`, or list it under `sources` in airlock.yaml",
                ),
            ));
        }
        let media = wanted.iter().filter_map(|it| self.ask(it, None, progress)).collect();
        Ok(Imported { media })
    }

    /// Asks one place, takes in what it has, and notes how it went. None where it has nothing new.
    fn ask(&self, followed: &Followed, mark: Option<&str>, progress: &OnBytes) -> Option<MediumReport> {
        let url = followed.spec.url.to_string();
        let tried = self.now();
        let before = lock(&self.places)
            .iter()
            .find(|it| it.followed == *followed)
            .and_then(|it| it.status.failure.clone());
        let opened = followed.spec.open(&self.give_way);
        let asked = opened.and_then(|it| Ok((it.newest(mark)?, it)));
        let (mark, report) = match asked {
            Ok((Asked::Same, _)) => (None, None),
            Ok((Asked::Bundle { mark, medium }, remote)) => {
                let terms = self.terms_of(followed);
                let _importing = lock(&self.importing);
                let (store, memory) = (&self.store, &mut &self.memory);
                let quiet = before.as_ref();
                let report = import::take(store, memory, &terms, medium, quiet, tried, progress);
                keep(&*remote, &mark, &report);
                (Some(mark), Some(report))
            }
            Err(failure) => {
                let verdict = Verdict::Refused(Report::of(&failure));
                (None, Some(MediumReport { medium: url, verdict, want: None }))
            }
        };
        self.note_source(followed, tried, mark, report.as_ref());
        report
    }

    /// What bundles of a place are held against: those of its channel, where it has one.
    fn terms_of(&self, followed: &Followed) -> Terms {
        let mut terms = self.profile.terms.clone();
        if let Some(channel) = &followed.channel {
            for audience in &mut terms.audiences {
                audience.channels.retain(|it| it == channel);
            }
        }
        terms
    }

    fn note_source(
        &self,
        followed: &Followed,
        tried: Timestamp,
        mark: Option<String>,
        report: Option<&MediumReport>,
    ) {
        let mut places = lock(&self.places);
        let Some(place) = places.iter_mut().find(|it| it.followed == *followed) else { return };
        place.status.tried = Some(tried);
        let (answered, taking, failure) = match report.map(|it| &it.verdict) {
            None => {
                // Still the same, and that was taken in.
                place.status.answered = Some(tried);
                (place.status.failure, place.failed) = (None, 0);
                return;
            }
            Some(Verdict::Accepted(accepted)) => {
                let failure = match &**accepted {
                    Accepted::Incomplete { damaged, .. } => {
                        Some(import::incomplete(&place.status.url, damaged))
                    }
                    Accepted::Staged(_) | Accepted::Held(_) => None,
                };
                (true, Some(accepted.taking().position), failure)
            }
            Some(Verdict::Told(_)) => (true, None, None),
            Some(Verdict::Refused(report)) => (mark.is_some(), None, Some(report.clone())),
        };
        if answered {
            place.status.answered = Some(tried);
            place.status.bundle = taking;
        }
        place.mark = mark.filter(|_| failure.is_none());
        place.failed = if failure.is_some() { place.failed.saturating_add(1) } else { 0 };
        place.status.failure = failure;
    }

    /// What was taken in whole may not be whole any more, so what places have is looked at anew.
    pub(super) fn forget_marks(&self) {
        for place in lock(&self.places).iter_mut() {
            place.mark = None;
        }
    }

    pub(super) fn source_status(&self) -> Vec<SourceStatus> {
        lock(&self.places).iter().map(|it| it.status.clone()).collect()
    }
}
