//! References against distribution's own reading of them, documents against what two clients could misread, and
//! layouts walked from index to layer.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use airlock::{
    digest::Digest,
    fault::Fault,
    oci::{
        Descriptor, Document, Error, Files, LAYOUT_FILE, Layout, Manifest, Platform, PlatformFilter,
        Reference, annotation, index_json, media_type,
    },
    source::Root,
};
use serde_json::{Value, json};

/// tests/oracle/oci prints the table; see its first lines.
#[test]
fn references_are_read_as_distribution_reads_them() {
    let mut accepted = 0;
    let mut count = 0;
    for line in include_str!("../data/oci/references.jsonl").lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let input = row["input"].as_str().unwrap();
        let text = |name: &str| row[name].as_str().map(str::to_owned);
        count += 1;
        match input.parse::<Reference>() {
            Ok(reference) => {
                let reference = reference.or_latest();
                accepted += 1;
                assert_eq!(text("error"), None, "{input:?} was accepted");
                assert_eq!(Some(reference.domain().to_owned()), text("domain"), "{input:?}");
                assert_eq!(Some(reference.path().to_owned()), text("path"), "{input:?}");
                assert_eq!(reference.tag().map(str::to_owned), text("tag"), "{input:?}");
                assert_eq!(reference.digest().map(|it| it.to_string()), text("digest"), "{input:?}");
                assert_eq!(Some(reference.to_string()), text("full"), "{input:?}");
                assert_eq!(Some(reference.familiar()), text("familiar"), "{input:?}");
                assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference, "{input:?}");
            }
            Err(error) => {
                // Departs: distribution accepts a name whose registry is no host, without a registry.
                let hostless = row["domain"].is_null() && row["error"].is_null();
                assert!(hostless || text("error").is_some(), "{input:?}: {error}");
                assert!(!error.to_string().contains(char::is_control));
                assert!(error.to_string().len() < 1000);
            }
        }
    }
    assert!(accepted > 70 && count > 150, "{accepted} of {count}");
    let inputs = include_str!("../data/oci/references.txt").lines().count();
    assert_eq!(count, inputs, "the oracle has not been run since the inputs changed");
}

#[test]
fn a_reference_is_pulled_by_digest_where_it_has_one() {
    let digest = Digest::of(b"");
    let pulled = |text: &str| text.parse::<Reference>().unwrap().pulled().to_string();
    assert_eq!(pulled("nginx"), "docker.io/library/nginx:latest");
    assert_eq!(pulled("nginx:1"), "docker.io/library/nginx:1");
    assert_eq!(pulled(&format!("nginx@{digest}")), format!("docker.io/library/nginx@{digest}"));
    assert_eq!(pulled(&format!("nginx:1@{digest}")), format!("docker.io/library/nginx@{digest}"));
    let pinned = "nginx:1".parse::<Reference>().unwrap().pinned(digest);
    assert_eq!(pinned.to_string(), format!("docker.io/library/nginx:1@{digest}"));
    assert_eq!(serde_json::to_value(&pinned).unwrap(), json!(pinned.to_string()));
    assert_eq!(
        serde_json::from_value::<Reference>(json!("nginx:1")).unwrap().to_string(),
        "docker.io/library/nginx:1"
    );
}

#[test]
fn platforms_are_filtered() {
    let platform = |text: &str| {
        let mut parts = text.split('/').map(str::to_owned);
        let (os, architecture) = (parts.next().unwrap(), parts.next().unwrap());
        Platform { os, architecture, variant: parts.next(), os_version: None }
    };
    for (filter, is, expect) in [
        ("linux/amd64", "linux/amd64", true),
        ("linux/amd64", "linux/amd64/v1", true),
        ("linux/amd64", "linux/amd64/v3", true),
        ("linux/amd64", "linux/x86_64", true),
        ("linux/x86_64", "linux/amd64", true),
        ("linux/amd64/v3", "linux/amd64", false),
        ("linux/amd64", "linux/arm64", false),
        ("linux/amd64", "windows/amd64", false),
        ("LINUX/AMD64", "linux/amd64", true),
        ("linux/arm64", "linux/arm64/v8", true),
        ("linux/arm64/v8", "linux/arm64", true),
        ("linux/arm64", "linux/aarch64", true),
        ("linux/arm64/v9", "linux/arm64/v8", false),
        ("linux/arm", "linux/arm/v7", true),
        ("linux/arm", "linux/arm/v6", true),
        ("linux/arm/v7", "linux/arm", true),
        ("linux/arm/v7", "linux/arm/v6", false),
        ("linux/arm/v6", "linux/arm/6", true),
        ("linux/arm/v7", "linux/armhf", true),
        ("linux/386", "linux/i386", true),
        ("linux/amd64,linux/arm64", "linux/arm64/v8", true),
        ("linux/amd64, linux/s390x", "linux/s390x", true),
        ("linux/amd64,linux/arm64", "linux/ppc64le", false),
        ("linux/amd64", "unknown/unknown", false),
        ("linux/amd64", "/", false),
    ] {
        assert_eq!(filter.parse::<PlatformFilter>().unwrap().matches(&platform(is)), expect, "{filter} {is}");
        assert!(PlatformFilter::all().matches(&platform(is)));
    }
    for text in
        ["", "amd64", "linux/", "/amd64", "linux/amd64/v1/x", "linux/amd64,", "linux\\amd64", "linux/am d64"]
    {
        assert!(text.parse::<PlatformFilter>().is_err(), "{text}");
    }
}

