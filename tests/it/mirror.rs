//! The mirror, asked over real connections: what is served, what is not, and what a damaged disk makes of it.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use airlock::{
    content::Blobs,
    digest::Digest,
    fault::Report,
    mirror::{self, Catalogue, Shelf},
};
use serde_json::Value;

use crate::support::bundle::Maker;

/// What is served, from memory.
struct Kept {
    catalogue: Arc<Catalogue>,
    blobs: Arc<Files>,
}

#[derive(Default)]
struct Files(Mutex<BTreeMap<Digest, Vec<u8>>>);

impl Blobs for Files {
    fn open(&self, digest: &Digest) -> std::io::Result<Option<Box<dyn Read + Send>>> {
        let found = self.0.lock().unwrap().get(digest).cloned();
        Ok(found.map(|bytes| Box::new(Cursor::new(bytes)) as Box<dyn Read + Send>))
    }
}

impl Shelf for Kept {
    fn catalogue(&self) -> Result<Arc<Catalogue>, Report> {
        Ok(Arc::clone(&self.catalogue))
    }

    fn blobs(&self) -> Arc<dyn Blobs> {
        Arc::<Files>::clone(&self.blobs)
    }
}

struct Mirror {
    address: SocketAddr,
    files: Arc<Files>,
    _runtime: tokio::runtime::Runtime,
}

impl Mirror {
    /// Serves bundles, the one that counts most first.
    fn of(makers: &[&Maker]) -> Self {
        let mut catalogue = Catalogue::default();
        let files = Arc::new(Files::default());
        for maker in makers {
            let cargo = maker.cargo();
            catalogue.add(&cargo.release, &cargo.inventory);
            files.0.lock().unwrap().extend(cargo.blobs);
        }
        let blobs = Arc::clone(&files);
        let shelf: Arc<dyn Shelf> = Arc::new(Kept { catalogue: Arc::new(catalogue), blobs });
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(mirror::http::serve(listener, move |request| mirror::answer(&shelf, request)));
        Self { address, files, _runtime: runtime }
    }

    fn ask(&self, method: &str, path: &str, more: &str) -> Answer {
        ask(self.address, method, path, more)
    }
}

/// An answer, as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// What `Content-Length` says.
    pub length: usize,
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        body["errors"][0]["code"].as_str().unwrap().to_owned()
    }
}

/// One request on a connection of its own.
pub fn ask(address: SocketAddr, method: &str, path: &str, more: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: it\r\nConnection: close\r\n{more}\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = bytes[end + 4..].to_vec();
    let mut answer = Answer { status, head, body, length: 0 };
    answer.length = answer.field("content-length").map_or(0, |it| it.parse().unwrap());
    answer
}

fn with_images() -> (Maker, Digest, Digest) {
    let mut maker = Maker::default();
    let layer: Vec<u8> = (0..1_000_000_u32).map(|it| (it % 251) as u8).collect();
    let (manifest, layer) = maker.image("registry.example.com/team/app:v1", &layer);
    (maker, manifest, layer)
}

