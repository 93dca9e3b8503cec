//! What may be asked of an agent, over its socket or in the same process: one list of requests, one way to answer.

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    bundle::Floor,
    digest::Digest,
    duration::GoDuration,
    fault::{Class, Report},
    name::{ChannelName, EntryName},
    reconcile::{self, Kept, Node, Subject},
    trust::state::{Held, Hold},
};

/// A request. Those that decide are for uid 0 alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "lowercase")]
pub enum Request {
    /// How the node stands.
    Status,
    /// What was decided.
    History,
    /// Take in what lies at these paths.
    Import {
        /// Absolute paths.
        paths: Vec<PathBuf>,
    },
    /// Ask places on the network.
    Pull {
        /// The one to ask; all that are configured without.
        source: Option<String>,
    },
    /// Let a staged bundle become active.
    Activate {
        /// The channel.
        channel: ChannelName,
    },
    /// Go back to a kept bundle.
    Rollback {
        /// The channel.
        channel: ChannelName,
        /// Which one; the last good one where it is not said.
        to: Option<Floor>,
    },
    /// Waive one refusal.
    Approve {
        /// The digest that the refusal printed.
        digest: Digest,
    },
    /// Hold a channel, or pause an entry.
    Pause {
        /// The channel.
        channel: ChannelName,
        /// The entry.
        entry: Option<EntryName>,
        /// For how long.
        r#for: Option<GoDuration>,
        /// Why.
        reason: String,
    },
    /// End a hold or a pause.
    Resume {
        /// The channel.
        channel: ChannelName,
        /// The entry.
        entry: Option<EntryName>,
    },
    /// One pass now.
    Reconcile {
        /// Of one entry alone.
        entry: Option<EntryName>,
    },
    /// What would change: by the staged bundle, or else by the active one.
    Diff {
        /// The channel.
        channel: ChannelName,
    },
    /// The objects that give the agent its rights in the cluster.
    Rights {
        /// The service account, as `NAMESPACE/NAME`, or the user that the agent is to the server.
        subject: String,
    },
    /// Collect what no kept bundle names.
    Gc {
        /// Only tell what would go.
        dry_run: bool,
    },
    /// Hash everything again.
    Fsck,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// How the node stands.
    Status(Box<reconcile::Status>),
    /// What was decided.
    History(reconcile::History),
    /// What came of an import.
    Imported(reconcile::Imported),
    /// A bundle that was chosen.
    Chosen(Held),
    /// What would change.
    Diff(reconcile::Preview),
    /// The objects that give the agent its rights.
    Rights(Vec<serde_json::Value>),
    /// What was collected, or would be.
    Collected(reconcile::Collected),
    /// What a check found.
    Checked(reconcile::CheckedStore),
    /// What is kept.
    Kept(Vec<Kept>),
    /// It is done.
    Done,
}

/// Hears how far long work is: what, how much, of how much.
pub type OnProgress = Arc<dyn Fn(&str, u64, u64) + Send + Sync>;

impl Request {
    /// Whether it decides something, which only uid 0 may.
    pub fn decides(&self) -> bool {
        !matches!(self, Self::Status | Self::History | Self::Diff { .. } | Self::Rights { .. })
    }
}

/// Answers a request. `who` is written into receipts.
///
/// # Errors
/// Whatever the node says against it.
pub async fn answer(
    node: &Arc<Node>,
    request: Request,
    who: &str,
    progress: OnProgress,
) -> Result<Reply, Report> {
    Ok(match request {
        Request::Status => Reply::Status(Box::new(node.status(node.now()))),
        Request::History => Reply::History(node.history()?),
        Request::Import { paths } => {
            let working = Arc::clone(node);
            let bytes: reconcile::accept::OnBytes =
                Arc::new(move |done, total| progress("copying", done, total));
            let imported = blocking(move || working.import(&paths, working.now(), &bytes)).await;
            node.wake();
            Reply::Imported(imported)
        }
        Request::Pull { source } => {
            let wrong = |why: String| Report::new("source_url", Class::Invalid, why, None);
            let url = source.map(|it| it.parse().map_err(wrong)).transpose()?;
            let working = Arc::clone(node);
            let bytes: reconcile::accept::OnBytes =
                Arc::new(move |done, total| progress("copying", done, total));
            let imported = blocking(move || working.pull(url, &bytes)).await?;
            node.wake();
            Reply::Imported(imported)
        }
        Request::Activate { channel } => {
            let chosen = node.activate(&channel, who, node.now())?;
            node.wake();
            Reply::Chosen(chosen)
        }
        Request::Rollback { channel, to } => {
            let chosen = node.roll_back(&channel, to, who)?;
            node.wake();
            Reply::Chosen(chosen)
        }
        Request::Approve { digest } => {
            node.approve(digest, who, node.now())?;
            node.wake();
            Reply::Done
        }
        Request::Pause { channel, entry, r#for, reason } => {
            let now = node.now();
            let until = r#for.and_then(|it| now.checked_add(it.0).ok());
            let hold = Hold { who: who.to_owned(), why: reason, until };
            node.pause(&channel, entry.as_ref(), hold, now)?;
            Reply::Done
        }
        Request::Resume { channel, entry } => {
            node.resume(&channel, entry.as_ref(), who, node.now())?;
            node.wake();
            Reply::Done
        }
        Request::Reconcile { entry } => {
            if let Some(entry) = &entry {
                node.check_entry(entry)?;
            }
            // Whoever asks wants it looked at, whatever was heard.
            node.doubt();
            node.reconcile(entry.as_ref()).await;
            Reply::Status(Box::new(node.status(node.now())))
        }
        Request::Diff { channel } => Reply::Diff(node.preview(&channel).await?),
        Request::Rights { subject } => {
            let subject = match subject.split_once('/') {
                Some((namespace, name)) => {
                    Subject::Account { namespace: namespace.to_owned(), name: name.to_owned() }
                }
                None => Subject::User(subject),
            };
            Reply::Rights(node.rights(&subject).await?)
        }
        Request::Gc { dry_run } => {
            let working = Arc::clone(node);
            Reply::Collected(blocking(move || working.collect(dry_run, working.now())).await?)
        }
        Request::Fsck => {
            let working = Arc::clone(node);
            Reply::Checked(blocking(move || working.check(&*progress)).await?)
        }
    })
}

/// Runs work that blocks on a thread of its own, so that the agent goes on meanwhile.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
