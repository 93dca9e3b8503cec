//! Tars byte by byte, written without the crate's own writer so that they can be wrong in every way.

use serde::Deserialize;

use super::{
    Place,
    bytes::{Bytes, Edit, edit},
};

/// One entry. What it does not say is as a good writer has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Entry {
    pub name: Bytes,
    /// The type flag; `0` where it says nothing.
    pub kind: Option<String>,
    pub link: Bytes,
    pub content: Bytes,
    pub mode: Option<u32>,
    /// The size that the header says, where it is not the content's.
    pub size: Option<u64>,
    /// Changes of the header before its checksum is made.
    pub header: Vec<Edit>,
    /// And after.
    pub broken: Vec<Edit>,
    /// What follows the content in place of zeros.
    pub padding: Option<Bytes>,
    /// So many of them, `{}` in the name standing for the number.
    pub times: Option<usize>,
}

const BLOCK: usize = 512;

impl Entry {
    pub fn write(&self, out: &mut Vec<u8>, place: &Place) {
        let content = self.content.make(place);
        for number in 0..self.times.unwrap_or(1) {
            let mut name = self.name.make(place);
            if self.times.is_some() {
                name = String::from_utf8(name).unwrap().replace("{}", &number.to_string()).into_bytes();
            }
            self.write_one(&name, &content, out, place);
        }
    }

    /// Writes an entry of that name and content, whatever it says of them itself.
    pub fn write_one(&self, name: &[u8], content: &[u8], out: &mut Vec<u8>, place: &Place) {
        let mut header = vec![0_u8; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        // A name of more than 100 bytes goes into the prefix up to a slash.
        let cut = (name.len() > 100)
            .then(|| name.iter().take(155).rposition(|c| *c == b'/').expect("a long name has directories"));
        let (prefix, short) = cut.map_or((&[][..], name), |at| (&name[..at], &name[at + 1..]));
        put(0, short);
        put(345, prefix);
        put(100, format!("{:07o}", self.mode.unwrap_or(0o644)).as_bytes());
        put(108, b"0000000\x000000000\x00");
        put(124, format!("{:011o}", self.size.unwrap_or(content.len() as u64)).as_bytes());
        put(136, b"00000000000");
        put(156, self.kind.as_deref().unwrap_or("0").as_bytes());
        put(157, &self.link.make(place));
        put(257, b"ustar\x0000");
        edit(&mut header, &self.header, place);
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|c| u32::from(*c)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        edit(&mut header, &self.broken, place);
        out.extend(header);
        out.extend(content);
        match &self.padding {
            Some(padding) => out.extend(padding.make(place)),
            None => out.resize(out.len().next_multiple_of(BLOCK), 0),
        }
    }
}

/// The end of an archive.
pub fn end(out: &mut Vec<u8>) {
    out.resize(out.len() + 2 * BLOCK, 0);
}
