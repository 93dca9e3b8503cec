//! What a trust root should say, as a command line says it.

use std::{collections::BTreeSet, path::PathBuf, str::FromStr};

use airlock::{
    bundle::{AgentVersion, Channel, KeyId, Keyholders, PublicKey, TrustRoot},
    name::ChannelName,
};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use jiff::{Span, Timestamp, tz::TimeZone};

use crate::key;

/// What a trust root should say. Where it is given to `rotate`, what is not named stays as it was.
#[derive(Args, Clone, Debug, Default)]
pub struct Edit {
    /// Who signs trust roots: how many of which keys
    #[arg(long, value_name = "N:FILE.pub,…")]
    pub root: Option<Holders>,
    /// Who signs agent statements
    #[arg(long, value_name = "N:FILE.pub,…")]
    pub agent: Option<Holders>,
    /// Who signs latest cards
    #[arg(long, value_name = "N:FILE.pub,…")]
    pub card: Option<Holders>,
    /// A line of bundles and who signs them; may be repeated
    #[arg(long, value_name = "NAME=N:FILE.pub,…")]
    pub channel: Vec<Named<Holders>>,
    /// Namespaces that a channel's objects may live in; `*` is every one
    #[arg(long, value_name = "CHANNEL=NAMESPACE,…")]
    pub namespaces: Vec<Named<Words>>,
    /// Image prefixes that a channel may map; `*` is every one
    #[arg(long, value_name = "CHANNEL=PREFIX,…")]
    pub images: Vec<Named<Words>>,
    /// A channel that may have cluster-scoped objects
    #[arg(long, value_name = "CHANNEL")]
    pub cluster_scoped: Vec<ChannelName>,
    /// How long it admits new bundles: 2y, 18mo, 90d
    #[arg(long, value_name = "SPAN")]
    pub valid: Option<Span>,
    /// The oldest agent that may follow it
    #[arg(long, value_name = "VERSION")]
    pub min_agent: Option<AgentVersion>,
    /// Allow a threshold of 1: whoever steals that one key is believed
    #[arg(long)]
    pub single: bool,
}

/// What only a rotation can say.
#[derive(Args, Clone, Debug, Default)]
pub struct Change {
    /// Add a key to a role (`root`, `agent`, `card`) or a channel
    #[arg(long, value_name = "ROLE=FILE.pub")]
    pub add: Vec<Named<PathBuf>>,
    /// Remove a key (its label, id, fingerprint or file) everywhere
    #[arg(long, value_name = "KEY")]
    pub remove: Vec<String>,
    /// Put a new key in the place of an old one, everywhere
    #[arg(long, value_name = "KEY=FILE.pub")]
    pub replace: Vec<Named<PathBuf>>,
    /// Change how many must sign
    #[arg(long, value_name = "ROLE=N")]
    pub threshold: Vec<Named<u32>>,
    /// End a channel
    #[arg(long, value_name = "CHANNEL")]
    pub drop_channel: Vec<ChannelName>,
    /// Take cluster-scoped objects from a channel
    #[arg(long, value_name = "CHANNEL")]
    pub namespaced: Vec<ChannelName>,
    /// Begin a new epoch: after a compromise; all channels start again at sequence 1
    #[arg(long)]
    pub new_epoch: bool,
}

/// `N:FILE,…`: how many of which keys.
#[derive(Clone, Debug)]
pub struct Holders {
    /// How many must sign.
    pub threshold: u32,
    /// Files of public keys.
    pub files: Vec<PathBuf>,
}

/// `NAME=…`
#[derive(Clone, Debug)]
pub struct Named<T> {
    /// What stands before the first `=`.
    pub name: String,
    /// What stands after it.
    pub value: T,
}

/// `A,B,…`
#[derive(Clone, Debug)]
pub struct Words(pub Vec<String>);

impl FromStr for Holders {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not of the form N:FILE.pub,FILE.pub (N of these keys must sign)");
        let (threshold, files) = text.split_once(':').ok_or_else(wrong)?;
        let threshold = threshold.parse().map_err(|_| wrong())?;
        Ok(Self {
            threshold,
            files: files.split(',').filter(|it| !it.is_empty()).map(PathBuf::from).collect(),
        })
    }
}

