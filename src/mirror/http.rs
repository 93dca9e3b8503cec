//! Connections, their limits, and bodies that are read from the disk while they are sent.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, request::Parts};
use hyper::{
    body::{Bytes, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tracing::debug;

use crate::limits;

/// How much is read and sent at once.
pub(super) const CHUNK: usize = 256 * 1024;

/// So many chunks wait for a client that reads slowly; more would only take memory.
const AHEAD: usize = 2;

/// A client that takes nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// The bytes of an answer.
#[derive(Debug, Default)]
pub struct Body {
    whole: Option<Bytes>,
    rest: Option<Rest>,
}

/// What is still to be read, and a thread that reads it.
struct Rest {
    left: u64,
    from: Source,
}

/// What sends a body.
type Fill = dyn FnOnce(&mut Filled<'_>) -> io::Result<()> + Send;

enum Source {
    Waiting(Box<Fill>),
    Reading(mpsc::Receiver<io::Result<Bytes>>),
    Ended,
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Body {
    /// A body of exactly `size` bytes that `fill` sends from a thread of its own, once somebody reads.
    pub(super) fn file(
        size: u64,
        fill: impl FnOnce(&mut Filled<'_>) -> io::Result<()> + Send + 'static,
    ) -> Self {
        Self { whole: None, rest: Some(Rest { left: size, from: Source::Waiting(Box::new(fill)) }) }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self { whole: Some(bytes.into()), rest: None }
    }
}

/// Where a body's thread sends.
pub(super) struct Filled<'a> {
    to: &'a mpsc::Sender<io::Result<Bytes>>,
    runtime: &'a tokio::runtime::Handle,
}

impl Filled<'_> {
    /// Sends some bytes; waits while the client has enough of them.
    ///
    /// # Errors
    /// When the client is gone, or takes nothing any more.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let bytes = Ok(Bytes::copy_from_slice(bytes));
        let sent = self.runtime.block_on(tokio::time::timeout(PATIENCE, self.to.send(bytes)));
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(whole) = self.whole.take() {
            return Poll::Ready(Some(Ok(Frame::data(whole))));
        }
        let Some(Rest { left, from }) = &mut self.rest else { return Poll::Ready(None) };
        if let Source::Waiting(_) = from {
            let (to, receiver) = mpsc::channel(AHEAD);
            if let Source::Waiting(fill) = std::mem::replace(from, Source::Reading(receiver)) {
                let runtime = tokio::runtime::Handle::current();
                tokio::task::spawn_blocking(move || {
                    let filled = fill(&mut Filled { to: &to, runtime: &runtime });
                    if let Err(error) = filled {
                        let _ = runtime.block_on(tokio::time::timeout(PATIENCE, to.send(Err(error))));
                    }
                });
            }
        }
        let Source::Reading(receiver) = from else { return Poll::Ready(None) };
        match std::task::ready!(receiver.poll_recv(context)) {
            Some(Ok(bytes)) => {
                *left = left.saturating_sub(bytes.len() as u64);
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Some(Err(error)) => {
                *from = Source::Ended;
                Poll::Ready(Some(Err(error)))
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.whole.is_none() && self.rest.as_ref().is_none_or(|it| it.left == 0)
    }

    fn size_hint(&self) -> SizeHint {
        let whole = self.whole.as_ref().map_or(0, |it| it.len() as u64);
        SizeHint::with_exact(whole + self.rest.as_ref().map_or(0, |it| it.left))
    }
}

/// Answers whoever connects, until it is dropped. `answer` may block.
pub async fn serve(listener: TcpListener, answer: impl Fn(&Parts) -> Response<Body> + Send + Sync + 'static) {
    let answer = Arc::new(answer);
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // Whoever comes when all places are taken waits in the kernel's queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                debug!("a connection could not be taken: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let answer = Arc::clone(&answer);
        connections.spawn(async move {
            let service = service_fn(|request| one(Arc::clone(&answer), request));
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
            builder.max_buf_size(limits::REQUEST_HEAD_BYTES);
            if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
                debug!("a connection ended: {error}");
            }
            drop(place);
        });
    }
}

async fn one<A>(answer: Arc<A>, request: Request<Incoming>) -> Result<Response<Body>, io::Error>
where
    A: Fn(&Parts) -> Response<Body> + Send + Sync + 'static,
{
    // What a client sends beyond the head is not read: nothing here takes anything in.
    let (parts, _) = request.into_parts();
    tokio::task::spawn_blocking(move || answer(&parts)).await.map_err(io::Error::other)
}
