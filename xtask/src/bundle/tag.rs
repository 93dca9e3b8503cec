//! A bundle as an annotated tag of a Git repository: the message ends with the envelope, the tree holds the rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use airlock::{
    bundle::{Item, pieces},
    digest::{Digest, read_exact},
    limits,
    source::git::envelope_of,
};
use anyhow::{Context, Result, anyhow, bail, ensure};
use gix::{
    ObjectId,
    objs::{Kind, Write as _, tree::EntryKind},
    refs::{
        Target,
        transaction::{Change, LogChange, PreviousValue, RefEdit},
    },
};

use super::opened::Opened;
use super::sign::leaving;

/// Where a bundle goes, and by whom.
#[derive(Clone, Debug)]
pub struct Tagged<'a> {
    /// The repository, on this machine.
    pub repository: &'a Path,
    /// The branch whose newest commit the bundle's follows.
    pub branch: &'a str,
    /// Who commits: `Name <address>`.
    pub by: &'a str,
}

/// Commits a signed bundle's files to a branch, and makes the annotated tag `NAME-EPOCH-SEQUENCE` that holds its
/// envelope. Nothing is checked out, and no git program is run; plain git pushes both.
///
/// The same bundle on the same branch makes the same commit and the same tag.
///
/// # Errors
/// When it is not signed by enough, a blob is absent or too large, the tag is there already, or the branch is checked out.
pub fn tag(bundle: &Path, to: &Tagged<'_>, trust: Option<&Path>) -> Result<String> {
    let opened = Opened::signed(bundle, trust)?;
    let name = format!("{}-{}", opened.release.name, opened.statement.position());
    let repo = super::git::open(to.repository)?;
    let who = signature(to.by, opened.statement.created.as_second())?;
    let (branch_ref, tag_ref) = (format!("refs/heads/{}", to.branch), format!("refs/tags/{name}"));
    let envelope = opened.envelope.encode().trim_ascii().to_vec();
    if let Some(there) = find(&repo, &tag_ref)? {
        let raw = repo.find_object(there).map_err(plain)?.data.clone();
        let same = envelope_of(&raw).is_some_and(|it| it == envelope);
        ensure!(
            same,
            "tag {name} is there already and holds something else; one number is one bundle: build with `--next`"
        );
        return Ok(format!("tag {name} is there already\n{}", next(to, &name)));
    }
    if !repo.is_bare()
        && let Some(head) = repo.head_name().map_err(plain)?
    {
        ensure!(
            head.as_bstr() != branch_ref.as_str(),
            "branch {} is checked out in {}; name another with `--branch`, or a bare repository",
            to.branch,
            to.repository.display()
        );
    }
    let tree = write_files(&repo, &opened, trust)?;
    let parent = find(&repo, &branch_ref)?;
    let parents = parent.map(|it| format!("parent {it}\n")).unwrap_or_default();
    let subject = format!("{} {}", opened.release.name, opened.statement.position());
    let commit = format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n\n{subject}\n");
    let commit = repo.objects.write_buf(Kind::Commit, commit.as_bytes()).map_err(plain)?;
    let mut message = format!(
        "object {commit}\ntype commit\ntag {name}\ntagger {who}\n\n{subject}\n\nBundle {}.\n`airlock verify` says what it is and who signed it; what follows is its envelope.\n\n",
        opened.envelope.digest()
    )
    .into_bytes();
    message.extend_from_slice(&envelope);
    message.push(b'\n');
    let tag = repo.objects.write_buf(Kind::Tag, &message).map_err(plain)?;
    let edit = |name: &str, new: ObjectId, old: Option<ObjectId>| -> Result<RefEdit> {
        let expected = match old {
            Some(old) => PreviousValue::MustExistAndMatch(Target::Object(old)),
            None => PreviousValue::MustNotExist,
        };
        let log = LogChange { message: format!("bundle {subject}").into(), ..Default::default() };
        let name = name.try_into().map_err(|error| anyhow!("`{name}` is no name of a ref: {error}"))?;
        Ok(RefEdit { change: Change::Update { log, expected, new: Target::Object(new) }, name, deref: false })
    };
    let edits = [edit(&branch_ref, commit, parent)?, edit(&tag_ref, tag, None)?];
    let by =
        gix::actor::SignatureRef::from_bytes(who.as_bytes()).map_err(|_| anyhow!("`{}` is nobody", to.by))?;
    repo.edit_references_as(edits, Some(by)).map_err(plain)?;
    Ok(format!("tag {name} at commit {commit} of branch {}\n{}", to.branch, next(to, &name)))
}

fn next(to: &Tagged<'_>, name: &str) -> String {
    format!("next: git -C {} push --atomic origin {} refs/tags/{name}\n", to.repository.display(), to.branch)
}

fn plain(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("{error}")
}

