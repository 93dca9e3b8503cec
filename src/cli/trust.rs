use std::{path::PathBuf, process::ExitCode, sync::Arc};

use rustix::rand::{GetRandomFlags, getrandom};
use serde_json::json;

use super::context::{Context, clock};
use crate::{
    bundle::{Floor, Unverified},
    daemon,
    digest::{Digest, hex},
    fault::{Class, Report},
    reconcile::{Anchor, begin},
    store::RealDisk,
    trust::words,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Trust a first root, by its digest or by the eight words of its sheet
    Init(InitArgs),
    /// Show the trust roots that this node knows
    Show,
    /// Begin again where the state was lost, from a root and a floor that you know
    Recover(RecoverArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// The trust root: `NNNN.root.dsse`
    file: PathBuf,
    #[command(flatten)]
    proof: Proof,
}

#[derive(Debug, clap::Args)]
pub(super) struct RecoverArgs {
    /// The newest trust root that is known: `NNNN.root.dsse`
    file: PathBuf,
    #[command(flatten)]
    proof: Proof,
    /// The newest bundle that this node had accepted: nothing older is accepted again
    #[arg(long, value_name = "EPOCH-SEQUENCE")]
    minimum: Floor,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Proof {
    /// The digest on the root sheet, 64 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// The eight words on the root sheet
    #[arg(long, value_name = "WORDS")]
    words: Option<String>,
}

pub(super) fn run(verb: &Verb, context: &Context) -> Result<ExitCode, Report> {
    match verb {
        Verb::Init(args) => anchor(&args.file, &args.proof, None, context),
        Verb::Recover(args) => anchor(&args.file, &args.proof, Some(args.minimum), context),
        Verb::Show => show(context),
    }
}

fn anchor(
    file: &PathBuf,
    proof: &Proof,
    minimum: Option<Floor>,
    context: &Context,
) -> Result<ExitCode, Report> {
    let settings = context.settings()?;
    let disk_error = |what: &PathBuf| {
        let what = what.display().to_string();
        move |error: std::io::Error| {
            Report::new("disk", Class::System, format!("{what} cannot be opened: {error}"), None)
        }
    };
    let envelope = std::fs::read(file).map_err(disk_error(file))?;
    let found = Unverified::read(&file.display().to_string(), envelope.clone())?.payload_digest();
    let (digest, how) = match (&proof.sha256, &proof.words) {
        (Some(digits), _) => {
            let digits = digits.trim().trim_start_matches("sha256:").to_ascii_lowercase();
            let wrong = |error: crate::digest::NotADigest| {
                Report::new("anchor", Class::Invalid, error.to_string(), None)
            };
            (Digest::from_hex(&digits).map_err(wrong)?, "sha256")
        }
        (None, Some(said)) if words::agree(said, &found) => (found, "words"),
        (None, said) => {
            let said = said.clone().unwrap_or_default();
            let refusal = crate::trust::Refusal::Anchor { found: words::of(&found), expected: said };
            return Err(refusal.into());
        }
    };
    let there = daemon::read_store_id(&settings.store_id)?;
    if let (Some(_), None) = (&there, minimum) {
        let error = format!("this node was begun before: {} is there", settings.store_id.display());
        let hint = "`airlock status` shows what it knows; if its state was lost: `airlock trust recover`";
        return Err(Report::new("begun", Class::Denied, error, Some(hint)));
    }
    if let Some(place) = settings.store.parent() {
        std::fs::create_dir_all(place).map_err(disk_error(&settings.store))?;
    }
    let disk = RealDisk::open_or_make(&settings.store).map_err(disk_error(&settings.store))?;
    let minimum = minimum.map(|floor| {
        let channels = settings
            .clusters()
            .flat_map(|cluster| settings.channels.iter().map(|it| (cluster.clone(), it.clone())));
        (channels.collect(), floor)
    });
    let recovered = minimum.is_some();
    let id = store_id()?;
    let anchored = Anchor { envelope, digest, how: how.to_owned(), minimum };
    begin(Arc::new(disk), &anchored, id.clone(), clock()())?;
    daemon::write_store_id(&settings.store_id, &id)?;
    let data = json!({"digest": digest, "storeId": id, "recovered": recovered});
    context.print(&data, |_| format!("this node trusts root {digest}\nnext: `airlock import PATH`"))
}

/// 128 random bits that tell this node's state from any other's.
fn store_id() -> Result<String, Report> {
    let mut bytes = [0_u8; 16];
    match getrandom(&mut bytes[..], GetRandomFlags::empty()) {
        Ok(count) if count == bytes.len() => Ok(hex(&bytes)),
        Ok(_) | Err(_) => Err(Report::new("random", Class::System, "the system has no random numbers", None)),
    }
}

fn show(context: &Context) -> Result<ExitCode, Report> {
    let settings = context.settings()?;
    let (_, memory) = context.read(&settings)?;
    let roots: Vec<_> = memory
        .chain()
        .iter()
        .map(|it| json!({"digest": it.digest(), "words": words::of(&it.digest()), "root": **it}))
        .collect();
    context.print(&roots, |_| {
        let mut text = String::new();
        for root in memory.chain() {
            text += &format!("trust root {} (epoch {})\n", root.version, root.epoch);
            text += &format!("  digest   {}\n  words    {}\n", root.digest(), words::of(&root.digest()));
            text += &format!("  valid    {} to {}\n", root.issued, root.expires);
            let who = |threshold: u32, keys: &[crate::bundle::KeyId]| {
                let labels: Vec<&str> = root.keys_of(keys).map(|it| it.label.as_str()).collect();
                format!("{threshold} of {}", labels.join(", "))
            };
            text += &format!("  root     {}\n", who(root.roles.root.threshold, &root.roles.root.keys));
            for (name, role) in [("agent", &root.roles.agent), ("card", &root.roles.card)] {
                if let Some(role) = role {
                    text += &format!("  {name:<8} {}\n", who(role.threshold, &role.keys));
                }
            }
            for channel in &root.channels {
                let reach = format!("namespaces {}", channel.namespaces.join(", "));
                let wide = if channel.cluster_scoped { ", cluster-scoped objects" } else { "" };
                text += &format!(
                    "  channel  {}: {}; {reach}{wide}\n",
                    channel.name,
                    who(channel.threshold, &channel.keys)
                );
            }
        }
        text
    })
}