#[test]
fn an_image_is_pulled_by_the_name_that_pods_give_it() {
    let (maker, manifest, layer) = with_images();
    let mirror = Mirror::of(&[&maker]);
    assert_eq!(mirror.ask("GET", "/v2/", "").status, 200);
    for path in [
        "/v2/team/app/manifests/v1?ns=registry.example.com".to_owned(),
        "/v2/registry.example.com/team/app/manifests/v1".to_owned(),
        "/v2/team/app/manifests/v1".to_owned(),
        format!("/v2/team/app/manifests/{manifest}?ns=registry.example.com"),
    ] {
        let answer = mirror.ask("GET", &path, "");
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(Digest::of(&answer.body), manifest, "{path}");
        assert_eq!(answer.field("docker-content-digest"), Some(manifest.to_string().as_str()));
        assert_eq!(answer.field("content-type"), Some("application/vnd.oci.image.manifest.v1+json"));
        let head = mirror.ask("HEAD", &path, "");
        assert_eq!((head.status, head.length, head.body.len()), (200, answer.body.len(), 0), "{path}");
    }
    let blob = mirror.ask("GET", &format!("/v2/team/app/blobs/{layer}"), "");
    assert_eq!((blob.status, Digest::of(&blob.body)), (200, layer));
    let part = mirror.ask("GET", &format!("/v2/team/app/blobs/{layer}"), "Range: bytes=400000-\r\n");
    assert_eq!((part.status, part.field("content-range")), (206, Some("bytes 400000-999999/1000000")));
    assert_eq!(part.body, blob.body[400_000..]);
    let beyond = mirror.ask("GET", &format!("/v2/team/app/blobs/{layer}"), "Range: bytes=1000000-\r\n");
    assert_eq!((beyond.status, beyond.code().as_str()), (416, "RANGE_INVALID"));
    let tags = mirror.ask("GET", "/v2/team/app/tags/list?ns=registry.example.com", "");
    assert_eq!(tags.body, br#"{"name":"team/app","tags":["v1"]}"#);
    let referrers = mirror.ask("GET", &format!("/v2/team/app/referrers/{manifest}"), "");
    assert_eq!(referrers.status, 200);
}

#[test]
fn only_what_was_accepted_is_served_and_nothing_is_taken_in() {
    let (maker, ..) = with_images();
    let mirror = Mirror::of(&[&maker]);
    // It lies in the store, and no accepted bundle names it.
    let stray = Digest::of(b"stray");
    mirror.files.0.lock().unwrap().insert(stray, b"stray".to_vec());
    #[track_caller]
    fn check(answer: &Answer, status: u16, code: &str) {
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
    }
    check(&mirror.ask("GET", &format!("/v2/app/blobs/{stray}"), ""), 404, "BLOB_UNKNOWN");
    check(&mirror.ask("GET", &format!("/v2/app/manifests/{stray}"), ""), 404, "MANIFEST_UNKNOWN");
    check(
        &mirror.ask("GET", "/v2/team/app/manifests/v2?ns=registry.example.com", ""),
        404,
        "MANIFEST_UNKNOWN",
    );
    check(&mirror.ask("GET", "/v2/team/app/manifests/v1?ns=other.example.com", ""), 404, "MANIFEST_UNKNOWN");
    check(&mirror.ask("GET", "/v2/team/other/tags/list", ""), 404, "NAME_UNKNOWN");
    check(&mirror.ask("GET", "/v2/app/blobs/sha256:00", ""), 400, "DIGEST_INVALID");
    check(&mirror.ask("GET", "/v2/../../etc/passwd", ""), 404, "UNSUPPORTED");
    check(&mirror.ask("PUT", "/v2/team/app/manifests/v1", "Content-Length: 0\r\n"), 405, "UNSUPPORTED");
    check(&mirror.ask("POST", "/v2/team/app/blobs/uploads/", "Content-Length: 0\r\n"), 405, "UNSUPPORTED");
}

#[test]
fn a_layer_is_no_manifest_and_a_tag_stands_for_what_counts_most() {
    let (old, _, layer) = with_images();
    let mut new = Maker::default();
    let (manifest, _) = new.image("registry.example.com/team/app:v1", b"newer");
    new.image("other.example.com/team/app:v9", b"of another registry");
    let mirror = Mirror::of(&[&new, &old]);
    let answer = mirror.ask("GET", "/v2/team/app/manifests/v1?ns=registry.example.com", "");
    assert_eq!(Digest::of(&answer.body), manifest);
    assert_eq!(mirror.ask("GET", &format!("/v2/team/app/manifests/{layer}"), "").code(), "MANIFEST_UNKNOWN");
    // Two registries have a repository of this name, so without a registry nobody can tell which one is meant.
    assert_eq!(mirror.ask("GET", "/v2/team/app/manifests/v1", "").code(), "MANIFEST_UNKNOWN");
}

#[test]
fn a_damaged_blob_breaks_off_and_a_lost_one_is_not_there() {
    let (maker, _, layer) = with_images();
    let mirror = Mirror::of(&[&maker]);
    mirror.files.0.lock().unwrap().get_mut(&layer).unwrap()[10] ^= 1;
    let whole = mirror.ask("GET", &format!("/v2/app/blobs/{layer}"), "");
    assert!(whole.body.len() < whole.length, "{} of {}", whole.body.len(), whole.length);
    let end = mirror.ask("GET", &format!("/v2/app/blobs/{layer}"), "Range: bytes=999990-\r\n");
    assert!(end.body.len() < 10, "whoever resumes does not get the end of a wrong blob");
    mirror.files.0.lock().unwrap().remove(&layer);
    let lost = mirror.ask("GET", &format!("/v2/app/blobs/{layer}"), "");
    assert_eq!((lost.status, lost.code().as_str()), (404, "BLOB_UNKNOWN"));
}

#[test]
fn a_client_that_says_nothing_or_too_much_holds_nobody_up() {
    let (maker, ..) = with_images();
    let mirror = Mirror::of(&[&maker]);
    let silent: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(mirror.address).unwrap()).collect();
    assert_eq!(mirror.ask("GET", "/v2/", "").status, 200);
    let long = format!("X: {}\r\n", "x".repeat(64 * 1024));
    let mut stream = TcpStream::connect(mirror.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let _ = write!(stream, "GET /v2/ HTTP/1.1\r\nHost: it\r\n{long}\r\n");
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    assert!(!bytes.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&bytes));
    assert_eq!(mirror.ask("GET", "/v2/", "").status, 200);
    drop(silent);
}
