//! The functions on paths: Go's `path`, and `path/filepath`, which is the same on Unix.

use crate::render::gotemplate::{Function, Str, Type};

const TEXT: Type = Type::String;

/// The functions of this family.
pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("base", &[TEXT], TEXT, |_, args| Ok(Str::from(base(args.str(0)?)).into())),
    Function::new("dir", &[TEXT], TEXT, |_, args| Ok(dir(args.str(0)?).into())),
    Function::new("clean", &[TEXT], TEXT, |_, args| Ok(clean(args.str(0)?).into())),
    Function::new("ext", &[TEXT], TEXT, |_, args| Ok(Str::from(ext(args.str(0)?)).into())),
    Function::new("isAbs", &[TEXT], Type::Bool, |_, args| Ok(args.str(0)?.starts_with(b"/").into())),
    Function::new("osBase", &[TEXT], TEXT, |_, args| Ok(Str::from(base(args.str(0)?)).into())),
    Function::new("osDir", &[TEXT], TEXT, |_, args| Ok(dir(args.str(0)?).into())),
    Function::new("osClean", &[TEXT], TEXT, |_, args| Ok(clean(args.str(0)?).into())),
    Function::new("osExt", &[TEXT], TEXT, |_, args| Ok(Str::from(ext(args.str(0)?)).into())),
    Function::new("osIsAbs", &[TEXT], Type::Bool, |_, args| Ok(args.str(0)?.starts_with(b"/").into())),
];

/// `path.Base`.
pub(crate) fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let end = path.iter().rposition(|it| *it != b'/').map_or(0, |at| at + 1);
    let path = path.get(..end).unwrap_or_default();
    match path.rsplit(|it| *it == b'/').next() {
        Some([]) | None => b"/",
        Some(name) => name,
    }
}

/// `path.Dir`.
pub(crate) fn dir(path: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|it| *it == b'/').map_or(0, |at| at + 1);
    clean(path.get(..end).unwrap_or_default())
}

/// `path.Ext`.
pub(crate) fn ext(path: &[u8]) -> &[u8] {
    let name = path.rsplit(|it| *it == b'/').next().unwrap_or_default();
    name.iter().rposition(|it| *it == b'.').and_then(|at| name.get(at..)).unwrap_or_default()
}

/// `path.Clean`.
pub(crate) fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|it| *it == b'/') {
        match part {
            b"" | b"." => (),
            b".." => match parts.last() {
                Some(last) if *last != b".." => drop(parts.pop()),
                _ if rooted => (),
                _ => parts.push(part),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}
