use std::{
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use reqwest::Response;
use tokio::{sync::mpsc, time::Instant};

use super::{Client, Error};
use crate::{digest::Digest, limits, source::Failure, source::Trouble};

/// Pieces of an answer that wait to be read; each has some hundred kilobytes at most.
const AHEAD: usize = 8;

/// From so many bytes on a connection that breaks was worth its making.
const PROGRESS: u64 = 1024 * 1024;

/// A blob, read from some place in it. Nothing is asked for before the first byte is wanted, and what breaks is gone on
/// with from where it broke.
pub(super) struct Blob {
    client: Arc<Client>,
    digest: Digest,
    size: u64,
    at: u64,
    arriving: Option<mpsc::Receiver<Result<Bytes, Error>>>,
    piece: Bytes,
    ended: bool,
}

impl Blob {
    pub(super) fn new(client: Arc<Client>, digest: Digest, size: u64, at: u64) -> Self {
        Self { client, digest, size, at, arriving: None, piece: Bytes::new(), ended: false }
    }

    /// The next piece; none at the end.
    fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let client = &self.client;
        let arriving = self.arriving.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(AHEAD);
            let fetch = Fetch {
                client: Arc::clone(client),
                digest: self.digest,
                size: self.size,
                at: self.at,
                sender,
            };
            drop(client.runtime().spawn(fetch.run()));
            receiver
        });
        // The clock is asked only where there is something to wait for.
        match arriving.try_recv() {
            Ok(piece) => return piece.map(Some),
            Err(mpsc::error::TryRecvError::Disconnected) => return Ok(None),
            Err(mpsc::error::TryRecvError::Empty) => (),
        }
        self.client.wait(async { arriving.recv().await.transpose() })
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.client.give_way.is_asked() {
            return Err(Failure::new(self.client.gave_way()).into());
        }
        while self.piece.is_empty() && !self.ended && !buffer.is_empty() {
            match self.next() {
                Ok(Some(piece)) => self.piece = piece,
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Err(Failure::new(error).into());
                }
            }
        }
        let count = self.piece.len().min(buffer.len());
        if let Some(room) = buffer.get_mut(..count) {
            self.piece.copy_to_slice(room);
        }
        Ok(count)
    }
}

/// What fetches a blob while what came is read.
struct Fetch {
    client: Arc<Client>,
    digest: Digest,
    size: u64,
    at: u64,
    sender: mpsc::Sender<Result<Bytes, Error>>,
}

/// How an answer ended.
enum End {
    /// With the last byte of the blob.
    Whole,
    /// Nobody reads any more.
    Unread,
    /// Before it.
    Broken(Error),
}

impl Fetch {
    async fn run(mut self) {
        let mut broken = 0;
        loop {
            let before = self.at;
            let error = match self.once().await {
                Ok(End::Whole | End::Unread) => return,
                Ok(End::Broken(error)) => error,
                // What says no says it again.
                Err(error)
                    if broken == 0
                        || !matches!(
                            error,
                            Error::Network(Trouble::Unreachable { .. } | Trouble::Failing { .. })
                        ) =>
                {
                    drop(self.sender.send(Err(error)).await);
                    return;
                }
                Err(error) => error,
            };
            broken = if self.at.saturating_sub(before) >= PROGRESS { 1 } else { broken + 1 };
            if broken > limits::RECONNECTS {
                drop(self.sender.send(Err(error)).await);
                return;
            }
            // A server that starts anew needs a moment.
            tokio::time::sleep(Duration::from_millis(250) * broken).await;
        }
    }

    /// One answer, from where the last one ended.
    async fn once(&mut self) -> Result<End, Error> {
        let (mut response, mut skip) = self.client.blob(self.digest, self.size, self.at).await?;
        let mut pace = Pace::new(&self.client);
        loop {
            let mut piece = match pace.chunk(&mut response).await? {
                Ok(Some(piece)) => piece,
                Ok(None) if self.at == self.size => return Ok(End::Whole),
                Ok(None) => {
                    let (url, what) = (self.client.url().to_owned(), format!("blob {}", self.digest));
                    return Ok(End::Broken(Error::Short { url, what, size: self.size, found: self.at }));
                }
                Err(error) => return Ok(End::Broken(error)),
            };
            let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
            piece.advance(skipped);
            skip -= skipped as u64;
            if piece.len() as u64 > self.size.saturating_sub(self.at) {
                let (url, what) = (self.client.url().to_owned(), format!("blob {}", self.digest));
                return Err(Error::Network(Trouble::TooLarge { url, what, limit: self.size }));
            }
            self.at += piece.len() as u64;
            if !piece.is_empty() && self.sender.send(Ok(piece)).await.is_err() {
                return Ok(End::Unread);
            }
        }
    }
}

/// Whether a server sends as fast as it has to. Only the time counts in which it was waited for: a slow disk is not its
/// fault.
struct Pace<'a> {
    client: &'a Client,
    waited: Duration,
    came: u64,
}

impl<'a> Pace<'a> {
    fn new(client: &'a Client) -> Self {
        Self { client, waited: Duration::ZERO, came: 0 }
    }

    /// The next piece of an answer, or what it broke with.
    async fn chunk(&mut self, response: &mut Response) -> Result<Result<Option<Bytes>, Error>, Error> {
        let patience = self.client.patience;
        let begun = Instant::now();
        let Ok(chunk) = tokio::time::timeout(patience.pause, response.chunk()).await else {
            return Err(self.client.stalled("nothing more came", patience.pause));
        };
        self.waited += begun.elapsed();
        let chunk = chunk.map_err(|error| self.client.broken(&error));
        self.came += chunk.as_ref().ok().and_then(|it| it.as_ref()).map_or(0, |it| it.len() as u64);
        if self.waited >= patience.window {
            if self.came < patience.window_bytes && matches!(chunk, Ok(Some(_))) {
                let what = format!("only {} bytes came", self.came);
                return Err(self.client.stalled(what, patience.window));
            }
            (self.waited, self.came) = (Duration::ZERO, 0);
        }
        Ok(chunk)
    }
}
