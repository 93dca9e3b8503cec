//! Private keys: made, read from PEM, written to PEM, and used to sign.

use ed25519_dalek::Signer as _;
use num_bigint_dig::ModInverse as _;
use num_integer::Integer as _;
use num_traits::{One as _, Zero as _};
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use rsa::{
    BigUint, Pkcs1v15Sign, RsaPrivateKey,
    traits::{PrivateKeyParts as _, PublicKeyParts as _},
};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::{
    Random,
    der::{self, Reader, element, integer, sequence},
    dsa::{self, Dsa},
    pem, prime,
};

/// A key of one of the kinds that Sprig knows.
#[derive(Clone, Debug)]
pub enum PrivateKey {
    /// RSA.
    Rsa(Box<RsaPrivateKey>),
    /// ECDSA on P-256.
    P256(p256::SecretKey),
    /// ECDSA on P-384.
    P384(p384::SecretKey),
    /// ECDSA on P-521.
    P521(p521::SecretKey),
    /// Ed25519.
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// DSA, which can sign no certificate.
    Dsa(Box<Dsa>),
}

// Object identifiers, in DER without tag and length.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[0x2b, 0x81, 4, 0, 34];
const P521: &[u8] = &[0x2b, 0x81, 4, 0, 35];
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
const ECDSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Makes a key of the kind that `genPrivateKey` is asked for; nothing for another kind.
///
/// # Errors
/// When none could be made.
pub(super) fn generate(kind: &[u8], random: Random<'_>) -> Result<Option<PrivateKey>, String> {
    Ok(Some(match kind {
        b"" | b"rsa" => {
            let failed = |error| format!("failed to generate private key: {error}");
            PrivateKey::rsa(random, 4096).map_err(failed)?
        }
        b"dsa" => PrivateKey::Dsa(Box::new(dsa::generate(random))),
        b"ecdsa" => PrivateKey::P256(p256::SecretKey::random(&mut Generator(random))),
        b"ed25519" => {
            let mut seed = [0; 32];
            random.fill_bytes(&mut seed);
            PrivateKey::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
        }
        _ => return Ok(None),
    }))
}

/// A sized generator, which some of the libraries want.
struct Generator<'r>(Random<'r>);

impl rand_core::CryptoRng for Generator<'_> {}

impl rand_core::RngCore for Generator<'_> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.try_fill_bytes(bytes)
    }
}

impl PrivateKey {
    /// Makes an RSA key.
    ///
    /// # Errors
    /// When none could be made.
    pub fn rsa(random: &mut dyn rand_core::CryptoRngCore, bits: usize) -> Result<Self, String> {
        let (one, exponent) = (BigUint::one(), BigUint::from(65_537_u32));
        // Only then the exponent has an inverse.
        let fits = |prime: &BigUint| prime % &exponent != one;
        loop {
            let p = prime::draw(random, bits / 2, fits);
            let q = prime::draw(random, bits / 2, fits);
            let (high, low) = if p > q { (&p, &q) } else { (&q, &p) };
            // FIPS 186-5, A.1.3: primes that lie close to each other are found from their product.
            if (high - low).bits() + 100 < bits / 2 {
                continue;
            }
            let order = (&p - &one).lcm(&(&q - &one));
            let inverse = exponent.clone().mod_inverse(&order).and_then(|it| it.to_biguint());
            let Some(d) = inverse.filter(|it| it.bits() > bits / 2) else { continue };
            let key = RsaPrivateKey::from_components(&p * &q, exponent, d, vec![p, q]);
            return key.map(|key| Self::Rsa(Box::new(key))).map_err(|error| error.to_string());
        }
    }

    /// Reads the first block of a text, which must be a private key.
    ///
    /// # Errors
    /// In Sprig's words; what they hold of Go's parsers is not told apart.
    pub fn from_pem(text: &[u8]) -> Result<Self, String> {
        let block = pem::decode(text).ok_or("no PEM data in input")?;
        if block.kind == b"PRIVATE KEY" {
            return Self::from_pkcs8(&block.bytes)
                .map_err(|error| format!("decoding PEM as PKCS#8: {error}"));
        }
        let name = String::from_utf8_lossy(&block.kind).into_owned();
        let Some(kind) = name.strip_suffix(" PRIVATE KEY") else {
            return Err(format!("no private key data in PEM block of type {name}"));
        };
        let read = match kind {
            "RSA" => Self::from_pkcs1(&block.bytes),
            "EC" => Self::from_sec1(&block.bytes, None),
            "DSA" => Self::from_dsa(&block.bytes),
            _ => return Err(format!("invalid private key type {name}")),
        };
        read.map_err(|error| format!("parsing {kind} private key from PEM: {error}"))
    }

