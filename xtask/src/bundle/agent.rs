use std::path::{Path, PathBuf};

use airlock::{
    bundle::{AgentStatement, AgentVersion, Binary, Role},
    digest::Digest,
    trust,
};
use anyhow::{Context, Result, ensure};

use crate::{
    World,
    envelope::Envelope,
    key::Signer,
    root::{Chain, refusal},
};

/// Makes, or goes on signing, the statement about the next agent: which version its programs are, and their digests.
///
/// `binaries` are architectures, as Go names them, with a program each.
///
/// # Errors
/// When a program cannot be read, or the key is not of the agent role.
pub fn agent(
    version: AgentVersion,
    binaries: &[(String, PathBuf)],
    key: &Path,
    out: &Path,
    trust: &Path,
    world: &World,
) -> Result<String> {
    let chain = Chain::read(trust)?;
    let root = chain
        .newest()
        .context("the trust root is not signed by all yet; `cargo xtask root check` says who is missing")?;
    let role = root
        .roles
        .agent
        .as_ref()
        .context("nobody may sign agents yet; `cargo xtask root rotate --agent N:FILE.pub,…` says who")?;
    let mut rows = Vec::new();
    for (arch, path) in binaries {
        let program = std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
        let (digest, size) = (Digest::of(&program), program.len() as u64);
        rows.push(Binary { arch: arch.clone(), digest, size });
    }
    rows.sort_by(|a, b| a.arch.cmp(&b.arch));
    ensure!(
        rows.windows(2).all(|it| it.first().map(|it| &it.arch) != it.last().map(|it| &it.arch)),
        "one program an architecture"
    );
    let statement = AgentStatement {
        r#type: "agent".into(),
        format: 1,
        needs: Vec::new(),
        domain: root.domain.clone(),
        version,
        binaries: rows,
    };
    let mut envelope =
        Envelope::new(out.to_owned(), Role::Agent, serde_json::to_vec(&statement)?)?.continued()?;
    envelope.sign_for(role, &Signer::open(key, world)?)?;
    envelope.write()?;
    Ok(match trust::agent(&root, &envelope.unverified()?) {
        Ok(statement) => {
            format!("{}: signed by {} of {}\n", out.display(), statement.signers().len(), role.threshold)
        }
        Err(why) => format!("{}: not yet: {}\n", out.display(), refusal(why)),
    })
}
