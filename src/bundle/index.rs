use super::{Inventory, Release};

/// `index.json` of a bundle, so that other tools (`skopeo`, `ctr`, `oras`) find its images by name. Nothing here trusts it.
pub fn index_json(release: &Release, inventory: &Inventory) -> Vec<u8> {
    let manifest = |(name, image): (&String, &super::Descriptor)| {
        let media_type = inventory.get(&image.digest).map(|it| it.media_type.clone());
        serde_json::json!({
            "mediaType": media_type,
            "digest": image.digest,
            "size": image.size,
            "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name},
        })
    };
    let index = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": release.images.iter().map(manifest).collect::<Vec<_>>(),
    });
    let mut bytes = serde_json::to_vec_pretty(&index).expect("strings and numbers always serialise");
    bytes.push(b'\n');
    bytes
}
