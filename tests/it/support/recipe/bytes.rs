//! Bytes, and changes of bytes.

use serde::Deserialize;

use super::Place;

/// Bytes as a case writes them: a text, several one after the other, or one of [`Made`].
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Bytes {
    Text(String),
    Parts(Vec<Self>),
    Made(Box<Made>),
}

/// Bytes that nobody wants to write down.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Made {
    /// Hexadecimal digits, spaces between them or not.
    Hex(String),
    /// So many zeros.
    Zeros(usize),
    /// So many bytes that no compression shrinks, always the same.
    Noise(usize),
    /// The same again and again.
    Repeat { bytes: Bytes, times: usize },
    /// A text for each number, which stands for `{}` in it; `{<}` is the number before.
    Each { text: String, from: usize, to: usize },
    /// A file beside the case.
    File(String),
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Bytes {
    pub fn make(&self, place: &Place) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Parts(parts) => parts.iter().flat_map(|it| it.make(place)).collect(),
            Self::Made(made) => match made.as_ref() {
                Made::Hex(text) => unhex(text),
                Made::Zeros(count) => vec![0; *count],
                Made::Noise(count) => noise(*count),
                Made::Repeat { bytes, times } => bytes.make(place).repeat(*times),
                Made::Each { text, from, to } => (*from..*to)
                    .map(|number| {
                        let before = number.wrapping_sub(1).to_string();
                        text.replace("{}", &number.to_string()).replace("{<}", &before)
                    })
                    .collect::<String>()
                    .into_bytes(),
                Made::File(name) => std::fs::read(place.folder.join(name)).unwrap(),
            },
        }
    }
}

/// A change of bytes. Places count from the start, negative ones from the end.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Edit {
    /// The first find becomes another; it has to be there.
    Replace { find: Bytes, with: Bytes },
    /// One bit of the byte there changes.
    Flip(i64),
    /// Only so many stay; a negative number says how many go.
    Truncate(i64),
    /// More at the end.
    Append(Bytes),
    /// More at the start.
    Prepend(Bytes),
    /// These in place of as many that are there.
    Write { at: i64, bytes: Bytes },
    /// These and nothing else.
    Set(Bytes),
}

/// Makes the changes, one after the other.
pub fn edit(bytes: &mut Vec<u8>, edits: &[Edit], place: &Place) {
    for change in edits {
        match change {
            Edit::Replace { find, with } => {
                let (find, with) = (find.make(place), with.make(place));
                let at = bytes.windows(find.len()).position(|it| it == find).expect("it is there");
                bytes.splice(at..at + find.len(), with);
            }
            Edit::Flip(at) => {
                let at = offset(bytes, *at);
                bytes[at] ^= 1;
            }
            Edit::Truncate(at) => bytes.truncate(offset(bytes, *at)),
            Edit::Append(more) => bytes.extend(more.make(place)),
            Edit::Prepend(more) => drop(bytes.splice(0..0, more.make(place))),
            Edit::Write { at, bytes: new } => {
                let (at, new) = (offset(bytes, *at), new.make(place));
                bytes.splice(at..at + new.len(), new);
            }
            Edit::Set(new) => *bytes = new.make(place),
        }
    }
}

fn offset(bytes: &[u8], at: i64) -> usize {
    let distance = usize::try_from(at.unsigned_abs()).unwrap();
    if at < 0 { bytes.len() - distance } else { distance }
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|c| !c.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// xorshift64, so that bytes are the same everywhere.
fn noise(count: usize) -> Vec<u8> {
    let mut x = 0x9E37_79B9_7F4A_7C15_u64;
    std::iter::repeat_with(|| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x.to_le_bytes()[3]
    })
    .take(count)
    .collect()
}
