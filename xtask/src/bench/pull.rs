//! The same bundle, out of a real registry: by `airlock pull`, and by `skopeo copy` into a directory.

use std::{
    fmt::Write as _,
    fs,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    node::{Bundle, binary, files, watch},
    store::RUNS,
};
use crate::bundle;

/// Debian's registry on a free port of loopback. It ends with the bench.
struct Registry {
    child: Child,
    port: u16,
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Registry {
    fn start(folder: &std::path::Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = folder.join("registry.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage:\n  \
             filesystem: {{rootdirectory: {}}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\n",
            folder.join("registry").display()
        );
        fs::write(&config, text)?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().context("`docker-registry` is not installed; Debian has it")?;
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(begun.elapsed() < Duration::from_secs(30), "the registry does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { child, port })
    }
}

/// The best of some runs of a process: its seconds, and the most memory that it had in any.
struct Best {
    seconds: f64,
    peak: u64,
}

impl Best {
    const NONE: Self = Self { seconds: f64::INFINITY, peak: 0 };

    fn take(&mut self, command: &mut Command) -> Result<()> {
        let start = Instant::now();
        let mut child = command.stdout(Stdio::null()).spawn()?;
        self.peak = self.peak.max(watch(&mut child)?);
        self.seconds = self.seconds.min(start.elapsed().as_secs_f64());
        Ok(())
    }
}

/// `airlock pull` of 1 GiB that does not compress, verified and durable, beside `skopeo copy` of the same artifact into a
/// directory, which hashes as well and makes nothing durable; and `bundle push` of it.
pub(super) fn run() -> Result<String> {
    let binary = binary()?;
    let folder = tempfile::tempdir()?;
    let mut blobs = Vec::new();
    let bundle = Bundle::make(folder.path(), |at| files(at, 16, &mut blobs))?;
    let total: u64 = blobs.iter().map(|(_, size)| size).sum();
    let registry = Registry::start(folder.path())?;
    let place = format!("127.0.0.1:{}/load:1", registry.port);
    let start = Instant::now();
    let to = format!("oci://{place}").parse().map_err(|why: String| anyhow::anyhow!(why))?;
    bundle::push(&bundle.directory, &to, &bundle::Reach::default(), false, false, None)?;
    let pushed = start.elapsed().as_secs_f64();
    let (mut ours, mut theirs) = (Best::NONE, Best::NONE);
    for _ in 0..RUNS {
        let copied = folder.path().join("copied");
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["copy", "--quiet", "--src-tls-verify=false", &format!("docker://{place}")]);
        theirs.take(skopeo.arg(format!("dir:{}", copied.display()))).context("`skopeo` of Debian")?;
        fs::remove_dir_all(&copied)?;
        let node = bundle.node(&binary)?;
        ours.take(&mut node.command(&binary, &["pull", &format!("oci://{place}")]))?;
        fs::remove_dir_all(&node.path)?;
    }
    #[expect(clippy::cast_precision_loss, reason = "megabytes to no digit")]
    let speed = |seconds: f64| total as f64 / 1e6 / seconds;
    let mut table = format!("{:<28} {:>9} {:>7} {:>15}\n", "", "MB/s", "ratio", "peak RSS KiB");
    let row = |table: &mut String, what: &str, best: &Best| {
        let ratio = theirs.seconds / best.seconds;
        writeln!(table, "{what:<28} {:>9.0} {ratio:>7.2} {:>15}", speed(best.seconds), best.peak)
    };
    row(&mut table, "skopeo copy to a directory", &theirs)?;
    row(&mut table, "airlock pull", &ours)?;
    writeln!(table, "{:<28} {:>9.0}", "cargo xtask bundle push", speed(pushed))?;
    Ok(table)
}
