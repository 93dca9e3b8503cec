//! What is taken away at the end: all that Kustomize noted in annotations for itself.

use super::{Build, Error, resmap::ResMap, resource::annotation};

/// Resources without what Kustomize noted in them.
pub(super) fn strip(build: &mut Build<'_>, map: &mut ResMap, metadata: &[String]) -> Result<(), Error> {
    let keeps = |option: &str| metadata.iter().any(|it| it == option);
    let (origins, transformations) = (keeps("originAnnotations"), keeps("transformerAnnotations"));
    for resource in map.list_mut() {
        let mut all = resource.annotations(&build.nodes);
        if all.is_empty() && origins && transformations {
            continue;
        }
        for name in annotation::OF_BUILD {
            all.remove(name);
        }
        if !origins {
            all.remove(annotation::ORIGIN);
        }
        if !transformations {
            all.remove(annotation::TRANSFORMATIONS);
        }
        resource.set_annotations(&mut build.nodes, all)?;
    }
    Ok(())
}