    /// Writes it as Sprig does: PKCS #1, SEC 1 or OpenSSL's form for DSA, and PKCS #8 for Ed25519.
    pub fn to_pem(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => pem::encode("RSA PRIVATE KEY", &to_pkcs1(key)),
            Self::P256(key) => {
                pem::encode("EC PRIVATE KEY", &to_sec1(&key.to_bytes(), P256, &self.public_bytes()))
            }
            Self::P384(key) => {
                pem::encode("EC PRIVATE KEY", &to_sec1(&key.to_bytes(), P384, &self.public_bytes()))
            }
            Self::P521(key) => {
                pem::encode("EC PRIVATE KEY", &to_sec1(&key.to_bytes(), P521, &self.public_bytes()))
            }
            Self::Ed25519(key) => {
                let inner = element(der::OCTET_STRING, &element(der::OCTET_STRING, key.as_bytes()));
                let parts = [integer(&[0]), sequence(&[element(der::OBJECT, ED25519)]), inner];
                pem::encode("PRIVATE KEY", &sequence(&parts))
            }
            Self::Dsa(key) => {
                let numbers = [&key.p, &key.q, &key.g, &key.y, &key.x];
                let mut parts = vec![integer(&[0])];
                parts.extend(numbers.map(|it| integer(&it.to_bytes_be())));
                pem::encode("DSA PRIVATE KEY", &sequence(&parts))
            }
        }
    }

    fn from_pkcs1(bytes: &[u8]) -> Result<Self, &'static str> {
        const MALFORMED: &str = "asn1: structure error: the key is malformed";
        let mut outer = Reader(bytes);
        let mut parts = outer.sequence().ok_or(MALFORMED)?;
        let mut number = || parts.integer().map(BigUint::from_bytes_be).ok_or(MALFORMED);
        let version = number()?;
        let (n, e, d, p, q) = (number()?, number()?, number()?, number()?, number()?);
        if !version.is_zero() || !outer.is_empty() {
            return Err(MALFORMED);
        }
        let key = RsaPrivateKey::from_components(n, e, d, vec![p, q]);
        Ok(Self::Rsa(Box::new(key.map_err(|_| "crypto/rsa: invalid key")?)))
    }

    fn from_sec1(bytes: &[u8], curve: Option<&[u8]>) -> Result<Self, &'static str> {
        const MALFORMED: &str = "x509: failed to parse EC private key: the key is malformed";
        let mut parts = Reader(bytes).sequence().ok_or(MALFORMED)?;
        if parts.integer() != Some(&[1]) {
            return Err(MALFORMED);
        }
        let secret = parts.take(der::OCTET_STRING).ok_or(MALFORMED)?;
        let named = parts.take(der::context(0)).and_then(|it| Reader(it).take(der::OBJECT));
        let curve = curve.or(named).ok_or("x509: unknown elliptic curve")?;
        let invalid = "x509: invalid elliptic curve private key value";
        let padded = |size: usize| {
            let start = secret.iter().position(|it| *it != 0).unwrap_or(secret.len());
            let digits = secret.get(start..).unwrap_or_default();
            let zeros = size.checked_sub(digits.len()).ok_or("x509: invalid private key length")?;
            Ok::<_, &'static str>([vec![0; zeros], digits.to_vec()].concat())
        };
        match curve {
            P256 => p256::SecretKey::from_slice(&padded(32)?).map(Self::P256).map_err(|_| invalid),
            P384 => p384::SecretKey::from_slice(&padded(48)?).map(Self::P384).map_err(|_| invalid),
            P521 => p521::SecretKey::from_slice(&padded(66)?).map(Self::P521).map_err(|_| invalid),
            _ => Err("x509: unknown elliptic curve"),
        }
    }

    fn from_pkcs8(bytes: &[u8]) -> Result<Self, &'static str> {
        const MALFORMED: &str = "asn1: structure error: the key is malformed";
        let mut parts = Reader(bytes).sequence().ok_or(MALFORMED)?;
        parts.integer().ok_or(MALFORMED)?;
        let mut algorithm = parts.sequence().ok_or(MALFORMED)?;
        let kind = algorithm.take(der::OBJECT).ok_or(MALFORMED)?;
        let inner = parts.take(der::OCTET_STRING).ok_or(MALFORMED)?;
        match kind {
            RSA => Self::from_pkcs1(inner),
            EC => Self::from_sec1(inner, algorithm.take(der::OBJECT)),
            ED25519 => {
                let seed =
                    Reader(inner).take(der::OCTET_STRING).ok_or("x509: invalid Ed25519 private key")?;
                let seed = seed.try_into().map_err(|_| "x509: invalid Ed25519 private key length")?;
                Ok(Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed))))
            }
            _ => Err("x509: PKCS#8 wrapping contained private key with unknown algorithm"),
        }
    }

    fn from_dsa(bytes: &[u8]) -> Result<Self, &'static str> {
        const MALFORMED: &str = "asn1: structure error: the key is malformed";
        let mut parts = Reader(bytes).sequence().ok_or(MALFORMED)?;
        let mut number = || parts.integer().map(BigUint::from_bytes_be).ok_or(MALFORMED);
        number()?;
        let (p, q, g, y, x) = (number()?, number()?, number()?, number()?, number()?);
        Ok(Self::Dsa(Box::new(Dsa { p, q, g, y, x })))
    }

    /// What the bit string of a public key holds.
    pub(super) fn public_bytes(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => sequence(&[integer(&key.n().to_bytes_be()), integer(&key.e().to_bytes_be())]),
            Self::P256(key) => key.public_key().to_encoded_point(false).as_bytes().to_vec(),
            Self::P384(key) => key.public_key().to_encoded_point(false).as_bytes().to_vec(),
            Self::P521(key) => key.public_key().to_encoded_point(false).as_bytes().to_vec(),
            Self::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            Self::Dsa(key) => integer(&key.y.to_bytes_be()),
        }
    }

    /// `SubjectPublicKeyInfo`; nothing for DSA, which Go puts into no certificate.
    pub(super) fn public_key(&self) -> Option<Vec<u8>> {
        let object = |it: &[u8]| element(der::OBJECT, it);
        let algorithm = match self {
            Self::Rsa(_) => sequence(&[object(RSA), element(der::NULL, &[])]),
            Self::P256(_) => sequence(&[object(EC), object(P256)]),
            Self::P384(_) => sequence(&[object(EC), object(P384)]),
            Self::P521(_) => sequence(&[object(EC), object(P521)]),
            Self::Ed25519(_) => sequence(&[object(ED25519)]),
            Self::Dsa(_) => return None,
        };
        Some(sequence(&[algorithm, der::bits(&self.public_bytes())]))
    }

    /// The algorithm with which it signs; nothing for DSA.
    pub(super) fn signature_algorithm(&self) -> Option<Vec<u8>> {
        let plain = |it: &[u8]| sequence(&[element(der::OBJECT, it)]);
        Some(match self {
            Self::Rsa(_) => sequence(&[element(der::OBJECT, RSA_SHA256), element(der::NULL, &[])]),
            Self::P256(_) => plain(ECDSA_SHA256),
            Self::P384(_) => plain(ECDSA_SHA384),
            Self::P521(_) => plain(ECDSA_SHA512),
            Self::Ed25519(_) => plain(ED25519),
            Self::Dsa(_) => return None,
        })
    }

    /// Signs bytes. `random` hides the computation from those who measure time; it does not show in the signature.
    ///
    /// # Errors
    /// When the key is too small for the signature, or cannot sign.
    pub(super) fn sign(&self, bytes: &[u8], random: Random<'_>) -> Result<Vec<u8>, String> {
        use p256::ecdsa::signature::hazmat::{PrehashSigner as _, RandomizedPrehashSigner as _};
        let text = |error: rsa::Error| error.to_string();
        let failed = |_| "the key cannot sign".to_owned();
        Ok(match self {
            Self::Rsa(key) => {
                let scheme = Pkcs1v15Sign::new::<rsa::sha2::Sha256>();
                key.sign_with_rng(&mut Generator(random), scheme, &Sha256::digest(bytes)).map_err(text)?
            }
            Self::P256(key) => {
                let key = p256::ecdsa::SigningKey::from(key);
                let signature: p256::ecdsa::Signature =
                    key.sign_prehash(&Sha256::digest(bytes)).map_err(failed)?;
                signature.to_der().as_bytes().to_vec()
            }
            Self::P384(key) => {
                let key = p384::ecdsa::SigningKey::from(key);
                let signature: p384::ecdsa::Signature =
                    key.sign_prehash(&Sha384::digest(bytes)).map_err(failed)?;
                signature.to_der().as_bytes().to_vec()
            }
            Self::P521(key) => {
                let key = p521::ecdsa::SigningKey::from_slice(&key.to_bytes()).map_err(failed)?;
                let signature: p521::ecdsa::Signature = key
                    .sign_prehash_with_rng(&mut Generator(random), &Sha512::digest(bytes))
                    .map_err(failed)?;
                signature.to_der().as_bytes().to_vec()
            }
            Self::Ed25519(key) => key.sign(bytes).to_bytes().to_vec(),
            Self::Dsa(_) => return Err("a DSA key cannot sign".into()),
        })
    }
}

