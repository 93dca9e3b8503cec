use crate::fault::Class;

/// Why a kustomization cannot be built. The message is the original's, with all that stands before the cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    why: Cause,
}

/// What is wrong, where somebody can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Whatever else.
    Other,
    /// A file or directory is not there.
    Missing,
    /// A file is above or beside the directory that it must be in.
    Outside,
    /// A base names a directory from which it is named.
    Cycle,
    /// A base or a file that is elsewhere, and not part of the bundle.
    Remote,
    /// A chart that is neither in the tree nor part of the bundle.
    RemoteChart,
    /// A chart, and nobody has said that charts are rendered.
    HelmOff,
    /// Helm would refuse the chart.
    Chart,
    /// A chart wants something random, and there is nothing to derive it from.
    Random,
    /// A program that Kustomize would run.
    Plugin,
    /// An object stands twice.
    Duplicate,
    /// A patch or a replacement finds no object.
    Target,
    /// A budget of ours.
    Limit,
}

impl Error {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), why: Cause::Other }
    }

    pub(super) fn because(why: Cause, message: impl Into<String>) -> Self {
        Self { message: message.into(), why }
    }

    pub(super) fn limit(what: &str, limit: usize, unit: &str) -> Self {
        Self::because(Cause::Limit, format!("{what} has more than {limit} {unit}"))
    }

    /// Puts `prefix` and a colon before the message.
    pub(super) fn context(mut self, prefix: impl AsRef<str>) -> Self {
        self.message = format!("{}: {}", prefix.as_ref(), self.message);
        self
    }

    /// Names the cause of an earlier attempt, where this one only found nothing.
    pub(super) fn rather(mut self, earlier: &Self) -> Self {
        if self.why == Cause::Missing {
            self.why = earlier.why;
        }
        self
    }

    /// Gives the error another message, with the same cause.
    pub(super) fn reworded(mut self, reword: impl FnOnce(&str) -> String) -> Self {
        self.message = reword(&self.message);
        self
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn is_malformed_yaml(&self) -> bool {
        self.message.contains("MalformedYAMLError")
    }

    /// A short word that stays the same.
    pub fn code(&self) -> &'static str {
        match self.why {
            Cause::Other => "kustomize",
            Cause::Missing => "kustomize_missing",
            Cause::Outside => "kustomize_outside",
            Cause::Cycle => "kustomize_cycle",
            Cause::Remote => "kustomize_remote",
            Cause::RemoteChart => "kustomize_remote",
            Cause::HelmOff => "kustomize_helm",
            Cause::Chart => "kustomize_chart",
            Cause::Random => "random",
            Cause::Plugin => "kustomize_plugin",
            Cause::Duplicate => "kustomize_duplicate",
            Cause::Target => "kustomize_target",
            Cause::Limit => "limit",
        }
    }

    /// Whose turn it is.
    pub fn class(&self) -> Class {
        Class::Invalid
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self.why {
            Cause::Other => "correct the kustomization; `airlock build` shows the same message",
            Cause::Missing => "add the file to the tree, or take its name out of the kustomization",
            Cause::Outside => "move the file below the directory of the kustomization that names it",
            Cause::Cycle => "take the base that leads back out of the kustomization",
            Cause::Remote => {
                "name the repository and its revision among the bundle's `sources`, so that it travels along"
            }
            Cause::RemoteChart => {
                "put the chart into the tree, or name it among the bundle's `sources`, so that it travels along"
            }
            Cause::HelmOff => "render charts too with `--enable-helm`",
            Cause::Chart => "correct the values or the chart; `airlock template` renders it alone",
            Cause::Random => "give the chart the password, key or certificate among its values",
            Cause::Plugin => "no program runs while a bundle is rendered; use what is built in",
            Cause::Duplicate => "take one of the two out, or turn it into a patch",
            Cause::Target => "correct the name, kind or namespace that it looks for",
            Cause::Limit => "split the kustomization",
        }
    }
}

impl From<crate::yaml::Error> for Error {
    fn from(error: crate::yaml::Error) -> Self {
        Self::new(error.to_string())
    }
}
