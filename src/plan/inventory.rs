//! What was applied for an entry, as the cluster remembers it.
//!
//! One ConfigMap an entry, in [`NAMESPACE`], where no channel reaches:
//!
//! ```text
//! metadata.name         inventory.<channel>.<entry>, shortened by a hash where it would not fit
//! metadata.labels       the entry's own labels, so that a selector finds it
//! data.record           one line of JSON: owner, bundle, generation, prune
//! data.entries          a list in Flux's form, one entry a line: {"id":"<namespace>_<name>_<group>_<kind>","v":"v1"}
//! data.attempted        the same of what was begun and not finished; left out where there is nothing
//! binaryData.*.zst      either list, compressed, where it would not fit
//! ```

use std::{collections::BTreeMap, io::Read as _};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    digest::Digest,
    fault::{Class, Fault},
    object::{GroupKind, Gvk, Object, ObjectId},
    render::{Owner, shortened},
};

/// The agent's own namespace.
pub const NAMESPACE: &str = crate::render::AGENT_NAMESPACE;

/// Above this a list is compressed. A ConfigMap ends at 1 MiB, with both lists and the manager's fields.
const PLAIN_BYTES: usize = 256 * 1024;

/// What the API server takes in one ConfigMap, less room for its metadata.
const LIMIT_BYTES: usize = 1_000 * 1024;

/// A list of 50,000 objects with the longest names that Kubernetes allows.
const UNPACKED_BYTES: u64 = 64 * 1024 * 1024;

/// Kubernetes' limit for a name.
const NAME: usize = 253;

/// What was applied for one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// The entry.
    pub owner: Owner,
    /// The bundle that was applied in full when this was written last; none before the first. A later one that left the same is
    /// noted only where its render read the cluster.
    pub bundle: Option<Digest>,
    /// The generation of the spec that was applied with it.
    pub generation: i64,
    /// Whether the entry prunes; asked when the entry itself is gone.
    pub prune: bool,
    /// What that bundle left, in the order of apply.
    pub entries: Vec<Entry>,
    /// What was begun since and not finished; never in `entries` as well.
    pub attempted: Vec<Entry>,
}

/// One object, in the form of Flux's inventories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The object.
    pub id: ObjectId,
    /// The version in which it was applied.
    pub v: String,
}

impl Entry {
    /// The entry of an object.
    pub fn of(object: &Object) -> Self {
        Self { id: object.id(), v: object.gvk().version.clone() }
    }

    /// The kind with its version.
    pub fn gvk(&self) -> Gvk {
        let GroupKind { group, kind } = self.id.group_kind.clone();
        Gvk { group, version: self.v.clone(), kind }
    }
}

/// Why an inventory cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// Kubernetes takes no ConfigMap that large.
    #[error("the inventory of {owner} does not fit a ConfigMap: {count} objects")]
    TooLarge {
        /// The entry.
        owner: Owner,
        /// How many objects it has.
        count: usize,
    },
    /// Someone changed it into something else.
    #[error("inventory `{name}` is damaged: {why}")]
    Damaged {
        /// The ConfigMap's name.
        name: String,
        /// What is wrong, in words.
        why: String,
    },
}

impl Fault for InventoryError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "inventory_size",
            Self::Damaged { .. } => "inventory_damaged",
        }
    }

    fn class(&self) -> Class {
        Class::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::TooLarge { .. } => "split the entry".into(),
            Self::Damaged { name, .. } => format!(
                "nothing is deleted for the entry until ConfigMap `{NAMESPACE}/{name}` is put right; without it the entry begins anew and deletes nothing that it does not apply again"
            ),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    owner: Owner,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bundle: Option<Digest>,
    generation: i64,
    prune: bool,
}

impl Inventory {
    /// The name of an entry's ConfigMap.
    pub fn name(owner: &Owner) -> String {
        shortened(&format!("inventory.{}.{}", owner.channel, owner.entry), NAME)
    }

