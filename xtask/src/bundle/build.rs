use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use airlock::{
    archive::Tree,
    bundle::{
        AgentVersion, BlobRole, Closure, Descriptor, Entry, EntryKind, FileRef, Floor, Inventory, Item,
        Piece, Previous, Release, ReleaseRef, Role, Site, Source, SourceKind, Statement, TrustRoot, pieces,
    },
    digest::Digest,
    name::EntryName,
    source::{Contents, write_directory},
    trust::Verified,
};
use anyhow::{Context, Result, bail, ensure};
use jiff::{Timestamp, tz::TimeZone};

use super::{
    blobs::Blobs,
    collect,
    description::{Bytes, Description, EntrySays, SourceSays, Text},
    finder::{self, Named},
    git, image,
    lock::{self, Lock, LockedSource},
    objects,
    reference::Reference,
};
use crate::{World, envelope::Envelope, root::Chain};

/// What to build, and where to put it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The bundle's directory.
    pub bundle: PathBuf,
    /// Where trust roots lie.
    pub trust: PathBuf,
    /// Below which directory bundles are put: `<out>/<name>/<epoch>-<sequence>`.
    pub out: PathBuf,
    /// Make the next bundle of the channel.
    pub next: bool,
    /// Where entries look within their trees from now on.
    pub paths: BTreeMap<EntryName, String>,
}

/// A bundle that was built, unsigned.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where it lies.
    pub directory: PathBuf,
    /// What is signed.
    pub statement: Statement,
    /// The digest of that.
    pub digest: Digest,
    /// What its author should know.
    pub notes: Vec<String>,
}

/// Builds the bundle of a description, pins what it resolved to, and leaves a layout without signatures.
///
/// # Errors
/// When anything that it names cannot be had, or is not what the lock pins.
pub fn build(options: &Options, world: &World) -> Result<Built> {
    let description = Description::read(&options.bundle)?;
    let pinned = Lock::read(&options.bundle)?;
    let chain = Chain::read(&options.trust)?;
    let root = chain
        .newest()
        .context("the trust root is not signed by all yet; `cargo xtask root check` says who is missing")?;
    let place = Place::of(pinned.as_ref(), &description, options, &root, world)?;
    let mut work = Work::new(&description, &root, &place);
    let release = work.release()?;
    let statement = work.statement(&release)?;
    let payload = serde_json::to_vec(&statement)?;
    let digest = Digest::of(&payload);
    let lock = Lock { bundle: digest, ..work.lock.clone() };
    if let Some(pinned) = pinned.as_ref().filter(|_| !place.is_new) {
        let told = pinned.differences(&lock);
        ensure!(
            told.is_empty(),
            "{} pins another bundle:\n  {}\nhint: `--next` makes the next bundle of the channel out of what is here now",
            lock::path(&options.bundle).display(),
            told.join("\n  ")
        );
    }
    let directory = options.out.join(description.says.name.as_str()).join(lock.position().to_string());
    write(&directory, &chain, payload, &release, &statement, &work.blobs)?;
    lock.write(&options.bundle)?;
    let notes = work.notes;
    Ok(Built { directory, statement, digest, notes })
}

/// Where the bundle stands: taken from the lock, or the next one.
struct Place {
    is_new: bool,
    sequence: u64,
    created: Timestamp,
    epoch: u32,
    root_version: u32,
    previous: Option<Previous>,
    paths: BTreeMap<EntryName, String>,
    commits: BTreeMap<String, String>,
}

impl Place {
    fn of(
        pinned: Option<&Lock>,
        description: &Description,
        options: &Options,
        root: &TrustRoot,
        world: &World,
    ) -> Result<Self> {
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
        match pinned {
            Some(lock) if !options.next => {
                ensure!(
                    options.paths.is_empty(),
                    "a path changes what is built; say `--next`, too, for the next bundle of the channel"
                );
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
                })
            }
        }
    }
}

/// A bundle in the making.
struct Work<'a> {
    description: &'a Description,
    root: &'a Verified<TrustRoot>,
    place: &'a Place,
    blobs: Blobs,
    lock: Lock,
    notes: Vec<String>,
}

/// Content that was found: the blob, what it is, and its files where they can be looked at.
struct Found {
    content: Descriptor,
    is: SourceKind,
    tree: Option<Tree>,
}

impl<'a> Work<'a> {
    fn new(description: &'a Description, root: &'a Verified<TrustRoot>, place: &'a Place) -> Self {
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
        Self { description, root, place, blobs: Blobs::default(), lock, notes: Vec::new() }
    }

