//! Connections that end when their process stood still.
//!
//! A node may write while it holds the Lease, and asks before each write. A process that is frozen between that answer and the bytes
//! goes on long after another node has taken over, and nothing on the server's side refuses it then. So what was decided before a
//! standstill is not sent after it: a request carries the [`Mark`] of its decision, and a connection looks directly before each
//! `write(2)` whether the process has stood still since it was opened.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll},
    thread,
    time::Duration,
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use rustix::time::{ClockId, clock_gettime};
use tower::Service;

/// How often a thread of its own notes that the process goes on.
const BEAT: Duration = Duration::from_millis(500);

/// A gap this long is a standstill: more than a busy machine makes, and a quarter of what a Lease lasts.
const STANDSTILL: Duration = Duration::from_secs(3);

/// When the process was last seen to go on, in milliseconds of the boot clock, and how often it stood still before that.
struct Heartbeat {
    last: AtomicU64,
    standstills: AtomicU64,
}

/// How often the process had stood still at some moment. Two that differ have a standstill between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(u64);

impl Mark {
    pub(super) fn now() -> Self {
        let heartbeat = heartbeat();
        // One that the thread has not seen yet counts, too: it may wake last.
        let unseen = gap(heartbeat) > STANDSTILL;
        Self(heartbeat.standstills.load(SeqCst) + u64::from(unseen))
    }

    /// That the process went on all the time since.
    ///
    /// # Errors
    /// When it stood still.
    pub(super) fn check(self) -> io::Result<()> {
        if self == Self::now() {
            return Ok(());
        }
        Err(io::Error::other("this process stood still before it sent what it had decided on"))
    }
}

/// The process' own; its thread begins with the first question.
fn heartbeat() -> &'static Heartbeat {
    static HEARTBEAT: OnceLock<Heartbeat> = OnceLock::new();
    HEARTBEAT.get_or_init(|| {
        thread::spawn(beat);
        Heartbeat { last: AtomicU64::new(now()), standstills: AtomicU64::new(0) }
    })
}

fn beat() {
    loop {
        let heartbeat = heartbeat();
        // Counted before it is forgotten, so that no moment looks like one before the standstill.
        if gap(heartbeat) > STANDSTILL {
            heartbeat.standstills.fetch_add(1, SeqCst);
        }
        heartbeat.last.store(now(), SeqCst);
        thread::sleep(BEAT);
    }
}

fn gap(heartbeat: &Heartbeat) -> Duration {
    // Read first: the other order would see a gap where the thread came in between.
    let last = heartbeat.last.load(SeqCst);
    Duration::from_millis(now().saturating_sub(last))
}

/// Milliseconds of the clock that goes on while the machine sleeps.
fn now() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    part(time.tv_sec) * 1000 + part(time.tv_nsec) / 1_000_000
}

/// Opens such connections.
#[derive(Clone, Debug)]
pub(super) struct Awake<C>(pub(super) C);

impl<C> Service<Uri> for Awake<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
{
    type Response = Guarded<C::Response>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // From before it is open: what waits for it is as old.
        let (opened, stream) = (Mark::now(), self.0.call(uri));
        Box::pin(async move { Ok(Guarded { opened, stream: stream.await? }) })
    }
}

/// A connection that is not written to once the process stood still.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    opened: Mark,
    stream: S,
}

impl<S: Read + Unpin> Read for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: Write + Unpin> Write for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.opened.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.opened.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }
}

impl<S: Connection> Connection for Guarded<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}