#[track_caller]
fn check<T: std::fmt::Debug>(result: Result<T, Error>, expect: &str) {
    match result {
        Ok(_) => assert_eq!(expect, "ok"),
        Err(error) => {
            let (code, words) = expect.split_once(' ').unwrap_or((expect, ""));
            let text = format!("{}: {error}", error.code());
            assert!(error.code() == code && error.to_string().contains(words), "{text:?} is not {expect:?}");
        }
    }
}

#[test]
fn documents_have_one_reading() {
    let blob = |size: Value| json!({"mediaType": "x", "digest": Digest::of(b"").to_string(), "size": size});
    let manifest = || json!({"schemaVersion": 2, "config": blob(json!(0)), "layers": [blob(json!(0))]});
    let index = || json!({"schemaVersion": 2, "manifests": [blob(json!(0))]});
    let with = |mut it: Value, name: &str, value: Value| {
        it[name] = value;
        it
    };
    let parse = |kind: &str, value: &Value, expect: &str| {
        check(Document::parse("it", kind, value.to_string().as_bytes()), expect);
    };
    let (image, list) = (media_type::MANIFEST, media_type::INDEX);
    parse(image, &manifest(), "ok");
    parse(list, &index(), "ok");
    parse(
        media_type::DOCKER_MANIFEST,
        &with(manifest(), "mediaType", json!(media_type::DOCKER_MANIFEST)),
        "ok",
    );
    parse(media_type::DOCKER_LIST, &with(index(), "mediaType", json!(media_type::DOCKER_LIST)), "ok");
    parse(image, &with(manifest(), "unknown", json!({"a": [1, {"b": null}]})), "ok");
    // Go's empty things.
    parse(image, &with(manifest(), "annotations", Value::Null), "ok");
    parse(image, &with(manifest(), "layers", Value::Null), "ok");
    parse(image, &with(manifest(), "subject", Value::Null), "ok");
    parse(list, &with(index(), "manifests", json!([])), "ok");
    // Taken for two things.
    parse(
        image,
        &with(manifest(), "manifests", json!([])),
        "oci_format fields of a manifest and those of an index",
    );
    parse(list, &with(index(), "layers", json!([])), "oci_format fields of a manifest and those of an index");
    parse(
        list,
        &with(index(), "config", blob(json!(0))),
        "oci_format fields of a manifest and those of an index",
    );
    parse(image, &with(manifest(), "mediaType", json!(list)), "oci_format was said to be");
    parse(
        image,
        &with(manifest(), "mediaType", json!(media_type::DOCKER_MANIFEST)),
        "oci_format was said to be",
    );
    parse(list, &manifest(), "oci_format missing field `manifests`");
    parse(image, &index(), "oci_format missing field `config`");
    parse("application/json", &manifest(), "oci_format neither");
    parse(media_type::CONFIG, &manifest(), "oci_format neither");
    // Old, and unreadable.
    parse(image, &with(manifest(), "schemaVersion", json!(1)), "oci_format version");
    parse(image, &json!({"config": blob(json!(0))}), "oci_format version");
    parse(image, &with(manifest(), "fsLayers", json!([])), "oci_format version");
    parse(image, &with(manifest(), "config", blob(json!(-1))), "oci_format");
    parse(image, &with(manifest(), "config", blob(json!(1.5))), "oci_format");
    parse(image, &with(manifest(), "config", blob(json!("1"))), "oci_format");
    for digest in ["sha256:00", "sha512:00", "", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
        let config = json!({"mediaType": "x", "digest": digest, "size": 0});
        parse(image, &with(manifest(), "config", config), "oci_format digest");
    }
    let upper = json!({"mediaType": "x", "digest": format!("sha256:{}", "AB".repeat(32)), "size": 0});
    parse(image, &with(manifest(), "config", upper), "oci_format digest");
    let raw = |text: &str, expect: &str| check(Document::parse("it", image, text.as_bytes()), expect);
    raw("", "oci_format");
    raw("{\"schemaVersion\":2,\"schemaVersion\":2}", "oci_format duplicate");
    raw(&format!("{} x", manifest()), "oci_format trailing");
    raw(&"[".repeat(100_000), "oci_format");
    raw(&format!("{{\"a\":{}", "[".repeat(100_000)), "oci_format EOF");
    raw(&format!("\"{}\"", "x".repeat(5 << 20)), "oci_format larger");
}

