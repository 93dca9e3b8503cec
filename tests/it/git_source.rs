//! Bundles from Git repositories, made by a real git and served by a real `git http-backend`, through the real gate; and
//! servers that lie.

mod hostile;
mod packs;
mod ssh;

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use airlock::{
    bundle::{Item, Medium, Role, Statement, TrustRoot, encode},
    digest::Digest,
    fault::{Fault, Report},
    reconcile::accept::{Accepted, OnBytes, accept},
    source::{
        GiveWay, Spec, Url, Volumes,
        git::{Error, Git, GitMedium, Place},
        registry::Patience,
    },
    store::{RealDisk, Store},
};
use jiff::{Timestamp, ToSpan};

use crate::support::{
    git_server::{GitServer, data},
    kit::{Cargo, Person, day, first_root, noise, sealed, statement},
    medium::{MapMedium, begin, terms},
};

/// A repository that is pushed to, a checkout, and a node.
struct Yard {
    folder: tempfile::TempDir,
}

fn git_in(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", "2026-05-01T00:00:00Z")
        .env("GIT_COMMITTER_DATE", "2026-05-01T00:00:00Z");
    for (at, (key, value)) in [
        ("user.name", "Rosa"),
        ("user.email", "rosa@example.org"),
        ("protocol.file.allow", "always"),
        ("advice.addEmbeddedRepo", "false"),
    ]
    .iter()
    .enumerate()
    {
        command.env(format!("GIT_CONFIG_KEY_{at}"), key).env(format!("GIT_CONFIG_VALUE_{at}"), value);
    }
    command.env("GIT_CONFIG_COUNT", "4");
    command
}

