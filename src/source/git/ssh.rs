//! Repositories by way of OpenSSH's program: keys on tokens, agents' rules, host keys and their hashes are what people
//! know it for, and a library in its place would be a hundred crates that nobody reviewed for this. It is asked for by
//! `ssh://` alone; a node without the program takes `https://`.
//!
//! Nothing of the host's or of a user's configuration is read, so nothing there can name a program, a proxy or a
//! forwarding. No shell of ours is in between.

use std::{
    io::{self, Read},
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::{Error, line::Line};
use crate::{limits, source::Trouble};

/// Where ssh itself keeps the keys of hosts for everybody.
const KNOWN_HOSTS: &str = "/etc/ssh/ssh_known_hosts";

/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What identifies us there, and them here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    /// Our private key, without a passphrase.
    pub key: Option<PathBuf>,
    /// The keys of servers.
    pub known_hosts: Option<PathBuf>,
}

/// A program that runs, and ends with this.
pub(super) struct Session {
    child: Child,
    line: Rc<Line>,
    words: Arc<Mutex<String>>,
}

/// What the server sends.
pub(super) struct Answer {
    session: Session,
    out: ChildStdout,
}

/// Starts ssh, which starts `git-upload-pack` there.
///
/// # Errors
/// When a file cannot be used or the program is not there.
pub(super) fn connect(
    (user, host, port, path): (Option<&str>, &str, Option<u16>, &str),
    identity: &Identity,
    line: &Rc<Line>,
) -> Result<(Answer, ChildStdin), Error> {
    let known_hosts = identity.known_hosts.clone().unwrap_or_else(|| KNOWN_HOSTS.into());
    readable(
        &known_hosts,
        "`knownHosts` names a file as `ssh-keyscan HOST` writes it, once a person has compared it",
    )?;
    let mut command = Command::new("ssh");
    command.env_clear().env("PATH", PATH).env("GIT_PROTOCOL", "version=2").env("LC_ALL", "C");
    command.args(["-F", "none", "-T", "-x", "-a"]);
    let mut option = |name: &str, value: &dyn std::fmt::Display| {
        command.arg("-o").arg(format!("{name}={value}"));
    };
    for (name, value) in [
        ("BatchMode", "yes"),
        ("StrictHostKeyChecking", "yes"),
        ("GlobalKnownHostsFile", "none"),
        ("UpdateHostKeys", "no"),
        ("IdentitiesOnly", "yes"),
        ("IdentityAgent", "none"),
        ("PreferredAuthentications", "publickey"),
        ("ClearAllForwardings", "yes"),
        ("PermitLocalCommand", "no"),
        ("ControlMaster", "no"),
        ("ControlPath", "none"),
        ("ProxyCommand", "none"),
        ("ServerAliveInterval", "10"),
        ("SendEnv", "GIT_PROTOCOL"),
        ("LogLevel", "ERROR"),
    ] {
        option(name, &value);
    }
    option("UserKnownHostsFile", &quoted(&known_hosts));
    option("ConnectTimeout", &line.patience.connect.as_secs().max(1));
    match &identity.key {
        Some(key) => {
            readable(key, "`credentials` names a private key that this user alone may read")?;
            option("IdentityFile", &quoted(key));
        }
        None => option("IdentityFile", &"none"),
    }
    if let Some(port) = port {
        command.args(["-p", &port.to_string()]);
    }
    if let Some(user) = user {
        command.args(["-l", user]);
    }
    command.args(["--", host]).arg(upload_pack(path));
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| {
        Error::Network(Trouble::File {
            path: "ssh".into(),
            why: error.to_string(),
            fix: "install OpenSSH's client, or ask the same repository by https".into(),
        })
    })?;
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let words = Arc::new(Mutex::new(String::new()));
    let session = Session { child, line: Rc::clone(line), words: Arc::clone(&words) };
    let (Some(stdin), Some(out), Some(stderr)) = streams else {
        let (url, why) = (line.url.clone(), "ssh has no pipes".to_owned());
        return Err(Error::Network(Trouble::Failing { url, why }));
    };
    // It ends with the program, whose end closes the pipe.
    std::thread::spawn(move || {
        let mut told = Vec::new();
        let _ = stderr.take(limits::SERVER_WORDS_BYTES).read_to_end(&mut told);
        *words.lock().unwrap_or_else(PoisonError::into_inner) = String::from_utf8_lossy(&told).into_owned();
    });
    Ok((Answer { session, out }, stdin))
}

