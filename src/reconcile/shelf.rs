//! What the node's mirror serves: whatever an accepted bundle that is kept names.

use std::sync::Arc;

use super::node::{Node, lock};
use crate::{
    content::Blobs,
    digest::Digest,
    fault::Report,
    mirror::{Catalogue, Shelf},
    name::ChannelName,
    trust::state::Held,
};

/// A catalogue, and the bundles that it was made of.
pub(super) type Shelved = Option<(Vec<Digest>, Arc<Catalogue>)>;

impl Shelf for Node {
    fn catalogue(&self) -> Result<Arc<Catalogue>, Report> {
        let mut in_use = self.in_use();
        // What runs says what a tag stands for, before what waits to run.
        in_use.sort_by_key(|(_, channel, held)| !self.is_active(channel, held));
        let digests: Vec<Digest> = in_use.iter().map(|(.., held)| held.digest).collect();
        let mut shelved = lock(&self.shelved);
        if let Some((made_of, catalogue)) = &*shelved
            && *made_of == digests
        {
            return Ok(Arc::clone(catalogue));
        }
        let mut catalogue = Catalogue::default();
        for (cluster, channel, held) in &in_use {
            self.shelve(&mut catalogue, channel, held)?;
            let newest = in_use.iter().filter(|(its, same, _)| (its, same) == (cluster, channel));
            let newest = newest.map(|(.., it)| it.position).max();
            let mut tags = vec![held.position.to_string()];
            tags.extend((newest == Some(held.position)).then(|| "latest".to_owned()));
            let mut names = vec![format!("airlock/{cluster}/{channel}")];
            names.extend((*cluster == self.profile.cluster).then(|| format!("airlock/{channel}")));
            let contents = self.contents(&*self.content(channel, held)?)?;
            catalogue.add_artifact(&names, &tags, &contents);
        }
        for channel in self.own_channels() {
            for held in self.kept(&channel)?.into_values().rev().take(self.profile.keep) {
                if digests.contains(&held.digest) {
                    continue;
                }
                // Of a bundle that was collected only the envelope is left.
                match self.shelve(&mut catalogue, &channel, &held) {
                    Err(report) if report.code == "missing" => (),
                    other => other?,
                }
            }
        }
        let catalogue = Arc::new(catalogue);
        *shelved = Some((digests, Arc::clone(&catalogue)));
        Ok(catalogue)
    }

    fn blobs(&self) -> Arc<dyn Blobs> {
        self.store.blobs()
    }
}

impl Node {
    fn shelve(&self, catalogue: &mut Catalogue, channel: &ChannelName, held: &Held) -> Result<(), Report> {
        let content = self.content(channel, held)?;
        catalogue.add(content.release(), &content.inventory()?);
        Ok(())
    }

    fn is_active(&self, channel: &ChannelName, held: &Held) -> bool {
        self.channel_state(channel).active.is_some_and(|it| it.digest == held.digest)
    }
}
