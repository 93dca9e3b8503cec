//! A bundle, rendered as a whole.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    entry,
    node::{Node, lock},
};
use crate::{
    bundle::EntryKind,
    cluster::{Cluster, observe::Inventories, record},
    content::Content,
    digest::Digest,
    fault::{Class, Report},
    graph::Graph,
    name::{ChannelName, EntryName},
    plan::Owners,
    render::{Inputs, Outcome, Owner, Rendered, Spec, render},
};

/// Rounds in which a render may ask the cluster something before it is taken to ask for ever.
const ROUNDS: usize = 8;

/// What the site answered.
pub(super) type Site = serde_json::Map<String, serde_json::Value>;

/// The objects of the cluster that entries read.
pub(super) type Reads = BTreeMap<EntryName, Vec<String>>;

/// A bundle, rendered as a whole.
#[derive(Clone)]
pub(super) struct Desired {
    pub(super) content: Arc<Content>,
    pub(super) entries: BTreeMap<EntryName, Arc<Rendered>>,
    /// Entries that cannot be rendered before something is in the cluster that is not there, or is not right there. Nothing
    /// is known of their objects, so nothing is done about them.
    pub(super) waiting: BTreeMap<EntryName, Report>,
    pub(super) graph: Arc<Graph<EntryName>>,
    /// Which entry renders what.
    pub(super) claims: Owners,
    /// Whether every entry renders to the same as long as bundle and answers are the same.
    pub(super) lasting: bool,
    /// What the render of an entry read in the cluster, which nobody signed.
    pub(super) reads: Reads,
}

/// Entries as they were rendered last. What a render depends on is in the key: the bundle, and what the site answered.
#[derive(Debug, Default)]
pub(super) struct Cache(BTreeMap<ChannelName, BTreeMap<Key, Arc<Rendered>>>);

type Key = (Digest, Digest, EntryName);

impl Cache {
    /// Keeps what bundles in use need, and no more.
    pub(super) fn retain(&mut self, channel: &ChannelName, in_use: &[Digest]) {
        if let Some(entries) = self.0.get_mut(channel) {
            entries.retain(|(bundle, ..), _| in_use.contains(bundle));
        }
    }
}

impl Node {
    /// Renders a whole bundle, asking the cluster what the renders must know. What was rendered before from the same
    /// input is not rendered again, unless it asked the cluster something.
    pub(super) async fn desire(
        &self,
        cluster: &Arc<dyn Cluster>,
        content: &Arc<Content>,
        site: Site,
        looks: bool,
    ) -> Result<Desired, Report> {
        let release = content.release();
        let channel = &content.root().statement.channel;
        let nodes = release.entries.iter().map(|it| (it.name.clone(), it.depends_on.clone()));
        let graph = Graph::new(nodes)?;
        let answered = Digest::of(&serde_json::to_vec(&site).unwrap_or_default());
        let (mut entries, mut waiting) = (BTreeMap::new(), BTreeMap::new());
        let (mut all_last, mut reads) = (true, BTreeMap::new());
        for entry in &release.entries {
            self.beat();
            self.grant(entry.timeout.0);
            let key = (content.root().digest(), answered, entry.name.clone());
            let known = lock(&self.rendered).0.get(channel).and_then(|it| it.get(&key)).cloned();
            let rendered = match known {
                Some(rendered) => rendered,
                None => {
                    let mut inputs = Inputs::new(content, site.clone());
                    let mut lasting = true;
                    if entry.kind == EntryKind::Chart {
                        let (secret, kept) = self.secret(cluster, looks).await?;
                        (inputs.secret, lasting) = (Some(secret), kept);
                    }
                    let spec = Spec::from(entry);
                    let mut made = self.render(cluster, content, &spec, inputs.clone()).await;
                    // Few kustomizations have charts, and few of those something random.
                    let failure = match &made {
                        Ok(Made { rendered: Err(report), .. }) | Err(report) => Some(report),
                        Ok(_) => None,
                    };
                    if entry.kind == EntryKind::Kustomization && failure.is_some_and(|it| it.code == "random")
                    {
                        let (secret, kept) = self.secret(cluster, looks).await?;
                        (inputs.secret, lasting) = (Some(secret), kept);
                        made = self.render(cluster, content, &spec, inputs).await;
                    }
                    let Made { rendered, asked, read } = made?;
                    if !read.is_empty() {
                        reads.insert(entry.name.clone(), read);
                    }
                    let rendered = match rendered {
                        Ok(rendered) => rendered,
                        Err(report) => {
                            waiting.insert(entry.name.clone(), report);
                            continue;
                        }
                    };
                    all_last &= lasting && !asked;
                    if lasting && !asked {
                        let mut cache = lock(&self.rendered);
                        cache.0.entry(channel.clone()).or_default().insert(key, Arc::clone(&rendered));
                    }
                    rendered
                }
            };
            entries.insert(entry.name.clone(), rendered);
        }
        let objects = entries.values().flat_map(|it: &Arc<Rendered>| {
            it.objects().iter().map(|object| (object.id(), it.owner().clone()))
        });
        let claims = Owners::of(objects);
        Ok(Desired {
            content: Arc::clone(content),
            entries,
            waiting,
            graph: Arc::new(graph),
            claims,
            lasting: all_last,
            reads,
        })
    }

