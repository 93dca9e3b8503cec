//! AES-256 in CBC mode with PKCS #7 padding, under a password that is cut or filled up with zeros.

use ::aes::{
    Aes256,
    cipher::{
        BlockDecryptMut as _, BlockEncryptMut as _, KeyIvInit as _,
        block_padding::{NoPadding, Pkcs7},
    },
};

use super::super::encoding::{base64, from_base64};
use crate::render::gotemplate::Failure;

fn key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(password) {
        *to = *from;
    }
    key
}

/// The vector and what is encrypted, in base 64; nothing for nothing.
pub(super) fn encrypt(password: &[u8], text: &[u8], vector: [u8; 16]) -> Vec<u8> {
    if text.is_empty() {
        return Vec::new();
    }
    let cipher = cbc::Encryptor::<Aes256>::new(&key(password).into(), &vector.into());
    base64(&[&vector[..], &cipher.encrypt_padded_vec_mut::<Pkcs7>(text)].concat())
}

/// The other way round. As in the original nobody checks the padding, whose last byte says how long it is.
pub(super) fn decrypt(password: &[u8], text: &[u8]) -> Result<Vec<u8>, Failure> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = from_base64(text)?;
    let Some((vector, encrypted)) = bytes.split_first_chunk::<16>() else {
        return Err(format!(
            "runtime error: slice bounds out of range [:16] with capacity {}",
            capacity(text)
        )
        .into());
    };
    let cipher = cbc::Decryptor::<Aes256>::new(&key(password).into(), vector.into());
    let decrypted = cipher.decrypt_padded_vec_mut::<NoPadding>(encrypted);
    let mut decrypted = decrypted.map_err(|_| "crypto/cipher: input not full blocks")?;
    let Some(padding) = decrypted.last().map(|it| usize::from(*it)) else {
        return Err("runtime error: index out of range [-1]".into());
    };
    match decrypted.len().checked_sub(padding) {
        Some(length) => decrypted.truncate(length),
        None => {
            let end = i64::try_from(decrypted.len()).unwrap_or(0) - i64::try_from(padding).unwrap_or(0);
            return Err(format!("runtime error: slice bounds out of range [:{end}]").into());
        }
    }
    Ok(decrypted)
}

/// What Go reserves for the bytes of a text in base 64.
fn capacity(text: &[u8]) -> usize {
    text.len() / 4 * 3
}
