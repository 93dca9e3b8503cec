//! Telling how the node stands: to the journal, and in a file for other tools.

use std::path::{Path, PathBuf};

use tracing::warn;

use crate::reconcile::Status;

/// The status for other tools, beside the socket. It tells nothing that may not be lost.
pub fn write_status(socket: &Path, status: &Status) {
    let Some((path, bytes)) = status_file(socket).zip(serde_json::to_vec_pretty(status).ok()) else { return };
    let part = path.with_extension("json.part");
    if std::fs::write(&part, bytes).is_ok() {
        let _ = std::fs::rename(&part, path);
    }
}

/// The status that was written last, where there is one that can be read.
pub fn read_status(socket: &Path) -> Option<Status> {
    serde_json::from_slice(&std::fs::read(status_file(socket)?).ok()?).ok()
}

fn status_file(socket: &Path) -> Option<PathBuf> {
    Some(socket.parent()?.join("status.json"))
}

/// One line for each thing that an operator would ask about.
pub(super) fn tell(status: &Status) {
    for channel in &status.channels {
        if let Some(report) = &channel.waiting {
            warn!(channel = %channel.channel, code = report.code, "staged, and not active: {}", report.error);
        }
        if let Some(report) = &channel.failure {
            warn!(channel = %channel.channel, code = report.code, "{}", report.error);
        }
        for entry in &channel.entries {
            match &entry.failure {
                Some(report) => {
                    warn!(entry = %entry.entry, code = report.code, "{}: {}", entry.phase.as_str(), report.error)
                }
                None => tracing::debug!(entry = %entry.entry, "{}: {}", entry.phase.as_str(), entry.message),
            }
        }
    }
}
