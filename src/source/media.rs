mod directory;
mod find;
mod tar;
mod volumes;

use std::io::Read;

pub use directory::DirectoryMedium;
pub use find::{Found, find};
pub use tar::TarMedium;
pub use volumes::{Survey, Volumes};

use crate::{
    bundle::{Item, Medium, VolumeLabel, strict},
    limits,
};

/// What is written on a medium; none where it says nothing that can be read. A hint, shown to people only, so whatever
/// could trick a terminal is left out.
pub fn volume_label(medium: &dyn Medium) -> Option<VolumeLabel> {
    let opened = medium.open(Item::Volume).ok()??;
    let mut bytes = Vec::new();
    opened.reader.take(limits::VOLUME_LABEL_BYTES + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > limits::VOLUME_LABEL_BYTES {
        return None;
    }
    let mut label: VolumeLabel = strict::parse("volume.json", &bytes).ok()?;
    label.label = label.label.chars().filter(|c| !c.is_control()).take(80).collect();
    (1..=label.volumes).contains(&label.volume).then_some(label)
}
