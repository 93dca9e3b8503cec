//! A conversation with a server: what it has, which of it is asked for, and the objects that are not here.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::atomic::AtomicBool};

use gix::{ObjectId, bstr::ByteSlice as _, utils::progress::Discard};
use gix_protocol::{
    Handshake, LsRefsCommand,
    fetch::{self, Arguments, Negotiate, Response, Shallow, Tags, negotiate},
    handshake::Ref,
    ls_refs::RefPrefixes,
    transport::{Service, client::blocking_io::Transport},
};

use super::{Error, heard::Heard, house::House, line::Line, objects::Objects, pack, place::Asked};
use crate::source::Trouble;

/// What a ref names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tip {
    /// The ref's full name.
    pub(super) name: String,
    /// The object: a commit, or an annotated tag.
    pub(super) id: ObjectId,
}

impl Tip {
    /// What tells one answer from another.
    pub(super) fn mark(&self) -> String {
        format!("{}@{}", self.name, self.id)
    }
}

/// Which of our objects a server hears of, so that it sends the others.
pub(super) type Haves = Vec<String>;

/// Asks a server for what a ref names, and for the objects that are not here. None where its answer is `known`.
pub(super) fn ask<T: Transport>(
    mut transport: T,
    asked: &Asked,
    known: Option<&str>,
    house: &House,
    haves: &Haves,
    line: &Rc<Line>,
) -> Result<Option<(Tip, Objects)>, Error> {
    let answer = |error: &gix::Error| {
        let why = words(error);
        line.verdict(|| Error::Network(Trouble::Answer { url: line.url.clone(), why }))
    };
    let nobody = |_| Err(gix::Error::from_error(std::io::Error::other("nobody is asked for credentials")));
    let mut handshake =
        gix_protocol::handshake(&mut transport, Service::UploadPack, nobody, Vec::new(), &mut Discard)
            .map_err(|error| answer(&error))?;
    let hash = hash_of(&handshake, line)?;
    let refs = match handshake.refs.take() {
        Some(refs) => refs,
        None => {
            let mut prefixes = RefPrefixes::new();
            prefixes.extend(asked.prefixes().into_iter().map(Into::into));
            let command = LsRefsCommand::new(Some(prefixes), &handshake.capabilities, agent());
            command.invoke_blocking(&mut transport, &mut Discard, false).map_err(|error| answer(&error))?
        }
    };
    let tip = choose(refs.iter().filter_map(named), asked, &line.url)?;
    if known == Some(&*tip.mark()) {
        return Ok(None);
    }
    let objects = house.objects(hash)?;
    if objects.has(&tip.id) {
        return Ok(Some((tip, objects)));
    }
    let mut question = Question {
        want: tip.id,
        haves: haves
            .iter()
            .filter_map(|it| ObjectId::from_hex(it.as_bytes()).ok())
            .filter(|it| objects.has(it))
            .collect(),
        is_asked: false,
    };
    let limit = house.room(&line.url)?;
    house.begin()?;
    let refused = RefCell::new(None);
    let heard = Heard::default();
    let received = gix_protocol::fetch(
        &mut question,
        |reader, _, _| {
            line.begin_pack(limit);
            // A line that says what went wrong is asked by `verdict`, below.
            let from_line = |error: std::io::Error| {
                let why = match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => "its answer ends in the middle".to_owned(),
                    _ => error.to_string(),
                };
                Error::Network(Trouble::Failing { url: line.url.clone(), why })
            };
            pack::take(reader, &objects, house.folder(), line, pack::Ends::Later, from_line).map_err(
                |error| {
                    let told = std::io::Error::other(error.to_string());
                    refused.borrow_mut().get_or_insert(error);
                    gix::Error::from_error(told)
                },
            )?;
            Ok(true)
        },
        heard.clone(),
        &AtomicBool::new(false),
        fetch::Context {
            handshake: &mut handshake,
            transport: &mut transport,
            user_agent: agent(),
            trace_packetlines: false,
        },
        fetch::Options {
            shallow_file: house.folder().join("shallow"),
            shallow: &Shallow::NoChange,
            tags: Tags::None,
            // History that is cut short cannot be looked at.
            reject_shallow_remote: true,
        },
    );
    if let Err(error) = received {
        let why = words(&error);
        let otherwise = || {
            if let Some(why) = heard.failure() {
                return Error::Network(Trouble::Failing { url: line.url.clone(), why });
            }
            refused.take().unwrap_or_else(|| match why.contains("shallow") {
                true => Error::Shallow { url: line.url.clone() },
                false => Error::Network(Trouble::Failing { url: line.url.clone(), why }),
            })
        };
        return Err(line.verdict(otherwise));
    }
    if !objects.has(&tip.id) {
        let why = format!("it does not hold {}, which was asked for", tip.id);
        return Err(Error::Pack { url: line.url.clone(), why });
    }
    house.settle()?;
    Ok(Some((tip, objects)))
}

