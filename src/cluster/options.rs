//! How a request is to be done, in the API's own words.

use std::{collections::BTreeMap, fmt};

use super::ResourceVersion;

/// Which objects of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// One namespace; all of them without.
    pub namespace: Option<String>,
    /// By labels.
    pub labels: Selector,
    /// By fields, as far as the kind knows them: events know `involvedObject.uid`, and all know `metadata.name`.
    pub fields: BTreeMap<String, String>,
}

impl ListOptions {
    /// Everything in one namespace.
    pub fn in_namespace(namespace: &str) -> Self {
        Self { namespace: Some(namespace.to_owned()), ..Self::default() }
    }

    /// The same, with a label more that must have this value.
    #[must_use]
    pub fn labelled(mut self, key: &str, value: &str) -> Self {
        self.labels.0.insert(key.to_owned(), Some(value.to_owned()));
        self
    }

    /// The same, with a field more that must have this value.
    #[must_use]
    pub fn with_field(mut self, path: &str, value: &str) -> Self {
        self.fields.insert(path.to_owned(), value.to_owned());
        self
    }

    /// The `fieldSelector` of a request.
    pub fn field_selector(&self) -> String {
        let escaped = |value: &str| value.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=");
        let pairs = self.fields.iter().map(|(path, value)| format!("{path}={}", escaped(value)));
        pairs.collect::<Vec<_>>().join(",")
    }

    /// The same, with a label more that must be there, whatever its value.
    #[must_use]
    pub fn with_label_key(mut self, key: &str) -> Self {
        self.labels.0.insert(key.to_owned(), None);
        self
    }
}

/// Labels that must all be there: with a value, or with any. Written as `labelSelector` takes it. Empty selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector(pub BTreeMap<String, Option<String>>);

impl Selector {
    /// Whether an object with these labels is selected.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|(key, wanted)| {
            let found = label(key);
            found.is_some() && (wanted.is_none() || wanted.as_deref() == found)
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (key, value)) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "," })?;
            match value {
                Some(value) => write!(f, "{key}={value}")?,
                None => f.write_str(key)?,
            }
        }
        Ok(())
    }
}

/// Server-side apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Who will own the fields.
    pub field_manager: String,
    /// Take fields over that others own.
    pub force: bool,
    /// Answer with what would be stored, and store nothing (`dryRun=All`).
    pub dry_run: bool,
}

impl ApplyOptions {
    /// As Flux applies: by force.
    pub fn force(field_manager: &str) -> Self {
        Self { field_manager: field_manager.to_owned(), force: true, dry_run: false }
    }

    /// As Flux asks what an apply would do.
    pub fn dry_run(field_manager: &str) -> Self {
        Self { dry_run: true, ..Self::force(field_manager) }
    }
}

/// Creating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateOptions {
    /// Who will own the fields.
    pub field_manager: String,
    /// Store nothing.
    pub dry_run: bool,
}

impl CreateOptions {
    /// Create for this manager.
    pub fn by(field_manager: &str) -> Self {
        Self { field_manager: field_manager.to_owned(), dry_run: false }
    }
}

/// Replacing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateOptions {
    /// Who will own the fields that change.
    pub field_manager: String,
    /// Store nothing.
    pub dry_run: bool,
}

impl UpdateOptions {
    /// Update for this manager.
    pub fn by(field_manager: &str) -> Self {
        Self { field_manager: field_manager.to_owned(), dry_run: false }
    }
}

/// Deleting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// What must hold at that moment.
    pub preconditions: Preconditions,
    /// What happens to the objects that this one owns.
    pub propagation: PropagationPolicy,
    /// Delete nothing.
    pub dry_run: bool,
}

impl DeleteOptions {
    /// In the background, and only the object that was seen.
    pub fn seen(uid: &str) -> Self {
        let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        Self { preconditions, ..Self::default() }
    }
}

/// What an object must still be for a deletion to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The same object.
    pub uid: Option<String>,
    /// The same version of it.
    pub resource_version: Option<ResourceVersion>,
}

/// When the objects go that a deleted one owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PropagationPolicy {
    /// After it.
    #[default]
    Background,
    /// Before it.
    Foreground,
    /// Never.
    Orphan,
}

impl PropagationPolicy {
    /// As `propagationPolicy` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Foreground => "Foreground",
            Self::Orphan => "Orphan",
        }
    }
}
