//! A chart in memory: what it says of itself, its templates, defaults and files, and the charts within it.

mod archive;
pub(super) mod decode;
mod dependency;
mod directory;
mod ignore;
mod load;
mod lock;
pub(super) mod metadata;
mod pattern;

use std::sync::Arc;

use crate::{render::gotemplate::Str, yaml};

pub use archive::read_archive;
pub use dependency::Dependency;
pub(super) use directory::read_any_directory;
pub use directory::read_directory;
pub use ignore::Rules;
pub(super) use load::merge;
pub use load::read_values;
pub use lock::Lock;
pub use metadata::{Maintainer, Metadata};
pub use pattern::{BadPattern, matches};

/// A file of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path within the chart.
    pub name: String,
    /// Its content, without the mark that editors of Windows put before it.
    pub data: Str,
}

/// A chart. Cloning one is cheap: what a render never changes is shared.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// `Chart.yaml`, with the dependencies of `requirements.yaml`.
    pub metadata: Metadata,
    /// `values.yaml`; none where the chart has no such file.
    pub values: Option<Arc<yaml::Map>>,
    /// What no render changes.
    pub files: Arc<Files>,
    /// The charts within it.
    pub dependencies: Vec<Self>,
}

/// The part of a chart that no render changes.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// `Chart.lock`.
    pub lock: Option<Lock>,
    /// `values.schema.json`.
    pub schema: Option<Str>,
    /// What lies below `templates/`.
    pub templates: Vec<File>,
    /// Everything else, `crds/` included.
    pub other: Vec<File>,
}

impl Chart {
    /// Its name, which an alias changes.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether it only lends its helpers.
    pub fn is_library(&self) -> bool {
        self.metadata.kind.eq_ignore_ascii_case("library")
    }

    /// The path of a chart within this one, as templates and errors show it.
    pub(super) fn place_of(place: &str, child: &Self) -> String {
        format!("{place}/charts/{}", child.name())
    }

    /// Hands the files of `crds/` of this chart and those within it to `take`, each with the name that output shows.
    pub fn each_crd(&self, take: &mut dyn FnMut(String, &File)) {
        self.crds_below(self.name(), take);
    }

    fn crds_below(&self, place: &str, take: &mut dyn FnMut(String, &File)) {
        for file in &self.files.other {
            if file.name.starts_with("crds/") && is_manifest(&file.name) {
                take(format!("{place}/{}", file.name), file);
            }
        }
        for child in &self.dependencies {
            child.crds_below(&Self::place_of(place, child), take);
        }
    }
}

/// Whether the name has the extension of a manifest.
fn is_manifest(name: &str) -> bool {
    let extension = name.rsplit('/').next().and_then(|it| it.rsplit_once('.')).map_or("", |(_, it)| it);
    ["yaml", "yml", "json"].iter().any(|it| extension.eq_ignore_ascii_case(it))
}
