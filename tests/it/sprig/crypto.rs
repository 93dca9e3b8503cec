use airlock::render::gotemplate::sprig::crypto::{Certificate, Extent, PrivateKey, Subject};
use rand_core::SeedableRng as _;
use serde_json::{Value as Json, json};

use super::{bytes, check, functions::ask};

fn from_pem(text: &str) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let body: String = text.lines().filter(|it| !it.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}

/// The part of a certificate that is signed, with its tag and length.
fn signed_part(der: &[u8]) -> &[u8] {
    let header = |der: &[u8]| match der[1] {
        length @ ..0x80 => (2, usize::from(length)),
        0x81 => (3, usize::from(der[2])),
        0x80 | 0x82.. => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
    };
    let body = &der[header(der).0..];
    let (start, length) = header(body);
    &body[..start + length]
}

/// The same certificate by our hand: what was left to chance and the clock is taken from the original's.
fn again(name: &str, args: &[Json], original: &Certificate) -> Result<Vec<u8>, String> {
    let authority = name.starts_with("genCA");
    let texts = |at: usize| match &args[at] {
        Json::Array(items) => items.iter().map(|it| it.as_str().unwrap().to_owned()).collect(),
        _ => Vec::<String>::new(),
    };
    let key = PrivateKey::from_pem(args.last().unwrap().as_str().unwrap().as_bytes())?;
    let days = args[if authority { 1 } else { 3 }].as_i64().unwrap();
    let mut serial = [0; 16];
    let significant = &original.serial[original.serial.len().saturating_sub(16)..];
    serial[16 - significant.len()..].copy_from_slice(significant);
    let not_before = original.not_before.unwrap();
    let subject = Subject {
        name: bytes(&args[0]),
        addresses: match authority {
            true => Vec::new(),
            false => texts(1).iter().map(|it| it.parse().unwrap()).collect(),
        },
        names: if authority { Vec::new() } else { texts(2).into_iter().map(String::into_bytes).collect() },
        extent: if authority { Extent::Authority } else { Extent::Host },
        serial,
        not_before,
        not_after: not_before + days.wrapping_mul(86_400_000_000_000).div_euclid(1_000_000_000),
    };
    let pair = args.get(4).map(|it| &it["sprig.certificate"]).filter(|it| it.is_array());
    let parent = pair.map(|it| Certificate::parse(&from_pem(it[0].as_str().unwrap())).unwrap());
    let signer = pair.map(|it| PrivateKey::from_pem(it[1].as_str().unwrap().as_bytes()).unwrap());
    let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(1);
    subject.sign(&key, parent.as_ref(), signer.as_ref().unwrap_or(&key), &mut random)
}

#[test]
fn keys_and_certificates() {
    check(include_str!("../../data/sprig/crypto.jsonl"), 120, |asked, expect| {
        let (name, args) = (asked[0].as_str().unwrap(), asked[1].as_array().unwrap());
        match name {
            "bcrypt" | "htpasswd" if expect.as_str().is_some_and(|it| it.contains("$2a$")) => {
                let password = args.last().unwrap().as_str().unwrap();
                let hash = expect.as_str().unwrap();
                let parts: bcrypt::HashParts = hash[hash.find('$').unwrap()..].parse().unwrap();
                assert_eq!(parts.get_cost(), 10);
                assert!(bcrypt::verify(password, &hash[hash.find('$').unwrap()..]).unwrap());
                let ours = ask(name, args);
                let ours = ours.as_str().unwrap();
                assert_eq!(ours.split('$').next(), hash.split('$').next());
                assert!(bcrypt::verify(password, &ours[ours.find('$').unwrap()..]).unwrap());
                expect.clone()
            }
            "encryptAES" => {
                let encrypted = ask(name, args);
                assert_eq!(encrypted.as_str().map(str::len), expect.as_str().map(str::len));
                let decrypted = ask("decryptAES", &[args[0].clone(), encrypted]);
                assert_eq!(decrypted, args[1]);
                expect.clone()
            }
            "buildCustomCert" | "decryptAES" | "derivePassword" | "bcrypt" | "htpasswd" | "genPrivateKey" => {
                ask(name, args)
            }
            _ if expect.is_object() => ask(name, args),
            _ => {
                let theirs = from_pem(expect[0].as_str().unwrap());
                let original = Certificate::parse(&theirs).unwrap();
                let ours = match again(name, args, &original) {
                    Ok(ours) => ours,
                    Err(error) => return json!(error),
                };
                let key = PrivateKey::from_pem(args.last().unwrap().as_str().unwrap().as_bytes()).unwrap();
                let pem = String::from_utf8(key.to_pem()).unwrap();
                // Signatures on curves differ each time.
                let same = ours == theirs || signed_part(&ours) == signed_part(&theirs);
                let random = asked.to_vec().iter().any(|it| it.to_string().contains("EC PRIVATE KEY"))
                    || matches!(key, PrivateKey::P256(_) | PrivateKey::P384(_) | PrivateKey::P521(_));
                let cert =
                    if same && (random || ours == theirs) { expect[0].clone() } else { json!(hex(&ours)) };
                json!([cert, pem])
            }
        }
    });
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}
