//! The agent on a real API server, beside the same requests sent bare: applying, resting, and putting back.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use airlock::{
    cluster::{
        ApplyOptions, Cluster, CreateOptions, DeleteOptions, ListOptions, Reference, WatchEvent,
        api::{Access, ApiServer},
    },
    daemon::read_status,
    object::{Gvk, Object},
};
use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    node::binary,
    peer::{self, ControlPlane},
    yard::{Node, Yard},
};

/// Objects of the first table, and rounds of which the best counts.
const OBJECTS: usize = 1000;
const ROUNDS: usize = 2;

/// Requests under way at once, as one entry of the agent has them.
const CONCURRENT: usize = 4;

/// Objects that are edited or deleted, one after the other.
const DRIFTED: usize = 200;

/// As whom the agent talks to the server, so that the server's record tells its requests from others'.
const AGENT: &str = "agent-a";

/// All of it but the ten quiet minutes.
pub(super) fn run() -> Result<String> {
    let bench = Bench::new()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut table = String::new();
    runtime.block_on(async {
        bench.plane.with_node(&bench.client).await;
        applied(&bench, &mut table).await?;
        put_back(&bench, &mut table).await?;
        one_of_a_hundred(&bench, &mut table).await?;
        ready(&bench, &mut table).await
    })?;
    Ok(table)
}

/// Ten quiet minutes after 1,000 objects were applied; more than the longest life of a watch, so that each is renewed.
pub(super) fn still() -> Result<String> {
    let minutes: u32 =
        std::env::var("AIRLOCK_BENCH_MINUTES").ok().and_then(|it| it.parse().ok()).unwrap_or(10);
    let bench = Bench::new()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut yard = Yard::new(bench.folder.path())?;
        let agent = Agent::start(&bench, &mut yard, "still")?;
        let built = yard.build(&many(&yard.description(), "still", "1")?)?;
        agent.take(&built, 1).await?;
        agent.rest(&bench).await?;
        let (began, cpu) = (Timestamp::now(), agent.cpu()?);
        tokio::time::sleep(Duration::from_secs(60) * minutes).await;
        let asked = bench.asked(AGENT, began);
        let is_lease = |it: &&Asked| it.uri.contains("/leases/");
        let watches = asked.iter().filter(|it| it.verb == "watch").count();
        let leases = asked.iter().filter(is_lease).count();
        let rest: Vec<&Asked> = asked.iter().filter(|it| it.verb != "watch" && !is_lease(it)).collect();
        let seconds = 60.0 * f64::from(minutes);
        let share = 100.0 * (agent.cpu()? - cpu) / seconds;
        let mut table = format!(
            "{OBJECTS} objects, {minutes} minutes: {} requests beside {leases} for the Lease and {watches} watches; {share:.2} % CPU; RSS {} KiB\n",
            rest.len(),
            agent.memory("VmRSS")?
        );
        for asked in rest {
            writeln!(table, "  {} {}", asked.verb, asked.uri)?;
        }
        Ok::<String, anyhow::Error>(table)
    })
}

struct Bench {
    plane: ControlPlane,
    client: ApiServer,
    folder: tempfile::TempDir,
    binary: PathBuf,
}

/// One request, by the server's own record.
struct Asked {
    verb: String,
    uri: String,
    begun: Timestamp,
    ended: Timestamp,
}

impl Asked {
    fn writes(&self) -> bool {
        ["create", "update", "patch", "delete"].contains(&self.verb.as_str())
            && !self.uri.contains("dryRun=All")
    }
}

impl Bench {
    fn new() -> Result<Self> {
        let binary = binary()?;
        let plane = peer::own().context("the control plane is not built; run `cargo xtask setup`")?;
        let client = plane.client();
        Ok(Self { plane, client, folder: tempfile::tempdir()?, binary })
    }

    /// What a user asked since then.
    fn asked(&self, user: &str, since: Timestamp) -> Vec<Asked> {
        let told = |event: &Value| {
            let text = |path: &str| event.pointer(path).and_then(Value::as_str).map(str::to_owned);
            let time = |path: &str| text(path)?.parse::<Timestamp>().ok();
            (text("/user/username")? == user).then_some(())?;
            let (begun, ended) = (time("/requestReceivedTimestamp")?, time("/stageTimestamp")?);
            Some(Asked { verb: text("/verb")?, uri: text("/requestURI")?, begun, ended })
        };
        let all = self.plane.audit();
        all.iter().filter_map(told).filter(|it| it.begun > since).collect()
    }
}

/// An agent at work, with everything that it needs.
struct Agent {
    node: Node,
    binary: PathBuf,
    process: Child,
}

