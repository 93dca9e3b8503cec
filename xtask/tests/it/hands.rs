//! What the tests share.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use jiff::Timestamp;
use tempfile::TempDir;
use xtask::{
    World,
    bundle::{self, Built, Options, Reach},
    key,
    root::{self, Edit},
};

pub(crate) const PASSPHRASE: &str = "correct horse battery";

/// A directory that vanishes, and a world without a terminal.
pub(crate) struct Hands {
    pub(crate) dir: TempDir,
    pub(crate) world: World,
}

impl Hands {
    pub(crate) fn new() -> Self {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        Self { dir: TempDir::new().unwrap(), world: World::fixed(now, 7, PASSPHRASE) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A key of ours, unencrypted because scrypt is slow on purpose; one test has the encrypted form.
    pub(crate) fn key(&mut self, name: &str) -> PathBuf {
        let file = self.path(name);
        key::new(&file, name, true, &mut self.world).unwrap();
        file
    }

    /// Root keys `a` and `b`; `d` and `e` for the channels `platform` and `logging`; `f` and `g` for cards; all signed.
    pub(crate) fn with_root() -> Self {
        let mut hands = Self::new();
        for name in ["a", "b", "d", "e", "f", "g"] {
            hands.key(name);
        }
        let mut edit = hands.edit(hands.holders(2, &["a", "b"]), hands.holders(2, &["d", "e"]));
        edit.channel.push(root::Named { name: "logging".into(), value: hands.holders(2, &["d", "e"]) });
        edit.namespaces.push(root::Named { name: "logging".into(), value: root::Words(vec!["*".into()]) });
        edit.cluster_scoped.push("logging".parse().unwrap());
        edit.card = Some(hands.holders(2, &["f", "g"]));
        let file = root::init(&hands.path("trust"), &edit, &mut hands.world).unwrap();
        for key in ["a", "b"] {
            root::sign(&file, &hands.path(key), &hands.world).unwrap();
        }
        hands
    }

    /// How `name` is built here.
    pub(crate) fn options(&self, name: &str) -> Options {
        Options {
            bundle: self.path("bundles").join(name),
            trust: self.path("trust"),
            out: self.path("out"),
            next: false,
            paths: BTreeMap::new(),
            reach: Reach::default(),
        }
    }

    /// Builds `name` and lets `keys` sign it.
    pub(crate) fn built(&self, options: &Options, keys: &[&str]) -> Built {
        let built = bundle::build(options, &self.world).unwrap();
        for key in keys {
            bundle::sign(&built.directory, &self.path(key), Some(&self.path("trust")), &self.world).unwrap();
        }
        built
    }

    /// An OpenSSH key.
    pub(crate) fn ssh_key(&self, name: &str, passphrase: &str) -> PathBuf {
        let file = self.path(name);
        let file_text = file.to_str().unwrap();
        let output = run(
            "ssh-keygen",
            ["-q", "-t", "ed25519", "-a", "1", "-N", passphrase, "-C", name, "-f", file_text],
            b"",
        );
        assert!(output.status.success(), "{output:?}");
        file
    }

    /// What `ssh-keygen -Y verify` says, where only this key is allowed.
    pub(crate) fn ssh_verifies(
        &self,
        public: &str,
        namespace: &str,
        signature: &Path,
        message: &[u8],
    ) -> bool {
        let allowed = self.path("allowed_signers");
        std::fs::write(&allowed, format!("signer {public}\n")).unwrap();
        let args = [
            "-Y",
            "verify",
            "-f",
            allowed.to_str().unwrap(),
            "-I",
            "signer",
            "-n",
            namespace,
            "-s",
            signature.to_str().unwrap(),
        ];
        run("ssh-keygen", args, message).status.success()
    }

    /// `N:a.pub,b.pub` of files in this directory.
    pub(crate) fn holders(&self, threshold: u32, names: &[&str]) -> root::Holders {
        let files = names.iter().map(|name| self.path(&format!("{name}.pub"))).collect();
        root::Holders { threshold, files }
    }

    /// A root with one channel, `platform`, that reaches everything.
    pub(crate) fn edit(&self, root: root::Holders, channel: root::Holders) -> Edit {
        let every = |name: &str| root::Named { name: name.into(), value: root::Words(vec!["*".into()]) };
        Edit {
            single: root.threshold == 1 || channel.threshold == 1,
            root: Some(root),
            channel: vec![root::Named { name: "platform".into(), value: channel }],
            namespaces: vec![every("platform")],
            images: vec![every("platform")],
            cluster_scoped: vec!["platform".parse().unwrap()],
            ..Edit::default()
        }
    }
}

/// Runs a program to its end, with `input` on its standard input and nothing of our environment but the path.
pub(crate) fn run<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>, input: &[u8]) -> Output {
    run_with(program, args, input, &[])
}

/// As [`run`], with some environment.
pub(crate) fn run_with<S: AsRef<OsStr>>(
    program: &str,
    args: impl IntoIterator<Item = S>,
    input: &[u8],
    environment: &[(&str, &Path)],
) -> Output {
    let mut child = Command::new(program)
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("`{program}` is needed by this test: {error}"));
    // A program that refuses early closes its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}
