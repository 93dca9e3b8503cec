//! Bundles in Git repositories: asked for over https and ssh, or brought as a file that `git bundle` made.
//!
//! ```text
//! place         `https://host/site.git#refs/tags/site-*`, `ssh://…`, `file:///…/site.bundle`   [`Place`]
//! access        what identifies us there, and them here
//! line          one conversation: how long, how much, and what went wrong first
//! http, ssh     how bytes come and go
//! talk          what the server has, and which of it is asked for (protocol 2, and what came before it)
//! bundle_file   the same out of a file
//! pack          what a pack may hold, looked at while it arrives
//! house         where objects are kept, and what was accepted
//! objects       the objects;  walk: the files of a tree
//! medium        a tree that is the layout, or a tag that holds the envelope, as a medium       [`GitMedium`]
//! ```
//!
//! No `git` program is needed, and nothing is checked out: objects stay in their packs and are read from there. History
//! is fetched whole, because a commit that is to be accepted has to descend from the one that was accepted before. Who
//! may sign a bundle is none of Git's business: a medium from here passes the gate that a stick passes.

mod access;
mod bundle_file;
mod error;
mod heard;
mod house;
mod http;
mod line;
mod medium;
mod objects;
mod pack;
mod place;
mod ssh;
mod talk;
mod walk;

use std::{rc::Rc, sync::Arc};

use gix::objs::Kind;
use gix_protocol::transport::{Protocol, client::blocking_io::http::Transport as Http, client::git};

pub use bundle_file::is_bundle_file;
pub use error::Error;
pub use house::FOLDER;
pub use medium::{GitMedium, envelope_of};
pub use place::{Asked as AskedRef, Place, Scheme};

use self::{
    access::Access,
    house::{Fleeting, Ground, House},
    line::Line,
    objects::Objects,
    talk::{Haves, Tip},
    walk::Links,
};
use super::{Asked, Failure, GiveWay, Remote, Spec, registry::Patience};
use crate::{
    archive::{Node, Tree},
    limits,
    source::Trouble,
    trust::git::{Commit, GitRefusal, Hash, Id, Tag, descends, read_commit, read_tag, tree_id},
};

/// Files that `git bundle` made have one house on a node, so that an incremental one finds what it follows.
const FILES: &str = "files of git bundle";

/// A repository, ready to be asked.
pub struct Git {
    place: Place,
    url: String,
    access: Access,
    patience: Patience,
    give_way: GiveWay,
    store: Ground,
}

impl std::fmt::Debug for Git {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Git").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What a ref led to: nothing of it is believed beyond that it hashes to its names.
struct Here {
    tip: Tip,
    objects: Objects,
    id: Id,
    commit: Commit,
    tag: Option<Tag>,
}

impl Git {
    /// Makes ready to ask: reads credentials and authorities.
    ///
    /// # Errors
    /// When one of the files cannot be used, or the place is asked without TLS and may not be.
    pub fn open(place: &Place, spec: &Spec, give_way: &GiveWay) -> Result<Self, Error> {
        let store = match &spec.objects {
            Some(store) => Ground::Kept(store.clone()),
            None => Ground::Fleeting(Arc::new(Fleeting::new()?)),
        };
        Ok(Self {
            place: place.clone(),
            url: place.to_string(),
            access: Access::of(place, spec)?,
            patience: spec.patience,
            give_way: give_way.clone(),
            store,
        })
    }

    /// Asks for what the ref names. None where that is `known`. It blocks, and is called where that is allowed.
    ///
    /// # Errors
    /// When there is no answer, it is not one, or it does not descend from what was accepted.
    pub fn medium(&self, known: Option<&str>) -> Result<Option<(String, GitMedium)>, Error> {
        let Some(here) = self.fetch(known)? else { return Ok(None) };
        let mark = here.tip.mark();
        let message = here.tag.as_ref().map(|it| it.message.as_slice());
        let medium = GitMedium::open(self.label(&here), &self.url, here.objects, &here.commit.tree, message)?;
        Ok(Some((mark, medium)))
    }

    /// The files of a commit that the ref contains; without one, of what the ref names now. A commit that came here
    /// before is read without asking anybody.
    ///
    /// # Errors
    /// When it cannot be had, is not part of the ref's history, or holds what no tree may hold.
    pub fn files(&self, commit: Option<&str>) -> Result<(String, Tree), Error> {
        if let Some((id, oid)) =
            commit.and_then(|it| Some((Id::parse(it)?, gix::ObjectId::from_hex(it.as_bytes()).ok()?)))
        {
            let objects = self.house()?.objects(oid.kind())?;
            if objects.has(&oid) {
                let commit = self.commit(&objects, &id)?;
                return Ok((id.to_string(), self.tree(&objects, &commit)?));
            }
        }
        let here = self.fetch(None)?.ok_or_else(|| {
            Error::Network(Trouble::Missing { url: self.url.clone(), what: "a commit".into() })
        })?;
        let (id, commit) = match commit {
            None => (here.id.clone(), here.commit.clone()),
            Some(text) => {
                let missing = || {
                    Error::Network(Trouble::Missing { url: self.url.clone(), what: format!("commit {text}") })
                };
                let id = Id::parse(text).ok_or_else(missing)?;
                descends(&here.id, &id, &here.objects, limits::GIT_COMMITS)
                    .map_err(Error::refused(&self.url))?;
                let commit = self.commit(&here.objects, &id)?;
                (id, commit)
            }
        };
        Ok((id.to_string(), self.tree(&here.objects, &commit)?))
    }

