use super::Error;

/// What a pax header says that matters here. Times, owners and attributes are skipped.
#[derive(Clone, Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
}

impl Pax {
    /// Reads the records of a header: `LENGTH KEY=VALUE\n`, the length counting itself (POSIX.1-2017, pax, "pax
    /// Extended Header"). A key of interest that comes twice is refused, since readers differ on which one wins.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut pax = Self::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let record = Record::next(&mut rest).ok_or_else(|| Error::format("a pax record is malformed"))?;
            let twice = || Error::format("a pax record is repeated");
            match record.key {
                b"path" => set(&mut pax.path, record.value.to_vec()).ok_or_else(twice)?,
                b"linkpath" => set(&mut pax.link, record.value.to_vec()).ok_or_else(twice)?,
                b"size" => {
                    let size =
                        number(record.value).ok_or_else(|| Error::format("a pax size is no number"))?;
                    set(&mut pax.size, size).ok_or_else(twice)?;
                }
                b"hdrcharset" if record.value != b"ISO-IR 10646 2000 UTF-8" => {
                    return Err(Error::format("a pax header is not in UTF-8"));
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err(Error::format("a pax header makes a file sparse"));
                }
                _ => (),
            }
        }
        Ok(pax)
    }

    /// Whether it says anything that would change an entry.
    pub(super) fn is_empty(&self) -> bool {
        self.path.is_none() && self.link.is_none() && self.size.is_none()
    }
}

fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    match place.replace(value) {
        None => Some(()),
        Some(_) => None,
    }
}

/// A decimal number in its one spelling.
fn number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse::<u64>().ok().filter(|number| number.to_string() == text)
}

struct Record<'a> {
    key: &'a [u8],
    value: &'a [u8],
}

impl<'a> Record<'a> {
    /// Takes one record off the front.
    fn next(rest: &mut &'a [u8]) -> Option<Self> {
        let space = rest.iter().take(20).position(|c| *c == b' ')?;
        let length = usize::try_from(number(rest.get(..space)?)?).ok()?;
        let record = rest.get(space + 1..length)?;
        *rest = rest.get(length..)?;
        let (newline, record) = record.split_last()?;
        let equals = record.iter().position(|c| *c == b'=')?;
        let (key, value) = (record.get(..equals)?, record.get(equals + 1..)?);
        (*newline == b'\n' && !key.is_empty()).then_some(Self { key, value })
    }
}

/// Writes one record.
pub(super) fn record(key: &str, value: &str) -> Vec<u8> {
    // The length counts its own digits, so it is tried until it fits.
    let content = key.len() + value.len() + 3;
    let mut length = content + 1;
    while length != content + length.to_string().len() {
        length = content + length.to_string().len();
    }
    format!("{length} {key}={value}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &[u8], expect: Result<&str, &str>) {
        match (Pax::parse(text), expect) {
            (Ok(pax), Ok(path)) => {
                assert_eq!(String::from_utf8(pax.path.unwrap_or_default()).unwrap(), path);
            }
            (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{error}"),
            (result, _) => panic!("{result:?}"),
        }
    }

    #[test]
    fn records_have_one_reading() {
        check(b"", Ok(""));
        check(b"12 path=abc\n", Ok("abc"));
        check(b"12 path=abc\n30 mtime=1350244992.023960108\n", Ok("abc"));
        check(b"12 path=a=c\n", Ok("a=c"));
        check(b"12 path=abc\n12 path=abd\n", Err("repeated"));
        check(b"13 path=abc\n", Err("malformed"));
        check(b"11 path=abc\n", Err("malformed"));
        check(b"012 path=ab\n", Err("malformed"));
        check(b"18446744073709551616 path=a\n", Err("malformed"));
        check(b"4 =\n", Err("malformed"));
        check(b"0 ", Err("malformed"));
        check(b"10 size=x\n", Err("no number"));
        check(b"11 size=+1\n", Err("no number"));
        check(b"22 GNU.sparse.major=1\n", Err("sparse"));
        check(b"21 hdrcharset=BINARY\n", Err("UTF-8"));
    }

    #[test]
    fn a_record_counts_itself() {
        for length in 0..300 {
            let value = "x".repeat(length);
            check(&record("path", &value), Ok(&value));
        }
    }
}
