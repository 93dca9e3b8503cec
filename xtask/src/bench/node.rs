//! The whole way: a bundle that is signed, the real binary, a store on a disk.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use airlock::digest::Digest;
use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::store::{BLOB_BYTES, RUNS, copy_all, hash_all, make, seconds};
use crate::{
    World, bundle, key,
    root::{self, Edit, Holders, Named, Words},
};

/// `airlock import` of 1 and 4 GiB that do not compress, beside hashing them and beside copying them.
pub(super) fn import() -> Result<String> {
    let mut table = format!(
        "{:<10} {:>13} {:>13} {:>13} {:>9} {:>15}\n",
        "", "sha256 MB/s", "copy MB/s", "import MB/s", "of limit", "peak RSS KiB"
    );
    let binary = binary()?;
    for count in [16, 64] {
        let folder = tempfile::tempdir()?;
        let mut blobs = Vec::new();
        let bundle = Bundle::make(folder.path(), |at| files(at, count, &mut blobs))?;
        let files = folder.path().join(FILES);
        let total: u64 = blobs.iter().map(|(_, size)| size).sum();
        let (mut hash, mut copy, mut taken, mut peak) = (f64::INFINITY, f64::INFINITY, f64::INFINITY, 0);
        for _ in 0..RUNS {
            hash = hash.min(seconds(|| hash_all(&files, &blobs))?);
            let to = folder.path().join("copy");
            copy = copy.min(seconds(|| copy_all(&files, blobs.len(), &to))?);
            fs::remove_dir_all(&to)?;
            let node = bundle.node(&binary)?;
            let mut import = node.command(&binary, &["import", &bundle.directory.to_string_lossy()]);
            let start = Instant::now();
            let mut child = import.stdout(Stdio::null()).spawn()?;
            peak = peak.max(watch(&mut child)?);
            taken = taken.min(start.elapsed().as_secs_f64());
            fs::remove_dir_all(&node.path)?;
        }
        #[expect(clippy::cast_precision_loss, reason = "megabytes to no digit")]
        let speed = |seconds: f64| total as f64 / 1e6 / seconds;
        writeln!(
            table,
            "{:<10} {:>13.0} {:>13.0} {:>13.0} {:>8.0}% {:>15}",
            format!("{} GiB", total >> 30),
            speed(hash),
            speed(copy),
            speed(taken),
            100.0 * hash.max(copy) / taken,
            peak
        )?;
    }
    Ok(table)
}

/// From the start of `airlock run` to the moment when it is ready: with what is in use verified again, and a store of
/// 10,000 and of 100,000 blobs. What is in memory is dropped before, where this process may do that.
pub(super) fn start() -> Result<String> {
    let mut table = format!("{:<16} {:>9} {:>6} {:>11}\n", "", "ready ms", "ratio", "cold");
    let binary = binary()?;
    let mut first = None;
    for count in [10_000, 100_000] {
        let folder = tempfile::tempdir()?;
        let bundle = Bundle::make(folder.path(), |at| images(at, count))?;
        let node = bundle.node(&binary)?;
        let done = node.command(&binary, &["import", &bundle.directory.to_string_lossy()]).output()?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let (mut cold, mut ready) = (true, f64::INFINITY);
        for _ in 0..RUNS {
            cold &= fs::write("/proc/sys/vm/drop_caches", "3").is_ok();
            let start = Instant::now();
            let mut agent = node.command(&binary, &["run"]).stderr(Stdio::piped()).spawn()?;
            let lines = BufReader::new(agent.stderr.take().context("it was piped")?).lines();
            let mut told = String::new();
            for line in lines {
                let line = line?;
                if line.contains("ready") {
                    ready = ready.min(start.elapsed().as_secs_f64());
                    break;
                }
                told += &line;
            }
            agent.kill()?;
            agent.wait()?;
            ensure!(ready.is_finite(), "it never became ready: {told}");
        }
        let beside = *first.get_or_insert(ready);
        let what = format!("{count} blobs");
        let cold = if cold { "yes" } else { "no" };
        writeln!(table, "{what:<16} {:>9.1} {:>6.2} {cold:>11}", ready * 1e3, ready / beside)?;
    }
    Ok(table)
}

/// The binary in its optimised form, from the same checkout.
pub(super) fn binary() -> Result<PathBuf> {
    let checkout = crate::golden::checkout();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--package", "airlock", "--bin", "airlock"])
        .current_dir(&checkout)
        .status()?;
    ensure!(built.success(), "the binary cannot be built");
    let target = std::env::current_exe()?;
    Ok(target.with_file_name("airlock"))
}

/// Where the plain files of a bundle lie.
const FILES: &str = "bundles/load/files";

/// Plain files of one size, as a description names them.
fn files(at: &Path, count: usize, blobs: &mut Vec<(Digest, u64)>) -> Result<String> {
    let folder = at.join("files");
    fs::create_dir(&folder)?;
    *blobs = make(&folder, count, BLOB_BYTES)?;
    let mut text = "files:\n".to_owned();
    for index in 0..count {
        writeln!(text, "- {{name: f{index}, from: files/{index}}}")?;
    }
    Ok(text)
}

