//! A watch: what changes after a point in the server's history, in its order.

use tokio::sync::mpsc;

use super::{Error, Metadata, ResourceVersion};

/// Events that may wait for their reader; a server drops a watcher that is slower, and so do we.
const BUFFER: usize = 1024;

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchEvent {
    /// It is new, or matches now.
    Added(Metadata),
    /// It is another version.
    Modified(Metadata),
    /// It is gone, or does not match any more; this is how it was last.
    Deleted(Metadata),
    /// Nothing happened up to here: a later watch may begin at this version.
    Bookmark(ResourceVersion),
}

impl WatchEvent {
    /// The version to go on from.
    pub fn resource_version(&self) -> Option<ResourceVersion> {
        match self {
            Self::Added(it) | Self::Modified(it) | Self::Deleted(it) => {
                it.as_object().resource_version().map(|version| ResourceVersion(version.to_owned()))
            }
            Self::Bookmark(version) => Some(version.clone()),
        }
    }
}

/// The receiving end. Dropping it ends the watch.
#[derive(Debug)]
pub struct Watch(mpsc::Receiver<Result<WatchEvent, Error>>);

impl Watch {
    /// A watch and the end that an implementation of the port feeds.
    pub fn channel() -> (WatchSender, Self) {
        let (sender, receiver) = mpsc::channel(BUFFER);
        (WatchSender(sender), Self(receiver))
    }

    /// The next event; nothing when the server ended the watch.
    ///
    /// # Errors
    /// Whatever ended it otherwise, [`Error::Gone`] above all.
    pub async fn next(&mut self) -> Option<Result<WatchEvent, Error>> {
        self.0.recv().await
    }
}

/// The sending end.
#[derive(Clone, Debug)]
pub struct WatchSender(mpsc::Sender<Result<WatchEvent, Error>>);

impl WatchSender {
    /// Hands an event on; false when nobody listens any more.
    pub async fn send(&self, event: Result<WatchEvent, Error>) -> bool {
        self.0.send(event).await.is_ok()
    }

    /// Waits until nobody listens any more.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}
