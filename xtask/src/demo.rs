//! `cargo xtask demo`: the main job, from nothing to a reconciled cluster, with the very commands that people use.

mod server;
mod stage;

use std::path::PathBuf;

use anyhow::Result;

use stage::Stage;

/// Show the main job, from nothing to a reconciled cluster
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where everything is made; what an earlier demo left there is removed
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    directory: PathBuf,
    /// A real cluster to apply to, by this kubeconfig, instead of a directory that stands in for one. It must be nobody's: the
    /// demo makes the namespaces `airlock-system` and `harbour` there, and leaves them
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

/// Plays all scenes; stops at the first that does not end as it should.
///
/// # Errors
/// When a command ends otherwise than the demo says it will.
pub fn run(args: &Args) -> Result<()> {
    let mut stage = Stage::set(&args.directory, args.kubeconfig.as_deref())?;
    trust(&mut stage)?;
    first_bundle(&mut stage)?;
    the_node(&mut stage)?;
    drift(&mut stage)?;
    promotion(&mut stage)?;
    refusals(&mut stage)?;
    going_back(&mut stage)?;
    a_chart(&mut stage)?;
    stage.close()
}

fn trust(stage: &mut Stage) -> Result<()> {
    stage.scene(
        "Who may say what",
        "On the connected side, five people make keys. Three hold the root and sign nothing else; two of them are enough.
Two sign bundles; both must. The second of the two channels reaches a single namespace.",
    )?;
    for person in ["rosa", "rolf", "rita", "bea", "ben"] {
        stage.xtask_quietly(&["key", "new", &format!("keys/{person}"), "--label", person])?;
    }
    stage.say("made keys/rosa, keys/rolf, keys/rita, keys/bea and keys/ben, each encrypted with its owner's passphrase")?;
    stage.xtask(&[
        "root",
        "init",
        "trust",
        "--root",
        "2:keys/rosa.pub,keys/rolf.pub,keys/rita.pub",
        "--channel",
        "platform=2:keys/bea.pub,keys/ben.pub",
        "--channel",
        "tides=2:keys/bea.pub,keys/ben.pub",
        "--namespaces",
        "platform=*",
        "--namespaces",
        "tides=harbour",
        "--cluster-scoped",
        "platform",
    ])?;
    stage.xtask_quietly(&["root", "sign", "trust/0001.root.dsse", "--key", "keys/rosa"])?;
    stage.xtask(&["root", "sign", "trust/0001.root.dsse", "--key", "keys/rolf"])?;
    stage.say("This sheet is printed and travels by another way than the sticks do:")?;
    stage.xtask(&["root", "sheet", "trust"])
}

fn first_bundle(stage: &mut Stage) -> Result<()> {
    stage.scene(
        "A bundle is built, and signed by two",
        "The builder packs manifests into one bundle. What it resolved is pinned, so the same lock gives the same bytes.
A second signer sees what changes, on another machine; only a small request travels.",
    )?;
    stage.xtask(&["bundle", "build", "harbour"])?;
    stage.xtask_quietly(&["bundle", "sign", "harbour", "--key", "keys/bea"])?;
    stage.xtask(&["bundle", "request", "harbour", "--to", "request"])?;
    stage.xtask(&["bundle", "sign", "request", "--key", "keys/ben"])?;
    stage.xtask(&["bundle", "attach", "harbour", "request"])?;
    stage.xtask(&["bundle", "write", "harbour", "--directory", "stick-1"])
}

fn the_node(stage: &mut Stage) -> Result<()> {
    stage.scene(
        "On the ship",
        "A node trusts the root once, by the eight words that were read to it. From then on everything is checked.
Nothing here has a network.",
    )?;
    let words = stage.sheet_words()?;
    stage.airlock(&["trust", "init", "trust/0001.root.dsse", "--words", &words], 0)?;
    stage.airlock(&["verify", "stick-1"], 0)?;
    stage.start_agent()?;
    stage.airlock(&["import", "stick-1"], 0)?;
    stage.say("It is complete and staged. What would it change?")?;
    stage.airlock(&["diff"], 0)?;
    stage.airlock(&["activate"], 0)?;
    stage.wait_until_healthy("1-1")?;
    stage.airlock(&["status"], 0)?;
    stage.show_cluster(12)
}

fn drift(stage: &mut Stage) -> Result<()> {
    stage.scene(
        "Somebody edits the cluster by hand",
        "Drift is put back at once, because the agent hears of it. A repair that must stay is announced with `airlock pause`.",
    )?;
    stage.scale_by_hand(7)
}