fn agent() -> gix_protocol::command::Feature {
    ("agent", Some(concat!("airlock/", env!("CARGO_PKG_VERSION")).to_owned()))
}

/// What the library says, with what lies behind it, without what could trick a terminal.
fn words(error: &gix::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        let told = source.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        next = source.source();
    }
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).take(400).collect()
}

/// Which hash names the server's objects; it says so where it is not SHA-1.
fn hash_of(handshake: &Handshake, line: &Line) -> Result<gix::hash::Kind, Error> {
    let said = handshake.capabilities.capability("object-format");
    match said.as_ref().and_then(|it| it.value()).map(|it| it.as_bytes()) {
        None | Some(b"sha1") => Ok(gix::hash::Kind::Sha1),
        Some(b"sha256") => Ok(gix::hash::Kind::Sha256),
        Some(other) => {
            let why = format!("its objects are named by `{}`", other.escape_ascii());
            Err(Error::Network(Trouble::Answer { url: line.url.clone(), why }))
        }
    }
}

/// A ref's name and what it names.
fn named(found: &Ref) -> Option<(String, ObjectId)> {
    let (name, id) = match found {
        Ref::Peeled { full_ref_name, tag, .. } => (full_ref_name, *tag),
        Ref::Direct { full_ref_name, object } => (full_ref_name, *object),
        Ref::Symbolic { full_ref_name, tag, object, .. } => (full_ref_name, tag.unwrap_or(*object)),
        Ref::Unborn { .. } => return None,
    };
    Some((std::str::from_utf8(name).ok()?.to_owned(), id))
}

/// The ref that is asked for, out of those that are there.
///
/// Of those that a pattern meets the newest is the last where runs of digits count as numbers. That is a hint like any
/// name on a stick: whoever serves the repository may hide the newest, which a latest card shows, and cannot make an
/// older one count.
pub(super) fn choose(
    refs: impl IntoIterator<Item = (String, ObjectId)>,
    asked: &Asked,
    url: &str,
) -> Result<Tip, Error> {
    let refs: BTreeMap<String, ObjectId> = refs.into_iter().collect();
    let tip = |name: &str| refs.get(name).map(|id| Tip { name: name.to_owned(), id: *id });
    let missing = |what: String| Error::Network(Trouble::Missing { url: url.to_owned(), what });
    match asked {
        Asked::Head => tip("HEAD").ok_or_else(|| missing("a `HEAD` that names a commit".into())),
        Asked::Full(name) => tip(name).ok_or_else(|| missing(format!("`{name}`"))),
        Asked::Short(name) => {
            let both = (tip(&format!("refs/heads/{name}")), tip(&format!("refs/tags/{name}")));
            match both {
                (Some(_), Some(_)) => Err(missing(format!(
                    "one `{name}`: a branch and a tag are called so, and `refs/heads/{name}` or `refs/tags/{name}` says which"
                ))),
                (Some(tip), None) | (None, Some(tip)) => Ok(tip),
                (None, None) => Err(missing(format!("a branch or a tag `{name}`"))),
            }
        }
        Asked::Newest(prefix) => {
            let met = refs.keys().filter(|it| it.starts_with(prefix.as_str()));
            let newest = met.max_by(|a, b| natural(a).cmp(&natural(b)));
            newest.and_then(|it| tip(it)).ok_or_else(|| missing(format!("a ref `{prefix}*`")))
        }
    }
}

