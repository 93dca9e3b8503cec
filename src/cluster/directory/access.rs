//! Who may do what: the Roles and ClusterRoles in the directory, asked as a cluster's RBAC authorizer asks them.

use serde_json::Value;

use super::{
    core::{Core, refuse},
    serve::Kind,
};
use crate::{
    cluster::{Error, groups},
    object::Object,
    render::ServiceAccount,
};

const RBAC: &str = "rbac.authorization.k8s.io";

/// A request that needs a right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) verb: &'a str,
    pub(super) subresource: &'a str,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

impl Core {
    /// Refuses what the account may not do.
    pub(super) fn authorize(
        &self,
        account: &ServiceAccount,
        kind: &Kind,
        asked: Asked<'_>,
    ) -> Result<(), Error> {
        if self.allows(account, kind, asked) {
            return Ok(());
        }
        let resource = &kind.resource;
        let mut what = resource.plural.clone();
        if !asked.subresource.is_empty() {
            what = format!("{what}/{}", asked.subresource);
        }
        let place = if asked.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {:?}", asked.namespace)
        };
        let text = format!(
            "{} {:?} is forbidden: User {:?} cannot {} resource {what:?} in API group {:?} {place}",
            kind.qualified(),
            asked.name,
            account.user(),
            asked.verb,
            resource.gvk.group,
        );
        Err(refuse(403, "Forbidden", text))
    }

    fn allows(&self, account: &ServiceAccount, kind: &Kind, asked: Asked<'_>) -> bool {
        let objects = self.log.state.objects.values().map(|it| &*it.object);
        let bindings = objects.filter(|it| {
            it.gvk().is(RBAC, "ClusterRoleBinding")
                || it.gvk().is(RBAC, "RoleBinding")
                    && !asked.namespace.is_empty()
                    && it.namespace() == Some(asked.namespace)
        });
        let mut bound = bindings.filter(|it| names(it, account));
        bound.any(|binding| {
            let role = self.role(binding);
            let rules = role.and_then(|it| it.get(&["rules"])).and_then(Value::as_array);
            rules.into_iter().flatten().any(|rule| permits(rule, kind, asked))
        })
    }

    fn role(&self, binding: &Object) -> Option<&Object> {
        let (kind, name) = (binding.text(&["roleRef", "kind"])?, binding.text(&["roleRef", "name"])?);
        let namespace = if kind == "Role" { binding.namespace() } else { None };
        let mut objects = self.log.state.objects.values().map(|it| &*it.object);
        objects.find(|it| it.gvk().is(RBAC, kind) && it.name() == name && it.namespace() == namespace)
    }
}

fn names(binding: &Object, account: &ServiceAccount) -> bool {
    let subjects = binding.get(&["subjects"]).and_then(Value::as_array);
    subjects.into_iter().flatten().any(|subject| {
        let text = |key: &str| subject.get(key).and_then(Value::as_str).unwrap_or("");
        match text("kind") {
            "ServiceAccount" => {
                text("name") == account.name && text("namespace") == account.namespace.as_str()
            }
            "User" => text("name") == account.user(),
            "Group" => groups(account).iter().any(|group| group == text("name")),
            _ => false,
        }
    })
}

fn permits(rule: &Value, kind: &Kind, asked: Asked<'_>) -> bool {
    let has = |key: &str, wanted: &[&str]| {
        let list = rule.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).any(|it| it == "*" || wanted.contains(&it))
    };
    let plural = kind.resource.plural.as_str();
    let (with, any) = (format!("{plural}/{}", asked.subresource), format!("*/{}", asked.subresource));
    let resources: &[&str] = if asked.subresource.is_empty() { &[plural] } else { &[&with, &any] };
    let named = match rule.get("resourceNames").and_then(Value::as_array) {
        Some(names) if !names.is_empty() => names.iter().any(|it| it.as_str() == Some(asked.name)),
        _ => true,
    };
    has("verbs", &[asked.verb])
        && has("apiGroups", &[&kind.resource.gvk.group])
        && has("resources", resources)
        && named
}
