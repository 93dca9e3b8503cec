//! A real API server behind the port: what every cluster does, and what only a server can do to us.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use airlock::{
    cluster::{
        ApplyOptions, Cluster, CreateOptions, DeleteOptions, Error, ListOptions, Reference, WatchEvent,
        api::{Access, ApiServer, Limits},
        directory::DirectoryCluster,
        follow::{Change, Follow},
    },
    fault::Fault,
    object::Object,
};
use serde_json::{Value, json};

use super::{code, conformance, eventually, gone, gvk, object};
use crate::support::{
    front,
    peer::{self, NOBODY},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let Some(plane) = peer::shared() else { return };
    let compacted = Arc::clone(&plane);
    let expire = Box::new(move || compacted.compact());
    conformance::run(&conformance::Peer { cluster: Arc::new(plane.client()), expire }).await;
}

/// The same suite over the wire where nothing but this crate is needed: the client before a directory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_over_the_wire() {
    let root = tempfile::tempdir().unwrap();
    let directory = DirectoryCluster::open(root.path()).unwrap();
    let compacted = directory.clone();
    let address = front::serve(Arc::new(directory)).await;
    let folder = tempfile::tempdir().unwrap();
    let cluster = plain(folder.path(), &address, Limits::default());
    let expire = Box::new(move || compacted.compact().unwrap());
    conformance::run(&conformance::Peer { cluster: Arc::new(cluster), expire }).await;
}

fn config_map(namespace: &str, name: &str, data: Value) -> Object {
    object(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}),
    )
}

/// A namespace of the test's own.
async fn namespace(cluster: &dyn Cluster, name: &str) -> Reference {
    let space = object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    Reference::of(&cluster.create(&space, &CreateOptions::by("test")).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_lists_come_in_pages() {
    let Some(plane) = peer::shared() else { return };
    let cluster = plane.client();
    namespace(&cluster, "pages").await;
    let by = CreateOptions::by("test");
    for at in 0..230 {
        cluster.create(&config_map("pages", &format!("m{at:03}"), json!({"x": "y"})), &by).await.unwrap();
    }
    let options = ListOptions::in_namespace("pages");
    let (objects, version) = cluster.list(&gvk("v1", "ConfigMap"), &options).await.unwrap();
    let names: Vec<&str> = objects.iter().map(Object::name).filter(|it| it.starts_with('m')).collect();
    assert_eq!((names.len(), names[0], names[229]), (230, "m000", "m229"));
    assert_eq!((objects[0].kind(), objects[0].api_version()), ("ConfigMap", "v1"));
    assert!(!version.0.is_empty());
    let (metadata, _) = cluster.list_metadata(&gvk("v1", "ConfigMap"), &options).await.unwrap();
    assert_eq!(metadata.len(), objects.len());
    assert!(metadata.iter().all(|it| it.as_object().get(&["metadata", "managedFields"]).is_none()));
}

/// What stands between a write and the object: policies, and webhooks that refuse or cannot be asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_admission_says_is_told_in_its_own_words() {
    let Some(plane) = peer::shared() else { return };
    let cluster = plane.client();
    namespace(&cluster, "admission").await;
    let selects =
        |label: &str| json!({"matchLabels": {"kubernetes.io/metadata.name": "admission", "test": label}});
    let label = object(
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "admission", "labels": {"test": "admission"}}}),
    );
    let force = ApplyOptions::force("test");
    cluster.apply(&label, &force).await.unwrap();
    let rules = json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]);
    let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "no-tea"}, "spec": {
        "matchConstraints": {"resourceRules": rules},
        "validations": [{"expression": "!has(object.data) || !('tea' in object.data)", "message": "no tea here"}],
    }});
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "no-tea"}, "spec": {
        "policyName": "no-tea", "validationActions": ["Deny"], "matchResources": {"namespaceSelector": selects("admission")},
    }});
    for value in [policy, binding] {
        cluster.apply(&object(value), &force).await.unwrap();
    }
    let tea = config_map("admission", "tea", json!({"tea": "green"}));
    let refused = eventually("the policy is known", async || {
        cluster.apply(&tea, &ApplyOptions::dry_run("test")).await.err()
    })
    .await;
    assert!(matches!(refused, Error::Invalid(_)), "{refused:?}");
    assert!(refused.to_string().ends_with("denied request: no tea here"), "{refused}");
    cluster.apply(&config_map("admission", "milk", json!({"milk": "1"})), &force).await.unwrap();

    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let webhook = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "dead"}, "webhooks": [{
        "name": "dead.example.org", "clientConfig": {"url": format!("https://{closed}/")}, "rules": rules, "sideEffects": "None",
        "admissionReviewVersions": ["v1"], "timeoutSeconds": 2, "namespaceSelector": selects("admission"),
    }]});
    cluster.apply(&object(webhook), &force).await.unwrap();
    let error = eventually("the webhook is asked", async || {
        cluster.apply(&config_map("admission", "late", json!({})), &ApplyOptions::dry_run("test")).await.err()
    })
    .await;
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("failed calling webhook \"dead.example.org\""), "{error}");
    for kind in
        ["ValidatingWebhookConfiguration", "ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"]
    {
        let name = if kind.starts_with("ValidatingWebhook") { "dead" } else { "no-tea" };
        let at = Reference::new(gvk("admissionregistration.k8s.io/v1", kind), "", name);
        cluster.delete(&at, &DeleteOptions::default()).await.unwrap();
    }
}

