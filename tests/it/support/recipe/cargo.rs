//! The content of a bundle: a tree, blobs, the inventory and the release.

use std::{collections::BTreeMap, io::Write};

use airlock::digest::Digest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::kit,
    Place,
    bytes::{Bytes, Edit, edit},
    merge,
    tar::{self, Entry},
};

/// A tree, a few blobs, and what lists them. What it does not say is good.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    pub tree: Tree,
    /// The blobs beside the tree: three small ones where it says nothing.
    pub blobs: Option<Vec<Bytes>>,
    /// The blobs that are cut into parts of so many bytes, by number.
    pub parts: BTreeMap<usize, usize>,
    /// A merge patch of the release, and changes of its bytes. `$tree` and `$blob 0` stand for blobs.
    pub release: Value,
    pub release_bytes: Vec<Edit>,
    /// Merge patches of rows of the inventory, by blob, and changes of its bytes.
    pub rows: BTreeMap<String, Value>,
    pub inventory_bytes: Vec<Edit>,
}

/// The tar inside its frame.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tree {
    /// One manifest where it says nothing.
    pub entries: Option<Vec<Entry>>,
    /// Changes of the tar.
    pub tar: Vec<Edit>,
    /// `zstd` where it says nothing; `gzip`, `none`.
    pub frame: Option<String>,
    /// Of zstd: the window's exponent.
    pub window: Option<u32>,
    /// Changes of what was compressed.
    pub packed: Vec<Edit>,
    /// The unpacked size that the signers claim, where it is not the real one.
    pub unpacked: Option<u64>,
}

/// A cargo that is done.
#[derive(Clone, Debug)]
pub struct Made {
    pub release: Vec<u8>,
    pub inventory: Vec<u8>,
    /// What the statement says of the inventory.
    pub sums: Value,
    /// Files of a medium by the names that a case uses: `tree`, `blob 0`, `part 0.1`.
    pub pieces: BTreeMap<String, Vec<u8>>,
    /// Blobs as the store has them.
    pub blobs: BTreeMap<String, Digest>,
}

impl Tree {
    fn make(&self, place: &Place) -> (Vec<u8>, u64) {
        let mut bytes = Vec::new();
        match &self.entries {
            Some(entries) => entries.iter().for_each(|it| it.write(&mut bytes, place)),
            None => Entry::default().write_one(
                b"app/config.yaml",
                b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\n",
                &mut bytes,
                place,
            ),
        }
        tar::end(&mut bytes);
        edit(&mut bytes, &self.tar, place);
        let unpacked = bytes.len() as u64;
        let mut packed = match self.frame.as_deref().unwrap_or("zstd") {
            "zstd" => {
                let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
                encoder.include_contentsize(false).unwrap();
                encoder.include_checksum(true).unwrap();
                if let Some(window) = self.window {
                    encoder.window_log(window).unwrap();
                }
                encoder.write_all(&bytes).unwrap();
                encoder.finish().unwrap()
            }
            "gzip" => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                encoder.write_all(&bytes).unwrap();
                encoder.finish().unwrap()
            }
            "none" => bytes,
            other => panic!("`{other}` is no frame"),
        };
        edit(&mut packed, &self.packed, place);
        (packed, self.unpacked.unwrap_or(unpacked))
    }
}

impl Recipe {
    pub fn make(&self, place: &Place) -> Made {
        let (tree, unpacked) = self.tree.make(place);
        let usual = ["the first blob", "the second blob", "the third blob, which is a little longer"];
        let usual = usual.map(|text| Bytes::Text(text.to_owned())).to_vec();
        let blobs = self.blobs.as_ref().unwrap_or(&usual).iter().map(|it| it.make(place));
        let mut whole: Vec<(String, Vec<u8>, u64)> = vec![("tree".into(), tree, unpacked)];
        whole.extend(blobs.enumerate().map(|(number, bytes)| {
            let size = bytes.len() as u64;
            (format!("blob {number}"), bytes, size)
        }));

        let (mut pieces, mut rows, mut digests) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut place = place.clone();
        for (name, bytes, unpacked) in whole {
            let digest = Digest::of(&bytes);
            let described = json!({"digest": digest, "size": bytes.len(), "unpacked": unpacked});
            let role = if name == "tree" { "tree" } else { "file" };
            let mut row =
                merge(&described, &json!({"media_type": "application/octet-stream", "role": role}), &place);
            place.names.insert(name.clone(), described);
            digests.insert(name.clone(), digest);
            let number = name.strip_prefix("blob ").and_then(|it| it.parse::<usize>().ok());
            match number.and_then(|number| Some((number, self.parts.get(&number)?))) {
                None => drop(pieces.insert(name.clone(), bytes)),
                Some((number, size)) => {
                    let mut parts = Vec::new();
                    for (at, part) in bytes.chunks(*size).enumerate() {
                        parts.push(json!({"digest": Digest::of(part), "size": part.len()}));
                        pieces.insert(format!("part {number}.{at}"), part.to_vec());
                    }
                    row["parts"] = parts.into();
                }
            }
            rows.insert(digest, (name, row));
        }
        let mut inventory = b"{\"type\":\"inventory\",\"format\":1}\n".to_vec();
        let (mut count, mut total, mut total_unpacked) = (0_u64, 0_u64, 0_u64);
        for (name, row) in rows.values() {
            let row = merge(row, self.rows.get(name).unwrap_or(&json!({})), &place);
            let number = |key: &str| row[key].as_u64().unwrap_or(0);
            (count, total) = (count + 1, total.wrapping_add(number("size")));
            total_unpacked = total_unpacked.wrapping_add(number("unpacked"));
            inventory.extend(serde_json::to_vec(&row).unwrap());
            inventory.push(b'\n');
        }
        edit(&mut inventory, &self.inventory_bytes, &place);

        let tree = serde_json::from_value(place.names["tree"].clone()).unwrap();
        let mut good = json!(kit::Cargo::of(b"", 0, &[]).release);
        good["entries"] = json!([kit::entry("app", tree)]);
        let mut release = serde_json::to_vec(&merge(&good, &self.release, &place)).unwrap();
        edit(&mut release, &self.release_bytes, &place);
        let sums = json!({"digest": Digest::of(&inventory), "size": inventory.len(), "count": count,
            "total": total, "total_unpacked": total_unpacked});
        Made { release, inventory, sums, pieces, blobs: digests }
    }
}
