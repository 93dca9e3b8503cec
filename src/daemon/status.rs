//! Telling how the node stands: to the journal, and in a file for other tools.

use std::path::{Path, PathBuf};

use tracing::{info, warn};

use crate::{reconcile::Status, trust::state::Held};

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

/// One line for each thing that an operator would ask about and that is another than it was.
pub(super) fn tell(before: Option<&Status>, now: &Status) {
    for channel in &now.channels {
        let known = before.and_then(|it| it.channels.iter().find(|it| it.channel == channel.channel));
        let name = &channel.channel;
        let digest = |held: Option<Held>| held.map(|it| it.digest);
        if let Some(active) = channel.active
            && digest(known.and_then(|it| it.active)) != Some(active.digest)
        {
            info!(channel = %name, bundle = %active.position, "active");
        }
        if let Some(good) = channel.last_good
            && digest(known.and_then(|it| it.last_good)) != Some(good.digest)
        {
            info!(channel = %name, bundle = %good.position, "healthy as a whole");
        }
        if let Some(report) =
            channel.waiting.as_ref().filter(|it| known.and_then(|it| it.waiting.as_ref()) != Some(*it))
        {
            warn!(channel = %name, code = report.code, "staged, and not active: {}", report.error);
        }
        if let Some(report) =
            channel.failure.as_ref().filter(|it| known.and_then(|it| it.failure.as_ref()) != Some(*it))
        {
            warn!(channel = %name, code = report.code, "{}", report.error);
        }
        for entry in &channel.entries {
            let known = known.and_then(|it| it.entries.iter().find(|it| it.entry == entry.entry));
            if known.is_some_and(|it| it.phase == entry.phase && it.message == entry.message) {
                continue;
            }
            let (phase, entry_name) = (entry.phase.as_str(), &entry.entry);
            match &entry.failure {
                Some(report) => {
                    warn!(channel = %name, entry = %entry_name, code = report.code, "{phase}: {}", report.error);
                }
                None => info!(channel = %name, entry = %entry_name, "{phase}: {}", entry.message),
            }
        }
    }
}
