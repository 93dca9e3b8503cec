//! A signing kit: keys, trust roots, statements and envelopes of throw-away people, so that every test passes the
//! real gate. Nothing here is random: a person is a name, and a name is a key.

use std::collections::BTreeMap;

use airlock::{
    bundle::{
        AgentVersion, Algorithm, Blob, BlobRole, Channel, Closure, Descriptor, Entry, EntryKind, Floor,
        Inventory, KeyId, Keyholders, PublicKey, Release, ReleaseRef, Role, Roles, Scheme, Signature,
        Statement, Target, TrustRoot, Unverified, encode, pae,
    },
    digest::Digest,
    duration::GoDuration,
};
use ed25519_dalek::{Signer, SigningKey};
use jiff::{Timestamp, ToSpan};
use sha2::{Digest as _, Sha256, Sha512};

/// A person with a key.
#[derive(Clone, Debug)]
pub struct Person {
    pub name: String,
    pub key: SigningKey,
}

impl Person {
    pub fn named(name: &str) -> Self {
        let seed: [u8; 32] = Sha256::digest(format!("airlock test person {name}")).into();
        Self { name: name.to_owned(), key: SigningKey::from_bytes(&seed) }
    }

    pub fn public(&self) -> PublicKey {
        let public = self.key.verifying_key().to_bytes();
        PublicKey { alg: Algorithm::Ed25519, public, application: None, label: self.name.clone() }
    }

    pub fn id(&self) -> KeyId {
        self.public().id()
    }

    /// A raw signature for `role`.
    pub fn sign(&self, role: Role, payload: &[u8]) -> Signature {
        self.sign_bytes(&pae(role, payload))
    }

    /// A raw signature over anything.
    pub fn sign_bytes(&self, message: &[u8]) -> Signature {
        Signature {
            alg: Some(Algorithm::Ed25519),
            scheme: Some(Scheme::Raw),
            keyid: Some(self.id()),
            bytes: self.key.sign(message).to_bytes().to_vec(),
        }
    }

    /// An SSHSIG signature in `namespace` over anything.
    pub fn sshsig_bytes(&self, namespace: &str, message: &[u8]) -> Signature {
        let string = |out: &mut Vec<u8>, bytes: &[u8]| {
            out.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
            out.extend(bytes);
        };
        let mut signed = b"SSHSIG".to_vec();
        for part in [namespace.as_bytes(), b"", b"sha512", &Sha512::digest(message)] {
            string(&mut signed, part);
        }
        let mut signature = Vec::new();
        string(&mut signature, b"ssh-ed25519");
        string(&mut signature, &self.key.sign(&signed).to_bytes());
        let mut blob = b"SSHSIG".to_vec();
        blob.extend(1_u32.to_be_bytes());
        for part in [&self.public().wire()[..], namespace.as_bytes(), b"", b"sha512", &signature] {
            string(&mut blob, part);
        }
        Signature {
            alg: Some(Algorithm::Ed25519),
            scheme: Some(Scheme::Sshsig),
            keyid: Some(self.id()),
            bytes: blob,
        }
    }

    /// An SSHSIG signature for `role`.
    pub fn sshsig(&self, role: Role, payload: &[u8]) -> Signature {
        self.sshsig_bytes(role.ssh_namespace(), &pae(role, payload))
    }
}

/// Noon of some day in the life of the test fleet: day 0 is when the first root was issued.
pub fn day(number: i64) -> Timestamp {
    "2026-01-01T12:00:00Z".parse::<Timestamp>().unwrap() + (number * 24).hours()
}

/// An envelope signed raw by these people.
pub fn sealed(role: Role, document: &impl serde::Serialize, people: &[&str]) -> Vec<u8> {
    let payload = serde_json::to_vec(document).unwrap();
    let signatures: Vec<Signature> = people.iter().map(|it| Person::named(it).sign(role, &payload)).collect();
    encode(role, &payload, &signatures)
}

/// The same, read.
pub fn envelope(role: Role, document: &impl serde::Serialize, people: &[&str]) -> Unverified {
    Unverified::read("it", sealed(role, document, people)).unwrap()
}

/// So many of these people.
pub fn holders(threshold: u32, people: &[&str]) -> Keyholders {
    Keyholders { threshold, keys: people.iter().map(|it| Person::named(it).id()).collect() }
}

/// A channel that reaches everything.
pub fn channel(name: &str, threshold: u32, people: &[&str]) -> Channel {
    let Keyholders { threshold, keys } = holders(threshold, people);
    let all = || vec!["*".to_owned()];
    Channel {
        name: name.parse().unwrap(),
        threshold,
        keys,
        namespaces: all(),
        cluster_scoped: true,
        images: all(),
    }
}

