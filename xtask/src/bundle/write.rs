use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use airlock::{
    bundle::Floor,
    digest::Digest,
    limits,
    source::{Contents, Newest, ShortCode, WantList, Written, write_medium, write_tar, write_volumes},
};
use anyhow::{Context, Result, bail, ensure};

use super::{
    opened::{FromMedium, Opened},
    sign::leaving,
};
use crate::disk;

/// The form of a medium.
#[derive(Clone, Debug)]
pub enum Form {
    /// A directory: a stick.
    Directory(PathBuf),
    /// One tar.
    Tar(PathBuf),
    /// Tars of at most so many bytes each, in one directory.
    Volumes(PathBuf, u64),
}

/// What the site has already.
#[derive(Clone, Debug)]
pub enum Holds {
    /// A want-list that came back, or a bundle that was accepted there.
    File(PathBuf),
    /// Every blob of the bundle with that sequence, or that code; found below a directory of bundles.
    Since(String, PathBuf),
}

/// Writes a signed bundle onto a medium, without what the site has already.
///
/// # Errors
/// When it is not signed by enough, a blob is absent, or the medium cannot hold it.
pub fn write(bundle: &Path, form: &Form, holds: &[Holds], trust: Option<&Path>) -> Result<Written> {
    let opened = Opened::signed(bundle, trust)?;
    let mut contents = leaving(&opened, trust)?;
    for held in holds {
        leave_out(&mut contents, &opened, held)?;
    }
    let stem = stem(&opened);
    let supply = FromMedium(opened.medium());
    let written = match form {
        Form::Directory(path) => {
            make_parent(path)?;
            write_medium(path, &stem, &contents, &supply, &mut |_| ())?
        }
        Form::Tar(path) => {
            make_parent(path)?;
            write_tar(path, &contents, &supply, &mut |_| ())?
        }
        Form::Volumes(path, size) => {
            std::fs::create_dir_all(path).with_context(|| format!("failed to make {}", path.display()))?;
            write_volumes(path, &stem, &contents, *size, &supply, &mut |_| ())?
        }
    };
    Ok(written)
}

/// The name of a bundle on media: `harbour-1-3`.
fn stem(bundle: &Opened) -> String {
    format!("{}-{}", bundle.release.name, bundle.statement.position())
}

fn make_parent(path: &Path) -> Result<()> {
    match path.parent().filter(|it| !it.as_os_str().is_empty()) {
        Some(parent) => {
            std::fs::create_dir_all(parent).with_context(|| format!("failed to make {}", parent.display()))
        }
        None => Ok(()),
    }
}

fn leave_out(contents: &mut Contents, bundle: &Opened, holds: &Holds) -> Result<()> {
    match holds {
        Holds::File(path) => {
            let list = path.is_file().then(|| disk::read(path, limits::WANT_LIST_BYTES)).transpose();
            match list.ok().flatten().and_then(|bytes| WantList::parse(&bytes).ok()) {
                Some(list) => only_wanted(contents, bundle, &list, path),
                None => {
                    without(contents, &Opened::open(path)?);
                    Ok(())
                }
            }
        }
        Holds::Since(what, below) => {
            let earlier = find(what, bundle, below)?;
            without(contents, &earlier);
            Ok(())
        }
    }
}

/// A site that holds a bundle whole holds all its blobs.
fn without(contents: &mut Contents, earlier: &Opened) {
    let held: BTreeSet<Digest> =
        airlock::bundle::pieces(&earlier.inventory).iter().map(|it| it.digest).collect();
    // A blob that was cut elsewhere is held all the same.
    let whole = |piece: &airlock::bundle::Piece| {
        piece.slice.is_some_and(|it| earlier.inventory.get(&it.blob).is_some())
    };
    contents.pieces.retain(|it| !held.contains(&it.digest) && !whole(it));
}

/// A stick that visited several clusters carries what any of them lacks.
fn only_wanted(contents: &mut Contents, bundle: &Opened, list: &WantList, path: &Path) -> Result<()> {
    let digest = bundle.envelope.digest();
    let wants: Vec<_> = list.wants.iter().filter(|it| it.channel == bundle.statement.channel).collect();
    ensure!(!wants.is_empty(), "{} says nothing of channel `{}`", path.display(), bundle.statement.channel);
    if let Some(other) = wants.iter().find(|it| it.bundle != digest) {
        bail!(
            "cluster `{}` was given another bundle ({}) and lacks parts of that; say `--since` with the newest one that it holds whole{}",
            other.cluster,
            other.bundle,
            other.newest.as_ref().map(|it| format!(": {}", ShortCode::of(it))).unwrap_or_default()
        );
    }
    let wanted: BTreeSet<Digest> = wants.iter().flat_map(|it| &it.missing).map(|it| it.digest).collect();
    contents.pieces.retain(|it| {
        wanted.contains(&it.digest) || it.slice.is_some_and(|slice| wanted.contains(&slice.blob))
    });
    Ok(())
}

/// Finds an earlier bundle by sequence, position or code below the directory where its successors were built.
fn find(what: &str, bundle: &Opened, below: &Path) -> Result<Opened> {
    let code: Option<ShortCode> = what.parse().ok();
    let position: Option<Floor> = what.parse().ok();
    let sequence: Option<u64> = what.parse().ok();
    ensure!(
        code.is_some() || position.is_some() || sequence.is_some(),
        "`{what}` is neither a sequence (41), a position (1-41) nor a code (1-41-7f3a90b2)"
    );
    let list = || format!("failed to list {}", below.display());
    for item in std::fs::read_dir(below).with_context(list)? {
        let path = item.with_context(list)?.path();
        let Ok(earlier) = Opened::open(&path) else { continue };
        let same_line = earlier.statement.channel == bundle.statement.channel
            && earlier.statement.domain == bundle.statement.domain;
        let at = earlier.statement.position();
        let newest = Newest { at, digest: earlier.envelope.digest() };
        let named = match (code, position, sequence) {
            (Some(code), _, _) => code.matches(&newest),
            (_, Some(position), _) => at == position,
            (_, _, sequence) => Some(at.sequence) == sequence && at.epoch == bundle.statement.epoch,
        };
        if same_line && named {
            return Ok(earlier);
        }
    }
    bail!("no bundle `{what}` lies below {}; name it by `--have PATH`", below.display())
}