#[track_caller]
fn ran(command: &mut Command) -> String {
    let output = command.output().expect("`git` is needed by this test");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Yard {
    fn new() -> Self {
        Self::of("sha1")
    }

    fn of(format: &str) -> Self {
        let yard = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["served", "node"] {
            std::fs::create_dir(yard.path(name)).unwrap();
        }
        let format = format!("--object-format={format}");
        ran(git_in(&yard.path("served")).args(["init", "-q", "--bare", "-b", "main", &format, "site.git"]));
        ran(git_in(yard.folder.path()).args(["init", "-q", "-b", "main", &format, "work"]));
        yard.git(&["remote", "add", "origin", yard.path("served/site.git").to_str().unwrap()]);
        begin(yard.disk(), &first_root(), &["rosa", "rolf"]);
        yard
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn disk(&self) -> Arc<RealDisk> {
        Arc::new(RealDisk::open(&self.path("node")).unwrap())
    }

    #[track_caller]
    fn git(&self, arguments: &[&str]) -> String {
        ran(git_in(&self.path("work")).args(arguments))
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.path("work").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Commits what lies in the checkout, and pushes it.
    fn push(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["push", "-q", "--force", "origin", "main"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn clear(&self) {
        self.git(&["rm", "-rfq", "--ignore-unmatch", "."]);
    }

    /// The first form: the layout at the top of the tree.
    fn push_layout(&self, medium: &MapMedium) -> String {
        self.clear();
        for (name, bytes) in &medium.items {
            self.put(name, bytes);
        }
        self.push("a bundle")
    }

    /// The second form: a tag whose message ends with the envelope.
    fn push_tag(&self, name: &str, medium: &MapMedium) {
        self.clear();
        for (path, bytes) in &medium.items {
            match Item::parse(path).unwrap() {
                Item::Root(_) | Item::Agent => self.put(&format!(".airlock/{path}"), bytes),
                Item::Blob(digest) => self.put(&format!("anything/{}.bin", &digest.hex()[..12]), bytes),
                _ => (),
            }
        }
        self.push("its files");
        let envelope = &medium.items[&Item::Bundle.to_string()];
        std::fs::write(
            self.path("message"),
            [b"site\n\nfor people\n\n", envelope.as_slice(), b"\n"].concat(),
        )
        .unwrap();
        let message = self.path("message").display().to_string();
        self.git(&["tag", "-a", "--cleanup=verbatim", "-F", &message, name]);
        self.git(&["push", "-q", "origin", &format!("refs/tags/{name}")]);
    }

    fn source(&self, url: &str) -> Source {
        let place: Place = url.parse().unwrap();
        let objects = Some(self.path("node"));
        let spec = Spec { patience: quick(), objects, ..Spec::new(Url::Git(place.clone())) };
        Source { place, spec }
    }

    /// Takes a bundle in as a node would.
    fn accept(&self, medium: GitMedium, at: i64) -> String {
        let (store, state, _) = Store::open(self.disk(), None).unwrap();
        let mut memory = airlock::reconcile::Memory::load(&store, state).unwrap();
        let volumes = match Volumes::new(vec![Arc::new(medium)]) {
            Ok(volumes) => volumes,
            Err(error) => return error.code().to_owned(),
        };
        let quiet: OnBytes = Arc::new(|_, _| ());
        match accept(&store, &mut memory, &terms(), &volumes, day(at), &quiet) {
            Ok(Accepted::Staged(_)) => "staged".into(),
            Ok(Accepted::Held(_)) => "held".into(),
            Ok(Accepted::Incomplete { .. }) => "incomplete".into(),
            Err(error) => error.code().to_owned(),
        }
    }

    /// Fetches, takes in and keeps, as the agent does.
    #[track_caller]
    fn pull(&self, source: &Source, at: i64) -> String {
        match source.newest() {
            Err(error) => {
                whole_sentence(&error);
                error.code().to_owned()
            }
            Ok((mark, medium)) => {
                let verdict = self.accept(medium, at);
                if matches!(verdict.as_str(), "staged" | "held") {
                    source.open().accepted(&mark).unwrap();
                }
                verdict
            }
        }
    }

    /// How many packs are kept, of all repositories.
    fn packs(&self) -> usize {
        let mut count = 0;
        let mut folders = vec![self.path("node/git-v1")];
        while let Some(folder) = folders.pop() {
            let Ok(names) = std::fs::read_dir(folder) else { continue };
            for path in names.map(|it| it.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    count += usize::from(path.extension().is_some_and(|it| it == "pack"));
                }
            }
        }
        count
    }
}

/// Waits as little as a test can.
fn quick() -> Patience {
    Patience {
        connect: Duration::from_secs(5),
        pause: Duration::from_secs(20),
        document: Duration::from_secs(40),
        window: Duration::from_secs(20),
        window_bytes: 1,
    }
}

/// A place and how it is asked.
struct Source {
    place: Place,
    spec: Spec,
}

impl Source {
    fn open(&self) -> Git {
        Git::open(&self.place, &self.spec, &GiveWay::default()).unwrap()
    }

    fn newest(&self) -> Result<(String, GitMedium), Error> {
        let git = Git::open(&self.place, &self.spec, &GiveWay::default())?;
        Ok(git.medium(None)?.expect("nothing is known before"))
    }

    #[track_caller]
    fn refuses(&self, code: &str) -> Report {
        let error = self.newest().expect_err(code);
        whole_sentence(&error);
        assert_eq!(error.code(), code, "{error}: {:?}", std::error::Error::source(&error));
        Report::of(&error)
    }
}

/// Every refusal says where, why and what to do.
#[track_caller]
fn whole_sentence(error: &Error) {
    let report = Report::of(error);
    assert!(!report.error.is_empty() && report.hint.is_some(), "{report:?}");
    assert!(!report.error.contains('\n'), "{report:?}");
}

fn cargo(seed: u64) -> Cargo {
    let blobs: Vec<Vec<u8>> = (0..4).map(|at| noise(seed * 10 + at, 20_000)).collect();
    Cargo::of(&noise(seed, 3_000), 3_000, &blobs.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn roots() -> [(u32, Vec<u8>); 1] {
    [(1, sealed(Role::Root, &first_root(), &["rosa", "rolf"]))]
}

/// Bundle `sequence`, signed by these people.
fn bundle(sequence: u64, people: &[&str]) -> MapMedium {
    let cargo = cargo(sequence);
    MapMedium::of(&roots(), &statement(&first_root(), sequence, &cargo), people, &cargo)
}

const SIGNERS: [&str; 2] = ["bea", "ben"];

#[test]
fn both_forms_come_by_https_and_history_grows() {
    for format in ["sha1", "sha256"] {
        let yard = Yard::of(format);
        let server = GitServer::start(&yard.path("served"), Some("server.pem"));
        let mut source = yard.source(&server.url("site.git", "refs/heads/main"));
        source.spec.ca = Some(data("ca.pem"));
        yard.push_layout(&bundle(1, &SIGNERS));
        assert_eq!(yard.pull(&source, 2), "staged", "{format}");
        assert_eq!(yard.pull(&source, 2), "held");
        assert_eq!(yard.packs(), 1, "what is here is not asked for");
        let (mark, _) = source.newest().unwrap();
        assert!(source.open().medium(Some(&mark)).unwrap().is_none(), "the same answer is not read again");
        let asked = server.asked();
        assert!(asked.iter().all(|it| it.headers["git-protocol"] == "version=2"), "{asked:?}");
        assert!(asked.iter().all(|it| it.headers["user-agent"].starts_with("git/airlock-")));

        // What comes next is asked for by what is here.
        yard.push_layout(&bundle(2, &SIGNERS));
        server.asked();
        assert_eq!(yard.pull(&source, 3), "staged");
        assert_eq!(yard.packs(), 2);
        let question = server.asked().into_iter().map(|it| String::from_utf8_lossy(&it.body).into_owned());
        let question = question.filter(|it| it.contains("want ")).collect::<String>();
        assert!(question.contains("have ") && question.contains("done"), "{question}");
        assert!(!question.contains("shallow") && !question.contains("deepen"), "{question}");

        // The newest tag of a pattern, by number.
        let mut tags = yard.source(&server.url("site.git", "site-1-*"));
        tags.spec.ca = Some(data("ca.pem"));
        yard.push_tag("site-1-9", &bundle(9, &SIGNERS));
        assert_eq!(yard.pull(&tags, 10), "staged");
        yard.push_tag("site-1-10", &bundle(10, &SIGNERS));
        assert_eq!(yard.pull(&tags, 11), "staged");
        assert_eq!(yard.pull(&tags, 11), "held");
        let (mark, medium) = tags.newest().unwrap();
        assert!(mark.starts_with("refs/tags/site-1-10@"), "{mark}");
        assert_eq!(medium.roots().unwrap(), [1]);
        assert!(medium.label().contains("site-1-10"), "{}", medium.label());

        // A node that lost its objects, not its memory of what it accepted.
        let house = std::fs::read_dir(yard.path("node/git-v1")).unwrap().next().unwrap().unwrap().path();
        std::fs::remove_dir_all(house.join(format!("objects-{format}"))).unwrap();
        assert_eq!(yard.pull(&tags, 11), "held");
        // And one that lost power while it wrote.
        std::fs::write(house.join("writing"), b"").unwrap();
        assert_eq!(yard.pull(&tags, 11), "held");
        assert_eq!(yard.packs(), 1, "all of it came anew");
    }
}

#[test]
fn the_gate_is_the_one_of_sticks() {
    let yard = Yard::new();
    let server = GitServer::start(&yard.path("served"), None);
    let source = yard.source(&server.url("site.git", "refs/heads/main"));
    yard.push_layout(&bundle(3, &["bea"]));
    assert_eq!(yard.pull(&source, 4), "threshold");
    yard.push_layout(&bundle(3, &["bea", "tom"]));
    assert_eq!(yard.pull(&source, 4), "threshold");
    yard.push_layout(&bundle(3, &SIGNERS));
    assert_eq!(yard.pull(&source, 4), "staged");
    yard.push_layout(&bundle(2, &SIGNERS));
    assert_eq!(yard.pull(&source, 4), "rollback");
    let mut other = bundle(4, &SIGNERS);
    let changed =
        other.items.iter().find(|(name, bytes)| name.starts_with("blobs/") && bytes.len() == 20_000);
    let name = changed.unwrap().0.clone();
    other.items.insert(name, noise(99, 20_000));
    yard.push_layout(&other);
    assert_eq!(yard.pull(&source, 5), "incomplete", "a blob that is another one is not taken");
    // The same of a tag, whose files are found by what they hold.
    let mut less = bundle(5, &SIGNERS);
    let name = less.items.iter().find(|(_, bytes)| bytes.len() == 20_000).unwrap().0.clone();
    less.items.remove(&name);
    yard.push_tag("site-1-5", &less);
    assert_eq!(yard.pull(&yard.source(&server.url("site.git", "site-1-5")), 6), "incomplete");
    // An envelope that is none, in a message.
    let mut broken = bundle(6, &SIGNERS);
    let payload = b"{}";
    let signatures = [Person::named("bea").sign(Role::Card, payload)];
    broken.put(Item::Bundle, encode(Role::Card, payload, &signatures));
    yard.push_tag("site-1-6", &broken);
    assert_ne!(yard.pull(&yard.source(&server.url("site.git", "site-1-6")), 6), "staged");
}

#[test]
fn history_is_not_rewritten_and_tags_do_not_move() {
    let yard = Yard::new();
    let server = GitServer::start(&yard.path("served"), None);
    let source = yard.source(&server.url("site.git", "main"));
    let first = yard.push_layout(&bundle(1, &SIGNERS));
    yard.push_layout(&bundle(2, &SIGNERS));
    assert_eq!(yard.pull(&source, 3), "staged");
    let accepted = yard.git(&["rev-parse", "HEAD"]);

    // An honest bundle on a history that forgot the one before.
    yard.git(&["reset", "-q", "--hard", &first]);
    yard.push_layout(&bundle(3, &SIGNERS));
    let report = source.refuses("rewritten");
    assert!(report.because[0].contains(&accepted), "{report:?}");
    // What a replacement says is no history.
    let orphan = yard.git(&["rev-parse", "HEAD"]);
    yard.git(&["replace", "--graft", &orphan, &accepted]);
    yard.git(&["push", "-q", "origin", "refs/replace/*"]);
    source.refuses("rewritten");
    yard.git(&["replace", "-d", &orphan]);
    // A merge that has both brings it back.
    yard.git(&["merge", "-q", "-s", "ours", "-m", "together", &accepted]);
    yard.git(&["push", "-q", "origin", "main"]);
    assert_eq!(yard.pull(&source, 4), "staged");

    // A tag that was accepted is what it was.
    let tags = yard.source(&server.url("site.git", "refs/tags/site-1-4"));
    yard.push_tag("site-1-4", &bundle(4, &SIGNERS));
    assert_eq!(yard.pull(&tags, 5), "staged");
    yard.git(&["tag", "-d", "site-1-4"]);
    yard.git(&["push", "-q", "origin", ":refs/tags/site-1-4"]);
    yard.push_tag("site-1-4", &bundle(5, &SIGNERS));
    tags.refuses("moved_tag");
    // A ref is named by the server, a tag by its maker.
    yard.push_tag("site-1-6", &bundle(6, &SIGNERS));
    yard.git(&["push", "-q", "origin", "refs/tags/site-1-6:refs/tags/site-1-7"]);
    yard.source(&server.url("site.git", "refs/tags/site-1-7")).refuses("moved_tag");
    yard.source(&server.url("site.git", "site-1-*")).refuses("moved_tag");
    // A tag of something that is no commit, and one of a tag.
    yard.git(&["tag", "-a", "-m", "of a tree", "tree", "HEAD^{tree}"]);
    yard.git(&["tag", "-a", "-m", "of a tag", "tagtag", "site-1-6"]);
    yard.git(&["push", "-q", "origin", "tree", "tagtag"]);
    yard.source(&server.url("site.git", "tree")).refuses("no_bundle");
    yard.source(&server.url("site.git", "tagtag")).refuses("no_bundle");
}

#[test]
fn trees_hold_files_and_nothing_else() {
    let yard = Yard::new();
    let server = GitServer::start(&yard.path("served"), None);
    let source = yard.source(&server.url("site.git", "main"));
    let good = bundle(1, &SIGNERS);
    let check = |code: &str, path: &str| {
        yard.push("changed");
        let report = source.refuses(code);
        assert!(report.because.iter().any(|it| it.contains(path)), "{report:?}");
        assert_eq!(report.class, airlock::fault::Class::Denied);
    };
    yard.push_layout(&good);
    symlink("/etc/passwd", yard.path("work").join("passwd")).unwrap();
    check("git_tree", "passwd: it is a symbolic link");
    yard.push_layout(&good);
    let blobs = yard.path("work").join("blobs");
    std::fs::rename(&blobs, yard.path("elsewhere")).unwrap();
    symlink("../elsewhere", &blobs).unwrap();
    check("git_tree", "blobs: it is a symbolic link");
    yard.push_layout(&good);
    let head = yard.git(&["rev-parse", "HEAD"]);
    yard.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},module")]);
    yard.git(&["commit", "-q", "-m", "a submodule"]);
    yard.git(&["push", "-q", "--force", "origin", "main"]);
    let report = source.refuses("git_tree");
    assert!(report.because[0].contains("module: it is a submodule"), "{report:?}");
    yard.git(&["reset", "-q", "--hard", "HEAD~1"]);
    yard.put("Notes.md", b"1");
    yard.put("notes.MD", b"2");
    check("git_tree", "capitals");
    yard.push_layout(&good);
    yard.put("notes/a", b"1");
    yard.put("NOTES/b", b"2");
    check("git_tree", "capitals");
    yard.push_layout(&good);
    yard.put("a\\b", b"1");
    check("git_tree", "name like this");
    yard.push_layout(&good);
    assert_eq!(yard.pull(&source, 2), "staged", "what was wrong is gone");

    // Something that is no bundle at all.
    yard.clear();
    yard.put("README.md", b"hello");
    yard.push("nothing");
    source.refuses("no_bundle");
    yard.source(&server.url("site.git", "nothing")).refuses("source_missing");
    yard.source(&server.url("site.git", "refs/tags/nothing-*")).refuses("source_missing");
    yard.source(&server.url("other.git", "main")).refuses("source_missing");
}

#[test]
fn a_source_of_a_bundle_is_the_files_of_a_commit() {
    let yard = Yard::new();
    let server = GitServer::start(&yard.path("served"), None);
    yard.put("base/app.yaml", b"kind: ConfigMap\n");
    yard.put("run.sh", b"#!/bin/sh\n");
    std::fs::set_permissions(yard.path("work/run.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    symlink("base/app.yaml", yard.path("work/link")).unwrap();
    let first = yard.push("one");
    let source = yard.source(&server.url("site.git", "main"));
    let (commit, tree) = source.open().files(None).unwrap();
    assert_eq!(commit, first);
    let expect = yard.git(&["rev-parse", "HEAD^{tree}"]);
    assert_eq!(
        airlock::trust::git::tree_id(&tree, airlock::trust::git::Hash::Sha1).unwrap().to_string(),
        expect
    );
    assert_eq!(tree.len(), 3);
    yard.put("base/app.yaml", b"kind: Secret\n");
    let second = yard.push("two");
    let (commit, tree) = source.open().files(Some(&first)).unwrap();
    assert_eq!(
        (commit, tree.file("base/app.yaml")),
        (first.clone(), Some(&b"kind: ConfigMap\n"[..])),
        "a pin holds"
    );
    assert_eq!(source.open().files(None).unwrap().0, second);
    server.lie(|_| Some(crate::support::git_server::Lie::Whole(500, vec![], vec![])));
    assert_eq!(source.open().files(Some(&first)).unwrap().0, first, "nobody is asked for what is here");
    server.repent();
    let other = "1".repeat(40);
    assert_eq!(source.open().files(Some(&other)).unwrap_err().code(), "rewritten");
    yard.git(&["checkout", "-q", "--orphan", "new"]);
    yard.git(&["commit", "-q", "-m", "anew"]);
    yard.git(&["push", "-q", "--force", "origin", "new:main"]);
    let mut elsewhere = yard.source(&source.place.to_string());
    // Nothing is kept where nobody says where.
    elsewhere.spec.objects = None;
    assert_eq!(
        elsewhere.open().files(Some(&first)).unwrap_err().code(),
        "rewritten",
        "a pin is part of the history"
    );
}

#[test]
fn bundles_of_git_travel_on_sticks() {
    let yard = Yard::new();
    let file = |name: &str| yard.path(name).display().to_string();
    let source = |name: &str| yard.source(&format!("file://{}", file(name)));
    yard.push_layout(&bundle(1, &SIGNERS));
    yard.git(&["bundle", "create", "-q", &file("full.bundle"), "main"]);
    let before = yard.git(&["rev-parse", "HEAD"]);
    yard.push_tag("site-1-2", &bundle(2, &SIGNERS));
    let since = format!("^{before}");
    yard.git(&["bundle", "create", "-q", &file("next.bundle"), &since, "main", "refs/tags/site-1-2"]);
    assert!(airlock::source::git::is_bundle_file(&yard.path("next.bundle")));
    assert!(!airlock::source::git::is_bundle_file(&yard.path("work/.git/HEAD")));

    source("next.bundle").refuses("source_missing");
    let main = yard.source(&format!("file://{}#main", file("next.bundle")));
    let report = main.refuses("git_bundle");
    assert!(report.error.contains(&format!("follows commit {before}")), "{report:?}");
    assert_eq!(yard.packs(), 0);
    assert_eq!(yard.pull(&source("full.bundle"), 2), "staged");
    let tag = yard.source(&format!("file://{}#site-1-*", file("next.bundle")));
    assert_eq!(yard.pull(&tag, 3), "staged");
    // The one before is a step back in the statement's number, not in Git.
    assert_eq!(yard.pull(&source("full.bundle"), 3), "rollback");

    let whole = std::fs::read(yard.path("full.bundle")).unwrap();
    let fresh = Yard::new();
    let check = |what: &str, bytes: &[u8], code: &str| {
        std::fs::write(fresh.path("it.bundle"), bytes).unwrap();
        let found = fresh.source(&format!("file://{}", fresh.path("it.bundle").display()));
        let report = found.refuses(code);
        assert_eq!(fresh.packs(), 0, "{what}: {report:?}");
    };
    check("cut short", &whole[..whole.len() - 1_000], "git_pack");
    check("cut in its head", &whole[..20], "git_bundle");
    check("more behind it", &[&whole[..], b"x"].concat(), "git_bundle");
    let mut flipped = whole.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    check("another sum", &flipped, "git_pack");
    let partial = String::from_utf8_lossy(&whole[..200]).replacen(
        "# v2 git bundle\n",
        "# v3 git bundle\n@filter=blob:none\n",
        1,
    );
    check("a part of the objects", partial.as_bytes(), "git_bundle");
    check("nothing of the kind", b"hello\n", "git_bundle");
    fresh.source("file:///nowhere/it.bundle").refuses("source_missing");
}

/// A source of the configuration, by the commands of an operator.
#[test]
fn commands_ask_git_servers() {
    let yard = Yard::new();
    let server = GitServer::start(&yard.path("served"), Some("server.pem"));
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let root = TrustRoot { issued: now - 24.hours(), expires: now + 8_000.hours(), ..first_root() };
    let envelope = sealed(Role::Root, &root, &["rosa", "rolf"]);
    let medium = |sequence: u64| {
        let cargo = cargo(sequence);
        let statement =
            Statement { created: now, accept_until: now + 700.hours(), ..statement(&root, sequence, &cargo) };
        MapMedium::of(&[(1, envelope.clone())], &statement, &SIGNERS, &cargo)
    };
    let before = yard.push_layout(&medium(1));
    let url = server.url("site.git", "main");
    let base = yard.folder.path().display();
    let config = yard.path("airlock.yaml");
    let text = format!(
        "cluster: ship-7\nchannels: [platform]\nrole: store\nstore: {base}/kept\nstoreId: {base}/id\n\
         socket: {base}/socket\nsite: {base}/site.yaml\nsources:\n- {{url: '{url}', ca: {}}}\n",
        data("ca.pem").display()
    );
    std::fs::write(&config, text).unwrap();
    std::fs::write(yard.path("root"), &envelope).unwrap();
    let airlock = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_airlock"))
            .args(arguments)
            .args(["--config", config.to_str().unwrap()])
            .env_clear()
            .env("TMPDIR", yard.path("served"))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code().unwrap(), told)
    };
    let digest = Digest::of(&serde_json::to_vec(&root).unwrap()).hex();
    let (code, told) = airlock(&["trust", "init", yard.path("root").to_str().unwrap(), "--sha256", &digest]);
    assert_eq!(code, 0, "{told}");
    let kept = || yard.path("kept/git-v1").exists();

    let (code, told) = airlock(&["verify", &url]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("platform") && told.contains("bea"), "{told}");
    assert!(!kept(), "who looks leaves nothing");
    assert_eq!(std::fs::read_dir(yard.path("served")).unwrap().count(), 1, "nothing at all");
    let (code, told) = airlock(&["pull"]);
    assert!(code == 0 && told.contains("accepted") && kept(), "{told}");
    let (code, told) = airlock(&["pull", &url]);
    assert!(code == 0 && told.contains("already here"), "{told}");

    // Rewritten, with an honest bundle.
    yard.git(&["checkout", "-q", "--orphan", "anew"]);
    for (name, bytes) in &medium(2).items {
        yard.put(name, bytes);
    }
    yard.git(&["add", "--all"]);
    yard.git(&["commit", "-q", "-m", "anew"]);
    yard.git(&["push", "-q", "--force", "origin", "anew:main"]);
    let (code, told) = airlock(&["pull"]);
    assert_eq!(code, 3, "{told}");
    assert!(told.contains(&before) && told.contains("history was rewritten"), "{told}");
}
