//! The next agent, which a bundle brings to nodes that are too old to read it.

use airlock::{
    bundle::{AGENT_ENVELOPE, Binary, BlobRole, Role},
    digest::Digest,
    trust,
};
use anyhow::Result;

use super::Work;
use crate::{envelope::Envelope, root::refusal};

impl Work<'_> {
    /// Takes the next agent: its statement, which must be signed already, and the programs that it speaks of.
    pub(super) fn agent(&mut self) -> Result<()> {
        let Some(says) = &self.description.says.agent else { return Ok(()) };
        let path = self.description.at(&says.statement);
        let needle = says.statement.display().to_string();
        let wrong = |what: String, fix: &str| self.description.wrong(&["agent", &needle], what, fix);
        let make = "`cargo xtask bundle agent` makes and signs it";
        let envelope =
            Envelope::read(&path, Role::Agent).map_err(|error| wrong(format!("{error:#}"), make))?;
        let statement = trust::agent(self.root, &envelope.unverified()?)
            .map_err(|why| wrong(refusal(why).to_string(), make))?;
        let mut missing: Vec<&Binary> = statement.binaries.iter().collect();
        for binary in &says.binaries {
            let media = "application/octet-stream";
            let taken = self
                .blobs
                .put_file(&self.description.at(binary), media, BlobRole::Agent, |_| Ok(None))
                .map_err(|error| wrong(format!("{error:#}"), "correct `binaries`"))?;
            let known = missing.len();
            missing.retain(|it| it.digest != taken.digest || it.size != taken.size);
            if missing.len() == known {
                let what = format!("the statement does not speak of {}", binary.display());
                return Err(wrong(what, make));
            }
        }
        if let Some(missing) = missing.first() {
            let what = format!("the program for {} is not among `binaries`", missing.arch);
            return Err(wrong(what, "name all that the statement speaks of"));
        }
        let bytes = envelope.encode();
        let size = bytes.len() as u64;
        self.blobs.put(bytes.clone(), size, AGENT_ENVELOPE, BlobRole::Agent);
        self.lock.files.insert(AGENT.to_owned(), Digest::of(&bytes));
        self.agent = Some(bytes);
        Ok(())
    }
}

/// How the lock calls the statement. No plain file can be called so.
const AGENT: &str = "/agent.dsse";
