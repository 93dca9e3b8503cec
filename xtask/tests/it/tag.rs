//! Bundles into Git repositories and out of them: what `bundle tag` makes passes git's own checks, and comes back whole;
//! sources of bundles that servers hold are pinned.

use std::{fs, io::Read as _, path::Path, sync::Arc};

use airlock::{
    bundle::{Item, Medium as _, pieces},
    digest::Digest,
    source::{
        GiveWay, Spec, Url, Volumes,
        git::{Git, Place},
    },
};
use xtask::bundle::{self, Lock, Opened, Tagged};

use crate::hands::{Hands, run};

fn git(folder: &Path, arguments: &[&str]) -> String {
    let always = ["-C", folder.to_str().unwrap(), "-c", "user.name=a", "-c", "user.email=a@example.org"];
    let output = run("git", always.iter().chain(arguments), b"");
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn repository(hands: &Hands, name: &str, format: &str) -> std::path::PathBuf {
    let path = hands.path(name);
    fs::create_dir(&path).unwrap();
    git(&path, &["init", "--quiet", "--bare", &format!("--object-format={format}")]);
    path
}

/// What a node sees of a repository that a stick brought.
fn carried(hands: &Hands, repository: &Path, asked: &str) -> Volumes {
    let file = hands.path("carried.bundle");
    git(repository, &["bundle", "create", "--quiet", file.to_str().unwrap(), "--all"]);
    let place: Place = format!("file://{}#{asked}", file.display()).parse().unwrap();
    let spec = Spec::new(Url::Git(place.clone()));
    let opened = Git::open(&place, &spec, &GiveWay::default()).unwrap();
    let (_, medium) = opened.medium(None).unwrap().unwrap();
    Volumes::new(vec![Arc::new(medium)]).unwrap()
}

#[test]
fn a_bundle_becomes_a_tag_and_comes_back_whole() {
    for format in ["sha1", "sha256"] {
        let mut hands = Hands::with_everything();
        let repository = repository(&hands, "site.git", format);
        let to = Tagged { repository: &repository, branch: "bundles", by: "Airlock <airlock@localhost>" };
        let options = hands.options("everything");
        let built = hands.built(&options, &["d"]);
        let refused = bundle::tag(&built.directory, &to, None).unwrap_err();
        assert!(format!("{refused:#}").contains("goes nowhere before it is signed"), "{refused:#}");
        hands.built(&options, &["e"]);
        let told = bundle::tag(&built.directory, &to, None).unwrap();
        assert!(told.starts_with("tag everything-1-1 at commit "), "{told}");
        assert!(told.contains("push --atomic origin bundles refs/tags/everything-1-1"), "{told}");
        let first = git(&repository, &["rev-parse", "refs/tags/everything-1-1"]);
        assert!(bundle::tag(&built.directory, &to, None).unwrap().contains("there already"));
        git(&repository, &["fsck", "--strict", "--no-dangling"]);
        assert_eq!(git(&repository, &["cat-file", "-t", "everything-1-1"]), "tag");
        let files = git(&repository, &["ls-tree", "-r", "--name-only", "everything-1-1"]);
        for name in [
            ".airlock/trust/0001.root.dsse",
            ".airlock/inventory.jsonl",
            "entries/plain.tar.zst",
            "files/bin/tool",
        ] {
            assert!(files.lines().any(|it| it == name), "{name} is not in\n{files}");
        }

        // The next one follows it.
        fs::write(hands.path("bundles/everything/tool"), "#!/bin/sh\nexit 1\n").unwrap();
        hands.world.now = "2026-10-02T12:00:00Z".parse().unwrap();
        let next = bundle::Options { next: true, ..hands.options("everything") };
        let second = hands.built(&next, &["d", "e"]);
        bundle::tag(&second.directory, &to, None).unwrap();
        assert_eq!(
            git(&repository, &["rev-parse", "everything-1-2~1"]),
            git(&repository, &["rev-parse", "everything-1-1^{}"])
        );
        assert_eq!(
            git(&repository, &["rev-parse", "bundles"]),
            git(&repository, &["rev-parse", "everything-1-2^{}"])
        );

        // And all of it comes back.
        let volumes = carried(&hands, &repository, "everything-1-*");
        let opened = Opened::open(&second.directory).unwrap();
        assert_eq!(volumes.payload(), opened.envelope.digest());
        assert_eq!(volumes.roots().unwrap(), [1]);
        let heads = [opened.statement.inventory.digest, opened.statement.release.digest];
        for digest in pieces(&opened.inventory).iter().map(|it| it.digest).chain(heads) {
            let mut bytes = Vec::new();
            let found =
                volumes.open(Item::Blob(digest)).unwrap().unwrap_or_else(|| panic!("{digest} is not there"));
            assert_eq!(found.size, { found.reader }.read_to_end(&mut bytes).unwrap() as u64);
            assert_eq!(Digest::of(&bytes), digest);
        }

        // The same bundle makes the same tag anywhere.
        let other = self::repository(&hands, "other.git", format);
        bundle::tag(&built.directory, &Tagged { repository: &other, ..to.clone() }, None).unwrap();
        assert_eq!(git(&other, &["rev-parse", "refs/tags/everything-1-1"]), first);
        // A number that is taken is not taken again.
        git(
            &other,
            &["tag", "--force", "--annotate", "--message=mine", "everything-1-2", "everything-1-1^{}"],
        );
        let refused =
            bundle::tag(&second.directory, &Tagged { repository: &other, ..to.clone() }, None).unwrap_err();
        assert!(refused.to_string().contains("is there already"), "{refused}");
        // A branch that somebody works on is left alone.
        let checkout = hands.path("checkout");
        fs::create_dir(&checkout).unwrap();
        git(&checkout, &["init", "--quiet", "--initial-branch=bundles"]);
        let refused =
            bundle::tag(&built.directory, &Tagged { repository: &checkout, ..to.clone() }, None).unwrap_err();
        assert!(refused.to_string().contains("checked out"), "{refused}");
        bundle::tag(&built.directory, &Tagged { repository: &checkout, branch: "x", ..to.clone() }, None)
            .unwrap();
        let refused = bundle::tag(&built.directory, &Tagged { by: "nobody", ..to }, None).unwrap_err();
        assert!(refused.to_string().contains("`nobody` is nobody"), "{refused}");
    }
}

#[test]
fn a_source_on_a_server_is_pinned() {
    let mut hands = Hands::with_everything();
    let top = hands.path("bundles/everything");
    let repo = top.join("repo");
    let file = hands.path("repo.bundle");
    let carry = || git(&repo, &["bundle", "create", "--quiet", file.to_str().unwrap(), "main", "v1"]);
    carry();
    let text = fs::read_to_string(top.join("bundle.yaml")).unwrap();
    let local = hands.built(&hands.options("everything"), &[]);
    let pinned = Lock::read(&top).unwrap().unwrap();
    fs::remove_file(top.join("bundle.lock")).unwrap();
    let from = format!("git: {{ from: 'file://{}', ref: v1 }}", file.display());
    fs::write(top.join("bundle.yaml"), text.replace("git: { path: repo, ref: v1 }", &from)).unwrap();
    let served = hands.built(&hands.options("everything"), &[]);
    let lock = Lock::read(&top).unwrap().unwrap();
    assert_eq!(lock.sources, pinned.sources, "a server's tree is the one of a checkout");
    assert_eq!(served.statement.release, local.statement.release);

    // The tag moves; the lock does not, and needs nobody.
    git(&repo, &["commit", "--quiet", "--allow-empty", "--message=two"]);
    git(&repo, &["tag", "--force", "--annotate", "--message=two", "v1"]);
    carry();
    let again = hands.built(&hands.options("everything"), &[]);
    assert_eq!(again.digest, served.digest);
    fs::remove_file(&file).unwrap();
    assert_eq!(hands.built(&hands.options("everything"), &[]).digest, served.digest);
    carry();
    hands.world.now = "2026-10-02T12:00:00Z".parse().unwrap();
    hands.built(&bundle::Options { next: true, ..hands.options("everything") }, &[]);
    let next = Lock::read(&top).unwrap().unwrap();
    assert_eq!(next.sources["repo"].commit.as_deref(), Some(&*git(&repo, &["rev-parse", "HEAD"])));
    assert_eq!(next.sources["repo"].content, lock.sources["repo"].content);

    // An error says where the description is wrong.
    let wrong = from.replace("ref: v1", "ref: v9");
    fs::write(top.join("bundle.yaml"), text.replace("git: { path: repo, ref: v1 }", &wrong)).unwrap();
    hands.world.now = "2026-10-03T12:00:00Z".parse().unwrap();
    let options = bundle::Options { next: true, ..hands.options("everything") };
    let error = bundle::build(&options, &hands.world).unwrap_err().to_string();
    assert!(error.contains("bundle.yaml:") && error.contains("`v9`"), "{error}");
}
