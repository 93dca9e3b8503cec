use std::{collections::BTreeMap, path::Path};

use airlock::{
    archive::Tree,
    bundle::{
        AgentVersion, Descriptor, Entry, EntryKind, Floor, Release, ReleaseRef, Site, Source, SourceKind,
        Statement, TrustRoot,
    },
    digest::Digest,
    name::EntryName,
    object::Object,
    render::{self, Draft, Files, Preview, Spec},
    source::registry,
    trust::Verified,
};
use anyhow::{Result, bail};
use jiff::tz::TimeZone;

use super::Place;
use crate::bundle::{
    blobs::Blobs,
    collect,
    description::{self, Bytes, Description, EntrySays, SourceSays, Text},
    git,
    lock::{self, Lock, LockedSource},
};

/// A bundle in the making.
pub(super) struct Work<'a> {
    pub(super) description: &'a Description,
    pub(super) root: &'a Verified<TrustRoot>,
    pub(super) place: &'a Place,
    pub(super) blobs: Blobs,
    pub(super) lock: Lock,
    pub(super) notes: Vec<String>,
    /// The next agent's envelope.
    pub(super) agent: Option<Vec<u8>>,
}

/// Content that was found: the blob, what it is, and its files where they can be looked at.
struct Found {
    content: Descriptor,
    is: SourceKind,
    tree: Option<Tree>,
}

/// The sources of the bundle, and how to get at the files of one.
type Beside<'b> = (&'b [Source], &'b dyn Fn(&Source) -> Option<Tree>);