/// The fleet's first trust root: rosa, rolf and rita hold the root (2 of 3), bea, ben and bo sign bundles of channel
/// `platform` (2 of 3), tom signs channel `team` for namespace `team` alone, ada the agent, cora cards.
pub fn first_root() -> TrustRoot {
    let people = ["rosa", "rolf", "rita", "bea", "ben", "bo", "tom", "ada", "cora"];
    TrustRoot {
        r#type: "root".into(),
        format: 1,
        needs: Vec::new(),
        domain: "00112233445566778899aabbccddeeff".parse().unwrap(),
        version: 1,
        previous: None,
        epoch: 1,
        issued: day(0),
        expires: day(365),
        min_agent: "0.1.0".parse().unwrap(),
        keys: people.iter().map(|it| Person::named(it).public()).collect(),
        roles: Roles {
            root: holders(2, &["rosa", "rolf", "rita"]),
            agent: Some(holders(1, &["ada"])),
            card: Some(holders(1, &["cora"])),
        },
        channels: vec![
            channel("platform", 2, &["bea", "ben", "bo"]),
            Channel {
                namespaces: vec!["team".into()],
                cluster_scoped: false,
                images: vec!["registry.example.com/team".into()],
                ..channel("team", 1, &["tom"])
            },
        ],
        ext: None,
    }
}

/// The root after `root`, not signed yet.
pub fn next_root(root: &TrustRoot) -> TrustRoot {
    let previous = Some(Digest::of(&serde_json::to_vec(root).unwrap()));
    TrustRoot { version: root.version + 1, previous, issued: root.issued + 24.hours(), ..root.clone() }
}

/// The content of a bundle: what its blobs are.
#[derive(Clone, Debug)]
pub struct Cargo {
    pub release: Release,
    pub inventory: Inventory,
    pub blobs: BTreeMap<Digest, Vec<u8>>,
}

impl Cargo {
    /// A release of one entry whose tree has these bytes, with more blobs beside it.
    pub fn of(tree: &[u8], unpacked: u64, others: &[&[u8]]) -> Self {
        let content = Descriptor { digest: Digest::of(tree), size: tree.len() as u64, unpacked };
        let release = Release {
            r#type: "release".into(),
            format: 1,
            needs: Vec::new(),
            name: "fleet".parse().unwrap(),
            description: String::new(),
            entries: vec![entry("app", content)],
            sources: Vec::new(),
            images: BTreeMap::new(),
            files: BTreeMap::new(),
            site: None,
            closure: Closure::default(),
            apis: Vec::new(),
            ext: None,
        };
        let mut blobs = BTreeMap::from([(content.digest, tree.to_vec())]);
        blobs.extend(others.iter().map(|it| (Digest::of(it), it.to_vec())));
        let rows = blobs.iter().map(|(digest, bytes)| Blob {
            digest: *digest,
            size: bytes.len() as u64,
            unpacked: if *digest == content.digest { unpacked } else { bytes.len() as u64 },
            media_type: "application/octet-stream".into(),
            role: if *digest == content.digest { BlobRole::Tree } else { BlobRole::File },
            parts: Vec::new(),
        });
        let inventory = Inventory::new(rows);
        Self { release, inventory, blobs }
    }

    /// Every blob as a medium holds it, inventory and release included.
    pub fn on_medium(&self) -> BTreeMap<Digest, Vec<u8>> {
        let mut all = self.blobs.clone();
        for document in [self.inventory.encode(), self.release.encode()] {
            all.insert(Digest::of(&document), document);
        }
        all
    }
}

/// An entry of plain manifests.
pub fn entry(name: &str, content: Descriptor) -> Entry {
    Entry {
        name: name.parse().unwrap(),
        kind: EntryKind::Manifests,
        content,
        path: ".".into(),
        depends_on: Vec::new(),
        target_namespace: None,
        prune: true,
        wait: true,
        health_checks: Vec::new(),
        timeout: GoDuration::from_secs(300),
        force: false,
        allow_empty: false,
        service_account: None,
        values: serde_json::Map::new(),
        values_from: Vec::new(),
    }
}

/// Bundle `sequence` of channel `platform` for `ship-7`, made on that day, not signed yet.
pub fn statement(root: &TrustRoot, sequence: u64, cargo: &Cargo) -> Statement {
    let release = cargo.release.encode();
    let made = i64::try_from(sequence).unwrap();
    Statement {
        r#type: "bundle".into(),
        format: 1,
        needs: Vec::new(),
        domain: root.domain.clone(),
        channel: "platform".parse().unwrap(),
        epoch: root.epoch,
        sequence,
        created: day(made),
        accept_until: day(made + 90),
        audience: vec!["ship-7".into()],
        root_version: 1,
        previous: None,
        rollback_floor: Floor { epoch: root.epoch, sequence: 1 },
        target: Target { kubernetes: None, arch: Vec::new() },
        requires_agent: AgentVersion { major: 0, minor: 1, patch: 0 },
        inventory: cargo.inventory.sums().unwrap(),
        release: ReleaseRef { digest: Digest::of(&release), size: release.len() as u64 },
        ext: None,
    }
}

/// Bytes that do not repeat, so that a block at the wrong place is seen.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let step = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x.to_le_bytes()[3]
    };
    std::iter::repeat_with(step).take(len).collect()
}
