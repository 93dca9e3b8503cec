//! The order of questions that a bundle must answer before anything of it is read or copied.

use jiff::Timestamp;

use super::{
    Refusal, Verified,
    state::ChannelState,
    verified::{Authority, Holders, Signed, open},
};
use crate::{
    bundle::{
        AgentStatement, AgentVersion, Card, ChannelScope, Floor, Malformed, Role, Statement, TrustRoot,
        Unverified, audience_matches,
    },
    limits,
    name::{ChannelName, ClusterId},
};

/// The root of a bundle's content, as it was signed: the statement, and how far its signers reach.
#[derive(Clone, Debug)]
pub struct Root {
    /// What the signers said.
    pub statement: Statement,
    /// How far the channel reaches, by the trust root that judged.
    pub scope: ChannelScope,
    /// The version of that trust root.
    pub judged_by: u32,
}

/// Whose bundles a node takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// The cluster that the bundle must be for.
    pub cluster: ClusterId,
    /// The channels that the node follows.
    pub channels: Vec<ChannelName>,
    /// Whether a pattern in the audience is enough.
    pub wildcards: bool,
}

impl Audience {
    /// Whether a bundle is of a channel that is followed, and for this cluster.
    ///
    /// # Errors
    /// `channel`, `audience`.
    pub(crate) fn admits(&self, statement: &Statement) -> Result<(), Refusal> {
        if !self.channels.contains(&statement.channel) {
            return Err(Refusal::Channel { channel: statement.channel.clone() });
        }
        let cluster = &self.cluster;
        let mut pattern = None;
        for item in &statement.audience {
            match audience_matches(item, cluster) {
                (true, false) => return Ok(()),
                (true, true) => pattern = pattern.or(Some(item)),
                (false, _) => (),
            }
        }
        match pattern {
            Some(_) if self.wildcards => Ok(()),
            Some(pattern) => Err(Refusal::AudienceWildcard { pattern: pattern.clone() }),
            None => Err(Refusal::Audience { audience: statement.audience.clone(), cluster: cluster.clone() }),
        }
    }
}

/// What a bundle is held against.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// The newest trust root. Only this one judges what is new.
    pub root: &'a Verified<TrustRoot>,
    /// Whose bundles are taken.
    pub audience: &'a Audience,
    /// No time before this one is believed.
    pub time_floor: Timestamp,
    /// The agent's version.
    pub agent: AgentVersion,
}

/// How a bundle stands to what was accepted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is news.
    New,
    /// The same was accepted before; what is missing of it may be fetched.
    Same,
}

/// A bundle that may come in.
#[derive(Debug)]
pub struct Judged {
    /// The proof.
    pub root: Verified<Root>,
    /// How it stands to what was accepted before.
    pub standing: Standing,
    /// Refusals that the operator waived, by code.
    pub waived: Vec<&'static str>,
}

impl Policy<'_> {
    /// Verifies a bundle's envelope and asks everything that can be asked before its content is read.
    ///
    /// `history` yields the state of the channel that the bundle turns out to be of; `now` is the node's clock, which
    /// may be wrong.
    ///
    /// # Errors
    /// The first refusal, in the order of the design: signatures, header, agent, domain, channel, audience, epoch and
    /// sequence, time.
    pub fn verify(
        &self,
        envelope: &Unverified,
        history: impl FnOnce(&ChannelName) -> ChannelState,
        now: Timestamp,
    ) -> Result<Judged, Refusal> {
        let root = open::<Root>("the bundle", envelope, &channels(self.root))?;
        let statement = &root.statement;
        for (what, requires) in
            [("the trust root", self.root.min_agent), ("the bundle", statement.requires_agent)]
        {
            if requires > self.agent {
                return Err(Refusal::Agent { what: what.into(), requires, this: self.agent });
            }
        }
        if statement.domain != self.root.domain {
            let (found, known) = (statement.domain.clone(), self.root.domain.clone());
            return Err(Refusal::Domain { what: "the bundle".into(), found, known });
        }
        let channel = &statement.channel;
        self.audience.admits(statement)?;
        if statement.root_version > self.root.version {
            return Err(Refusal::RootBehind { needs: statement.root_version, known: self.root.version });
        }
        if statement.epoch != self.root.epoch {
            let (found, known, version) = (statement.epoch, self.root.epoch, self.root.version);
            return Err(Refusal::Epoch { found, known, version });
        }
        let history = history(channel);
        let mut waived = Vec::new();
        let mut waive = |refusal: Refusal| -> Result<(), Refusal> {
            let code = crate::fault::Fault::code(&refusal);
            let word = |digest| super::state::Waiver { code: code.to_owned(), digest };
            match refusal.waivable() {
                Some(digest) if history.waivers.contains(&word(digest)) => waived.push(code),
                _ => return Err(refusal),
            }
            Ok(())
        };
        let standing = standing(&root, &history)?;
        // The same bundle again is no news: it was judged when it came, and only its missing blobs are fetched.
        if standing == Standing::New {
            check_jump(&root, &history).or_else(&mut waive)?;
            self.check_created(statement, now)?;
            self.check_expiry(&root, now).or_else(&mut waive)?;
        }
        Ok(Judged { root, standing, waived })
    }

    fn check_created(&self, statement: &Statement, now: Timestamp) -> Result<(), Refusal> {
        // A clock that is behind the floor is wrong, so the floor is the only time that is left.
        let (reference, ahead) = if now < self.time_floor {
            (self.time_floor, limits::FLOOR_AHEAD_SECONDS)
        } else {
            (now, limits::CREATED_AHEAD_SECONDS)
        };
        match statement.created.as_second().saturating_sub(reference.as_second()) {
            lead if lead > ahead => Err(Refusal::TimeJump { created: statement.created, reference }),
            _ => Ok(()),
        }
    }

    fn check_expiry(&self, root: &Verified<Root>, now: Timestamp) -> Result<(), Refusal> {
        let time = now.max(self.time_floor);
        if self.root.expires < time {
            return Err(Refusal::RootExpired {
                version: self.root.version,
                expires: self.root.expires,
                time,
            });
        }
        if root.statement.accept_until < time {
            return Err(Refusal::Expired { until: root.statement.accept_until, time, digest: root.digest() });
        }
        Ok(())
    }
}