impl Agent {
    fn start(bench: &Bench, yard: &mut Yard, name: &str) -> Result<Self> {
        let kubeconfig = bench.folder.path().join(format!("{name}.kubeconfig"));
        fs::write(&kubeconfig, bench.plane.kubeconfig(&format!("{AGENT}-token")))?;
        let says = format!(
            "apply: {{kubeconfig: {}}}\ndeletion: {{count: 100000, percent: 100}}\n",
            kubeconfig.display()
        );
        let node = yard.node(name, &bench.binary, &says)?;
        let log = fs::File::create(node.path.join("log"))?;
        let mut run = node.command(&bench.binary, &["run"]);
        let process = run.stdin(Stdio::null()).stderr(log).spawn()?;
        let agent = Self { node, binary: bench.binary.clone(), process };
        let begun = Instant::now();
        while !agent.node.path.join("socket").exists() {
            ensure!(begun.elapsed() < Duration::from_secs(20), "the agent does not start: {}", agent.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(agent)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.node.path.join("log")).unwrap_or_default()
    }

    /// Carries a bundle to the node, and waits until all of it is well.
    async fn take(&self, bundle: &Path, sequence: u64) -> Result<()> {
        let bundle = bundle.to_string_lossy().into_owned();
        let import = self.node.command(&self.binary, &["import", &bundle]).output()?;
        ensure!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
        let begun = Instant::now();
        loop {
            let status = read_status(&self.node.path.join("socket"));
            let good =
                status.as_ref().and_then(|it| it.channels.first()?.last_good).map(|it| it.position.sequence);
            if good == Some(sequence) {
                return Ok(());
            }
            if begun.elapsed() > Duration::from_secs(180) {
                bail!("bundle {sequence} is never well: {status:#?}\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the agent asks nothing but the Lease for some seconds.
    async fn rest(&self, bench: &Bench) -> Result<()> {
        for _ in 0..60 {
            let since = Timestamp::now();
            tokio::time::sleep(Duration::from_secs(3)).await;
            if bench.asked(AGENT, since).iter().all(|it| it.uri.contains("/leases/") || it.verb == "watch") {
                return Ok(());
            }
        }
        bail!("the agent never rests: {}", self.log())
    }

    fn proc(&self, name: &str) -> Result<String> {
        Ok(fs::read_to_string(format!("/proc/{}/{name}", self.process.id()))?)
    }

    /// Seconds of processor that it took so far.
    fn cpu(&self) -> Result<f64> {
        let stat = self.proc("stat")?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks =
            |at: usize| fields.get(at).and_then(|it| it.parse::<f64>().ok()).context("a field of stat");
        // Linux counts in hundredths of a second wherever it runs Go and Rust.
        Ok((ticks(11)? + ticks(12)?) / 100.0)
    }

    /// Its memory in KiB.
    fn memory(&self, what: &str) -> Result<u64> {
        let status = self.proc("status")?;
        let line = status
            .lines()
            .find_map(|it| it.strip_prefix(what)?.strip_prefix(':'))
            .context("a line of status")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn space(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn map(space: &str, name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": space},
        "data": {"value": value, "text": "some lines of configuration\n".repeat(10)}})
}

/// Writes an entry's objects, and gives its line of the description.
fn entry(description: &Path, name: &str, objects: &[Value], after: &str) -> Result<String> {
    let folder = description.join(name);
    fs::create_dir_all(&folder)?;
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    fs::write(folder.join("all.json"), list.to_string())?;
    Ok(format!("- {{name: {name}, kind: manifests, from: {name}{after}}}\n"))
}

/// One entry of a thousand maps, after that of their namespace.
fn many(description: &Path, name: &str, value: &str) -> Result<String> {
    let maps: Vec<Value> = (0..OBJECTS).map(|at| map(name, &format!("m{at}"), value)).collect();
    let base = entry(description, "base", &[space(name)], "")?;
    Ok(format!("entries:\n{base}{}", entry(description, "maps", &maps, ", dependsOn: [base]")?))
}

/// Dry-runs of all, then applies of all: what any engine has to ask, and nothing else.
async fn bare(client: &ApiServer, objects: Vec<Value>) -> Result<f64> {
    let objects: Vec<Object> =
        objects.into_iter().map(|it| Object::new(it, "it")).collect::<Result<_, _>>()?;
    let objects = Arc::new(objects);
    let begun = Instant::now();
    for options in [ApplyOptions::dry_run("bare"), ApplyOptions::force("bare")] {
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..CONCURRENT {
            let (client, objects, options, next) =
                (client.clone(), objects.clone(), options.clone(), next.clone());
            tasks.spawn(async move {
                while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    client.apply(object, &options).await?;
                }
                Ok::<(), airlock::cluster::Error>(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
    }
    Ok(begun.elapsed().as_secs_f64())
}

async fn applied(bench: &Bench, table: &mut String) -> Result<()> {
    let path = bench.folder.path().join("bare.kubeconfig");
    fs::write(&path, bench.plane.kubeconfig("agent-b-token"))?;
    let mut best: BTreeMap<&str, (f64, f64, String)> = BTreeMap::new();
    let mut peak = 0;
    for round in 0..ROUNDS {
        let folder = bench.folder.path().join(format!("round-{round}"));
        fs::create_dir(&folder)?;
        let mut yard = Yard::new(&folder)?;
        let (ours, theirs) = (format!("ours-{round}"), format!("bare-{round}"));
        let client = ApiServer::new(Access::Kubeconfig(path.clone()));
        client.create(&Object::new(space(&theirs), "it")?, &CreateOptions::by("bare")).await?;
        let agent = Agent::start(bench, &mut yard, "node")?;
        for (sequence, what) in [(1, "created"), (2, "changed")] {
            let value = sequence.to_string();
            let objects = (0..OBJECTS).map(|at| map(&theirs, &format!("m{at}"), &value)).collect();
            let bare = bare(&client, objects).await?;
            let built = yard.build(&many(&yard.description(), &ours, &value)?)?;
            let since = Timestamp::now();
            agent.take(&built, sequence).await?;
            agent.rest(bench).await?;
            let asked = bench.asked(AGENT, since);
            let about: Vec<&Asked> =
                asked.iter().filter(|it| !it.uri.contains("/leases/") && it.verb != "watch").collect();
            let first = about.iter().map(|it| it.begun).min().context("it asked something")?;
            let last = about
                .iter()
                .filter(|it| it.writes())
                .map(|it| it.ended)
                .max()
                .context("it wrote something")?;
            let took = last.duration_since(first).as_secs_f64();
            let row = best.entry(what).or_insert((f64::INFINITY, f64::INFINITY, String::new()));
            *row = (row.0.min(bare), row.1.min(took), counted(&about));
        }
        peak = peak.max(agent.memory("VmHWM")?);
        drop(agent);
        forget(bench).await?;
    }
    writeln!(
        table,
        "{:<24} {:>8} {:>8} {:>7} requests",
        format!("{OBJECTS} objects"),
        "bare s",
        "ours s",
        "ratio",
    )?;
    for (what, (bare, ours, requests)) in best.iter().rev() {
        writeln!(table, "{what:<24} {bare:>8.2} {ours:>8.2} {:>7.2} {requests}", ours / bare)?;
    }
    writeln!(table, "peak of the agent's memory: {peak} KiB")?;
    Ok(())
}

/// How many requests of each sort.
fn counted(asked: &[&Asked]) -> String {
    let mut sorts: BTreeMap<&str, usize> = BTreeMap::new();
    for asked in asked {
        let sort = if asked.uri.contains("dryRun=All") { "dry-run" } else { &asked.verb };
        *sorts.entry(sort).or_default() += 1;
    }
    let sorts: Vec<String> = sorts.into_iter().map(|(sort, count)| format!("{count} {sort}")).collect();
    sorts.join(", ")
}

/// Another node begins with nothing: what the one before recorded, which has ended, is taken away.
async fn forget(bench: &Bench) -> Result<()> {
    let everything = ListOptions::in_namespace(airlock::plan::NAMESPACE);
    for (version, kind) in [("v1", "ConfigMap"), ("coordination.k8s.io/v1", "Lease")] {
        let gvk = Gvk::parse(version, kind).context("a kind")?;
        for it in bench.client.list_metadata(&gvk, &everything).await?.0 {
            bench.client.delete(&it.reference(), &DeleteOptions::default()).await?;
        }
    }
    Ok(())
}

async fn put_back(bench: &Bench, table: &mut String) -> Result<()> {
    let folder = bench.folder.path().join("drift");
    fs::create_dir(&folder)?;
    let mut yard = Yard::new(&folder)?;
    let agent = Agent::start(bench, &mut yard, "node")?;
    let built = yard.build(&many(&yard.description(), "drift", "1")?)?;
    agent.take(&built, 1).await?;
    agent.rest(bench).await?;
    let kind = Gvk::parse("v1", "ConfigMap").context("a kind")?;
    let options = ListOptions::in_namespace("drift");
    let (_, from) = bench.client.list_metadata(&kind, &options).await?;
    let mut watch = bench.client.watch_metadata(&kind, &options, &from).await?;
    let mut took = Vec::new();
    for at in 0..DRIFTED {
        let name = format!("m{}", at * (OBJECTS / DRIFTED));
        let begun = Instant::now();
        // An edit is told twice, theirs and ours; so are a deletion and the object that takes its place.
        if at % 2 == 0 {
            let edited = Object::new(
                json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": "drift"}, "data": {"value": "edited"}}),
                "it",
            )?;
            bench.client.apply(&edited, &ApplyOptions::force("somebody")).await?;
        } else {
            let at = Reference::new(kind.clone(), "drift", &name);
            bench.client.delete(&at, &DeleteOptions::default()).await?;
        }
        let mut told = 0;
        while told < 2 {
            let event = tokio::time::timeout(Duration::from_secs(30), watch.next()).await;
            match event.with_context(|| format!("{name} is not put back: {}", agent.log()))? {
                Some(Ok(WatchEvent::Bookmark(_))) => (),
                Some(Ok(WatchEvent::Added(it) | WatchEvent::Modified(it) | WatchEvent::Deleted(it))) => {
                    told += usize::from(it.as_object().name() == name);
                }
                other => bail!("the watch ended: {other:?}"),
            }
        }
        took.push(begun.elapsed().as_secs_f64());
    }
    took.sort_by(f64::total_cmp);
    let at = |hundredths: usize| took.get((took.len() - 1) * hundredths / 100).copied().unwrap_or(f64::NAN);
    writeln!(
        table,
        "{DRIFTED} of {OBJECTS} edited or deleted, put back: p50 {:.0} ms, p99 {:.0} ms, worst {:.0} ms",
        at(50) * 1e3,
        at(99) * 1e3,
        at(100) * 1e3
    )?;
    drop(agent);
    forget(bench).await
}

async fn one_of_a_hundred(bench: &Bench, table: &mut String) -> Result<()> {
    let folder = bench.folder.path().join("hundred");
    fs::create_dir(&folder)?;
    let mut yard = Yard::new(&folder)?;
    let agent = Agent::start(bench, &mut yard, "node")?;
    let description = yard.description();
    let write = |changed: &str| -> Result<String> {
        let mut says = "entries:\n".to_owned() + &entry(&description, "base", &[space("hundred")], "")?;
        for at in 0..100 {
            let value = if at == 42 { changed } else { "1" };
            let maps: Vec<Value> = (0..4).map(|it| map("hundred", &format!("e{at}-{it}"), value)).collect();
            says += &entry(&description, &format!("e{at}"), &maps, ", dependsOn: [base]")?;
        }
        Ok(says)
    };
    let built = yard.build(&write("1")?)?;
    agent.take(&built, 1).await?;
    agent.rest(bench).await?;
    let built = yard.build(&write("2")?)?;
    let since = Timestamp::now();
    agent.take(&built, 2).await?;
    agent.rest(bench).await?;
    let asked = bench.asked(AGENT, since);
    let written: Vec<&Asked> =
        asked.iter().filter(|it| it.writes() && !it.uri.contains("/leases/")).collect();
    let name =
        |it: &Asked| it.uri.split('?').next().and_then(|it| it.rsplit('/').next()).unwrap_or("").to_owned();
    let objects: BTreeSet<String> =
        written.iter().filter(|it| it.uri.contains("/namespaces/hundred/")).map(|it| name(it)).collect();
    let own = written.iter().filter(|it| it.uri.contains("/namespaces/airlock-system/")).count();
    let reads = asked
        .iter()
        .filter(|it| ["get", "list"].contains(&it.verb.as_str()) && !it.uri.contains("/leases/"))
        .count();
    let foreign = objects.iter().filter(|it| !it.starts_with("e42-")).count();
    writeln!(
        table,
        "one of 100 entries changed: {} of its 4 objects written, {foreign} of others', {own} records of the agent's own; {reads} reads",
        objects.len() - foreign
    )?;
    drop(agent);
    forget(bench).await
}

async fn ready(bench: &Bench, table: &mut String) -> Result<()> {
    let folder = bench.folder.path().join("ready");
    fs::create_dir(&folder)?;
    let mut yard = Yard::new(&folder)?;
    let agent = Agent::start(bench, &mut yard, "node")?;
    let description = yard.description();
    let mut says = "entries:\n".to_owned() + &entry(&description, "base", &[space("ready")], "")?;
    for at in 0..100 {
        let name = format!("e{at}");
        let labels = json!({"app": name});
        let metadata = json!({"name": name, "namespace": "ready"});
        let objects = [
            map("ready", &name, "1"),
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": labels, "ports": [{"port": 80}]}}),
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "registry.example.com/web:1"}]},
            }}}),
        ];
        says += &entry(&description, &name, &objects, ", dependsOn: [base]")?;
    }
    says += "external: [registry.example.com/web:1]\n";
    let built = yard.build(&says)?;
    let since = Timestamp::now();
    let begun = Instant::now();
    agent.take(&built, 1).await?;
    let took = begun.elapsed().as_secs_f64();
    let asked = bench.asked(AGENT, since).len();
    writeln!(
        table,
        "100 entries of 4 objects, from the stick to all ready: {took:.1} s, {asked} requests of the agent; peak {} KiB",
        agent.memory("VmHWM")?
    )?;
    Ok(())
}
