//! Which node writes: the one that holds the Lease of the cluster.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::node::{Node, lock};
use crate::{
    cluster::{
        Cluster, Error,
        execute::prepare,
        lease::{Elector, Moment, Outcome, Term},
    },
    fault::{Class, Report},
    plan::NAMESPACE,
};

/// The Lease's name; it lies in the agent's own namespace.
const LEASE: &str = "airlock";

/// How long a node that is silent still holds the Lease: with what it takes another one to look, to learn what was decided, and
/// to compare a large bundle, its first write comes within 20 s.
const DURATION: Duration = Duration::from_secs(12);

/// How often the Lease is renewed: two attempts may fail before it is lost.
const RENEWAL: Duration = Duration::from_secs(4);

/// How often another node looks whether it is free. client-go's election looks as often.
const LOOK: Duration = Duration::from_secs(2);

/// How often a node that does not lead looks what was decided.
const NEWS: Duration = Duration::from_secs(30);

/// This node's part in the election.
pub(super) struct Candidate {
    /// The machine's name, for people.
    host: String,
    elector: tokio::sync::Mutex<Elector>,
    /// What it won last. Writers look at it without waiting for a request.
    term: Mutex<Option<(Term, Instant)>>,
    /// Who held it when it was looked at last, where that was another.
    holder: Mutex<Option<String>>,
}

impl Node {
    /// The same node, which writes only while it holds the Lease. `identity` is another one for each node of the cluster.
    #[must_use]
    pub fn elected_as(mut self, identity: &str) -> Self {
        let elector = Elector::new(NAMESPACE, LEASE, identity, DURATION);
        let elector = tokio::sync::Mutex::new(elector);
        let host = identity.split('_').next().unwrap_or_default().to_owned();
        let candidate = Candidate { host, elector, term: Mutex::default(), holder: Mutex::default() };
        self.candidate = Some(candidate);
        self
    }

    /// Whether this node may write now. One that has no part in an election is alone.
    pub(super) fn leads(&self) -> bool {
        let Some(candidate) = &self.candidate else { return true };
        let term = *lock(&candidate.term);
        !self.is_stopped() && term.is_some_and(|(term, _)| term.holds(self.moment()))
    }

    /// The name of this machine, where several keep one cluster.
    pub(super) fn host(&self) -> &str {
        self.candidate.as_ref().map_or("", |it| &it.host)
    }

    /// Which other node writes, as far as is known.
    pub(super) fn led_by(&self) -> Option<String> {
        self.candidate.as_ref().and_then(|it| lock(&it.holder).clone())
    }

    /// The same question for whoever outlives a borrow.
    pub(super) fn still_leader(self: &Arc<Self>) -> Arc<dyn Fn() -> bool + Send + Sync> {
        let node = Arc::clone(self);
        Arc::new(move || node.leads())
    }

    /// Takes the Lease, or renews it where that is due.
    ///
    /// # Errors
    /// `not_leader` while another node holds it, or this one is about to stop.
    pub(super) async fn lead(&self, cluster: &Arc<dyn Cluster>) -> Result<(), Report> {
        let Some(candidate) = &self.candidate else { return Ok(()) };
        if self.is_stopped() {
            return Err(Report::new("not_leader", Class::Unavailable, "this node is about to stop", None));
        }
        let fresh = lock(&candidate.term).is_some_and(|(_, since)| since.elapsed() < RENEWAL);
        if fresh && self.leads() {
            return Ok(());
        }
        match self.stand(candidate, cluster).await? {
            Outcome::Held(_) => Ok(()),
            Outcome::HeldBy(holder) => {
                let holder =
                    if holder.is_empty() { "another node".to_owned() } else { format!("node `{holder}`") };
                let error = format!("{holder} keeps the cluster; this one takes over when that one is gone");
                let hint = "what is to be applied now must be imported there, too";
                Err(Report::new("not_leader", Class::Unavailable, error, Some(hint)))
            }
        }
    }