/// Credentials change under way, are wrong, or are of somebody who may do nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kubeconfig_is_read_again_when_it_changes() {
    let Some(plane) = peer::shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let cluster = ApiServer::new(Access::Kubeconfig(path.clone()));
    let listed = async || code(&cluster.list(&gvk("v1", "Secret"), &ListOptions::default()).await);
    assert_eq!(listed().await, "kubeconfig", "there is no file yet");
    let put = |text: &str| {
        let new = folder.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, &path).unwrap();
    };
    let becomes = async |wanted: &str| {
        eventually(wanted, async || (listed().await == wanted).then_some(())).await;
    };
    put(&plane.kubeconfig("no-such-token"));
    becomes("unauthorized").await;
    put(&plane.kubeconfig(NOBODY));
    becomes("forbidden").await;
    put(&fs::read_to_string(plane.kubeconfig_path()).unwrap());
    becomes("ok").await;
    // What cannot be used changes nothing for what works.
    put("contexts: [");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(listed().await, "ok");
    // A token in a file of its own.
    fs::write(folder.path().join("token"), NOBODY).unwrap();
    put(&plane.kubeconfig("x").replace("\"token\": \"x\"", "\"tokenFile\": \"token\""));
    becomes("forbidden").await;
    fs::write(folder.path().join("token"), peer::ADMIN).unwrap();
    becomes("ok").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_prove_who_it_is_gets_nothing() {
    let Some(plane) = peer::shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    // Somebody else's authority.
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=other",
        ])
        .args(["-keyout", "other.key", "-out", "other.crt", "-days", "2"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success());
    let mut config: Value = serde_json::from_str(&plane.kubeconfig(peer::ADMIN)).unwrap();
    config["clusters"][0]["cluster"]["certificate-authority"] = json!("other.crt");
    fs::write(&path, config.to_string()).unwrap();
    let cluster = ApiServer::new(Access::Kubeconfig(path));
    let error = cluster.version().await.unwrap_err();
    assert_eq!(error.code(), "cluster_untrusted", "{error:?}");
    assert!(error.to_string().starts_with("https://127.0.0.1:"), "{error}");
}

/// A kubeconfig for a server without TLS.
fn plain(folder: &Path, address: &str, limits: Limits) -> ApiServer {
    let config = json!({
        "current-context": "it", "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "it", "user": {"token": "t"}}],
    });
    let path = folder.join("kubeconfig");
    fs::write(&path, config.to_string()).unwrap();
    ApiServer::with_limits(Access::Kubeconfig(path), limits)
}

/// What `/version` ends in, where the other side answers with these bytes and then does nothing.
async fn told(answer: &str) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answer = answer.to_owned();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut seen = [0; 4096];
            let _ = stream.read(&mut seen);
            let _ = stream.write_all(answer.as_bytes());
            std::thread::sleep(Duration::from_secs(3));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { read: Duration::from_secs(1), answer: 1 << 20, ..Limits::default() };
    plain(folder.path(), &address, limits).version().await.unwrap_err()
}

fn http(line: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {line}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_no_server_should_give() {
    let begun = Instant::now();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let refused = plain(folder.path(), &closed, Limits::default()).version().await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("the cluster cannot be reached: http://{closed}: Connection refused (os error 111)")
    );
    for (answer, code, says) in [
        (String::new(), "cluster_unavailable", "does not answer within 1 s"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(),
            "cluster_unavailable",
            "does not answer within 1 s",
        ),
        (http("200 OK", "", "<html>"), "cluster_malformed", "something else"),
        (http("200 OK", "", &" ".repeat(2 << 20)), "cluster_malformed", "more than 1 MiB"),
        (http("302 Found", "Location: http://example.org/\r\n", ""), "rejected", "Found (HTTP 302)"),
        (http("502 Bad Gateway", "", "<html>no"), "cluster_unavailable", "<html>no (HTTP 502)"),
        (http("401 Unauthorized", "", ""), "unauthorized", "Unauthorized (HTTP 401)"),
        ("SSH-2.0-x\r\n".to_owned(), "cluster_unavailable", "http://127.0.0.1:"),
    ] {
        let error = told(&answer).await;
        assert_eq!(error.code(), code, "{answer:.60} {error:?}");
        assert!(error.to_string().contains(says), "{answer:.60} {error}");
    }
    let throttled = told(&http("429 Too Many Requests", "Retry-After: 7\r\n", "slow down")).await;
    let Error::Throttled { retry_after, .. } = throttled else { panic!("{throttled:?}") };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
    assert!(begun.elapsed() < Duration::from_secs(30));
}

