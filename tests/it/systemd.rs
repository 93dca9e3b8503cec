//! The agent as a service: what it tells its manager, what is installed, and how little it may do.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    os::unix::{fs::MetadataExt, net::UnixDatagram},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use airlock::{bundle::Role, digest::Digest};

use crate::{
    mirror::ask,
    support::kit::{first_root, sealed},
};

mod machine;

fn airlock(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
    command.args(arguments).env_clear();
    command
}

/// A node of its own below `folder`, on which a root is anchored.
fn begun(folder: &Path) -> String {
    let base = folder.display();
    let config = folder.join("airlock.yaml");
    std::fs::write(
        &config,
        format!(
            "cluster: ship-7\nchannels: [platform]\nrole: store\nstore: {base}/var/store\nstoreId: {base}/id\n\
             socket: {base}/socket\nsite: {base}/site.yaml\n"
        ),
    )
    .unwrap();
    std::fs::write(folder.join("root"), sealed(Role::Root, &first_root(), &["rosa", "rolf"])).unwrap();
    let digest = Digest::of(&serde_json::to_vec(&first_root()).unwrap()).hex();
    let (root, config) = (format!("{base}/root"), config.display().to_string());
    let told = airlock(&["trust", "init", &root, "--sha256", &digest, "--config", &config]).output().unwrap();
    assert!(told.status.success(), "{told:?}");
    config
}

/// Kills what a test that failed leaves behind.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(agent: &Agent, name: &str) {
    let sent = Command::new("kill").args([name, &agent.0.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Waits for a message that the test asks for.
fn hear(socket: &UnixDatagram, wanted: &str) -> Result<(), BTreeSet<String>> {
    let mut heard = BTreeSet::new();
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        let mut buffer = [0; 4096];
        let Ok(count) = socket.recv(&mut buffer) else { break };
        let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
        if text.starts_with(wanted) {
            return Ok(());
        }
        heard.insert(text);
    }
    Err(heard)
}

#[test]
fn the_manager_hears_that_the_agent_is_ready_alive_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let config = begun(folder.path());
    let address = folder.path().join("notify");
    let socket = UnixDatagram::bind(&address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let child = airlock(&["run", "--config", &config])
        .env("NOTIFY_SOCKET", &address)
        .env("WATCHDOG_USEC", "600000")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut agent = Agent(child);
    hear(&socket, "READY=1").unwrap();
    hear(&socket, "STATUS=no bundle was accepted yet").unwrap();
    for _ in 0..3 {
        hear(&socket, "WATCHDOG=1").unwrap();
    }
    // Frozen, it says nothing, and a manager would start it anew.
    signal(&agent, "-STOP");
    socket.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    while socket.recv(&mut [0; 4096]).is_ok() {}
    assert!(socket.recv(&mut [0; 4096]).is_err());
    signal(&agent, "-CONT");
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    hear(&socket, "WATCHDOG=1").unwrap();
    signal(&agent, "-TERM");
    hear(&socket, "STOPPING=1").unwrap();
    assert!(agent.0.wait().unwrap().success());
    assert!(!folder.path().join("socket").exists());
}

/// A port that nobody has at the moment.
fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn metrics_and_probes_are_told_and_a_port_that_is_taken_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = begun(folder.path());
    let (metrics, taken) = (free_port(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let mut text = std::fs::read_to_string(&config).unwrap();
    text.push_str(&format!("listen: {{metrics: {metrics}, mirror: {}}}\n", taken.local_addr().unwrap()));
    std::fs::write(&config, text).unwrap();
    let log = folder.path().join("log");
    let mut command = airlock(&["run", "--config", &config, "--json"]);
    let agent = Agent(command.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap());
    let until = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(metrics).is_err() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(metrics, "GET", path, "").status, 200, "{path}");
    }
    assert_eq!(ask(metrics, "POST", "/metrics", "Content-Length: 0\r\n").status, 405);
    assert_eq!(ask(metrics, "GET", "/", "").status, 404);
    let page = String::from_utf8(ask(metrics, "GET", "/metrics", "").body).unwrap();
    for line in [
        "# TYPE airlock_reconcile_duration_seconds histogram",
        "airlock_trust_root_version 1",
        concat!("airlock_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(page.lines().any(|it| it == line), "{line} is not in\n{page}");
    }
    let memory = page.lines().find_map(|it| it.strip_prefix("process_resident_memory_bytes ")).unwrap();
    assert!(memory.parse::<u64>().unwrap() > 1_000_000, "{memory}");
    // The mirror's port is had by somebody else: it is told, and everything else goes on.
    signal(&agent, "-TERM");
    let mut agent = agent;
    assert!(agent.0.wait().unwrap().success());
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("`listen.mirror: 127.0.0.1:"), "{log}");
}

#[test]
fn what_is_installed_is_whole_and_what_was_edited_stays() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display().to_string();
    let installed = airlock(&["install", "--root", &root]).output().unwrap();
    assert!(installed.status.success(), "{installed:?}");
    let program = folder.path().join("usr/local/bin/airlock");
    let help = Command::new(&program).arg("--version").output().unwrap();
    assert!(help.status.success());
    assert_eq!(std::fs::metadata(&program).unwrap().mode() & 0o7777, 0o755);
    let config = folder.path().join("etc/airlock/airlock.yaml");
    let unit = folder.path().join("etc/systemd/system/airlock.service");
    std::fs::write(&config, "cluster: mine\n").unwrap();
    std::fs::write(&unit, "old").unwrap();
    let again = airlock(&["install", "--root", &root, "--output", "json"]).output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    let outcomes: Vec<&str> =
        told.as_array().unwrap().iter().map(|it| it["outcome"].as_str().unwrap()).collect();
    assert_eq!(
        outcomes,
        ["is there", "written", "is there", "is there", "is there", "is there", "kept as it is"]
    );
    assert_eq!(std::fs::read_to_string(&config).unwrap(), "cluster: mine\n");
    let printed = airlock(&["generate", "unit"]).output().unwrap().stdout;
    assert_eq!(std::fs::read(&unit).unwrap(), printed);
}

/// Systemd's own figure for what a service may do: 0 is nothing, 10 is everything.
#[test]
fn the_unit_may_do_little() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        println!("skipped: systemd-analyze is not here");
        return;
    };
    assert!(version.status.success());
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("airlock.service");
    std::fs::write(&unit, airlock(&["generate", "unit"]).output().unwrap().stdout).unwrap();
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20", "--no-pager"])
        .arg(&unit)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&judged.stdout).into_owned();
    let last = text.lines().last().unwrap_or_default();
    println!("systemd: {last}");
    assert!(judged.status.success(), "{text}\n{}", String::from_utf8_lossy(&judged.stderr));
}

/// Root begins the node and imports on a service's behalf; the service must be able to read what came of it.
#[test]
fn what_root_makes_belongs_to_the_owner_of_the_store() {
    if !rustix_is_root() {
        println!("skipped: only root can give files away");
        return;
    }
    const SOMEBODY: u32 = 61_234;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("var");
    std::fs::create_dir(&place).unwrap();
    std::os::unix::fs::chown(&place, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    begun(folder.path());
    let mut open = vec![place];
    let mut count = 0;
    while let Some(path) = open.pop() {
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (SOMEBODY, SOMEBODY), "{}", path.display());
        count += 1;
        if metadata.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|it| it.unwrap().path()));
        }
    }
    assert!(count > 6, "{count}");
}

fn rustix_is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}
