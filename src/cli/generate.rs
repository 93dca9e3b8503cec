use std::process::ExitCode;

use clap::CommandFactory;

use super::{context::Context, import::unexpected};
use crate::{
    daemon::control::{Reply, Request},
    fault::{Class, Report},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    thing: Thing,
}

#[derive(Debug, clap::Subcommand)]
enum Thing {
    /// Completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Man pages: one into standard output, or all into a directory
    Man {
        /// The directory
        #[arg(long, value_name = "DIR")]
        directory: Option<std::path::PathBuf>,
    },
    /// A configuration with every key explained
    Config,
    /// The systemd unit of the agent
    Unit,
    /// The systemd unit that holds the port of the mirror
    Socket,
    /// What tells containerd to ask the mirror first
    Containerd,
    /// The udev rule that mounts sticks where the agent looks
    Udev,
    /// The rights in the cluster that the bundles on this node need, for an administrator to look at and apply
    Rbac {
        /// Who the agent is to the API server: NAMESPACE/NAME of a service account, or the name of a user
        #[arg(long, value_name = "WHO", default_value = "airlock-system/airlock")]
        subject: String,
    },
}

/// A configuration that parses, and says what each key is for.
pub(super) const CONFIG: &str = include_str!("generate/airlock.yaml");

/// containerd's word for a mirror.
const HOSTS: &str = include_str!("generate/hosts.toml");

/// Prints what the binary knows of itself.
pub(super) fn run(args: &Args, context: &Context) -> Result<ExitCode, Report> {
    let failed = |error: std::io::Error| {
        Report::new("output", Class::System, format!("the output cannot be written: {error}"), None)
    };
    let mut command = super::Args::command();
    let mut bytes = Vec::new();
    match &args.thing {
        Thing::Completions { shell } => clap_complete::generate(*shell, &mut command, "airlock", &mut bytes),
        Thing::Man { directory: None } => {
            clap_mangen::Man::new(command).render(&mut bytes).map_err(failed)?
        }
        Thing::Man { directory: Some(directory) } => {
            std::fs::create_dir_all(directory).map_err(failed)?;
            clap_mangen::generate_to(command, directory).map_err(failed)?;
        }
        Thing::Config => bytes.extend_from_slice(CONFIG.as_bytes()),
        Thing::Unit => bytes.extend_from_slice(super::install::UNIT.as_bytes()),
        Thing::Socket => bytes.extend_from_slice(super::install::SOCKET.as_bytes()),
        Thing::Containerd => bytes.extend_from_slice(HOSTS.as_bytes()),
        Thing::Udev => bytes.extend_from_slice(super::install::RULE.as_bytes()),
        Thing::Rbac { subject } => {
            let Reply::Rights(objects) = context.ask(Request::Rights { subject: subject.clone() })? else {
                return Err(unexpected());
            };
            return context.print(&objects, |objects| {
                let documents = objects.iter().map(|it| serde_yaml::to_string(it).unwrap_or_default());
                documents.collect::<Vec<_>>().join("---\n").trim_end().to_owned()
            });
        }
    }
    context.print(&String::from_utf8_lossy(&bytes), |text| text.to_string())
}

#[cfg(test)]
mod tests {
    use crate::daemon::Settings;

    #[test]
    fn the_configuration_that_is_printed_is_one() {
        assert_eq!(Settings::parse("it", super::CONFIG, "amd64").map(|it| it.arch), Ok("amd64".into()));
    }
}
