//! What identifies an object whatever its version: the line of an inventory, the subject of an event.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::GroupKind;

/// Namespace, name, group and kind. `Display` is how Flux's events and errors name an object: `Kind/namespace/name`.
///
/// ```
/// use airlock::object::ObjectId;
/// let id: ObjectId = "flux-system_podinfo_apps_Deployment".parse()?;
/// assert_eq!(id.to_string(), "Deployment/flux-system/podinfo");
/// assert_eq!(id.inventory(), "flux-system_podinfo_apps_Deployment");
/// # Ok::<(), airlock::object::id::NotAnId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// The namespace; empty for cluster-wide objects.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Group and kind.
    pub group_kind: GroupKind,
}

/// The text is not `<namespace>_<name>_<group>_<kind>`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an inventory entry of the form <namespace>_<name>_<group>_<kind>")]
pub struct NotAnId(String);

const RBAC: &str = "rbac.authorization.k8s.io";

impl ObjectId {
    /// `<namespace>_<name>_<group>_<kind>`, the entry of Flux's inventory. Names of RBAC objects may have colons, which
    /// are written `__` (cli-utils `ObjMetadata.String`).
    pub fn inventory(&self) -> String {
        let GroupKind { group, kind } = &self.group_kind;
        let colons = group == RBAC
            && matches!(kind.as_str(), "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding");
        let name = if colons { self.name.replace(':', "__") } else { self.name.clone() };
        format!("{}_{name}_{group}_{kind}", self.namespace)
    }
}

impl FromStr for ObjectId {
    type Err = NotAnId;

    /// The first part is the namespace, the last two are group and kind; `__` in what is left is a colon, whatever the
    /// kind (cli-utils `ParseObjMetadata`).
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let parts = || {
            let (namespace, rest) = text.split_once('_')?;
            let (rest, kind) = rest.rsplit_once('_')?;
            let (name, group) = rest.rsplit_once('_')?;
            let group_kind = GroupKind { group: group.to_owned(), kind: kind.to_owned() };
            Some(Self { namespace: namespace.to_owned(), name: name.replace("__", ":"), group_kind })
        };
        parts().ok_or_else(|| NotAnId(text.chars().filter(|c| !c.is_control()).take(80).collect()))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.group_kind.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.inventory())
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
