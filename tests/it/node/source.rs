//! Bundles from registries: the honest one, and all that another may do. Whatever it does, what ran before runs on, and
//! once it says the truth its bundle is taken.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use airlock::{
    bundle::Role,
    digest::Digest,
    oci,
    reconcile::{Followed, Imported, SourceStatus, accept::Accepted},
    source::{Hosts, Spec, registry::Patience},
};

use super::*;
use crate::support::registry::{Answer, Asked, Registry, data, whole, with};

const REPOSITORY: &str = "platform/bundle";

/// A patience that a test can wait for.
const SHORT: Patience = Patience {
    connect: Duration::from_millis(2000),
    pause: Duration::from_millis(600),
    document: Duration::from_millis(1500),
    window: Duration::from_millis(600),
    window_bytes: 4096,
};

/// So many bytes that do not repeat.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let step = |_| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    };
    (0..count).map(step).collect()
}

/// A ship that runs bundle 1, and a registry with bundle 2, whose largest blob has a megabyte.
struct Port {
    ship: Ship,
    node: Arc<Node>,
    registry: Registry,
    large: Digest,
}

/// The bundle with that sequence, with a large blob in it.
fn cargo_of(sequence: u64) -> (Maker, Digest) {
    let mut maker = bundle(sequence, &[("shop", &[], vec![space(), settings("a", &sequence.to_string())])]);
    let bytes = noise(1024 * 1024);
    let large = Digest::of(&bytes);
    maker.blobs.insert(large, bytes);
    (maker, large)
}

fn medium_of(maker: &Maker, people: &[&str]) -> MapMedium {
    let roots = [(1, sealed(Role::Root, &first_root(), &["rosa", "rolf"]))];
    let cargo = maker.cargo();
    MapMedium::of(&roots, &statement(&first_root(), maker.sequence, &cargo), people, &cargo)
}

impl Port {
    async fn with(
        registry: Registry,
        url: impl FnOnce(&Registry) -> String,
        edit: impl FnOnce(&mut Spec),
    ) -> Self {
        let ship = Ship::new();
        let (maker, large) = cargo_of(2);
        registry.publish(REPOSITORY, "stable", &medium_of(&maker, &["bea", "ben"]));
        let mut spec = Spec::new(url(&registry).parse().unwrap());
        spec.patience = SHORT;
        edit(&mut spec);
        let followed = Followed { spec, channel: None, interval: Duration::from_secs(600) };
        let node = Arc::try_unwrap(ship.start()).ok().unwrap().following(vec![followed]);
        let node = Arc::new(node);
        ship.carry(&node, &bundle(1, &[("shop", &[], vec![space(), settings("a", "1")])]));
        node.reconcile(None).await;
        assert_eq!(sequences(&node), [None, Some(1), Some(1)]);
        Self { ship, node, registry, large }
    }

    async fn new() -> Self {
        Self::with(Registry::start(), url, |_| ()).await
    }

    async fn pull(&self) -> Imported {
        let node = Arc::clone(&self.node);
        tokio::task::spawn_blocking(move || node.pull(None, &quiet())).await.unwrap().unwrap()
    }

    async fn poll(&self) -> bool {
        let node = Arc::clone(&self.node);
        tokio::task::spawn_blocking(move || node.poll(0)).await.unwrap()
    }

    fn status(&self) -> SourceStatus {
        self.node.status(day(7)).sources.remove(0)
    }

    fn blobs_asked(&self) -> Vec<Asked> {
        self.registry.asked().into_iter().filter(|it| it.path.contains("/blobs/")).collect()
    }
}

fn url(registry: &Registry) -> String {
    format!("oci://{}/{REPOSITORY}:stable", registry.address)
}

/// Answers so where the path has this in it.
fn at(part: &str, answer: Answer) -> impl Fn(&Asked) -> Option<Answer> + Send + 'static {
    let part = part.to_owned();
    move |asked| asked.path.contains(&part).then(|| answer.clone())
}