/// A layout in memory.
#[derive(Default)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Files for Memory {
    fn open(&self, path: &str) -> io::Result<Option<Box<dyn Read + Send>>> {
        Ok(self.0.get(path).map(|bytes| Box::new(io::Cursor::new(bytes.clone())) as Box<dyn Read + Send>))
    }
}

impl Memory {
    fn put(&mut self, media_type: &str, bytes: &[u8]) -> Descriptor {
        let digest = Digest::of(bytes);
        self.0.insert(format!("blobs/sha256/{}", digest.hex()), bytes.to_vec());
        Descriptor::new(media_type, digest, bytes.len() as u64)
    }

    fn json(&mut self, media_type: &str, value: &Value) -> Descriptor {
        self.put(media_type, value.to_string().as_bytes())
    }

    /// An image of one platform, with a layer that all share and one of its own.
    fn image(&mut self, platform: &str) -> Descriptor {
        let config = self.put(media_type::CONFIG, format!("{{\"for\":{platform:?}}}").as_bytes());
        let layers = [self.put("layer", b"shared"), self.put("layer", platform.as_bytes())];
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": layers});
        let mut descriptor = self.json(media_type::MANIFEST, &manifest);
        let (os, architecture) = platform.split_once('/').unwrap();
        descriptor.platform = Some(Platform {
            os: os.into(),
            architecture: architecture.into(),
            variant: None,
            os_version: None,
        });
        descriptor
    }

    fn index(&mut self, manifests: &[Descriptor]) -> Descriptor {
        let index = json!({"schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": manifests});
        self.json(media_type::INDEX, &index)
    }

    fn finish(&mut self, images: &[(&str, &Descriptor)]) {
        let references: Vec<(Reference, &Descriptor)> =
            images.iter().map(|(name, it)| (name.parse().unwrap(), *it)).collect();
        self.0.insert("oci-layout".into(), LAYOUT_FILE.to_vec());
        self.0.insert("index.json".into(), index_json(references.iter().map(|(name, it)| (name, *it))));
    }
}

