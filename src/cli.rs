//! The command line: one file a verb, one way to print, one way to fail.
//!
//! A verb that decides or asks about the running state goes to the agent through its socket; where no agent runs it
//! opens the store itself, under the store's lock. Verbs that only look open the store to read.

mod activate;
mod approve;
mod build;
mod context;
mod diff;
mod export;
mod extract;
mod fsck;
mod gc;
mod generate;
mod history;
mod import;
mod inspect;
mod install;
mod lint;
mod output;
mod pause;
mod progress;
mod pull;
mod reconcile;
mod rollback;
mod run;
mod status;
mod template;
mod trust;
mod verify;
mod why;
mod words;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use context::Context;
use output::{Format, Output};

use crate::fault::Report;

/// GitOps for Kubernetes clusters that have no way out.
///
/// Airlock takes signed bundles from removable media and registries, verifies them before it reads them, keeps what it accepted,
/// renders, applies, and corrects drift. It needs no network and no other service.
///
/// A first bundle: `airlock trust init ROOT --sha256 DIGEST`, then `airlock import /media/stick`, then `airlock status`.
#[derive(Debug, Parser)]
#[command(name = "airlock", version, arg_required_else_help = true, max_term_width = 100)]
pub struct Args {
    /// The node's configuration
    #[arg(
        long,
        global = true,
        env = "AIRLOCK_CONFIG",
        default_value = "/etc/airlock/airlock.yaml",
        value_name = "FILE"
    )]
    config: PathBuf,
    /// The form of what is printed
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Text)]
    output: Format,
    /// No progress
    #[arg(long, short, global = true)]
    quiet: bool,
    /// No colour (also the environment's NO_COLOR)
    #[arg(long, global = true, env = "NO_COLOR", value_parser = clap::builder::FalseyValueParser::new())]
    no_color: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the agent: what the systemd unit starts
    Run(run::Args),
    /// Take in sticks, directories, tars and volumes: verify, copy in, stage
    Import(import::Args),
    /// Ask the registries of the configuration, or the one that is named, once
    Pull(pull::Args),
    /// Check a medium and take nothing in: signatures, floors, every blob
    Verify(verify::Args),
    /// Show what a medium carries: entries, sources, images, sizes, signers
    Inspect(inspect::Args),
    /// Show what would change in the cluster, before anything is applied
    Diff(diff::Args),
    /// Let the staged bundle become active, or take back one that was set aside
    Activate(activate::Args),
    /// Go back to a bundle that is kept
    Rollback(rollback::Args),
    /// Waive one refusal of one payload or one deletion list, once
    Approve(approve::Args),
    /// Leave an entry alone for a local repair, or hold a whole channel
    Pause(pause::PauseArgs),
    /// End a pause or a hold
    Resume(pause::ResumeArgs),
    /// Look at everything once, now
    Reconcile(reconcile::Args),
    /// Show what runs, how old it is, and what is wrong
    Status(status::Args),
    /// Show what is behind an entry that is not ready
    Why(why::Args),
    /// Show what was decided, when, and by whose signature
    History(history::Args),
    /// Begin, show or recover the trust of this node
    #[command(subcommand)]
    Trust(trust::Verb),
    /// Write a kept bundle back onto a medium, for the next site
    Export(export::Args),
    /// Write a plain file of a bundle to the disk
    Extract(extract::Args),
    /// Collect what no kept bundle names
    Gc(gc::Args),
    /// Hash everything in the store again
    Fsck(fsck::Args),
    /// Print what `kustomize build` prints
    Build(build::Args),
    /// Write the unit, the udev rule, the user and a configuration onto this node
    Install(install::Args),
    /// Render a chart here, and print what `helm template` prints
    Template(Box<template::Args>),
    /// Look a chart over, and print what `helm lint` prints; `--quiet` leaves out what is in order
    Lint(Box<lint::Args>),
    /// Print completions, man pages, a configuration, the unit or the udev rule
    Generate(generate::Args),
}

/// Parses the process' arguments, does what they say, and prints what came of it.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let context = Context::new(args.config, Output::new(args.output, args.no_color), args.quiet);
    match act(args.verb, &context) {
        Ok(code) => code,
        Err(report) => {
            context.output.fault(&report);
            ExitCode::from(report.class.exit_code())
        }
    }
}

fn act(verb: Verb, context: &Context) -> Result<ExitCode, Report> {
    match verb {
        Verb::Run(args) => run::run(&args, context),
        Verb::Import(args) => import::run(args, context),
        Verb::Pull(args) => pull::run(args, context),
        Verb::Verify(args) => verify::run(&args, context),
        Verb::Inspect(args) => inspect::run(&args, context),
        Verb::Diff(args) => diff::run(args, context),
        Verb::Activate(args) => activate::run(args, context),
        Verb::Rollback(args) => rollback::run(args, context),
        Verb::Approve(args) => approve::run(&args, context),
        Verb::Pause(args) => pause::pause(args, context),
        Verb::Resume(args) => pause::resume(args, context),
        Verb::Reconcile(args) => reconcile::run(args, context),
        Verb::Status(args) => status::run(&args, context),
        Verb::Why(args) => why::run(&args, context),
        Verb::History(args) => history::run(&args, context),
        Verb::Trust(verb) => trust::run(&verb, context),
        Verb::Export(args) => export::run(args, context),
        Verb::Extract(args) => extract::run(args, context),
        Verb::Gc(args) => gc::run(&args, context),
        Verb::Fsck(args) => fsck::run(&args, context),
        Verb::Build(args) => build::run(&args, context),
        Verb::Install(args) => install::run(&args, context),
        Verb::Template(args) => Ok(template::run(&args, context)),
        Verb::Lint(args) => Ok(lint::run(&args, context)),
        Verb::Generate(args) => generate::run(&args, context),
    }
}
