//! Bundles: built from a description, signed by several hands, written onto media, and read by the node's own code.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use airlock::{
    bundle::{AgentVersion, Item, Medium},
    content::{Blobs, Content},
    digest::Digest,
    source::{Volumes, find},
    trust::{Audience, Policy, Standing, state::ChannelState},
};
use xtask::{
    bundle::{self, Form, Holds, Lock, Opened, Options},
    root::Chain,
};

use crate::{
    fixture::{DEPLOYMENT, DESCRIPTION, layout},
    hands::Hands,
};

/// All files below a directory.
fn files(top: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut ahead = vec![top.to_owned()];
    while let Some(directory) = ahead.pop() {
        for item in fs::read_dir(directory).unwrap() {
            let path = item.unwrap().path();
            match path.is_dir() {
                true => ahead.push(path),
                false => {
                    found.insert(path.strip_prefix(top).unwrap().to_owned(), fs::read(&path).unwrap());
                }
            }
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    let output = crate::hands::run("cp", ["-a", from.to_str().unwrap(), to.to_str().unwrap()], b"");
    assert!(output.status.success(), "{output:?}");
}

struct Disk(Arc<dyn Medium>, Vec<airlock::bundle::Piece>);

impl Blobs for Disk {
    fn open(&self, digest: &Digest) -> std::io::Result<Option<Box<dyn std::io::Read + Send>>> {
        let mut parts: Vec<_> =
            self.1.iter().filter(|it| it.slice.is_some_and(|it| it.blob == *digest)).collect();
        parts.sort_by_key(|it| it.slice.map(|it| it.offset));
        if parts.is_empty() {
            return Ok(self.0.open(Item::Blob(*digest))?.map(|it| it.reader));
        }
        let mut all: Box<dyn std::io::Read + Send> = Box::new(std::io::empty());
        for part in parts {
            let Some(opened) = self.0.open(Item::Blob(part.digest))? else { return Ok(None) };
            all = Box::new(std::io::Read::chain(all, opened.reader));
        }
        Ok(Some(all))
    }
}

/// A node looks at a medium: the whole gate, then every blob that the release names.
#[track_caller]
fn accepted(hands: &Hands, path: &Path) -> Content {
    let found = find(path).unwrap();
    let medium: Arc<dyn Medium> = Arc::new(Volumes::new(found.media).unwrap());
    let mut bytes = Vec::new();
    let opened = medium.open(Item::Bundle).unwrap().unwrap();
    std::io::Read::read_to_end(&mut { opened.reader }, &mut bytes).unwrap();
    let envelope = airlock::bundle::Unverified::read("bundle.dsse", bytes).unwrap();
    let root = Chain::read(&hands.path("trust")).unwrap().newest().unwrap();
    let audience = Audience {
        cluster: "ship-7".parse().unwrap(),
        channels: vec!["platform".parse().unwrap(), "logging".parse().unwrap()],
        wildcards: true,
    };
    let policy =
        Policy { root: &root, audience: &audience, time_floor: root.issued, agent: AgentVersion::this() };
    let judged = policy.verify(&envelope, |_| ChannelState::default(), hands.world.now).unwrap();
    assert_eq!(judged.standing, Standing::New);
    let inventory = airlock::content::inventory(&judged.root, &Disk(medium.clone(), Vec::new())).unwrap();
    let pieces = airlock::bundle::pieces(&inventory);
    Content::open(judged.root, Arc::new(Disk(medium, pieces))).unwrap()
}

#[test]
fn the_same_lock_gives_the_same_bytes_anywhere_and_at_any_time() {
    let mut hands = Hands::with_everything();
    let first = hands.built(&hands.options("everything"), &[]);
    let lock = fs::read(hands.path("bundles/everything/bundle.lock")).unwrap();
    // Elsewhere, a year later, from a copy whose files were made in another order.
    let there = Hands::new();
    for name in ["bundles", "trust"] {
        copy(&hands.path(name), &there.path(name));
    }
    hands.world.now = "2027-12-31T23:59:59Z".parse().unwrap();
    let elsewhere = Options {
        bundle: there.path("bundles/everything"),
        trust: there.path("trust"),
        out: there.path("elsewhere"),
        ..hands.options("everything")
    };
    let second = hands.built(&elsewhere, &[]);
    assert_eq!(files(&first.directory), files(&second.directory));
    assert_eq!(lock, fs::read(there.path("bundles/everything/bundle.lock")).unwrap());
    assert!(files(&first.directory).len() > 15, "the bundle has something in it");
    // A branch that moved on is no other bundle: the lock pins the commit.
    let repo = there.path("bundles/everything/repo");
    let git = |args: &[&str]| {
        let mut all =
            vec!["-C", repo.to_str().unwrap(), "-c", "user.name=a", "-c", "user.email=a@example.org"];
        all.extend(args);
        let output = crate::hands::run("git", all, b"");
        assert!(output.status.success(), "{output:?}");
    };
    git(&["commit", "--quiet", "--allow-empty", "--message=two"]);
    fs::write(repo.join("new"), "new").unwrap();
    git(&["add", "new"]);
    git(&["commit", "--quiet", "--message=three"]);
    git(&["tag", "--force", "v1"]);
    assert_eq!(files(&first.directory), files(&hands.built(&elsewhere, &[]).directory));
    // A file that changed is one, and is named.
    fs::write(there.path("bundles/everything/tool"), "other").unwrap();
    let error = bundle::build(&elsewhere, &hands.world).unwrap_err().to_string();
    assert!(error.contains("file `bin/tool` is sha256:") && error.contains("--next"), "{error}");
    let next = hands.built(&Options { next: true, ..elsewhere }, &[]);
    assert_eq!(next.statement.sequence, 2);
    assert_eq!(next.statement.previous.unwrap().digest, first.digest);
    let lock = Lock::read(&there.path("bundles/everything")).unwrap().unwrap();
    assert_eq!(lock.bundle, next.digest);
}

#[test]
fn a_bundle_passes_the_gate_from_every_form_of_medium() {
    let hands = Hands::with_everything();
    let built = hands.built(&hands.options("everything"), &["d"]);
    let early =
        bundle::write(&built.directory, &Form::Directory(hands.path("stick")), &[], None).unwrap_err();
    assert!(format!("{early:#}").contains("goes nowhere before it is signed"), "{early:#}");
    assert!(!hands.path("stick").exists());
    bundle::sign(&built.directory, &hands.path("e"), None, &hands.world).unwrap();
    let (stick, tar, discs) = (hands.path("stick"), hands.path("bundle.tar"), hands.path("discs"));
    let whole = bundle::write(&built.directory, &Form::Directory(stick.clone()), &[], None).unwrap();
    bundle::write(&built.directory, &Form::Tar(tar.clone()), &[], None).unwrap();
    let volumes =
        bundle::write(&built.directory, &Form::Volumes(discs.clone(), 128 * 1024), &[], None).unwrap();
    assert!(volumes.paths.len() >= 3, "{volumes:?}");
    for path in [&stick, &tar, &discs] {
        let content = accepted(&hands, path);
        let (there, absent) = Opened::open(path).unwrap().check_blobs().unwrap();
        assert_eq!((there as u64 + 2, absent), (whole.written, 0), "{}", path.display());
        for entry in &content.release().entries {
            content.read(&entry.content.digest, entry.content.size).unwrap();
        }
        let inventory = content.inventory().unwrap();
        for blob in inventory.iter() {
            content.read(&blob.digest, blob.size).unwrap();
        }
        assert!(inventory.iter().any(|it| !it.parts.is_empty()), "the large layer is in parts");
        let image = content.release().images["registry.example/shop/web:1.0"];
        assert_eq!(
            image.digest,
            layout(&hands.path("again"), &["amd64", "arm64"], 200_000),
            "the index keeps its bytes"
        );
        let layers: Vec<_> = inventory
            .iter()
            .filter(|it| it.media_type.ends_with("tar+gzip") && it.unpacked == 200_000)
            .collect();
        assert_eq!(layers.len(), 1, "the other architecture stays behind");
        assert_eq!(content.release().files["bin/tool"].digest, Digest::of(b"#!/bin/sh\n"));
        assert_eq!(content.release().entries[1].path, ".");
    }
}

#[test]
fn a_delta_leaves_out_what_the_site_holds() {
    let mut hands = Hands::with_everything();
    let options = hands.options("everything");
    let first = hands.built(&options, &["d", "e"]);
    fs::write(hands.path("bundles/everything/tool"), "other").unwrap();
    hands.world.now = "2026-10-02T12:00:00Z".parse().unwrap();
    let second = hands.built(&Options { next: true, ..options }, &["d", "e"]);
    let write = |name: &str, holds: &[Holds]| {
        bundle::write(&second.directory, &Form::Directory(hands.path(name)), holds, None).unwrap().written
    };
    let whole = write("whole", &[]);
    let above = second.directory.parent().unwrap().to_owned();
    let code = airlock::source::ShortCode::of(&airlock::source::Newest {
        at: first.statement.position(),
        digest: first.digest,
    });
    // The inventory, the release, and the one file that changed.
    for (name, holds) in [
        ("sequence", Holds::Since("1".into(), above.clone())),
        ("position", Holds::Since("1-1".into(), above.clone())),
        ("code", Holds::Since(code.to_string(), above.clone())),
        ("medium", Holds::File(first.directory)),
    ] {
        assert_eq!(write(name, &[holds]), 3, "{name} of {whole}");
        assert_eq!(
            fs::read(hands.path(name).join("bundle.dsse")).unwrap(),
            fs::read(second.directory.join("bundle.dsse")).unwrap()
        );
    }
    // A stick that came back says what is missing.
    let missing = second.statement.release.digest;
    let tool = airlock::source::Missing { digest: Digest::of(b"other"), size: 5 };
    let want = airlock::source::Want {
        cluster: "ship-7".parse().unwrap(),
        channel: "platform".parse().unwrap(),
        bundle: second.digest,
        newest: None,
        missing: vec![tool],
    };
    let list = hands.path("airlock-want.json");
    fs::write(&list, airlock::source::WantList::of(want.clone()).encode()).unwrap();
    assert_eq!(write("wanted", &[Holds::File(list.clone())]), 3);
    fs::write(
        &list,
        airlock::source::WantList::of(airlock::source::Want { bundle: missing, ..want }).encode(),
    )
    .unwrap();
    let form = Form::Directory(hands.path("other"));
    let other = bundle::write(&second.directory, &form, &[Holds::File(list)], None).unwrap_err().to_string();
    assert!(other.contains("was given another bundle"), "{other}");
    for (what, expect) in
        [("7", "no bundle `7`"), ("1-1-00000000", "no bundle"), ("latest", "neither a sequence")]
    {
        let holds = [Holds::Since(what.into(), above.clone())];
        let error = bundle::write(&second.directory, &form, &holds, None).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
}

#[test]
fn signers_sign_one_after_the_other_on_different_machines() {
    let hands = Hands::with_everything();
    let built = hands.built(&hands.options("everything"), &[]);
    let request = hands.path("travel/request");
    let told = bundle::request(&built.directory, None, &request).unwrap();
    assert!(told.contains("everything is new") && told.contains("+ Deployment/shop/web"), "{told}");
    let travels = files(&request);
    assert!(travels.values().map(Vec::len).sum::<usize>() < 20_000, "only small things travel");
    assert_eq!(
        travels.keys().filter(|it| it.starts_with("blobs")).count(),
        2,
        "the inventory and the release"
    );
    // The first signer has its own copy of the trust roots, the second believes those that came along.
    bundle::sign(&request, &hands.path("d"), Some(&hands.path("trust")), &hands.world).unwrap();
    let second = hands.path("second");
    copy(&request, &second);
    bundle::sign(&second, &hands.path("e"), None, &hands.world).unwrap();
    bundle::attach(&built.directory, &second, None).unwrap();
    assert!(bundle::standing(&built.directory, None).unwrap().contains("the gate accepts it"));
    let stranger = bundle::sign(&request, &hands.path("a"), None, &hands.world).unwrap_err().to_string();
    assert!(stranger.contains("not of channel `platform`"), "{stranger}");
    let inventory = travels.keys().find(|it| it.starts_with("blobs")).unwrap();
    fs::write(request.join(inventory), "{}").unwrap();
    let error = bundle::sign(&request, &hands.path("e"), None, &hands.world).unwrap_err();
    assert!(format!("{error:#}").contains("is not the one that is signed"), "{error:#}");
}

#[test]
fn the_examples_build_and_dev_becomes_prod() {
    let mut hands = Hands::with_root();
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../bundles");
    copy(Path::new(examples), &hands.path("bundles"));
    for name in ["harbour", "logbook"] {
        // What a reader built in this checkout is of another domain.
        let _ = fs::remove_file(hands.path("bundles").join(name).join("bundle.lock"));
    }
    hands.built(&hands.options("logbook"), &["d", "e"]);
    let dev = hands.built(&hands.options("harbour"), &["d", "e"]);
    let promote = |path: &str| Options {
        next: true,
        paths: BTreeMap::from([("environment".parse().unwrap(), path.to_owned())]),
        ..hands.options("harbour")
    };
    let (to_prod, to_nowhere, to_dev) = (promote("prod"), promote("test"), promote("dev"));
    let now = Options { next: false, ..to_prod.clone() };
    assert!(bundle::build(&now, &hands.world).unwrap_err().to_string().contains("say `--next`, too"));
    let clock = bundle::build(&to_prod, &hands.world).unwrap_err().to_string();
    assert!(clock.contains("this machine's clock"), "{clock}");
    hands.world.now = "2026-11-01T12:00:00Z".parse().unwrap();
    let nowhere = bundle::build(&to_nowhere, &hands.world).unwrap_err().to_string();
    assert!(nowhere.contains("no kustomization lies at `test`"), "{nowhere}");
    let prod = hands.built(&to_prod, &["d", "e"]);
    assert_eq!((prod.statement.sequence, prod.statement.channel.as_str()), (2, "platform"));
    let told = bundle::request(&prod.directory, Some(&dev.directory), &hands.path("request")).unwrap();
    for text in [
        "path: dev becomes prod",
        "  ~ Deployment/harbour/planner",
        "+  replicas: 3",
        "  - ConfigMap/harbour/rehearsal",
        "  + PodDisruptionBudget/harbour/planner",
    ] {
        assert!(told.contains(text), "{text} is not in\n{told}");
    }
    assert!(!told.contains("entry namespace"), "what does not change is not told:\n{told}");
    // The same lock again, and the one after it stay with prod until somebody says otherwise.
    assert_eq!(hands.built(&hands.options("harbour"), &[]).digest, prod.digest);
    hands.world.now = "2026-11-02T12:00:00Z".parse().unwrap();
    let next = hands.built(&Options { next: true, ..hands.options("harbour") }, &[]);
    assert_eq!(Opened::open(&next.directory).unwrap().release.entries[1].path, "prod");
    hands.world.now = "2026-11-03T12:00:00Z".parse().unwrap();
    hands.built(&to_dev, &[]);
    assert!(Lock::read(&hands.path("bundles/harbour")).unwrap().unwrap().paths.is_empty());
}

#[test]
fn secrets_are_told_apart_and_not_told() {
    let mut hands = Hands::with_everything();
    let options = hands.options("everything");
    let first = hands.built(&options, &["d", "e"]);
    let changed = DEPLOYMENT.replace("hunter2", "hunter3");
    fs::write(hands.path("bundles/everything/manifests/web.yaml"), changed).unwrap();
    hands.world.now = "2026-10-02T12:00:00Z".parse().unwrap();
    let second = hands.built(&Options { next: true, ..options }, &[]);
    let told = bundle::request(&second.directory, Some(&first.directory), &hands.path("request")).unwrap();
    assert!(told.contains("~ Secret/shop/token") && !told.contains("hunter"), "{told}");
}

#[test]
fn a_card_says_which_bundle_is_the_newest() {
    let hands = Hands::with_everything();
    let built = hands.built(&hands.options("everything"), &["d", "e"]);
    let card = hands.path("card.dsse");
    let make = |key: &str| bundle::card(&built.directory, &hands.path(key), &card, None, &hands.world);
    assert!(make("d").unwrap_err().to_string().contains("not of the card role"));
    assert!(make("f").unwrap().contains("not yet"));
    assert!(make("g").unwrap().contains("signed by 2 of 2"));
    assert!(fs::metadata(&card).unwrap().len() <= 1000);
}

#[track_caller]
fn refused(change: impl FnOnce(&Hands) -> String, expect: &[&str]) {
    let hands = Hands::with_everything();
    let text = change(&hands);
    fs::write(hands.path("bundles/everything/bundle.yaml"), text).unwrap();
    let error = format!("{:#}", bundle::build(&hands.options("everything"), &hands.world).unwrap_err());
    for text in expect {
        assert!(error.contains(text), "{text} is not in\n{error}");
    }
    assert!(error.contains("hint: "), "every refusal has a next step:\n{error}");
    assert!(!hands.path("out").exists() && Lock::read(&hands.path("bundles/everything")).unwrap().is_none());
}

/// A line of the description in place of another.
fn with(from: &'static str, to: &'static str) -> impl FnOnce(&Hands) -> String {
    move |_| {
        assert!(DESCRIPTION.contains(from), "{from}");
        DESCRIPTION.replace(from, to)
    }
}

#[test]
fn a_description_that_cannot_be_is_told_with_file_line_and_fix() {
    refused(
        with("audience:", "audiance:"),
        &["bundle.yaml:4:1: unknown field `audiance`", "did you mean `audience`?"],
    );
    refused(
        with("kind: manifests", "kind: manifest"),
        &["bundle.yaml:9:", "unknown variant", "did you mean `manifests`?"],
    );
    refused(with("channel: platform\n", ""), &["missing field `channel`", "add a line `channel: …`"]);
    refused(
        with("channel: platform", "channel: other"),
        &["bundle.yaml:3: trust root 1 has no channel `other`", "platform, logging"],
    );
    refused(with("from: manifests", "from: manifest"), &["bundle.yaml:10: entry `plain` cannot be had"]);
    refused(with("    from: manifests\n", ""), &["bundle.yaml:8: entry `plain` needs exactly one of"]);
    refused(with("from: chart\n", "from: manifests\n"), &["bundle.yaml:13: entry `charted`", "is no chart"]);
    refused(with("from: shop-1.0.0.tgz", "from: tool"), &["is no `.tgz`"]);
    refused(
        with("path: ./overlay", "path: ./over"),
        &["bundle.yaml:18: entry `fromgit`: no kustomization lies at"],
    );
    refused(
        with("source: repo", "source: rep"),
        &["names source `rep`, which is not there", "name one of: repo, extra"],
    );
    refused(with("ref: v1 }", "ref: v9 }"), &["bundle.yaml:23: source `repo` cannot be had", "has no `v9`"]);
    refused(with("git: { path: repo,", "git: { path: manifests,"), &["is no Git repository"]);
    refused(with("    chart: chart\n", ""), &["source `extra` needs exactly one of"]);
    refused(with("dependsOn: [plain]", "dependsOn: [plane]"), &["depends on `plane`"]);
    refused(with("name: packed", "name: charted"), &["entry `charted` is listed twice"]);
    refused(
        with("layout: layout", "layout: chart"),
        &["bundle.yaml:33: failed to take an image", "`oci-layout` is not there"],
    );
    refused(with("arch: [amd64]", "arch: [riscv64]"), &["has nothing for linux/riscv64; it has linux/amd64"]);
    refused(with("arch: [amd64]", "arch: [amd64, s390x]"), &["has nothing for linux/s390x"]);
    refused(
        with("    layout: layout", "    layout: layout\n    select: db"),
        &["`select` one of: web: 0 images of the layout are called `db`"],
    );
    refused(with("web:1.0", "Web:1.0"), &["is not an image reference"]);
    refused(with("from: tool", "from: tools"), &["file `bin/tool` cannot be had"]);
    refused(with("name: bin/tool", "name: ../tool"), &["file `../tool`"]);
    refused(with("schema: schema.json", "schema: tool"), &["the site's schema cannot be had"]);
    refused(with("audience: [ship-7]", "audience: []"), &["bundle.yaml:4: it is for nobody"]);
    refused(with("audience: [ship-7]", "audience: [Ship 7]"), &["is not a cluster id or a pattern"]);
    refused(with("partSize: 64KiB", "partSize: 5GiB"), &["bundle.yaml:5: parts of that size"]);
    refused(with("name: everything", "name: anything"), &["bundle.yaml:1: the bundle is called `anything`"]);
}

#[test]
fn a_build_fails_where_something_would_be_missing_on_the_site() {
    let manifest = |text: &'static str| {
        move |hands: &Hands| {
            fs::write(hands.path("bundles/everything/manifests/more.yaml"), text).unwrap();
            DESCRIPTION.to_owned()
        }
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: p }\n";
    let says = |spec: &str| -> &'static str { Box::leak(format!("{pod}spec: {spec}\n").into_boxed_str()) };
    let missing = |spec: &str, image: &str, place: &str| {
        refused(
            manifest(says(spec)),
            &["bundle.yaml:32: 1 images are named and not in the bundle", image, place],
        );
    };
    missing(
        "{ containers: [{ image: redis }] }",
        "docker.io/library/redis:latest",
        "spec.containers[0].image",
    );
    missing("{ initContainers: [{ image: a.b/c:1 }] }", "a.b/c:1", "spec.initContainers[0].image");
    missing("{ ephemeralContainers: [{ image: a.b/c:1 }] }", "a.b/c:1", "spec.ephemeralContainers[0].image");
    missing(
        "{ containers: [{ image: 'registry.example/shop/web:1.0' }], volumes: [{ image: { reference: a.b/c:2 } }] }",
        "a.b/c:2",
        "spec.volumes[0].image.reference",
    );
    missing(
        "{ containers: [{ image: 'registry.example/shop/web:1.1' }] }",
        "registry.example/shop/web:1.1",
        "Pod/p",
    );
    let digest = Digest::of(b"other");
    missing(
        &format!("{{ containers: [{{ image: 'registry.example/shop/web:1.0@{digest}' }}] }}"),
        &digest.to_string(),
        "Pod/p",
    );
    for (kind, inner) in [
        (
            "batch/v1\nkind: CronJob",
            "jobTemplate: { spec: { template: { spec: { containers: [{ image: a.b/c:3 }] } } } }",
        ),
        ("argoproj.io/v1alpha1\nkind: Rollout", "template: { spec: { containers: [{ image: a.b/c:3 }] } }"),
    ] {
        let text = format!("apiVersion: {kind}\nmetadata: {{ name: x }}\nspec: {{ {inner} }}\n");
        let text: &'static str = Box::leak(text.into_boxed_str());
        let apis = |hands: &Hands| manifest(text)(hands) + "apis: [argoproj.io/v1alpha1/Rollout]\n";
        refused(apis, &["a.b/c:3", "emplate"]);
    }
    refused(
        manifest("apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: { name: x }\n"),
        &["Rollout/x, and nothing brings argoproj.io/v1alpha1/Rollout"],
    );
    refused(manifest("kind: Pod\n"), &["more.yaml, document 1", "apiVersion"]);
    refused(manifest("a: [\n"), &["file `more.yaml` cannot be read as YAML"]);
    refused(
        |hands| {
            let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c }\ndata: { image: a.b/c:4 }\n";
            fs::write(hands.path("bundles/everything/manifests/more.yaml"), text).unwrap();
            format!("{DESCRIPTION}imageFields: [{{ kind: ConfigMap, path: data.image }}]\n")
        },
        &["a.b/c:4", "data.image"],
    );
    // What is declared is not missed, and the digest of one platform answers as its index does.
    let hands = Hands::with_everything();
    let index = layout(&hands.path("again"), &["amd64", "arm64"], 200_000);
    let text = format!(
        "{pod}spec: {{ containers: [{{ image: 'registry.example/shop/web@{index}' }}, {{ image: redis }}] }}\n"
    );
    fs::write(hands.path("bundles/everything/manifests/more.yaml"), text).unwrap();
    fs::write(
        hands.path("bundles/everything/bundle.yaml"),
        format!("{DESCRIPTION}external: ['redis:latest', unused]\n"),
    )
    .unwrap();
    let built = hands.built(&hands.options("everything"), &[]);
    assert!(built.notes.iter().any(|it| it.contains("docker.io/library/unused:latest")), "{:?}", built.notes);
    let release = Opened::open(&built.directory).unwrap().release;
    assert!(release.closure.unresolved.is_empty());
    assert!(release.closure.external.contains(&"docker.io/library/redis:latest".to_owned()));
}

/// A change of the entry `charted`, and a second template of its chart.
fn charted(lines: &'static str, template: &'static str) -> impl FnOnce(&Hands) -> String {
    move |hands| {
        fs::write(hands.path("bundles/everything/chart/templates/b.yaml"), template).unwrap();
        let entry = "    from: chart\n    dependsOn: [plain]\n";
        assert!(DESCRIPTION.contains(entry));
        DESCRIPTION.replace(entry, &format!("{entry}{lines}"))
    }
}

const REQUIRES: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {b: '{{ required \"no b!\" .Values.b }}'}\n";

#[test]
fn a_chart_that_is_wrong_is_refused() {
    refused(charted("", REQUIRES), &["bundle.yaml:11: entry `charted`", "no b!"]);
    refused(charted("", "a: {{ nothing }}\n"), &["entry `charted`", "function \"nothing\" not defined"]);
    // No value of the site mends what is no template.
    let from = "    valuesFrom: [{kind: Secret, name: b}]\n";
    refused(charted(from, "a: {{ nothing }}\n"), &["function \"nothing\" not defined"]);
    refused(
        |hands| {
            let schema = "{\"properties\": {\"n\": {\"type\": \"integer\"}}}";
            fs::write(hands.path("bundles/everything/chart/values.schema.json"), schema).unwrap();
            charted("    values: {n: x}\n", "")(hands)
        },
        &["entry `charted`", "at '/n': got string, want integer"],
    );
    let hook = "apiVersion: v1\nkind: Pod\nmetadata: {name: b, annotations: {helm.sh/hook: test}}\nspec: {containers: [{image: a.b/c:9}]}\n";
    refused(charted("", hook), &["a.b/c:9", "entry `charted`"]);
    for (lines, expect) in [
        ("    valuesFrom: [{kind: Secret}]\n", "needs the name of one"),
        ("    valuesFrom: [{kind: Site, name: x}]\n", "has no name"),
        ("    valuesFrom: [{kind: Secret, name: x, valuesKey: a/b}]\n", "is no key of values"),
        ("    valuesFrom: [{kind: Secret, name: x, targetPath: 'a[x]'}]\n", "is no path to a value"),
        ("    valuesFrom: [{kind: Site, valuesKey: replicas}]\n", "needs a `targetPath`"),
    ] {
        refused(charted(lines, ""), &["entry `charted`", expect]);
    }
    refused(
        with("    from: manifests\n", "    from: manifests\n    valuesFrom: [{kind: Site}]\n"),
        &["entry `plain` is no chart, and only charts have `valuesFrom`"],
    );
    refused(
        |hands| {
            let site = "site:\n  schema: schema.json\n  defaults: { replicas: 2 }\n";
            charted("    valuesFrom: [{kind: Site}]\n", "")(hands).replace(site, "")
        },
        &["entry `charted` takes values of the site", "does not ask it anything"],
    );
}

#[test]
fn a_chart_that_waits_for_the_site_is_built_and_told() {
    for (lines, template, waits) in [
        ("    values: {b: 1}\n", REQUIRES, None),
        ("    valuesFrom: [{kind: Site, valuesKey: replicas, targetPath: b}]\n", REQUIRES, None),
        (
            "    valuesFrom: [{kind: Site, valuesKey: other, targetPath: b}]\n",
            REQUIRES,
            Some("does not answer `other`"),
        ),
        ("    valuesFrom: [{kind: Secret, name: b}]\n", REQUIRES, Some("no b!")),
        ("    valuesFrom: [{kind: ConfigMap, name: b, optional: true}]\n", "", None),
        ("", "a: {{ (lookup \"v1\" \"Secret\" \"shop\" \"b\").data.b }}\n", Some("nil pointer")),
    ] {
        let hands = Hands::with_everything();
        let text = charted(lines, template)(&hands);
        fs::write(hands.path("bundles/everything/bundle.yaml"), text).unwrap();
        let built = hands.built(&hands.options("everything"), &[]);
        let told = built.notes.iter().find(|it| it.contains("entry `charted` waits for the site"));
        match waits {
            None => assert!(told.is_none(), "{lines}: {told:?}"),
            Some(why) => assert!(told.is_some_and(|it| it.contains(why)), "{lines}: {:?}", built.notes),
        }
        let release = Opened::open(&built.directory).unwrap().release;
        let charted = release.entries.iter().find(|it| it.name.as_str() == "charted").unwrap();
        assert_eq!(charted.values_from.len(), usize::from(lines.contains("valuesFrom")));
    }
}
