//! A real control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and KWOK in the place of kubelets.
//!
//! `cargo xtask setup` builds the programs. Everybody who asks at the same time shares one; whoever lets go of it last stops it and
//! waits. It listens on free loopback ports, keeps everything in a directory of its own, and nothing of it outlives this process.

// Named, since benches have this file from another place.
#[path = "peer/program.rs"]
mod program;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use airlock::{
    cluster::{
        Cluster, CreateOptions, Reference,
        api::{Access, ApiServer},
    },
    digest::Digest,
    object::{Gvk, Object},
};
use serde_json::json;

use self::program::Program;

/// How long everything may take to be ready. It is 5 s on an idle machine.
const READY: Duration = Duration::from_secs(120);

/// The token of whoever may do everything, and of whoever may do nothing.
pub const ADMIN: &str = "admin-token";
pub const NOBODY: &str = "nobody-token";

/// A control plane.
pub struct ControlPlane {
    /// In the order in which they are stopped.
    programs: Vec<Program>,
    folder: tempfile::TempDir,
    port: u16,
    etcd: u16,
}

static SHARED: Mutex<Weak<ControlPlane>> = Mutex::new(Weak::new());

/// The control plane of this run; nothing, and a line that says so, where the programs are not built.
pub fn shared() -> Option<Arc<ControlPlane>> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = shared.upgrade() {
        return Some(running);
    }
    let started = Arc::new(own()?);
    *shared = Arc::downgrade(&started);
    Some(started)
}

/// One that nobody else uses, for a test that breaks it.
pub fn own() -> Option<ControlPlane> {
    let built = |module| cache(module).inspect_err(|why| println!("skipped: {why}"));
    let (plane, kwok) = (built("control-plane").ok()?, built("kwok").ok()?);
    Some(ControlPlane::start(&plane, &kwok))
}

/// The real kubectl; nothing, and a line that says so, where it is not there.
pub fn kubectl() -> Option<PathBuf> {
    original("kubectl")
}

/// The real Helm, likewise.
pub fn helm() -> Option<PathBuf> {
    original("helm")
}

fn original(name: &str) -> Option<PathBuf> {
    let originals = cache("originals").inspect_err(|why| println!("skipped: {why}")).ok()?;
    Some(originals.join(name))
}

/// The folder of what was built from a module of tests/peers.
fn cache(module: &str) -> Result<PathBuf, String> {
    let set = std::env::var_os("AIRLOCK_CACHE").map(PathBuf::from);
    let cache =
        set.or_else(|| Some(std::env::home_dir()?.join(".cache/airlock"))).ok_or("no home directory")?;
    let folder = cache.join("peers").join(module);
    let source = checkout().join("tests/peers").join(module);
    let mut bytes = Vec::new();
    for file in ["go.mod", "go.sum", "package.json", "package-lock.json"] {
        // A module is of one of the two sorts.
        bytes.extend(fs::read(source.join(file)).unwrap_or_default());
    }
    match fs::read_to_string(folder.join("built")) {
        Ok(built) if built == Digest::of(&bytes).to_string() => Ok(folder),
        Ok(_) => Err(format!("{} was built from something else; run `cargo xtask setup`", folder.display())),
        Err(_) => Err(format!("{} is not there; run `cargo xtask setup`", folder.display())),
    }
}