/// Somebody and a time, as Git writes them.
fn signature(by: &str, seconds: i64) -> Result<String> {
    let parts = by.strip_suffix('>').and_then(|it| it.split_once(" <"));
    let ok = |text: &str| !text.is_empty() && !text.contains(['<', '>', '\n', '\0']);
    match parts {
        Some((name, address)) if ok(name) && ok(address) => Ok(format!("{by} {seconds} +0000")),
        _ => bail!("`{by}` is nobody; write `--by 'Name <address>'`"),
    }
}

fn find(repo: &gix::Repository, name: &str) -> Result<Option<ObjectId>> {
    let found = repo.try_find_reference(name).map_err(plain)?;
    Ok(found.and_then(|it| it.target().try_id().map(ToOwned::to_owned)))
}

/// Writes the bundle's files and the trees above them.
fn write_files(repo: &gix::Repository, bundle: &Opened, trust: Option<&Path>) -> Result<ObjectId> {
    let mut files = Files::default();
    let contents = leaving(bundle, trust)?;
    let mut put = |path: String, bytes: &[u8]| -> Result<()> {
        let id = repo.write_blob(bytes).map_err(plain)?.detach();
        files.insert(&path, id)
    };
    for (version, bytes) in &contents.roots {
        put(format!(".airlock/{}", Item::Root(*version)), bytes)?;
    }
    if let Some(bytes) = &contents.agent {
        put(format!(".airlock/{}", Item::Agent), bytes)?;
    }
    let read = |digest: Digest, size: u64| -> Result<Vec<u8>> {
        ensure!(
            size <= limits::GIT_OBJECT_BYTES,
            "blob {digest} has {size} bytes, and a file in Git has at most {}; set `partSize: 64MiB` in bundle.yaml, or push the bundle to a registry",
            limits::GIT_OBJECT_BYTES
        );
        let found = bundle.medium().open(Item::Blob(digest))?;
        let found = found.with_context(|| format!("{} lacks blob {digest}", bundle.path.display()))?;
        read_exact(found.reader, digest, size)
            .with_context(|| format!("blob {digest} is not what was signed"))
    };
    let statement = &bundle.statement;
    put(".airlock/inventory.jsonl".into(), &read(statement.inventory.digest, statement.inventory.size)?)?;
    put(".airlock/release.json".into(), &read(statement.release.digest, statement.release.size)?)?;
    let names = names(bundle);
    for piece in pieces(&bundle.inventory) {
        let path =
            names.get(&piece.digest).cloned().unwrap_or_else(|| format!("blobs/{}", piece.digest.hex()));
        put(path, &read(piece.digest, piece.size)?)?;
    }
    files.write(repo)
}

/// Names for people to find blobs by. They mean nothing to a node, which goes by what files hold.
fn names(bundle: &Opened) -> BTreeMap<Digest, String> {
    let (mut names, mut taken) = (BTreeMap::new(), BTreeSet::new());
    let ending = |digest: &Digest| match bundle.inventory.get(digest).map(|it| it.media_type.as_str()) {
        Some(it) if it.ends_with("+zstd") => ".tar.zst",
        Some(it) if it.ends_with("+gzip") => ".tgz",
        _ => "",
    };
    let release = &bundle.release;
    let entries = release.entries.iter().map(|it| (it.content.digest, format!("entries/{}", it.name)));
    let sources =
        release.sources.iter().enumerate().map(|(at, it)| (it.content.digest, format!("sources/{at}")));
    let files = release.files.iter().map(|(name, it)| (it.digest, format!("files/{name}")));
    for (digest, name) in entries.chain(sources).chain(files) {
        let path = format!("{name}{}", ending(&digest));
        // What a file system without case, or one with less than UTF-8, would take for another stays under its digest.
        if path.is_ascii() && !names.contains_key(&digest) && taken.insert(path.to_ascii_lowercase()) {
            names.insert(digest, path);
        }
    }
    names
}

/// Files by path, on their way into trees.
#[derive(Default)]
struct Files {
    here: BTreeMap<String, ObjectId>,
    below: BTreeMap<String, Self>,
}

impl Files {
    fn insert(&mut self, path: &str, id: ObjectId) -> Result<()> {
        let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut at = self;
        for parent in parents.split('/').filter(|it| !it.is_empty()) {
            ensure!(!at.here.contains_key(parent), "{path} lies below a file");
            at = at.below.entry(parent.to_owned()).or_default();
        }
        ensure!(!at.below.contains_key(name), "{path} is a directory, too");
        at.here.insert(name.to_owned(), id);
        Ok(())
    }

    fn write(self, repo: &gix::Repository) -> Result<ObjectId> {
        let mut entries = Vec::new();
        for (name, below) in self.below {
            let oid = below.write(repo)?;
            entries.push(gix::objs::tree::Entry { mode: EntryKind::Tree.into(), filename: name.into(), oid });
        }
        for (name, oid) in self.here {
            entries.push(gix::objs::tree::Entry { mode: EntryKind::Blob.into(), filename: name.into(), oid });
        }
        entries.sort();
        Ok(repo.write_object(gix::objs::Tree { entries }).map_err(plain)?.detach())
    }
}