/// The server is frozen, killed, and comes back: a request ends in time, and a follower misses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_or_dies_is_found_again() {
    let Some(mut plane) = peer::own() else { return };
    let seconds = Duration::from_secs;
    let limits = Limits { read: seconds(3), write: seconds(3), idle: seconds(5), ..Limits::default() };
    let cluster = ApiServer::with_limits(Access::Kubeconfig(plane.kubeconfig_path()), limits);
    namespace(&cluster, "dies").await;
    let force = ApplyOptions::force("test");
    let secret = |name: &str| {
        object(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "dies"}}))
    };
    cluster.apply(&secret("before"), &force).await.unwrap();
    let options = ListOptions::in_namespace("dies");
    let mut follow = Follow::new(Arc::new(cluster.clone()), gvk("v1", "Secret"), options);
    while follow.next().await.unwrap() != Change::Listed {}

    let server = "kube-apiserver";
    plane.program(server).signal("STOP");
    let begun = Instant::now();
    assert_eq!(code(&cluster.apply(&secret("frozen"), &force).await), "cluster_unavailable");
    assert!(begun.elapsed() < seconds(6));
    plane.program(server).signal("CONT");
    plane.wait_ready();
    eventually("it answers again", async || cluster.apply(&secret("frozen"), &force).await.ok()).await;

    plane.program(server).kill();
    assert_eq!(code(&cluster.get(&Reference::of(&secret("before"))).await), "cluster_unavailable");
    plane.program(server).start_again();
    plane.wait_ready();
    cluster.apply(&secret("after"), &force).await.unwrap();
    let mut seen = Vec::new();
    let end = Instant::now() + seconds(60);
    while !["frozen", "after"].iter().all(|it| seen.iter().any(|seen| seen == it)) {
        assert!(Instant::now() < end, "{seen:?}");
        match tokio::time::timeout(seconds(30), follow.next()).await.expect("something happens") {
            Ok(Change::Applied(it)) => seen.push(it.as_object().name().to_owned()),
            Ok(_) => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// An object of a kind whose definition goes, and comes back with other names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_that_changes_its_name_is_found_again() {
    let Some(plane) = peer::shared() else { return };
    let cluster = plane.client();
    namespace(&cluster, "renamed").await;
    let definition = |plural: &str| {
        object(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.renamed.example.org")},
            "spec": {
                "group": "renamed.example.org", "scope": "Namespaced", "names": {"kind": "Mouse", "plural": plural},
                "versions": [{"name": "v1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
            },
        }))
    };
    let mouse = object(
        json!({"apiVersion": "renamed.example.org/v1", "kind": "Mouse", "metadata": {"name": "m", "namespace": "renamed"}}),
    );
    let force = ApplyOptions::force("test");
    assert_eq!(code(&cluster.apply(&mouse, &force).await), "no_match");
    for plural in ["mouses", "mice"] {
        let made = cluster.apply(&definition(plural), &force).await.unwrap();
        eventually("it is served", async || cluster.apply(&mouse, &force).await.ok()).await;
        let resource = cluster.resource(mouse.gvk()).await.unwrap();
        assert_eq!((resource.plural.as_str(), resource.namespaced), (plural, true));
        let at = Reference::of(&made);
        cluster.delete(&at, &DeleteOptions::default()).await.unwrap();
        gone(&cluster, &at).await;
    }
    eventually("it is not served any more", async || {
        (code(&cluster.get(&Reference::of(&mouse)).await) == "no_match").then_some(())
    })
    .await;
    let watched = cluster.list_metadata(mouse.gvk(), &ListOptions::default()).await;
    assert_eq!(code(&watched), "no_match");
}

/// Deployments, Jobs and their pods really live here: what the waits look at is what controllers write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_become_ready_or_fail() {
    let Some(plane) = peer::shared() else { return };
    let cluster = plane.client();
    plane.with_node(&cluster).await;
    namespace(&cluster, "pods").await;
    let deployment = |name: &str, labels: Value| {
        object(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "pods"}, "spec": {
                "replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {
                    "metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "app:1"}]},
                },
            }}),
        )
    };
    let job = object(
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate", "namespace": "pods"}, "spec": {
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "app:1"}]}},
        }}),
    );
    let good = deployment("good", json!({"app": "good"}));
    let bad = deployment("bad", json!({"app": "bad", "airlock.test/ends": "badly"}));
    let force = ApplyOptions::force("test");
    for it in [&good, &bad, &job] {
        cluster.apply(it, &force).await.unwrap();
    }
    eventually("the deployment is available", async || {
        let live = cluster.get(&Reference::of(&good)).await.unwrap();
        (live.get(&["status", "availableReplicas"]) == Some(&json!(2))).then_some(())
    })
    .await;
    eventually("the job has succeeded", async || {
        let live = cluster.get(&Reference::of(&job)).await.unwrap();
        (live.get(&["status", "succeeded"]) == Some(&json!(1))).then_some(())
    })
    .await;
    let (pods, _) = cluster
        .list(&gvk("v1", "Pod"), &ListOptions::in_namespace("pods").labelled("app", "bad"))
        .await
        .unwrap();
    assert_eq!(pods.len(), 2);
    eventually("its pods crash", async || {
        let live = cluster.get(&Reference::of(&pods[0])).await.unwrap();
        let waiting = live.get(&["status", "containerStatuses"])?.pointer("/0/state/waiting/reason")?.clone();
        (waiting == "CrashLoopBackOff").then_some(())
    })
    .await;
    let live = cluster.get(&Reference::of(&bad)).await.unwrap();
    assert_eq!(live.get(&["status", "availableReplicas"]), None);
}