/// The top of the checkout: this file serves the tests of the library and the benches of the second member of the workspace.
fn checkout() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if here.ends_with("xtask") { here.parent().unwrap() } else { here }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl ControlPlane {
    fn start(plane: &Path, kwok: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("airlock-plane-").tempdir().unwrap();
        let (port, etcd) = (free_port(), free_port());
        let it = Self { programs: Vec::new(), folder, port, etcd };
        it.with_files().with_programs(plane, kwok)
    }

    fn with_files(self) -> Self {
        let agents =
            ["agent-a", "agent-b"].map(|it| format!("{it}-token,{it},{it},system:masters\n")).concat();
        let users = format!("{ADMIN},admin,admin,system:masters\n{NOBODY},nobody,nobody\n{agents}");
        fs::write(self.path("tokens.csv"), users).unwrap();
        let policy = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata", "omitStages": ["RequestReceived"]}]});
        fs::write(self.path("audit.json"), policy.to_string()).unwrap();
        // In the old form of SEC 1: the server takes public keys out of no other one of elliptic curves.
        let key = Command::new("openssl")
            .args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"])
            .arg(self.path("accounts.key"))
            .output()
            .expect("openssl is there");
        assert!(key.status.success(), "{key:?}");
        fs::write(self.path("kubeconfig"), self.kubeconfig(ADMIN)).unwrap();
        self
    }

    fn with_programs(mut self, plane: &Path, kwok: &Path) -> Self {
        let folder = self.folder.path().to_owned();
        let path = |name: &str| folder.join(name).display().to_string();
        let peers = format!("http://127.0.0.1:{}", free_port());
        let etcd = Program::start(
            &plane.join("etcd"),
            self.folder.path(),
            &[
                "--unsafe-no-fsync",
                "--log-level=warn",
                &format!("--data-dir={}", path("etcd")),
                &format!("--listen-client-urls={}", self.etcd_url()),
                &format!("--advertise-client-urls={}", self.etcd_url()),
                &format!("--listen-peer-urls={peers}"),
                &format!("--initial-advertise-peer-urls={peers}"),
                &format!("--initial-cluster=default={peers}"),
            ],
        );
        let server = Program::start(
            &plane.join("kube-apiserver"),
            self.folder.path(),
            &[
                &format!("--etcd-servers={}", self.etcd_url()),
                &format!("--cert-dir={}", path("certificates")),
                &format!("--secure-port={}", self.port),
                "--bind-address=127.0.0.1",
                "--service-account-issuer=https://kubernetes.default.svc",
                &format!("--service-account-key-file={}", path("accounts.key")),
                &format!("--service-account-signing-key-file={}", path("accounts.key")),
                "--service-cluster-ip-range=10.96.0.0/16",
                &format!("--token-auth-file={}", path("tokens.csv")),
                "--authorization-mode=RBAC",
                "--allow-privileged=true",
                &format!("--audit-policy-file={}", path("audit.json")),
                &format!("--audit-log-path={}", path("audit.log")),
                // Read from etcd itself, so that a compaction is what ends their history.
                "--watch-cache-sizes=configmaps#0",
            ],
        );
        self.programs = vec![server, etcd];
        self.wait_until("the API server is ready", || {
            self.request("GET", "/readyz").is_some_and(|it| it == "ok")
        });
        let kubeconfig = format!("--kubeconfig={}", path("kubeconfig"));
        let manager = Program::start(
            &plane.join("kube-controller-manager"),
            self.folder.path(),
            &[
                &kubeconfig,
                &format!("--service-account-private-key-file={}", path("accounts.key")),
                &format!("--root-ca-file={}", path("certificates/apiserver.crt")),
                "--leader-elect=false",
                "--secure-port=0",
                "--kube-api-qps=500",
                "--kube-api-burst=1000",
            ],
        );
        let scheduler = Program::start(
            &plane.join("kube-scheduler"),
            self.folder.path(),
            &[&kubeconfig, "--leader-elect=false", "--secure-port=0"],
        );
        let stages = checkout().join("tests/peers/kwok/stages.yaml");
        let kwok = Program::start(
            &kwok.join("kwok"),
            self.folder.path(),
            &[
                &kubeconfig,
                &format!("--config={}", stages.display()),
                "--manage-all-nodes=true",
                "--node-lease-duration-seconds=0",
                "--node-port=0",
            ],
        );
        self.programs.splice(0..0, [kwok, scheduler, manager]);
        self.wait_until("the controllers run", || {
            self.request("GET", "/api/v1/namespaces/default/serviceaccounts/default")
                .is_some_and(|it| it.contains("\"uid\""))
        });
        self
    }

    /// What the server was asked, as it recorded it: one event for each request that has an answer.
    pub fn audit(&self) -> Vec<serde_json::Value> {
        let log = fs::read_to_string(self.path("audit.log")).unwrap_or_default();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd)
    }

    /// The file that says how to reach it with every right.
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.path("kubeconfig")
    }

    /// A kubeconfig for whoever has this token.
    pub fn kubeconfig(&self, token: &str) -> String {
        let whole = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": {
                "server": format!("https://127.0.0.1:{}", self.port),
                "certificate-authority": self.path("certificates/apiserver.crt"),
            }}],
            "users": [{"name": "it", "user": {"token": token}}],
        });
        serde_json::to_string_pretty(&whole).unwrap()
    }

    /// A client with every right and connections of its own, for the runtime that it is used in.
    pub fn client(&self) -> ApiServer {
        ApiServer::new(Access::Kubeconfig(self.kubeconfig_path()))
    }

    /// One of its programs: `kube-apiserver`.
    pub fn program(&mut self, name: &str) -> &mut Program {
        self.programs.iter_mut().find(|it| it.name() == name).unwrap()
    }

    /// Waits until the server answers again.
    pub fn wait_ready(&self) {
        self.wait_until("the API server is ready", || {
            self.request("GET", "/readyz").is_some_and(|it| it == "ok")
        });
    }

    /// Makes etcd forget everything but what is there now.
    pub fn compact(&self) {
        let now = self.etcd("/v3/kv/range", &json!({"key": "AA=="}));
        let revision = now.pointer("/header/revision").cloned().unwrap();
        self.etcd("/v3/kv/compaction", &json!({"revision": revision, "physical": true}));
    }

    fn etcd(&self, path: &str, body: &serde_json::Value) -> serde_json::Value {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.etcd)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let body = body.to_string();
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{answer}");
        serde_json::from_str(body).unwrap()
    }

    /// What the server answers the administrator with, by another client than ours.
    fn request(&self, method: &str, path: &str) -> Option<String> {
        let output = Command::new("curl")
            .args(["--silent", "--fail", "--insecure", "--max-time", "3", "--request", method, "--header"])
            .arg(format!("Authorization: Bearer {ADMIN}"))
            .arg(format!("https://127.0.0.1:{}{path}", self.port))
            .output()
            .ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    #[track_caller]
    fn wait_until(&self, what: &str, done: impl Fn() -> bool) {
        let end = Instant::now() + READY;
        while !done() {
            if Instant::now() > end {
                let logs: Vec<String> = self.programs.iter().map(Program::last_words).collect();
                panic!("never: {what}\n{}", logs.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A node on which pods are well at once.
    pub async fn with_node(&self, cluster: &dyn Cluster) {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "played"}});
        let _ = cluster.create(&Object::new(node, "node").unwrap(), &CreateOptions::by("test")).await;
        let at = Reference::new(Gvk::parse("v1", "Node").unwrap(), "", "played");
        for _ in 0..600 {
            let node = cluster.get(&at).await.unwrap();
            let conditions = node.get(&["status", "conditions"]).and_then(|it| it.as_array()).cloned();
            if conditions.into_iter().flatten().any(|it| it["type"] == "Ready" && it["status"] == "True") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the node never becomes ready");
    }
}
