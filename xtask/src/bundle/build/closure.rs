//! Whether everything is in the bundle that its objects name.

use std::collections::{BTreeMap, BTreeSet};

use airlock::{
    bundle::{BlobRole, Closure, Descriptor, FileRef},
    digest::Digest,
    name::EntryName,
    object::{
        Object,
        images::{Named, images},
    },
    oci::{self, Reference},
};
use anyhow::Result;

use super::Work;
use crate::bundle::{apis, description::Text, image};

impl Work<'_> {
    /// Takes the images, and notes which references they answer.
    pub(super) fn images(&mut self) -> Result<(BTreeMap<String, Descriptor>, Answers)> {
        let says = &self.description.says;
        let mut images = BTreeMap::new();
        let mut answers = Answers::default();
        let scope = self.root.channel(&says.channel).map(|it| it.scope());
        for image in &says.images {
            let wrong = |what: String, fix: &str| self.description.wrong(&["images", &image.name], what, fix);
            let reference = parse(&image.name).map_err(|why| wrong(why, AS_PODS_DO))?;
            let name = reference.to_string();
            if scope.as_ref().is_some_and(|it| !it.reaches_image(&name)) {
                let what = format!("channel `{}` does not reach image {name}", says.channel);
                return Err(wrong(what, "`cargo xtask root rotate --images` widens its reach"));
            }
            let (layout, select) = match (&image.layout, &image.from) {
                (Some(layout), None) => (self.description.at(layout), image.select.clone()),
                (None, Some(Text(from))) if image.select.is_none() => {
                    let pinned = self.place.images.get(&name);
                    let from = pinned.map_or_else(|| from.clone(), |it| from.clone().pinned(*it));
                    let fetched = self.place.registries.image(&from, &says.target.arch);
                    let (layout, digest) = fetched.map_err(|error| {
                        let what = format!("image {name} cannot be had: {error:#}");
                        wrong(what, "correct `from` or `target.arch`; `--credentials` and `--ca` say how it is reached")
                    })?;
                    (layout, Some(digest.to_string()))
                }
                _ => {
                    let what = format!("image {name} needs exactly one of `layout` and `from`");
                    return Err(wrong(
                        what,
                        "`layout` is a directory, `from` is `oci://…`, which needs no `select`",
                    ));
                }
            };
            let taken = image::take(&layout, select.as_deref(), &says.target.arch, &mut self.blobs).map_err(
                |error| wrong(format!("{error:#}"), "correct `layout`, `select` or `target.arch`"),
            )?;
            if reference.digest().is_some_and(|it| !taken.answers.contains(&it)) {
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

    /// Takes the plain files.
    pub(super) fn files(&mut self) -> Result<BTreeMap<String, FileRef>> {
        let mut files = BTreeMap::new();
        for file in &self.description.says.files {
            let wrong = |what: String, fix: &str| self.description.wrong(&["files", &file.name], what, fix);
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

    /// Whether everything is there that the objects name.
    pub(super) fn closure(&mut self, rendered: &[(EntryName, Object)], answers: &Answers) -> Result<Closure> {
        let says = &self.description.says;
        let mut external: BTreeMap<String, bool> = BTreeMap::new();
        for name in &says.external {
            let wrong = |why| self.description.wrong(&["external", name], why, AS_PODS_DO);
            external.insert(parse(name).map_err(wrong)?.to_string(), false);
        }
        let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let brought: BTreeSet<String> = rendered.iter().flat_map(|(_, it)| apis::brings(it)).collect();
        for (entry, object) in rendered {
            for Named { image, place } in images(object, &says.image_fields) {
                let place = format!("entry `{entry}`, {place}");
                let reference = parse(&image).map_err(|why| {
                    self.description.wrong(
                        &["entries", entry.as_str()],
                        format!("{place}: {why}"),
                        "correct the manifest",
                    )
                })?;
                if let Some(used) = external.get_mut(&reference.to_string()) {
                    *used = true;
                } else if !answers.has(&reference) {
                    missing.entry(reference.to_string()).or_default().push(place);
                }
            }
            if let Some(api) = apis::needs(object)
                && !brought.contains(&api)
                && !says.apis.contains(&api)
            {
                let what = format!("entry `{entry}` has {}, and nothing brings {api}", object.id());
                let fix = format!(
                    "bring its CustomResourceDefinition, or write `{api}` under `apis` where every target serves it"
                );
                return Err(self.description.wrong(&["entries", entry.as_str()], what, fix));
            }
        }
        if !missing.is_empty() {
            let list: Vec<String> = missing
                .iter()
                .map(|(image, places)| format!("{image}\n    {}", places.join("\n    ")))
                .collect();
            return Err(self.description.wrong(
                &["images"],
                format!("{} images are named and not in the bundle:\n  {}", missing.len(), list.join("\n  ")),
                "add their OCI layouts under `images`, or name under `external` what every site has already",
            ));
        }
        for (unused, _) in external.iter().filter(|(_, used)| !**used) {
            self.notes.push(format!("no object names the external image {unused}"));
        }
        let external = external.into_keys().collect();
        let (assumed, image_fields) = (says.apis.clone(), says.image_fields.clone());
        Ok(Closure { unresolved: Vec::new(), external, assumed, image_fields })
    }
}

const AS_PODS_DO: &str = "write it as pods do: registry/path:tag";

/// An image reference with everything that Docker leaves unsaid: `nginx` is `docker.io/library/nginx:latest`.
fn parse(text: &str) -> Result<Reference, String> {
    text.parse().map(Reference::or_latest).map_err(|error: oci::NotAReference| error.to_string())
}

/// The images that the bundle answers for.
#[derive(Debug, Default)]
pub(super) struct Answers {
    names: BTreeSet<String>,
    digests: BTreeSet<(String, Digest)>,
}

impl Answers {
    fn add(&mut self, reference: Reference, taken: &image::Taken) {
        self.names.insert(reference.to_string());
        self.digests.extend(taken.answers.iter().map(|it| (reference.name(), *it)));
    }

    fn has(&self, wanted: &Reference) -> bool {
        match wanted.digest() {
            // A container runtime asks for the digest, and no longer for the tag beside it.
            Some(digest) => self.digests.contains(&(wanted.name(), digest)),
            None => self.names.contains(&wanted.to_string()),
        }
    }
}
