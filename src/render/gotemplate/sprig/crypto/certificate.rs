//! X.509 certificates with the fields that Sprig sets, in the bytes that Go's `x509.CreateCertificate` makes.

use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr as _,
};

use sha2::{Digest as _, Sha256};

use super::{
    super::clock::Date,
    der::{self, Reader, element, integer, sequence},
    key::PrivateKey,
};
use crate::render::gotemplate::{Failure, Str, strconv::quote};

/// What a certificate may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// It is an authority that signs others.
    Authority,
    /// It is for servers and clients.
    Host,
}

/// What a certificate says.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The common name.
    pub name: Vec<u8>,
    /// Addresses that it stands for.
    pub addresses: Vec<IpAddr>,
    /// Names that it stands for.
    pub names: Vec<Vec<u8>>,
    /// What it may be used for.
    pub extent: Extent,
    /// Its number, highest byte first.
    pub serial: [u8; 16],
    /// The second from which on it is valid, since 1970.
    pub not_before: i64,
    /// The second up to which it is valid.
    pub not_after: i64,
}

/// What matters of a certificate that signs another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its number, as in the certificate.
    pub serial: Vec<u8>,
    /// The second from which on it is valid, since 1970.
    pub not_before: Option<i64>,
    subject: Vec<u8>,
    public_key: Vec<u8>,
    key_id: Option<Vec<u8>>,
}

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 14];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 35];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
const SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];

/// Reads addresses.
///
/// # Errors
/// In Sprig's words.
pub(super) fn addresses(texts: &[Str]) -> Result<Vec<IpAddr>, Failure> {
    let addresses = texts.iter().map(|text| {
        // Go's `ParseIP` takes no zones, and what it takes is what Rust takes.
        let text = text.to_text();
        IpAddr::from_str(&text).map_err(|_| format!("error parsing ip: {text}").into())
    });
    addresses.collect()
}

impl Certificate {
    /// Reads a certificate, as far as it is needed to sign with it.
    ///
    /// # Errors
    /// In Go's words for what is no certificate at all; it knows more of them.
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut outer = Reader(bytes);
        let whole = outer.sequence().ok_or("x509: malformed certificate")?;
        if !outer.is_empty() {
            return Err("x509: trailing data");
        }
        Self::read(whole).ok_or("x509: malformed tbs certificate")
    }

    fn read(mut whole: Reader<'_>) -> Option<Self> {
        let mut body = whole.sequence()?;
        whole.sequence()?;
        whole.take(der::BIT_STRING)?;
        body.take(der::context(0))?;
        let serial = body.integer()?.to_vec();
        body.sequence()?;
        body.sequence()?;
        let mut validity = body.sequence()?;
        let not_before = validity.take(der::UTC_TIME).and_then(utc_time);
        let (_, _, subject) = body.any()?;
        let (_, _, public_key) = body.any()?;
        let mut key_id = None;
        if let Some(extensions) = body.take(der::context(3)) {
            let mut extensions = Reader(extensions).sequence()?;
            while !extensions.is_empty() {
                let mut extension = extensions.sequence()?;
                let name = extension.take(der::OBJECT)?;
                extension.take(BOOLEAN);
                let value = extension.take(der::OCTET_STRING)?;
                if name == SUBJECT_KEY_ID {
                    key_id = Reader(value).take(der::OCTET_STRING).map(<[u8]>::to_vec);
                }
            }
        }
        Some(Self { serial, not_before, subject: subject.into(), public_key: public_key.into(), key_id })
    }
}

const BOOLEAN: u8 = 1;

impl Subject {
    /// Makes the certificate of `key`, signed by `signer`, which is the key of `parent`, or its own.
    ///
    /// # Errors
    /// In Go's words.
    pub fn sign(
        &self,
        key: &PrivateKey,
        parent: Option<&Certificate>,
        signer: &PrivateKey,
        random: &mut dyn rand_core::CryptoRngCore,
    ) -> Result<Vec<u8>, String> {
        let algorithm = signer
            .signature_algorithm()
            .ok_or("x509: certificate private key does not implement crypto.Signer")?;
        let public_key = key.public_key().ok_or("x509: unsupported public key type: *dsa.PublicKey")?;
        let subject = self.subject()?;
        let issuer = parent.map_or(&subject, |it| &it.subject);
        if parent.is_some_and(|it| signer.public_key().as_ref() != Some(&it.public_key)) {
            return Err("x509: provided PrivateKey doesn't match parent's PublicKey".into());
        }
        let authority = parent.filter(|_| *issuer != subject).and_then(|it| it.key_id.clone());
        let body = sequence(&[
            element(der::context(0), &integer(&[2])),
            integer(&self.serial),
            algorithm.clone(),
            issuer.clone(),
            sequence(&[time(self.not_before)?, time(self.not_after)?]),
            subject,
            public_key,
            element(der::context(3), &self.extensions(key, authority)?),
        ]);
        let signature = signer.sign(&body, random)?;
        Ok(sequence(&[body, algorithm, der::bits(&signature)]))
    }

