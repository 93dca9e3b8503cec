use std::fmt;

use super::Malformed;
use crate::digest::Digest;

/// One file of a bundle's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// `trust/NNNN.root.dsse`: the trust root of that version.
    Root(u32),
    /// `agent.dsse`
    Agent,
    /// `bundle.dsse`
    Bundle,
    /// `oci-layout`
    OciLayout,
    /// `index.json`
    Index,
    /// `volume.json`
    Volume,
    /// `blobs/sha256/<hex>`
    Blob(Digest),
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(version) => write!(f, "trust/{version:04}.root.dsse"),
            Self::Agent => f.write_str("agent.dsse"),
            Self::Bundle => f.write_str("bundle.dsse"),
            Self::OciLayout => f.write_str("oci-layout"),
            Self::Index => f.write_str("index.json"),
            Self::Volume => f.write_str("volume.json"),
            Self::Blob(digest) => write!(f, "blobs/sha256/{}", digest.hex()),
        }
    }
}

impl Item {
    /// Reads a path of a layout; each item has exactly one spelling.
    ///
    /// ```
    /// use airlock::bundle::Item;
    /// assert_eq!(Item::parse("trust/0001.root.dsse"), Some(Item::Root(1)));
    /// assert_eq!(Item::parse("trust/1.root.dsse"), None);
    /// assert_eq!(Item::parse("../bundle.dsse"), None);
    /// ```
    pub fn parse(path: &str) -> Option<Self> {
        let item = match path {
            "agent.dsse" => Self::Agent,
            "bundle.dsse" => Self::Bundle,
            "oci-layout" => Self::OciLayout,
            "index.json" => Self::Index,
            "volume.json" => Self::Volume,
            _ => match path.split_once('/')? {
                ("trust", file) => Self::Root(file.strip_suffix(".root.dsse")?.parse().ok()?),
                ("blobs", file) => Self::Blob(Digest::from_hex(file.strip_prefix("sha256/")?).ok()?),
                _ => return None,
            },
        };
        (item.to_string() == path).then_some(item)
    }

    /// The rank of the item's group in a tar.
    fn rank(self) -> u8 {
        match self {
            Self::Root(_) => 0,
            Self::Agent => 1,
            Self::Bundle => 2,
            Self::OciLayout => 3,
            Self::Index => 4,
            Self::Volume => 5,
            Self::Blob(_) => 6,
        }
    }
}

/// Holds the entries of a tar to the layout's order while they pass.
#[derive(Clone, Debug, Default)]
pub struct Order {
    last: Option<Item>,
    blobs: Vec<Digest>,
}

impl Order {
    /// Takes the next entry.
    ///
    /// # Errors
    /// When it comes twice or too late. `what` names the tar.
    pub fn next(&mut self, what: &str, item: Item) -> Result<(), Malformed> {
        let follows = match (self.last, item) {
            (Some(Item::Root(last)), Item::Root(next)) => last < next,
            (Some(Item::Blob(_)), Item::Blob(_)) | (None, _) => true,
            (Some(last), next) => last.rank() < next.rank(),
        };
        if !follows {
            return Err(Malformed::new(what, format_args!("`{item}` is repeated or out of order")));
        }
        if let Item::Blob(digest) = item {
            self.blobs.push(digest);
        }
        self.last = Some(item);
        Ok(())
    }

    /// The blobs in the order in which they came, for [`check_blob_order`] once the statement is known.
    pub fn into_blobs(self) -> Vec<Digest> {
        self.blobs
    }
}

/// Whether the blobs of a tar stand as the format says: the inventory, the release, then the rest in ascending order.
/// A volume may lack any of them.
///
/// # Errors
/// When a blob is repeated or out of order. `what` names the tar.
pub fn check_blob_order(
    what: &str,
    blobs: &[Digest],
    inventory: &Digest,
    release: &Digest,
) -> Result<(), Malformed> {
    let rank = |digest: &Digest| match digest {
        it if it == inventory => 0,
        it if it == release => 1,
        _ => 2,
    };
    for (last, next) in blobs.iter().zip(blobs.iter().skip(1)) {
        if (rank(last), last) >= (rank(next), next) {
            let item = Item::Blob(*next);
            return Err(Malformed::new(what, format_args!("`{item}` is repeated or out of order")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(paths: &[&str], expect: bool) {
        let mut order = Order::default();
        let items = paths.iter().map(|path| Item::parse(path).expect("an item"));
        let result = items.map(|item| order.next("it", item)).collect::<Result<Vec<_>, _>>();
        assert_eq!(result.is_ok(), expect, "{paths:?}");
    }

    #[test]
    fn a_tar_has_one_order() {
        check(
            &["trust/0001.root.dsse", "trust/0002.root.dsse", "agent.dsse", "bundle.dsse", "oci-layout"],
            true,
        );
        check(&["bundle.dsse", "index.json", "volume.json"], true);
        check(&["trust/0002.root.dsse", "trust/0001.root.dsse"], false);
        check(&["bundle.dsse", "bundle.dsse"], false);
        check(&["bundle.dsse", "agent.dsse"], false);
        check(&["volume.json", "index.json"], false);
    }

    #[test]
    fn blobs_stand_inventory_release_rest() {
        let [inventory, release, low, high] =
            ["9", "8", "1", "2"].map(|c| Digest::from_hex(&c.repeat(64)).unwrap());
        let ok = |blobs: &[Digest]| check_blob_order("it", blobs, &inventory, &release).is_ok();
        assert!(ok(&[inventory, release, low, high]));
        assert!(ok(&[release, high]));
        assert!(ok(&[]));
        assert!(!ok(&[low, inventory]));
        assert!(!ok(&[release, inventory]));
        assert!(!ok(&[high, low]));
        assert!(!ok(&[low, low]));
    }
}