    /// What random names and passwords of charts are derived from, and whether the cluster keeps it. Whoever only looks
    /// makes nothing in the cluster, and where there is none yet sees names that will be others.
    async fn secret(
        &self,
        cluster: &Arc<dyn Cluster>,
        looks: bool,
    ) -> Result<([u8; record::SECRET_BYTES], bool), Report> {
        if let Some(known) = *lock(&self.secret) {
            return Ok((known, true));
        }
        let random = random()?;
        let secret = match looks {
            true => match record::known_secret(&**cluster).await? {
                Some(secret) => secret,
                None => return Ok((random, false)),
            },
            false => record::secret(&**cluster, &random).await?,
        };
        *lock(&self.secret) = Some(secret);
        Ok((secret, true))
    }

    /// Renders one entry. Once it read objects of the cluster, what is wrong may be wrong there, so it is the entry's
    /// trouble and not that of the whole bundle.
    async fn render(
        &self,
        cluster: &Arc<dyn Cluster>,
        content: &Content,
        spec: &Spec,
        mut inputs: Inputs,
    ) -> Result<Made, Report> {
        let mut asked = false;
        for _ in 0..=ROUNDS {
            // A panic in one entry is that entry's fault, and the agent goes on.
            let outcome =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| render(content, spec, &inputs)));
            match outcome.map_err(|panic| entry::panicked("rendering", &spec.name, &*panic))? {
                Ok(Outcome::Rendered(rendered)) => {
                    return Ok(Made { rendered: Ok(Arc::from(rendered)), asked, read: inputs.read() });
                }
                Err(error) if !inputs.answers.lookups.is_empty() || error.waits() => {
                    return Ok(Made { rendered: Err(Report::of(&error)), asked, read: inputs.read() });
                }
                Err(error) => return Err(error.into()),
                Ok(Outcome::Needs(needs)) => {
                    let answers = self.observer(cluster).answer(&needs).await?;
                    let unknown = answers.scopes.values().any(Option::is_none);
                    asked |= unknown || !needs.lookups.is_empty();
                    inputs.answers.extend(answers);
                }
            }
        }
        let error = format!("entry `{}` asks the cluster for ever", spec.name);
        Err(Report::new("needs_rounds", Class::Invalid, error, None))
    }
}

/// How a render ended.
struct Made {
    /// What came out, or why the entry waits.
    rendered: Result<Arc<Rendered>, Report>,
    /// Whether the cluster was asked for more than where a kind lives, which never changes.
    asked: bool,
    /// The objects that it was asked for.
    read: Vec<String>,
}

fn random() -> Result<[u8; record::SECRET_BYTES], Report> {
    let mut bytes = [0; record::SECRET_BYTES];
    match rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty()) {
        Ok(count) if count == bytes.len() => Ok(bytes),
        Ok(_) | Err(_) => Err(Report::new("random", Class::System, "the system has no random numbers", None)),
    }
}

impl Desired {
    /// The entries, each after what it depends on.
    pub(super) fn entries_in_order(&self) -> impl Iterator<Item = &Arc<Rendered>> {
        self.graph.order().filter_map(|name| self.entries.get(name))
    }

    /// Whether the bundle has an entry, rendered or not.
    pub(super) fn has(&self, name: &EntryName) -> bool {
        self.entries.contains_key(name) || self.waiting.contains_key(name)
    }

    /// The channel's name for an entry.
    pub(super) fn owner(&self, entry: &EntryName) -> Owner {
        Owner { channel: self.content.root().statement.channel.clone(), entry: entry.clone() }
    }

    /// Entries of the channel that have an inventory and are not in the bundle.
    pub(super) fn retired(&self, inventories: &Inventories) -> Vec<Owner> {
        let channel = &self.content.root().statement.channel;
        let owners = inventories.iter().map(|it| &it.owner).filter(|it| it.channel == *channel);
        owners.filter(|it| !self.has(&it.entry)).cloned().collect()
    }
}
