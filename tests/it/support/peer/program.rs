//! A program that runs beside the tests and never outlives them.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A program, by way of a shell that ends it when this process lets go of its input, whatever the reason: killed tests leave nothing
/// behind.
pub struct Program {
    path: PathBuf,
    folder: PathBuf,
    arguments: Vec<String>,
    shell: Child,
}

/// The first argument is where the program's id goes, the rest is the program. It reads nothing: its input is the shell's.
const SHELL: &str = r#"
pid=$1; shift
"$@" </dev/null & echo $! >"$pid.new"; mv "$pid.new" "$pid"
cat >/dev/null
kill -9 $! 2>/dev/null
wait $!
"#;

impl Program {
    pub fn start(path: &Path, folder: &Path, arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        let shell = run(path, folder, &arguments);
        Self { path: path.to_owned(), folder: folder.to_owned(), arguments, shell }
    }

    pub fn name(&self) -> &str {
        self.path.file_name().unwrap().to_str().unwrap()
    }

    /// Ends it without a chance to tidy up, and waits.
    pub fn kill(&mut self) {
        drop(self.shell.stdin.take());
        let end = Instant::now() + Duration::from_secs(20);
        while self.shell.try_wait().unwrap().is_none() {
            if Instant::now() > end {
                let _ = self.shell.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts it again as it was.
    pub fn start_again(&mut self) {
        self.shell = run(&self.path, &self.folder, &self.arguments);
    }

    /// Sends it a signal: `STOP`, `CONT`.
    pub fn signal(&self, signal: &str) {
        let id = fs::read_to_string(self.file("pid")).unwrap();
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(id.trim()).status().unwrap();
        assert!(sent.success());
    }

    /// The end of what it wrote.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(self.file("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        let lines: Vec<&str> = lines.into_iter().rev().collect();
        format!("{}:\n{}", self.name(), lines.join("\n"))
    }

    fn file(&self, what: &str) -> PathBuf {
        file(&self.path, &self.folder, what)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

fn file(path: &Path, folder: &Path, what: &str) -> PathBuf {
    folder.join(format!("{}.{what}", path.file_name().unwrap().to_str().unwrap()))
}

fn run(path: &Path, folder: &Path, arguments: &[String]) -> Child {
    let log = File::options().create(true).append(true).open(file(path, folder, "log")).unwrap();
    let pid = file(path, folder, "pid");
    let _ = fs::remove_file(&pid);
    let child = Command::new("sh")
        .args(["-c", SHELL, "sh"])
        .arg(&pid)
        .arg(path)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while !pid.exists() {
        assert!(Instant::now() < end, "{} does not start", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}
