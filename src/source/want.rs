use std::{
    fmt, io,
    io::{Read, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

use rustix::fs::FileType;
use serde::{Deserialize, Serialize};

use super::{Error, Root, Volumes, root::describe};
use crate::{
    bundle::{Floor, Malformed, strict},
    digest::Digest,
    limits,
    name::{ChannelName, ClusterId},
};

/// The name under which a want-list is left at the top of a medium.
pub const WANT_LIST: &str = "airlock-want.json";

/// What the sites that a stick has visited still need. It goes back to the connected side, where `bundle build --have`
/// leaves out all that it does not name. It is a wish and no proof of anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantList {
    /// Always `want`.
    pub r#type: String,
    /// Always 1.
    pub format: u32,
    /// One a cluster and channel, in that order.
    pub wants: Vec<Want>,
}

/// What one cluster needs of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Want {
    /// The cluster.
    pub cluster: ClusterId,
    /// The channel.
    pub channel: ChannelName,
    /// The bundle that it could not complete, by payload digest.
    pub bundle: Digest,
    /// The newest bundle of which it holds every blob.
    pub newest: Option<Newest>,
    /// What is missing, in ascending order of digests.
    pub missing: Vec<Missing>,
}

/// A bundle that is held whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Newest {
    /// Its epoch and sequence.
    pub at: Floor,
    /// Its payload digest.
    pub digest: Digest,
}

/// A blob or a part that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// How a wish left the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// As a file.
    Written(PathBuf),
    /// Nothing could be written there; as words for the courier.
    Words(String),
}

impl WantList {
    /// Reads a want-list, which has been on a stick and in strangers' hands.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let list: Self = strict::parse(WANT_LIST, bytes)?;
        match (list.r#type.as_str(), list.format) {
            ("want", 1) => Ok(list),
            _ => Err(Malformed::new(WANT_LIST, "it is no want-list of format 1")),
        }
    }

    /// A list of one.
    pub fn of(want: Want) -> Self {
        Self { r#type: "want".into(), format: 1, wants: vec![want] }
    }

    /// Adds a wish, in place of what the same cluster wished of the same channel before.
    fn put(&mut self, want: Want) {
        self.wants.retain(|it| (&it.cluster, &it.channel) != (&want.cluster, &want.channel));
        self.wants.push(want);
        self.wants.sort_by(|a, b| (&a.cluster, &a.channel).cmp(&(&b.cluster, &b.channel)));
    }

    /// Writes it as a file has it.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("strings and numbers always serialise");
        bytes.push(b'\n');
        bytes
    }
}

/// Leaves a wish at the top of a medium, beside those of other clusters; in words, where nothing can be written there.
/// `volumes` are the media that were read, whose labels say which discs were not.
///
/// # Errors
/// When the name is taken by a link or anything else that is no file, which is never written through; or when the disk
/// fails.
pub fn leave(medium: &Path, want: Want, volumes: Option<&Volumes>) -> Result<Left, Error> {
    let top = match std::fs::metadata(medium).map_err(Error::io("open", medium))?.is_dir() {
        true => medium,
        false => medium.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or_else(|| Path::new(".")),
    };
    let path = top.join(WANT_LIST);
    let root = Root::open(top).map_err(Error::io("open", top))?;
    match root.kind(WANT_LIST).map_err(Error::io("read", &path))? {
        None | Some(FileType::RegularFile) => (),
        Some(other) => return Err(Error::NotRegular { path, what: describe(other) }),
    }
    let words = want.words(volumes);
    // What cannot be read as a want-list is worth nothing to anybody, and is replaced.
    let mut list =
        existing(&root).unwrap_or_else(|| WantList { r#type: "want".into(), format: 1, wants: Vec::new() });
    list.put(want);
    match write(&root, &list.encode()) {
        Ok(()) => Ok(Left::Written(path)),
        Err(error) if is_closed(&error) => Ok(Left::Words(words)),
        Err(error) => Err(Error::io("write", path)(error)),
    }
}

fn existing(root: &Root) -> Option<WantList> {
    let (file, size) = root.file(WANT_LIST).ok()??;
    let mut bytes = Vec::new();
    file.take(limits::WANT_LIST_BYTES).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 == size).then_some(())?;
    WantList::parse(&bytes).ok()
}

fn write(root: &Root, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!("{WANT_LIST}.part");
    let mut file = root.create(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    match written {
        Ok(()) => root.rename(&temporary, WANT_LIST).and_then(|()| root.sync()),
        Err(error) => {
            let _ = root.remove(&temporary);
            Err(error)
        }
    }
}

/// Write-protected, not ours to write to, or full: the courier is told instead.
fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied | io::ErrorKind::StorageFull
    )
}

impl Want {
    /// The wish in words: which discs to insert, or the code to ask for the next bundle with.
    pub fn words(&self, volumes: Option<&Volumes>) -> String {
        if let Some((absent, label)) = volumes.and_then(Volumes::absent)
            && !absent.is_empty()
        {
            let discs = if absent.len() == 1 { "disc" } else { "discs" };
            return format!("insert {discs} {} of {} ({})", and(&absent), label.volumes, label.label);
        }
        let bytes = self.missing.iter().fold(0_u64, |sum, it| sum.saturating_add(it.size));
        let lacking = match self.missing.len() {
            1 => format!("1 blob of {bytes} bytes is missing"),
            count => format!("{count} blobs of {bytes} bytes are missing"),
        };
        match &self.newest {
            Some(newest) => {
                let code = ShortCode::of(newest);
                format!("{lacking}; ask for channel {} with `--since {code}`", self.channel)
            }
            None => format!("{lacking}; ask for the whole bundle of channel {}", self.channel),
        }
    }
}

/// `3`, `3 and 5`, `3, 5 and 6`; long lists are cut.
fn and(numbers: &[u32]) -> String {
    let text = |numbers: &[u32]| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    match numbers {
        [start @ .., last] if !start.is_empty() && numbers.len() <= 12 => {
            format!("{} and {last}", text(start))
        }
        _ if numbers.len() > 12 => {
            let (shown, rest) = numbers.split_at(12);
            format!("{} and {} more", text(shown), rest.len())
        }
        _ => text(numbers),
    }
}

/// A bundle's name for the telephone: epoch, sequence, and eight digits of its digest against a slip of the tongue.
///
/// ```
/// use airlock::source::ShortCode;
/// let code: ShortCode = "1-41-7f3a90b2".parse()?;
/// assert_eq!(code.to_string(), "1-41-7f3a90b2");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortCode {
    /// Epoch and sequence.
    pub at: Floor,
    check: [u8; 4],
}

impl ShortCode {
    /// The code of a bundle.
    pub fn of(newest: &Newest) -> Self {
        let [a, b, c, d, ..] = *newest.digest.as_bytes();
        Self { at: newest.at, check: [a, b, c, d] }
    }

    /// Whether it names that bundle.
    pub fn matches(&self, newest: &Newest) -> bool {
        *self == Self::of(newest)
    }
}

impl fmt::Display for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at, crate::digest::hex(&self.check))
    }
}

impl FromStr for ShortCode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (at, check) = text.rsplit_once('-')?;
            let at = at.parse().ok()?;
            // `from_str_radix` would take a sign.
            let hex = check.len() == 8 && check.bytes().all(|c| c.is_ascii_hexdigit());
            let check = u32::from_str_radix(check, 16).ok().filter(|_| hex)?;
            Some(Self { at, check: check.to_be_bytes() })
        };
        parse().ok_or_else(|| {
            format!("{:?} is not a code such as 1-41-7f3a90b2", text.chars().take(40).collect::<String>())
        })
    }
}