fn standing(root: &Verified<Root>, history: &ChannelState) -> Result<Standing, Refusal> {
    let Some(floor) = history.floor else { return Ok(Standing::New) };
    let (channel, found) = (root.statement.channel.clone(), root.statement.position());
    if found < floor.position {
        return Err(Refusal::Rollback { channel, found, floor: floor.position });
    }
    match floor.digest {
        _ if found > floor.position => Ok(Standing::New),
        // A recovered floor knows its number and not its bundle.
        None => Ok(Standing::New),
        Some(digest) if digest == root.digest() => Ok(Standing::Same),
        Some(known) => Err(Refusal::Equivocation { channel, position: found, known }),
    }
}

fn check_jump(root: &Verified<Root>, history: &ChannelState) -> Result<(), Refusal> {
    let found = root.statement.position();
    let begin = Floor { epoch: found.epoch, sequence: 0 };
    let floor = history.floor.map(|it| it.position).filter(|it| it.epoch == found.epoch).unwrap_or(begin);
    if found.sequence - floor.sequence > limits::SEQUENCE_JUMP {
        return Err(Refusal::Jump {
            channel: root.statement.channel.clone(),
            found,
            floor,
            digest: root.digest(),
        });
    }
    Ok(())
}

/// Verifies again what was accepted before, under the root that admitted it. Dates and floors were asked then.
///
/// # Errors
/// When the envelope is not signed by keys of that root.
pub fn readmit(judge: &Verified<TrustRoot>, envelope: &Unverified) -> Result<Verified<Root>, Refusal> {
    open::<Root>("the bundle", envelope, &channels(judge))
}

/// Verifies an agent statement.
///
/// # Errors
/// When it is not signed by the agent role of this root, or is of another domain.
pub fn agent(
    judge: &Verified<TrustRoot>,
    envelope: &Unverified,
) -> Result<Verified<AgentStatement>, Refusal> {
    let what = "the agent statement";
    let statement: Verified<AgentStatement> =
        open(what, envelope, &role(judge, judge.roles.agent.as_ref(), "agent"))?;
    same_domain(what, &statement.domain, judge)?;
    Ok(statement)
}

/// Verifies a latest card.
///
/// # Errors
/// When it is not signed by the card role of this root, is of another domain, or of a channel that the root does not have.
pub fn card(judge: &Verified<TrustRoot>, envelope: &Unverified) -> Result<Verified<Card>, Refusal> {
    let what = "the latest card";
    let card: Verified<Card> = open(what, envelope, &role(judge, judge.roles.card.as_ref(), "card"))?;
    same_domain(what, &card.domain, judge)?;
    if !judge.channels.iter().any(|it| it.name == card.channel) {
        return Err(Refusal::Channel { channel: card.channel.clone() });
    }
    Ok(card)
}

fn same_domain(what: &str, found: &crate::name::TrustDomain, judge: &TrustRoot) -> Result<(), Refusal> {
    match *found == judge.domain {
        true => Ok(()),
        false => {
            Err(Refusal::Domain { what: what.into(), found: found.clone(), known: judge.domain.clone() })
        }
    }
}

fn role<'a>(
    root: &'a TrustRoot,
    holders: Option<&'a crate::bundle::Keyholders>,
    name: &str,
) -> Authority<'a> {
    let groups = holders.into_iter().map(|it| Holders {
        name: format!("the {name} role of trust root {}", root.version),
        threshold: it.threshold,
        keys: root.keys_of(&it.keys).collect(),
    });
    Authority::Keys(root, groups.collect())
}

fn channels(root: &TrustRoot) -> Authority<'_> {
    let groups = root.channels.iter().map(|it| Holders {
        name: format!("{}", it.name),
        threshold: it.threshold,
        keys: root.keys_of(&it.keys).collect(),
    });
    Authority::Keys(root, groups.collect())
}

impl Signed for Root {
    const ROLE: Role = Role::Bundle;

    fn read(bytes: &[u8], judge: Option<&TrustRoot>) -> Result<Self, Malformed> {
        let statement = Statement::parse(bytes)?;
        let channel = judge.and_then(|root| root.channel(&statement.channel));
        // Without a channel there is no reach; `speaks_for` refuses it right after.
        let scope = channel.map(|it| it.scope()).unwrap_or_else(ChannelScope::nothing);
        Ok(Self { statement, scope, judged_by: judge.map_or(0, |root| root.version) })
    }

    fn speaks_for(&self) -> Option<&str> {
        Some(self.statement.channel.as_str())
    }
}

impl Signed for AgentStatement {
    const ROLE: Role = Role::Agent;

    fn read(bytes: &[u8], _: Option<&TrustRoot>) -> Result<Self, Malformed> {
        Self::parse(bytes)
    }
}

impl Signed for Card {
    const ROLE: Role = Role::Card;

    fn read(bytes: &[u8], _: Option<&TrustRoot>) -> Result<Self, Malformed> {
        Self::parse(bytes)
    }
}
