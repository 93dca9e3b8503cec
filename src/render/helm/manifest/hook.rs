//! Hooks: objects that belong to a moment of a release's life.

use super::Head;

/// The annotation that makes an object a hook.
pub(super) const HOOK: &str = "helm.sh/hook";
const WEIGHT: &str = "helm.sh/hook-weight";
const DELETE: &str = "helm.sh/hook-delete-policy";
const OUTPUT: &str = "helm.sh/hook-output-log-policy";

/// A moment of a release's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "Helm's own words")]
pub enum Event {
    PreInstall,
    PostInstall,
    PreDelete,
    PostDelete,
    PreUpgrade,
    PostUpgrade,
    PreRollback,
    PostRollback,
    Test,
}

impl Event {
    const ALL: [(Self, &'static str); 9] = [
        (Self::PreInstall, "pre-install"),
        (Self::PostInstall, "post-install"),
        (Self::PreDelete, "pre-delete"),
        (Self::PostDelete, "post-delete"),
        (Self::PreUpgrade, "pre-upgrade"),
        (Self::PostUpgrade, "post-upgrade"),
        (Self::PreRollback, "pre-rollback"),
        (Self::PostRollback, "post-rollback"),
        (Self::Test, "test"),
    ];

    /// The word of the annotation.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(event, _)| *event == self).map_or("", |(_, word)| word)
    }

    /// The moment that a word of the annotation means. Helm 2 called a test `test-success`.
    pub fn of(word: &str) -> Option<Self> {
        if word == "test-success" {
            return Some(Self::Test);
        }
        Self::ALL.iter().find(|(_, it)| *it == word).map(|(event, _)| *event)
    }
}

/// A hook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hook {
    /// `metadata.name`.
    pub name: String,
    /// `kind`.
    pub kind: String,
    /// The template that wrote it.
    pub path: String,
    /// Its text.
    pub manifest: String,
    /// When.
    pub events: Vec<Event>,
    /// Lower ones come first.
    pub weight: i64,
    /// When it is deleted, in the words of the annotation.
    pub delete_policies: Vec<String>,
    /// When its output is shown, in the words of the annotation.
    pub output_log_policies: Vec<String>,
}

impl Hook {
    /// Reads the annotations; nothing when one of the events is unknown.
    pub(super) fn read(path: &str, manifest: String, head: &Head, events: &str) -> Option<Self> {
        let words =
            |text: &str| -> Vec<String> { text.split(',').map(|it| it.trim().to_lowercase()).collect() };
        let events = words(events).iter().map(|it| Event::of(it)).collect::<Option<_>>()?;
        let listed = |key: &str| head.annotations.get(key).map_or_else(Vec::new, |it| words(it));
        Some(Self {
            name: head.name.clone(),
            kind: head.kind.clone(),
            path: path.to_owned(),
            manifest,
            events,
            weight: head.annotations.get(WEIGHT).and_then(|it| it.parse().ok()).unwrap_or(0),
            delete_policies: listed(DELETE),
            output_log_policies: listed(OUTPUT),
        })
    }
}
