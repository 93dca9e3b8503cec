//! Eight words for the first 128 bits of a digest, to be read aloud over a radio.
//!
//! Each word is a proquint (A. Wilkerson, 2009): 16 bits as consonant, vowel, consonant, vowel, consonant. Nobody
//! needs a list, and a word that is misheard is mostly no word at all.

use crate::digest::Digest;

const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 4] = b"aiou";

/// The eight words of a digest.
///
/// ```
/// use airlock::{digest::Digest, trust::words};
/// let digest = Digest::of(b"");
/// let said = words::of(&digest);
/// assert_eq!(said.split(' ').count(), 8);
/// assert!(words::agree(&said, &digest));
/// assert!(words::agree(&said.to_uppercase(), &digest));
/// assert!(!words::agree(&said, &Digest::of(b"x")));
/// assert!(!words::agree("", &digest));
/// ```
pub fn of(digest: &Digest) -> String {
    let pairs = digest.as_bytes().chunks_exact(2).take(8);
    let words = pairs.map(|pair| {
        let bits = pair.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        let letter =
            |set: &[u8], shift: usize| set.get(bits >> shift & (set.len() - 1)).map(|c| char::from(*c));
        [
            letter(CONSONANTS, 12),
            letter(VOWELS, 10),
            letter(CONSONANTS, 6),
            letter(VOWELS, 4),
            letter(CONSONANTS, 0),
        ]
        .into_iter()
        .flatten()
        .collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether somebody said the words of this digest, in whatever case and with whatever between them.
pub fn agree(said: &str, digest: &Digest) -> bool {
    let said = said.to_ascii_lowercase();
    let said: Vec<&str> =
        said.split(|c: char| !c.is_ascii_alphabetic()).filter(|it| !it.is_empty()).collect();
    said.join(" ") == of(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_proquints() {
        // 127.0.0.1 is lusab-babad in the paper that defines them.
        let mut bytes = [0; 32];
        bytes[0] = 127;
        bytes[3] = 1;
        assert!(of(&Digest::from_bytes(bytes)).starts_with("lusab babad babab"));
    }
}
