//! Files that `git bundle` made (gitformat-bundle(5), versions 2 and 3), full and incremental: a repository on a stick.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
    rc::Rc,
};

use gix::{ObjectId, hash::Kind};

use super::{
    Error,
    house::House,
    line::Line,
    objects::Objects,
    pack,
    place::Asked,
    talk::{Tip, choose},
};
use crate::{limits, source::Trouble};

/// What stands before the pack.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    hash: Kind,
    /// What whoever reads it has to have.
    needs: Vec<ObjectId>,
    refs: Vec<(String, ObjectId)>,
}

/// Takes a file's objects in, and says which of its refs is asked for. None where that is `known`.
pub(super) fn read(
    path: &Path,
    asked: &Asked,
    known: Option<&str>,
    house: &House,
    line: &Rc<Line>,
) -> Result<Option<(Tip, Objects)>, Error> {
    let wrong = |why: String| Error::BundleFile { url: line.url.clone(), why };
    let (file, size) = super::super::root::open_regular(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::Network(Trouble::Missing { url: line.url.clone(), what: "that file".into() })
        }
        _ => Error::disk("open", path)(error),
    })?;
    let mut from = BufReader::with_capacity(limits::CHUNK_BYTES, file.take(size));
    let head = head(&mut from).map_err(wrong)?;
    // A file made of one ref alone is about that ref.
    let asked = match (asked, head.refs.as_slice()) {
        (Asked::Head, [(name, _)]) => Asked::Full(name.clone()),
        _ => asked.clone(),
    };
    let tip = choose(head.refs.iter().cloned(), &asked, &line.url)?;
    if known == Some(&*tip.mark()) {
        return Ok(None);
    }
    let objects = house.objects(head.hash)?;
    if objects.has(&tip.id) {
        return Ok(Some((tip, objects)));
    }
    if let Some(need) = head.needs.iter().find(|it| !objects.has(it)) {
        return Err(wrong(format!("it follows commit {need}, which did not come here yet")));
    }
    line.begin_pack(house.room(&line.url)?);
    house.begin()?;
    let ends = pack::Ends::WithThePack;
    pack::take(&mut from, &objects, house.folder(), line, ends, Error::disk("read", path))?;
    if !objects.has(&tip.id) {
        return Err(wrong(format!("it does not hold {}, which its ref names", tip.id)));
    }
    house.settle()?;
    Ok(Some((tip, objects)))
}

/// Whether a file begins as `git bundle` begins one.
pub fn is_bundle_file(path: &Path) -> bool {
    let mut first = [0; 17];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut first));
    read.is_ok() && (first.starts_with(b"# v2 git bundle\n") || first.starts_with(b"# v3 git bundle\n"))
}

fn head(from: &mut impl BufRead) -> Result<Head, String> {
    let mut head = Head { hash: Kind::Sha1, needs: Vec::new(), refs: Vec::new() };
    let version = match line_of(from)?.as_str() {
        "# v2 git bundle" => 2,
        "# v3 git bundle" => 3,
        _ => return Err("it does not begin with `# v2 git bundle` or `# v3 git bundle`".into()),
    };
    for _ in 0..limits::GIT_BUNDLE_LINES {
        let line = line_of(from)?;
        let id = |text: &str| {
            let id = ObjectId::from_hex(text.as_bytes()).ok().filter(|it| it.kind() == head.hash);
            id.ok_or_else(|| format!("`{}` is no name of an object", text.escape_default()))
        };
        if line.is_empty() {
            return Ok(head);
        } else if let Some(capability) = line.strip_prefix('@') {
            head.hash = match (version, capability) {
                (3, "object-format=sha1") => Kind::Sha1,
                (3, "object-format=sha256") => Kind::Sha256,
                _ => {
                    return Err(format!(
                        "it asks for `{}`, which nobody here knows",
                        capability.escape_default()
                    ));
                }
            };
        } else if let Some(need) = line.strip_prefix('-') {
            let need = id(need.split(' ').next().unwrap_or_default())?;
            head.needs.push(need);
        } else {
            let (text, name) = line.split_once(' ').ok_or("a line of it is none")?;
            let tip = id(text)?;
            head.refs.push((name.to_owned(), tip));
        }
    }
    Err(format!("it has more than {} lines", limits::GIT_BUNDLE_LINES))
}

/// A line of the head, without its end.
fn line_of(from: &mut impl BufRead) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut some = from.take(limits::PATH_BYTES as u64 + 100);
    some.read_until(b'\n', &mut bytes).map_err(|error| format!("it cannot be read: {error}"))?;
    if bytes.pop() != Some(b'\n') {
        return Err("its head has no end".into());
    }
    String::from_utf8(bytes).map_err(|_| "its head is not UTF-8".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let one = "1".repeat(40);
        let long = "2".repeat(64);
        let check =
            |text: &str, expect: Result<(usize, usize), &str>| match (head(&mut text.as_bytes()), expect) {
                (Ok(head), Ok(counts)) => assert_eq!((head.needs.len(), head.refs.len()), counts),
                (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
                (found, expect) => panic!("{text:?}: {found:?}, not {expect:?}"),
            };
        check(&format!("# v2 git bundle\n{one} refs/heads/main\n\nPACK"), Ok((0, 1)));
        check(&format!("# v2 git bundle\n-{one} a subject\n{one} HEAD\n\n"), Ok((1, 1)));
        check(&format!("# v3 git bundle\n@object-format=sha256\n{long} HEAD\n\n"), Ok((0, 1)));
        check(&format!("# v3 git bundle\n@object-format=sha256\n{one} HEAD\n\n"), Err("no name"));
        check("# v3 git bundle\n@filter=blob:none\n\n", Err("filter"));
        check("# v2 git bundle\n@object-format=sha1\n\n", Err("object-format"));
        check("# v4 git bundle\n\n", Err("begin"));
        check(&format!("# v2 git bundle\n{one} HEAD\n"), Err("no end"));
        check("# v2 git bundle\nnothing\n\n", Err("none"));
    }
}