/// So many blobs as small images of a hundred each, as a description names them.
fn images(at: &Path, count: usize) -> Result<String> {
    let blobs = at.join("layout/blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let put = |bytes: &[u8], media: &str| -> Result<Value> {
        let digest = Digest::of(bytes);
        fs::write(blobs.join(digest.hex()), bytes)?;
        Ok(json!({"mediaType": media, "digest": digest, "size": bytes.len()}))
    };
    let (mut text, mut manifests) = ("images:\n".to_owned(), Vec::new());
    for image in 0..count / 100 {
        let config = json!({"architecture": "amd64", "os": "linux", "image": image}).to_string();
        let config = put(config.as_bytes(), "application/vnd.oci.image.config.v1+json")?;
        let layer = |layer| {
            let bytes = format!("layer {layer} of image {image}").repeat(20);
            put(bytes.as_bytes(), "application/vnd.oci.image.layer.v1.tar")
        };
        let layers: Vec<Value> = (0..98).map(layer).collect::<Result<_>>()?;
        let media = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": media, "config": config, "layers": layers});
        let name = json!({"org.opencontainers.image.ref.name": format!("i{image}")});
        let mut described = put(manifest.to_string().as_bytes(), media)?;
        described.as_object_mut().context("it is an object")?.insert("annotations".to_owned(), name);
        manifests.push(described);
        writeln!(text, "- {{name: 'registry.example/i{image}:1', layout: layout, select: i{image}}}")?;
    }
    let index = json!({"schemaVersion": 2, "manifests": manifests}).to_string();
    fs::write(at.join("layout/index.json"), index)?;
    fs::write(at.join("layout/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(text)
}

/// A bundle that was built and signed.
struct Bundle {
    directory: PathBuf,
    root: PathBuf,
    digest: String,
}

impl Bundle {
    /// `fill` puts the content into the bundle's directory, and gives what the description says of it.
    fn make(folder: &Path, fill: impl FnOnce(&Path) -> Result<String>) -> Result<Self> {
        let mut world = World::fixed(Timestamp::now(), 7, "");
        for name in ["a", "b", "d", "e"] {
            key::new(&folder.join(name), name, true, &mut world)?;
        }
        let holders = |names: [&str; 2]| Holders {
            threshold: 2,
            files: names.map(|name| folder.join(format!("{name}.pub"))).to_vec(),
        };
        let every = |name: &str| Named { name: name.to_owned(), value: Words(vec!["*".to_owned()]) };
        let edit = Edit {
            root: Some(holders(["a", "b"])),
            channel: vec![Named { name: "platform".to_owned(), value: holders(["d", "e"]) }],
            namespaces: vec![every("platform")],
            images: vec![every("platform")],
            cluster_scoped: vec!["platform".parse()?],
            ..Edit::default()
        };
        let trust = folder.join("trust");
        let root = root::init(&trust, &edit, &mut world)?;
        for name in ["a", "b"] {
            root::sign(&root, &folder.join(name), &world)?;
        }
        let description = folder.join("bundles/load");
        fs::create_dir_all(description.join("manifests"))?;
        let text = "name: load\nchannel: platform\naudience: [ship-7]\nentries:\n\
                    - {name: empty, kind: manifests, from: manifests}\n";
        let text = text.to_owned() + &fill(&description)?;
        fs::write(description.join("bundle.yaml"), text)?;
        fs::write(
            description.join("manifests/space.yaml"),
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: load}\n",
        )?;
        let options = bundle::Options {
            bundle: description,
            trust: trust.clone(),
            out: folder.join("out"),
            next: false,
            paths: BTreeMap::new(),
        };
        let built = bundle::build(&options, &world)?;
        for name in ["d", "e"] {
            bundle::sign(&built.directory, &folder.join(name), Some(&trust), &world)?;
        }
        let envelope = airlock::bundle::Unverified::read("the trust root", fs::read(&root)?)?;
        let digest = envelope.payload_digest().hex();
        Ok(Self { directory: built.directory, root, digest })
    }

    /// A node that trusts the bundle's root and holds nothing yet.
    fn node(&self, binary: &Path) -> Result<Node> {
        let path = self.root.with_file_name("node");
        fs::create_dir(&path)?;
        let base = path.display();
        fs::write(
            path.join("airlock.yaml"),
            format!(
                "cluster: ship-7\nchannels: [platform]\nrole: store\nstore: {base}/store\nstoreId: {base}/id\n\
                 socket: {base}/socket\nsite: {base}/site.yaml\n"
            ),
        )?;
        let node = Node { path };
        let root = self.root.to_string_lossy();
        let begun = node.command(binary, &["trust", "init", &root, "--sha256", &self.digest]).output()?;
        ensure!(begun.status.success(), "{}", String::from_utf8_lossy(&begun.stderr));
        Ok(node)
    }
}

struct Node {
    path: PathBuf,
}

impl Node {
    fn command(&self, binary: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary);
        command.args(arguments).arg("--config").arg(self.path.join("airlock.yaml"));
        command
    }
}

/// Waits for a process, and gives the most memory that it had, in KiB.
pub(super) fn watch(child: &mut Child) -> Result<u64> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Some(ended) = child.try_wait()? {
            ensure!(ended.success(), "the process ended with {ended}");
            return Ok(peak);
        }
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(kib) = line.and_then(|it| it.trim().trim_end_matches(" kB").parse().ok()) {
            peak = peak.max(kib);
        } else if peak == 0 && !text.is_empty() && !text.contains("State:\tZ") {
            bail!("no VmHWM in {status}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
