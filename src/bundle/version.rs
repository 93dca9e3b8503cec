use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A version of the agent: three numbers. It has no pre-releases, since what a ship runs was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentVersion {
    /// Breaks something.
    pub major: u32,
    /// Adds something.
    pub minor: u32,
    /// Mends something.
    pub patch: u32,
}

impl AgentVersion {
    /// The version of this build.
    ///
    /// ```
    /// assert_eq!(airlock::bundle::AgentVersion::this().to_string(), env!("CARGO_PKG_VERSION"));
    /// ```
    pub fn this() -> Self {
        env!("CARGO_PKG_VERSION").parse().expect("Cargo.toml's version is three numbers")
    }
}

impl FromStr for AgentVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{}` is not a version of three numbers", text.chars().take(40).collect::<String>());
        // `u32::from_str` takes `+1` and `01`, and one version has one spelling.
        let number = |part: &str| match part.parse::<u32>() {
            Ok(number) if number.to_string() == part => Ok(number),
            _ => Err(wrong()),
        };
        let parts: Vec<&str> = text.split('.').collect();
        let &[major, minor, patch] = parts.as_slice() else { return Err(wrong()) };
        Ok(Self { major: number(major)?, minor: number(minor)?, patch: number(patch)? })
    }
}

impl fmt::Display for AgentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Serialize for AgentVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AgentVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
