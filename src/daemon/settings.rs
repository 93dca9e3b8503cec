//! `/etc/airlock/airlock.yaml`: what a person writes, and what the agent makes of it.

mod sources;

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf};

use serde::Deserialize;

use crate::{
    bundle::kubernetes_minor,
    duration::GoDuration,
    fault::{Class, Fault},
    name::{ChannelName, ClusterId},
    plan::Budget,
    reconcile::Followed,
    trust::Audience,
};

use sources::FragmentSource;

/// The configuration of a node, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The cluster that this node belongs to.
    pub cluster: ClusterId,
    /// The channels that it follows.
    pub channels: Vec<ChannelName>,
    /// Whether a bundle for a pattern of clusters is taken.
    pub audience_wildcards: bool,
    /// Clusters for which it verifies, keeps and hands on what it never activates.
    pub relay_for: Vec<ClusterId>,
    /// Whether it applies, or only stores.
    pub role: NodeRole,
    /// The store.
    pub store: PathBuf,
    /// The site's answers.
    pub site: PathBuf,
    /// Where the store id is kept, so that a lost state is noticed.
    pub store_id: PathBuf,
    /// The agent's socket.
    pub socket: PathBuf,
    /// Directories below which sticks are mounted.
    pub media: Vec<PathBuf>,
    /// Places on the network that are asked for bundles.
    pub sources: Vec<Followed>,
    /// Whether a complete bundle becomes active by itself.
    pub activate: Activation,
    /// Where objects go.
    pub target: Option<Target>,
    /// How much may be deleted without the operator's word.
    pub deletion: Budget,
    /// How often everything is looked at again, changed or not.
    pub interval: GoDuration,
    /// How many bundles of a channel are kept beside those in use.
    pub keep: usize,
    /// The version of Kubernetes where it cannot be asked, `1.NN`.
    pub kubernetes: Option<String>,
    /// The architecture whose images the node needs, as Go names it.
    pub arch: String,
    /// Where the agent listens beside its socket.
    pub listen: Listen,
}

/// Where the agent listens beside its socket; nowhere, unless the configuration says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// The read-only registry of what was accepted. Whoever can connect can read it.
    #[serde(default)]
    pub mirror: Option<SocketAddr>,
    /// Prometheus' metrics, and the probes.
    #[serde(default)]
    pub metrics: Option<SocketAddr>,
}

/// What a node does beside keeping bundles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeRole {
    /// Verifies and keeps.
    Store,
    /// Applies, too.
    Apply,
}

/// When a staged bundle becomes active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// As soon as it is complete and its plan is within the budget.
    Auto,
    /// When the operator says `airlock activate`.
    Manual,
}

/// Where objects go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A directory that stands in for a cluster.
    Directory(PathBuf),
    /// An API server, by a kubeconfig.
    Kubeconfig(PathBuf),
    /// The API server of the pod that the agent runs in.
    InCluster,
}

/// The configuration is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {why}")]
pub struct Invalid {
    /// The file as it was named.
    pub file: String,
    /// What is wrong, with line and column where there is one.
    pub why: String,
    /// What to write instead.
    pub fix: String,
}

impl Fault for Invalid {
    fn code(&self) -> &'static str {
        "config"
    }

    fn class(&self) -> Class {
        Class::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some(self.fix.clone())
    }
}

/// What a person writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Fragment {
    cluster: ClusterId,
    channels: Vec<ChannelName>,
    #[serde(default)]
    audience_wildcards: bool,
    #[serde(default)]
    relay_for: Vec<ClusterId>,
    #[serde(default = "Fragment::role")]
    role: NodeRole,
    #[serde(default = "Fragment::store")]
    store: PathBuf,
    #[serde(default = "Fragment::site")]
    site: PathBuf,
    #[serde(default = "Fragment::store_id")]
    store_id: PathBuf,
    #[serde(default = "Fragment::socket")]
    socket: PathBuf,
    #[serde(default)]
    media: Vec<PathBuf>,
    #[serde(default)]
    sources: Vec<FragmentSource>,
    #[serde(default = "Fragment::activate")]
    activate: Activation,
    #[serde(default)]
    apply: Option<FragmentTarget>,
    #[serde(default)]
    deletion: Option<FragmentBudget>,
    #[serde(default = "Fragment::interval")]
    interval: GoDuration,
    #[serde(default = "Fragment::keep")]
    keep: usize,
    #[serde(default)]
    kubernetes: Option<String>,
    #[serde(default)]
    arch: Option<String>,
    #[serde(default)]
    listen: Listen,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct FragmentTarget {
    #[serde(default)]
    directory: Option<PathBuf>,
    #[serde(default)]
    kubeconfig: Option<PathBuf>,
    #[serde(default)]
    in_cluster: Option<bool>,
}

