//! Looking at a medium without taking anything in: what it says, who signed it, whether it is whole.

use std::{collections::BTreeMap, io, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    accept::{Terms, labelled, read_envelope},
    memory::Memory,
    successor,
};
use crate::{
    bundle::{Inventory, Item, Malformed, Medium as _, Release, Statement, Unverified},
    content::{Blobs, Content},
    digest::{Checked, Digest, Mismatch},
    fault::Report,
    source::Volumes,
    trust::{Policy, Refusal, Root, Standing, Verified},
};

/// What a medium carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// How people call it.
    pub medium: String,
    /// The payload digest of the bundle.
    pub digest: Digest,
    /// What the signers said. None where too few of them signed it: what nobody vouches for is not read.
    pub statement: Option<Statement>,
    /// Who signed it, of those who count, by fingerprint and label.
    pub signers: Vec<String>,
    /// Whether this node would take it, and if not, why.
    pub verdict: Option<Report>,
    /// Whether this node has it already.
    pub known: bool,
    /// The release, where it is there.
    pub release: Option<Release>,
    /// How many blobs there are, and their bytes.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The largest blobs by role, and how many bytes each role takes.
    pub roles: BTreeMap<String, u64>,
    /// The versions of the trust roots on the medium.
    pub roots: Vec<u32>,
    /// The version of the agent that it brings, where a signature vouches for it.
    pub agent: Option<String>,
    /// Blobs that are not on the medium (a delta leaves out what the site has).
    pub absent: u64,
    /// Blobs on the medium with other content, in words; only a verification looks.
    pub damaged: Vec<String>,
}

/// Looks at one bundle. With `thorough` every blob is hashed.
///
/// # Errors
/// When the medium cannot be read at all.
pub fn inspect(
    memory: &Memory,
    terms: &Terms,
    medium: &Volumes,
    now: Timestamp,
    thorough: bool,
    progress: &dyn Fn(u64, u64),
) -> Result<Inspection, Report> {
    let missing = || Refusal::from(Malformed::new(medium.label(), "it has no `bundle.dsse`"));
    let envelope = read_envelope(medium, Item::Bundle)?.ok_or_else(missing)?;
    let roots = medium.roots().map_err(|error| Report::from(Malformed::new(medium.label(), error)))?;
    let mut inspection = Inspection {
        medium: medium.label(),
        digest: envelope.payload_digest(),
        statement: None,
        signers: Vec::new(),
        verdict: None,
        known: false,
        release: None,
        blobs: 0,
        bytes: 0,
        roles: BTreeMap::new(),
        roots,
        agent: None,
        absent: 0,
        damaged: Vec::new(),
    };
    let (judge, stopped) = successor::judge(memory, medium)?;
    let judge = &judge;
    if let Ok(Some(statement)) = successor::of(memory, medium) {
        inspection.agent = Some(statement.version.to_string());
    }
    let (root, verdict) = match judged(memory, judge, terms, &envelope, now) {
        Ok((root, standing)) => {
            inspection.known = standing == Standing::Same;
            (Some(root), stopped.map(|it| Report::of(&it)))
        }
        // Whoever vouches for it may be heard even where the node would not take it.
        Err(refusal) => (crate::trust::readmit(judge, &envelope).ok(), Some(Report::of(&refusal))),
    };
    inspection.verdict = verdict;
    let Some(root) = root else { return Ok(inspection) };
    inspection.signers = labelled(root.signers(), Some(judge));
    inspection.statement = Some(root.statement.clone());
    contents(medium, root, thorough, progress, &mut inspection);
    Ok(inspection)
}

fn judged(
    memory: &Memory,
    judge: &Verified<crate::bundle::TrustRoot>,
    terms: &Terms,
    envelope: &Unverified,
    now: Timestamp,
) -> Result<(Verified<Root>, Standing), Refusal> {
    let mut refused = None;
    for audience in &terms.audiences {
        let policy =
            Policy { root: judge, audience, time_floor: memory.state.time_floor, agent: terms.agent };
        let history = |channel: &_| memory.state.channel(&audience.cluster, channel);
        match policy.verify(envelope, history, now) {
            Ok(judged) => return Ok((judged.root, judged.standing)),
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    let nobody = || Malformed::new("the configuration", "this node takes bundles for no cluster").into();
    Err(refused.unwrap_or_else(nobody))
}

/// Reads what lies below a verified root, as far as the medium has it.
fn contents(
    medium: &Volumes,
    root: Verified<Root>,
    thorough: bool,
    progress: &dyn Fn(u64, u64),
    inspection: &mut Inspection,
) {
    let blobs = Arc::new(OnMedium(medium.clone()));
    let inventory: Inventory = match crate::content::inventory(&root, &*blobs) {
        Ok(inventory) => inventory,
        Err(error) => {
            inspection.verdict.get_or_insert_with(|| Report::of(&error));
            return;
        }
    };
    match Content::open(root, Arc::clone(&blobs) as Arc<dyn Blobs>) {
        Ok(content) => inspection.release = Some(content.release().clone()),
        Err(error) => drop(inspection.verdict.get_or_insert_with(|| Report::of(&error))),
    }
    inspection.blobs = inventory.len() as u64;
    inspection.bytes = inventory.iter().fold(0, |sum: u64, it| sum.saturating_add(it.size));
    let mut done = 0;
    for blob in inventory.iter() {
        let role = serde_json::to_value(blob.role).ok();
        let role = role.as_ref().and_then(|it| it.as_str()).unwrap_or("blob").to_owned();
        *inspection.roles.entry(role).or_insert(0) += blob.size;
        for piece in blob.pieces() {
            let mut found = false;
            for (_, copy) in medium.copies(Item::Blob(piece.digest)) {
                let Ok(opened) = copy else { continue };
                found = true;
                if opened.size != piece.size {
                    inspection
                        .damaged
                        .push(format!("{} has {} of its {} bytes", piece.digest, opened.size, piece.size));
                } else if thorough
                    && let Err(error) =
                        io::copy(&mut Checked::new(opened.reader, piece.digest, piece.size), &mut io::sink())
                {
                    let why = Mismatch::within(&error).map_or_else(|| error.to_string(), ToString::to_string);
                    inspection.damaged.push(why);
                }
            }
            if !found {
                inspection.absent += 1;
            }
            done += piece.size;
            progress(done, inspection.bytes);
        }
    }
    if let (Some(first), None) = (inspection.damaged.first(), &inspection.verdict) {
        let error = format!("the medium holds something else than was signed: {first}");
        let hint = "copy the bundle again; good blobs of this medium can be imported all the same";
        inspection.verdict = Some(Report::new("tampered", crate::fault::Class::Denied, error, Some(hint)));
    }
}

/// A medium as a place of blobs: what is read from it is hashed like everything else.
struct OnMedium(Volumes);

impl Blobs for OnMedium {
    fn open(&self, digest: &Digest) -> io::Result<Option<Box<dyn io::Read + Send>>> {
        Ok(self.0.open(Item::Blob(*digest))?.map(|opened| opened.reader))
    }
}
