use serde::{Deserialize, Serialize};

/// Values of a chart that are not in the bundle. The names are those of `valuesFrom` of a Flux HelmRelease, and so is the
/// order: each counts more than those before it, and the entry's own values count most. `Site` is ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ValuesFrom {
    /// What holds them.
    pub kind: ValuesKind,
    /// The name of the ConfigMap or Secret, in the namespace of the release.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The key that holds them; `values.yaml` where it is not said. Of the site's answers the one that is meant, else all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_key: Option<String>,
    /// Where to put what is there, as one value, as `--set` would; else it is a document of values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_path: Option<String>,
    /// Whether the chart is rendered without it where it is not there. Else the entry waits for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Whether the one value is text as it stands, without what `--set` reads into it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub literal: bool,
}

/// What holds values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ValuesKind {
    /// A ConfigMap of the cluster.
    ConfigMap,
    /// A Secret of the cluster.
    Secret,
    /// What the site answered to the bundle's questions.
    Site,
}

/// What Flux takes for a path and for a key, as its CustomResourceDefinition says.
const LONGEST_PATH: usize = 250;
const LONGEST_NAME: usize = 253;

impl ValuesFrom {
    /// The key of a ConfigMap or Secret.
    pub fn key(&self) -> &str {
        self.values_key.as_deref().unwrap_or("values.yaml")
    }

    /// Whether it can be held.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn check(&self) -> Result<(), String> {
        let site = self.kind == ValuesKind::Site;
        match (site, self.name.as_str()) {
            (true, "") => (),
            (true, _) => return Err("a source of kind `Site` has no name: there is one site".into()),
            (false, name) if name.is_empty() || name.len() > LONGEST_NAME => {
                return Err(format!("a source of kind `{:?}` needs the name of one", self.kind));
            }
            (false, _) => (),
        }
        if let Some(key) = &self.values_key {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if key.is_empty() || key.len() > LONGEST_NAME || !key.chars().all(fits) {
                return Err(format!("`{key}` is no key of values: letters, digits, `-`, `_` and `.`"));
            }
        }
        if let Some(path) = self.target_path.as_ref().filter(|it| !is_path(it)) {
            return Err(format!("`{path}` is no path to a value, such as `image.tag` or `hosts[0]`"));
        }
        Ok(())
    }
}

/// `^([a-zA-Z0-9_\-.\\\/]|\[[0-9]{1,5}\])+$`, at most 250 characters.
fn is_path(text: &str) -> bool {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = match c {
            '[' => {
                let Some((index, after)) = rest.split_once(']') else { return false };
                let index = index.strip_prefix('[').unwrap_or(index);
                if !(1..=5).contains(&index.len()) || !index.bytes().all(|it| it.is_ascii_digit()) {
                    return false;
                }
                after
            }
            c if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '\\' | '/') => {
                rest.get(1..).unwrap_or_default()
            }
            _ => return false,
        };
    }
    !text.is_empty() && text.len() <= LONGEST_PATH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_flux() {
        for (text, expect) in [
            ("a", true),
            ("a.b", true),
            (r"a\.b/c-d_e", true),
            ("a[0].b[12345]", true),
            ("[0]", true),
            ("", false),
            ("a[]", false),
            ("a[123456]", false),
            ("a[x]", false),
            ("a[[0]", false),
            ("a[0", false),
            ("a]", false),
            ("a=b", false),
            ("a,b", false),
            ("ä", false),
        ] {
            assert_eq!(is_path(text), expect, "{text}");
        }
        assert!(is_path(&"a".repeat(250)) && !is_path(&"a".repeat(251)));
    }
}