/// A bookmark comes without anything having happened, so that a quiet watch can go on after a pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quiet_watches_get_bookmarks() {
    let Some(plane) = peer::shared() else { return };
    let cluster = plane.client();
    let kind = gvk("v1", "ServiceAccount");
    let options = ListOptions::in_namespace("kube-public");
    let (_, from) = cluster.list_metadata(&kind, &options).await.unwrap();
    let mut watch = cluster.watch_metadata(&kind, &options, &from).await.unwrap();
    let event =
        tokio::time::timeout(Duration::from_secs(100), watch.next()).await.expect("a bookmark in time");
    assert!(matches!(event, Some(Ok(WatchEvent::Bookmark(_)))), "{event:?}");
}

/// A certificate that is over, or not yet, is nobody's: the server is not spoken to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_over_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let openssl = |arguments: &[&str]| {
        let done = std::process::Command::new("openssl")
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let config = "[ca]\ndefault_ca = it\n[it]\ndatabase = index\nserial = serial\nnew_certs_dir = .\ndefault_md = sha256\npolicy = any\n\
                  x509_extensions = ext\n[any]\ncommonName = supplied\n[ext]\nsubjectAltName = IP:127.0.0.1\n";
    fs::write(folder.path().join("config"), config).unwrap();
    fs::write(folder.path().join("index"), "").unwrap();
    fs::write(folder.path().join("serial"), "01\n").unwrap();
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl(
        &[
            &["req", "-x509", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.crt", "-days", "2"]
                [..],
            &key,
        ]
        .concat(),
    );
    openssl(&[&["req", "-subj", "/CN=server", "-keyout", "key", "-out", "request"][..], &key].concat());
    openssl(&[
        "ca",
        "-batch",
        "-notext",
        "-config",
        "config",
        "-cert",
        "ca.crt",
        "-keyfile",
        "ca.key",
        "-in",
        "request",
        "-out",
        "crt",
        "-startdate",
        "20200101000000Z",
        "-enddate",
        "20200201000000Z",
    ]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = std::process::Command::new("openssl")
        .args([
            "s_server",
            "-quiet",
            "-www",
            "-cert",
            "crt",
            "-key",
            "key",
            "-accept",
            &format!("127.0.0.1:{port}"),
        ])
        .current_dir(folder.path())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let config = json!({
        "current-context": "it", "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": format!("https://127.0.0.1:{port}"), "certificate-authority": "ca.crt"}}],
        "users": [{"name": "it", "user": {"token": "t"}}],
    });
    let path = folder.path().join("kubeconfig");
    fs::write(&path, config.to_string()).unwrap();
    let cluster = ApiServer::new(Access::Kubeconfig(path));
    let told = eventually("the server answers", async || {
        cluster.version().await.err().filter(|it| it.code() != "cluster_unavailable")
    })
    .await;
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(told.code(), "cluster_untrusted", "{told:?}");
    assert!(told.to_string().to_lowercase().contains("expired"), "{told}");
    assert!(told.hint().unwrap().contains("valid today"), "{told}");
}