#[test]
fn an_image_is_listed_whole() {
    let mut files = Memory::default();
    let (amd, arm) = (files.image("linux/amd64"), files.image("linux/arm64"));
    // What BuildKit adds: a statement about each image, in the guise of an image.
    let statement = |files: &mut Memory, about: &Descriptor| {
        let mut it = files.image("unknown/unknown");
        let text = format!("attests {}", about.digest);
        let layers = [files.put("application/vnd.in-toto+json", text.as_bytes())];
        let manifest =
            json!({"schemaVersion": 2, "config": files.put(media_type::CONFIG, b"{}"), "layers": layers});
        let manifest = files.json(media_type::MANIFEST, &manifest);
        (it.digest, it.size) = (manifest.digest, manifest.size);
        it.annotations.insert(annotation::DOCKER_REFERENCE_TYPE.into(), "attestation-manifest".into());
        it.annotations.insert(annotation::DOCKER_REFERENCE_DIGEST.into(), about.digest.to_string());
        it
    };
    let (of_amd, of_arm) = (statement(&mut files, &amd), statement(&mut files, &arm));
    let root = files.index(&[amd, arm.clone(), of_amd, of_arm.clone()]);
    files.finish(&[("nginx:1.27", &root)]);

    let layout = Layout::open(&files).unwrap();
    let found = layout.image(Some("nginx:1.27")).unwrap();
    assert_eq!((found.digest, found.size), (root.digest, root.size));
    for name in ["docker.io/library/nginx:1.27", "index.docker.io/nginx:1.27"] {
        assert_eq!(layout.image(Some(name)).unwrap().digest, root.digest, "{name}");
    }
    assert_eq!(layout.image(None).unwrap().digest, root.digest);
    check(layout.image(Some("nginx:1.28")), "oci_name 0 images");
    let names: Vec<_> = layout.images().map(|(name, _)| name.unwrap()).collect();
    assert_eq!(names, ["docker.io/library/nginx:1.27"]);

    let whole = layout.walk(&root, &PlatformFilter::all()).unwrap();
    // The index, four manifests, three configurations, the shared layer, two own ones, two statements.
    assert_eq!(whole.blobs.len(), 1 + 4 + 3 + 1 + 2 + 2);
    assert_eq!((whole.left_out.len(), whole.foreign.len()), (0, 0));
    assert_eq!(whole.blobs[0].digest, root.digest);
    assert_eq!(whole.size(), whole.blobs.iter().map(|it| it.size).sum::<u64>());
    for blob in &whole.blobs {
        assert!(files.0.contains_key(&format!("blobs/sha256/{}", blob.digest.hex())));
    }

    let one = layout.walk(&root, &"linux/amd64".parse().unwrap()).unwrap();
    assert_eq!(one.blobs.len(), 1 + 2 + 2 + 1 + 1 + 1);
    assert_eq!(one.left_out.iter().map(|it| it.digest).collect::<Vec<_>>(), [arm.digest, of_arm.digest]);
    check(
        layout.walk(&root, &"linux/s390x".parse().unwrap()),
        "oci_platform linux/s390x; it has linux/amd64, linux/arm64",
    );
    // A manifest of one platform is taken as it is: nobody else says what it is for.
    assert_eq!(layout.walk(&arm, &"linux/amd64".parse().unwrap()).unwrap().blobs.len(), 4);

    files.0.remove(&format!("blobs/sha256/{}", arm.digest.hex()));
    let layout = Layout::open(&files).unwrap();
    check(layout.walk(&root, &PlatformFilter::all()), "oci_missing");
    check(layout.walk(&root, &"linux/amd64".parse().unwrap()), "ok");
}

#[test]
fn hostile_images_are_refused() {
    let mut files = Memory::default();
    let good = files.image("linux/amd64");
    files.finish(&[("x", &good)]);
    let walk = |files: &Memory, root: &Descriptor, expect: &str| {
        check(Layout::open(files).unwrap().walk(root, &PlatformFilter::all()), expect);
    };
    walk(&files, &good, "ok");

    // Other bytes, other sizes, other types.
    walk(&files, &Descriptor { size: good.size + 1, ..good.clone() }, "tampered");
    walk(&files, &Descriptor { size: good.size - 1, ..good.clone() }, "tampered");
    walk(&files, &Descriptor { size: 1 << 40, ..good.clone() }, "oci_format larger");
    walk(
        &files,
        &Descriptor { media_type: media_type::INDEX.into(), ..good.clone() },
        "oci_format was said to be",
    );
    let path = format!("blobs/sha256/{}", good.digest.hex());
    let bytes = files.0[&path].clone();
    files.0.get_mut(&path).unwrap()[10] ^= 1;
    walk(&files, &good, "tampered");
    files.0.insert(path, bytes);

    // One digest with two sizes.
    let manifest = |files: &mut Memory, layers: &[Descriptor]| {
        let config = files.put(media_type::CONFIG, b"{}");
        files.json(media_type::MANIFEST, &json!({"schemaVersion": 2, "config": config, "layers": layers}))
    };
    let layer = files.put("layer", b"layer");
    let twice = manifest(&mut files, &[layer.clone(), Descriptor { size: 6, ..layer.clone() }]);
    walk(&files, &twice, "oci_format said to have 5 bytes and 6");
    let repeated = manifest(&mut files, &[layer.clone(), layer]);
    walk(&files, &repeated, "ok");

    // Indexes without end.
    let mut nested = good.clone();
    for _ in 0..4 {
        nested = files.index(&[nested]);
    }
    walk(&files, &nested, "ok");
    let nested = files.index(&[nested]);
    walk(&files, &nested, "oci_format too many indexes");
    let many: Vec<Descriptor> =
        (0..20_001_u32).map(|it| Descriptor::new("x", Digest::of(&it.to_be_bytes()), 1)).collect();
    let many = files.index(&many);
    walk(&files, &many, "oci_format too many blobs");

    // Layers that must not be carried are told, not lost.
    let mut foreign = files.put("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", b"windows");
    foreign.urls = vec!["https://example.com/layer".into()];
    let windows = manifest(&mut files, &[foreign.clone()]);
    let layout = Layout::open(&files).unwrap();
    let image = layout.walk(&windows, &PlatformFilter::all()).unwrap();
    assert_eq!(image.foreign, [foreign]);
    assert_eq!(image.blobs.len(), 2);
}

