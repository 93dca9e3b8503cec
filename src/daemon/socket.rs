//! The agent's Unix socket: JSON lines, one request a connection.
//!
//! ```text
//! client   {"request":"import","paths":["/media/stick"]}
//! agent    {"progress":["copying",1048576,4194304]}        any number of these
//! agent    {"reply":{…}}  or  {"fault":{…}}                 one of these, and the connection ends
//! ```
//!
//! Everybody in the socket's group may read; only uid 0 decides, by the kernel's word for who is at the other end.

use std::{os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::mpsc,
};

use super::control::{OnProgress, Reply, Request, answer};
use crate::{
    fault::{Class, Report},
    reconcile::Node,
};

/// A request that names a few paths is far below this.
const REQUEST_BYTES: u64 = 256 * 1024;

/// A client that says nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Progress(String, u64, u64),
    Reply(Box<Reply>),
    Fault(Report),
}

/// Opens the socket. A stale one, left by an agent that was killed, is replaced: the store's lock says that no other
/// agent runs.
///
/// # Errors
/// When the directory is not there or not ours.
pub fn listen(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => (),
    }
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// Answers one client.
pub async fn serve(node: Arc<Node>, stream: UnixStream) {
    let who = stream.peer_cred().map(|it| it.uid());
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(REQUEST_BYTES));
    let read = tokio::time::timeout(PATIENCE, reader.read_line(&mut line)).await;
    if !matches!(read, Ok(Ok(count)) if count > 0) {
        return;
    }
    let (sender, mut lines) = mpsc::unbounded_channel();
    let progress: OnProgress = {
        let (sender, last) = (sender.clone(), std::sync::atomic::AtomicU64::new(0));
        Arc::new(move |what, done, total| {
            // A line for each megabyte at most: the socket is no place for every read.
            let step = done >> 20;
            if last.swap(step, std::sync::atomic::Ordering::Relaxed) != step || done == total {
                let _ = sender.send(Line::Progress(what.to_owned(), done, total));
            }
        })
    };
    tokio::spawn(async move {
        let answered = match (serde_json::from_str::<Request>(&line), who) {
            (Err(error), _) => {
                Err(Report::new("request", Class::Invalid, format!("the request is none: {error}"), None))
            }
            (Ok(request), Ok(0)) => answer(&node, request, "root", progress).await,
            (Ok(request), Ok(uid)) if !request.decides() => {
                answer(&node, request, &format!("uid {uid}"), progress).await
            }
            (Ok(_), _) => Err(Report::new(
                "not_root",
                Class::Denied,
                "only root decides what this node takes and runs",
                Some("run the command with sudo"),
            )),
        };
        let _ = sender.send(match answered {
            Ok(reply) => Line::Reply(Box::new(reply)),
            Err(report) => Line::Fault(report),
        });
    });
    while let Some(line) = lines.recv().await {
        let Ok(mut bytes) = serde_json::to_vec(&line) else { return };
        bytes.push(b'\n');
        // A client that went away does not stop what it began.
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Asks the agent; none where no agent listens.
///
/// # Errors
/// What the agent says against it, or what the connection says.
pub async fn ask(path: &Path, request: &Request, progress: OnProgress) -> Option<Result<Reply, Report>> {
    let stream = UnixStream::connect(path).await.ok()?;
    Some(converse(stream, request, progress).await)
}

async fn converse(stream: UnixStream, request: &Request, progress: OnProgress) -> Result<Reply, Report> {
    let broken = |error: std::io::Error| {
        let hint = "`systemctl status airlock` says whether the agent still runs; what it accepted is kept";
        Report::new("agent_gone", Class::Unavailable, format!("the agent went away: {error}"), Some(hint))
    };
    let (reader, mut writer) = stream.into_split();
    let mut bytes = serde_json::to_vec(request).expect("requests always serialise");
    bytes.push(b'\n');
    writer.write_all(&bytes).await.map_err(broken)?;
    let mut lines = BufReader::new(reader).lines();
    while let Some(line) = lines.next_line().await.map_err(broken)? {
        match serde_json::from_str(&line).map_err(std::io::Error::other).map_err(broken)? {
            Line::Progress(what, done, total) => progress(&what, done, total),
            Line::Reply(reply) => return Ok(*reply),
            Line::Fault(report) => return Err(report),
        }
    }
    Err(broken(std::io::ErrorKind::UnexpectedEof.into()))
}