    /// The id of an entry's ConfigMap.
    pub fn id(owner: &Owner) -> ObjectId {
        let group_kind = GroupKind { group: String::new(), kind: "ConfigMap".to_owned() };
        ObjectId { namespace: NAMESPACE.to_owned(), name: Self::name(owner), group_kind }
    }

    /// All that may be in the cluster because of the entry.
    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().chain(&self.attempted)
    }

    /// The ConfigMap.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn encode(&self) -> Result<Object, InventoryError> {
        let too_large = || InventoryError::TooLarge { owner: self.owner.clone(), count: self.all().count() };
        let record = Record {
            owner: self.owner.clone(),
            bundle: self.bundle,
            generation: self.generation,
            prune: self.prune,
        };
        let record = serde_json::to_string(&record).expect("text and numbers always serialise");
        let mut size = record.len();
        let mut data = Map::from_iter([("record".to_owned(), Value::from(record + "\n"))]);
        let mut binary = Map::new();
        for (key, list) in [("entries", &self.entries), ("attempted", &self.attempted)] {
            if list.is_empty() && key == "attempted" {
                continue;
            }
            let text = lines(list);
            if text.len() <= PLAIN_BYTES {
                size += text.len();
                data.insert(key.to_owned(), text.into());
            } else {
                let packed = zstd::encode_all(text.as_bytes(), 3).map_err(|_| too_large())?;
                size += packed.len();
                binary.insert(format!("{key}.zst"), BASE64_STANDARD.encode(packed).into());
            }
        }
        if size > LIMIT_BYTES {
            return Err(too_large());
        }
        let labels: BTreeMap<&str, String> = self.owner.labels().into_iter().collect();
        let mut document = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": Self::name(&self.owner), "namespace": NAMESPACE, "labels": labels},
            "data": data,
        });
        if let (Some(fields), false) = (document.as_object_mut(), binary.is_empty()) {
            fields.insert("binaryData".to_owned(), binary.into());
        }
        Ok(Object::new(document, "inventory").expect("it has a kind and a name"))
    }

    /// Reads a ConfigMap.
    ///
    /// # Errors
    /// When it is not what [`Inventory::encode`] writes.
    pub fn decode(object: &Object) -> Result<Self, InventoryError> {
        let damaged = |why: String| InventoryError::Damaged { name: object.name().to_owned(), why };
        let record = object.text(&["data", "record"]).ok_or_else(|| damaged("it has no record".into()))?;
        let record: Record = serde_json::from_str(record).map_err(|error| damaged(error.to_string()))?;
        if object.id() != Self::id(&record.owner) {
            return Err(damaged(format!("it is that of {}", record.owner)));
        }
        let entries = list(object, "entries").map_err(damaged)?;
        let entries = entries.ok_or_else(|| damaged("it has no entries".into()))?;
        let attempted = list(object, "attempted").map_err(damaged)?.unwrap_or_default();
        let Record { owner, bundle, generation, prune } = record;
        Ok(Self { owner, bundle, generation, prune, entries, attempted })
    }
}

/// A JSON list with an entry a line, so that people and `diff` can read it.
fn lines(entries: &[Entry]) -> String {
    let line = |entry| serde_json::to_string(entry).expect("text always serialises");
    let lines: Vec<String> = entries.iter().map(line).collect();
    format!("[{}]\n", lines.join(",\n"))
}

fn list(object: &Object, key: &str) -> Result<Option<Vec<Entry>>, String> {
    let text = match object.text(&["data", key]) {
        Some(text) => text.to_owned(),
        None => match object.text(&["binaryData", &format!("{key}.zst")]) {
            Some(packed) => unpack(packed)?,
            None => return Ok(None),
        },
    };
    serde_json::from_str(&text).map(Some).map_err(|error| error.to_string())
}

