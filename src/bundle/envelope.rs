use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use super::{Algorithm, KeyId, Malformed, strict};
use crate::{digest::Digest, limits};

/// What an envelope is for. A signature made for one role is worth nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A trust root.
    Root,
    /// A bundle's statement.
    Bundle,
    /// The next agent.
    Agent,
    /// A latest card.
    Card,
}

impl Role {
    /// The role's name in types and namespaces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Bundle => "bundle",
            Self::Agent => "agent",
            Self::Card => "card",
        }
    }

    /// The DSSE payload type.
    pub fn payload_type(self) -> &'static str {
        match self {
            Self::Root => "application/vnd.airlock.root.v1+json",
            Self::Bundle => "application/vnd.airlock.bundle.v1+json",
            Self::Agent => "application/vnd.airlock.agent.v1+json",
            Self::Card => "application/vnd.airlock.card.v1+json",
        }
    }

    /// The namespace of SSHSIG signatures (`ssh-keygen -Y sign -n`).
    pub fn ssh_namespace(self) -> &'static str {
        match self {
            Self::Root => "airlock-root-v1",
            Self::Bundle => "airlock-bundle-v1",
            Self::Agent => "airlock-agent-v1",
            Self::Card => "airlock-card-v1",
        }
    }
}

/// How the bytes of a signature are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// 64 bytes of ed25519 over the PAE.
    Raw,
    /// An SSHSIG blob over the PAE.
    Sshsig,
}

/// One signature of an envelope. Everything in it is a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The algorithm, or none that this agent knows.
    pub alg: Option<Algorithm>,
    /// The scheme, or none that this agent knows.
    pub scheme: Option<Scheme>,
    /// Who says to have signed: a hint for messages.
    pub keyid: Option<KeyId>,
    /// The signature.
    pub bytes: Vec<u8>,
}

/// An envelope as received.
///
/// Deliberately opaque: the only thing to do with one is to hand it to [`crate::trust`], or to copy its bytes.
#[derive(Clone, Debug)]
pub struct Unverified {
    bytes: Vec<u8>,
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    payload_type: String,
    payload: String,
    signatures: Vec<WireSignature>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    // Algorithms and schemes grow: a signature of an unknown one does not count, and harms nobody.
    alg: String,
    scheme: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    sig: String,
}

impl Unverified {
    /// Reads an envelope (DSSE 1.0.2, with `alg` and `scheme` beside each signature) and nothing inside it.
    /// `what` names it in errors.
    ///
    /// # Errors
    /// When it is too big, is not strict JSON, or its base64 is not canonical.
    pub fn read(what: &str, bytes: Vec<u8>) -> Result<Self, Malformed> {
        let wrong = |why: &str| Malformed::new(what, why);
        if bytes.len() as u64 > limits::ENVELOPE_BYTES {
            return Err(wrong("it is larger than an envelope may be"));
        }
        let wire: Wire = strict::parse(what, &bytes)?;
        if wire.signatures.len() > limits::SIGNATURES {
            return Err(wrong("it has more signatures than an envelope may have"));
        }
        let decode =
            |text: &str| BASE64_STANDARD.decode(text).map_err(|_| wrong("its base64 is not canonical"));
        let payload = decode(&wire.payload)?;
        if payload.len() > limits::PAYLOAD_BYTES {
            return Err(wrong("its payload is larger than a payload may be"));
        }
        let signatures = wire.signatures.iter().map(|it| {
            Ok(Signature {
                alg: serde_json::from_value(it.alg.as_str().into()).ok(),
                scheme: serde_json::from_value(it.scheme.as_str().into()).ok(),
                keyid: it.keyid.as_deref().and_then(|id| id.parse().ok()),
                bytes: decode(&it.sig)?,
            })
        });
        let signatures = signatures.collect::<Result<_, Malformed>>()?;
        Ok(Self { payload_type: wire.payload_type, payload, signatures, bytes })
    }

    /// The envelope, byte for byte as received, for copying and keeping.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The identity of what is inside, whether or not anybody believes it.
    pub fn payload_digest(&self) -> Digest {
        Digest::of(&self.payload)
    }

    /// The type that the envelope claims.
    pub(crate) fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The bytes that signatures cover. Only `trust` calls this, and parses only after the verdict.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signatures as claimed.
    pub(crate) fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The signatures, the payload and its type: for the signer's side, which made the payload or is about to show it.
    pub fn into_parts(self) -> (String, Vec<u8>, Vec<Signature>) {
        (self.payload_type, self.payload, self.signatures)
    }
}

/// Writes an envelope.
pub fn encode(role: Role, payload: &[u8], signatures: &[Signature]) -> Vec<u8> {
    let name = |value: serde_json::Value| value.as_str().unwrap_or("unknown").to_owned();
    let wire = Wire {
        payload_type: role.payload_type().to_owned(),
        payload: BASE64_STANDARD.encode(payload),
        signatures: signatures
            .iter()
            .map(|it| WireSignature {
                alg: name(serde_json::json!(it.alg)),
                scheme: name(serde_json::json!(it.scheme)),
                keyid: it.keyid.map(|id| id.to_string()),
                sig: BASE64_STANDARD.encode(&it.bytes),
            })
            .collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&wire).expect("strings always serialise");
    bytes.push(b'\n');
    bytes
}

/// The bytes that a signature covers: DSSE's pre-authentication encoding, `DSSEv1 <len> <type> <len> <body>`.
///
/// ```
/// use airlock::bundle::{Role, pae};
/// assert_eq!(pae(Role::Card, b"{}"), b"DSSEv1 36 application/vnd.airlock.card.v1+json 2 {}");
/// ```
pub fn pae(role: Role, payload: &[u8]) -> Vec<u8> {
    let r#type = role.payload_type();
    let mut bytes = format!("DSSEv1 {} {} {} ", r#type.len(), r#type, payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}
