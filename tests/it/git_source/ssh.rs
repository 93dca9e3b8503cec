//! Repositories by ssh, from a real sshd.

use std::{
    io::Read as _,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{SIGNERS, Source, Yard, bundle, ran};

const SSHD: &str = "/usr/sbin/sshd";

/// An sshd on a free port of loopback, until it is dropped.
struct Sshd {
    child: Child,
    port: u16,
    user: String,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn key(folder: &Path, name: &str) -> String {
    ran(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(folder.join(name)));
    std::fs::read_to_string(folder.join(format!("{name}.pub"))).unwrap()
}

impl Sshd {
    /// Starts one; nothing, and a line that says so, where there is none.
    fn start(folder: &Path, accept_env: bool) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            println!("skipped: {SSHD} is not here");
            return None;
        }
        let user = ran(Command::new("id").arg("-un"));
        if user == "root" {
            // Where it gives up its rights; a package makes it when its service starts.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        key(folder, "host");
        let at = |name: &str| folder.join(name).display().to_string();
        let accept = if accept_env { "AcceptEnv GIT_PROTOCOL\n" } else { "" };
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n{accept}",
            at("host"),
            at("authorized")
        );
        std::fs::write(folder.join("sshd_config"), config).unwrap();
        let child = Command::new(SSHD)
            .args(["-D", "-e", "-f", &at("sshd_config")])
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(folder.join("sshd.log")).unwrap())
            .spawn()
            .unwrap();
        let mut sshd = Self { child, port, user };
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = sshd.child.try_wait().unwrap();
            let log = std::fs::read_to_string(folder.join("sshd.log")).unwrap();
            assert!(ended.is_none() && Instant::now() < end, "{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(sshd)
    }

    fn source(&self, yard: &Yard, repository: &str, asked: &str) -> Source {
        let path = yard.path("served").join(repository);
        let mut source =
            yard.source(&format!("ssh://{}@127.0.0.1:{}{}#{asked}", self.user, self.port, path.display()));
        source.spec.known_hosts = Some(yard.path("known_hosts"));
        source.spec.credentials = Some(yard.path("node_key"));
        source
    }
}

#[test]
fn bundles_come_by_ssh() {
    for accept_env in [true, false] {
        let yard = Yard::new();
        let Some(sshd) = Sshd::start(yard.folder.path(), accept_env) else { return };
        let public = std::fs::read_to_string(yard.path("host.pub")).unwrap();
        std::fs::write(yard.path("known_hosts"), format!("[127.0.0.1]:{} {public}", sshd.port)).unwrap();
        std::fs::write(yard.path("authorized"), key(yard.folder.path(), "node_key")).unwrap();
        let source = sshd.source(&yard, "site.git", "main");
        yard.push_layout(&bundle(1, &SIGNERS));
        // With protocol 2, and with a server that does not hear that we speak it.
        assert_eq!(yard.pull(&source, 2), "staged", "{accept_env}");
        yard.push_layout(&bundle(2, &SIGNERS));
        assert_eq!(yard.pull(&source, 3), "staged", "{accept_env}");
        assert_eq!(yard.pull(&source, 3), "held", "{accept_env}");
        assert_eq!(yard.packs(), 2);
        yard.push_tag("site-1-3", &bundle(3, &SIGNERS));
        assert_eq!(yard.pull(&sshd.source(&yard, "site.git", "site-1-*"), 4), "staged");
        sshd.source(&yard, "site.git", "nothing").refuses("source_missing");
        sshd.source(&yard, "o'hara's;touch${IFS}pwned.git", "main").refuses("source_missing");

        // Who we are, and who they are.
        let mut stranger = sshd.source(&yard, "site.git", "main");
        key(yard.folder.path(), "stranger");
        stranger.spec.credentials = Some(yard.path("stranger"));
        stranger.refuses("source_credentials");
        stranger.spec.credentials = None;
        stranger.refuses("source_credentials");
        stranger.spec.credentials = Some(yard.path("missing"));
        stranger.refuses("source_file");
        let mut source = sshd.source(&yard, "site.git", "main");
        let other = std::fs::read_to_string(yard.path("stranger.pub")).unwrap();
        std::fs::write(yard.path("other_hosts"), format!("[127.0.0.1]:{} {other}", sshd.port)).unwrap();
        source.spec.known_hosts = Some(yard.path("other_hosts"));
        source.refuses("source_untrusted");
        std::fs::write(yard.path("other_hosts"), "").unwrap();
        source.refuses("source_untrusted");
        source.spec.known_hosts = Some(yard.path("nowhere"));
        source.refuses("source_file");
        drop(sshd);
        source.spec.known_hosts = Some(yard.path("known_hosts"));
        source.refuses("source_unreachable");
    }
}

/// A server that takes the connection and says nothing, and one that is no ssh server.
#[test]
fn servers_that_are_none() {
    if Command::new("ssh").arg("-V").output().is_err() {
        println!("skipped: ssh is not here");
        return;
    }
    let yard = Yard::new();
    std::fs::write(yard.path("known_hosts"), "").unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let ask = |port: u16| {
        let mut source = yard.source(&format!("ssh://git@127.0.0.1:{port}/site.git"));
        source.spec.known_hosts = Some(yard.path("known_hosts"));
        source.spec.patience.connect = Duration::from_secs(1);
        source.spec.patience.pause = Duration::from_secs(2);
        source
    };
    let begun = Instant::now();
    let code = airlock::fault::Fault::code(&ask(port).newest().unwrap_err());
    assert!(matches!(code, "source_unreachable" | "source_stalled"), "{code}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    std::thread::spawn(move || {
        for stream in silent.incoming() {
            let mut first = [0; 10];
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut first);
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 no\r\n\r\n");
        }
    });
    let error = ask(port).newest().unwrap_err();
    let code = airlock::fault::Fault::code(&error);
    assert!(matches!(code, "source_unreachable" | "source_failing" | "source_stalled"), "{error}");
}