#[test]
fn layouts_that_are_none() {
    let mut files = Memory::default();
    let image = files.image("linux/amd64");
    let other = files.image("linux/arm64");
    files.finish(&[("a:1", &image), ("b:1", &image), ("c:1", &other)]);
    let layout = Layout::open(&files).unwrap();
    check(layout.image(None), "oci_name 2 images");
    assert_eq!(layout.image(Some("b:1")).unwrap().digest, image.digest);
    let replaced = |name: &str, text: &str| {
        let mut files = Memory(files.0.clone());
        files.0.insert(name.into(), text.into());
        files
    };
    for (name, text, expect) in [
        ("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\",\"more\":1}", "ok"),
        ("oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}", "oci_format version"),
        ("oci-layout", "{}", "oci_format"),
        ("oci-layout", "", "oci_format"),
        ("index.json", "{\"schemaVersion\":2,\"manifests\":null}", "ok"),
        ("index.json", "{\"schemaVersion\":2}", "oci_format"),
        ("index.json", "[]", "oci_format"),
    ] {
        check(Layout::open(&replaced(name, text)), expect);
    }
    check(Layout::open(&Memory::default()), "oci_missing");
    // skopeo and buildx write the tag alone; two images may share one.
    let tagged = |tags: &[(&str, &Descriptor)]| {
        let manifests: Vec<Descriptor> = tags
            .iter()
            .map(|(tag, it)| {
                let mut it = (*it).clone();
                it.annotations.insert(annotation::REF_NAME.into(), (*tag).into());
                it
            })
            .collect();
        let index = json!({"schemaVersion": 2, "manifests": manifests});
        replaced("index.json", &index.to_string())
    };
    let files = tagged(&[("1.27", &image), ("1.28", &other)]);
    assert_eq!(Layout::open(&files).unwrap().image(Some("1.28")).unwrap().digest, other.digest);
    let files = tagged(&[("1.27", &image), ("1.27", &other)]);
    check(Layout::open(&files).unwrap().image(Some("1.27")), "oci_name 2 images");
}

/// A layout on disk is read beneath its directory, without following a link.
#[test]
fn a_layout_on_disk() {
    let place = tempfile::tempdir().unwrap();
    let mut files = Memory::default();
    let image = files.image("linux/amd64");
    files.finish(&[("x:1", &image)]);
    for (path, bytes) in &files.0 {
        let path = place.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let root = Root::open(place.path()).unwrap();
    let layout = Layout::open(&root).unwrap();
    assert_eq!(layout.walk(&image, &PlatformFilter::all()).unwrap().blobs.len(), 4);
    let path = place.path().join(format!("blobs/sha256/{}", image.digest.hex()));
    std::fs::rename(&path, place.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(place.path().join("elsewhere"), &path).unwrap();
    check(layout.walk(&image, &PlatformFilter::all()), "io");
}

#[test]
fn artifacts_of_our_own() {
    let kind = "application/vnd.airlock.bundle.v1";
    let layer = Descriptor::new("application/vnd.airlock.bundle.v1+json", Digest::of(b"x"), 1);
    let bytes = Manifest::artifact(kind, vec![layer], BTreeMap::new()).encode();
    let text = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\
        \"artifactType\":\"application/vnd.airlock.bundle.v1\",\
        \"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\
        \"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":2},\
        \"layers\":[{\"mediaType\":\"application/vnd.airlock.bundle.v1+json\",\
        \"digest\":\"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\",\"size\":1}]}";
    assert_eq!(String::from_utf8(bytes.clone()).unwrap(), text);
    let Document::Manifest(read) = Document::parse("it", media_type::MANIFEST, &bytes).unwrap() else {
        panic!()
    };
    assert_eq!(read.artifact_type(), kind);
    // Flux's and Helm's artifacts have none, and are told by their configuration.
    let helm = json!({"schemaVersion": 2, "layers": [], "config": {
        "mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": Digest::of(b"").to_string(), "size": 0}});
    let helm = helm.to_string();
    let Document::Manifest(read) = Document::parse("it", media_type::MANIFEST, helm.as_bytes()).unwrap()
    else {
        panic!()
    };
    assert_eq!(read.artifact_type(), "application/vnd.cncf.helm.config.v1+json");
}