/// Pulls from a registry that lies, and holds what comes of it against a code. Nothing is taken in, the status says what
/// is wrong, what runs goes on; and when the registry says the truth, the bundle is taken.
#[track_caller]
fn refused(port: &Port, imported: &Imported, code: &str, part: &str) {
    let medium = &imported.media[0];
    let report = port.status().failure.unwrap_or_else(|| panic!("{code}: {medium:?}"));
    assert!(code.split('|').any(|it| report.code == it), "{code}: {report:?}");
    assert!(report.error.contains(part), "{report:?}");
    assert!(report.hint.is_some(), "{report:?}");
    assert!(!report.error.contains('\n') && report.error.len() < 400, "{report:?}");
    assert!(
        !matches!(&medium.verdict, Verdict::Accepted(it) if !matches!(**it, Accepted::Incomplete { .. }))
    );
    assert_eq!(sequences(&port.node), [None, Some(1), Some(1)], "{code}");
}

async fn recovers(port: &Port) {
    port.registry.repent();
    let imported = port.pull().await;
    assert!(
        matches!(&imported.media[0].verdict, Verdict::Accepted(it) if matches!(**it, Accepted::Staged(_))),
        "{imported:?}"
    );
    assert_eq!(port.status().failure, None);
    port.node.reconcile(None).await;
    assert_eq!(port.ship.value("a").await.as_deref(), Some("2"));
}

async fn check(lie: impl Fn(&Asked) -> Option<Answer> + Send + 'static, code: &str, part: &str) {
    let port = Port::new().await;
    port.registry.lie(lie);
    let imported = port.pull().await;
    refused(&port, &imported, code, part);
    recovers(&port).await;
}

