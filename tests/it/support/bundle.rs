//! The content of bundles in memory, from trees to what a node opens, through the real gate.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use airlock::{
    archive::{Node, SafePath, Tree, write_tree},
    bundle::{Blob, BlobRole, Closure, Descriptor, Entry, Inventory, Release, Role, Site, Source},
    content::{Blobs, Content},
    digest::Digest,
    oci::media_type,
    trust,
};

use super::kit::{Cargo, envelope, first_root, statement};

/// What a test bundle of channel `platform` is made of.
pub struct Maker {
    /// The channel's namespaces; `*` alone is every namespace.
    pub namespaces: Vec<String>,
    pub cluster_scoped: bool,
    pub sequence: u64,
    pub entries: Vec<Entry>,
    pub blobs: BTreeMap<Digest, Vec<u8>>,
    /// Image references to their manifests, and the media types of what they are made of.
    pub images: BTreeMap<String, Descriptor>,
    pub types: BTreeMap<Digest, &'static str>,
    /// What entries name elsewhere.
    pub sources: Vec<Source>,
    /// What is asked of the site.
    pub site: Option<Site>,
    /// What the builder could and could not find.
    pub closure: Closure,
}

struct Memory(BTreeMap<Digest, Vec<u8>>);

impl Blobs for Memory {
    fn open(&self, digest: &Digest) -> io::Result<Option<Box<dyn io::Read + Send>>> {
        Ok(self.0.get(digest).map(|bytes| Box::new(io::Cursor::new(bytes.clone())) as _))
    }
}

impl Default for Maker {
    fn default() -> Self {
        let namespaces = vec!["*".into()];
        let (entries, blobs) = (Vec::new(), BTreeMap::new());
        Self {
            namespaces,
            cluster_scoped: true,
            sequence: 1,
            entries,
            blobs,
            images: BTreeMap::new(),
            types: BTreeMap::new(),
            sources: Vec::new(),
            site: None,
            closure: Closure::default(),
        }
    }
}

impl Maker {
    /// Adds an entry. `spec` has the fields of a release's entry, without `content`.
    pub fn entry(&mut self, spec: serde_json::Value, tree: &Tree) -> &mut Self {
        let content = self.pack(tree);
        let mut fields = spec;
        fields["content"] = serde_json::to_value(content).unwrap();
        self.entries.push(serde_json::from_value(fields).unwrap());
        self
    }

    /// Adds an image of one layer, and gives the digests of its manifest and of the layer.
    pub fn image(&mut self, reference: &str, layer: &[u8]) -> (Digest, Digest) {
        let mut add = |bytes: &[u8], media_type: &'static str| {
            let digest = Digest::of(bytes);
            self.blobs.insert(digest, bytes.to_vec());
            self.types.insert(digest, media_type);
            serde_json::json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
        };
        let config = add(b"{}", media_type::CONFIG);
        let packed = add(layer, "application/vnd.oci.image.layer.v1.tar");
        let manifest = serde_json::json!({"schemaVersion": 2, "mediaType": media_type::MANIFEST,
            "config": config, "layers": [packed]});
        let manifest = serde_json::to_vec(&manifest).unwrap();
        add(&manifest, media_type::MANIFEST);
        let (digest, size) = (Digest::of(&manifest), manifest.len() as u64);
        self.images.insert(reference.into(), Descriptor { digest, size, unpacked: size });
        (digest, Digest::of(layer))
    }

    /// Adds a source. `spec` has the fields of a release's source, without `content`.
    pub fn source(&mut self, spec: serde_json::Value, tree: &Tree) -> &mut Self {
        let content = self.pack(tree);
        let mut fields = spec;
        fields["content"] = serde_json::to_value(content).unwrap();
        self.sources.push(serde_json::from_value(fields).unwrap());
        self
    }

    fn pack(&mut self, tree: &Tree) -> Descriptor {
        let packed = write_tree(tree).unwrap();
        let size = packed.bytes.len() as u64;
        let content = Descriptor { digest: packed.digest, size, unpacked: packed.unpacked };
        self.blobs.insert(packed.digest, packed.bytes);
        content
    }

    /// What a medium carries of it.
    pub fn cargo(&self) -> Cargo {
        let release = Release {
            r#type: "release".into(),
            format: 1,
            needs: Vec::new(),
            name: "fleet".parse().unwrap(),
            description: String::new(),
            entries: self.entries.clone(),
            sources: self.sources.clone(),
            images: self.images.clone(),
            files: BTreeMap::new(),
            site: self.site.clone(),
            closure: self.closure.clone(),
            apis: Vec::new(),
            ext: None,
        };
        let inventory = Inventory::new(self.blobs.iter().map(|(digest, bytes)| {
            let (digest, size) = (*digest, bytes.len() as u64);
            let known = self.types.get(&digest);
            let media_type = (*known.unwrap_or(&"application/octet-stream")).into();
            let role = if known.is_some() { BlobRole::Image } else { BlobRole::Tree };
            Blob { digest, size, unpacked: size, media_type, role, parts: Vec::new() }
        }));
        Cargo { release, inventory, blobs: self.blobs.clone() }
    }

    /// Signs it, and opens it as a node does.
    pub fn content(&self) -> Content {
        let cargo = self.cargo();
        let mut root = first_root();
        for channel in root.channels.iter_mut().filter(|it| it.name.as_str() == "platform") {
            channel.namespaces.clone_from(&self.namespaces);
            channel.cluster_scoped = self.cluster_scoped;
        }
        let signed = envelope(Role::Root, &root, &["rosa", "rolf"]);
        let judge = trust::anchor(&signed, signed.payload_digest()).unwrap();
        let statement = statement(&root, self.sequence, &cargo);
        let root = trust::readmit(&judge, &envelope(Role::Bundle, &statement, &["bea", "ben"])).unwrap();
        Content::open(root, Arc::new(Memory(cargo.on_medium()))).unwrap()
    }
}

/// A directory of the disk as a tree. A file whose name ends in `.link` is a symbolic link to what it says.
pub fn tree(directory: &Path) -> Tree {
    let mut nodes = Vec::new();
    collect(directory, "", &mut nodes);
    Tree::new(nodes).unwrap()
}

fn collect(directory: &Path, prefix: &str, nodes: &mut Vec<(SafePath, Node)>) {
    for item in
        std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
    {
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
