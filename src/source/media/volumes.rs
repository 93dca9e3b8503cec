use std::{collections::BTreeSet, fmt, io, io::Read, sync::Arc};

use super::super::Error;
use crate::{
    bundle::{Item, Malformed, Medium, Opened, Part, Unverified, VolumeLabel, check_blob_order},
    digest::Digest,
    limits,
};

/// Several media that carry one bundle, seen as one: in any order, any subset of the volumes that there are.
#[derive(Clone)]
pub struct Volumes {
    payload: Digest,
    media: Vec<Arc<dyn Medium>>,
    labels: Vec<Option<VolumeLabel>>,
}

impl fmt::Debug for Volumes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let media: Vec<String> = self.media.iter().map(|it| it.label()).collect();
        f.debug_struct("Volumes")
            .field("payload", &self.payload)
            .field("media", &media)
            .finish_non_exhaustive()
    }
}

/// What the volumes at hand hold of a list of blobs and parts, judged by size alone: only reading tells the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// What none of them holds in its full size.
    pub missing: Vec<Part>,
    /// What one of them holds in another size: the volume's place in the list, what it should be, the size that it has.
    pub damaged: Vec<(usize, Part, u64)>,
}

impl Volumes {
    /// Takes media that are meant as volumes of one bundle.
    ///
    /// # Errors
    /// [`Error::Mixed`] when they carry different bundles, or different trust roots of one version; [`Error::Malformed`]
    /// when one of them has no envelope that can be read.
    pub fn new(media: Vec<Arc<dyn Medium>>) -> Result<Self, Error> {
        let mut all = Self::group(media)?.into_iter();
        let Some(first) = all.next() else {
            return Err(Malformed::new("the list of volumes", "it is empty").into());
        };
        match all.next() {
            None => Ok(first),
            Some(second) => Err(mixed(first.media.first(), second.media.first(), Item::Bundle.to_string())),
        }
    }

    /// Takes media as they were found, and puts together those that carry the same bundle, in the order in which the
    /// bundles were first met.
    ///
    /// # Errors
    /// As [`Volumes::new`], but for media with different bundles.
    pub fn group(media: Vec<Arc<dyn Medium>>) -> Result<Vec<Self>, Error> {
        Self::sort(media).into_iter().map(|(_, group)| group).collect()
    }

    /// The same, group by group with its label: what is wrong with one does not stand in the way of another.
    pub fn sort(media: Vec<Arc<dyn Medium>>) -> Vec<(String, Result<Self, Error>)> {
        let mut groups: Vec<Self> = Vec::new();
        let mut sorted = Vec::new();
        for medium in media {
            match payload(medium.as_ref(), Item::Bundle) {
                Ok(Some(payload)) => match groups.iter_mut().find(|group| group.payload == payload) {
                    Some(group) => group.media.push(medium),
                    None => groups.push(Self { payload, media: vec![medium], labels: Vec::new() }),
                },
                Ok(None) => {
                    let label = medium.label();
                    let error = Error::NoBundle(label.clone().into());
                    sorted.push((label, Err(error)));
                }
                Err(error) => sorted.push((medium.label(), Err(error))),
            }
        }
        sorted.extend(groups.into_iter().map(|group| (group.label(), group.checked())));
        sorted
    }

    fn checked(mut self) -> Result<Self, Error> {
        if self.media.len() > limits::VOLUMES {
            return Err(Malformed::new("the list of volumes", "it is too long").into());
        }
        self.labels = self.media.iter().map(|it| super::volume_label(it.as_ref())).collect();
        self.check_roots()?;
        Ok(self)
    }

    /// Roots are told apart by their payload: signatures may have been added to a later volume.
    fn check_roots(&self) -> Result<(), Error> {
        let mut seen: Vec<(u32, Digest, usize)> = Vec::new();
        if self.media.len() < 2 {
            return Ok(());
        }
        for (place, medium) in self.media.iter().enumerate() {
            for version in medium.roots().map_err(Error::io("read", medium.label()))? {
                let item = Item::Root(version);
                let Some(payload) = payload(medium.as_ref(), item)? else { continue };
                match seen.iter().find(|(it, ..)| *it == version) {
                    None => seen.push((version, payload, place)),
                    Some((_, other, _)) if *other == payload => (),
                    Some((.., other)) => {
                        return Err(mixed(self.media.get(*other), Some(medium), item.to_string()));
                    }
                }
            }
        }
        Ok(())
    }

    /// The payload digest of the bundle that they carry.
    pub fn payload(&self) -> Digest {
        self.payload
    }

    /// The media, in the order in which they were given.
    pub fn media(&self) -> &[Arc<dyn Medium>] {
        &self.media
    }

    /// What is written on each of them.
    pub fn labels(&self) -> &[Option<VolumeLabel>] {
        &self.labels
    }