/// The same with the digest of the large blob.
async fn check_blob(lie: impl Fn(&Digest) -> Answer, code: &str, part: &str) {
    let (_, large) = cargo_of(2);
    check(at(&format!("/blobs/{large}"), lie(&large)), code, part).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_is_pulled_once_and_asked_for_in_one_request() {
    let port = Port::new().await;
    assert!(port.poll().await);
    assert_eq!(sequences(&port.node), [Some(2), Some(1), Some(1)]);
    let status = port.status();
    assert_eq!((status.bundle.map(|it| it.sequence), status.failure), (Some(2), None));
    let asked = port.registry.asked();
    assert!(
        asked.iter().all(|it| it.method == "GET" && !it.headers.contains_key("authorization")),
        "{asked:?}"
    );
    assert!(!port.poll().await);
    let asked = port.registry.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    // What is here already is not sent again.
    let (mut maker, _) = cargo_of(3);
    maker.blobs.insert(Digest::of(b"new"), b"new".to_vec());
    port.registry.publish(REPOSITORY, "stable", &medium_of(&maker, &["bea", "ben"]));
    assert!(port.poll().await);
    let asked: Vec<String> = port.blobs_asked().into_iter().map(|it| it.path).collect();
    assert!(!asked.iter().any(|it| it.contains(&port.large.to_string())), "{asked:?}");
    // Envelope, root, inventory, release, a tree, and what is new.
    assert_eq!(asked.len(), 6, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_takes_nothing_else() {
    let (maker, _) = cargo_of(2);
    let medium = medium_of(&maker, &["bea", "ben"]);
    let registry = Registry::start();
    let digest = registry.publish(REPOSITORY, "stable", &medium);
    let pinned = |registry: &Registry| format!("{}@{digest}", url(registry));
    let port = Port::with(registry, pinned, |_| ()).await;
    port.registry.lie(at("/manifests/", whole(200, b"{}")));
    refused(&port, &port.pull().await, "tampered", &digest.to_string());
    recovers(&port).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_that_are_none() {
    let manifests = "/manifests/";
    let typed = |kind: &str, body: &[u8]| Answer::Whole {
        code: 200,
        headers: vec![("content-type", kind.to_owned())],
        body: body.to_vec(),
    };
    check(at(manifests, Answer::Endless), "source_too_large", "manifest `stable`").await;
    check(
        at(manifests, typed(oci::media_type::MANIFEST, &vec![b' '; 5 << 20])),
        "source_too_large",
        "4194304",
    )
    .await;
    check(at(manifests, typed(oci::media_type::MANIFEST, b"<html>")), "no_bundle", "malformed").await;
    check(at(manifests, typed("text/html", b"{\"schemaVersion\": 2}")), "no_bundle", "text/html").await;
    let index = br#"{"schemaVersion": 2, "manifests": []}"#;
    check(at(manifests, typed(oci::media_type::INDEX, index)), "no_bundle", "index").await;
    let image = oci::Manifest::artifact("application/vnd.acme", Vec::new(), BTreeMap::new()).encode();
    check(at(manifests, typed(oci::media_type::MANIFEST, &image)), "no_bundle", "`application/vnd.acme`")
        .await;
    check(at(manifests, with(304, &[])), "source_answer", "304").await;
    check(at(manifests, whole(404, b"")), "source_missing", "manifest `stable`").await;
    check(
        at(manifests, whole(500, br#"{"errors": [{"code": "X", "message": "no disk"}]}"#)),
        "source_failing",
        "no disk",
    )
    .await;
    check(
        at(manifests, Answer::Whole { code: 503, headers: Vec::new(), body: vec![b'x'; 1 << 20] }),
        "source_failing",
        "503",
    )
    .await;
    check(at(manifests, whole(429, b"")), "source_failing", "429").await;
    check(at(manifests, whole(403, b"")), "source_credentials", "403").await;
    check(at(manifests, whole(418, b"\x1b[2Jhello")), "source_answer", "418").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_that_are_others() {
    check_blob(|_| Answer::More(b"!".to_vec()), "source_too_large", "1048576").await;
    // Where a piece ends with the last byte that was signed, what is wrong shows before what is too much.
    check_blob(|_| Answer::Endless, "source_too_large|tampered", "").await;
    check_blob(|_| whole(200, &vec![0; 2 << 20]), "source_too_large|tampered", "").await;
    check_blob(|_| whole(200, &[0; 1000]), "source_short", "1000 of the 1048576").await;
    check_blob(|_| whole(200, &vec![0; 1 << 20]), "tampered", "something else than was signed").await;
    check_blob(|_| whole(404, b""), "source_missing", "blob sha256:").await;
    check_blob(|_| Answer::Cut { after: 1000 }, "source_unreachable", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn envelopes_that_are_others() {
    let (maker, _) = cargo_of(2);
    let medium = medium_of(&maker, &["bea", "ben"]);
    let envelope = Digest::of(&medium.items["bundle.dsse"]);
    check(
        at(&envelope.to_string(), whole(200, &vec![b'x'; medium.items["bundle.dsse"].len()])),
        "tampered",
        "",
    )
    .await;
    check(at(&envelope.to_string(), Answer::Endless), "source_too_large", "").await;
    // Who owns the registry can say anything, and sign nothing.
    let port = Port::new().await;
    port.registry.publish(REPOSITORY, "stable", &medium_of(&maker, &["bea", "eve"]));
    refused(&port, &port.pull().await, "threshold", "");
    let told = port.node.history().unwrap().receipts.len();
    for _ in 0..3 {
        port.poll().await;
    }
    assert_eq!(port.node.history().unwrap().receipts.len(), told, "it is written down once");
    port.registry.publish(REPOSITORY, "stable", &medium);
    recovers(&port).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registries_that_take_their_time() {
    let begun = Instant::now();
    check(at("/manifests/", Answer::Hang { after: 0 }), "source_stalled", "no answer").await;
    check(at("/manifests/", Answer::Hang { after: 10 }), "source_stalled", "did not come").await;
    check(at("/manifests/", Answer::Drip), "source_stalled", "did not come").await;
    check_blob(|_| Answer::Hang { after: 1000 }, "source_stalled", "nothing more came").await;
    check_blob(|_| Answer::Drip, "source_stalled", "bytes came").await;
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn registries_that_send_elsewhere() {
    let to = |place: &str| with(307, &[("location", place)]);
    check(at("/manifests/", to("http://10.1.2.3/v2/x")), "source_redirect", "10.1.2.3").await;
    check(at("/blobs/", to("http://169.254.169.254/latest")), "source_redirect", "169.254.169.254").await;
    check(at("/blobs/", to("file:///etc/passwd")), "source_redirect", "file://").await;
    check(at("/manifests/", to("/v2/platform/bundle/manifests/stable")), "source_answer", "on and on").await;
    check(at("/manifests/", with(307, &[])), "source_answer", "on and on").await;
    let token = "Bearer realm=\"http://tokens.example/token\",service=\"it\"";
    check(at("/manifests/", with(401, &[("www-authenticate", token)])), "source_redirect", "tokens.example")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_are_named_are_followed_to_and_shown_nothing() {
    let (storage, registry) = (Registry::start(), Registry::start());
    let place = storage.address;
    let folder = tempfile::tempdir().unwrap();
    let credentials = written(folder.path(), &registry, "rosa:secret");
    let named = move |spec: &mut Spec| {
        spec.credentials = Some(credentials);
        spec.hosts = Hosts::Only(vec![place.to_string()]);
    };
    let port = Port::with(registry, url, named).await;
    let (maker, large) = cargo_of(2);
    storage.publish(REPOSITORY, "stable", &medium_of(&maker, &["bea", "ben"]));
    port.registry.lie(move |asked| {
        let let_in = asked.headers.get("authorization").map(String::as_str) == Some("Basic cm9zYTpzZWNyZXQ=");
        match asked.path.strip_prefix(&format!("/v2/{REPOSITORY}/blobs/{large}")) {
            _ if !let_in => Some(with(401, &[("www-authenticate", "Basic realm=\"it\"")])),
            Some(_) => Some(with(307, &[("location", &format!("http://{place}{}", asked.path))])),
            None => None,
        }
    });
    let imported = port.pull().await;
    assert!(matches!(imported.media[0].verdict, Verdict::Accepted(_)), "{imported:?}");
    let asked = storage.asked();
    assert_eq!(asked.len(), 1);
    assert!(!asked[0].headers.contains_key("authorization"), "{asked:?}");
}

/// A docker configuration with these credentials for a registry.
fn written(folder: &Path, registry: &Registry, pair: &str) -> PathBuf {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let path = folder.join("config.json");
    let host = registry.address.to_string();
    let file = json!({"auths": {host: {"auth": STANDARD.encode(pair)}}});
    std::fs::write(&path, file.to_string()).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_fetched_with_the_password_and_nothing_more_is_asked_for() {
    let (registry, folder) = (Registry::start(), tempfile::tempdir().unwrap());
    let credentials = written(folder.path(), &registry, "rosa:secret");
    let port = Port::with(registry, url, |spec| spec.credentials = Some(credentials)).await;
    let challenge = format!(
        "Bearer realm=\"http://{}/token\",service=\"it\",scope=\"repository:{REPOSITORY}:pull,push,delete\"",
        port.registry.address
    );
    // A token is good for three requests.
    let used = AtomicUsize::new(0);
    port.registry.lie(move |asked| {
        let shown = asked.headers.get("authorization").map(String::as_str);
        if asked.path.starts_with("/token") {
            used.store(0, Ordering::Relaxed);
            let good = shown == Some("Basic cm9zYTpzZWNyZXQ=");
            return Some(if good { whole(200, br#"{"token": "t0k3n"}"#) } else { whole(401, b"") });
        }
        let good = shown == Some("Bearer t0k3n") && used.fetch_add(1, Ordering::Relaxed) < 3;
        (!good).then(|| with(401, &[("www-authenticate", &*challenge)]))
    });
    let imported = port.pull().await;
    assert!(matches!(imported.media[0].verdict, Verdict::Accepted(_)), "{imported:?}");
    let tokens: Vec<Asked> =
        port.registry.asked().into_iter().filter(|it| it.path.starts_with("/token")).collect();
    assert!(tokens.len() > 1, "{tokens:?}");
    assert!(
        tokens.iter().all(|it| it.path == "/token?service=it&scope=repository%3Aplatform%2Fbundle%3Apull"),
        "{tokens:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_do_not_count() {
    let asks = |scheme: &str| at("/v2/", with(401, &[("www-authenticate", scheme)]));
    check(asks("Basic realm=\"it\""), "source_credentials", "none are known").await;
    check(asks("Negotiate"), "source_credentials", "neither").await;
    check(at("/v2/", whole(401, b"")), "source_credentials", "neither").await;
    for (pair, code, part) in
        [("rosa:wrong", "source_credentials", "HTTP 401"), ("rosa", "source_file", "`auth` of")]
    {
        let (registry, folder) = (Registry::start(), tempfile::tempdir().unwrap());
        let credentials = written(folder.path(), &registry, pair);
        let port = Port::with(registry, url, |spec| spec.credentials = Some(credentials.clone())).await;
        port.registry.lie(asks("Basic realm=\"it\""));
        let imported = port.pull().await;
        refused(&port, &imported, code, part);
        let told = format!("{imported:?}");
        assert!(!told.contains("wrong") && !told.contains("cm9z"), "{told}");
        std::fs::write(&credentials, "{}").unwrap();
        recovers(&port).await;
    }
    let (registry, folder) = (Registry::start(), tempfile::tempdir().unwrap());
    let path = folder.path().join("config.json");
    std::fs::write(&path, r#"{"credsStore": "pass"}"#).unwrap();
    let port = Port::with(registry, url, |spec| spec.credentials = Some(path.clone())).await;
    refused(&port, &port.pull().await, "source_file", "docker-credential-pass");
    std::fs::remove_file(&path).unwrap();
    refused(&port, &port.pull().await, "source_file", "No such file");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_is_who_it_should_be() {
    let by = |ca: &'static str| move |spec: &mut Spec| spec.ca = Some(data(ca));
    let port = Port::with(Registry::with_certificate("server.pem"), url, by("ca.pem")).await;
    recovers(&port).await;
    for (certificate, ca, part) in [
        ("expired.pem", "ca.pem", "certificate expired"),
        ("server.pem", "other-ca.pem", "UnknownIssuer"),
        ("elsewhere.pem", "ca.pem", "not valid for name"),
    ] {
        let port = Port::with(Registry::with_certificate(certificate), url, by(ca)).await;
        refused(&port, &port.pull().await, "source_untrusted", part);
        assert_eq!(port.registry.asked().len(), 0, "{certificate}");
    }
    let port = Port::with(Registry::with_certificate("server.pem"), url, by("server.key")).await;
    refused(&port, &port.pull().await, "source_file", "holds no certificate");
    // From TLS no way leads to where there is none.
    let port = Port::with(Registry::with_certificate("server.pem"), url, by("ca.pem")).await;
    port.registry
        .lie(at("/manifests/", with(307, &[("location", &format!("http://{}/", port.registry.address))])));
    refused(&port, &port.pull().await, "source_redirect", "http://127.0.0.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn places_where_nobody_is() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = move |_: &Registry| format!("oci://{free}/a:b");
    let port = Port::with(Registry::start(), gone, |_| ()).await;
    refused(&port, &port.pull().await, "source_unreachable", "refused");
    // What nobody answers to is asked less and less often, at least once an interval.
    let pauses: Vec<Duration> = [(); 12].iter().map(|()| pause_after(&port)).collect();
    assert_eq!(pauses[0], Duration::from_secs(2));
    assert!(pauses.windows(2).all(|it| it[0] <= it[1]), "{pauses:?}");
    assert_eq!(pauses[11], Duration::from_secs(600));
    let port = Port::with(Registry::start(), |_| "oci://no-such-host.invalid/a:b".into(), |_| ()).await;
    refused(&port, &port.pull().await, "source_unreachable", "no-such-host.invalid");
}

/// How long the node waits after one more failure.
fn pause_after(port: &Port) -> Duration {
    let pause = port.node.source_pause(0);
    tokio::task::block_in_place(|| port.node.poll(0));
    pause
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_broke_off_is_gone_on_with() {
    let port = Port::new().await;
    let large = port.large;
    port.registry.lie(at(&format!("/blobs/{large}"), Answer::Hang { after: 700_000 }));
    let imported = port.pull().await;
    refused(&port, &imported, "source_stalled", "nothing more came");
    port.registry.repent();
    port.registry.asked();
    assert!(port.poll().await, "{:?}", port.status());
    let ranges: Vec<Option<String>> = port
        .blobs_asked()
        .into_iter()
        .filter(|it| it.path.contains(&large.to_string()))
        .map(|it| it.headers.get("range").cloned())
        .collect();
    let [Some(range)] = ranges.as_slice() else { panic!("{ranges:?}") };
    let from: usize = range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap();
    assert!(from > 400_000 && from <= 700_000, "{range}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_made_again() {
    let port = Port::new().await;
    let (large, times) = (port.large.to_string(), AtomicUsize::new(0));
    port.registry.lie(move |asked| {
        let breaks = asked.path.contains(&large) && times.fetch_add(1, Ordering::Relaxed) < 2;
        breaks.then_some(Answer::Cut { after: 300_000 })
    });
    let imported = port.pull().await;
    assert!(matches!(imported.media[0].verdict, Verdict::Accepted(_)), "{imported:?}");
    let large = port.large.to_string();
    let asked: Vec<Asked> = port.blobs_asked().into_iter().filter(|it| it.path.contains(&large)).collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert_eq!(asked[2].headers["range"], "bytes=600000-");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_without_ranges_begins_at_its_own_beginning() {
    let port = Port::new().await;
    let large = port.large;
    port.registry.lie(at(&format!("/blobs/{large}"), Answer::Hang { after: 700_000 }));
    refused(&port, &port.pull().await, "source_stalled", "");
    let (maker, _) = cargo_of(2);
    port.registry.lie(at(&format!("/blobs/{large}"), whole(200, &maker.blobs[&large])));
    assert!(port.poll().await, "{:?}", port.status());
    // One that sends another piece than was asked for is noticed.
    let port = Port::new().await;
    port.registry.lie(at(&format!("/blobs/{large}"), Answer::Hang { after: 700_000 }));
    refused(&port, &port.pull().await, "source_stalled", "");
    port.registry.lie(at(&format!("/blobs/{large}"), with(206, &[("content-range", "bytes 0-1/2")])));
    port.poll().await;
    assert_eq!(port.status().failure.unwrap().code, "source_answer");
    recovers(&port).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stick_does_not_wait_for_the_network() {
    let patient =
        |spec: &mut Spec| spec.patience = Patience { pause: Duration::from_secs(60), ..Patience::default() };
    let port = Port::with(Registry::start(), url, patient).await;
    port.registry.lie(at(&format!("/blobs/{}", port.large), Answer::Hang { after: 1000 }));
    let node = Arc::clone(&port.node);
    let pulling = tokio::task::spawn_blocking(move || node.pull(None, &quiet()));
    while !port.registry.asked().iter().any(|it| it.path.contains(&port.large.to_string())) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let stick = port.ship.stick(&bundle(2, &[("shop", &[], vec![space(), settings("a", "2")])]));
    let (node, begun) = (Arc::clone(&port.node), Instant::now());
    let imported =
        tokio::task::spawn_blocking(move || node.import(&[stick], day(7), &quiet())).await.unwrap();
    assert!(imported.refusal().is_none(), "{imported:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    pulling.await.unwrap().unwrap();
    assert_eq!(port.status().failure.unwrap().code, "gave_way");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_feeds_the_channel_that_it_is_named_for() {
    let ship = Ship::new();
    let registry = Registry::start();
    registry.publish(REPOSITORY, "stable", &medium_of(&cargo_of(2).0, &["bea", "ben"]));
    let spec = Spec::new(url(&registry).parse().unwrap());
    let followed =
        Followed { spec, channel: Some("team".parse().unwrap()), interval: Duration::from_secs(600) };
    let node = Arc::try_unwrap(ship.start()).ok().unwrap().following(vec![followed]);
    let imported = tokio::task::spawn_blocking(move || node.pull(None, &quiet())).await.unwrap().unwrap();
    assert_eq!(imported.refusal().map(|it| &*it.code), Some("channel"), "{imported:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_damaged_here_is_brought_back() {
    let port = Port::new().await;
    assert!(port.poll().await);
    let hex = port.large.hex();
    let file = port.ship.path("store").join("blobs-v1/sha256").join(&hex[..2]).join(&hex[2..]);
    std::fs::write(&file, b"rotten").unwrap();
    port.node.check(&|_, _, _| ()).unwrap();
    assert!(!file.exists());
    port.poll().await;
    assert_eq!(std::fs::read(&file).unwrap(), noise(1024 * 1024));
}

/// The binary on this machine's own clock, with a configuration of its own.
struct Agent {
    folder: tempfile::TempDir,
    child: std::process::Child,
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn airlock(folder: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_airlock"));
    command.args(arguments).arg("--config").arg(folder.join("airlock.yaml")).env_clear();
    command
}

impl Agent {
    fn start(registry: &Registry) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().display();
        let config = format!(
            "cluster: ship-7\nchannels: [platform]\nrole: store\nstore: {base}/store\nstoreId: {base}/id\n\
             socket: {base}/socket\nsite: {base}/site.yaml\narch: amd64\n\
             sources: [{{url: 'oci://localhost:{}/{REPOSITORY}:stable', interval: 1s}}]\n",
            registry.address.port()
        );
        std::fs::write(folder.path().join("airlock.yaml"), config).unwrap();
        let root = folder.path().join("root");
        std::fs::write(&root, sealed(Role::Root, &first_root(), &["rosa", "rolf"])).unwrap();
        let digest = Digest::of(&serde_json::to_vec(&first_root()).unwrap()).hex();
        let begun =
            airlock(folder.path(), &["trust", "init", root.to_str().unwrap(), "--sha256", &digest]).output();
        assert!(begun.as_ref().is_ok_and(|it| it.status.success()), "{begun:?}");
        let mut command = airlock(folder.path(), &["run"]);
        let child =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        Self { folder, child }
    }

    /// Waits until the status is as it should be.
    #[track_caller]
    fn until(&self, what: &str, is: impl Fn(&Value) -> bool) {
        let begun = Instant::now();
        loop {
            let output = airlock(self.folder.path(), &["status", "--output", "json"]).output().unwrap();
            let status: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            if is(&status) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{what}: {status:#} {output:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// A bundle that is good on this machine's own clock.
fn lasting(sequence: u64) -> MapMedium {
    let roots = [(1, sealed(Role::Root, &first_root(), &["rosa", "rolf"]))];
    let cargo = cargo_of(sequence).0.cargo();
    let mut made = statement(&first_root(), sequence, &cargo);
    made.accept_until = "9999-01-01T00:00:00Z".parse().unwrap();
    MapMedium::of(&roots, &made, &["bea", "ben"], &cargo)
}

#[test]
fn the_agent_asks_by_itself_and_says_how_it_went() {
    let registry = Registry::start();
    let agent = Agent::start(&registry);
    let failure = |status: &Value| status.pointer("/sources/0/failure/code").cloned();
    let staged = |status: &Value| status.pointer("/channels/0/floor/position").cloned();
    agent.until("nothing is there", |it| failure(it) == Some("source_missing".into()));
    registry.publish(REPOSITORY, "stable", &lasting(1));
    agent.until("one is there", |it| {
        failure(it).is_none()
            && it.pointer("/sources/0/bundle") == staged(it).as_ref()
            && staged(it).is_some()
    });
    registry.lie(at("/v2/", whole(500, b"")));
    agent.until("it fails", |it| failure(it) == Some("source_failing".into()) && staged(it).is_some());
    registry.publish(REPOSITORY, "stable", &lasting(2));
    registry.repent();
    agent.until("two are there", |it| failure(it).is_none() && format!("{:?}", staged(it)).contains('2'));
    let text = airlock(agent.folder.path(), &["status"]).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("SOURCE") && text.contains("oci://localhost:"), "{text}");
    // A look at it takes nothing in, and asks the agent's node for nothing.
    let url = format!("oci://{}/{REPOSITORY}:stable", registry.address);
    let verified = airlock(agent.folder.path(), &["verify", &url]).output().unwrap();
    let text = String::from_utf8(verified.stdout).unwrap();
    assert!(verified.status.success() && text.contains("already here"), "{text}");
    let inspected = airlock(agent.folder.path(), &["inspect", &url]).output().unwrap();
    assert!(String::from_utf8(inspected.stdout).unwrap().contains("fleet"));
}