impl FragmentTarget {
    /// The one that is named; nothing when it is none or several.
    fn target(self) -> Option<Target> {
        match (self.directory, self.kubeconfig, self.in_cluster.unwrap_or(false)) {
            (Some(path), None, false) => Some(Target::Directory(path)),
            (None, Some(path), false) => Some(Target::Kubeconfig(path)),
            (None, None, true) => Some(Target::InCluster),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FragmentBudget {
    #[serde(default)]
    count: Option<u64>,
    #[serde(default)]
    percent: Option<u8>,
}

impl Fragment {
    fn role() -> NodeRole {
        NodeRole::Apply
    }

    fn store() -> PathBuf {
        "/var/lib/airlock".into()
    }

    fn site() -> PathBuf {
        "/etc/airlock/site.yaml".into()
    }

    fn store_id() -> PathBuf {
        "/etc/airlock/store-id".into()
    }

    fn socket() -> PathBuf {
        "/run/airlock/airlock.sock".into()
    }

    fn activate() -> Activation {
        Activation::Auto
    }

    fn interval() -> GoDuration {
        GoDuration::from_secs(600)
    }

    fn keep() -> usize {
        3
    }
}

impl Settings {
    /// Reads a configuration. `file` names it in errors; `arch` is the machine's own architecture as Go names it.
    ///
    /// # Errors
    /// With line, column and what to write, when a key is unknown, missing, of another type, or contradicts another.
    pub fn parse(file: &str, text: &str, arch: &str) -> Result<Self, Invalid> {
        let invalid = |why: String, fix: &str| Invalid { file: file.into(), why, fix: fix.into() };
        let fragment: Fragment = serde_yaml::from_str(text).map_err(|error| {
            invalid(
                error.to_string(),
                "`airlock generate config` prints a configuration with every key explained",
            )
        })?;
        if fragment.channels.is_empty() {
            return Err(invalid(
                "`channels` is empty".into(),
                "name at least one channel to follow, as in `channels: [platform]`",
            ));
        }
        let distinct: BTreeSet<&ChannelName> = fragment.channels.iter().collect();
        if distinct.len() != fragment.channels.len() {
            return Err(invalid("`channels` names a channel twice".into(), "name each channel once"));
        }
        if fragment.relay_for.contains(&fragment.cluster) {
            let why = format!("`relayFor` names this node's own cluster `{}`", fragment.cluster);
            return Err(invalid(why, "take it out: a node keeps its own bundles anyway"));
        }
        if fragment.role == NodeRole::Apply && fragment.apply.is_none() {
            let fix = "say where objects go, as in `apply: {kubeconfig: /etc/airlock/kubeconfig}`, or set `role: store`";
            return Err(invalid("`role: apply` needs `apply`".into(), fix));
        }
        let target = match fragment.apply.map(FragmentTarget::target) {
            Some(None) => {
                let fix = "name one of them, as in `apply: {kubeconfig: /etc/airlock/kubeconfig}`";
                let why = "`apply` names not exactly one of `kubeconfig`, `inCluster: true` and `directory`";
                return Err(invalid(why.into(), fix));
            }
            target => target.flatten(),
        };
        if let Some(version) = &fragment.kubernetes
            && kubernetes_minor(version).is_none()
        {
            return Err(invalid(
                format!("`kubernetes: {version}` is not a version"),
                "write it as in `kubernetes: \"1.36\"`",
            ));
        }
        let deletion = match fragment.deletion {
            None => Budget::default(),
            Some(FragmentBudget { percent: Some(percent), .. }) if percent > 100 => {
                return Err(invalid(
                    format!("`deletion.percent: {percent}` is more than all"),
                    "give a share from 0 to 100",
                ));
            }
            Some(FragmentBudget { count, percent }) => {
                let default = Budget::default();
                Budget { count: count.unwrap_or(default.count), percent: percent.unwrap_or(default.percent) }
            }
        };
        let sources = sources::followed(fragment.sources, &fragment.channels)
            .map_err(|sources::Wrong { why, fix }| invalid(why, fix))?;
        Ok(Self {
            cluster: fragment.cluster,
            channels: fragment.channels,
            audience_wildcards: fragment.audience_wildcards,
            relay_for: fragment.relay_for,
            role: fragment.role,
            store: fragment.store,
            site: fragment.site,
            store_id: fragment.store_id,
            socket: fragment.socket,
            media: fragment.media,
            sources,
            activate: fragment.activate,
            target,
            deletion,
            interval: fragment.interval,
            keep: fragment.keep,
            kubernetes: fragment.kubernetes,
            arch: fragment.arch.unwrap_or_else(|| arch.to_owned()),
            listen: fragment.listen,
        })
    }

    /// Whose bundles are taken for `cluster`: this node's own, or one that it relays for.
    pub fn audience(&self, cluster: &ClusterId) -> Audience {
        let (channels, wildcards) = (self.channels.clone(), self.audience_wildcards);
        Audience { cluster: cluster.clone(), channels, wildcards }
    }

    /// The clusters for which bundles are taken, this node's own first.
    pub fn clusters(&self) -> impl Iterator<Item = &ClusterId> {
        std::iter::once(&self.cluster).chain(&self.relay_for)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a configuration with this in it says of where objects go.
    #[track_caller]
    fn check(apply: &str, expect: Result<Option<Target>, &str>) {
        let text = format!("cluster: ship-7\nchannels: [platform]\n{apply}\n");
        let parsed = Settings::parse("airlock.yaml", &text, "amd64").map(|it| it.target);
        assert_eq!(
            parsed.as_ref().map_err(|it| it.why.as_str()),
            expect.as_ref().map_err(|it| *it),
            "{apply}"
        );
    }

    #[test]
    fn where_objects_go() {
        const ONE: &str = "`apply` names not exactly one of `kubeconfig`, `inCluster: true` and `directory`";
        check("apply: {kubeconfig: /k}", Ok(Some(Target::Kubeconfig("/k".into()))));
        check("apply: {directory: /d}", Ok(Some(Target::Directory("/d".into()))));
        check("apply: {inCluster: true}", Ok(Some(Target::InCluster)));
        check("role: store", Ok(None));
        check("apply: {}", Err(ONE));
        check("apply: {inCluster: false}", Err(ONE));
        check("apply: {kubeconfig: /k, directory: /d}", Err(ONE));
        check("apply: {kubeconfig: /k, inCluster: true}", Err(ONE));
        check("role: apply", Err("`role: apply` needs `apply`"));
    }
}
