//! The functions on hashes, passwords, keys and certificates.
//!
//! What is random is drawn from the environment's generator, so a render that gets the same generator again gives the
//! same keys.

mod aes;
mod certificate;
mod der;
mod dsa;
mod key;
mod password;
mod pem;
mod prime;

use rand_core::CryptoRngCore;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::{
    call::Out,
    encoding::{base32, base64, from_base32, from_base64},
    environment::Environment,
};
use crate::render::gotemplate::{
    Args, Context, Failure, Function, Object, Str, Type, Value,
    value::{UintKind, object},
};

pub use certificate::{Certificate, Extent, Subject};
pub use key::PrivateKey;

const TEXT: Type = Type::String;
const PAIR: Type = Type::Object("sprig.certificate");

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("b64enc", &[TEXT], TEXT, |context, args| {
        context.charge(args.str(0)?.len() as u64 / 16)?;
        Ok(base64(args.str(0)?).into())
    }),
    Function::new("b64dec", &[TEXT], TEXT, |_, args| {
        Ok(from_base64(args.str(0)?).map_or_else(Value::from, Value::from))
    }),
    Function::new("b32enc", &[TEXT], TEXT, |context, args| {
        context.charge(args.str(0)?.len() as u64 / 16)?;
        Ok(base32(args.str(0)?).into())
    }),
    Function::new("b32dec", &[TEXT], TEXT, |_, args| {
        Ok(from_base32(args.str(0)?).map_or_else(Value::from, Value::from))
    }),
    Function::new("sha1sum", &[TEXT], TEXT, |context, args| {
        digest(context, args, |it| hex(&Sha1::digest(it)))
    }),
    Function::new("sha256sum", &[TEXT], TEXT, |context, args| {
        digest(context, args, |it| hex(&Sha256::digest(it)))
    }),
    Function::new("sha512sum", &[TEXT], TEXT, |context, args| {
        digest(context, args, |it| hex(&Sha512::digest(it)))
    }),
    Function::new("adler32sum", &[TEXT], TEXT, |context, args| {
        digest(context, args, |it| adler32(it).to_string())
    }),
    Function::new("bcrypt", &[TEXT], TEXT, |context, args| Ok(bcrypt(context, args.str(0)?)?.into())),
    Function::new("htpasswd", &[TEXT, TEXT], TEXT, htpasswd),
    Function::new(
        "derivePassword",
        &[Type::Uint(UintKind::Uint32), TEXT, TEXT, TEXT, TEXT],
        TEXT,
        derive_password,
    ),
    Function::new("encryptAES", &[TEXT, TEXT], TEXT, |context, args| {
        let mut vector = [0; 16];
        Environment::of(context)?.random().fill_bytes(&mut vector);
        Ok(aes::encrypt(args.str(0)?, args.str(1)?, vector).into())
    }),
    Function::new("decryptAES", &[TEXT, TEXT], TEXT, |_, args| {
        Ok(aes::decrypt(args.str(0)?, args.str(1)?)?.into())
    }),
    Function::new("genPrivateKey", &[TEXT], TEXT, |context, args| {
        // The largest kinds take ten times as long as the key of a certificate.
        context.charge(10 * KEY_STEPS)?;
        let environment = Environment::of(context)?;
        let kind = args.str(0)?;
        Ok(match key::generate(kind, &mut **environment.random())? {
            Some(key) => key.to_pem().into(),
            None => [b"Unknown type ", kind.as_bytes()].concat().into(),
        })
    }),
    Function::new("buildCustomCert", &[TEXT, TEXT], PAIR, custom),
    Function::new("genCA", &[TEXT, Type::INT], PAIR, |context, args| {
        issue(context, args, Extent::Authority, None, None)
    }),
    Function::new("genCAWithKey", &[TEXT, Type::INT, TEXT], PAIR, |context, args| {
        issue(context, args, Extent::Authority, None, Some(args.str(2)?))
    }),
    Function::new("genSelfSignedCert", &[TEXT, Type::LIST, Type::LIST, Type::INT], PAIR, |context, args| {
        issue(context, args, Extent::Host, None, None)
    }),
    Function::new(
        "genSelfSignedCertWithKey",
        &[TEXT, Type::LIST, Type::LIST, Type::INT, TEXT],
        PAIR,
        |context, args| issue(context, args, Extent::Host, None, Some(args.str(4)?)),
    ),
    Function::new(
        "genSignedCert",
        &[TEXT, Type::LIST, Type::LIST, Type::INT, PAIR],
        PAIR,
        |context, args| issue(context, args, Extent::Host, Some(args.object(4)?), None),
    ),
    Function::new(
        "genSignedCertWithKey",
        &[TEXT, Type::LIST, Type::LIST, Type::INT, PAIR, TEXT],
        PAIR,
        |context, args| issue(context, args, Extent::Host, Some(args.object(4)?), Some(args.str(5)?)),
    ),
];

/// What making a key costs beside everything else that templates do.
const KEY_STEPS: u64 = 200_000;

/// A certificate and its key in PEM: `sprig.certificate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Pair {
    certificate: Str,
    key: Str,
}

