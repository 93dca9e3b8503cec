//! FIDO keys, by an authenticator in software (OpenSSH's PROTOCOL.u2f, "SSH U2F signatures"). What it signed is recorded
//! under tests/data/ssh; OpenSSH and the gate are asked about every row.

use std::{fs, path::PathBuf};

use airlock::{
    bundle::{Algorithm, PublicKey, Role, Scheme, Signature, encode, pae},
    trust,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};
use xtask::key::{self, armour, read_sshsig};

use crate::hands::Hands;

/// An authenticator: a key that never leaves it, bound to an application, and a counter.
struct Authenticator {
    key: SigningKey,
    application: String,
}

const PRESENT: u8 = 1;
const VERIFIED: u8 = 4;

impl Authenticator {
    fn new(application: &str) -> Self {
        Self {
            key: SigningKey::from_bytes(&Sha256::digest(b"a seed for vectors").into()),
            application: application.into(),
        }
    }

    fn public(&self) -> PublicKey {
        PublicKey {
            alg: Algorithm::SkEd25519,
            public: self.key.verifying_key().to_bytes(),
            application: Some(self.application.clone()),
            label: "token".into(),
        }
    }

    /// The raw answer: a signature over the application, the flags, the counter and the message's hash.
    fn answer(&self, flags: u8, counter: u32, message: &[u8]) -> [u8; 64] {
        let signed = [
            &Sha256::digest(self.application.as_bytes())[..],
            &[flags],
            &counter.to_be_bytes(),
            &Sha256::digest(message)[..],
        ];
        self.key.sign(&signed.concat()).to_bytes()
    }

    /// An SSHSIG. `claimed` are the flags and the counter that it says to have signed.
    fn sshsig(&self, namespace: &str, message: &[u8], signed: (u8, u32), claimed: (u8, u32)) -> Vec<u8> {
        let string = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
        let to_sign = [
            &b"SSHSIG"[..],
            &string(namespace.as_bytes()),
            &string(b""),
            &string(b"sha512"),
            &string(&Sha512::digest(message)),
        ];
        let answer = self.answer(signed.0, signed.1, &to_sign.concat());
        let signature = [
            &string(b"sk-ssh-ed25519@openssh.com")[..],
            &string(&answer),
            &[claimed.0],
            &claimed.1.to_be_bytes(),
        ];
        let blob = [
            &b"SSHSIG\0\0\0\x01"[..],
            &string(&self.public().wire()),
            &string(namespace.as_bytes()),
            &string(b""),
            &string(b"sha512"),
            &string(&signature.concat()),
        ];
        blob.concat()
    }
}

/// A recorded row.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    /// What it shows.
    name: String,
    /// The public key that is listed, in one line.
    key: String,
    /// The signature.
    sig: String,
    /// Whether it counts before the gate.
    gate: bool,
    /// Whether `ssh-keygen -Y verify` accepts it. It does not ask whether a person was there; the gate does.
    openssh: bool,
}

/// What is signed in every row.
const PAYLOAD: &[u8] = br#"{"type":"card","format":1}"#;

fn rows() -> Vec<Row> {
    let token = Authenticator::new("ssh:");
    let other = Authenticator::new("ssh:other");
    let message = pae(Role::Card, PAYLOAD);
    let namespace = Role::Card.ssh_namespace();
    let sign = |token: &Authenticator, signed, claimed| token.sshsig(namespace, &message, signed, claimed);
    let present = (PRESENT, 7);
    let row = |name: &str, listed: &Authenticator, blob: Vec<u8>, gate| Row {
        name: name.into(),
        key: key::line(&listed.public()),
        sig: armour(&blob),
        gate,
        openssh: gate || name == "nobody was there",
    };
    vec![
        row("user present", &token, sign(&token, present, present), true),
        row(
            "user present and verified",
            &token,
            sign(&token, (PRESENT | VERIFIED, 8), (PRESENT | VERIFIED, 8)),
            true,
        ),
        row("the highest counter", &token, sign(&token, (PRESENT, u32::MAX), (PRESENT, u32::MAX)), true),
        row("another application, listed with it", &other, sign(&other, present, present), true),
        row("nobody was there", &token, sign(&token, (0, 9), (0, 9)), false),
        row("presence claimed afterwards", &token, sign(&token, (0, 9), (PRESENT, 9)), false),
        row("the counter changed", &token, sign(&token, present, (PRESENT, 8)), false),
        row("signed for another application", &token, sign(&other, present, present), false),
        row(
            "another namespace",
            &token,
            token.sshsig("airlock-bundle-v1", &message, present, present),
            false,
        ),
        row("another payload", &token, token.sshsig(namespace, b"other", present, present), false),
    ]
}