fn unpack(packed: &str) -> Result<String, String> {
    let packed = BASE64_STANDARD.decode(packed).map_err(|error| error.to_string())?;
    let reader = zstd::Decoder::new(packed.as_slice()).map_err(|error| error.to_string())?;
    let mut text = String::new();
    reader.take(UNPACKED_BYTES).read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(entries: usize, name: impl Fn(usize) -> String) -> Inventory {
        let entry =
            |at| Entry { id: format!("ns_{}_apps_Deployment", name(at)).parse().unwrap(), v: "v1".into() };
        Inventory {
            owner: Owner { channel: "platform".parse().unwrap(), entry: "shop".parse().unwrap() },
            bundle: Some(Digest::of(b"x")),
            generation: 3,
            prune: true,
            entries: (0..entries).map(entry).collect(),
            attempted: vec![Entry {
                id: "_a:b_rbac.authorization.k8s.io_ClusterRole".parse().unwrap(),
                v: "v1".into(),
            }],
        }
    }

    #[test]
    fn it_comes_back_as_it_was_written() {
        for entries in [0, 1, 20_000] {
            let inventory = inventory(entries, |at| format!("object-{at}"));
            let object = inventory.encode().unwrap();
            assert_eq!(Inventory::decode(&object), Ok(inventory), "{entries}");
            assert_eq!(object.id().to_string(), "ConfigMap/airlock-system/inventory.platform.shop");
            assert_eq!(object.get(&["binaryData", "entries.zst"]).is_some(), entries == 20_000);
        }
    }

    #[test]
    fn flux_would_read_its_entries() {
        let object = inventory(1, |_| "web".into()).encode().unwrap();
        assert_eq!(
            object.text(&["data", "entries"]),
            Some("[{\"id\":\"ns_web_apps_Deployment\",\"v\":\"v1\"}]\n")
        );
        assert_eq!(
            object.text(&["data", "attempted"]),
            Some("[{\"id\":\"_a__b_rbac.authorization.k8s.io_ClusterRole\",\"v\":\"v1\"}]\n")
        );
    }

    #[test]
    fn one_that_does_not_fit_is_refused() {
        // Hashes do not compress.
        let error = inventory(50_000, |at| Digest::of(at.to_string().as_bytes()).hex()).encode().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the inventory of platform/shop does not fit a ConfigMap: 50001 objects"
        );
    }

    #[test]
    fn names_that_would_be_too_long() {
        let owner =
            |entry: &str| Owner { channel: "platform".parse().unwrap(), entry: entry.parse().unwrap() };
        let long =
            format!("{}.{}", ["a".repeat(60), "b".repeat(60), "c".repeat(60)].join("."), "d".repeat(60));
        let name = Inventory::name(&owner(&long));
        assert!(name.len() <= NAME && name.starts_with("inventory.platform.aaa"), "{name}");
        assert_ne!(name, Inventory::name(&owner(&long.replace('d', "e"))));
        let label = owner(&long).labels()[1].1.clone();
        assert!(label.len() <= 63 && label.ends_with(|c: char| c.is_ascii_alphanumeric()), "{label}");
    }

    #[test]
    fn damage_is_told() {
        let good = serde_json::to_value(inventory(1, |_| "web".into()).encode().unwrap()).unwrap();
        for (path, value) in [
            ("/data/record", Value::Null),
            ("/data/record", "{}".into()),
            (
                "/data/record",
                "{\"owner\":{\"channel\":\"team\",\"entry\":\"shop\"},\"generation\":0,\"prune\":true}"
                    .into(),
            ),
            ("/data/entries", Value::Null),
            ("/data/entries", "[{\"id\":\"web\",\"v\":\"v1\"}]".into()),
            ("/data/attempted", "[".into()),
            ("/metadata/name", "inventory.platform.other".into()),
            ("/metadata/namespace", "elsewhere".into()),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(path).unwrap() = value;
            let found = Inventory::decode(&Object::new(bad, "test").unwrap());
            assert!(matches!(found, Err(InventoryError::Damaged { .. })), "{path}: {found:?}");
        }
        let mut bad = good;
        bad["data"].as_object_mut().unwrap().remove("entries");
        bad["binaryData"] = json!({"entries.zst": "AAAA"});
        assert!(Inventory::decode(&Object::new(bad, "test").unwrap()).is_err());
    }
}