/// The command for the shell there: one word, whatever is in the path.
fn upload_pack(path: &str) -> String {
    // `/~git/site.git` is a path below somebody's home, which that shell expands.
    let (home, path) = match path.strip_prefix("/~").map(|it| it.split_once('/').unwrap_or((it, ""))) {
        Some((user, rest)) if user.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) => {
            (format!("~{user}/"), rest)
        }
        _ => (String::new(), path),
    };
    format!("git-upload-pack {home}'{}'", path.replace('\'', r"'\''"))
}

/// A path in the grammar of ssh's options: in quotes, and without the signs that would stand for something else.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('%', "%%"))
}

fn readable(path: &Path, fix: &str) -> Result<(), Error> {
    let wrong =
        |why: String| Error::Network(Trouble::File { path: path.to_owned(), why, fix: fix.to_owned() });
    if path.to_string_lossy().contains(['"', '\n', '$']) {
        return Err(wrong("its name has a character that ssh would not take".into()));
    }
    std::fs::File::open(path).map(drop).map_err(|error| wrong(error.to_string()))
}

impl Read for Answer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = Rc::clone(&self.session.line);
        let begun = Instant::now();
        let wait = line.may_wait().map_err(|error| line.fail(error))?;
        loop {
            line.look().map_err(|error| line.fail(error))?;
            let mut watched = [PollFd::from_borrowed_fd(self.out.as_fd(), PollFlags::IN)];
            let step = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
            match rustix::event::poll(&mut watched, Some(&step)) {
                Ok(0) | Err(rustix::io::Errno::INTR) if begun.elapsed() < wait => (),
                Ok(0) | Err(rustix::io::Errno::INTR) => {
                    let error = line.stalled("nothing comes".into(), wait);
                    return Err(line.fail(error));
                }
                Ok(_) => break,
                Err(error) => return Err(error.into()),
            }
        }
        match self.out.read(buffer)? {
            0 if !buffer.is_empty() => {
                let error = self.session.told();
                match error {
                    Some(error) => Err(line.fail(error)),
                    None => Ok(0),
                }
            }
            count => {
                line.took(count).map_err(|error| line.fail(error))?;
                Ok(count)
            }
        }
    }
}

impl Session {
    /// Why the program ended, where it says so.
    fn told(&mut self) -> Option<Error> {
        let begun = Instant::now();
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if begun.elapsed() < Duration::from_secs(2) => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                _ => return None,
            }
        };
        if status.success() {
            return None;
        }
        // The words come by another pipe, a moment later.
        std::thread::sleep(Duration::from_millis(20));
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let why: String = words
            .lines()
            .map(str::trim)
            .filter(|it| !it.is_empty() && !it.starts_with('@'))
            .take(3)
            .collect::<Vec<_>>()
            .join("; ");
        let why = why.chars().filter(|it| !it.is_control()).take(400).collect::<String>();
        Some(meaning(self.line.url.clone(), why, &words))
    }
}

/// What ssh's words mean (OpenSSH 9 and 10, in the C locale), and those of the servers that people run.
fn meaning(url: String, why: String, words: &str) -> Error {
    let says = |parts: &[&str]| parts.iter().any(|it| words.contains(it));
    if says(&[
        "Host key verification failed",
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "No matching host key",
    ]) {
        Error::Network(Trouble::Untrusted { url, why })
    } else if says(&["Permission denied", "Too many authentication failures", "Load key", "invalid format"]) {
        Error::Network(Trouble::Credentials { url, why })
    } else if says(&["does not appear to be a git repository", "not found", "does not exist", "No such file"])
    {
        Error::Network(Trouble::Missing { url, what: format!("that repository ({why})") })
    } else if says(&[
        "Could not resolve",
        "Connection refused",
        "Connection timed out",
        "Operation timed out",
        "No route to host",
        "Network is unreachable",
        "Connection closed by",
        "Connection reset by",
        "timeout",
    ]) {
        Error::Network(Trouble::Unreachable { url, why })
    } else {
        let why = if why.is_empty() { "it ended without a word".to_owned() } else { why };
        Error::Network(Trouble::Failing { url, why })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_one_word() {
        for (path, expect) in [
            ("/srv/site.git", "git-upload-pack '/srv/site.git'"),
            ("/srv/o'hara; rm -rf /.git", r"git-upload-pack '/srv/o'\''hara; rm -rf /.git'"),
            ("/~git/site.git", "git-upload-pack ~git/'site.git'"),
            ("/~$(id)/site.git", "git-upload-pack '/~$(id)/site.git'"),
        ] {
            assert_eq!(upload_pack(path), expect);
        }
    }
}