impl Object for Pair {
    fn type_name(&self) -> &'static str {
        "sprig.certificate"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(self.certificate.clone().into()),
            "Key" => Some(self.key.clone().into()),
            _ => None,
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Cert", self.certificate.clone().into()), ("Key", self.key.clone().into())]
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        other.as_any().downcast_ref::<Self>().map(|other| self == other)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn digest(context: &mut dyn Context, args: Args<'_>, how: fn(&[u8]) -> String) -> Out {
    context.charge(args.str(0)?.len() as u64 / 16)?;
    Ok(how(args.str(0)?).into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// RFC 1950.
fn adler32(bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (1_u32, 0_u32);
    // So many bytes that no sum overflows.
    for chunk in bytes.chunks(5552) {
        for byte in chunk {
            low += u32::from(*byte);
            high += low;
        }
        low %= 65_521;
        high %= 65_521;
    }
    high << 16 | low
}

fn bcrypt(context: &mut dyn Context, password: &[u8]) -> Result<Vec<u8>, Failure> {
    context.charge(KEY_STEPS)?;
    let mut salt = [0; 16];
    Environment::of(context)?.random().fill_bytes(&mut salt);
    Ok(password::bcrypt(password, salt).into())
}

fn htpasswd(context: &mut dyn Context, args: Args<'_>) -> Out {
    let (user, password) = (args.str(0)?, args.str(1)?);
    if user.contains(&b':') {
        return Ok([b"invalid username: ", user.as_bytes()].concat().into());
    }
    let hash = bcrypt(context, password)?;
    Ok([user.as_bytes(), b":", &hash].concat().into())
}

fn derive_password(context: &mut dyn Context, args: Args<'_>) -> Out {
    context.charge(KEY_STEPS)?;
    let counter = match args.any(0) {
        Value::Uint(counter, _) => u32::try_from(*counter).unwrap_or(0),
        _ => 0,
    };
    Ok(password::derive(counter, args.str(1)?, args.str(2)?, args.str(3)?, args.str(4)?).into())
}

fn custom(_: &mut dyn Context, args: Args<'_>) -> Out {
    let certificate = from_base64(args.str(0)?).map_err(|_| "unable to decode base64 certificate")?;
    let key = from_base64(args.str(1)?).map_err(|_| "unable to decode base64 private key")?;
    let block = pem::decode(&certificate).ok_or("unable to decode certificate")?;
    Certificate::parse(&block.bytes)
        .map_err(|error| format!("error parsing certificate: decodedCert.Bytes: {error}"))?;
    PrivateKey::from_pem(&key).map_err(|error| format!("error parsing private key: {error}"))?;
    Ok(object(Pair { certificate: certificate.into(), key: key.into() }))
}

/// All `gen…Cert` functions: name, then addresses, names and days, or days alone where it is an authority.
fn issue(
    context: &mut dyn Context,
    args: Args<'_>,
    extent: Extent,
    authority: Option<&Pair>,
    key: Option<&Str>,
) -> Out {
    context.charge(KEY_STEPS)?;
    let environment = Environment::of(context)?;
    let given =
        key.map(|it| PrivateKey::from_pem(it).map_err(|error| format!("parsing private key: {error}")));
    let key = match given.transpose()? {
        Some(key) => key,
        None => PrivateKey::rsa(&mut **environment.random(), 2048)
            .map_err(|error| format!("error generating rsa key: {error}"))?,
    };
    let signer = authority.map(signer).transpose()?;
    let days = args.int(if extent == Extent::Authority { 1 } else { 3 })?;
    let (addresses, names) = match extent {
        Extent::Authority => (Vec::new(), Vec::new()),
        Extent::Host => {
            (texts(args, 1, "error parsing ip")?, texts(args, 2, "error processing alternate dns name")?)
        }
    };
    let mut serial = [0; 16];
    environment.random().fill_bytes(&mut serial);
    let now = environment.now().seconds;
    let subject = Subject {
        name: args.str(0)?.to_vec(),
        addresses: certificate::addresses(&addresses)?,
        names: names.iter().map(|it| it.to_vec()).collect(),
        extent,
        serial,
        not_before: now,
        // The original multiplies in 64 bits of nanoseconds, whatever comes out.
        not_after: environment.now().add(days.wrapping_mul(86_400_000_000_000)).seconds,
    };
    let (parent, signing) = match &signer {
        Some((parent, signing)) => (Some(parent), signing),
        None => (None, &key),
    };
    let der = subject
        .sign(&key, parent, signing, &mut **environment.random())
        .map_err(|error| format!("error creating certificate: {error}"))?;
    let certificate = pem::encode("CERTIFICATE", &der);
    Ok(object(Pair { certificate: certificate.into(), key: key.to_pem().into() }))
}

fn signer(pair: &Pair) -> Result<(Certificate, PrivateKey), Failure> {
    let block = pem::decode(&pair.certificate).ok_or("unable to decode certificate")?;
    let parent = Certificate::parse(&block.bytes)
        .map_err(|error| format!("error parsing certificate: decodedSignerCert.Bytes: {error}"))?;
    let key =
        PrivateKey::from_pem(&pair.key).map_err(|error| format!("error parsing private key: {error}"))?;
    Ok((parent, key))
}

/// The texts of a list, or what the original says of what is none.
fn texts(args: Args<'_>, at: usize, says: &str) -> Result<Vec<Str>, Failure> {
    let texts = args.list(at)?.to_vec().into_iter().map(|it| match it {
        Value::Str(text) => Ok(text),
        other => {
            let printed = super::call::print(&other)?;
            Err(format!("{says}: {} is not a string", String::from_utf8_lossy(&printed)).into())
        }
    });
    texts.collect()
}

/// The generator, as the libraries of keys want it.
type Random<'r> = &'r mut dyn CryptoRngCore;