    /// The name, in the narrowest type that Go finds for it.
    fn subject(&self) -> Result<Vec<u8>, String> {
        if self.name.is_empty() {
            return Ok(sequence(&[]));
        }
        let text = std::str::from_utf8(&self.name).map_err(|_| "asn1: string not valid UTF-8")?;
        let printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c);
        let tag = if text.chars().all(printable) { der::PRINTABLE_STRING } else { der::UTF8_STRING };
        let attribute = sequence(&[element(der::OBJECT, COMMON_NAME), element(tag, &self.name)]);
        Ok(sequence(&[element(der::SET, &attribute)]))
    }

    fn extensions(&self, key: &PrivateKey, authority: Option<Vec<u8>>) -> Result<Vec<u8>, String> {
        let is_authority = self.extent == Extent::Authority;
        // Bits from the highest: signature, key encipherment, and for an authority certificate signing.
        let usage = if is_authority { [2, 0b1010_0100] } else { [5, 0b1010_0000] };
        let purposes = sequence(&[element(der::OBJECT, SERVER), element(der::OBJECT, CLIENT)]);
        let constraints = if is_authority { element(BOOLEAN, &[0xff]) } else { Vec::new() };
        let mut extensions = vec![
            extension(KEY_USAGE, true, &element(der::BIT_STRING, &usage)),
            extension(EXTENDED_KEY_USAGE, false, &purposes),
            extension(BASIC_CONSTRAINTS, true, &element(der::SEQUENCE, &constraints)),
        ];
        if is_authority {
            let hash = Sha256::digest(key.public_bytes());
            let id = element(der::OCTET_STRING, hash.get(..20).unwrap_or_default());
            extensions.push(extension(SUBJECT_KEY_ID, false, &id));
        }
        if let Some(id) = authority {
            extensions.push(extension(AUTHORITY_KEY_ID, false, &sequence(&[element(0x80, &id)])));
        }
        let mut names = Vec::new();
        for name in &self.names {
            if !name.is_ascii() {
                return Err(format!("x509: {} cannot be encoded as an IA5String", quote(name)));
            }
            names.push(element(0x82, name));
        }
        for address in &self.addresses {
            names.push(match address.to_canonical() {
                IpAddr::V4(address) => element(0x87, &address.octets()),
                IpAddr::V6(address) => element(0x87, &Ipv6Addr::octets(&address)),
            });
        }
        if !names.is_empty() {
            // Who has no other name must be known by these.
            extensions.push(extension(ALTERNATIVE_NAME, self.name.is_empty(), &sequence(&names)));
        }
        Ok(sequence(&extensions))
    }
}

fn extension(name: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { element(BOOLEAN, &[0xff]) } else { Vec::new() };
    sequence(&[element(der::OBJECT, name), critical, element(der::OCTET_STRING, value)])
}

/// Two digits of the year up to 2049, four behind that.
fn time(seconds: i64) -> Result<Vec<u8>, String> {
    let date = Date::of(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let rest = format!(
        "{:02}{:02}{:02}{:02}{:02}Z",
        date.month,
        date.day,
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    match date.year {
        1950..2050 => Ok(element(der::UTC_TIME, format!("{:02}{rest}", date.year % 100).as_bytes())),
        0..=9999 => Ok(element(der::GENERALIZED_TIME, format!("{:04}{rest}", date.year).as_bytes())),
        _ => Err("asn1: structure error: cannot represent time as GeneralizedTime".into()),
    }
}

fn utc_time(text: &[u8]) -> Option<i64> {
    super::super::layout::parse(b"060102150405Z", text).ok().map(|it| it.seconds)
}
