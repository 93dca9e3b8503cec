//! `airlock install`: everything that the agent needs on a node, from the one binary.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use serde::Serialize;

use super::{context::Context, generate::CONFIG};
use crate::fault::{Class, Report};

/// The systemd unit.
pub(super) const UNIT: &str = include_str!("install/airlock.service");

/// The unit that holds the mirror's port; nobody is made to open it.
pub(super) const SOCKET: &str = include_str!("install/airlock-mirror.socket");

/// The udev rule that mounts sticks.
pub(super) const RULE: &str = include_str!("install/90-airlock-media.rules");

const SYSUSERS: &str = include_str!("install/sysusers.conf");
const TMPFILES: &str = include_str!("install/tmpfiles.conf");

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Install below this directory, as for an image that is built; nothing is started there
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Only tell what would be written
    #[arg(long)]
    dry_run: bool,
}

/// One file, and what came of it.
#[derive(Debug, Serialize)]
struct Written {
    path: PathBuf,
    outcome: &'static str,
}

/// Writes the binary, the unit, the udev rule, the user, and a configuration where there is none.
pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, Report> {
    let top = args.root.clone().unwrap_or_else(|| "/".into());
    let mut written = Vec::new();
    let program = std::env::current_exe().and_then(fs::read).map_err(failed(Path::new("this program")))?;
    for (name, bytes, mode, kept) in [
        ("usr/local/bin/airlock", program.as_slice(), 0o755, false),
        ("etc/systemd/system/airlock.service", UNIT.as_bytes(), 0o644, false),
        ("etc/systemd/system/airlock-mirror.socket", SOCKET.as_bytes(), 0o644, false),
        ("etc/udev/rules.d/90-airlock-media.rules", RULE.as_bytes(), 0o644, false),
        ("etc/sysusers.d/airlock.conf", SYSUSERS.as_bytes(), 0o644, false),
        ("etc/tmpfiles.d/airlock.conf", TMPFILES.as_bytes(), 0o644, false),
        // What somebody edited is his.
        ("etc/airlock/airlock.yaml", CONFIG.as_bytes(), 0o644, true),
    ] {
        let path = top.join(name);
        let outcome = match fs::read(&path) {
            Ok(there) if there == bytes => "is there",
            Ok(_) if kept => "kept as it is",
            _ if args.dry_run => "would be written",
            _ => {
                put(&path, bytes, mode).map_err(failed(&path))?;
                "written"
            }
        };
        written.push(Written { path, outcome });
    }
    if args.root.is_none() && !args.dry_run {
        settle(context)?;
    }
    context.print(&written, |written| {
        let lines: Vec<String> =
            written.iter().map(|it| format!("{:<17}{}", it.outcome, it.path.display())).collect();
        let next = "next: edit /etc/airlock/airlock.yaml, then `airlock trust init ROOT --words '…'`, then \
                    `systemctl enable --now airlock`";
        format!("{}\n{next}", lines.join("\n"))
    })
}

/// Writes beside the file and renames at the end: a program that runs is replaced, not changed.
fn put(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let part = path.with_file_name(name);
    fs::write(&part, bytes)?;
    fs::set_permissions(&part, fs::Permissions::from_mode(mode))?;
    fs::File::open(&part)?.sync_all()?;
    fs::rename(&part, path)
}

/// Lets the system take notice of what was written.
fn settle(context: &Context) -> Result<(), Report> {
    for (program, arguments) in [
        ("systemd-sysusers", &["/etc/sysusers.d/airlock.conf"] as &[&str]),
        ("systemd-tmpfiles", &["--create", "/etc/tmpfiles.d/airlock.conf"]),
        ("systemctl", &["daemon-reload"]),
        ("udevadm", &["control", "--reload"]),
    ] {
        let told = match Command::new(program).args(arguments).output() {
            Ok(told) => told,
            // A machine without udev has no sticks that come by themselves, and one without systemd is an image.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                context.output.note(&format!("`{program}` is not on this machine, so its part was left out"));
                continue;
            }
            Err(error) => return Err(failed(Path::new(program))(error)),
        };
        if !told.status.success() {
            let said = String::from_utf8_lossy(&told.stderr).trim().to_owned();
            let error = format!("`{program} {}` failed: {said}", arguments.join(" "));
            let hint = "everything was written; run the command once what is wrong is mended";
            return Err(Report::new("install", Class::System, error, Some(hint)));
        }
    }
    Ok(())
}

fn failed(what: &Path) -> impl FnOnce(io::Error) -> Report {
    let what = what.display().to_string();
    move |error| {
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        let hint = denied.then_some("run the command as root, or name another directory with `--root`");
        Report::new("install", Class::System, format!("{what} cannot be written: {error}"), hint)
    }
}
