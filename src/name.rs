//! Names that do not convert into each other, and the rules that each keeps.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A text that breaks the rule of its kind of name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}: {rule}")]
pub struct NotAName {
    /// What was given, cut to a printable length.
    pub text: String,
    /// The kind of name, in words.
    pub kind: &'static str,
    /// The rule in words.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:path, $says:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAName;

            fn from_str(text: &str) -> Result<Self, NotAName> {
                if $rule(text) {
                    return Ok(Self(text.into()));
                }
                let text = text.chars().filter(|c| !c.is_control()).take(80).collect();
                Err(NotAName { text, kind: $kind, rule: $says })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "`{}`", self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

name! {
    /// A cluster, as the audience of a bundle and the configuration of a node name it.
    ///
    /// ```
    /// use airlock::name::ClusterId;
    /// assert!("ship-7".parse::<ClusterId>().is_ok());
    /// assert!("Ship 7".parse::<ClusterId>().is_err());
    /// ```
    ClusterId, "cluster id", dns_subdomain, "lower-case letters, digits, `-` and `.`, at most 253"
}

name! {
    /// A channel: one line of bundles with one counter.
    ///
    /// ```
    /// use airlock::name::ChannelName;
    /// assert!("platform".parse::<ChannelName>().is_ok());
    /// assert!("../platform".parse::<ChannelName>().is_err());
    /// ```
    ChannelName, "channel name", dns_label, "lower-case letters, digits and `-`, at most 63"
}

name! {
    /// An entry of a release: what is rendered and applied as one thing.
    EntryName, "entry name", dns_subdomain, "lower-case letters, digits, `-` and `.`, at most 253"
}

name! {
    /// A bundle description under `bundles/`.
    BundleName, "bundle name", dns_label, "lower-case letters, digits and `-`, at most 63"
}

name! {
    /// A Kubernetes namespace.
    ///
    /// ```
    /// use airlock::name::Namespace;
    /// assert!("kube-system".parse::<Namespace>().is_ok());
    /// assert!("kube.system".parse::<Namespace>().is_err());
    /// ```
    Namespace, "namespace", dns_label, "lower-case letters, digits and `-`, at most 63"
}

name! {
    /// The trust domain: 128 random bits in hexadecimal, made with the first trust root and repeated in every statement.
    TrustDomain, "trust domain", hex_32, "32 lower-case hexadecimal digits"
}

name! {
    /// The name of an optional ability in a header's `needs`; an agent that does not know one refuses.
    Need, "need", dns_label, "lower-case letters, digits and `-`, at most 63"
}

/// RFC 1123 label, as Kubernetes checks namespaces.
fn dns_label(text: &str) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|c| inner(*c))
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

/// RFC 1123 subdomain, as Kubernetes checks most object names.
fn dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(dns_label)
}

fn hex_32(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_subdomains() {
        for (text, label, subdomain) in [
            ("a", true, true),
            ("a-b", true, true),
            ("", false, false),
            ("-a", false, false),
            ("a-", false, false),
            ("A", false, false),
            ("a.b", false, true),
            ("a..b", false, false),
            ("a/b", false, false),
            ("..", false, false),
            ("a_b", false, false),
            ("a\u{0}", false, false),
            (&"a".repeat(63), true, true),
            (&"a".repeat(64), false, false),
        ] {
            assert_eq!((dns_label(text), dns_subdomain(text)), (label, subdomain), "{text:?}");
        }
    }
}
