//! `airlock template`: what `helm template` prints, with its flags.

mod flags;
pub(super) mod load;
mod show;

use std::{
    io::{BufWriter, Write as _},
    path::Path,
    process::ExitCode,
};

use jiff::Timestamp;

use super::context::Context;
use crate::{
    fault::{Class, Report},
    limits,
    render::{
        gotemplate::{Budget, sprig::clock::Time},
        helm::{self, BadVersion, Capabilities, Options, Randomness, Release, Rendered, World},
    },
};

pub(super) use flags::{Args, ValueArgs};

/// What a chart's templates may take of the stack of their own thread.
const STACK: usize = 256 * 1024 * 1024;

/// Renders a chart without a cluster and prints it.
pub(super) fn run(args: &Args, context: &Context) -> ExitCode {
    as_helm(print(args, context), context)
}

/// Helm ends with 1 whatever is wrong, and its callers know that.
pub(super) fn as_helm(result: Result<ExitCode, Report>, context: &Context) -> ExitCode {
    result.unwrap_or_else(|report| {
        context.output.fault(&report);
        ExitCode::FAILURE
    })
}

fn print(args: &Args, context: &Context) -> Result<ExitCode, Report> {
    let (name, place) =
        args.name_and_chart().map_err(|why| Report::new("usage", Class::Invalid, why, None))?;
    let rendered = with_stack(|| rendered(args, &name, place))?;
    for warning in &rendered.warnings {
        context.output.note(warning);
    }
    if let Some(folder) = &args.output_dir {
        return show::write(&rendered, args, folder, context);
    }
    let mut out = BufWriter::with_capacity(limits::CHUNK_BYTES, std::io::stdout().lock());
    let written = match args.show_only.as_slice() {
        [] => {
            let pieces = rendered.pieces(args.no_hooks, args.skip_tests);
            pieces.iter().try_for_each(|it| out.write_all(it.as_bytes()))
        }
        only => {
            let text = rendered.text(args.no_hooks, args.skip_tests);
            out.write_all(show::only(&text, only)?.as_bytes())
        }
    };
    let written = written.and_then(|()| out.flush());
    drop(out);
    std::mem::forget(rendered);
    match written {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => {
            Err(Report::new("output", Class::System, format!("the output cannot be written: {error}"), None))
        }
    }
}

/// What a chart sees of the cluster when `--kube-version` says this.
pub(super) fn capabilities(kube_version: Option<&str>) -> Result<Capabilities, Report> {
    let mut capabilities = Capabilities::default();
    if let Some(text) = kube_version {
        let refuse = |error: BadVersion| {
            let why = format!("invalid kube version '{text}': {error}");
            Report::new("kube_version", Class::Invalid, why, None)
        };
        capabilities.kube_version = text.parse().map_err(refuse)?;
    }
    Ok(capabilities)
}

fn rendered(args: &Args, name: &str, place: &Path) -> Result<Rendered, Report> {
    let mut capabilities = capabilities(args.kube_version.as_deref())?;
    capabilities.api_versions.extend(args.api_versions.iter().cloned());
    let given = args.values.read()?;
    let chart = load::chart(place)?;
    helm::check(&chart)?;
    let release = Release {
        name: name.to_owned(),
        namespace: args.namespace.clone(),
        revision: 1,
        is_upgrade: args.is_upgrade,
    };
    let options = Options {
        include_crds: args.include_crds,
        skip_schema: args.skip_schema_validation,
        sub_notes: false,
    };
    let rendered = helm::install(&chart, &given, &release, &capabilities, options, world(false)?)?;
    // The process is about to end, and the system takes megabytes back faster than they are given back one by one.
    std::mem::forget(chart);
    Ok(rendered)
}

/// The world of a command: the clock of the machine, and new randomness each time.
pub(super) fn world(lenient: bool) -> Result<World, Report> {
    let (now, secret) = now_and_secret()?;
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    Ok(World {
        now: Time { nanos, ..Time::unix(now.as_second()) },
        random: Randomness::Derived(secret),
        cluster: None,
        budget: budget(),
        lenient,
    })
}

/// The clock of the machine, and something random of it.
pub(super) fn now_and_secret() -> Result<(Timestamp, [u8; 32]), Report> {
    let mut secret = [0; 32];
    rustix::rand::getrandom(&mut secret, rustix::rand::GetRandomFlags::empty()).map_err(|error| {
        Report::new("random", Class::System, format!("the machine has nothing random: {error}"), None)
    })?;
    Ok((Timestamp::now(), secret))
}

/// What one render may use on the thread of [`with_stack`].
pub(super) fn budget() -> Budget {
    Budget { stack: STACK / 2, ..Budget::default() }
}

/// Templates within templates need more stack than the first thread has.
pub(super) fn with_stack<T: Send>(body: impl FnOnce() -> Result<T, Report> + Send) -> Result<T, Report> {
    let failed = |why: String| Report::new("thread", Class::System, why, None);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, body);
        let thread = thread.map_err(|error| failed(format!("a thread cannot be started: {error}")))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
