//! What a scene needs: a place, people's commands as they would type them, and eyes that check how each ends.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::server::Server;
use crate::disk;

/// Waiting for the agent ends here; it is far more than a slow machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A demo under way.
pub(super) struct Stage {
    directory: PathBuf,
    xtask: PathBuf,
    airlock: PathBuf,
    agent: Option<Child>,
    server: Option<Server>,
    scene: usize,
    commands: usize,
    started: Instant,
}

impl Stage {
    /// Builds the binary, and makes an empty place with the example bundles and a node's configuration.
    pub(super) fn set(directory: &Path, kubeconfig: Option<&Path>) -> Result<Self> {
        let kubeconfig = kubeconfig.map(std::path::absolute).transpose()?;
        let server = kubeconfig.as_deref().map(Server::open).transpose()?;
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "xtask", "--package", "airlock", "--bin", "airlock"])
            .status()?;
        ensure!(built.success(), "the binary `airlock` does not build");
        let xtask = std::env::current_exe()?;
        let airlock = xtask.with_file_name("airlock");
        let directory = std::path::absolute(directory)?;
        if directory.join("airlock.yaml").exists() {
            std::fs::remove_dir_all(&directory)?;
        }
        ensure!(
            !directory.exists() || directory.read_dir()?.next().is_none(),
            "{} is not empty, and no demo made it; name another directory",
            directory.display()
        );
        for below in ["keys", "node", "cluster"] {
            std::fs::create_dir_all(directory.join(below))?;
        }
        copy_tree(Path::new("bundles"), &directory.join("bundles"))?;
        // A lock of the checkout's own bundles is no part of the story.
        for bundle in ["harbour", "tides"] {
            let _ = std::fs::remove_file(directory.join("bundles").join(bundle).join("bundle.lock"));
        }
        disk::write_new(&directory.join("passphrase"), b"a passphrase for a demo\n", 0o600)?;
        let apply = match &kubeconfig {
            Some(file) => format!("{{kubeconfig: {}}}", file.display()),
            None => "{directory: cluster}".to_owned(),
        };
        let config = format!(
            "cluster: ship-7\nchannels: [platform]\nactivate: manual\napply: {apply}\nstore: node/store\nsite: node/site.yaml\nstoreId: node/store-id\nsocket: node/airlock.sock\n"
        );
        std::fs::write(directory.join("airlock.yaml"), config)?;
        if kubeconfig.is_some() {
            // The example's images are nobody's, so a real cluster never gets its pods ready.
            let file = directory.join("bundles/harbour/bundle.yaml");
            let text = std::fs::read_to_string(&file)?;
            std::fs::write(&file, text.replace("    timeout: 3m\n", "    timeout: 3m\n    wait: false\n"))?;
        }
        let (agent, started) = (None, Instant::now());
        Ok(Self { directory, xtask, airlock, agent, server, scene: 0, commands: 0, started })
    }

    /// Begins a scene.
    pub(super) fn scene(&mut self, title: &str, text: &str) -> Result<()> {
        self.scene += 1;
        self.print(&format!("\n━━ {}. {title}\n\n{text}\n\n", self.scene))
    }

    /// Says something between commands.
    pub(super) fn say(&self, text: &str) -> Result<()> {
        self.print(&format!("{text}\n\n"))
    }

    /// A task of the connected side, shown with what it prints.
    pub(super) fn xtask(&mut self, arguments: &[&str]) -> Result<()> {
        let output = self.call_xtask(arguments)?;
        self.show("cargo xtask", arguments, &output)
    }

    /// The same, without what it prints.
    pub(super) fn xtask_quietly(&mut self, arguments: &[&str]) -> Result<()> {
        self.call_xtask(arguments)?;
        self.print(&format!("$ cargo xtask {}\n\n", quoted(arguments)))
    }

    fn call_xtask(&mut self, arguments: &[&str]) -> Result<Output> {
        self.commands += 1;
        let output = Command::new(&self.xtask)
            .args(["--passphrase-file", "passphrase"])
            .args(arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .output()?;
        ensure!(
            output.status.success(),
            "`cargo xtask {}` failed:\n{}",
            quoted(arguments),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(output)
    }

    /// A command on the node, shown with what it prints; it must end with that exit code.
    pub(super) fn airlock(&mut self, arguments: &[&str], code: i32) -> Result<()> {
        let output = self.call_airlock(arguments)?;
        self.show("airlock", arguments, &output)?;
        ensure!(
            output.status.code() == Some(code),
            "`airlock {}` ended with {}",
            quoted(arguments),
            output.status
        );
        Ok(())
    }

    /// A command that must be refused with that code.
    pub(super) fn airlock_refuses(&mut self, arguments: &[&str], code: &str) -> Result<()> {
        let output = self.call_airlock(arguments)?;
        self.show("airlock", arguments, &output)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            !output.status.success() && said.contains(&format!("[{code}]")),
            "`airlock {}` was to be refused with `{code}`",
            quoted(arguments)
        );
        Ok(())
    }

    fn call_airlock(&mut self, arguments: &[&str]) -> Result<Output> {
        self.commands += 1;
        let mut command = Command::new(&self.airlock);
        command.args(arguments).env("AIRLOCK_CONFIG", "airlock.yaml").current_dir(&self.directory);
        Ok(command.stdin(Stdio::null()).output()?)
    }

    fn show(&self, program: &str, arguments: &[&str], output: &Output) -> Result<()> {
        let mut text = format!("$ {program} {}\n", quoted(arguments));
        for stream in [&output.stdout, &output.stderr] {
            // What is printed names this machine's directories; the story needs only what lies below.
            let said = String::from_utf8_lossy(stream).replace(&format!("{}/", self.directory.display()), "");
            for line in said.lines() {
                text += &format!("  {line}\n");
            }
        }
        self.print(&format!("{text}\n"))
    }

    fn print(&self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// The eight words of the newest trust root, as its sheet has them.
    pub(super) fn sheet_words(&mut self) -> Result<String> {
        let file = std::fs::read(self.directory.join("trust/0001.root.dsse"))?;
        let envelope = airlock::bundle::Unverified::read("the trust root", file)?;
        Ok(airlock::trust::words::of(&envelope.payload_digest()))
    }

    /// Starts the agent, as its systemd unit would.
    pub(super) fn start_agent(&mut self) -> Result<()> {
        let log = std::fs::File::create(self.directory.join("agent.log"))?;
        let agent = Command::new(&self.airlock)
            .arg("run")
            .env("AIRLOCK_CONFIG", "airlock.yaml")
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.agent = Some(agent);
        let socket = self.directory.join("node/airlock.sock");
        self.until("the agent is ready", || Ok(socket.exists()))?;
        self.print("$ airlock run &\n\n")
    }

    /// Lets the node follow the channel `tides`, answers what its bundles ask, and starts the agent anew.
    pub(super) fn follow_tides(&mut self) -> Result<()> {
        let file = self.directory.join("airlock.yaml");
        let text = std::fs::read_to_string(&file)?;
        std::fs::write(&file, text.replace("channels: [platform]", "channels: [platform, tides]"))?;
        std::fs::write(self.directory.join("node/site.yaml"), "gauge: quay-7\n")?;
        self.print("in airlock.yaml:    channels: [platform, tides]\nin node/site.yaml:  gauge: quay-7\n\n")?;
        self.stop_agent();
        // Its return is how the next one is known to be ready.
        let _ = std::fs::remove_file(self.directory.join("node/airlock.sock"));
        self.start_agent()
    }

    /// Waits until that bundle is active and healthy as a whole.
    pub(super) fn wait_until_healthy(&mut self, position: &str) -> Result<()> {
        let (airlock, directory) = (self.airlock.clone(), self.directory.clone());
        self.until(&format!("bundle {position} is healthy"), || {
            let output = Command::new(&airlock)
                .args(["status", "--output", "json"])
                .env("AIRLOCK_CONFIG", "airlock.yaml")
                .current_dir(&directory)
                .output()?;
            let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            let at = |name: &str| {
                let held =
                    status.pointer("/channels/0").and_then(|it| it.get(name)).cloned().unwrap_or_default();
                let number = |key: &str| {
                    held.pointer(&format!("/position/{key}")).and_then(|it| it.as_u64()).unwrap_or(0)
                };
                format!("{}-{}", number("epoch"), number("sequence"))
            };
            Ok(at("active") == position && at("lastGood") == position)
        })
    }

    fn until(&self, what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if holds()? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = std::fs::read_to_string(self.directory.join("agent.log")).unwrap_or_default();
        bail!("waited in vain until {what}; the agent says:\n{log}")
    }

    /// Shows what the cluster has now, so many of it.
    pub(super) fn show_cluster(&self, most: usize) -> Result<()> {
        let Some(server) = &self.server else { return self.show_tree("cluster", most) };
        let objects = server.objects()?;
        let mut text = "The cluster has these now (the example's images are nobody's, so nobody waits for its pods):\n\n".to_owned();
        for object in objects.iter().take(most) {
            text += &format!("  {object}\n");
        }
        if objects.len() > most {
            text += &format!("  … and {} more\n", objects.len() - most);
        }
        self.print(&format!("{text}\n"))
    }

    /// Somebody scales the planner by hand, and the agent puts it back.
    pub(super) fn scale_by_hand(&self, replicas: i64) -> Result<()> {
        let Some(server) = &self.server else {
            let file = self.find_file("cluster", "planner")?;
            let line = format!("replicas: {replicas}");
            self.edit(&file, "replicas: ", &line)?;
            return self.wait_for_line(&file, "replicas: ", &line, false);
        };
        let before = server.replicas()?;
        self.print(&format!("$ kubectl scale deployment planner --namespace harbour --replicas {replicas}\n\n  before   replicas: {before}\n  by hand  replicas: {replicas}\n"))?;
        let began = Instant::now();
        server.scale(replicas)?;
        self.until("the hand edit is put back", || Ok(server.replicas()? == before))?;
        self.print(&format!("  after    replicas: {before}   ({} ms later)\n\n", began.elapsed().as_millis()))
    }

    /// Shows the files below a directory, so many of them.
    fn show_tree(&self, below: &str, most: usize) -> Result<()> {
        let mut files = Vec::new();
        list(&self.directory.join(below), &mut files)?;
        files.sort();
        let mut text = format!("The cluster is a directory here ({below}/), so that everybody can look:\n\n");
        for file in files.iter().take(most) {
            text += &format!("  {}\n", file.strip_prefix(&self.directory).unwrap_or(file).display());
        }
        if files.len() > most {
            text += &format!("  … and {} more\n", files.len() - most);
        }
        self.print(&format!("{text}\n"))
    }

    /// The Deployment's file whose path has that word in it.
    fn find_file(&self, below: &str, word: &str) -> Result<PathBuf> {
        let mut files = Vec::new();
        list(&self.directory.join(below), &mut files)?;
        let is_it = |file: &PathBuf| {
            let path = file.display().to_string().to_lowercase();
            path.contains("deployment") && path.contains(word)
        };
        files.into_iter().find(is_it).with_context(|| format!("no Deployment `{word}` lies below {below}"))
    }

    /// Changes the first line that contains `old`, as somebody with an editor would.
    fn edit(&self, file: &Path, old: &str, new: &str) -> Result<()> {
        let text = std::fs::read_to_string(file)?;
        let line = text
            .lines()
            .find(|it| it.contains(old))
            .with_context(|| format!("{} has no `{old}`", file.display()))?;
        let shown = file.strip_prefix(&self.directory).unwrap_or(file).display();
        self.print(&format!("in {shown}:\n\n  before   {}\n  by hand  {new}\n", line.trim()))?;
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        std::fs::write(file, text.replacen(line, &format!("{indent}{new}"), 1))?;
        Ok(())
    }

    /// Waits until a line is there, or is not there any more, and shows the one that is.
    fn wait_for_line(&self, file: &Path, start: &str, line: &str, there: bool) -> Result<()> {
        let began = Instant::now();
        self.until("the hand edit is put back", || {
            Ok(std::fs::read_to_string(file)
                .is_ok_and(|text| text.contains(line) == there && text.contains(start)))
        })?;
        let text = std::fs::read_to_string(file)?;
        let now = text.lines().find(|it| it.contains(start)).unwrap_or_default();
        self.print(&format!("  after    {}   ({} ms later)\n\n", now.trim(), began.elapsed().as_millis()))
    }

    /// Another version of something, so that the next bundle has a blob that the node lacks.
    pub(super) fn change_a_file_of_the_harbour(&self) -> Result<()> {
        let file = self.directory.join("bundles/harbour/namespace/access.yaml");
        let text = std::fs::read_to_string(&file)?;
        Ok(std::fs::write(file, format!("{text}\n# reviewed\n"))?)
    }

    /// Changes one bit of the first tree on a stick.
    pub(super) fn flip_a_bit(&self, stick: &str) -> Result<()> {
        let envelope = airlock::bundle::Unverified::read(
            "the bundle",
            std::fs::read(self.directory.join(stick).join("bundle.dsse"))?,
        )?;
        let (_, payload, _) = envelope.into_parts();
        let statement: airlock::bundle::Statement = serde_json::from_slice(&payload)?;
        let blobs = self.directory.join(stick).join("blobs/sha256");
        let documents = [statement.inventory.digest.hex(), statement.release.digest.hex()];
        let node = self.directory.join("node/store/blobs-v1/sha256");
        for entry in blobs.read_dir()? {
            let path = entry?.path();
            let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default().to_owned();
            let held = name.split_at_checked(2).is_some_and(|(fan, rest)| node.join(fan).join(rest).exists());
            if !documents.contains(&name) && !held {
                let mut bytes = std::fs::read(&path)?;
                let middle = bytes.len() / 2;
                let byte = bytes.get_mut(middle).context("an empty blob")?;
                *byte ^= 1;
                return Ok(std::fs::write(path, bytes)?);
            }
        }
        bail!("no blob of {stick} is new to the node")
    }

    /// The same bundle, described for another ship.
    pub(super) fn describe_for_another_ship(&self) -> Result<()> {
        let (from, to) = (self.directory.join("bundles/harbour"), self.directory.join("bundles/harbour-8"));
        copy_tree(&from, &to)?;
        let _ = std::fs::remove_file(to.join("bundle.lock"));
        let text = std::fs::read_to_string(to.join("bundle.yaml"))?;
        let text = text.replace("name: harbour\n", "name: harbour-8\n").replace("ship-7", "ship-8");
        Ok(std::fs::write(to.join("bundle.yaml"), text)?)
    }

    /// Stops the agent and sums up.
    pub(super) fn close(mut self) -> Result<()> {
        self.stop_agent();
        let seconds = self.started.elapsed().as_secs();
        self.print(&format!(
            "━━ That was it: {} commands in {seconds} s.\n\n\
             Nothing was parsed before its signature was checked, nothing was deleted that a newer signed statement did not\n\
             drop, and nothing needed a network. Everything lies in {}:\n\n\
             \x20 keys/ trust/ bundles/       the connected side\n\
             \x20 stick-1/ stick-2/ …         what travelled\n\
             \x20 node/ cluster/ agent.log    the ship\n\n\
             Go on by hand, for instance:\n\n\
             \x20 cd {} && AIRLOCK_CONFIG=airlock.yaml {} inspect stick-2\n",
            self.commands,
            self.directory.display(),
            self.directory.display(),
            self.airlock.display(),
        ))?;
        match &self.server {
            Some(_) => self.print("\nThe cluster keeps what the demo made; `kubectl delete namespace harbour airlock-system` takes it away.\n"),
            None => Ok(()),
        }
    }

    fn stop_agent(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let id = agent.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &id]).status();
            let _ = agent.wait();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop_agent();
    }
}

/// Arguments as a person would type them.
fn quoted(arguments: &[&str]) -> String {
    let one = |it: &&str| if it.contains(' ') { format!("'{it}'") } else { (*it).to_owned() };
    arguments.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in directory.read_dir()? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|it| it.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            list(&path, files)?;
        } else if !hidden {
            files.push(path);
        }
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in from.read_dir().with_context(|| format!("{} cannot be read", from.display()))? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("a name")?);
        if path.is_dir() {
            copy_tree(&path, &target)?;
        } else {
            std::fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