impl<T: FromStr> FromStr for Named<T>
where
    T::Err: std::fmt::Display,
{
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` lacks a `NAME=`"))?;
        Ok(Self { name: name.to_owned(), value: value.parse().map_err(|error| format!("{error}"))? })
    }
}

impl FromStr for Words {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(text.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect()))
    }
}

impl Edit {
    /// Carries this into `root`.
    ///
    /// # Errors
    /// When a key cannot be read or a channel is not there.
    pub fn apply(&self, root: &mut TrustRoot) -> Result<()> {
        if let Some(holders) = &self.root {
            root.roles.root = holders.enter(root)?;
        }
        if let Some(holders) = &self.agent {
            root.roles.agent = Some(holders.enter(root)?);
        }
        if let Some(holders) = &self.card {
            root.roles.card = Some(holders.enter(root)?);
        }
        for Named { name, value } in &self.channel {
            ensure!(
                !["root", "agent", "card"].contains(&name.as_str()),
                "a channel named `{name}` would be taken for the role; choose another name"
            );
            let name: ChannelName = name.parse()?;
            let Keyholders { threshold, keys } = value.enter(root)?;
            match root.channels.iter_mut().find(|it| it.name == name) {
                Some(channel) => (channel.threshold, channel.keys) = (threshold, keys),
                None => root.channels.push(Channel {
                    name,
                    threshold,
                    keys,
                    namespaces: Vec::new(),
                    cluster_scoped: false,
                    images: Vec::new(),
                }),
            }
        }
        for Named { name, value } in &self.namespaces {
            channel(root, name)?.namespaces.clone_from(&value.0);
        }
        for Named { name, value } in &self.images {
            channel(root, name)?.images.clone_from(&value.0);
        }
        for name in &self.cluster_scoped {
            channel(root, name.as_str())?.cluster_scoped = true;
        }
        if let Some(version) = self.min_agent {
            root.min_agent = version;
        }
        Ok(())
    }

    /// The end of the root's validity, two years on where nothing else is said.
    ///
    /// # Errors
    /// When the span leads out of the calendar.
    pub fn expires(&self, issued: Timestamp) -> Result<Timestamp> {
        let span = self.valid.unwrap_or_else(|| Span::new().years(2));
        let end =
            issued.to_zoned(TimeZone::UTC).checked_add(span).context("--valid leads out of the calendar")?;
        Ok(end.timestamp())
    }
}

impl Change {
    /// Carries this into `root`.
    ///
    /// # Errors
    /// When a key, a role or a channel is not there.
    pub fn apply(&self, root: &mut TrustRoot) -> Result<()> {
        for name in &self.drop_channel {
            channel(root, name.as_str())?;
            root.channels.retain(|it| it.name != *name);
        }
        for Named { name, value } in &self.replace {
            let (old, new) = (find(root, name)?, list(root, key::read(value)?)?);
            each_list(root, |keys| keys.iter_mut().filter(|it| **it == old).for_each(|it| *it = new));
        }
        for Named { name, value } in &self.add {
            let id = list(root, key::read(value)?)?;
            let (_, keys) = holders(root, name)?;
            ensure!(!keys.contains(&id), "{} is already among the keys of `{name}`", value.display());
            keys.push(id);
        }
        for name in &self.remove {
            let id = find(root, name)?;
            each_list(root, |keys| keys.retain(|it| *it != id));
        }
        for Named { name, value } in &self.threshold {
            *holders(root, name)?.0 = *value;
        }
        for name in &self.namespaced {
            channel(root, name.as_str())?.cluster_scoped = false;
        }
        Ok(())
    }
}

impl Holders {
    fn enter(&self, root: &mut TrustRoot) -> Result<Keyholders> {
        let mut keys = Vec::new();
        for file in &self.files {
            let id = list(root, key::read(file)?)?;
            ensure!(!keys.contains(&id), "{} is named twice", file.display());
            keys.push(id);
        }
        Ok(Keyholders { threshold: self.threshold, keys })
    }
}

/// Lists a key in the root, once.
fn list(root: &mut TrustRoot, key: PublicKey) -> Result<KeyId> {
    let id = key.id();
    match root.keys.iter().find(|it| it.public == key.public) {
        // The same point as a plain and as a FIDO key would count twice.
        Some(known) if known.id() != id => bail!("key `{}` is listed already, in another form", known.label),
        Some(_) => (),
        None => root.keys.push(key),
    }
    Ok(id)
}

/// Finds a listed key by label, id, fingerprint or file.
fn find(root: &TrustRoot, text: &str) -> Result<KeyId> {
    let by_file = || key::read(std::path::Path::new(text)).ok().map(|it| it.id());
    let matches = |it: &&PublicKey| {
        let id = it.id();
        it.label == text || id.to_string() == text || id.fingerprint() == text
    };
    let found: Vec<KeyId> = root.keys.iter().filter(matches).map(PublicKey::id).collect();
    match found.as_slice() {
        [id] => Ok(*id),
        [] => by_file().filter(|id| root.keys.iter().any(|it| it.id() == *id)).with_context(|| {
            format!("trust root {} lists no key `{text}`; `root show` lists its keys", root.version)
        }),
        _ => bail!("trust root {} lists several keys `{text}`; name one by its id", root.version),
    }
}

fn channel<'a>(root: &'a mut TrustRoot, name: &str) -> Result<&'a mut Channel> {
    let known: Vec<String> = root.channels.iter().map(|it| it.name.to_string()).collect();
    root.channels.iter_mut().find(|it| it.name.as_str() == name).with_context(|| {
        format!(
            "there is no channel `{name}` (there is: {}); `--channel {name}=N:FILE.pub,…` makes one",
            known.join(", ")
        )
    })
}

fn holders<'a>(root: &'a mut TrustRoot, name: &str) -> Result<(&'a mut u32, &'a mut Vec<KeyId>)> {
    let role = match name {
        "root" => Some(&mut root.roles.root),
        "agent" => root.roles.agent.as_mut(),
        "card" => root.roles.card.as_mut(),
        _ => {
            let channel = channel(root, name)?;
            return Ok((&mut channel.threshold, &mut channel.keys));
        }
    };
    let role = role
        .with_context(|| format!("nobody holds the role `{name}` yet; `--{name} N:FILE.pub,…` gives it"))?;
    Ok((&mut role.threshold, &mut role.keys))
}

fn each_list(root: &mut TrustRoot, mut change: impl FnMut(&mut Vec<KeyId>)) {
    change(&mut root.roles.root.keys);
    for role in [&mut root.roles.agent, &mut root.roles.card].into_iter().flatten() {
        change(&mut role.keys);
    }
    for channel in &mut root.channels {
        change(&mut channel.keys);
    }
}

/// Forgets the keys that nothing names any more, and holds the root against every rule that its readers have.
///
/// # Errors
/// When a node would refuse it, or when it trusts a single key and nobody asked for that.
pub(super) fn finish(root: &mut TrustRoot, single: bool) -> Result<()> {
    let mut named = BTreeSet::new();
    each_list(root, |keys| named.extend(keys.iter().copied()));
    root.keys.retain(|key| named.contains(&key.id()));
    root.check()
        .map_err(|why| anyhow::anyhow!("trust root {} cannot be: {why}{}", root.version, hint(&why)))?;
    let mut ones: Vec<String> = Vec::new();
    for (name, role) in [
        ("root", Some(&root.roles.root)),
        ("agent", root.roles.agent.as_ref()),
        ("card", root.roles.card.as_ref()),
    ] {
        ones.extend(role.filter(|it| it.threshold == 1).map(|_| format!("role `{name}`")));
    }
    ones.extend(
        root.channels.iter().filter(|it| it.threshold == 1).map(|it| format!("channel `{}`", it.name)),
    );
    ensure!(
        single || ones.is_empty(),
        "{} would believe a single key, and whoever steals it is believed too; ask for two, or say `--single`",
        ones.join(" and ")
    );
    if let Some(channel) = root.channels.iter().find(|it| it.namespaces.is_empty() && !it.cluster_scoped) {
        bail!(
            "channel `{0}` could hold no object at all; say how far it reaches by `--namespaces {0}='*'` or a list",
            channel.name
        );
    }
    Ok(())
}

/// The next step for a contradiction that [`TrustRoot::check`] words.
fn hint(why: &str) -> &'static str {
    match why {
        it if it.contains("root key") => "; make a key of its own for the channel (`cargo xtask key new`)",
        it if it.contains("for a threshold") => "; add keys, or lower the threshold by `--threshold`",
        it if it.contains("stands alone") => "; write `*`, or a list",
        it if it.contains("expires") => "; give a longer `--valid`",
        _ => "",
    }
}
