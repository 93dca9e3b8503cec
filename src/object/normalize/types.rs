//! The Go types of the built-in kinds, as a table.

use std::{collections::HashMap, sync::LazyLock};

/// See the comments in it; `tests/oracle/object` prints it from Kubernetes' own types.
const TABLE: &str = include_str!("types.txt");

/// A type, as far as JSON shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// `string`, and types made of it.
    Text,
    /// `bool`.
    Bool,
    /// `int32`.
    Int32,
    /// `int64`.
    Int64,
    /// `[]byte`, in base64.
    Bytes,
    /// `resource.Quantity`.
    Quantity,
    /// `metav1.Time`.
    Time,
    /// `metav1.MicroTime`.
    MicroTime,
    /// `intstr.IntOrString`.
    IntOrText,
    /// `runtime.RawExtension` and `metav1.FieldsV1`: any JSON.
    Raw,
    /// `*T`; the index of `T`.
    Pointer(usize),
    /// `[]T`.
    List(usize),
    /// `map[string]T`.
    Map(usize),
    /// A structure; the index of its fields.
    Struct(usize),
}

/// One field of a structure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Its name in JSON; empty where the fields of another structure stand in this one.
    pub(super) name: &'static str,
    /// `omitempty`.
    pub(super) omit_empty: bool,
    /// `omitzero`.
    pub(super) omit_zero: bool,
    /// Its type.
    pub(super) of: Type,
}

/// All types that are pointed at, all structures, and which kind is which structure.
struct Table {
    inner: Vec<Type>,
    structs: Vec<Vec<Field>>,
    kinds: HashMap<(&'static str, &'static str), usize>,
}

static TYPES: LazyLock<Table> = LazyLock::new(|| {
    let lines = || TABLE.lines().filter(|line| !line.starts_with('#'));
    let (types, kinds): (Vec<_>, Vec<_>) = lines().partition(|line| is_type(line));
    let names: HashMap<&str, usize> =
        types.iter().enumerate().filter_map(|(at, line)| Some((line.split(' ').next()?, at))).collect();
    let mut table = Table { inner: Vec::new(), structs: Vec::new(), kinds: HashMap::new() };
    for line in types {
        let fields = line.split(' ').skip(1).filter_map(|field| {
            let (name, of) = field.split_once(':')?;
            Some(Field {
                name: name.trim_end_matches(['?', '!']),
                omit_empty: name.contains('?'),
                omit_zero: name.contains('!'),
                of: parse(of, &names, &mut table.inner)?,
            })
        });
        let fields = fields.collect();
        table.structs.push(fields);
    }
    for line in kinds {
        let mut words = line.split(' ');
        if let (Some(version), Some(kind), Some(name)) = (words.next(), words.next(), words.next())
            && let Some(at) = names.get(name)
        {
            table.kinds.insert((version, kind), *at);
        }
    }
    table
});

/// A type has fields, each with a colon, or stands alone on its line; the words of a kind have none.
fn is_type(line: &str) -> bool {
    line.contains(':') || !line.contains(' ')
}

fn parse(text: &str, names: &HashMap<&str, usize>, inner: &mut Vec<Type>) -> Option<Type> {
    let (first, rest) = text.split_at_checked(1)?;
    if first == "#" {
        return names.get(rest).copied().map(Type::Struct);
    }
    let wrap = match first {
        "*" => Type::Pointer,
        "[" => Type::List,
        "{" => Type::Map,
        "s" => return Some(Type::Text),
        "b" => return Some(Type::Bool),
        "i" => return Some(Type::Int32),
        "j" => return Some(Type::Int64),
        "y" => return Some(Type::Bytes),
        "q" => return Some(Type::Quantity),
        "t" => return Some(Type::Time),
        "u" => return Some(Type::MicroTime),
        "x" => return Some(Type::IntOrText),
        "r" => return Some(Type::Raw),
        _ => return None,
    };
    let of = parse(rest, names, inner)?;
    inner.push(of);
    Some(wrap(inner.len() - 1))
}

/// The structure of a kind.
pub(super) fn of_kind(api_version: &str, kind: &str) -> Option<Type> {
    // The table lives as long as the program, a question does not.
    let kinds: &HashMap<(&str, &str), usize> = &TYPES.kinds;
    kinds.get(&(api_version, kind)).copied().map(Type::Struct)
}

/// What a pointer points at, a list or a map holds.
pub(super) fn inner(at: usize) -> Type {
    TYPES.inner.get(at).copied().unwrap_or(Type::Raw)
}

/// The fields of a structure.
pub(super) fn fields(at: usize) -> &'static [Field] {
    TYPES.structs.get(at).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let (types, kinds): (Vec<_>, Vec<_>) = lines.partition(|line| is_type(line));
        assert_eq!((TYPES.structs.len(), TYPES.kinds.len()), (types.len(), kinds.len()));
        for (line, fields) in types.iter().zip(&TYPES.structs) {
            assert_eq!(fields.len(), line.split(' ').count() - 1, "{line}");
        }
        assert!(of_kind("apps/v1", "Deployment").is_some() && of_kind("apps/v1", "Secret").is_none());
    }
}