    /// Finds everything that the description names.
    fn release(&mut self) -> Result<Release> {
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
            entries.push(self.entry(entry, content, path, &mut rendered)?);
        }
        if let Some(stray) =
            self.place.paths.keys().find(|name| says.entries.iter().all(|it| it.name != **name))
        {
            bail!("`--path` names entry `{stray}`, which the bundle does not have");
        }
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
            .map_err(|why| self.description.wrong("entries", why, "correct it and build again"))?;
        Ok(release)
    }

    fn source(&mut self, says: &SourceSays) -> Result<Found> {
        let at = |path: &Path| self.description.at(path);
        let wrong = |needle: &Path, error: anyhow::Error| {
            let what = format!("source `{}` cannot be had: {error:#}", says.name);
            self.description.wrong(
                &needle.display().to_string(),
                what,
                "correct the path, or fetch what is missing",
            )
        };
        let mut commit = None;
        let (content, is, tree) = if let Some(git) = &says.git {
            let repository = at(&git.path);
            let pinned = self.place.commits.get(&says.name).cloned();
            let id = match pinned {
                Some(commit) => commit,
                None => git::resolve(&repository, &git.r#ref).map_err(|error| wrong(&git.path, error))?,
            };
            let tree = git::tree(&repository, &id).map_err(|error| wrong(&git.path, error))?;
            commit = Some(id);
            (collect::put_tree(&tree, &mut self.blobs)?, SourceKind::Tree, Some(tree))
        } else if let Some(path) = &says.tree {
            let tree = collect::tree(&at(path), &|_| false).map_err(|error| wrong(path, error))?;
            (collect::put_tree(&tree, &mut self.blobs)?, SourceKind::Tree, Some(tree))
        } else {
            let path = says.chart.as_deref().unwrap_or_else(|| Path::new("."));
            let content =
                collect::put_chart(&at(path), &mut self.blobs).map_err(|error| wrong(path, error))?;
            (content, SourceKind::Chart, None)
        };
        self.lock.sources.insert(says.name.clone(), LockedSource { commit, content: content.digest });
        Ok(Found { content, is, tree })
    }

    /// The content of an entry that lies beside the description.
    fn own(&mut self, says: &EntrySays) -> Result<Found> {
        let from = says.from.as_deref().unwrap_or_else(|| Path::new("."));
        let path = self.description.at(from);
        let wrong = |error: anyhow::Error| {
            let what = format!("entry `{}` cannot be had: {error:#}", says.name);
            self.description.wrong(
                &from.display().to_string(),
                what,
                "correct `from`, or put there what it names",
            )
        };
        let found = match says.kind {
            EntryKind::Chart => {
                let content = collect::put_chart(&path, &mut self.blobs).map_err(wrong)?;
                Found { content, is: SourceKind::Chart, tree: None }
            }
            EntryKind::Manifests | EntryKind::Kustomization => {
                // The description and its lock may lie in the tree; a lock that pinned itself could not be.
                let top = &self.description.directory;
                let own = [top.join(super::description::FILE), top.join(lock::FILE)];
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
        rendered: &mut Vec<(EntryName, objects::Object)>,
    ) -> Result<Entry> {
        let wrong = |what: String, fix: &str| self.description.wrong(says.name.as_str(), what, fix);
        match (says.kind, found.is, &found.tree) {
            (EntryKind::Chart, SourceKind::Tree, Some(tree)) => {
                let chart = format!("{}/Chart.yaml", path.trim_start_matches("./").trim_end_matches('/'));
                if tree.file(chart.trim_start_matches("./")).is_none() {
                    return Err(wrong(
                        format!("entry `{}`: no chart lies at `{path}`", says.name),
                        "correct `path`",
                    ));
                }
                self.notes.push(unseen(&says.name));
            }
            (EntryKind::Chart, SourceKind::Chart, _) => self.notes.push(unseen(&says.name)),
            (EntryKind::Manifests, _, Some(tree)) => {
                let found = objects::read(tree, path).map_err(|error| {
                    wrong(format!("entry `{}`: {error:#}", says.name), "correct the manifests, or `path`")
                })?;
                if found.is_empty() {
                    return Err(wrong(
                        format!("entry `{}` has no object at `{path}`", says.name),
                        "correct `path`",
                    ));
                }
                rendered.extend(found.into_iter().map(|it| (says.name.clone(), it)));
            }
            (EntryKind::Kustomization, _, Some(tree)) => {
                let below = path.trim_start_matches("./").trim_end_matches('/');
                let below = if below == "." { "" } else { below };
                let names = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
                let has = |name: &&str| tree.get(format!("{below}/{name}").trim_start_matches('/')).is_some();
                if !names.iter().any(has) {
                    return Err(wrong(
                        format!("entry `{}`: no kustomization lies at `{path}`", says.name),
                        "correct `path`",
                    ));
                }
                self.notes.push(unseen(&says.name));
            }
            _ => {
                return Err(wrong(
                    format!("entry `{}` is rendered from files, and its source is a chart", says.name),
                    "use `kind: chart`, or another source",
                ));
            }
        }
        Ok(Entry {
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
        })
    }

    fn images(&mut self) -> Result<(BTreeMap<String, Descriptor>, Answers)> {
        let says = &self.description.says;
        let mut images = BTreeMap::new();
        let mut answers = Answers::default();
        let scope = self.root.channel(&says.channel).map(|it| it.scope());
        for image in &says.images {
            let wrong = |what: String, fix: &str| self.description.wrong(&image.name, what, fix);
            let reference: Reference =
                image.name.parse().map_err(|why| wrong(why, "write it as pods do: registry/path:tag"))?;
            let name = reference.to_string();
            if scope.as_ref().is_some_and(|it| !it.reaches_image(&name)) {
                let what = format!("channel `{}` does not reach image {name}", says.channel);
                return Err(wrong(what, "`cargo xtask root rotate --images` widens its reach"));
            }
            let layout = self.description.at(&image.layout);
            let taken = image::take(&layout, image.select.as_deref(), &says.target.arch, &mut self.blobs)
                .map_err(|error| {
                    wrong(format!("{error:#}"), "correct `layout`, `select` or `target.arch`")
                })?;
            if reference.digest.is_some_and(|it| !taken.answers.contains(&it)) {
                return Err(wrong(
                    format!("the layout's image is not {name}"),
                    "name the digest that the layout has",
                ));
            }
            self.lock.images.insert(name.clone(), taken.content.digest);
            answers.add(reference, &taken);
            if images.insert(name.clone(), taken.content).is_some_and(|it| it != taken.content) {
                return Err(wrong(format!("image {name} has two contents"), "give each its own name"));
            }
        }
        Ok((images, answers))
    }

    fn files(&mut self) -> Result<BTreeMap<String, FileRef>> {
        let mut files = BTreeMap::new();
        for file in &self.description.says.files {
            let wrong = |what: String, fix: &str| self.description.wrong(&file.name, what, fix);
            airlock::archive::SafePath::new(&file.name).map_err(|error| {
                wrong(format!("file `{}`: {error}", file.name), "use a plain relative path")
            })?;
            let media = "application/octet-stream";
            let taken = self
                .blobs
                .put_file(&self.description.at(&file.from), media, BlobRole::File, |_| Ok(None))
                .map_err(|error| {
                    wrong(format!("file `{}` cannot be had: {error:#}", file.name), "correct `from`")
                })?;
            self.lock.files.insert(file.name.clone(), taken.digest);
            let entry = FileRef { digest: taken.digest, size: taken.size, executable: file.executable };
            if files.insert(file.name.clone(), entry).is_some() {
                return Err(wrong(format!("file `{}` is there twice", file.name), "give each its own name"));
            }
        }
        Ok(files)
    }

    fn site(&self) -> Result<Option<Site>> {
        let Some(site) = &self.description.says.site else { return Ok(None) };
        let path = self.description.at(&site.schema);
        let wrong = |error: anyhow::Error| {
            let what = format!("the site's schema cannot be had: {error:#}");
            self.description.wrong(&site.schema.display().to_string(), what, "put a JSON schema there")
        };
        let text = crate::disk::read_text(&path, 1024 * 1024).map_err(wrong)?;
        let schema: serde_json::Value = serde_yaml::from_str(&text).map_err(|error| wrong(error.into()))?;
        if !schema.is_object() {
            return Err(wrong(anyhow::anyhow!("{} is no JSON schema", path.display())));
        }
        Ok(Some(Site { schema, defaults: site.defaults.clone() }))
    }

    /// Whether everything is there that the objects name.
    fn closure(&mut self, rendered: &[(EntryName, objects::Object)], answers: &Answers) -> Result<Closure> {
        let says = &self.description.says;
        let mut external = BTreeSet::new();
        for name in &says.external {
            let reference: Reference = name
                .parse()
                .map_err(|why| self.description.wrong(name, why, "write it as pods do: registry/path:tag"))?;
            external.insert(reference);
        }
        let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut used = BTreeSet::new();
        let brought: BTreeSet<String> = rendered.iter().flat_map(|(_, it)| finder::brings(it)).collect();
        for (entry, object) in rendered {
            for Named { image, place } in finder::images(object, &says.image_fields) {
                let place = format!("entry `{entry}`, {place}");
                let reference: Reference = image.parse().map_err(|why| {
                    self.description.wrong(entry.as_str(), format!("{place}: {why}"), "correct the manifest")
                })?;
                if external.contains(&reference) {
                    used.insert(reference);
                } else if !answers.has(&reference) {
                    missing.entry(reference.to_string()).or_default().push(place);
                }
            }
            if let Some(api) = finder::needs(object)
                && !brought.contains(&api)
                && !says.apis.contains(&api)
            {
                let what = format!("entry `{entry}` has {}, and nothing brings {api}", object.id);
                let fix = format!(
                    "bring its CustomResourceDefinition, or write `{api}` under `apis` where every target serves it"
                );
                return Err(self.description.wrong(entry.as_str(), what, fix));
            }
        }
        if !missing.is_empty() {
            let list: Vec<String> = missing
                .iter()
                .map(|(image, places)| format!("{image}\n    {}", places.join("\n    ")))
                .collect();
            return Err(self.description.wrong(
                "images",
                format!("{} images are named and not in the bundle:\n  {}", missing.len(), list.join("\n  ")),
                "add their OCI layouts under `images`, or name under `external` what every site has already",
            ));
        }
        for unused in external.difference(&used) {
            self.notes.push(format!("no object names the external image {unused}"));
        }
        let external = external.iter().map(Reference::to_string).collect();
        Ok(Closure { unresolved: Vec::new(), external, assumed: says.apis.clone() })
    }

    fn statement(&mut self, release: &Release) -> Result<Statement> {
        let says = &self.description.says;
        let channel = self.root.channel(&says.channel);
        if channel.is_none() {
            let names: Vec<&str> = self.root.channels.iter().map(|it| it.name.as_str()).collect();
            let what = format!("trust root {} has no channel `{}`", self.root.version, says.channel);
            return Err(self.description.wrong("channel", what, format!("use one of: {}", names.join(", "))));
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
            .map_err(|error| self.description.wrong("validity", error, "use a span such as 90d"))?
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
            .map_err(|why| self.description.wrong(needle_of(&why), why, "correct it and build again"))?;
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

fn unseen(entry: &EntryName) -> String {
    format!("entry `{entry}` is not rendered here: the images that it names are not looked for")
}

/// The images that the bundle answers for.
#[derive(Debug, Default)]
struct Answers {
    names: BTreeSet<String>,
    digests: BTreeSet<(String, Digest)>,
}

impl Answers {
    fn add(&mut self, reference: Reference, taken: &image::Taken) {
        self.names.insert(reference.to_string());
        self.digests.extend(taken.answers.iter().map(|it| (reference.repository.clone(), *it)));
    }

    fn has(&self, wanted: &Reference) -> bool {
        match wanted.digest {
            // A container runtime asks for the digest, and no longer for the tag beside it.
            Some(digest) => self.digests.contains(&(wanted.repository.clone(), digest)),
            None => self.names.contains(&wanted.to_string()),
        }
    }
}

fn write(
    directory: &Path,
    chain: &Chain,
    payload: Vec<u8>,
    release: &Release,
    statement: &Statement,
    blobs: &Blobs,
) -> Result<()> {
    let path = directory.join(Item::Bundle.to_string());
    let mut envelope = Envelope::new(path.clone(), Role::Bundle, payload)?;
    if path.exists() {
        let there = Envelope::read(&path, Role::Bundle)?;
        if there.payload == envelope.payload {
            envelope.signatures = there.signatures;
        } else {
            ensure!(
                there.signatures.is_empty(),
                "{} is signed already and of other content; one number is one bundle: build with `--next`",
                directory.display()
            );
            std::fs::remove_dir_all(directory)
                .with_context(|| format!("failed to remove {}", directory.display()))?;
        }
    }
    let head = [
        (statement.inventory.digest, statement.inventory.size),
        (statement.release.digest, statement.release.size),
    ];
    let contents = Contents {
        roots: chain.envelopes().iter().map(|(version, it)| (*version, it.encode())).collect(),
        agent: None,
        bundle: envelope.encode(),
        index: index(release, &blobs.inventory())?,
        label: None,
        head: head.map(|(digest, size)| Piece { digest, size, slice: None }).to_vec(),
        pieces: pieces(&blobs.inventory()),
    };
    if let Some(parent) = directory.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("failed to make {}", parent.display()))?;
    }
    write_directory(directory, &contents, blobs, &mut |_| ())?;
    Ok(())
}

/// `index.json`, so that other tools find the images.
fn index(release: &Release, inventory: &Inventory) -> Result<Vec<u8>> {
    let media = |image: &Descriptor| inventory.get(&image.digest).map(|it| it.media_type.clone());
    let manifests: Vec<serde_json::Value> = release
        .images
        .iter()
        .map(|(name, image)| {
            serde_json::json!({
                "mediaType": media(image),
                "digest": image.digest,
                "size": image.size,
                "annotations": { "org.opencontainers.image.ref.name": name },
            })
        })
        .collect();
    let index = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    });
    let mut bytes = serde_json::to_vec_pretty(&index)?;
    bytes.push(b'\n');
    Ok(bytes)
}