/// A name as texts and numbers in turn.
fn natural(name: &str) -> Vec<(String, u128)> {
    let (mut parts, mut text, mut digits) = (Vec::new(), String::new(), String::new());
    for c in name.chars().chain(std::iter::once('\0')) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            let number = std::mem::take(&mut digits).parse().unwrap_or(u128::MAX);
            parts.push((std::mem::take(&mut text), number));
        }
        text.push(c);
    }
    parts.push((text, 0));
    parts
}

/// One question: this object, and everything that it needs and that these do not.
struct Question {
    want: ObjectId,
    haves: Vec<ObjectId>,
    /// It is asked once: a server that answers with something else than a pack would be asked for ever.
    is_asked: bool,
}

impl Negotiate for Question {
    fn mark_complete_and_common_ref(&mut self) -> gix::Result<negotiate::Action> {
        Ok(negotiate::Action::MustNegotiate { remote_ref_target_known: Vec::new() })
    }

    fn add_wants(&mut self, arguments: &mut Arguments, _known: &[bool]) -> bool {
        arguments.want(self.want);
        true
    }

    fn one_round(
        &mut self,
        _state: &mut negotiate::one_round::State,
        arguments: &mut Arguments,
        _previous: Option<&Response>,
    ) -> gix::Result<(negotiate::Round, bool)> {
        if std::mem::replace(&mut self.is_asked, true) {
            return Err(gix::Error::from_error(std::io::Error::other("no pack follows")));
        }
        for id in &self.haves {
            arguments.have(id);
        }
        let round = negotiate::Round {
            haves_sent: self.haves.len(),
            in_vain: 0,
            haves_to_send: self.haves.len(),
            previous_response_had_at_least_one_in_common: false,
        };
        Ok((round, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(refs: &[&str], asked: &str, expect: Result<&str, &str>) {
        let refs = refs.iter().map(|it| ((*it).to_owned(), ObjectId::null(gix::hash::Kind::Sha1)));
        let found = choose(refs, &Asked::parse(asked).unwrap(), "https://h/s.git");
        match (found, expect) {
            (Ok(tip), Ok(name)) => assert_eq!(tip.name, name),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expect) => panic!("{asked}: {found:?}, not {expect:?}"),
        }
    }

    #[test]
    fn refs_are_chosen() {
        let refs = ["HEAD", "refs/heads/main", "refs/heads/v1", "refs/tags/v1", "refs/tags/v2"];
        check(&refs, "HEAD", Ok("HEAD"));
        check(&[], "HEAD", Err("`HEAD`"));
        check(&refs, "main", Ok("refs/heads/main"));
        check(&refs, "v2", Ok("refs/tags/v2"));
        check(&refs, "v1", Err("which"));
        check(&refs, "v3", Err("`v3`"));
        check(&refs, "refs/tags/v1", Ok("refs/tags/v1"));
        check(&refs, "refs/tags/v", Err("refs/tags/v"));
        let tags = ["refs/tags/h-1-9", "refs/tags/h-1-10", "refs/tags/h-1-10-rc", "refs/tags/other-7-7"];
        check(&tags[..2], "h-*", Ok("refs/tags/h-1-10"));
        check(&["refs/tags/h-1-10", "refs/tags/h-2-1"], "h-*", Ok("refs/tags/h-2-1"));
        check(&tags, "refs/tags/other-*", Ok("refs/tags/other-7-7"));
        check(&tags, "x-*", Err("refs/tags/x-*"));
    }
}