    fn tree(&self, objects: &Objects, commit: &Commit) -> Result<Tree, Error> {
        let mut nodes = Vec::new();
        let broken = |why: String| Error::Pack { url: self.url.clone(), why };
        for (path, entry) in walk::files(objects, &commit.tree, Links::Kept, &self.url)? {
            let bytes = objects.read(&entry.id, Kind::Blob, limits::ARCHIVE_FILE_BYTES);
            let bytes = bytes.map_err(|error| broken(format!("{path}: {error}")))?;
            let bytes = bytes.ok_or_else(|| broken(format!("{path} is not in it")))?;
            let node = match entry.kind {
                gix::objs::tree::EntryKind::Link => {
                    let target = String::from_utf8(bytes);
                    Node::Symlink {
                        target: target.map_err(|_| broken(format!("{path} points to what is no text")))?,
                    }
                }
                kind => Node::File {
                    bytes: bytes.into(),
                    executable: kind == gix::objs::tree::EntryKind::BlobExecutable,
                },
            };
            nodes.push((path, node));
        }
        let tree = Tree::new(nodes).map_err(|error| broken(error.to_string()))?;
        // The library named the objects when they came; what was read now is named by us.
        let found = tree_id(&tree, hash_of(objects)).map_err(Error::refused(&self.url))?;
        if found != commit.tree {
            let what = format!("tree {}", commit.tree);
            return Err(Error::refused(&self.url)(GitRefusal::Altered { what, found: found.to_string() }));
        }
        Ok(tree)
    }

    /// Keeps, durably, that a bundle was accepted from what `mark` tells: from now on only what descends from it counts,
    /// and its tag stays what it is.
    ///
    /// # Errors
    /// When the disk says no.
    pub fn accepted(&self, mark: &str) -> Result<(), Error> {
        let Some((name, id)) = mark.rsplit_once('@') else { return Ok(()) };
        let house = self.house()?;
        let Ok(oid) = gix::ObjectId::from_hex(id.as_bytes()) else { return Ok(()) };
        let tip = Tip { name: name.to_owned(), id: oid };
        let here = self.read(tip, house.objects(oid.kind())?)?;
        let mut accepted = house.accepted()?;
        accepted.commits.insert(self.place.asked.to_string(), here.id.to_string());
        if name.starts_with("refs/tags/") {
            accepted.tags.insert(name.to_owned(), id.to_owned());
        }
        house.keep(&accepted)
    }

    fn house(&self) -> Result<House, Error> {
        let name = match &self.place.scheme {
            Scheme::File(_) => FILES.to_owned(),
            _ => self.place.repository(),
        };
        House::open(&self.store, &name)
    }

    fn label(&self, here: &Here) -> String {
        format!("{} ({})", self.url, here.tip.name.trim_start_matches("refs/").trim_start_matches("tags/"))
    }

    fn fetch(&self, known: Option<&str>) -> Result<Option<Here>, Error> {
        let house = self.house()?;
        let accepted = house.accepted()?;
        let haves: Haves = accepted.commits.values().rev().take(limits::GIT_HAVES).cloned().collect();
        let answer = match self.ask(known, &house, &haves) {
            // What we said to have may not be whole; without it the server sends everything.
            Err(Error::Pack { .. }) if !haves.is_empty() => {
                house.begin()?;
                self.ask(known, &house, &Haves::new())
            }
            answer => answer,
        };
        let Some((tip, objects)) = answer? else { return Ok(None) };
        let here = self.read(tip, objects)?;
        let tip = &here.tip;
        let now = tip.id.to_string();
        if let Some(was) = accepted.tags.get(&tip.name)
            && *was != now
        {
            return Err(Error::MovedTag {
                url: self.url.clone(),
                tag: tip.name.clone(),
                was: was.clone(),
                found: tip.id.to_string(),
            });
        }
        if let Some(before) = accepted.commits.get(&self.place.asked.to_string()).and_then(|it| Id::parse(it))
        {
            descends(&here.id, &before, &here.objects, limits::GIT_COMMITS)
                .map_err(Error::refused(&self.url))?;
        }
        Ok(Some(here))
    }

