//! The agent under a real systemd, in a throw-away root: installed, started, a stick mounted, killed, hung, stopped.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use airlock::{bundle::Role, digest::Digest};
use serde_json::json;

use crate::{
    node::{bundle, settings, space},
    support::{
        bundle::Maker,
        kit::{first_root, sealed, statement},
        medium::MapMedium,
    },
};

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(20);

/// A systemd that runs as the first process of a root of its own, over this machine's files.
struct Machine {
    folder: tempfile::TempDir,
    container: Child,
    /// The systemd, as this machine numbers it.
    init: u32,
}

impl Machine {
    /// Boots one; none where this machine cannot.
    fn boot() -> Option<Self> {
        let able = fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0);
        if !able || Command::new("systemd-nspawn").arg("--version").output().is_err() {
            println!("skipped: a real systemd needs root and systemd-nspawn (`systemd-container`)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().display().to_string();
        mount(&["-t", "tmpfs", "-o", "size=2g", "airlock-test", &top]);
        for name in ["upper", "work", "root"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let layers = format!("lowerdir=/,upperdir={top}/upper,workdir={top}/work");
        mount(&["-t", "overlay", "-o", &layers, "airlock-test", &format!("{top}/root")]);
        let root = folder.path().join("root");
        // What this machine's own units would start has no business here.
        fs::write(root.join("etc/machine-id"), "").unwrap();
        fs::copy(env!("CARGO_BIN_EXE_airlock"), root.join("root/airlock")).unwrap();
        let log = fs::File::create(folder.path().join("console")).unwrap();
        let container = Command::new("systemd-nspawn")
            .args(["-D", &root.display().to_string()])
            .args(["-b", "--register=no", "--keep-unit", "--private-network", "--console=pipe"])
            .arg("systemd.unit=basic.target")
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .spawn()
            .unwrap();
        let mut machine = Self { folder, container, init: 0 };
        machine.init = until("systemd is there", || machine.find_init());
        until("systemd has started", || {
            let told = machine.run(&["systemctl", "is-active", "basic.target"]);
            (told.stdout == b"active\n").then_some(())
        });
        Some(machine)
    }

    fn find_init(&self) -> Option<u32> {
        let parent = self.container.id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
        children.split_whitespace().filter_map(|it| it.parse().ok()).find(|pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|it| it.trim() == "systemd")
        })
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Runs a program inside.
    fn run(&self, command: &[&str]) -> Output {
        Command::new("nsenter")
            .args(["-t", &self.init.to_string(), "-m", "-p", "-n", "-i", "-u", "--"])
            .args(command)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .output()
            .unwrap()
    }

    /// Runs a program that must succeed, and gives what it prints.
    #[track_caller]
    fn told(&self, command: &[&str]) -> String {
        let output = self.run(command);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{command:?}: {text}{}\n{}", errors(&output), self.journal());
        text
    }

    fn journal(&self) -> String {
        let output = self.run(&["journalctl", "-u", "airlock", "--no-pager", "-n", "60"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn property(&self, name: &str) -> String {
        self.told(&["systemctl", "show", "airlock", "--value", "-p", name]).trim().to_owned()
    }

    /// What is written for an object of the cluster, which is a directory here.
    fn object(&self, name: &str) -> Option<String> {
        let path = format!("var/lib/airlock/cluster/namespaces/shop/ConfigMap/{name}.yaml");
        fs::read_to_string(format!("/proc/{}/root/{path}", self.init)).ok()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // An unclean end of all processes inside is what a throw-away machine is for.
        let _ = Command::new("kill").args(["-9", &self.init.to_string()]).status();
        let _ = self.container.kill();
        let _ = self.container.wait();
        for place in [self.root(), self.folder.path().to_owned()] {
            let _ = Command::new("umount").arg("-R").arg("-l").arg(place).status();
        }
    }
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn mount(arguments: &[&str]) {
    let told = Command::new("mount").args(arguments).output().unwrap();
    assert!(told.status.success(), "{arguments:?}: {}", errors(&told));
}

/// Waits until something is so.
#[track_caller]
fn until<T>(what: &str, so: impl FnMut() -> Option<T>) -> T {
    until_or(what, so, String::new)
}

#[track_caller]
fn until_or<T>(what: &str, mut so: impl FnMut() -> Option<T>, why: impl FnOnce() -> String) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = so() {
            return found;
        }
        if Instant::now() > end {
            panic!("{what}: not within {PATIENCE:?}\n{}", why());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A stick with a bundle, below `folder`.
fn write_stick(folder: &Path, maker: &Maker) {
    let cargo = maker.cargo();
    let roots = [(1, sealed(Role::Root, &first_root(), &["rosa", "rolf"]))];
    let mut made = statement(&first_root(), maker.sequence, &cargo);
    // The clock of the machine is the real one.
    made.accept_until = "2100-01-01T00:00:00Z".parse().unwrap();
    for (name, bytes) in &MapMedium::of(&roots, &made, &["bea", "ben"], &cargo).items {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
}

const CONFIG: &str = "cluster: ship-7\nchannels: [platform]\napply: {directory: /var/lib/airlock/cluster}\n\
                      media: [/media/airlock]\nstore: /var/lib/airlock/store\n";

/// Seconds instead of a minute, so that the test need not wait for one.
const DROP_IN: &str = "[Service]\nWatchdogSec=3s\nRestartSec=100ms\n";

const ASK: &str = "exec 3<>/dev/tcp/127.0.0.1/5000; printf 'GET /v2/ HTTP/1.1\\r\\nHost: it\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3";

#[test]
fn a_real_systemd_installs_starts_restarts_and_stops_it() {
    let Some(machine) = Machine::boot() else { return };
    let root = machine.root();

    // Installed, as the README says.
    let told = machine.told(&["/root/airlock", "install"]);
    assert!(told.contains("next: edit /etc/airlock/airlock.yaml"), "{told}");
    assert!(machine.run(&["systemctl", "is-active", "airlock"]).stdout.starts_with(b"inactive"));
    machine.told(&["systemctl", "start", "airlock"]);
    assert_eq!(machine.property("ActiveState"), "inactive", "without a root there is nothing to do");
    fs::write(root.join("etc/airlock/airlock.yaml"), CONFIG).unwrap();
    fs::create_dir_all(root.join("etc/systemd/system/airlock.service.d")).unwrap();
    fs::write(root.join("etc/systemd/system/airlock.service.d/test.conf"), DROP_IN).unwrap();
    fs::write(root.join("root/first.root"), sealed(Role::Root, &first_root(), &["rosa", "rolf"])).unwrap();
    let digest = Digest::of(&serde_json::to_vec(&first_root()).unwrap()).hex();
    machine.told(&["airlock", "trust", "init", "/root/first.root", "--sha256", &digest]);
    machine.told(&["systemctl", "daemon-reload"]);
    machine.told(&["systemctl", "enable", "--now", "airlock-mirror.socket"]);

    // Started; `start` returns when the agent says that it is ready.
    machine.told(&["systemctl", "start", "airlock"]);
    assert_eq!(machine.property("ActiveState"), "active");
    assert_eq!(machine.property("StatusText"), "no bundle was accepted yet");
    let answer = machine.told(&["bash", "-c", ASK]);
    assert!(answer.starts_with("HTTP/1.1 200"), "the mirror has the socket that systemd holds: {answer}");
    let exposure = machine.told(&["systemd-analyze", "security", "airlock", "--threshold=20", "--no-pager"]);
    println!("systemd: {}", exposure.lines().last().unwrap_or_default());

    // A stick is mounted, and taken in.
    let objects = vec![space(), settings("a", "1")];
    write_stick(&root.join("root/stick"), &bundle(1, &[("shop", &[], objects)]));
    machine.told(&["mkdir", "-p", "/media/airlock/sdb1"]);
    machine.told(&["mount", "-t", "tmpfs", "stick", "/media/airlock/sdb1"]);
    machine.told(&["cp", "-r", "/root/stick/.", "/media/airlock/sdb1/"]);
    let first = until_or("the object is there", || machine.object("a"), || machine.journal());
    until("it is healthy", || (machine.property("StatusText") == "platform 1-1: healthy").then_some(()));
    machine.told(&["umount", "/media/airlock/sdb1"]);

    // Killed, it comes back to the same state.
    let pid = machine.property("MainPID");
    machine.told(&["kill", "-9", &pid]);
    let restarts = |count: &str| (machine.property("NRestarts") == count).then_some(());
    until("it was restarted", || restarts("1"));
    until("it is ready again", || (machine.property("ActiveState") == "active").then_some(()));
    let status = machine.told(&["airlock", "status", "--output", "json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["channels"][0]["active"]["position"], json!({"epoch": 1, "sequence": 1}), "{status}");
    assert_eq!(machine.object("a").as_ref(), Some(&first));

    // Hung, it is killed by the watchdog and comes back.
    let pid = machine.property("MainPID");
    machine.told(&["kill", "-STOP", &pid]);
    until("the watchdog killed it", || restarts("2"));
    until("it is ready again", || (machine.property("ActiveState") == "active").then_some(()));
    assert!(machine.journal().contains("Watchdog timeout"), "{}", machine.journal());

    // Changed by hand, an object is put back by the agent that runs now.
    let cluster = root.join("var/lib/airlock/cluster/namespaces/shop/ConfigMap/a.yaml");
    fs::write(&cluster, first.replace("\"1\"", "\"by hand\"")).unwrap();
    until("it is put back", || machine.object("a").filter(|it| *it == first));

    // Stopped, it ends cleanly.
    machine.told(&["systemctl", "stop", "airlock"]);
    assert_eq!(machine.property("Result"), "success");
    assert_eq!(machine.property("ExecMainStatus"), "0");
    let owner = machine.told(&["stat", "-c", "%U %a", "/var/lib/airlock/store"]);
    assert_eq!(owner.trim(), "airlock 700");
}
