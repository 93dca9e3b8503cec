//! A real API server in the place of the demo's directory: looked at and edited with the agent's own client.

use std::path::Path;

use airlock::{
    cluster::{
        ApplyOptions, Cluster as _, Error, ListOptions, Reference,
        api::{Access, ApiServer},
    },
    object::{Gvk, Object},
    plan::NAMESPACE,
};
use anyhow::{Context as _, Result, bail};
use serde_json::json;

/// The namespace of the example.
const EXAMPLE: &str = "harbour";

/// The Deployment that somebody edits by hand.
const WORKLOAD: &str = "planner";

/// The server.
pub(super) struct Server {
    client: ApiServer,
    runtime: tokio::runtime::Runtime,
}

impl Server {
    /// The server of a kubeconfig. One that an agent keeps already, or that has a namespace of the example's name, is not
    /// the demo's to play with.
    pub(super) fn open(kubeconfig: &Path) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let client = ApiServer::new(Access::Kubeconfig(kubeconfig.to_owned()));
        let it = Self { client, runtime };
        for name in [NAMESPACE, EXAMPLE] {
            let at = Reference::new(kind("v1", "Namespace")?, "", name);
            match it.runtime.block_on(it.client.get(&at)) {
                Err(Error::NotFound(_)) => (),
                Ok(_) => bail!(
                    "the cluster has a namespace `{name}` already, and the demo takes none that is in use; after an \
                     earlier demo: kubectl delete namespace {NAMESPACE} {EXAMPLE}"
                ),
                Err(error) => return Err(error).context("the cluster cannot be asked"),
            }
        }
        Ok(it)
    }

    /// What the example has in the cluster, one line for each object.
    pub(super) fn objects(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let options = ListOptions::in_namespace(EXAMPLE).with_label_key(airlock::render::CHANNEL_LABEL);
        for resource in self.runtime.block_on(self.client.resources())? {
            let once = !["v1beta1", "v1beta2", "v1alpha1"].contains(&resource.gvk.version.as_str());
            if !(resource.namespaced && resource.is_listed() && once) {
                continue;
            }
            if let Ok((found, _)) = self.runtime.block_on(self.client.list_metadata(&resource.gvk, &options))
            {
                lines.extend(found.iter().map(|it| it.as_object().id().to_string()));
            }
        }
        lines.sort();
        lines.dedup();
        Ok(lines)
    }

    /// How many replicas the workload is to have.
    pub(super) fn replicas(&self) -> Result<i64> {
        let live = self.runtime.block_on(self.client.get(&Self::workload()?))?;
        live.get(&["spec", "replicas"]).and_then(|it| it.as_i64()).context("a deployment has replicas")
    }

    /// Scales the workload, as `kubectl scale` does.
    pub(super) fn scale(&self, replicas: i64) -> Result<()> {
        let scaled = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": WORKLOAD, "namespace": EXAMPLE}, "spec": {"replicas": replicas}});
        let scaled = Object::new(scaled, "scaled")?;
        self.runtime.block_on(self.client.apply(&scaled, &ApplyOptions::force("by-hand")))?;
        Ok(())
    }

    fn workload() -> Result<Reference> {
        Ok(Reference::new(kind("apps/v1", "Deployment")?, EXAMPLE, WORKLOAD))
    }
}

fn kind(api_version: &str, kind: &str) -> Result<Gvk> {
    Gvk::parse(api_version, kind).context("a kind")
}
