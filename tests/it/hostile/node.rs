//! The node to which hostile media are carried, and what each step leaves of it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use airlock::{
    archive::{self, read_tar, read_tgz, read_tree},
    bundle::{Role, Unverified},
    content::Content,
    digest::Digest,
    fault::{Fault, Report},
    reconcile::{
        Memory,
        accept::{Accepted, OnBytes, Terms, accept, preview},
        import::{Verdict, import},
    },
    source::{Volumes, find},
    store::{RealDisk, Recovered, Store},
    trust::{
        Audience, Refusal, Verified, agent, anchor,
        state::{HeldFloor, RootRef, State},
    },
    yaml,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Begin, Several, Step};
use crate::support::{
    kit::day,
    medium::terms,
    recipe::{
        Place,
        bytes::{Bytes, edit},
        document::{Document, Sealed, chain},
        instant,
        medium::Made,
    },
};

const ID: &str = "0123456789abcdef0123456789abcdef";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Restart {
    /// What `/etc/airlock/store-id` says, where it is not what it was.
    store_id: Option<String>,
    /// The file is gone.
    no_store_id: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Anchor {
    roots: Vec<Document>,
    /// The digest that the operator typed, where it is not the root's.
    given: Option<String>,
    /// A store is begun with it, where this node has one.
    begin: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recover {
    minimum: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approve {
    code: String,
    medium: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Read {
    /// The medium whose bundle was accepted.
    medium: String,
    /// `tree` where it says nothing; `tgz`; `tar`.
    #[serde(rename = "as")]
    form: Option<String>,
    /// A path that is followed in the tree.
    path: Option<String>,
    /// The file there is read as YAML, by `v2` or `v3`.
    yaml: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Yaml {
    text: Bytes,
    /// `v2`, `v3`, or `strict`.
    by: String,
}

/// What came of a step, or of one medium of it.
#[derive(Debug, Default)]
struct Outcome {
    code: String,
    /// The sentence, and those behind it.
    words: String,
    accepted: Option<Accepted>,
    /// Words for the courier.
    want: Option<String>,
}

pub(super) struct Node {
    folder: tempfile::TempDir,
    place: Place,
    media: BTreeMap<String, Made>,
    written: BTreeMap<String, Vec<PathBuf>>,
    anchored: Sealed,
    terms: Terms,
    clock: Timestamp,
    open: Option<(Store, Memory)>,
    notices: Vec<String>,
    saved: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
}

/// What a node had before a step.
struct Before {
    state: State,
    files: BTreeMap<String, Vec<u8>>,
}

impl Node {
    pub(super) fn begin(begin: &Begin, media: BTreeMap<String, Made>, place: Place) -> Self {
        let usual = vec![Document::default()];
        let roots = chain(begin.roots.as_ref().unwrap_or(&usual), &place);
        let at = begin.anchor.map_or(roots.len() - 1, |it| it - 1);
        let anchored = roots[at].1.clone();
        let mut terms =
            Terms { agent: begin.agent.as_deref().unwrap_or("0.1.0").parse().unwrap(), ..terms() };
        let own = &mut terms.audiences[0];
        own.wildcards = begin.wildcards;
        if let Some(cluster) = &begin.cluster {
            own.cluster = cluster.parse().unwrap();
        }
        if let Some(channels) = &begin.channels {
            own.channels = channels.iter().map(|it| it.parse().unwrap()).collect();
        }
        let relays = begin.relays.iter().map(|it| Audience { cluster: it.parse().unwrap(), ..own.clone() });
        let relays: Vec<Audience> = relays.collect();
        terms.audiences.extend(relays);
        terms.arch = begin.arch.clone().unwrap_or(terms.arch);
        terms.kubernetes = begin.kubernetes.or(terms.kubernetes);
        // Nothing here asks whether a disk keeps its word, so the fastest one will do.
        let shared = Path::new("/dev/shm");
        let folder = match shared.is_dir() {
            true => tempfile::tempdir_in(shared),
            false => tempfile::tempdir(),
        };
        let folder = folder.unwrap();
        let mut node = Self {
            folder,
            clock: begin.clock.as_ref().map_or_else(|| day(10), instant),
            place,
            media,
            written: BTreeMap::new(),
            anchored,
            terms,
            open: None,
            notices: Vec::new(),
            saved: BTreeMap::new(),
        };
        let state = node.first_state();
        node.create(state).unwrap();
        node
    }

    fn disk(&self) -> Arc<RealDisk> {
        Arc::new(RealDisk::open_or_make(&self.folder.path().join("store")).unwrap())
    }

    fn envelope(&self) -> Unverified {
        Unverified::read("the trust root", self.anchored.bytes.clone()).unwrap()
    }

    /// The state of a node on which the root was anchored a moment ago.
    fn first_state(&self) -> State {
        let root = anchor(&self.envelope(), self.anchored.digest()).unwrap();
        let at = RootRef { version: root.version, digest: root.digest() };
        State::anchored(ID.into(), at, root.issued)
    }

    fn create(&mut self, state: State) -> Result<(), airlock::store::Error> {
        self.open = None;
        let (store, state) = Store::create(self.disk(), state, &self.envelope())?;
        let memory = Memory::load(&store, state).unwrap();
        self.open = Some((store, memory));
        Ok(())
    }

    fn both(&mut self) -> (&Store, &mut Memory) {
        let (store, memory) = self.open.as_mut().expect("a step that needs the store follows a `restart`");
        (store, memory)
    }

    pub(super) fn step(&mut self, step: &Step) {
        if let Some(clock) = &step.clock {
            self.clock = instant(clock);
        }
        for (medium, links) in step.plant.iter().flatten() {
            for path in self.paths(medium) {
                for (name, target) in links {
                    std::os::unix::fs::symlink(target, path.join(name)).unwrap();
                }
            }
        }
        if let Some(saved) = &step.save {
            let store = self.folder.path().join("store");
            let read = |names: &Vec<String>| {
                names.iter().map(|it| (it.clone(), std::fs::read(store.join(it)).unwrap())).collect()
            };
            self.saved.extend(saved.iter().map(|(name, files)| (name.clone(), read(files))));
            return;
        }
        if step.damage.is_some() || step.lose.is_some() || step.back.is_some() {
            self.spoil(step);
            return;
        }
        let before = self.open.is_some().then(|| self.before());
        let (outcomes, lines) = self.act(step);
        self.compare(step, &outcomes);
        if let (Some(before), Some(_)) = (before, &self.open) {
            self.check(step, &before, &outcomes, lines);
        }
    }

    /// Files of the store change while nobody has it open.
    fn spoil(&mut self, step: &Step) {
        self.open = None;
        let store = self.folder.path().join("store");
        for (name, edits) in step.damage.iter().flatten() {
            let path = match self.digest_of(name) {
                Some(digest) => {
                    let hex = digest.hex();
                    store.join("blobs-v1/sha256").join(&hex[..2]).join(&hex[2..])
                }
                None => store.join(name),
            };
            let mut bytes = std::fs::read(&path).unwrap();
            edit(&mut bytes, edits, &self.place);
            std::fs::write(&path, bytes).unwrap();
        }
        for (name, bytes) in step.back.iter().flat_map(|name| &self.saved[name]) {
            std::fs::write(store.join(name), bytes).unwrap();
        }
        for name in step.lose.iter().flatten() {
            std::fs::remove_file(store.join(name)).unwrap();
        }
    }

    /// The digest of a blob that is named `MEDIUM BLOB`: `good blob 0`, `good release`.
    fn digest_of(&self, name: &str) -> Option<Digest> {
        let (medium, blob) = name.split_once(' ')?;
        let cargo = &self.media.get(medium)?.cargo;
        match blob {
            "inventory" => Some(Digest::of(&cargo.inventory)),
            "release" => Some(Digest::of(&cargo.release)),
            _ => cargo.blobs.get(blob).copied(),
        }
    }

    /// Does what the step says; also how many receipts that writes beside those of learned roots.
    fn act(&mut self, step: &Step) -> (Vec<Outcome>, u64) {
        if let Some(names) = &step.import {
            return self.import(&names.list(), step.top);
        }
        let one = |outcome: Outcome| (vec![outcome], 0);
        if let Some(name) = &step.verify {
            return one(self.verify(name));
        }
        if let Some(restart) = &step.restart {
            return one(self.restart(restart));
        }
        if let Some(wanted) = &step.anchor {
            return one(self.anchor(wanted));
        }
        if let Some(wanted) = &step.recover {
            return one(self.recover(wanted));
        }
        if let Some(document) = &step.card {
            return self.card(document);
        }
        if let Some(document) = &step.agent {
            let domain = self.anchored.document["domain"].clone();
            let base =
                json!({"type": "agent", "format": 1, "domain": domain, "version": "0.2.0", "binaries": []});
            let sealed = document.seal(&base, Role::Agent, &["ada"], &self.place);
            let (_, memory) = self.both();
            let judged = Unverified::read("agent.dsse", sealed.bytes)
                .map_err(Into::into)
                .and_then(|it| agent(memory.newest_root(), &it));
            return one(judged.map_or_else(|error| failed(&error), |_| said("ok")));
        }
        if let Some(wanted) = &step.approve {
            let digest = self.media[&wanted.medium].bundle.digest();
            let cluster = self.terms.audiences[0].cluster.clone();
            let channel = "platform".parse().unwrap();
            let (store, memory) = self.both();
            let waive = |state: &mut State| state.channel_mut(&cluster, &channel).waive(&wanted.code, digest);
            memory.note(store, waive).unwrap();
            return one(said("ok"));
        }
        if let Some(channel) = &step.activate {
            let (cluster, channel) = (self.terms.audiences[0].cluster.clone(), channel.parse().unwrap());
            let (store, memory) = self.both();
            memory
                .note(store, |state| state.channel_mut(&cluster, &channel).activate(Default::default()))
                .unwrap();
            return one(self.admit(channel.as_str()));
        }
        if let Some(channel) = &step.admit {
            return one(self.admit(channel));
        }
        if step.fsck {
            return one(self.fsck());
        }
        if let Some(wanted) = &step.read {
            return one(self.read(wanted));
        }
        if let Some(wanted) = &step.yaml {
            return one(parse(&wanted.text.make(&self.place), &wanted.by));
        }
        panic!("the step does nothing");
    }

    fn paths(&mut self, name: &str) -> Vec<PathBuf> {
        let (name, volume) = match name.split_once('#') {
            Some((name, volume)) => (name, Some(volume.parse::<usize>().unwrap())),
            None => (name, None),
        };
        if !self.written.contains_key(name) {
            let top = self.folder.path().join("media");
            std::fs::create_dir_all(&top).unwrap();
            let made = self.media.get(name).unwrap_or_else(|| panic!("nobody knows the medium `{name}`"));
            self.written.insert(name.to_owned(), made.write(&top, name, &self.place));
        }
        let paths = &self.written[name];
        volume.map_or_else(|| paths.clone(), |volume| vec![paths[volume - 1].clone()])
    }

    fn import(&mut self, names: &[String], top: bool) -> (Vec<Outcome>, u64) {
        if let [name] = names
            && self.media[name.split('#').next().unwrap()].is_in_memory()
        {
            return self.accept(name);
        }
        let mut paths: Vec<PathBuf> = names.iter().flat_map(|name| self.paths(name)).collect();
        if top {
            paths = vec![self.folder.path().join("media")];
        }
        let (terms, clock) = (self.terms.clone(), self.clock);
        let (store, memory) = self.both();
        let imported = import(store, memory, &terms, &paths, clock, &quiet());
        let outcomes = imported.media.into_iter().map(|it| {
            let mut outcome = match it.verdict {
                Verdict::Accepted(accepted) => taken(*accepted),
                Verdict::Told(_) => said("ok"),
                Verdict::Refused(report) => refused(&report),
            };
            outcome.want = it.want;
            outcome
        });
        let outcomes: Vec<Outcome> = outcomes.collect();
        let lines = outcomes.iter().filter(|it| it.code != "held").count() as u64;
        (outcomes, lines)
    }

    /// A medium in memory goes straight to the gate. Only the import writes of what was refused, or taken in part.
    fn accept(&mut self, name: &str) -> (Vec<Outcome>, u64) {
        let (terms, clock) = (self.terms.clone(), self.clock);
        let media = self.media[name].in_memory();
        let (store, memory) = self.both();
        let volumes = match Volumes::new(media) {
            Ok(volumes) => volumes,
            Err(error) => return (vec![failed(&error)], 0),
        };
        let outcome = match accept(store, memory, &terms, &volumes, clock, &quiet()) {
            Ok(accepted) => taken(accepted),
            Err(error) => failed(&error),
        };
        let lines = u64::from(outcome.code == "staged");
        (vec![outcome], lines)
    }

    fn verify(&mut self, name: &str) -> Outcome {
        let paths = self.paths(name);
        let (terms, clock) = (self.terms.clone(), self.clock);
        let mut media = Vec::new();
        for path in paths {
            match find(&path) {
                Ok(found) => media.extend(found.media),
                Err(error) => return failed(&error),
            }
        }
        let volumes = match Volumes::new(media) {
            Ok(volumes) => volumes,
            Err(error) => return failed(&error),
        };
        let (store, memory) = self.both();
        match preview(store, memory, &terms, &volumes, clock) {
            Ok(_) => said("ok"),
            Err(error) => failed(&error),
        }
    }

    fn restart(&mut self, restart: &Restart) -> Outcome {
        self.open = None;
        let id = (!restart.no_store_id).then(|| restart.store_id.as_deref().unwrap_or(ID));
        let (store, state, notices) = match Store::open(self.disk(), id) {
            Ok(opened) => opened,
            Err(error) => return failed(&error),
        };
        self.notices = notices
            .iter()
            .map(|it| match it {
                Recovered::Slot { slot, .. } => (*slot).to_owned(),
                Recovered::ReceiptsCut { .. } => "receipts cut".into(),
                Recovered::ReceiptsMissing { .. } => "receipts missing".into(),
                Recovered::StoreIdMissing => "store id missing".into(),
            })
            .collect();
        match Memory::load(&store, state) {
            Ok(memory) => {
                self.open = Some((store, memory));
                said("ok")
            }
            Err(error) => failed(&error),
        }
    }

    fn anchor(&mut self, wanted: &Anchor) -> Outcome {
        let roots = chain(&wanted.roots, &self.place);
        let (_, sealed) = roots.last().unwrap();
        let given = wanted.given.as_ref().map_or_else(|| sealed.digest(), |it| it.parse().unwrap());
        let root = Unverified::read("the trust root", sealed.bytes.clone())
            .map_err(Refusal::from)
            .and_then(|it| Ok((anchor(&it, given)?, it)));
        let (root, envelope) = match root {
            Ok(both) => both,
            Err(error) => return failed(&error),
        };
        if wanted.begin {
            let at = RootRef { version: root.version, digest: root.digest() };
            self.open = None;
            let state = State::anchored(ID.into(), at, root.issued);
            if let Err(error) = Store::create(self.disk(), state, &envelope) {
                return failed(&error);
            }
        }
        said("ok")
    }

    fn recover(&mut self, wanted: &Recover) -> Outcome {
        let mut state = self.first_state();
        let floor = HeldFloor { position: wanted.minimum.parse().unwrap(), digest: None };
        let cluster = self.terms.audiences[0].cluster.clone();
        state.channel_mut(&cluster, &"platform".parse().unwrap()).floor = Some(floor);
        match self.create(state) {
            Ok(()) => said("ok"),
            Err(error) => failed(&error),
        }
    }

    fn card(&mut self, document: &Document) -> (Vec<Outcome>, u64) {
        let domain = self.anchored.document["domain"].clone();
        let base = json!({"type": "card", "format": 1, "domain": domain, "channel": "platform", "epoch": 1,
            "sequence": 9, "digest": Digest::of(b""), "created": day(9)});
        let sealed = document.seal(&base, Role::Card, &["cora"], &self.place);
        let path = self.folder.path().join("card.dsse");
        std::fs::write(&path, sealed.bytes).unwrap();
        let (terms, clock) = (self.terms.clone(), self.clock);
        let (store, memory) = self.both();
        let imported = import(store, memory, &terms, &[path], clock, &quiet());
        let outcomes = imported.media.into_iter().map(|it| match it.verdict {
            Verdict::Told(_) => said("ok"),
            Verdict::Refused(report) => refused(&report),
            Verdict::Accepted(accepted) => taken(*accepted),
        });
        (outcomes.collect(), 1)
    }

    fn admit(&mut self, channel: &str) -> Outcome {
        let cluster = self.terms.audiences[0].cluster.clone();
        let channel = channel.parse().unwrap();
        let (store, memory) = self.both();
        let active = memory.state.channel(&cluster, &channel).active.expect("something is active");
        match memory.admitted(store, &channel, &active) {
            Ok(_) => said("ok"),
            Err(error) => failed(&error),
        }
    }

    fn fsck(&mut self) -> Outcome {
        let (store, _) = self.both();
        let checked = store.fsck(&mut |_| ()).unwrap();
        let damaged: Vec<String> = checked.damaged.iter().map(|it| it.why.clone()).collect();
        match damaged.is_empty() && checked.envelopes.is_empty() && checked.receipts.is_empty() {
            true => said("ok"),
            false => Outcome {
                code: "damaged".into(),
                words: format!("{damaged:?} {:?} {:?}", checked.envelopes, checked.receipts),
                ..Outcome::default()
            },
        }
    }

    fn read(&mut self, wanted: &Read) -> Outcome {
        let payload = self.media[&wanted.medium].bundle.digest();
        let (store, memory) = self.both();
        let (_, held) = memory.held(&payload).expect("its bundle was accepted");
        let channel = "platform".parse().unwrap();
        let root: Verified<airlock::trust::Root> = memory.admitted(store, &channel, &held).unwrap();
        let content = match Content::open(root, store.blobs()) {
            Ok(content) => content,
            Err(error) => return failed(&error),
        };
        let entry = content.release().entries[0].content;
        let reader = match content.reader(&entry.digest, entry.size) {
            Ok(reader) => reader,
            Err(error) => return failed(&error),
        };
        let exactly = archive::Unpacked::Exactly(entry.unpacked);
        let tree = match wanted.form.as_deref().unwrap_or("tree") {
            "tree" => read_tree(reader, entry.size, entry.unpacked),
            "tgz" => read_tgz(reader, entry.size, exactly),
            "tar" => read_tar(reader, exactly),
            other => panic!("`{other}` is no archive"),
        };
        let tree = match tree {
            Ok(tree) => tree,
            Err(error) => return failed(&error),
        };
        let Some(path) = &wanted.path else { return said("ok") };
        match (tree.resolve(path), &wanted.yaml) {
            (Err(error), _) => {
                Outcome { code: "unresolved".into(), words: error.to_string(), ..Outcome::default() }
            }
            (Ok(archive::Place::File { bytes, .. }), Some(by)) => parse(bytes, by),
            (Ok(_), _) => said("ok"),
        }
    }

    fn before(&mut self) -> Before {
        let files = files(&self.folder.path().join("store"));
        let (_, memory) = self.both();
        Before { state: memory.state.clone(), files }
    }

    /// What came, against what was expected.
    fn compare(&self, step: &Step, outcomes: &[Outcome]) {
        let expected = step.expect.as_ref().map_or_else(|| vec!["ok".to_owned()], Several::list);
        let found: Vec<&str> = outcomes.iter().map(|it| it.code.as_str()).collect();
        let words: Vec<&str> = outcomes.iter().map(|it| it.words.as_str()).collect();
        assert!(found == expected, "{expected:?} was expected, and {found:?} came: {words:?}");
        if let Some(because) = &step.because {
            assert!(words.iter().any(|it| it.contains(because)), "`{because}` is not in {words:?}");
        }
        if let Some(part) = &step.leaves.words {
            let told: Vec<&String> = outcomes.iter().filter_map(|it| it.want.as_ref()).collect();
            assert!(told.iter().any(|it| it.contains(part)), "the courier is told {told:?}");
        }
        let notices = step.leaves.notices.clone().unwrap_or_default();
        if step.restart.is_some() && expected == ["ok"] {
            assert!(self.notices == notices, "{:?} was mended", self.notices);
        }
        for outcome in outcomes {
            if let Some(Accepted::Incomplete { want, .. }) = &outcome.accepted {
                let wanted = step.leaves.want.clone().expect("an incomplete import says what it wants");
                let medium = step.import.as_ref().map(Several::list).unwrap_or_default();
                let made = &self.media[medium[0].split('#').next().unwrap()];
                let mut named: Vec<String> = want.missing.iter().map(|it| made.called(&it.digest)).collect();
                named.sort();
                assert!(named == wanted, "{named:?} are wanted");
            }
        }
    }

    /// What the step left, against what its outcome leaves.
    fn check(&mut self, step: &Step, before: &Before, outcomes: &[Outcome], lines: u64) {
        let is = |code: &str| outcomes.iter().any(|it| it.code == code);
        let taken = is("staged") || is("held") || is("incomplete");
        let after = files(&self.folder.path().join("store"));
        let leaves = &step.leaves;
        let cluster = self.terms.audiences[0].cluster.clone();
        let (store, memory) = self.both();
        let state = &memory.state;
        assert!(store.state() == *state, "the store and the memory differ");

        // A recovered node starts anew, and says so itself.
        if step.recover.is_none() {
            for (cluster, channels) in &before.state.clusters {
                for (channel, old) in channels {
                    let new = state.channel(cluster, channel);
                    let position = |it: &airlock::trust::state::ChannelState| it.floor.map(|it| it.position);
                    assert!(position(&new) >= position(old), "the floor of {channel} fell");
                }
            }
            let learned = state.newest_root.version - before.state.newest_root.version;
            assert!(learned == leaves.learned, "{learned} trust roots were learned");
            let written = state.receipts.count - before.state.receipts.count;
            let due = leaves.receipts.unwrap_or(lines + u64::from(leaves.learned));
            assert!(written == due, "{written} receipts were written, and {due} are due");
        }
        let chain = store.receipts().unwrap();
        assert!(chain.breaks.is_empty(), "{:?}", chain.breaks);
        if lines > 0
            && let (Some(refused), false) = (outcomes.last(), taken)
        {
            let last = &chain.receipts.last().unwrap().body;
            assert!(
                *last.get("code").unwrap_or(&Value::Null) == refused.code || step.card.is_some(),
                "{last}"
            );
        }

        let below = |files: &BTreeMap<String, Vec<u8>>, dirs: &[&str]| -> BTreeMap<String, Vec<u8>> {
            let inside = |path: &String| dirs.iter().any(|dir| path.starts_with(dir));
            files.iter().filter(|(path, _)| inside(path)).map(|(p, b)| (p.clone(), b.clone())).collect()
        };
        let (roots_before, roots) = (below(&before.files, &["roots-v1/"]), below(&after, &["roots-v1/"]));
        assert!(roots_before.iter().all(|(path, bytes)| roots.get(path) == Some(bytes)), "a root changed");
        assert!(roots.len() - roots_before.len() == leaves.learned as usize, "roots: {:?}", roots.keys());
        if !is("staged") && step.approve.is_none() && step.activate.is_none() && step.recover.is_none() {
            let bundles = ["bundles-v1/"];
            assert!(below(&before.files, &bundles) == below(&after, &bundles), "an envelope was kept");
            let quiet = step.card.is_some() || before.state.clusters == state.clusters;
            assert!(quiet, "the channels changed to {:?}", state.clusters);
        }
        let blobs = ["blobs-v1/", "ingest-v1/"];
        let (old, new) = (below(&before.files, &blobs), below(&after, &blobs));
        match leaves.blobs {
            Some(count) => {
                let whole = new.keys().filter(|it| !old.contains_key(*it) && it.starts_with("blobs-v1/"));
                let found = whole.count();
                assert!(found == count, "{found} blobs came");
            }
            None if !taken && !step.fsck => assert!(old == new, "blobs came, or went"),
            None => (),
        }
        match &leaves.time {
            Some(time) => {
                let due = instant(time);
                assert!(state.time_floor == due, "the time floor is {}", state.time_floor);
            }
            None if !taken && leaves.learned == 0 => {
                assert!(state.time_floor == before.state.time_floor, "the time floor moved");
            }
            None => (),
        }
        if let Some(floor) = &leaves.floor {
            let (channel, floor) = floor.split_once(' ').unwrap_or(("platform", floor));
            let found =
                state.channel(&cluster, &channel.parse().unwrap()).floor.map(|it| it.position.to_string());
            assert!(found.as_deref() == Some(floor), "the floor is {found:?}");
        }
        if let Some(latest) = &leaves.latest {
            let found = state.channel(&cluster, &"platform".parse().unwrap()).latest;
            let found = found.map(|it| it.position.to_string());
            assert!(found.as_deref() == Some(latest.as_str()), "the newest known is {found:?}");
        }
    }
}

fn quiet() -> OnBytes {
    Arc::new(|_, _| ())
}

fn said(code: &str) -> Outcome {
    Outcome { code: code.into(), ..Outcome::default() }
}

fn failed(fault: &dyn Fault) -> Outcome {
    refused(&Report::of(fault))
}

fn refused(report: &Report) -> Outcome {
    let words = std::iter::once(&report.error).chain(&report.because).cloned().collect::<Vec<_>>().join(": ");
    Outcome { code: report.code.clone(), words, ..Outcome::default() }
}

fn taken(accepted: Accepted) -> Outcome {
    let (code, words) = match &accepted {
        Accepted::Staged(_) => ("staged", String::new()),
        Accepted::Held(_) => ("held", String::new()),
        Accepted::Incomplete { damaged, .. } => {
            ("incomplete", damaged.iter().map(|it| it.what.as_str()).collect::<Vec<_>>().join("; "))
        }
    };
    Outcome { code: code.into(), words, accepted: Some(accepted), want: None }
}

/// Reads a manifest to its values, as a renderer does.
fn parse(bytes: &[u8], by: &str) -> Outcome {
    let version = if by == "v3" { yaml::Version::V3 } else { yaml::Version::V2 };
    let read = || -> Result<(), yaml::Error> {
        for document in yaml::parse(bytes, version)? {
            let value = match by {
                "strict" => document.to_value_strict()?,
                _ => document.to_value(version)?,
            };
            yaml::json::to_json(&value)?;
        }
        Ok(())
    };
    match read() {
        Ok(()) => said("ok"),
        Err(error) => Outcome { code: "yaml".into(), words: error.to_string(), ..Outcome::default() },
    }
}

/// Every file below a directory, by path, but for the lock.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                if name != "lock" {
                    files.insert(name, std::fs::read(path).unwrap());
                }
            }
        }
    }
    files
}
