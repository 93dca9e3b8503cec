//! Taking in what is mounted or copied where sticks are expected.

use std::{path::Path, sync::Arc, time::Duration};

use tracing::{info, warn};

use crate::{
    reconcile::{Node, Verdict},
    source::Watch,
};

/// How often a directory of media is asked where nothing is heard; also how long a stop may take to be noticed there.
const MEDIA_WAIT: Duration = Duration::from_secs(5);

/// A medium that was written to a moment ago is still being copied: file managers write `bundle.dsse` before `trust/`.
const QUIET: Duration = Duration::from_secs(2);

/// Takes in what is mounted or copied below a directory.
pub(super) fn watch_media(node: &Arc<Node>, directory: &Path) {
    let mut watch = match Watch::new(directory) {
        Ok(watch) => watch,
        Err(error) => {
            warn!("{} is not watched: {error}", directory.display());
            return;
        }
    };
    let mut heard = true;
    while !node.is_stopped() {
        match watch.wait(Some(if heard { QUIET } else { MEDIA_WAIT })) {
            Ok(events) if !events.is_empty() => heard = true,
            // Nothing came for a while after something had: now it is whole, as far as anybody can tell.
            Ok(_) if heard => {
                heard = false;
                take_media(node, directory);
            }
            Ok(_) => (),
            Err(error) => {
                warn!("{} cannot be watched: {error}", directory.display());
                std::thread::sleep(MEDIA_WAIT);
            }
        }
    }
}

fn take_media(node: &Arc<Node>, directory: &Path) {
    let mounts = crate::source::mounts_below(directory).unwrap_or_default();
    let mut paths: Vec<std::path::PathBuf> = mounts.into_iter().map(|it| it.point).collect();
    if paths.is_empty() {
        paths.push(directory.to_owned());
    }
    for path in paths {
        if crate::source::find(&path).is_err() {
            continue;
        }
        let imported = node.import(&[path], node.now(), &(Arc::new(|_, _| ()) as _));
        for medium in &imported.media {
            match &medium.verdict {
                Verdict::Accepted(accepted) => {
                    info!(medium = medium.medium, outcome = accepted.word(), "taken in")
                }
                Verdict::Told(told) => {
                    info!(card = medium.medium, channel = %told.channel, newest = %told.position, "a card was read");
                }
                Verdict::Refused(report) => {
                    warn!(medium = medium.medium, code = report.code, "refused: {}", report.error)
                }
            }
            if let Some(want) = &medium.want {
                warn!(medium = medium.medium, "{want}");
            }
        }
        node.wake();
    }
}
