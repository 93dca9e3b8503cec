//! Real registries, and a tool that copies between them: what was pushed is what is pulled, and what is there is not sent
//! again. Skipped, and said so, where Debian's `docker-registry` and `skopeo` are not installed.

use std::{
    collections::BTreeSet,
    fs,
    io::Read as _,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use airlock::{
    bundle::{Item, Medium},
    digest::Digest,
    oci,
    source::{Asked, GiveWay, Spec, Volumes, find},
};
use xtask::bundle::{self, Lock, Opened, Options, Pushed, Reach};

use crate::hands::Hands;

/// A registry on a free port of loopback, with its own directory. It ends with the test.
struct Registry {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Registry {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage:\n  \
             filesystem: {{rootdirectory: {}}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\n",
            folder.path().join("data").display()
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port, _folder: folder }
    }

    fn place(&self, what: &str) -> String {
        format!("127.0.0.1:{}/{what}", self.port)
    }

    fn push(&self, hands: &Hands, directory: &Path, what: &str, chunked: bool) -> Pushed {
        let to = format!("oci://{}", self.place(what)).parse().unwrap();
        bundle::push(directory, &to, &Reach::default(), chunked, false, Some(&hands.path("trust"))).unwrap()
    }
}

/// Whether both programs are there; and a line that says so where they are not.
fn are_there() -> bool {
    let lacks = |name: &str| {
        Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err()
    };
    let lacking: Vec<&str> = ["docker-registry", "skopeo"].into_iter().filter(|it| lacks(it)).collect();
    if !lacking.is_empty() {
        println!("skipped: {} not installed", lacking.join(" and "));
    }
    lacking.is_empty()
}

fn skopeo(from: &str, to: &str, more: &[&str]) {
    let mut command = Command::new("skopeo");
    command
        .args(["copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false"])
        .args(more)
        .args([from, to]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// What a place in a registry has, asked as a node asks.
fn pulled(url: &str) -> (tokio::runtime::Runtime, Arc<dyn Medium>, String) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let asked = {
        let _within = runtime.enter();
        Spec::new(url.parse().unwrap()).open(&GiveWay::default()).unwrap().newest(None).unwrap()
    };
    let Asked::Bundle { mark, medium } = asked else { panic!("{asked:?}") };
    (runtime, medium, mark)
}

fn read(medium: &dyn Medium, item: Item) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    medium.open(item).unwrap()?.reader.read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

/// Whether two media hold the same bundle, byte for byte.
#[track_caller]
fn same(one: &dyn Medium, other: &dyn Medium, opened: &Opened) {
    assert_eq!(one.roots().unwrap(), other.roots().unwrap());
    let roots = one.roots().unwrap().into_iter().map(Item::Root);
    let heads = [opened.statement.inventory.digest, opened.statement.release.digest];
    let pieces = airlock::bundle::pieces(&opened.inventory).into_iter().map(|it| it.digest);
    let blobs: BTreeSet<Digest> = heads.into_iter().chain(pieces).collect();
    let all = roots.chain([Item::Agent, Item::Bundle]).chain(blobs.into_iter().map(Item::Blob));
    let mut count = 0;
    for item in all {
        let (left, right) = (read(one, item), read(other, item));
        assert!(left == right, "{item} differs");
        count += usize::from(left.is_some());
    }
    assert!(count > 10, "{count}");
}

#[test]
fn what_was_pushed_is_copied_by_a_stranger_and_pulled_unchanged() {
    if !are_there() {
        return;
    }
    let hands = Hands::with_everything();
    let built = hands.built(&hands.options("everything"), &["d", "e"]);
    let (first, second) = (Registry::start(), Registry::start());
    let pushed = first.push(&hands, &built.directory, "platform/bundle:stable", false);
    assert!(pushed.sent > 10 && pushed.kept == 0, "{pushed:?}");
    let again = first.push(&hands, &built.directory, "platform/bundle:stable", false);
    assert_eq!((again.sent, again.kept), (0, pushed.sent), "what is there is not sent again");
    assert_eq!(again.place, pushed.place);
    let digest = pushed.place.split('@').nth(1).unwrap().to_owned();

    let from = format!("docker://{}", first.place("platform/bundle:stable"));
    skopeo(&from, &format!("docker://{}", second.place("elsewhere/b:1")), &[]);
    let (_runtime, medium, mark) = pulled(&format!("oci://{}@{digest}", second.place("elsewhere/b:1")));
    assert_eq!(mark, digest);
    let there = Volumes::new(find(&built.directory).unwrap().media).unwrap();
    same(&there, &*medium, &Opened::open(&built.directory).unwrap());
    // As a directory in between, too: that is how it travels where only files do.
    let layout = hands.path("layout-of-it");
    skopeo(&from, &format!("oci:{}:it", layout.display()), &[]);
    skopeo(&format!("oci:{}:it", layout.display()), &format!("docker://{}", second.place("third/b:1")), &[]);
    assert_eq!(pulled(&format!("oci://{}", second.place("third/b:1"))).2, digest);
    // In pieces it comes to the same.
    let chunked = second.push(&hands, &built.directory, "chunked/b:1", true);
    assert!(chunked.place.ends_with(&digest), "{chunked:?}");
    let (_runtime, medium, _) = pulled(&format!("oci://{}", second.place("chunked/b:1")));
    same(&there, &*medium, &Opened::open(&built.directory).unwrap());
}

#[test]
fn its_images_become_images_of_the_registry() {
    if !are_there() {
        return;
    }
    let hands = Hands::with_everything();
    let built = hands.built(&hands.options("everything"), &["d", "e"]);
    let opened = Opened::open(&built.directory).unwrap();
    let registry = Registry::start();
    let to = format!("oci://{}", registry.place("platform/bundle:1")).parse().unwrap();
    let reach = Reach::default();
    let pushed =
        bundle::push(&built.directory, &to, &reach, false, true, Some(&hands.path("trust"))).unwrap();
    assert_eq!(pushed.images, opened.release.images.len() as u64);
    assert!(pushed.images > 0);
    for name in opened.release.images.keys() {
        let name: oci::Reference = name.parse().unwrap();
        let place = registry.place(&format!("{}:{}", name.path(), name.tag().unwrap()));
        let folder = hands.path("pulled");
        skopeo(
            &format!("docker://{place}"),
            &format!("dir:{}", folder.display()),
            &["--override-arch=amd64"],
        );
        fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn what_is_not_signed_or_not_whole_is_not_pushed() {
    if !are_there() {
        return;
    }
    let hands = Hands::with_everything();
    let built = hands.built(&hands.options("everything"), &["d"]);
    let registry = Registry::start();
    let to = |what: &str| format!("oci://{}", registry.place(what)).parse().unwrap();
    let push =
        |to| bundle::push(&built.directory, &to, &Reach::default(), false, false, Some(&hands.path("trust")));
    let error = format!("{:#}", push(to("a/b:1")).unwrap_err());
    assert!(error.contains("before it is signed"), "{error}");
    bundle::sign(&built.directory, &hands.path("e"), Some(&hands.path("trust")), &hands.world).unwrap();
    // A blob that rotted here does not get there, and without it there is no manifest.
    let opened = Opened::open(&built.directory).unwrap();
    let piece = airlock::bundle::pieces(&opened.inventory).into_iter().max_by_key(|it| it.size).unwrap();
    let file = built.directory.join(Item::Blob(piece.digest).to_string());
    let good = fs::read(&file).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    fs::write(&file, &bad).unwrap();
    let error = format!("{:#}", push(to("a/b:1")).unwrap_err());
    assert!(error.contains("is not what was signed"), "{error}");
    fs::write(&file, &good).unwrap();
    // It goes on where it broke off.
    let pushed = push(to("a/b:1")).unwrap();
    assert!(pushed.kept > 0 && pushed.sent > 0, "{pushed:?}");
}

/// A bundle of one image and one chart out of a registry.
const FROM_REGISTRY: &str = "name: remote
channel: platform
audience: [ship-7]
target: {arch: [amd64]}
entries:
- {name: app, kind: chart, source: app}
sources:
- {name: app, url: 'oci://charts.example/app', revision: 1.0.0, chart: 'oci://CHART'}
images:
- {name: registry.example/app:1, from: 'oci://IMAGE'}
";

#[test]
fn images_and_charts_come_out_of_a_registry_and_are_pinned() {
    if !are_there() {
        return;
    }
    let hands = Hands::with_everything();
    let registry = Registry::start();
    let layout = hands.path("images");
    let index = without_attestations(&layout, crate::fixture::layout(&layout, &["amd64", "arm64"], 50_000));
    skopeo(
        &format!("oci:{}:app", layout.display()),
        &format!("docker://{}", registry.place("images/app:1")),
        &["--all"],
    );
    push_chart(&hands, &registry, "charts/app:1.0.0", "one");
    let directory = hands.path("bundles/remote");
    fs::create_dir_all(&directory).unwrap();
    let text = FROM_REGISTRY
        .replace("CHART", &registry.place("charts/app:1.0.0"))
        .replace("IMAGE", &registry.place("images/app:1"));
    fs::write(directory.join("bundle.yaml"), text).unwrap();
    let options = hands.options("remote");
    let built = hands.built(&options, &["d", "e"]);
    let lock = Lock::read(&directory).unwrap().unwrap();
    assert_eq!(lock.images.values().collect::<Vec<_>>(), [&index]);
    let opened = Opened::open(&built.directory).unwrap();
    // An index, and one manifest, configuration and layer of the architecture that is wanted.
    let images = opened.inventory.iter().filter(|it| it.role == airlock::bundle::BlobRole::Image);
    assert_eq!(images.count(), 4);
    assert!(lock.sources["app"].manifest.is_some());
    // The tag moves on, and the lock does not.
    push_chart(&hands, &registry, "charts/app:1.0.0", "two");
    let elsewhere = Options { out: hands.path("elsewhere"), ..options };
    let again = hands.built(&elsewhere, &[]);
    assert_eq!(again.digest, built.digest);
    drop(registry);
    // What was fetched is not fetched again.
    let again = hands.built(&elsewhere, &[]);
    assert_eq!(again.digest, built.digest);
}

/// The same layout with an index of images alone, under the name `app`: what is no image is not copied by everybody.
fn without_attestations(layout: &Path, index: Digest) -> Digest {
    let blobs = layout.join("blobs/sha256");
    let mut read: serde_json::Value =
        serde_json::from_slice(&fs::read(blobs.join(index.hex())).unwrap()).unwrap();
    read["manifests"].as_array_mut().unwrap().pop();
    let bytes = read.to_string().into_bytes();
    let digest = Digest::of(&bytes);
    fs::write(blobs.join(digest.hex()), &bytes).unwrap();
    let mut described = oci::Descriptor::new(oci::media_type::INDEX, digest, bytes.len() as u64);
    described.annotations.insert(oci::annotation::REF_NAME.into(), "app".into());
    fs::write(layout.join("index.json"), oci::Index::new(vec![described]).encode()).unwrap();
    digest
}

/// Puts a chart there as Helm does.
fn push_chart(hands: &Hands, registry: &Registry, place: &str, value: &str) {
    let folder = hands.path(&format!("chart-{value}")).join("app");
    fs::create_dir_all(folder.join("templates")).unwrap();
    fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: app\nversion: 1.0.0\n").unwrap();
    fs::write(folder.join("values.yaml"), format!("value: {value}\n")).unwrap();
    let template =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {value: {{ .Values.value }}}\n";
    fs::write(folder.join("templates/map.yaml"), template).unwrap();
    let chart = hands.path(&format!("{value}.tgz"));
    let (folder, file) = (folder.parent().unwrap(), chart.to_str().unwrap());
    let output = crate::hands::run("tar", ["-C", folder.to_str().unwrap(), "-czf", file, "app"], b"");
    assert!(output.status.success(), "{output:?}");
    let layout = hands.path(&format!("layout-{value}"));
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8], kind: &str| {
        fs::write(blobs.join(Digest::of(bytes).hex()), bytes).unwrap();
        oci::Descriptor::new(kind, Digest::of(bytes), bytes.len() as u64)
    };
    let config = put(b"{\"name\": \"app\"}", "application/vnd.cncf.helm.config.v1+json");
    let layer = put(&fs::read(&chart).unwrap(), "application/vnd.cncf.helm.chart.content.v1.tar+gzip");
    let manifest = serde_json::json!({"schemaVersion": 2, "mediaType": oci::media_type::MANIFEST,
        "config": config, "layers": [layer]});
    let mut manifest = put(manifest.to_string().as_bytes(), oci::media_type::MANIFEST);
    manifest.annotations.insert(oci::annotation::REF_NAME.into(), "app".into());
    fs::write(layout.join("oci-layout"), oci::LAYOUT_FILE).unwrap();
    fs::write(layout.join("index.json"), oci::Index::new(vec![manifest]).encode()).unwrap();
    skopeo(&format!("oci:{}:app", layout.display()), &format!("docker://{}", registry.place(place)), &[]);
}
