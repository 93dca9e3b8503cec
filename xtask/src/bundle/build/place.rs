use std::{collections::BTreeMap, path::PathBuf};

use airlock::{
    bundle::{Previous, TrustRoot},
    digest::Digest,
    name::EntryName,
};
use anyhow::{Result, ensure};
use jiff::Timestamp;

use super::Options;
use crate::{
    World,
    bundle::{
        description::Description,
        lock::{self, Lock, LockedSource},
        registry::Registries,
    },
};

/// Where the bundle stands: taken from the lock, or the next one.
pub(super) struct Place {
    pub(super) is_new: bool,
    pub(super) sequence: u64,
    pub(super) created: Timestamp,
    pub(super) epoch: u32,
    pub(super) root_version: u32,
    pub(super) previous: Option<Previous>,
    pub(super) paths: BTreeMap<EntryName, String>,
    pub(super) commits: BTreeMap<String, String>,
    /// What names in registries resolved to: images, and the manifests of charts.
    pub(super) images: BTreeMap<String, Digest>,
    pub(super) charts: BTreeMap<String, Digest>,
    pub(super) registries: Registries,
    /// Where the objects of Git servers are kept between builds.
    pub(super) git: PathBuf,
}

impl Place {
    pub(super) fn of(
        pinned: Option<&Lock>,
        description: &Description,
        options: &Options,
        root: &TrustRoot,
        world: &World,
    ) -> Result<Self> {
        // No bundle is called so.
        let git = options.out.join(".git-servers");
        if let Some(lock) = pinned {
            ensure!(
                lock.domain == root.domain,
                "{} is of trust domain {}, and the trust roots in {} are of {}",
                lock::path(&options.bundle).display(),
                lock.domain,
                options.trust.display(),
                root.domain
            );
        }
        let registries = Registries::new(&options.out, &options.reach);
        match pinned {
            Some(lock) if !options.next => {
                ensure!(
                    options.paths.is_empty(),
                    "a path changes what is built; say `--next`, too, for the next bundle of the channel"
                );
                let chart = |(name, it): (&String, &LockedSource)| Some((name.clone(), it.manifest?));
                let commit = |(name, it): (&String, &LockedSource)| Some((name.clone(), it.commit.clone()?));
                Ok(Self {
                    is_new: false,
                    sequence: lock.sequence,
                    created: lock.created,
                    epoch: lock.epoch,
                    root_version: lock.root_version,
                    previous: lock.previous.clone(),
                    paths: lock.paths.clone(),
                    commits: lock.sources.iter().filter_map(commit).collect(),
                    images: lock.images.clone(),
                    charts: lock.sources.iter().filter_map(chart).collect(),
                    registries,
                    git,
                })
            }
            last => {
                let created = world.second();
                if let Some(last) = last {
                    ensure!(
                        created > last.created,
                        "the bundle before was made at {}, and this machine's clock says {created}",
                        last.created
                    );
                }
                let mut paths = last.map(|it| it.paths.clone()).unwrap_or_default();
                paths.extend(options.paths.clone());
                // What bundle.yaml says by now is no promotion any more.
                paths.retain(|name, path| {
                    description
                        .says
                        .entries
                        .iter()
                        .all(|it| it.name != *name || it.path.as_ref() != Some(path))
                });
                Ok(Self {
                    is_new: true,
                    sequence: last.map_or(1, |it| it.sequence + 1),
                    created,
                    epoch: root.epoch,
                    root_version: root.version,
                    previous: last.map(|it| Previous { sequence: it.sequence, digest: it.bundle }),
                    paths,
                    commits: BTreeMap::new(),
                    images: BTreeMap::new(),
                    charts: BTreeMap::new(),
                    registries,
                    git,
                })
            }
        }
    }
}