/// PKCS #1, with what Go computes ahead.
fn to_pkcs1(key: &RsaPrivateKey) -> Vec<u8> {
    let one = BigUint::one();
    let (p, q) = match key.primes() {
        [p, q, ..] => (p.clone(), q.clone()),
        _ => (one.clone(), one.clone()),
    };
    let two = BigUint::from(2_u8);
    // By Fermat's little theorem, since p is prime.
    let inverse = if p > two { q.modpow(&(&p - &two), &p) } else { BigUint::zero() };
    let part = |prime: &BigUint| if prime > &one { key.d() % (prime - &one) } else { BigUint::zero() };
    let numbers = [
        BigUint::zero(),
        key.n().clone(),
        key.e().clone(),
        key.d().clone(),
        p.clone(),
        q.clone(),
        part(&p),
        part(&q),
        inverse,
    ];
    sequence(&numbers.map(|it| integer(&it.to_bytes_be())))
}

/// RFC 5915.
fn to_sec1(secret: &[u8], curve: &[u8], public: &[u8]) -> Vec<u8> {
    sequence(&[
        integer(&[1]),
        element(der::OCTET_STRING, secret),
        element(der::context(0), &element(der::OBJECT, curve)),
        element(der::context(1), &der::bits(public)),
    ])
}
