//! Whether a bundle carries what its objects name, asked once more where it is about to run.

use std::collections::BTreeSet;

use super::desired::Desired;
use crate::{
    fault::{Class, Fault},
    object::images::images,
    oci::Reference,
};

/// Why a bundle is not whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// An object names an image that the bundle neither carries nor declares to be on the site.
    #[error("{place} names image `{image}`, which the bundle does not carry")]
    Image {
        /// The image.
        image: String,
        /// The object and the field.
        place: String,
    },
    /// The bundle maps an image that its channel may not map.
    #[error("channel `{channel}` may not bring image `{image}`")]
    Reach {
        /// The channel.
        channel: String,
        /// The image.
        image: String,
    },
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Image { .. } => "closure",
            Self::Reach { .. } => "scope",
        }
    }

    fn class(&self) -> Class {
        Class::Denied
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Image { .. } => {
                "ask the builder to carry the image, or to declare it `external` if this site has it".into()
            }
            Self::Reach { .. } => {
                "ask the holders of the root keys to widen the channel, or the builder to leave it out".into()
            }
        })
    }
}

/// Checks every image that a rendered object names.
pub(super) fn check(desired: &Desired) -> Result<(), Error> {
    let release = desired.content.release();
    let root = desired.content.root();
    for image in release.images.keys() {
        if !root.scope.reaches_image(image) {
            return Err(Error::Reach { channel: root.statement.channel.to_string(), image: image.clone() });
        }
    }
    let whole = |text: &str| {
        text.parse::<Reference>().map(|it| it.or_latest().to_string()).unwrap_or_else(|_| text.to_owned())
    };
    let known = release.images.keys().chain(&release.closure.external).chain(&release.closure.unresolved);
    let known: BTreeSet<String> = known.map(|it| whole(it)).collect();
    let objects = desired
        .entries
        .values()
        .flat_map(|it| it.objects().iter().chain(it.hooks().iter().map(|hook| &hook.object)));
    for object in objects {
        for named in images(object, &release.closure.image_fields) {
            if !known.contains(&whole(&named.image)) {
                return Err(Error::Image { image: named.image, place: named.place });
            }
        }
    }
    Ok(())
}
