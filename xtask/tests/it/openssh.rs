//! The real OpenSSH signs and verifies, and agrees with the gate about both.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use airlock::bundle::{KeyId, Role};
use xtask::{
    bundle,
    envelope::Envelope,
    key::{self, Signer, armour},
    root::{self, Chain},
};

use crate::hands::{Hands, PASSPHRASE, run, run_with};

/// An `ssh-agent` that ends with the test.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(hands: &Hands) -> Self {
        let socket = hands.path("agent");
        let mut child = Command::new("ssh-agent");
        child.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).stderr(Stdio::null());
        let agent = Self { child: child.spawn().expect("`ssh-agent` is needed by this test"), socket };
        for _ in 0..500 {
            if agent.socket.exists() {
                return agent;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("the ssh-agent did not begin to listen");
    }

    fn add(&self, key: &Path) {
        let output =
            run_with("ssh-add", ["-q", key.to_str().unwrap()], b"", &[("SSH_AUTH_SOCK", &self.socket)]);
        assert!(output.status.success(), "{output:?}");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Signs with `ssh-keygen -Y sign`, and returns the `.sig` file.
fn ssh_sign(hands: &Hands, key: &str, namespace: &str, message: &[u8]) -> PathBuf {
    let file = hands.path(&format!("message-{key}-{namespace}"));
    fs::write(&file, message).unwrap();
    // It asks before it overwrites a signature, and nobody is there to answer.
    let signature = PathBuf::from(format!("{}.sig", file.display()));
    let _ = fs::remove_file(&signature);
    let key = hands.path(key);
    let args = ["-q", "-Y", "sign", "-f", key.to_str().unwrap(), "-n", namespace, file.to_str().unwrap()];
    let output = run("ssh-keygen", args, b"");
    assert!(output.status.success(), "{output:?}");
    signature
}

/// Root keys `ra`, `rb` and channel keys `ca`, `cb`, all of OpenSSH, and a signed chain where `sign` says how.
fn hands(sign: impl Fn(&Hands, &Path)) -> Hands {
    let mut hands = Hands::new();
    for name in ["ra", "rb", "ca", "cb", "stranger"] {
        hands.ssh_key(name, "");
    }
    let edit = hands.edit(hands.holders(2, &["ra", "rb"]), hands.holders(2, &["ca", "cb"]));
    let file = root::init(&hands.path("trust"), &edit, &mut hands.world).unwrap();
    sign(&hands, &file);
    root::check(&hands.path("trust")).unwrap();
    crate::fixture::everything(&hands.path("bundles"));
    hands
}

fn by_keygen(hands: &Hands, root: &Path) {
    let message = airlock::bundle::pae(Role::Root, &Envelope::read(root, Role::Root).unwrap().payload);
    for key in ["ra", "rb"] {
        root::attach(root, &ssh_sign(hands, key, "airlock-root-v1", &message)).unwrap();
    }
}

#[test]
fn ssh_keygen_signs_a_root_and_a_bundle() {
    let hands = hands(by_keygen);
    let built = hands.built(&hands.options("everything"), &[]);
    let message = bundle::bytes_to_sign(&built.directory).unwrap();
    for key in ["ca", "cb"] {
        let signature = ssh_sign(&hands, key, "airlock-bundle-v1", &message);
        bundle::attach(&built.directory, &signature, None).unwrap();
    }
    let root = Chain::read(&hands.path("trust")).unwrap().newest().unwrap();
    let verified = bundle::Opened::open(&built.directory).unwrap().verify(&root).unwrap();
    assert_eq!(verified.signers().len(), 2);
}

#[test]
fn an_agent_signs_a_root_and_a_bundle() {
    let agent_of = |hands: &Hands| {
        let agent = Agent::start(hands);
        for key in ["ra", "rb", "ca", "cb"] {
            agent.add(&hands.path(key));
        }
        agent
    };
    let mut hands = hands(|hands, root| {
        let agent = agent_of(hands);
        let world =
            xtask::World { agent: Some(agent.socket.clone()), ..xtask::World::fixed(hands.world.now, 1, "") };
        for key in ["ra.pub", "rb.pub"] {
            root::sign(root, &hands.path(key), &world).unwrap();
        }
    });
    let _ = fs::remove_file(hands.path("agent"));
    let agent = agent_of(&hands);
    hands.world.agent = Some(agent.socket.clone());
    let built = hands.built(&hands.options("everything"), &["ca.pub", "cb.pub"]);
    let told = bundle::standing(&built.directory, None).unwrap();
    assert!(told.contains("2 of 2 signed") && told.contains("the gate accepts it"), "{told}");
    let absent = Signer::open(&hands.path("stranger.pub"), &hands.world).unwrap().sign(Role::Bundle, b"{}");
    assert!(absent.unwrap_err().to_string().contains("does not hold this key"));
}

/// One signature before both judges: OpenSSH, and the gate's check behind `attach`.
#[test]
fn openssh_and_the_gate_agree() {
    let hands = hands(by_keygen);
    let built = hands.built(&hands.options("everything"), &[]);
    let message = bundle::bytes_to_sign(&built.directory).unwrap();
    let line = |name: &str| key::line(&key::read(&hands.path(&format!("{name}.pub"))).unwrap());
    let good = "airlock-bundle-v1";
    let changed = [&message[..message.len() - 1], b" "].concat();
    for (key, namespace, signed, expect) in [
        ("ca", good, &message, true),
        ("ca", "airlock-root-v1", &message, false),
        ("ca", "file", &message, false),
        ("stranger", good, &message, false),
        ("ra", good, &message, false),
        ("ca", good, &changed, false),
    ] {
        let signature = ssh_sign(&hands, key, namespace, signed);
        let ours = bundle::attach(&built.directory, &signature, None);
        let theirs = hands.ssh_verifies(&line("ca"), good, &signature, &message);
        assert_eq!((ours.is_ok(), theirs), (expect, expect), "{key} {namespace}: {ours:?}");
    }
    // And the other way round: what we sign, OpenSSH verifies, and so it does the change and the stranger.
    for (name, passphrase) in [("ca", ""), ("locked", PASSPHRASE)] {
        if !passphrase.is_empty() {
            hands.ssh_key(name, passphrase);
        }
        let signer = Signer::open(&hands.path(name), &hands.world).unwrap();
        let payload = Envelope::read(&built.directory.join("bundle.dsse"), Role::Bundle).unwrap().payload;
        let signature = signer.sign(Role::Bundle, &payload).unwrap();
        let file = hands.path("ours.sig");
        fs::write(&file, armour(&signature.bytes)).unwrap();
        for (public, namespace, signed, expect) in [
            (line(name), good, &message, true),
            (line(name), "airlock-root-v1", &message, false),
            (line(name), good, &changed, false),
            (line("stranger"), good, &message, false),
        ] {
            assert_eq!(hands.ssh_verifies(&public, namespace, &file, signed), expect, "{name} {namespace}");
        }
    }
    let told = bundle::standing(&built.directory, None).unwrap();
    assert!(told.contains("1 of 2 signed"), "only the good one is there:\n{told}");
}

#[test]
fn one_key_under_two_schemes_is_one_signer() {
    let hands = hands(by_keygen);
    let built = hands.built(&hands.options("everything"), &["ca"]);
    let path = built.directory.join("bundle.dsse");
    let mut envelope = Envelope::read(&path, Role::Bundle).unwrap();
    // The same private key, taken for one of ours, signs raw; a stranger's hint hides whose it is.
    let text = fs::read(hands.path("ca")).unwrap();
    let secret = ssh_key::PrivateKey::from_openssh(text).unwrap();
    let secret = secret.key_data().ed25519().unwrap().private.to_bytes();
    let signer =
        Signer::held(ed25519_dalek::SigningKey::from_bytes(&secret), airlock::bundle::Scheme::Raw, "ca");
    let mut raw = signer.sign(Role::Bundle, &envelope.payload).unwrap();
    raw.keyid = Some("0".repeat(64).parse::<KeyId>().unwrap());
    envelope.signatures.push(raw);
    envelope.write().unwrap();
    assert_eq!(Envelope::read(&path, Role::Bundle).unwrap().signatures.len(), 2);
    let told = bundle::standing(&built.directory, None).unwrap();
    assert!(told.contains("1 of 2 signed") && told.contains("not yet"), "{told}");
}
