//! Which kinds live in a namespace, for where no server can be asked.

use std::{collections::BTreeMap, sync::LazyLock};

use super::{GroupKind, Object, order::is_definition};

/// The kinds of Kubernetes 1.33 to 1.37: group (`-` is the core group), kind, scope, releases. Printed by
/// `tests/oracle/object` from the markers that Kubernetes generates its own clients from.
const TABLE: &str = include_str!("scope.txt");

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// In the cluster as a whole.
    Cluster,
    /// In a namespace.
    Namespaced,
}

/// The scopes that are known: those of the built-in kinds, and what definitions add.
///
/// ```
/// use airlock::object::{GroupKind, scope::{Scope, Scopes}};
/// let scopes = Scopes::built_in();
/// assert_eq!(scopes.of(&"Namespace".parse::<GroupKind>().unwrap()), Some(Scope::Cluster));
/// assert_eq!(scopes.of(&"apps/Deployment".parse::<GroupKind>().unwrap()), Some(Scope::Namespaced));
/// assert_eq!(scopes.of(&"example.com/Widget".parse::<GroupKind>().unwrap()), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scopes {
    defined: BTreeMap<GroupKind, Scope>,
}

static BUILT_IN: LazyLock<BTreeMap<GroupKind, Scope>> = LazyLock::new(|| {
    let line = |line: &str| {
        let mut words = line.split(' ');
        let (group, kind, scope) = (words.next()?, words.next()?, words.next()?);
        let group = if group == "-" { "" } else { group };
        let scope = if scope == "Cluster" { Scope::Cluster } else { Scope::Namespaced };
        Some((GroupKind { group: group.to_owned(), kind: kind.to_owned() }, scope))
    };
    TABLE.lines().filter_map(line).collect()
});

impl Scopes {
    /// The built-in kinds alone.
    pub fn built_in() -> Self {
        Self::default()
    }

    /// The built-in kinds and those that CustomResourceDefinitions among `objects` define.
    pub fn with_definitions<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Self {
        let mut scopes = Self::default();
        for object in objects {
            scopes.define(object);
        }
        scopes
    }

    /// Adds what a CustomResourceDefinition defines; other objects define nothing.
    pub fn define(&mut self, object: &Object) {
        if !is_definition(object) {
            return;
        }
        let text = |path: &[&str]| object.text(path).map(str::to_owned);
        let scope = match object.text(&["spec", "scope"]) {
            Some("Cluster") => Scope::Cluster,
            Some("Namespaced") => Scope::Namespaced,
            _ => return,
        };
        if let (Some(group), Some(kind)) = (text(&["spec", "group"]), text(&["spec", "names", "kind"])) {
            self.defined.insert(GroupKind { group, kind }, scope);
        }
    }

    /// Adds what a server said in its discovery.
    pub fn insert(&mut self, kind: GroupKind, scope: Scope) {
        self.defined.insert(kind, scope);
    }

    /// The scope of a kind, where it is known.
    pub fn of(&self, kind: &GroupKind) -> Option<Scope> {
        self.defined.get(kind).or_else(|| BUILT_IN.get(kind)).copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn definitions_add_their_kind() {
        let definition = |scope: &str| {
            Object::new(
                json!({
                    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                    "metadata": {"name": "widgets.example.com"},
                    "spec": {"group": "example.com", "names": {"kind": "Widget"}, "scope": scope},
                }),
                "test",
            )
            .unwrap()
        };
        let widget: GroupKind = "example.com/Widget".parse().unwrap();
        let of = |scope| Scopes::with_definitions([&definition(scope)]).of(&widget);
        assert_eq!(of("Cluster"), Some(Scope::Cluster));
        assert_eq!(of("Namespaced"), Some(Scope::Namespaced));
        assert_eq!(of("Elsewhere"), None);
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        assert_eq!(BUILT_IN.len(), TABLE.lines().count());
        for (text, scope) in [
            ("rbac.authorization.k8s.io/ClusterRole", Scope::Cluster),
            ("rbac.authorization.k8s.io/Role", Scope::Namespaced),
            ("apiextensions.k8s.io/CustomResourceDefinition", Scope::Cluster),
            ("apiregistration.k8s.io/APIService", Scope::Cluster),
            ("storage.k8s.io/CSIStorageCapacity", Scope::Namespaced),
            ("Secret", Scope::Namespaced),
        ] {
            assert_eq!(Scopes::built_in().of(&text.parse().unwrap()), Some(scope), "{text}");
        }
    }
}