impl<'a> Work<'a> {
    pub(super) fn new(description: &'a Description, root: &'a Verified<TrustRoot>, place: &'a Place) -> Self {
        let lock = Lock {
            format: 1,
            domain: root.domain.clone(),
            epoch: place.epoch,
            root_version: place.root_version,
            sequence: place.sequence,
            created: place.created,
            previous: place.previous.clone(),
            bundle: Digest::of(b""),
            paths: place.paths.clone(),
            entries: BTreeMap::new(),
            sources: BTreeMap::new(),
            images: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        Self { description, root, place, blobs: Blobs::default(), lock, notes: Vec::new(), agent: None }
    }

    /// Finds everything that the description names.
    pub(super) fn release(&mut self) -> Result<Release> {
        let says = &self.description.says;
        let mut found: BTreeMap<&str, Found> = BTreeMap::new();
        let mut sources = Vec::new();
        for source in &says.sources {
            let content = self.source(source)?;
            sources.push(Source {
                url: source.url.clone(),
                revision: source.revision.clone(),
                kind: content.is,
                content: content.content,
                namespaces: source.namespaces.clone(),
            });
            found.insert(&source.name, content);
        }
        let mut entries = Vec::new();
        let mut rendered = Vec::new();
        for entry in &says.entries {
            let own;
            let content = match entry.source.as_deref().and_then(|name| found.get(name)) {
                Some(content) => content,
                None => {
                    own = self.own(entry)?;
                    &own
                }
            };
            let path = self.place.paths.get(&entry.name).or(entry.path.as_ref()).map_or(".", String::as_str);
            let open = |source: &Source| {
                let is_it = |it: &&Found| it.content.digest == source.content.digest;
                found.values().find(is_it).and_then(|it| it.tree.clone())
            };
            let beside: Beside<'_> = (&sources, &open);
            entries.push(self.entry(entry, content, path, beside, &mut rendered)?);
        }
        if let Some(stray) =
            self.place.paths.keys().find(|name| says.entries.iter().all(|it| it.name != **name))
        {
            bail!("`--path` names entry `{stray}`, which the bundle does not have");
        }
        self.agent()?;
        let (images, answers) = self.images()?;
        let files = self.files()?;
        let closure = self.closure(&rendered, &answers)?;
        let release = Release {
            r#type: "release".into(),
            format: 1,
            needs: Vec::new(),
            name: says.name.clone(),
            description: says.description.clone(),
            entries,
            sources,
            images,
            files,
            site: self.site()?,
            closure,
            apis: says.apis.clone(),
            ext: None,
        };
        release
            .check()
            .map_err(|why| self.description.wrong(&["entries"], why, "correct it and build again"))?;
        Ok(release)
    }

    fn source(&mut self, says: &SourceSays) -> Result<Found> {
        let at = |path: &Path| self.description.at(path);
        let wrong = |needle: &Path, error: anyhow::Error| {
            let what = format!("source `{}` cannot be had: {error:#}", says.name);
            let needles = ["sources", &says.name, &needle.display().to_string()];
            self.description.wrong(&needles, what, "correct the path, or fetch what is missing")
        };
        let (mut commit, mut manifest) = (None, None);
        let (content, is, tree) = if let Some(git) = &says.git {
            let pinned = self.place.commits.get(&says.name).map(String::as_str);
            let (id, tree) = git::take(git, &says.url, pinned, &at, &self.place.git).map_err(|error| {
                wrong(git.path.as_deref().unwrap_or_else(|| Path::new(&git.r#ref)), error)
            })?;
            commit = Some(id);
            (collect::put_tree(&tree, &mut self.blobs)?, SourceKind::Tree, Some(tree))
        } else if let Some(path) = &says.tree {
            let tree = collect::tree(&at(path), &|_| false).map_err(|error| wrong(path, error))?;
            (collect::put_tree(&tree, &mut self.blobs)?, SourceKind::Tree, Some(tree))
        } else {
            let path = says.chart.as_deref().unwrap_or_else(|| Path::new("."));
            let lies = match path.to_str().filter(|it| it.starts_with("oci://")) {
                None => at(path),
                Some(url) => {
                    let place: registry::Place =
                        url.parse().map_err(|why| wrong(path, anyhow::anyhow!("{why}")))?;
                    let pinned = self.place.charts.get(&says.name);
                    let place = pinned.map_or_else(|| place.clone(), |it| place.clone().pinned(*it));
                    let (file, digest) =
                        self.place.registries.chart(&place).map_err(|error| wrong(path, error))?;
                    manifest = Some(digest);
                    file
                }
            };
            let content = collect::put_chart(&lies, &mut self.blobs).map_err(|error| wrong(path, error))?;
            let tree = collect::chart(&lies).map_err(|error| wrong(path, error))?;
            (content, SourceKind::Chart, Some(tree))
        };
        self.lock
            .sources
            .insert(says.name.clone(), LockedSource { commit, manifest, content: content.digest });
        Ok(Found { content, is, tree })
    }

    /// The content of an entry that lies beside the description.
    fn own(&mut self, says: &EntrySays) -> Result<Found> {
        let from = says.from.as_deref().unwrap_or_else(|| Path::new("."));
        let path = self.description.at(from);
        let wrong = |error: anyhow::Error| {
            let what = format!("entry `{}` cannot be had: {error:#}", says.name);
            let needles = ["entries", says.name.as_str(), &from.display().to_string()];
            self.description.wrong(&needles, what, "correct `from`, or put there what it names")
        };
        let found = match says.kind {
            EntryKind::Chart => {
                let content = collect::put_chart(&path, &mut self.blobs).map_err(wrong)?;
                let tree = collect::chart(&path).map_err(wrong)?;
                Found { content, is: SourceKind::Chart, tree: Some(tree) }
            }
            EntryKind::Manifests | EntryKind::Kustomization => {
                // The description and its lock may lie in the tree; a lock that pinned itself could not be.
                let top = &self.description.directory;
                let own = [top.join(description::FILE), top.join(lock::FILE)];
                let same =
                    |it: &Path| own.iter().any(|own| it.file_name() == own.file_name() && is_same(it, own));
                let tree = collect::tree(&path, &same).map_err(wrong)?;
                let content = collect::put_tree(&tree, &mut self.blobs)?;
                Found { content, is: SourceKind::Tree, tree: Some(tree) }
            }
        };
        self.lock.entries.insert(says.name.clone(), found.content.digest);
        Ok(found)
    }

    fn entry(
        &mut self,
        says: &EntrySays,
        found: &Found,
        path: &str,
        beside: Beside<'_>,
        rendered: &mut Vec<(EntryName, Object)>,
    ) -> Result<Entry> {
        let entry = Entry {
            name: says.name.clone(),
            kind: says.kind,
            content: found.content,
            path: path.to_owned(),
            depends_on: says.depends_on.clone(),
            target_namespace: says.target_namespace.clone(),
            prune: says.prune,
            wait: says.wait,
            health_checks: says.health_checks.clone(),
            timeout: says.timeout,
            force: says.force,
            allow_empty: says.allow_empty,
            service_account: says.service_account.clone(),
            values: says.values.clone(),
            values_from: says.values_from.clone(),
        };
        rendered.extend(self.look(&entry, found, beside)?.into_iter().map(|it| (says.name.clone(), it)));
        Ok(entry)
    }

    /// What an entry renders to, as far as that does not depend on the site.
    fn look(&mut self, entry: &Entry, found: &Found, (sources, open): Beside<'_>) -> Result<Vec<Object>> {
        let Entry { name, kind, path, .. } = entry;
        let wrong = |what: String, fix: &str| self.description.wrong(&["entries", name.as_str()], what, fix);
        let holds = |tree: &Tree, file: &str| tree.resolve(&format!("{path}/{file}")).is_ok();
        let blob;
        let files = match (kind, found.is, &found.tree) {
            (EntryKind::Chart, SourceKind::Chart, _) => {
                blob = self.blobs.bytes(&found.content.digest)?;
                Files::Chart(&blob)
            }
            (EntryKind::Chart, _, Some(tree)) if !holds(tree, "Chart.yaml") => {
                return Err(wrong(format!("entry `{name}`: no chart lies at `{path}`"), "correct `path`"));
            }
            (EntryKind::Kustomization, _, Some(tree))
                if !KUSTOMIZATIONS.iter().any(|file| holds(tree, file)) =>
            {
                let what = format!("entry `{name}`: no kustomization lies at `{path}`");
                return Err(wrong(what, "correct `path`"));
            }
            (_, SourceKind::Tree, Some(tree)) => Files::Tree(tree),
            _ => {
                return Err(wrong(
                    format!("entry `{name}` is rendered from files, and its source is a chart"),
                    "use `kind: chart`, or another source",
                ));
            }
        };
        let says = &self.description.says;
        let nothing = serde_json::Map::new();
        let site = says.site.as_ref().map_or(&nothing, |it| &it.defaults);
        let draft = Draft { site, kubernetes: says.target.kubernetes.as_ref(), sources, open };
        match render::preview(files, &Spec::from(entry), &draft) {
            Ok(Preview::Objects(objects)) if objects.is_empty() && !entry.allow_empty => {
                Err(wrong(format!("entry `{name}` has no object at `{path}`"), "correct `path`"))
            }
            Ok(Preview::Objects(objects)) => Ok(objects.into_iter().map(|(object, _)| object).collect()),
            // What a chart asks of the site only the site can say.
            Ok(Preview::Waits(why)) => {
                let why = format!("{:#}", anyhow::Error::new(why));
                self.notes.push(unseen(name, &why));
                Ok(Vec::new())
            }
            Err(why) => {
                let what = format!("entry `{name}`: {:#}", anyhow::Error::new(why));
                let fix = match kind {
                    EntryKind::Chart => {
                        "correct the chart or its `values`; `airlock template` and `airlock lint` show more"
                    }
                    _ => "correct what lies there, or `path`",
                };
                Err(wrong(what, fix))
            }
        }
    }

    fn site(&self) -> Result<Option<Site>> {
        let Some(site) = &self.description.says.site else { return Ok(None) };
        let path = self.description.at(&site.schema);
        let wrong = |error: anyhow::Error| {
            let what = format!("the site's schema cannot be had: {error:#}");
            self.description.wrong(
                &["site", &site.schema.display().to_string()],
                what,
                "put a JSON schema there",
            )
        };
        let text = crate::disk::read_text(&path, 1024 * 1024).map_err(wrong)?;
        let schema: serde_json::Value = serde_yaml::from_str(&text).map_err(|error| wrong(error.into()))?;
        if !schema.is_object() {
            return Err(wrong(anyhow::anyhow!("{} is no JSON schema", path.display())));
        }
        Ok(Some(Site { schema, defaults: site.defaults.clone() }))
    }

    pub(super) fn statement(&mut self, release: &Release) -> Result<Statement> {
        let says = &self.description.says;
        let channel = self.root.channel(&says.channel);
        if channel.is_none() {
            let names: Vec<&str> = self.root.channels.iter().map(|it| it.name.as_str()).collect();
            let what = format!("trust root {} has no channel `{}`", self.root.version, says.channel);
            return Err(self.description.wrong(
                &["channel"],
                what,
                format!("use one of: {}", names.join(", ")),
            ));
        }
        let Text(Bytes(part)) = says.part_size;
        self.blobs.cut(part)?;
        let inventory = self.blobs.inventory();
        let sums = inventory.sums().map_err(|why| anyhow::anyhow!("the inventory cannot be: {why}"))?;
        self.blobs.put_head(inventory.encode());
        let (digest, size) = self.blobs.put_head(release.encode());
        let Text(validity) = says.validity;
        let until = self.place.created.to_zoned(TimeZone::UTC).checked_add(validity);
        let until = until
            .map_err(|error| self.description.wrong(&["validity"], error, "use a span such as 90d"))?
            .timestamp();
        let statement = Statement {
            r#type: "bundle".into(),
            format: 1,
            needs: Vec::new(),
            domain: self.root.domain.clone(),
            channel: says.channel.clone(),
            epoch: self.place.epoch,
            sequence: self.place.sequence,
            created: self.place.created,
            accept_until: until,
            audience: says.audience.clone(),
            root_version: self.place.root_version,
            previous: self.place.previous.clone(),
            rollback_floor: match says.rollback_floor {
                Some(Text(floor)) => floor,
                None => Floor { epoch: self.place.epoch, sequence: 1 },
            },
            target: says.target.target(),
            requires_agent: says.requires_agent.unwrap_or(FIRST_AGENT),
            inventory: sums,
            release: ReleaseRef { digest, size },
            ext: None,
        };
        statement
            .check()
            .map_err(|why| self.description.wrong(&[needle_of(&why)], why, "correct it and build again"))?;
        if statement.epoch != self.root.epoch {
            self.notes.push(format!(
                "it is of epoch {}, and trust root {} of epoch {}: no node will accept it; build with `--next`",
                statement.epoch, self.root.version, self.root.epoch
            ));
        }
        Ok(statement)
    }
}

/// The first agent reads every bundle of format 1.
const FIRST_AGENT: AgentVersion = AgentVersion { major: 0, minor: 1, patch: 0 };

/// The names that a kustomization has.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

fn needle_of(why: &str) -> &'static str {
    match why {
        it if it.contains("rollback") => "rollbackFloor",
        it if it.contains("accepted") => "validity",
        _ => "audience",
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn unseen(entry: &EntryName, why: &str) -> String {
    format!("entry `{entry}` waits for the site, so the images that it names are not looked for: {why}")
}
