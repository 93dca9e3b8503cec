//! Bundles in memory, signed by throwaway keys, so that every test passes the real gate.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use airlock::{
    archive::{Node, SafePath, Tree, write_tree},
    bundle::{
        AgentVersion, Algorithm, Blob, BlobRole, Channel, Closure, Descriptor, Entry, Floor, Inventory,
        Keyholders, PublicKey, Release, ReleaseRef, Role, Roles, Scheme, Signature, Statement, Target,
        TrustRoot, Unverified, encode, pae,
    },
    content::{Blobs, Content},
    digest::Digest,
    trust,
};
use ed25519_dalek::{Signer as _, SigningKey};

/// What a test bundle is made of.
pub struct Maker {
    /// The channel's namespaces; `*` alone is every namespace.
    pub namespaces: Vec<String>,
    pub cluster_scoped: bool,
    pub channel: String,
    pub sequence: u64,
    pub entries: Vec<Entry>,
    pub blobs: BTreeMap<Digest, Vec<u8>>,
}

struct Memory(BTreeMap<Digest, Vec<u8>>);

impl Blobs for Memory {
    fn open(&self, digest: &Digest) -> io::Result<Option<Box<dyn io::Read + Send>>> {
        Ok(self.0.get(digest).map(|bytes| Box::new(io::Cursor::new(bytes.clone())) as _))
    }
}

impl Default for Maker {
    fn default() -> Self {
        Self {
            namespaces: vec!["*".into()],
            cluster_scoped: true,
            channel: "platform".into(),
            sequence: 1,
            entries: Vec::new(),
            blobs: BTreeMap::new(),
        }
    }
}

impl Maker {
    /// Adds an entry. `spec` has the fields of a release's entry, without `content`.
    pub fn entry(&mut self, spec: serde_json::Value, tree: &Tree) -> &mut Self {
        let packed = write_tree(tree).unwrap();
        let size = packed.bytes.len() as u64;
        let content = Descriptor { digest: packed.digest, size, unpacked: packed.unpacked };
        let mut fields = spec;
        fields["content"] = serde_json::to_value(content).unwrap();
        self.entries.push(serde_json::from_value(fields).unwrap());
        self.blobs.insert(packed.digest, packed.bytes);
        self
    }

    /// Signs it, and opens it as a node does.
    pub fn content(&self) -> Content {
        let release = Release {
            r#type: "release".into(),
            format: 1,
            needs: Vec::new(),
            name: "test".parse().unwrap(),
            description: String::new(),
            entries: self.entries.clone(),
            sources: Vec::new(),
            images: BTreeMap::new(),
            files: BTreeMap::new(),
            site: None,
            closure: Closure::default(),
            apis: Vec::new(),
            ext: None,
        };
        let release = release.encode();
        let inventory = Inventory::new(self.blobs.iter().map(|(digest, bytes)| {
            let (digest, size) = (*digest, bytes.len() as u64);
            let media_type = "application/vnd.airlock.tree.v1.tar+zstd".into();
            Blob { digest, size, unpacked: size, media_type, role: BlobRole::Tree, parts: Vec::new() }
        }));
        let version = AgentVersion::this();
        let statement = Statement {
            r#type: "bundle".into(),
            format: 1,
            needs: Vec::new(),
            domain: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            channel: self.channel.parse().unwrap(),
            epoch: 1,
            sequence: self.sequence,
            created: "2026-03-01T12:00:00Z".parse().unwrap(),
            accept_until: "2027-03-01T12:00:00Z".parse().unwrap(),
            audience: vec!["ship-7".into()],
            root_version: 1,
            previous: None,
            rollback_floor: Floor { epoch: 1, sequence: 0 },
            target: Target { kubernetes: None, arch: Vec::new() },
            requires_agent: version,
            inventory: inventory.sums().unwrap(),
            release: ReleaseRef { digest: Digest::of(&release), size: release.len() as u64 },
            ext: None,
        };
        let payload = serde_json::to_vec(&statement).unwrap();
        let envelope = sealed(Role::Bundle, &payload, CHANNEL_KEY);
        let root = trust::readmit(&self.root(version), &envelope).unwrap();
        let mut blobs = self.blobs.clone();
        blobs.insert(Digest::of(&release), release);
        Content::open(root, Arc::new(Memory(blobs))).unwrap()
    }

    fn root(&self, version: AgentVersion) -> trust::Verified<TrustRoot> {
        let (root, channel) = (public(ROOT_KEY), public(CHANNEL_KEY));
        let holders = |key: &PublicKey| Keyholders { threshold: 1, keys: vec![key.id()] };
        let root = TrustRoot {
            r#type: "root".into(),
            format: 1,
            needs: Vec::new(),
            domain: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            version: 1,
            previous: None,
            epoch: 1,
            issued: "2026-01-01T00:00:00Z".parse().unwrap(),
            expires: "2028-01-01T00:00:00Z".parse().unwrap(),
            min_agent: version,
            roles: Roles { root: holders(&root), agent: None, card: None },
            channels: vec![Channel {
                name: self.channel.parse().unwrap(),
                threshold: 1,
                keys: vec![channel.id()],
                namespaces: self.namespaces.clone(),
                cluster_scoped: self.cluster_scoped,
                images: vec!["*".into()],
            }],
            keys: vec![root, channel],
            ext: None,
        };
        let payload = serde_json::to_vec(&root).unwrap();
        trust::anchor(&sealed(Role::Root, &payload, ROOT_KEY), Digest::of(&payload)).unwrap()
    }
}

const ROOT_KEY: u8 = 1;
const CHANNEL_KEY: u8 = 2;

fn public(key: u8) -> PublicKey {
    let public = SigningKey::from_bytes(&[key; 32]).verifying_key().to_bytes();
    PublicKey { alg: Algorithm::Ed25519, public, application: None, label: format!("key {key}") }
}

fn sealed(role: Role, payload: &[u8], key: u8) -> Unverified {
    let bytes = SigningKey::from_bytes(&[key; 32]).sign(&pae(role, payload)).to_bytes().to_vec();
    let (alg, scheme) = (Some(Algorithm::Ed25519), Some(Scheme::Raw));
    let signature = Signature { alg, scheme, keyid: Some(public(key).id()), bytes };
    Unverified::read("test", encode(role, payload, &[signature])).unwrap()
}

/// A directory of the disk as a tree. A file whose name ends in `.link` is a symbolic link to what it says.
pub fn tree(directory: &Path) -> Tree {
    let mut nodes = Vec::new();
    collect(directory, "", &mut nodes);
    Tree::new(nodes).unwrap()
}

fn collect(directory: &Path, prefix: &str, nodes: &mut Vec<(SafePath, Node)>) {
    for item in std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let item = item.unwrap();
        let path = format!("{prefix}{}", item.file_name().into_string().unwrap());
        if item.file_type().unwrap().is_dir() {
            collect(&item.path(), &format!("{path}/"), nodes);
            continue;
        }
        let bytes = std::fs::read(item.path()).unwrap();
        let (path, node) = match path.strip_suffix(".link") {
            Some(path) => {
                let target = String::from_utf8(bytes).unwrap().trim_end().to_owned();
                (path.to_owned(), Node::Symlink { target })
            }
            None => (path, Node::file(bytes)),
        };
        nodes.push((SafePath::new(&path).unwrap(), node));
    }
}
