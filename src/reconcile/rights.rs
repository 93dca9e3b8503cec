//! The rights that the agent needs in a cluster for what its channels bring, and no more: `airlock generate rbac`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{desired::Desired, node::Node};
use crate::{
    cluster::{Cluster, groups},
    fault::{Class, Report},
    object::{GroupKind, Gvk, Object},
    plan::NAMESPACE,
    render::ServiceAccount,
};

/// The name of everything that is made here.
const NAME: &str = "airlock";

/// As whom the agent talks to the server, as RBAC names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A service account: `system:serviceaccount:NAMESPACE:NAME`.
    Account {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A user of a client certificate or a token.
    User(String),
}

/// What was found out about all channels.
#[derive(Debug, Default)]
struct Needs {
    /// What the agent itself writes: by namespace, empty for what has none.
    written: BTreeMap<String, BTreeSet<(String, String)>>,
    /// What is followed for drift, and read before it is written.
    followed: BTreeSet<(String, String)>,
    /// Whose rights are used.
    accounts: BTreeSet<ServiceAccount>,
    /// Whether the agent itself writes roles, or bindings: the server asks for a right of its own.
    roles: BTreeSet<&'static str>,
    /// Whether it writes workloads, whose pods and events explain what is wrong.
    workloads: bool,
    /// Whether it may have to count what goes along with a namespace or a definition.
    takes_along: bool,
}

impl Node {
    /// The objects that give the agent its rights, for the staged bundle of each channel and for the active one.
    ///
    /// # Errors
    /// When there is no bundle, or it cannot be rendered.
    pub async fn rights(self: &Arc<Self>, subject: &Subject) -> Result<Vec<Value>, Report> {
        let cluster = self.cluster()?;
        let mut needs = Needs::default();
        let mut any = false;
        for channel in self.own_channels() {
            let state = self.channel_state(&channel);
            for (held, site) in [(state.active, state.inputs.clone()), (state.staged, None)] {
                let Some(held) = held else { continue };
                let content = self.content(&channel, &held)?;
                let site = site.map_or_else(|| self.site(&content), Ok)?;
                let desired = self.desire(&cluster, &content, site, true).await?;
                needs.add(&cluster, &desired).await;
                any = true;
            }
        }
        if !any {
            let text = "no bundle was accepted, so nothing is known that rights are needed for";
            return Err(Report::new("no_bundle", Class::Invalid, text, Some("import one first")));
        }
        Ok(needs.objects(subject))
    }
}

impl Needs {
    async fn add(&mut self, cluster: &Arc<dyn Cluster>, desired: &Desired) {
        let defined = defined(desired);
        for rendered in desired.entries.values() {
            let account = rendered.spec().service_account.clone();
            for object in rendered.objects() {
                let gvk = object.gvk();
                let resource = match (cluster.resource(gvk).await, defined.get(&gvk.group_kind())) {
                    (Ok(resource), _) => resource.plural,
                    (Err(_), Some(plural)) => plural.clone(),
                    // Nobody serves it and nobody defines it: Kubernetes' own way to name things is the best guess.
                    (Err(_), None) => guessed(gvk),
                };
                let place = (gvk.group.clone(), resource);
                self.followed.insert(place.clone());
                if account.is_some() {
                    continue;
                }
                self.note(object);
                self.written.entry(object.namespace().unwrap_or("").to_owned()).or_default().insert(place);
            }
            self.accounts.extend(account);
        }
    }

    fn note(&mut self, object: &Object) {
        let gvk = object.gvk();
        match (gvk.group.as_str(), gvk.kind.as_str()) {
            ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => drop(self.roles.insert("escalate")),
            ("rbac.authorization.k8s.io", _) => drop(self.roles.insert("bind")),
            ("apps" | "batch", _) | ("", "Pod") => self.workloads = true,
            ("", "Namespace") | ("apiextensions.k8s.io", _) => self.takes_along = true,
            _ => (),
        }
    }

