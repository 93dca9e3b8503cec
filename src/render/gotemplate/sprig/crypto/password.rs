//! Passwords: bcrypt, and the Master Password algorithm.

use hmac::{Hmac, Mac as _};
use rsa::sha2::Sha256;

/// What Go says of a password that bcrypt would cut.
const LONG: &str = "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes";

/// The cost that Go's bcrypt has by default.
const COST: u32 = 10;

/// A hash of the form `$2a$10$…`, or what Sprig says in its place.
pub(super) fn bcrypt(password: &[u8], salt: [u8; 16]) -> String {
    if password.len() > 72 {
        return LONG.into();
    }
    match bcrypt::hash_with_salt(password, COST, salt) {
        Ok(hash) => hash.format_for_version(bcrypt::Version::TwoA),
        Err(error) => format!("failed to encrypt string with bcrypt: {error}"),
    }
}

const SEED: &[u8] = b"com.lyndir.masterpassword";

/// The templates of each kind of password.
fn templates(kind: &[u8]) -> Option<&'static [&'static str]> {
    Some(match kind {
        b"maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        b"long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        b"medium" => &["CvcnoCvc", "CvcCvcno"],
        b"short" => &["Cvcn"],
        b"basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        b"pin" => &["nnnn"],
        _ => return None,
    })
}

/// The characters that a letter of a template stands for.
fn characters(letter: u8) -> &'static [u8] {
    match letter {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// Derives the password of a site from one master password.
pub(super) fn derive(counter: u32, kind: &[u8], password: &[u8], user: &[u8], site: &[u8]) -> Vec<u8> {
    let Some(templates) = templates(kind) else {
        return [b"cannot find password template ", kind].concat();
    };
    let length = |text: &[u8]| u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    let salt = [SEED, &length(user), user].concat();
    let mut key = [0; 64];
    let parameters = scrypt::Params::new(15, 8, 2, key.len()).expect("constants within their bounds");
    scrypt::scrypt(password, &salt, &parameters, &mut key).expect("the length is within its bounds");
    let mut code = Hmac::<Sha256>::new_from_slice(&key).expect("keys may have any length");
    code.update(&[SEED, &length(site), site, &counter.to_be_bytes()].concat());
    let seed = code.finalize().into_bytes();
    let pick = |from: usize, byte: Option<&u8>| usize::from(byte.copied().unwrap_or(0)) % from.max(1);
    let template = templates.get(pick(templates.len(), seed.first())).copied().unwrap_or_default();
    let letters = template.bytes().enumerate().filter_map(|(at, letter)| {
        let characters = characters(letter);
        characters.get(pick(characters.len(), seed.get(at + 1))).copied()
    });
    letters.collect()
}