    /// One attempt, in less time than what it is about lasts. Who does not know what was decided does not stand.
    async fn stand(&self, candidate: &Candidate, cluster: &Arc<dyn Cluster>) -> Result<Outcome, Report> {
        let mut elector = candidate.elector.lock().await;
        let now = self.moment();
        if !self.has_something_to_keep() {
            // Whoever held it now would keep others from what they have.
            return Ok(Outcome::HeldBy(String::new()));
        }
        if !elector.leads(now) {
            *lock(&candidate.term) = None;
            self.joined.store(false, std::sync::atomic::Ordering::Relaxed);
            let looked = tokio::time::timeout(RENEWAL, elector.holder(&**cluster, now)).await;
            let holder = looked.unwrap_or_else(silent)?;
            lock(&candidate.holder).clone_from(&holder);
            if let Some(holder) = holder {
                return Ok(Outcome::HeldBy(holder));
            }
            self.join(cluster).await?;
        }
        let (now, since) = (self.moment(), Instant::now());
        let attempt = async {
            match elector.try_acquire_or_renew(&**cluster, now).await {
                // The very first node of a cluster makes the namespace.
                Err(Error::NotFound(_)) => {
                    prepare(&**cluster).await?;
                    elector.try_acquire_or_renew(&**cluster, now).await
                }
                outcome => outcome,
            }
        };
        let outcome = tokio::time::timeout(RENEWAL, attempt).await.unwrap_or_else(silent)?;
        let (term, holder) = match &outcome {
            Outcome::Held(term) => (Some((*term, since)), None),
            Outcome::HeldBy(holder) => (None, Some(holder.clone()).filter(|it| !it.is_empty())),
        };
        (*lock(&candidate.term), *lock(&candidate.holder)) = (term, holder);
        Ok(outcome)
    }

    fn has_something_to_keep(&self) -> bool {
        let states = self.own_channels().into_iter().map(|channel| self.channel_state(&channel));
        states.into_iter().any(|state| state.active.or(state.staged).is_some())
    }

    /// Gives the Lease up, so that another node need not wait for its end.
    pub async fn resign(&self) {
        let (Some(candidate), Some(cluster)) = (&self.candidate, &self.cluster) else { return };
        *lock(&candidate.term) = None;
        let released = async { candidate.elector.lock().await.release(&**cluster, self.moment()).await };
        // Where nobody answers, it ends by itself.
        let _ = tokio::time::timeout(RENEWAL, released).await;
    }

    fn moment(&self) -> Moment {
        Moment { wall: self.now(), steady: Instant::now() }
    }
}

/// Renews the Lease, or tries to get it, until the task is ended; wakes the node when it is won.
pub async fn elect(node: Arc<Node>) {
    let (Some(candidate), Ok(cluster)) = (&node.candidate, node.cluster()) else { return };
    let mut led = false;
    let mut told = String::new();
    let mut woken = Instant::now();
    loop {
        if !node.is_stopped() {
            let came = match node.stand(candidate, &cluster).await {
                Ok(Outcome::Held(_)) => String::new(),
                Ok(Outcome::HeldBy(holder)) => holder,
                Err(report) => report.code,
            };
            // The next pass says what is different; and now and then what the leader decided meanwhile.
            if came != told || (!node.leads() && woken.elapsed() >= NEWS) {
                (told, woken) = (came, Instant::now());
                node.wake();
            }
        }
        let leads = node.leads();
        if leads && !led {
            tracing::info!("this node keeps the cluster");
            node.wake();
        } else if led && !leads {
            tracing::warn!("this node does not keep the cluster any more");
        }
        led = leads;
        tokio::time::sleep(if leads { RENEWAL } else { LOOK }).await;
    }
}

fn silent<T>(_: tokio::time::error::Elapsed) -> Result<T, Error> {
    let reason = format!("the Lease is not answered for within {} s", RENEWAL.as_secs());
    Err(Error::Unavailable { reason, status: None, source: None })
}