fn file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/ssh/fido.json"))
}

#[test]
fn the_recorded_vectors_are_what_the_authenticator_signs() {
    let text = serde_json::to_string_pretty(&rows()).unwrap() + "\n";
    if std::env::var_os("AIRLOCK_RECORD").is_some() {
        fs::create_dir_all(file().parent().unwrap()).unwrap();
        fs::write(file(), &text).unwrap();
    }
    assert_eq!(fs::read_to_string(file()).unwrap(), text, "AIRLOCK_RECORD=1 records them anew");
}

#[test]
fn openssh_and_the_gate_judge_every_vector() {
    let rows: Vec<Row> = serde_json::from_slice(&fs::read(file()).unwrap()).unwrap();
    let hands = Hands::new();
    let message = pae(Role::Card, PAYLOAD);
    for row in rows {
        let listed = key::parse(&row.key, "").unwrap();
        // As a stranger would send it, not as `attach` would let it in.
        let body: String = row.sig.lines().filter(|it| !it.starts_with("-----")).collect();
        let signature = Signature {
            alg: Some(listed.alg),
            scheme: Some(Scheme::Sshsig),
            keyid: None,
            bytes: BASE64_STANDARD.decode(body).unwrap(),
        };
        let bytes = encode(Role::Card, PAYLOAD, &[signature]);
        let envelope = airlock::bundle::Unverified::read("it", bytes).unwrap();
        let ours = !trust::signers(&envelope, Role::Card, [&listed]).is_empty();
        let sig = hands.path("sig");
        fs::write(&sig, &row.sig).unwrap();
        let theirs = hands.ssh_verifies(&row.key, "airlock-card-v1", &sig, &message);
        assert_eq!((ours, theirs), (row.gate, row.openssh), "{}", row.name);
        // A plain key at the same point counts nothing that the token signed.
        let plain = PublicKey { alg: Algorithm::Ed25519, application: None, ..listed };
        assert!(trust::signers(&envelope, Role::Card, [&plain]).is_empty(), "{}", row.name);
    }
}

/// The whole way: a root lists the token, `ssh-keygen -Y sign` would write this file, and the bundle is accepted.
#[test]
fn a_token_signs_a_bundle() {
    let mut hands = Hands::new();
    for name in ["a", "b", "d"] {
        hands.key(name);
    }
    let token = Authenticator::new("ssh:");
    fs::write(hands.path("token.pub"), key::line(&token.public())).unwrap();
    let edit = hands.edit(hands.holders(2, &["a", "b"]), hands.holders(2, &["d", "token"]));
    let file = xtask::root::init(&hands.path("trust"), &edit, &mut hands.world).unwrap();
    for key in ["a", "b"] {
        xtask::root::sign(&file, &hands.path(key), &hands.world).unwrap();
    }
    crate::fixture::everything(&hands.path("bundles"));
    let built = hands.built(&hands.options("everything"), &["d"]);
    let message = xtask::bundle::bytes_to_sign(&built.directory).unwrap();
    let sig = hands.path("token.sig");
    for (flags, expect) in [(0, false), (PRESENT, true)] {
        let blob = token.sshsig("airlock-bundle-v1", &message, (flags, 1), (flags, 1));
        fs::write(&sig, armour(&blob)).unwrap();
        let (key, _) = read_sshsig(armour(&blob).as_bytes(), Role::Bundle).unwrap();
        assert_eq!(key.id(), token.public().id());
        assert_eq!(xtask::bundle::attach(&built.directory, &sig, None).is_ok(), expect);
    }
    assert!(xtask::bundle::standing(&built.directory, None).unwrap().contains("the gate accepts it"));
    // The private half is not here, and the way that remains is told.
    let error = key::Signer::open(&hands.path("token.pub"), &hands.world).unwrap_err().to_string();
    assert!(error.contains("ssh-agent"), "{error}");
}