    fn objects(&self, subject: &Subject) -> Vec<Value> {
        let space = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let mut all = vec![space(NAMESPACE)];
        // Roles lie in namespaces that the bundle may be about to bring.
        let spaces =
            self.written.keys().cloned().chain(self.accounts.iter().map(|it| it.namespace.to_string()));
        let spaces: BTreeSet<String> = spaces.filter(|it| !it.is_empty() && it != NAMESPACE).collect();
        all.extend(spaces.iter().map(|it| space(it)));
        if let Subject::Account { namespace, name } = subject {
            all.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}));
        }
        let own = vec![
            rule("", ["configmaps"], &["create", "delete", "get", "list", "patch", "update"]),
            rule("", ["secrets"], &["create"]),
            json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["cluster-secret"], "verbs": ["get"]}),
            rule("coordination.k8s.io", ["leases"], &["create", "get", "update"]),
            rule("", ["events"], &["create"]),
        ];
        all.extend(bound("Role", NAMESPACE, own, subject));
        for (namespace, written) in self.written.iter().filter(|(namespace, _)| !namespace.is_empty()) {
            let mut rules = rules(written, &["create", "delete", "patch"]);
            rules.extend(self.impersonated(namespace));
            all.extend(bound("Role", namespace, rules, subject));
        }
        let elsewhere = self.accounts.iter().map(|it| it.namespace.to_string());
        let elsewhere: BTreeSet<String> = elsewhere.filter(|it| !self.written.contains_key(it)).collect();
        for namespace in elsewhere {
            all.extend(bound(
                "Role",
                &namespace,
                self.impersonated(&namespace).into_iter().collect(),
                subject,
            ));
        }
        all.extend(bound("ClusterRole", "", self.cluster_wide(), subject));
        all
    }

    /// The right to act as the accounts of one namespace.
    fn impersonated(&self, namespace: &str) -> Option<Value> {
        let names = self.accounts.iter().filter(|it| it.namespace.as_str() == namespace);
        let names: Vec<&str> = names.map(|it| it.name.as_str()).collect();
        (!names.is_empty()).then(|| {
            json!({"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": names, "verbs": ["impersonate"]})
        })
    }

    fn cluster_wide(&self) -> Vec<Value> {
        let mut followed = self.followed.clone();
        // Inventories are followed with the rest.
        followed.insert((String::new(), "configmaps".to_owned()));
        let mut all = rules(&followed, &["get", "list", "watch"]);
        if let Some(written) = self.written.get("") {
            all.extend(rules(written, &["create", "delete", "patch"]));
        }
        if !self.roles.is_empty() {
            let verbs: Vec<&str> = self.roles.iter().copied().collect();
            all.push(rule("rbac.authorization.k8s.io", ["roles", "clusterroles"], &verbs));
        }
        if self.workloads {
            all.push(rule("", ["pods", "events"], &["list"]));
            all.push(rule("apps", ["replicasets"], &["list"]));
        }
        if self.takes_along {
            all.push(rule("apiextensions.k8s.io", ["customresourcedefinitions"], &["get", "list"]));
            all.push(rule("apiregistration.k8s.io", ["apiservices"], &["list"]));
            // What goes along with a namespace is counted before it is deleted, whatever it is.
            all.push(rule("*", ["*"], &["list"]));
        }
        if !self.accounts.is_empty() {
            let names: BTreeSet<String> = self.accounts.iter().flat_map(groups).collect();
            all.push(json!({"apiGroups": [""], "resources": ["groups"], "resourceNames": names, "verbs": ["impersonate"]}));
        }
        all
    }
}

/// The plural names of what the bundle itself defines.
fn defined(desired: &Desired) -> BTreeMap<GroupKind, String> {
    let objects = desired.entries.values().flat_map(|it| it.objects());
    let definitions = objects.filter(|it| it.gvk().is("apiextensions.k8s.io", "CustomResourceDefinition"));
    let named = |it: &Object| {
        let text = |path: &[&str]| it.text(path).map(str::to_owned);
        let kind = GroupKind { group: text(&["spec", "group"])?, kind: text(&["spec", "names", "kind"])? };
        Some((kind, text(&["spec", "names", "plural"])?))
    };
    definitions.filter_map(named).collect()
}

fn guessed(gvk: &Gvk) -> String {
    let name = gvk.kind.to_ascii_lowercase();
    match name.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if name.ends_with(['s', 'x']) => name + "es",
        None => name + "s",
    }
}

fn rule<const N: usize>(group: &str, resources: [&str; N], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources.as_slice(), "verbs": verbs})
}

/// One rule for each group.
fn rules(places: &BTreeSet<(String, String)>, verbs: &[&str]) -> Vec<Value> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (group, resource) in places {
        groups.entry(group).or_default().push(resource);
    }
    let rule = |(group, resources): (&str, Vec<&str>)| json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    groups.into_iter().map(rule).collect()
}

/// A role and its binding.
fn bound(kind: &str, namespace: &str, rules: Vec<Value>, subject: &Subject) -> [Value; 2] {
    let metadata = match namespace {
        "" => json!({"name": NAME}),
        namespace => json!({"name": NAME, "namespace": namespace}),
    };
    let subject = match subject {
        Subject::Account { namespace, name } => {
            json!({"kind": "ServiceAccount", "name": name, "namespace": namespace})
        }
        Subject::User(name) => json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}),
    };
    let version = "rbac.authorization.k8s.io/v1";
    [
        json!({"apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules}),
        json!({"apiVersion": version, "kind": format!("{kind}Binding"), "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": NAME}, "subjects": [subject]}),
    ]
}