fn promotion(stage: &mut Stage) -> Result<()> {
    stage.scene(
        "dev becomes prod",
        "The next bundle of the same channel: the same description, another directory. The operator sees the difference first.",
    )?;
    stage.xtask(&["bundle", "build", "harbour", "--next", "--path", "environment=prod"])?;
    stage.xtask_quietly(&["bundle", "sign", "harbour", "--key", "keys/bea"])?;
    stage.xtask_quietly(&["bundle", "sign", "harbour", "--key", "keys/ben"])?;
    stage.xtask_quietly(&["bundle", "write", "harbour", "--directory", "stick-2"])?;
    stage.airlock(&["import", "stick-2"], 0)?;
    stage.airlock(&["diff"], 0)?;
    stage.airlock(&["activate"], 0)?;
    stage.wait_until_healthy("1-2")?;
    stage.airlock(&["status"], 0)
}

fn refusals(stage: &mut Stage) -> Result<()> {
    stage.scene(
        "Three sticks that are refused",
        "An old one, one that was tampered with on the way, and one for another ship. What runs keeps running.",
    )?;
    stage.say("The stick of last month:")?;
    stage.airlock_refuses(&["import", "stick-1"], "rollback")?;
    stage.say("The next bundle, with one bit changed by the courier:")?;
    stage.change_a_file_of_the_harbour()?;
    stage.xtask_quietly(&["bundle", "build", "harbour", "--next"])?;
    stage.xtask_quietly(&["bundle", "sign", "harbour", "--key", "keys/bea"])?;
    stage.xtask_quietly(&["bundle", "sign", "harbour", "--key", "keys/ben"])?;
    stage.xtask_quietly(&["bundle", "write", "harbour", "--directory", "stick-3"])?;
    stage.flip_a_bit("stick-3")?;
    stage.airlock_refuses(&["import", "stick-3"], "tampered")?;
    stage.say("A stick for ship-8:")?;
    stage.describe_for_another_ship()?;
    stage.xtask_quietly(&["bundle", "build", "harbour-8"])?;
    stage.xtask_quietly(&["bundle", "sign", "harbour-8", "--key", "keys/bea"])?;
    stage.xtask_quietly(&["bundle", "sign", "harbour-8", "--key", "keys/ben"])?;
    stage.xtask_quietly(&["bundle", "write", "harbour-8", "--directory", "stick-8"])?;
    stage.airlock_refuses(&["import", "stick-8"], "audience")
}

fn going_back(stage: &mut Stage) -> Result<()> {
    stage.scene(
        "The operator goes back",
        "Only the operator may, only to a bundle that was accepted here, and only as far as the newest one allows. The old
stick is still refused: going back is a decision of this node, not of whoever holds a stick.",
    )?;
    stage.airlock(&["rollback"], 0)?;
    stage.wait_until_healthy("1-1")?;
    stage.airlock(&["status"], 0)?;
    stage.say("Everything that was decided is in the receipts, each with the hash of the one before:")?;
    stage.airlock(&["history"], 0)
}

fn a_chart(stage: &mut Stage) -> Result<()> {
    stage.scene(
        "A Helm chart travels the same way",
        "Airlock renders charts itself, on the node, to the byte as Helm does. Its values come from the bundle, from what the
site answers, and from the cluster. What images it names is looked for when the bundle is built.",
    )?;
    stage.xtask(&["bundle", "build", "tides"])?;
    stage.xtask_quietly(&["bundle", "sign", "tides", "--key", "keys/bea"])?;
    stage.xtask_quietly(&["bundle", "sign", "tides", "--key", "keys/ben"])?;
    stage.xtask_quietly(&["bundle", "write", "tides", "--directory", "stick-tides"])?;
    let shown = ["--show-only", "templates/settings.yaml"];
    let chart = ["template", "tides", "bundles/tides/chart", "--set", "gauge.name=quay-1"];
    stage.airlock(&[chart.as_slice(), &shown].concat(), 0)?;
    stage.say("The node follows one more channel from here on, and the site says which gauge it has:")?;
    stage.follow_tides()?;
    stage.airlock(&["verify", "stick-tides"], 0)?;
    stage.airlock(&["import", "stick-tides"], 0)?;
    stage.say(
        "The plan is shown and not carried out: this agent renders charts, and does not install, upgrade or roll back their
releases yet, so it refuses to do half of it.",
    )?;
    stage.airlock_refuses(&["diff", "--channel", "tides"], "release")
}
