//! Ids, versions and places in documents.

use super::{must, quoted, unexpected};

/// RFC 6901, section 3.
pub(super) fn json_pointer(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    let rest = text.strip_prefix('/').ok_or("not starting with /")?;
    for token in rest.split('/') {
        let mut chars = token.chars();
        while let Some(c) = chars.next() {
            if c == '~' && !matches!(chars.next(), Some('0' | '1')) {
                return Err("~ must be followed by 0 or 1".into());
            }
        }
    }
    Ok(())
}

/// `draft-handrews-relative-json-pointer-01`, section 3.
pub(super) fn relative_json_pointer(text: &str) -> Result<(), String> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.len() - rest.len();
    must(digits > 0, "must start with non-negative integer")?;
    must(digits == 1 || !text.starts_with('0'), "starts with zero")?;
    if rest == "#" { Ok(()) } else { json_pointer(rest) }
}

/// RFC 4122, section 3.
pub(super) fn uuid(text: &str) -> Result<(), String> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    must(text.split('-').count() == GROUPS.len(), "must have 5 elements")?;
    for ((at, group), length) in text.split('-').enumerate().zip(GROUPS) {
        if group.len() != length {
            return Err(format!("element {} must be {length} characters long", at + 1));
        }
        if let Some(c) = group.chars().find(|it| !it.is_ascii_hexdigit()) {
            return Err(format!("non-hex character {}", quoted(c)));
        }
    }
    Ok(())
}

/// Semantic Versioning 2.0.0, without the mercy of charts.
pub(super) fn semver(text: &str) -> Result<(), String> {
    let mut core = text;
    let is_part = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    if let Some((before, build)) = core.split_once('+') {
        must(!build.is_empty(), "build is empty")?;
        for id in build.split('.') {
            must(!id.is_empty(), "build identifier is empty")?;
            if let Some(c) = id.chars().find(|it| !is_part(it)) {
                return Err(format!("{} in build identifier", unexpected(c)));
            }
        }
        core = before;
    }
    if let Some((before, release)) = core.split_once('-') {
        for id in release.split('.') {
            must(!id.is_empty(), "pre-release identifier is empty")?;
            if let Some(c) = id.chars().find(|it| !is_part(it)) {
                return Err(format!("{} in pre-release identifier", unexpected(c)));
            }
            let numeric = id.bytes().all(|it| it.is_ascii_digit());
            let leading = numeric && id.len() > 1 && id.starts_with('0');
            must(!leading, "pre-release numeric identifier starts with zero")?;
        }
        core = before;
    }
    must(core.split('.').count() == 3, "versionCore must have 3 numbers separated by dot")?;
    for (name, number) in ["major", "minor", "patch"].into_iter().zip(core.split('.')) {
        let why = match number {
            "" => "is empty",
            it if it.len() > 1 && it.starts_with('0') => "starts with zero",
            it if !it.bytes().all(|it| it.is_ascii_digit()) => "contains non-digit",
            _ => continue,
        };
        return Err(format!("{name} {why}"));
    }
    Ok(())
}
