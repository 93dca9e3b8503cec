//! Git's own signatures, on objects that a real git and a real ssh-keygen make, each verdict beside that of `git
//! verify-commit` or `git verify-tag`. Where ours is stricter the row says why.

use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use airlock::{
    archive::{Node, SafePath, Tree},
    bundle::KeyId,
    fault::Fault,
    trust::git::{AllowedSigners, Commits, GitPolicy, Hash, Id, descends, tree_id},
};
use jiff::Timestamp;

const NOW: &str = "2026-06-01T00:00:00Z";

/// A repository, people with keys, and a list of who may sign.
struct Desk {
    folder: tempfile::TempDir,
    sha256: bool,
}

impl Desk {
    fn new(sha256: bool) -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap(), sha256 };
        for name in ["rosa", "rolf", "mallory", "vera", "old", "young", "twice", "gone"] {
            let file = desk.path(name);
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
                .arg(&file)
                .status()
                .expect("`ssh-keygen` is needed by this test");
            assert!(made.success());
        }
        let line = |name: &str, options: &str| {
            let key = std::fs::read_to_string(desk.path(&format!("{name}.pub"))).unwrap();
            format!("{name}@example.org {options}{key}")
        };
        let allowed = [
            line("rosa", ""),
            line("rolf", "namespaces=\"file,g?t\",valid-after=\"20200101Z\",valid-before=\"20990101Z\" "),
            line("twice", "valid-before=\"20200101Z\" "),
            line("twice", ""),
            line("vera", "namespaces=\"file\" "),
            line("old", "valid-before=\"20200101Z\" "),
            line("young", "valid-after=\"20990101Z\" "),
            line("gone", ""),
        ];
        std::fs::write(desk.path("allowed"), allowed.concat()).unwrap();
        std::fs::copy(desk.path("gone.pub"), desk.path("revoked")).unwrap();
        std::fs::create_dir(desk.path("repo")).unwrap();
        let format = if sha256 { "--object-format=sha256" } else { "--object-format=sha1" };
        desk.git(&["init", "-q", "-b", "main", format]);
        for (key, value) in [
            ("gpg.format", "ssh"),
            ("gpg.ssh.allowedSignersFile", desk.path("allowed").to_str().unwrap()),
            ("gpg.ssh.revocationFile", desk.path("revoked").to_str().unwrap()),
            ("user.name", "Rosa"),
            ("user.email", "rosa@example.org"),
            ("commit.gpgSign", "false"),
        ] {
            desk.git(&["config", key, value]);
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(arguments)
            .current_dir(self.path("repo"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", "2026-05-01T00:00:00Z")
            .env("GIT_COMMITTER_DATE", "2026-05-01T00:00:00Z");
        command
    }

    #[track_caller]
    fn git(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.command(arguments).output().expect("`git` is needed by this test");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    #[track_caller]
    fn text(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.git(arguments)).unwrap().trim().to_owned()
    }

    fn id(&self, name: &str) -> Id {
        Id::parse(&self.text(&["rev-parse", name])).unwrap()
    }

    fn raw(&self, kind: &str, id: &str) -> Vec<u8> {
        self.git(&["cat-file", kind, id])
    }

    /// Commits something new, signed by that person.
    fn commit(&self, by: Option<&str>, more: &[&str]) -> String {
        let key = by.map(|name| format!("--gpg-sign={}", self.path(&format!("{name}.pub")).display()));
        let mut arguments = vec!["commit", "-q", "--allow-empty", "-m", "a change"];
        arguments.extend(key.as_deref());
        arguments.extend(more);
        self.git(&arguments);
        self.text(&["rev-parse", "HEAD"])
    }

    /// Writes an object as somebody made it up.
    fn write(&self, kind: &str, raw: &[u8]) -> String {
        let mut child = self
            .command(&["hash-object", "-t", kind, "-w", "--stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), raw).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A commit whose signature was made by hand, in that namespace.
    fn by_hand(&self, namespace: &str, times: usize) -> String {
        let unsigned = self.raw("commit", &self.commit(None, &[]));
        std::fs::write(self.path("payload"), &unsigned).unwrap();
        let _ = std::fs::remove_file(self.path("payload.sig"));
        let signed = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
            .args([self.path("rosa"), self.path("payload")])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(signed.success());
        let armour = std::fs::read_to_string(self.path("payload.sig")).unwrap();
        self.write("commit", &signed_with(&unsigned, &armour, times, self.sha256))
    }

    fn policy_says(&self, name: &str, is_tag: bool) -> String {
        let allowed = AllowedSigners::parse(&std::fs::read_to_string(self.path("allowed")).unwrap()).unwrap();
        let revoked = std::fs::read_to_string(self.path("revoked")).unwrap();
        let revoked = AllowedSigners::parse(&format!("gone {revoked}")).unwrap();
        let revoked: Vec<KeyId> = revoked.lines().map(|it| it.key.id()).collect();
        let time: Timestamp = NOW.parse().unwrap();
        let policy = GitPolicy { allowed: &allowed, revoked: &revoked, time };
        let verdict = if is_tag {
            let id = self.id(&format!("refs/tags/{name}"));
            policy.tag(&id, name, &self.raw("tag", &id.to_string())).map(|(_, signed)| signed)
        } else {
            let id = self.id(name);
            policy.commit(&id, &self.raw("commit", name)).map(|(_, signed)| signed)
        };
        match verdict {
            Ok(signed) => format!("good {}", signed.principals),
            Err(refusal) => refusal.code().to_owned(),
        }
    }

    fn git_says(&self, name: &str, is_tag: bool) -> bool {
        let verb = if is_tag { "verify-tag" } else { "verify-commit" };
        let Output { status, .. } = self.command(&[verb, name]).output().unwrap();
        status.success()
    }

    /// Holds our verdict and git's against what is expected of both.
    #[track_caller]
    fn check(&self, what: &str, name: &str, is_tag: bool, git: bool, ours: &str) {
        assert_eq!(
            (self.git_says(name, is_tag), self.policy_says(name, is_tag).as_str()),
            (git, ours),
            "{what}"
        );
    }
}

/// A commit with a signature put into its header so many times, as git does it.
fn signed_with(unsigned: &[u8], armour: &str, times: usize, sha256: bool) -> Vec<u8> {
    let text = String::from_utf8(unsigned.to_vec()).unwrap();
    let (header, message) = text.split_once("\n\n").unwrap();
    let name = if sha256 { "gpgsig-sha256" } else { "gpgsig" };
    let field = format!("\n{name} {}", armour.trim_end().replace('\n', "\n "));
    format!("{header}{}\n\n{message}", field.repeat(times)).into_bytes()
}

fn commits(sha256: bool) {
    let desk = Desk::new(sha256);
    let good = desk.commit(Some("rosa"), &[]);
    desk.check("a good one", &good, false, true, "good rosa@example.org");
    desk.check("by a key that nobody listed", &desk.commit(Some("mallory"), &[]), false, false, "signer");
    desk.check("by a key for files alone", &desk.commit(Some("vera"), &[]), false, false, "signer");
    // Whose name a commit carries is anybody's claim; whose key signed it is what counts, here and there.
    desk.check(
        "under another name than the key's",
        &desk.commit(Some("rolf"), &[]),
        false,
        true,
        "good rolf@example.org",
    );
    desk.check(
        "by a key that is listed twice, and ran out once",
        &desk.commit(Some("twice"), &[]),
        false,
        true,
        "good twice@example.org",
    );
    desk.check("signed by hand", &desk.by_hand("git", 1), false, true, "good rosa@example.org");
    desk.check("signed as a file", &desk.by_hand("file", 1), false, false, "signer");
    desk.check("nobody signed it", &desk.commit(None, &[]), false, false, "unsigned");
    desk.check("by a key that ran out", &desk.commit(Some("old"), &[]), false, false, "key_expired");
    desk.check("by a key of the future", &desk.commit(Some("young"), &[]), false, false, "key_expired");
    desk.check("by a revoked key", &desk.commit(Some("gone"), &[]), false, false, "revoked");

    // Git asks at the time that the commit claims; whoever stole an old key claims any.
    let mut backdated = desk.command(&["commit", "-q", "--allow-empty", "-m", "x", "--no-edit"]);
    backdated.arg(format!("--gpg-sign={}", desk.path("old.pub").display()));
    backdated.env("GIT_COMMITTER_DATE", "2019-06-01T00:00:00Z");
    assert!(backdated.status().unwrap().success());
    let backdated = desk.text(&["rev-parse", "HEAD"]);
    desk.check("by a key that ran out, backdated", &backdated, false, true, "key_expired");

    // Changed after it was signed: it is another object, with a signature of the first.
    let raw = String::from_utf8(desk.raw("commit", &good)).unwrap();
    let altered = desk.write("commit", raw.replace("a change", "another").as_bytes());
    desk.check("altered", &altered, false, false, "signer");

    // Git puts two signatures one after the other, and ssh-keygen reads the first. No git makes such a commit.
    desk.check("signed twice", &desk.by_hand("git", 2), false, true, "git_object");

    let unsigned = desk.raw("commit", &desk.commit(None, &[]));
    let pgp = "-----BEGIN PGP SIGNATURE-----\n\niQEzBAABCAAdFiEE\n-----END PGP SIGNATURE-----\n";
    let pgp = desk.write("commit", &signed_with(&unsigned, pgp, 1, sha256));
    desk.check("signed with PGP", &pgp, false, false, "unsigned");

    // A merge of a signed tag carries the whole tag in its header.
    desk.git(&["checkout", "-q", "-b", "side", &good]);
    desk.commit(Some("rosa"), &[]);
    let key = desk.path("rosa.pub").display().to_string();
    desk.git(&["tag", "-s", "-u", &key, "-m", "for the merge", "side-1"]);
    desk.git(&["checkout", "-q", "main"]);
    let sign = format!("--gpg-sign={key}");
    desk.git(&["merge", "-q", "--no-ff", &sign, "-m", "merged", "side-1"]);
    let merge = desk.text(&["rev-parse", "HEAD"]);
    assert!(String::from_utf8_lossy(&desk.raw("commit", &merge)).contains("\nmergetag object "));
    desk.check("a merge", &merge, false, true, "good rosa@example.org");

    // Under a name that is not its own.
    let allowed = AllowedSigners::parse(&std::fs::read_to_string(desk.path("allowed")).unwrap()).unwrap();
    let policy = GitPolicy { allowed: &allowed, revoked: &[], time: NOW.parse().unwrap() };
    let error = policy.commit(&desk.id(&merge), &desk.raw("commit", &good)).unwrap_err();
    assert_eq!(error.code(), "tampered");
}

#[test]
fn commits_as_git_judges_them() {
    commits(false);
}

#[test]
fn commits_of_a_sha256_repository() {
    commits(true);
}

#[test]
fn tags_as_git_judges_them() {
    for sha256 in [false, true] {
        let desk = Desk::new(sha256);
        desk.commit(None, &[]);
        let tag = |name: &str, by: &str| {
            let key = desk.path(&format!("{by}.pub")).display().to_string();
            desk.git(&["tag", "-s", "-u", &key, "-m", "a release\n\n-----BEGIN of a story", name]);
        };
        tag("v1", "rosa");
        desk.check("a good one", "v1", true, true, "good rosa@example.org");
        tag("v2", "mallory");
        desk.check("by a key that nobody listed", "v2", true, false, "signer");
        desk.git(&["tag", "-a", "-m", "not signed", "v3"]);
        desk.check("not signed", "v3", true, false, "unsigned");
        // A ref is not signed: whoever serves the repository points it anywhere.
        let id = desk.text(&["rev-parse", "refs/tags/v1"]);
        desk.git(&["update-ref", "refs/tags/v4", &id]);
        desk.check("moved", "v4", true, true, "moved_tag");
        tag("v6", "vera");
        desk.check("by a key for files alone", "v6", true, false, "signer");
        tag("v7", "old");
        desk.check("by a key that ran out", "v7", true, false, "key_expired");
        // As with commits: git asks at the time that the tag claims.
        let key = format!("--local-user={}", desk.path("old.pub").display());
        let mut backdated = desk.command(&["tag", "-s", &key, "-m", "x", "v8"]);
        backdated.env("GIT_COMMITTER_DATE", "2019-06-01T00:00:00Z");
        assert!(backdated.status().unwrap().success());
        desk.check("by a key that ran out, backdated", "v8", true, true, "key_expired");
        tag("v5", "gone");
        desk.check("by a revoked key", "v5", true, false, "revoked");
        let raw = desk.raw("tag", "v1");
        let altered = String::from_utf8(raw).unwrap().replace("a release", "a rollback");
        let id = desk.write("tag", altered.as_bytes());
        desk.git(&["update-ref", "refs/tags/v1", &id]);
        desk.check("altered", "v1", true, false, "signer");
    }
}

struct Repo<'a>(&'a Desk);

impl Commits for Repo<'_> {
    fn read(&self, id: &Id) -> Option<Vec<u8>> {
        let mut command = self.0.command(&["--no-replace-objects", "cat-file", "commit", &id.to_string()]);
        let output = command.output().unwrap();
        output.status.success().then_some(output.stdout)
    }
}

#[test]
fn history_that_was_accepted_is_part_of_what_comes_next() {
    let desk = Desk::new(false);
    let says = |desk: &Desk, new: &str, old: &str| {
        let found = descends(&desk.id(new), &desk.id(old), &Repo(desk), 100);
        found.map_or_else(|error| error.code().to_owned(), |()| "descends".to_owned())
    };
    let first = desk.commit(None, &[]);
    let second = desk.commit(None, &[]);
    desk.git(&["checkout", "-q", "-b", "side", &first]);
    let side = desk.commit(None, &["-m", "side"]);
    desk.git(&["checkout", "-q", "main"]);
    desk.git(&["merge", "-q", "--no-ff", "-m", "merged", "side"]);
    let merge = desk.text(&["rev-parse", "HEAD"]);
    for (new, old, expect) in [
        (&merge, &merge, "descends"),
        (&merge, &first, "descends"),
        (&merge, &side, "descends"),
        (&second, &side, "rewritten"),
        (&first, &second, "rewritten"),
    ] {
        assert_eq!(says(&desk, new, old), expect, "{new} {old}");
    }
    let rewritten = desk.commit(None, &["--amend", "-m", "rewritten"]);
    assert_eq!(says(&desk, &rewritten, &merge), "rewritten");
    // A replacement makes git believe what no signature covers.
    desk.git(&["checkout", "-q", "--orphan", "elsewhere"]);
    let orphan = desk.commit(None, &["-m", "from nowhere"]);
    desk.git(&["replace", "--graft", &orphan, &merge]);
    let believes = desk.command(&["merge-base", "--is-ancestor", &merge, &orphan]).status().unwrap();
    assert!(believes.success());
    assert_eq!(says(&desk, &orphan, &merge), "rewritten");
    desk.git(&["replace", "-d", &orphan]);
    // A clone that is cut short cannot say.
    let shallow = Desk { folder: tempfile::tempdir().unwrap(), sha256: false };
    let source = format!("file://{}", desk.path("repo").display());
    let cloned = Command::new("git")
        .args(["clone", "-q", "--depth", "1", "--branch", "main", &source])
        .arg(shallow.path("repo"))
        .status()
        .unwrap();
    assert!(cloned.success());
    let found = descends(&shallow.id("HEAD"), &Id::parse(&first).unwrap(), &Repo(&shallow), 100);
    assert_eq!(found.unwrap_err().code(), "shallow");
    let found = descends(&desk.id(&rewritten), &desk.id(&first), &Repo(&desk), 1);
    assert_eq!(found.unwrap_err().code(), "shallow", "too far is not looked at");
}

#[test]
fn files_have_the_name_that_git_gives_them() {
    for (sha256, hash) in [(false, Hash::Sha1), (true, Hash::Sha256)] {
        let desk = Desk::new(sha256);
        let files: [(&str, &[u8], bool); 8] = [
            ("a", b"1", false),
            ("a.b", b"2", false),
            ("a-", b"", false),
            ("ab/c/d/e.txt", b"deep\n", false),
            ("ab.txt", b"\0\xff", false),
            ("bin/run", b"#!/bin/sh\n", true),
            ("ünïcode", b"3", false),
            ("B", b"upper", false),
        ];
        let mut nodes = Vec::new();
        for (name, bytes, executable) in files {
            let path = desk.path("repo").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
            let mode = if executable { 0o755 } else { 0o644 };
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
            nodes.push((SafePath::new(name).unwrap(), Node::File { bytes: bytes.into(), executable }));
        }
        std::os::unix::fs::symlink("ab/c", desk.path("repo").join("link")).unwrap();
        nodes.push((SafePath::new("link").unwrap(), Node::Symlink { target: "ab/c".into() }));
        desk.git(&["add", "--all"]);
        let theirs = desk.text(&["write-tree"]);
        assert_eq!(tree_id(&Tree::new(nodes).unwrap(), hash).unwrap().to_string(), theirs);
        let hidden = Tree::new([(SafePath::new("sub/.GIT").unwrap(), Node::file("x"))]).unwrap();
        assert_eq!(tree_id(&hidden, hash).unwrap_err().code(), "git_tree");
    }
}
