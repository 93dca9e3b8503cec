use crate::{
    archive,
    fault::{Class, Fault},
};

/// Why a chart is not rendered. The words are those of Helm, so that whoever knows its errors knows these.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no chart.
    #[error("{0}")]
    Chart(String),
    /// It is no archive that we read.
    #[error("unable to load chart archive")]
    Archive(#[source] archive::Error),
    /// A chart that it stands on is not in it.
    #[error(
        "an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to \
         fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: {0}"
    )]
    Missing(String),
    /// The name of the release is none.
    #[error("{0}")]
    Name(String),
    /// Values that cannot be read, or do not fit.
    #[error("{0}")]
    Values(String),
    /// Values that the chart's schema does not allow.
    #[error("{0}")]
    Schema(String),
    /// The chart is for other versions of Kubernetes.
    #[error("{0}")]
    KubeVersion(String),
    /// A template is none, or fails.
    #[error("{0}")]
    Template(String),
    /// A template writes what is no object.
    #[error("{0}")]
    Manifest(String),
    /// A template takes more than a render may use.
    #[error("{0}")]
    Limit(String),
    /// A template draws what is random, and there is nothing to derive it from.
    #[error("the chart asks for something random, and the secret of the cluster is not known here")]
    Random,
    /// A record of a release that cannot be read.
    #[error("{0}")]
    Record(String),
}

impl Error {
    /// Whether no value can mend it: it is the chart itself that cannot be read.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Chart(_) | Self::Archive(_) | Self::Missing(_) | Self::Name(_) | Self::KubeVersion(_) => {
                true
            }
            // So the original words what its parser refuses.
            Self::Template(text) => text.starts_with("parse error at "),
            _ => false,
        }
    }

    /// Whether the original fails only as it renders, and could show what is there so far.
    pub fn is_late(&self) -> bool {
        matches!(self, Self::KubeVersion(_) | Self::Template(_) | Self::Manifest(_) | Self::Limit(_))
    }
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Chart(_) => "chart",
            Self::Archive(error) => error.code(),
            Self::Missing(_) => "chart_dependency",
            Self::Name(_) => "release_name",
            Self::Values(_) => "values",
            Self::Schema(_) => "values_schema",
            Self::KubeVersion(_) => "kube_version",
            Self::Template(_) => "template",
            Self::Manifest(_) => "manifest",
            Self::Limit(_) => "limit",
            Self::Random => "random",
            Self::Record(_) => "release_record",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Archive(error) => error.class(),
            _ => Class::Invalid,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Archive(error) => return error.hint(),
            Self::Chart(_) => "correct the chart; `airlock lint` tells all that is wrong with it at once",
            Self::Missing(_) => {
                "put the charts that it stands on into its `charts/` directory and build again"
            }
            Self::Name(_) => "give the release a name of lower-case letters, digits and `-`, at most 53",
            Self::Values(_) => "correct the values",
            Self::Schema(_) => "correct the values; the chart's `values.schema.json` says what it takes",
            Self::KubeVersion(_) => "use a version of the chart that is for this version of Kubernetes",
            Self::Template(_) => "correct the values that the template reads, or the template",
            Self::Manifest(_) => "correct the template; `airlock template --debug` shows what it writes",
            Self::Limit(_) => "look for a template that includes itself or repeats without end",
            Self::Random => "give the chart the password, key or certificate among its values",
            Self::Record(_) => return None,
        };
        Some(text.to_owned())
    }
}
