//! Where bundles for benches are made: keys, a trust root, and one bundle after another of the same channel.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};

use crate::{
    World, bundle, key,
    root::{self, Edit, Holders, Named, Words},
};

/// Everything that a channel `platform` for cluster `ship-7` needs, and the bundles that were built so far.
pub(super) struct Yard {
    folder: PathBuf,
    world: World,
    trust: PathBuf,
    root: PathBuf,
    digest: String,
    built: u64,
}

impl Yard {
    pub(super) fn new(folder: &Path) -> Result<Self> {
        // Each bundle is a second younger than the one before, and none is of the future.
        let mut world = World::fixed(Timestamp::now() - SignedDuration::from_hours(1), 7, "");
        for name in ["a", "b", "d", "e"] {
            key::new(&folder.join(name), name, true, &mut world)?;
        }
        let holders = |names: [&str; 2]| Holders {
            threshold: 2,
            files: names.map(|name| folder.join(format!("{name}.pub"))).to_vec(),
        };
        let every = |name: &str| Named { name: name.to_owned(), value: Words(vec!["*".to_owned()]) };
        let edit = Edit {
            root: Some(holders(["a", "b"])),
            channel: vec![Named { name: "platform".to_owned(), value: holders(["d", "e"]) }],
            namespaces: vec![every("platform")],
            images: vec![every("platform")],
            cluster_scoped: vec!["platform".parse()?],
            ..Edit::default()
        };
        let trust = folder.join("trust");
        let root = root::init(&trust, &edit, &mut world)?;
        for name in ["a", "b"] {
            root::sign(&root, &folder.join(name), &world)?;
        }
        let envelope = airlock::bundle::Unverified::read("the trust root", fs::read(&root)?)?;
        let digest = envelope.payload_digest().hex();
        fs::create_dir_all(folder.join("bundles/load"))?;
        Ok(Self { folder: folder.to_owned(), world, trust, root, digest, built: 0 })
    }

    /// The directory of the description, into which the content goes.
    pub(super) fn description(&self) -> PathBuf {
        self.folder.join("bundles/load")
    }

    /// Builds and signs the next bundle; `says` is what its description says after the head. Gives its directory.
    pub(super) fn build(&mut self, says: &str) -> Result<PathBuf> {
        let text = format!("name: load\nchannel: platform\naudience: [ship-7]\n{says}");
        fs::write(self.description().join("bundle.yaml"), text)?;
        let options = bundle::Options {
            bundle: self.description(),
            trust: self.trust.clone(),
            out: self.folder.join("out"),
            next: self.built > 0,
            paths: BTreeMap::new(),
            reach: bundle::Reach::default(),
        };
        self.world.now += SignedDuration::from_secs(1);
        let built = bundle::build(&options, &self.world)?;
        for name in ["d", "e"] {
            bundle::sign(&built.directory, &self.folder.join(name), Some(&self.trust), &self.world)?;
        }
        self.built += 1;
        Ok(built.directory)
    }

    /// A node in a folder of its own that trusts the root and holds nothing yet; `says` is what its configuration says beside
    /// the paths.
    pub(super) fn node(&self, name: &str, binary: &Path, says: &str) -> Result<Node> {
        let path = self.folder.join(name);
        fs::create_dir(&path)?;
        let base = path.display();
        fs::write(
            path.join("airlock.yaml"),
            format!(
                "cluster: ship-7\nchannels: [platform]\nstore: {base}/store\nstoreId: {base}/id\n\
                 socket: {base}/socket\nsite: {base}/site.yaml\n{says}"
            ),
        )?;
        let node = Node { path };
        let root = self.root.to_string_lossy();
        let begun = node.command(binary, &["trust", "init", &root, "--sha256", &self.digest]).output()?;
        ensure!(begun.status.success(), "{}", String::from_utf8_lossy(&begun.stderr));
        Ok(node)
    }
}

/// A node.
pub(super) struct Node {
    pub(super) path: PathBuf,
}

impl Node {
    pub(super) fn command(&self, binary: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary);
        command.args(arguments).arg("--config").arg(self.path.join("airlock.yaml"));
        command
    }
}
