use std::{borrow::Borrow, fmt, str::FromStr};

use crate::limits;

/// Where a file lies in a tree: relative, `/` between names, one spelling.
///
/// ```
/// use airlock::archive::SafePath;
/// assert!(SafePath::new("base/deployment.yaml").is_ok());
/// for escape in ["/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "a\\b", "a\nb", ""] {
///     assert!(SafePath::new(escape).is_err(), "{escape:?}");
/// }
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafePath(Box<str>);

/// The rule that a path breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadPath {
    /// No name at all.
    #[error("its name is empty")]
    Empty,
    /// It starts at the root, or on a drive of Windows.
    #[error("its name is absolute")]
    Absolute,
    /// A name of it is `.` or `..`, or there is none between two slashes.
    #[error("its name has an empty, `.` or `..` component")]
    Component,
    /// What separates names on Windows only.
    #[error("its name has a backslash")]
    Backslash,
    /// A control character, or one that turns the direction of text around.
    #[error("its name has a control character")]
    Control,
    /// Bytes that are no text.
    #[error("its name is not UTF-8")]
    Encoding,
    /// Longer or deeper than any disk would hold.
    #[error("its name is too long or too deep")]
    TooLong,
    /// A name that FAT or Windows would refuse, change or take for a device.
    #[error("its name cannot stand on a stick that Windows reads")]
    NotPortable,
}

impl SafePath {
    /// Checks a path.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn new(text: &str) -> Result<Self, BadPath> {
        if text.is_empty() {
            return Err(BadPath::Empty);
        }
        if text.len() > limits::PATH_BYTES {
            return Err(BadPath::TooLong);
        }
        if text.chars().any(misleads) {
            return Err(BadPath::Control);
        }
        if text.contains('\\') {
            return Err(BadPath::Backslash);
        }
        let drive = |bytes: &[u8]| matches!(bytes, [letter, b':', ..] if letter.is_ascii_alphabetic());
        if text.starts_with('/') || drive(text.as_bytes()) {
            return Err(BadPath::Absolute);
        }
        let mut depth = 0;
        for name in text.split('/') {
            if matches!(name, "" | "." | "..") {
                return Err(BadPath::Component);
            }
            depth += 1;
            if name.len() > limits::PATH_NAME_BYTES || depth > limits::PATH_DEPTH {
                return Err(BadPath::TooLong);
            }
        }
        Ok(Self(text.into()))
    }

    /// Checks a path of unknown encoding.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadPath> {
        Self::new(std::str::from_utf8(bytes).map_err(|_| BadPath::Encoding)?)
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last name.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// The directory that it lies in; none at the top.
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }

    /// Every directory above it, the nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(self.parent(), |path| path.rsplit_once('/').map(|(parent, _)| parent))
    }

    /// The path as a file system that ignores case would compare it.
    pub(crate) fn folded(path: &str) -> String {
        // Upper case in between joins what has several lower cases, `ς` and `σ`, and `ß` and `ss`; the lower case before
        // it is for a capital `ẞ`, which is upper case already.
        let lower = path.chars().flat_map(char::to_lowercase);
        lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
    }

    /// Whether a stick that Windows reads can hold it under this very name: none of the characters that FAT refuses,
    /// no dot or space at an end, which Windows cuts off, and no name of a device. Trees in memory need none of this;
    /// what is written onto media as a plain file does.
    ///
    /// ```
    /// use airlock::archive::SafePath;
    /// assert!(SafePath::new("docs/read me.txt")?.check_portable().is_ok());
    /// assert!(SafePath::new("docs/con.txt")?.check_portable().is_err());
    /// # Ok::<(), airlock::archive::BadPath>(())
    /// ```
    ///
    /// # Errors
    /// [`BadPath::NotPortable`].
    pub fn check_portable(&self) -> Result<(), BadPath> {
        let fits = self.0.split('/').all(|name| {
            let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ');
            !name.contains(['<', '>', ':', '"', '|', '?', '*'])
                && !name.ends_with(['.', ' '])
                && !name.starts_with(' ')
                && name.encode_utf16().count() <= 255
                && !is_device(stem)
        });
        if fits { Ok(()) } else { Err(BadPath::NotPortable) }
    }
}

/// Control characters end lines in logs; the bidirectional ones make `fdp.exe` out of `exe.pdf`.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The names that Windows keeps for devices, with any extension. The superscripts count as digits there.
fn is_device(stem: &str) -> bool {
    let upper = stem.to_ascii_uppercase();
    if matches!(upper.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") {
        return true;
    }
    let number = upper.strip_prefix("COM").or_else(|| upper.strip_prefix("LPT"));
    number.is_some_and(|it| {
        let mut digits = it.chars();
        matches!(digits.next(), Some('0'..='9' | '¹' | '²' | '³')) && digits.next().is_none()
    })
}

impl fmt::Display for SafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for SafePath {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        Self::new(text)
    }
}

impl AsRef<str> for SafePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SafePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}