    /// Asks, on a thread of its own: whoever calls may be within a runtime, and the library in between asserts here and
    /// there what a server says, which is the server's fault.
    fn ask(
        &self,
        known: Option<&str>,
        house: &House,
        haves: &Haves,
    ) -> Result<Option<(Tip, Objects)>, Error> {
        let gave_up = || {
            Error::Network(Trouble::Answer {
                url: self.url.clone(),
                why: "the library that reads it gave up".into(),
            })
        };
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| self.ask_once(known, house, haves)).join();
            asked.unwrap_or_else(|_| Err(gave_up()))
        })
    }

    fn ask_once(
        &self,
        known: Option<&str>,
        house: &House,
        haves: &Haves,
    ) -> Result<Option<(Tip, Objects)>, Error> {
        let line = Rc::new(Line::new(self.url.clone(), self.patience, self.give_way.clone()));
        let asked = &self.place.asked;
        match (&self.place.scheme, &self.access) {
            (Scheme::File(path), _) => bundle_file::read(path, asked, known, house, &line),
            (Scheme::Ssh { user, host, port, path }, Access::Ssh(identity)) => {
                let place = (user.as_deref(), host.as_str(), *port, path.as_str());
                let (answer, question) = ssh::connect(place, identity, &line)?;
                let mode = git::ConnectMode::Process;
                let nobody = None::<(String, Option<u16>)>;
                let transport = git::blocking_io::Connection::new(
                    answer,
                    question,
                    Protocol::V2,
                    path.as_str(),
                    nobody,
                    mode,
                    false,
                );
                talk::ask(transport, asked, known, house, haves, &line)
            }
            (Scheme::Http { host, port, .. }, Access::Http { tls, authorization, names }) => {
                let failed =
                    |why: String| Error::Network(Trouble::Unreachable { url: self.url.clone(), why });
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let url = self.place.repository();
                let url = gix::url::parse(url.as_str()).map_err(|error| failed(error.to_string()))?;
                let client = http::Client::new(http::Peer {
                    host: host.clone(),
                    port: *port,
                    tls: tls.clone(),
                    authorization: authorization.clone(),
                    names: names.clone(),
                    line: Rc::clone(&line),
                    runtime: runtime.map_err(|error| failed(error.to_string()))?,
                });
                talk::ask(Http::new_http(client, url, Protocol::V2, false), asked, known, house, haves, &line)
            }
            _ => Err(Error::Network(Trouble::Missing { url: self.url.clone(), what: "a way in".into() })),
        }
    }

    /// Reads what a ref names: a commit, or an annotated tag of one under its own name.
    fn read(&self, tip: Tip, objects: Objects) -> Result<Here, Error> {
        let no_bundle = |why: &str| {
            Error::Network(Trouble::NoBundle { url: self.url.clone(), why: format!("`{}` {why}", tip.name) })
        };
        let broken = |error: std::io::Error| Error::Pack { url: self.url.clone(), why: error.to_string() };
        let wrong = || no_bundle("is named by a hash that nobody here knows");
        let id = objects::id(&tip.id).ok_or_else(wrong)?;
        let (id, tag) = match objects.look(&tip.id).map_err(broken)?.map(|it| it.kind) {
            Some(Kind::Commit) => (id, None),
            Some(Kind::Tag) => {
                let raw = objects.read(&tip.id, Kind::Tag, limits::GIT_DOCUMENT_BYTES).map_err(broken)?;
                let tag = read_tag(&id, &raw.unwrap_or_default()).map_err(Error::refused(&self.url))?;
                if tag.kind != "commit" {
                    return Err(no_bundle("is a tag of something that is no commit"));
                }
                // A ref is named by whoever serves it, the tag by whoever made it.
                let wanted = tip.name.strip_prefix("refs/tags/").filter(|it| *it != tag.name);
                if let Some(wanted) = wanted {
                    let refusal = GitRefusal::MovedTag { wanted: wanted.to_owned(), found: tag.name };
                    return Err(Error::refused(&self.url)(refusal));
                }
                (tag.target.clone(), Some(tag))
            }
            _ => return Err(no_bundle("names neither a commit nor a tag")),
        };
        let commit = self.commit(&objects, &id)?;
        Ok(Here { tip, objects, id, commit, tag })
    }

    fn commit(&self, objects: &Objects, id: &Id) -> Result<Commit, Error> {
        let raw = objects::oid(id)
            .map(|oid| objects.read(&oid, Kind::Commit, limits::GIT_DOCUMENT_BYTES))
            .transpose()
            .map_err(|error| Error::Pack { url: self.url.clone(), why: error.to_string() })?;
        let absent = || Error::Pack { url: self.url.clone(), why: format!("commit {id} is not in it") };
        read_commit(id, &raw.flatten().ok_or_else(absent)?).map_err(Error::refused(&self.url))
    }
}

fn hash_of(objects: &Objects) -> Hash {
    match objects.hash() {
        gix::hash::Kind::Sha256 => Hash::Sha256,
        _ => Hash::Sha1,
    }
}

impl Remote for Git {
    fn url(&self) -> &str {
        &self.url
    }

    fn accepted(&self, mark: &str) -> Result<(), Failure> {
        Self::accepted(self, mark).map_err(Failure::new)
    }

    fn newest(&self, known: Option<&str>) -> Result<Asked, Failure> {
        Ok(match self.medium(known).map_err(Failure::new)? {
            None => Asked::Same,
            Some((mark, medium)) => Asked::Bundle { mark, medium: Arc::new(medium) },
        })
    }
}
