//! Signed documents: trust roots, statements, agents, cards.

use airlock::{
    bundle::{Role, pae},
    digest::Digest,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::kit::{Person, first_root},
    Place,
    bytes::{Bytes, Edit, edit, unhex},
    merge,
};

/// A document, how it is signed, and what becomes of it afterwards. In this order:
/// `patch` and `also` change the document, `payload` its bytes; `by` signs; `signed` changes the payload under the
/// signatures; `envelope` changes the envelope as JSON, `bytes` as bytes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Document {
    /// A merge patch.
    pub patch: Value,
    /// Of a root: people whose keys are listed as well, or words for keys.
    pub also: Vec<String>,
    /// Of a bundle: its sequence, and the day on which it was made; 1 where it says nothing.
    pub sequence: Option<u64>,
    /// Changes of the bytes that are signed.
    pub payload: Vec<Edit>,
    /// Who signs; where it says nothing, as many as are enough.
    pub by: Option<Vec<Signing>>,
    /// The role that the envelope and the signatures are made for.
    pub role: Option<String>,
    /// Changes of the payload after it was signed.
    pub signed: Vec<Edit>,
    /// A merge patch of the envelope.
    pub envelope: Value,
    /// Changes of the envelope's bytes.
    pub bytes: Vec<Edit>,
    /// Of a root: the version that its file is named after, where it is not its own.
    pub named: Option<u32>,
    /// Of a root: so many of them, one after the other.
    pub times: Option<usize>,
}

/// A signature: the name of a person, who signs as he should; or one that is made otherwise.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Signing {
    Name(String),
    Made(Box<Made>),
}

/// A signature that is not as it should be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Made {
    /// Who signs.
    pub by: String,
    /// `raw` where it says nothing; `sshsig`; or a name to be written that does not exist.
    pub scheme: Option<String>,
    /// The algorithm to be written.
    pub alg: Option<String>,
    /// The role that is signed for.
    pub role: Option<String>,
    /// The namespace of an SSHSIG signature.
    pub namespace: Option<String>,
    /// Signs the payload alone and not its PAE.
    pub bare: bool,
    /// Who is said to have signed.
    pub claims: Option<String>,
    /// The signature itself.
    pub sig: Option<Bytes>,
    /// Changes of the signature.
    pub edit: Vec<Edit>,
    /// Raised by the order of the group: the second form of the same ed25519 signature.
    pub twin: bool,
    /// The same signature so many times.
    pub times: Option<usize>,
}

/// A document that is done.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub document: Value,
    /// What was signed.
    pub payload: Vec<u8>,
    /// The envelope.
    pub bytes: Vec<u8>,
}

impl Sealed {
    pub fn digest(&self) -> Digest {
        Digest::of(&self.payload)
    }
}

fn role(name: &str) -> Role {
    match name {
        "root" => Role::Root,
        "bundle" => Role::Bundle,
        "agent" => Role::Agent,
        "card" => Role::Card,
        other => panic!("`{other}` is no role"),
    }
}

impl Document {
    /// Makes it out of `base`, for `usual`, signed by `people` where it does not say by whom.
    pub fn seal(&self, base: &Value, usual: Role, people: &[&str], place: &Place) -> Sealed {
        let mut document = merge(base, &self.patch, place);
        for name in &self.also {
            let word = if name.starts_with('$') { name.clone() } else { format!("$key {name}") };
            document["keys"].as_array_mut().unwrap().push(merge(&Value::Null, &word.into(), place));
        }
        let mut payload = serde_json::to_vec(&document).unwrap();
        edit(&mut payload, &self.payload, place);
        let used = self.role.as_deref().map_or(usual, role);
        let people = people.iter().map(|it| Signing::Name((*it).to_owned())).collect();
        let signatures = self.by.as_ref().unwrap_or(&people).iter();
        let signatures: Vec<Value> = signatures.flat_map(|it| it.make(used, &payload, place)).collect();
        let mut carried = payload.clone();
        edit(&mut carried, &self.signed, place);
        let wire = json!({
            "payloadType": used.payload_type(),
            "payload": BASE64_STANDARD.encode(&carried),
            "signatures": signatures,
        });
        let mut bytes = serde_json::to_vec(&merge(&wire, &self.envelope, place)).unwrap();
        edit(&mut bytes, &self.bytes, place);
        Sealed { document, payload: carried, bytes }
    }
}

impl Signing {
    fn make(&self, used: Role, payload: &[u8], place: &Place) -> Vec<Value> {
        let made = match self {
            Self::Name(name) => Made { by: name.clone(), ..Made::default() },
            Self::Made(made) => made.as_ref().clone(),
        };
        let person = Person::named(&made.by);
        let used = made.role.as_deref().map_or(used, role);
        let message = if made.bare { payload.to_vec() } else { pae(used, payload) };
        let scheme = made.scheme.as_deref().unwrap_or("raw");
        let mut sig = match (&made.sig, scheme) {
            (Some(bytes), _) => bytes.make(place),
            (None, "sshsig") => {
                let namespace = made.namespace.as_deref().unwrap_or_else(|| used.ssh_namespace());
                person.sshsig_bytes(namespace, &message).bytes
            }
            (None, _) => person.sign_bytes(&message).bytes,
        };
        if made.twin {
            raise(&mut sig[32..]);
        }
        edit(&mut sig, &made.edit, place);
        let claimed = made.claims.as_deref().map_or_else(|| person.id(), |it| Person::named(it).id());
        let signature = json!({
            "alg": made.alg.as_deref().unwrap_or("ed25519"),
            "scheme": scheme,
            "keyid": claimed,
            "sig": BASE64_STANDARD.encode(sig),
        });
        vec![signature; made.times.unwrap_or(1)]
    }
}

/// Adds the order of ed25519's group to a scalar, the lowest byte first.
fn raise(scalar: &mut [u8]) {
    let order = unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut carry = 0;
    for (byte, add) in scalar.iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
}

/// A chain of trust roots, each with the version that its file is named after. The first is the fleet's first root;
/// each next one continues the one before as `cargo xtask root rotate` would, before its own patch.
pub fn chain(roots: &[Document], place: &Place) -> Vec<(u32, Sealed)> {
    let mut chain: Vec<(u32, Sealed)> = Vec::new();
    for root in roots {
        for _ in 0..root.times.unwrap_or(1) {
            let base = chain.last().map_or_else(|| json!(first_root()), |(_, before)| next(before));
            let sealed = root.seal(&base, Role::Root, &["rosa", "rolf"], place);
            let version = sealed.document["version"].as_u64().and_then(|it| u32::try_from(it).ok());
            chain.push((root.named.or(version).unwrap_or(1), sealed));
        }
    }
    chain
}

fn next(before: &Sealed) -> Value {
    let mut root = before.document.clone();
    let issued: Timestamp = serde_json::from_value(root["issued"].clone()).unwrap();
    root["version"] = json!(root["version"].as_u64().unwrap() + 1);
    root["previous"] = json!(before.digest());
    root["issued"] = json!(issued + 24.hours());
    root
}