    /// Every copy of an item, from the volume that it lies on, for a reader whom the first one disappoints.
    pub fn copies(&self, item: Item) -> impl Iterator<Item = (usize, io::Result<Opened>)> {
        self.media
            .iter()
            .enumerate()
            .filter_map(move |(place, medium)| Some((place, medium.open(item).transpose()?)))
    }

    /// Opens once more what [`Volumes::copies`] opened on the medium at that place, so many bytes after its beginning.
    ///
    /// # Errors
    /// When it is not there any more, or cannot be read.
    pub fn reopen(&self, place: usize, item: Item, at: u64) -> io::Result<Box<dyn Read + Send>> {
        let medium = self.media.get(place).ok_or(io::ErrorKind::NotFound)?;
        Ok(medium.open_at(item, at)?.ok_or(io::ErrorKind::NotFound)?.reader)
    }

    /// Which numbers of how many volumes are not at hand, by the labels of those that are: volumes that say to be of
    /// another bundle do not count. None where no label says how many there are.
    pub fn absent(&self) -> Option<(Vec<u32>, &VolumeLabel)> {
        let labels = || self.labels.iter().flatten().filter(|it| it.bundle == self.payload);
        let first = labels().next()?;
        let present: BTreeSet<u32> = labels().map(|it| it.volume).collect();
        let known = u32::try_from(limits::VOLUMES).unwrap_or(u32::MAX);
        let absent = (1..=first.volumes.min(known)).filter(|it| !present.contains(it)).collect();
        Some((absent, first))
    }

    /// Looks for blobs and parts, by name and size. What lies on a medium that cannot be read is missing.
    pub fn survey(&self, wanted: &[Part]) -> Survey {
        let mut survey = Survey::default();
        for part in wanted {
            let mut whole = false;
            for (place, copy) in self.copies(Item::Blob(part.digest)) {
                match copy {
                    Ok(opened) if opened.size == part.size => whole = true,
                    Ok(opened) => survey.damaged.push((place, *part, opened.size)),
                    Err(_) => survey.damaged.push((place, *part, 0)),
                }
            }
            if !whole {
                survey.missing.push(*part);
            }
        }
        survey
    }

    /// Holds every volume that has an order to the order of the format.
    ///
    /// # Errors
    /// When a blob of one of them is repeated or out of order.
    pub fn check_order(&self, inventory: &Digest, release: &Digest) -> Result<(), Malformed> {
        for medium in &self.media {
            if let Some(blobs) = medium.blob_order() {
                check_blob_order(&medium.label(), blobs, inventory, release)?;
            }
        }
        Ok(())
    }
}

impl Medium for Volumes {
    fn label(&self) -> String {
        match self.media.as_slice() {
            [one] => one.label(),
            [first, rest @ ..] => format!("{} and {} more", first.label(), rest.len()),
            [] => String::new(),
        }
    }

    /// The longest copy: one that was cut short on the way is the one that is not wanted, and of two envelopes the
    /// longer one has more signatures.
    fn open(&self, item: Item) -> io::Result<Option<Opened>> {
        let mut best: Option<Opened> = None;
        let mut failed = None;
        for (_, copy) in self.copies(item) {
            match copy {
                Ok(opened) if best.as_ref().is_none_or(|best| best.size < opened.size) => best = Some(opened),
                Ok(_) => (),
                Err(error) => failed = Some(error),
            }
        }
        match (best, failed) {
            (None, Some(error)) => Err(error),
            (best, _) => Ok(best),
        }
    }

    fn roots(&self) -> io::Result<Vec<u32>> {
        let mut versions = BTreeSet::new();
        for medium in &self.media {
            versions.extend(medium.roots()?);
        }
        Ok(versions.into_iter().collect())
    }

    /// Only one tar has one order; see [`Volumes::check_order`] for several.
    fn blob_order(&self) -> Option<&[Digest]> {
        match self.media.as_slice() {
            [one] => one.blob_order(),
            _ => None,
        }
    }
}

/// The identity of what an envelope holds, believed or not; none where it is not there.
fn payload(medium: &dyn Medium, item: Item) -> Result<Option<Digest>, Error> {
    let label = medium.label();
    let what = format!("`{item}` on {label}");
    let Some(opened) = medium.open(item).map_err(Error::io("open", &label))? else { return Ok(None) };
    let mut bytes = Vec::new();
    let limited = &mut opened.reader.take(limits::ENVELOPE_BYTES + 1);
    limited.read_to_end(&mut bytes).map_err(Error::io("read", &label))?;
    if bytes.len() as u64 != opened.size && bytes.len() as u64 <= limits::ENVELOPE_BYTES {
        return Err(Malformed::new(what, "it ends too early").into());
    }
    Ok(Some(Unverified::read(&what, bytes)?.payload_digest()))
}

fn mixed(first: Option<&Arc<dyn Medium>>, second: Option<&Arc<dyn Medium>>, what: String) -> Error {
    let label = |it: Option<&Arc<dyn Medium>>| it.map(|it| it.label()).unwrap_or_default();
    Error::Mixed { first: label(first), second: label(second), what }
}
