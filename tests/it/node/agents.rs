//! Two agents as two nodes on one API server, as processes: who writes, who takes over, and what both remember.

use std::{
    process::{Child, Command, Stdio},
    time::Instant,
};

use airlock::cluster::{ListOptions, api::ApiServer};
use jiff::Timestamp;

use super::*;
use crate::support::peer::{self, ControlPlane};

/// A node with an agent of its own, which is a user of its own to the server.
struct Agent {
    ship: Ship,
    user: &'static str,
    process: Option<Child>,
}

impl Agent {
    /// `says` is what its configuration says beside what both say.
    fn new(plane: &ControlPlane, user: &'static str, says: Value) -> Self {
        let ship = Ship::on(|_| plane.client());
        let kubeconfig = ship.path("kubeconfig");
        std::fs::write(&kubeconfig, plane.kubeconfig(&format!("{user}-token"))).unwrap();
        let path = |name: &str| ship.path(name).display().to_string();
        let mut config = json!({
            "cluster": "ship-7", "channels": ["platform"], "arch": "amd64", "apply": {"kubeconfig": kubeconfig},
            "store": path("store"), "site": path("site.yaml"), "storeId": path("store-id"), "socket": path("airlock.sock"),
            "deletion": {"count": 10_000, "percent": 100},
        });
        config.as_object_mut().unwrap().extend(says.as_object().unwrap().clone());
        std::fs::write(ship.path("airlock.yaml"), config.to_string()).unwrap();
        Self { ship, user, process: None }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
        command
            .args(arguments)
            .env_clear()
            .env("USER", self.user)
            .env("AIRLOCK_CONFIG", self.ship.path("airlock.yaml"));
        command.current_dir(self.ship.folder.path()).stdin(Stdio::null());
        command
    }

    fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.ship.path("log")).unwrap();
        let _ = std::fs::remove_file(self.ship.path("airlock.sock"));
        self.process = Some(self.command(&["run"]).stderr(log).spawn().unwrap());
        self.wait("it is ready", 20, |it| it.ship.path("airlock.sock").exists());
    }

    /// What one of its commands prints; it must end well.
    #[track_caller]
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{} {arguments:?}: {}{}",
            self.user,
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    fn import(&self, maker: &Maker) {
        let stick = self.ship.stick(maker);
        self.says(&["import", stick.to_str().unwrap()]);
    }

    fn status(&self) -> Value {
        let output = self.command(&["status", "--output", "json"]).output().unwrap();
        let status: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        status.pointer("/channels/0").cloned().unwrap_or_default()
    }

    fn active(&self) -> [Option<u64>; 2] {
        let status = self.status();
        ["active", "lastGood"]
            .map(|it| status.pointer(&format!("/{it}/position/sequence")).and_then(Value::as_u64))
    }

    fn failure(&self) -> String {
        self.status().pointer("/failure/code").and_then(Value::as_str).unwrap_or("").to_owned()
    }

    #[track_caller]
    fn wait(&self, what: &str, seconds: u64, mut holds: impl FnMut(&Self) -> bool) -> Duration {
        let begun = Instant::now();
        while !holds(self) {
            let log = std::fs::read_to_string(self.ship.path("log")).unwrap_or_default();
            assert!(
                begun.elapsed() < Duration::from_secs(seconds),
                "{}: never: {what}\n{:#}\n{log}",
                self.user,
                self.status()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        begun.elapsed()
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
    }

    /// Ends it by a signal, and waits.
    fn end(&mut self, signal: &str) {
        self.signal(signal);
        self.process.take().unwrap().wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// What a user really wrote after a moment, by the server's own record.
fn written(plane: &ControlPlane, user: &str, after: Timestamp) -> Vec<String> {
    let text =
        |event: &Value, path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or("").to_owned();
    let is_write = |event: &Value| {
        let at: Timestamp = text(event, "/requestReceivedTimestamp").parse().unwrap();
        let writes = ["create", "update", "patch", "delete"].contains(&text(event, "/verb").as_str());
        writes
            && at > after
            && text(event, "/user/username") == user
            && !text(event, "/requestURI").contains("dryRun=All")
    };
    let told = |event: &Value| format!("{} {}", text(event, "/verb"), text(event, "/requestURI"));
    plane.audit().iter().filter(|it| is_write(it)).map(told).collect()
}

/// Whether a user wrote the Lease after a moment.
fn takes_the_lease(plane: &ControlPlane, user: &str, after: Timestamp) -> bool {
    written(plane, user, after).iter().any(|it| it.contains("/leases/"))
}

async fn value(client: &ApiServer, name: &str) -> Option<String> {
    let object = client.get(&reference("ConfigMap", name)).await.ok()?;
    object.text(&["data", "value"]).map(str::to_owned)
}

fn maps(count: usize, value: &str) -> Vec<Value> {
    (0..count).map(|at| settings(&format!("m{at}"), value)).collect()
}

fn of(sequence: u64, count: usize) -> Maker {
    let value = sequence.to_string();
    bundle(sequence, &[("base", &[], vec![space()]), ("shop", &["base"], maps(count, &value))])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_agents_take_turns() {
    let Some(plane) = peer::own() else { return };
    let client = plane.client();
    // A waits for the operator's word, so that B has a bundle before A begins with it. B asks A's mirror, and hardly ever by itself.
    let mirror = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let source = json!({"url": format!("oci://{mirror}/airlock/platform"), "interval": "24h"});
    let mut a = Agent::new(&plane, "agent-a", json!({"activate": "manual", "listen": {"mirror": mirror}}));
    let mut b = Agent::new(&plane, "agent-b", json!({"sources": [source]}));
    // One of them writes, and both know what runs.
    a.start();
    b.start();
    a.import(&of(1, 8));
    a.says(&["activate"]);
    a.wait("bundle 1 is well", 30, |it| it.active() == [Some(1), Some(1)]);
    b.import(&of(1, 8));
    b.wait("it follows", 30, |it| it.active()[0] == Some(1) && it.failure() == "not_leader");
    let all = Timestamp::UNIX_EPOCH;
    assert_eq!(written(&plane, "agent-b", all), [""; 0]);
    // What changed is told in the cluster.
    let (events, _) = client
        .list(&Gvk::parse("v1", "Event").unwrap(), &ListOptions::in_namespace(NAMESPACE))
        .await
        .unwrap();
    let told = |it: &&Object| {
        it.text(&["involvedObject", "name"]) == Some("inventory.platform.shop")
            && it.text(&["reason"]) == Some("Progressing")
    };
    let event = events.iter().find(told).unwrap_or_else(|| panic!("{events:?}"));
    assert!(event.text(&["message"]).unwrap().contains("ConfigMap/shop/m0 created"), "{event:?}");
    assert_eq!(event.annotation("airlock.dev/bundle"), Some("1-1"));
    let refused = b.command(&["rollback"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("[not_leader]"), "{refused:?}");

    // What came to A alone is not taken back by B, not even when A is gone.
    b.end("TERM");
    a.import(&of(2, 8));
    a.says(&["activate"]);
    a.wait("bundle 2 is well", 30, |it| it.active() == [Some(2), Some(2)]);
    a.end("TERM");
    b.start();
    b.wait("it is behind", 30, |it| it.failure() == "behind");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(value(&client, "m0").await.as_deref(), Some("2"));
    assert_eq!(written(&plane, "agent-b", all), [""; 0], "it does not even take the Lease");

    // A comes back. B asks its mirror as soon as it finds that it is behind, long before the next time comes.
    a.start();
    a.wait("it keeps the cluster", 30, |it| it.active() == [Some(2), Some(2)] && it.failure().is_empty());
    b.wait("it has bundle 2", 60, |it| it.active()[0] == Some(2) && it.failure() == "not_leader");

    // The next one reaches B before A begins with it; and A is frozen in the middle of it.
    a.import(&of(3, 600));
    b.says(&["pull"]);
    a.says(&["activate"]);
    let applied = async || {
        let listed = client
            .list_metadata(&Gvk::parse("v1", "ConfigMap").unwrap(), &ListOptions::in_namespace("shop"))
            .await;
        listed.unwrap().0.len()
    };
    let begun = Instant::now();
    while applied().await < 60 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never begins");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    a.signal("STOP");
    let frozen = Instant::now();
    assert!(applied().await < 590, "it was frozen too late");
    let before = Timestamp::now();
    b.wait("it takes over", 30, |_| takes_the_lease(&plane, "agent-b", before));
    assert!(frozen.elapsed() < Duration::from_secs(20), "{:?}", frozen.elapsed());
    b.wait("it goes on", 30, |_| {
        written(&plane, "agent-b", before).iter().any(|it| it.contains("/namespaces/shop/"))
    });
    eprintln!("the first write after a freeze came {:.1} s after it", frozen.elapsed().as_secs_f64());
    b.wait("bundle 3 is well", 60, |it| it.active() == [Some(3), Some(3)]);
    let thawed = Timestamp::now();
    a.signal("CONT");
    a.wait("it follows again", 30, |it| it.active()[0] == Some(3) && it.failure() == "not_leader");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(written(&plane, "agent-a", thawed), [""; 0], "what was frozen writes nothing more");
    assert_eq!(value(&client, "m599").await.as_deref(), Some("3"));

    // A keeps the cluster again. A rollback on it is the cluster's, and survives it.
    b.end("TERM");
    a.wait("it takes over", 30, |it| it.active() == [Some(3), Some(3)] && it.failure().is_empty());
    b.start();
    a.says(&["rollback"]);
    a.wait("bundle 2 is back", 60, |it| it.active() == [Some(2), Some(2)]);
    assert_eq!(value(&client, "m0").await.as_deref(), Some("2"));
    a.end("KILL");
    let (killed, since) = (Instant::now(), Timestamp::now());
    b.wait("it takes over", 30, |_| takes_the_lease(&plane, "agent-b", since));
    assert!(killed.elapsed() < Duration::from_secs(20), "{:?}", killed.elapsed());
    b.wait("it keeps the rollback", 30, |it| it.active() == [Some(2), Some(2)] && it.failure().is_empty());
    let edited = Object::new(settings("m0", "edited"), "it").unwrap();
    client.apply(&edited, &airlock::cluster::ApplyOptions::force("somebody")).await.unwrap();
    let begun = Instant::now();
    while value(&client, "m0").await.as_deref() != Some("2") {
        assert!(begun.elapsed() < Duration::from_secs(10), "{:#}", b.status());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let denied = b.status().pointer("/denied").cloned().unwrap_or_default();
    assert_eq!(denied.as_array().map(Vec::len), Some(1), "{denied}");
}
