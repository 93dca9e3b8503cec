use std::{fmt, str::FromStr};

use super::Platform;

/// Which platforms of an image are wanted: all of them, or those that a list names. `linux/arm64` names every variant,
/// `linux/arm/v7` that one.
///
/// ```
/// use airlock::oci::PlatformFilter;
/// let filter: PlatformFilter = "linux/amd64,linux/arm64".parse()?;
/// assert_eq!(filter.to_string(), "linux/amd64,linux/arm64");
/// assert!("amd64".parse::<PlatformFilter>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformFilter {
    wanted: Vec<Platform>,
}

impl PlatformFilter {
    /// Everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// Whether it wants everything.
    pub fn is_all(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Whether it wants this one. Names are compared as containerd does: `aarch64` is `arm64`, `arm64/v8` is `arm64`,
    /// `arm` is `arm/v7` where an image says it, `amd64/v1` is `amd64`.
    pub fn matches(&self, platform: &Platform) -> bool {
        let is = normalise(platform);
        self.is_all()
            || self.wanted.iter().any(|wanted| {
                wanted.os == is.os
                    && wanted.architecture == is.architecture
                    && wanted.variant.as_ref().is_none_or(|variant| Some(variant) == is.variant.as_ref())
            })
    }
}

/// One spelling for each platform (containerd `platforms.Normalize`).
fn normalise(platform: &Platform) -> Platform {
    let lower = |text: &str| text.to_ascii_lowercase();
    let variant = platform.variant.as_deref().map(lower).filter(|it| !it.is_empty());
    let (architecture, variant) = match (lower(&platform.architecture).as_str(), variant.as_deref()) {
        ("i386", _) => ("386".to_owned(), None),
        ("amd64" | "x86_64" | "x86-64", Some("v1") | None) => ("amd64".to_owned(), None),
        ("amd64" | "x86_64" | "x86-64", _) => ("amd64".to_owned(), variant),
        ("arm64" | "aarch64", Some("8" | "v8") | None) => ("arm64".to_owned(), None),
        ("arm64" | "aarch64", _) => ("arm64".to_owned(), variant),
        ("armhf", _) | ("arm", Some("7") | None) => ("arm".to_owned(), Some("v7".to_owned())),
        ("armel", _) => ("arm".to_owned(), Some("v6".to_owned())),
        ("arm", Some(digit @ ("5" | "6" | "8"))) => ("arm".to_owned(), Some(format!("v{digit}"))),
        (other, _) => (other.to_owned(), variant),
    };
    let os = match lower(&platform.os).as_str() {
        "macos" => "darwin".to_owned(),
        other => other.to_owned(),
    };
    Platform { architecture, os, variant, os_version: platform.os_version.clone() }
}

impl FromStr for PlatformFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a list of platforms of the form os/arch or os/arch/variant");
        let one = |text: &str| {
            let word = |it: &str| {
                !it.is_empty()
                    && it.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.'))
            };
            let parts: Vec<&str> = text.trim().split('/').collect();
            let (os, architecture, variant) = match parts.as_slice() {
                [os, architecture] => (*os, *architecture, None),
                [os, architecture, variant] => (*os, *architecture, Some((*variant).to_owned())),
                _ => return Err(wrong()),
            };
            if !parts.iter().all(|it| word(it)) {
                return Err(wrong());
            }
            let named = variant.is_some();
            let mut platform = normalise(&Platform {
                architecture: architecture.into(),
                os: os.into(),
                variant,
                os_version: None,
            });
            // `linux/arm` without a variant is every `arm`; `linux/arm64/v8` is `arm64`, which every `arm64` is.
            if !named && architecture.eq_ignore_ascii_case("arm") {
                platform.variant = None;
            }
            Ok(platform)
        };
        let wanted = text.split(',').map(one).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { wanted })
    }
}

impl fmt::Display for PlatformFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all platforms");
        }
        let names: Vec<String> = self.wanted.iter().map(ToString::to_string).collect();
        f.write_str(&names.join(","))
    }
}
