//! Shell patterns as Go's `filepath.Match` has them: `*`, `?`, `[a-z]`, `[^a]` and `\`, none of which takes a slash.

/// A pattern that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub struct BadPattern;

/// Whether the whole name is what the pattern says.
///
/// # Errors
/// When the pattern is malformed as far as it is looked at.
pub fn matches(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut pattern, mut name) = (pattern.as_slice(), name.as_slice());
    while !pattern.is_empty() {
        let (star, chunk, rest) = scan_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Ok(!name.contains(&'/'));
        }
        let (matched, after) = match_chunk(chunk, name)?;
        if let Some(after) = matched.then_some(after)
            && (after.is_empty() || !pattern.is_empty())
        {
            name = after;
            continue;
        }
        let mut found = false;
        if star {
            let mut at = name;
            while let Some((first, tail)) = at.split_first() {
                if *first == '/' {
                    break;
                }
                at = tail;
                let (matched, after) = match_chunk(chunk, at)?;
                if matched && (!pattern.is_empty() || after.is_empty()) {
                    name = after;
                    found = true;
                    break;
                }
            }
        }
        if found {
            continue;
        }
        // The rest is looked at only to see that it is a pattern.
        while !pattern.is_empty() {
            let (_, chunk, rest) = scan_chunk(pattern);
            pattern = rest;
            match_chunk(chunk, &[])?;
        }
        return Ok(false);
    }
    Ok(name.is_empty())
}

/// Stars at the beginning, what stands up to the next star, and the rest.
fn scan_chunk(pattern: &[char]) -> (bool, &[char], &[char]) {
    let stars = pattern.iter().take_while(|c| **c == '*').count();
    let rest = pattern.get(stars..).unwrap_or(&[]);
    let (mut in_range, mut escaped, mut end) = (false, false, rest.len());
    for (at, c) in rest.iter().enumerate() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_range = true,
            ']' => in_range = false,
            '*' if !in_range => {
                end = at;
                break;
            }
            _ => (),
        }
    }
    let (chunk, rest) = rest.split_at_checked(end).unwrap_or((rest, &[]));
    (stars > 0, chunk, rest)
}

/// Whether the chunk, which has no star, is at the beginning of the text, and what follows it.
fn match_chunk<'n>(mut chunk: &[char], mut text: &'n [char]) -> Result<(bool, &'n [char]), BadPattern> {
    // After the first character that does not fit the rest of the chunk is still checked.
    let mut failed = false;
    while let Some((first, tail)) = chunk.split_first() {
        if !failed && text.is_empty() {
            failed = true;
        }
        match first {
            '[' => {
                let mut c = None;
                if !failed && let Some((next, rest)) = text.split_first() {
                    c = Some(*next);
                    text = rest;
                }
                chunk = tail;
                let negated = chunk.first() == Some(&'^');
                if negated {
                    chunk = chunk.get(1..).unwrap_or(&[]);
                }
                let (mut hit, mut ranges) = (false, 0);
                loop {
                    if chunk.first() == Some(&']') && ranges > 0 {
                        chunk = chunk.get(1..).unwrap_or(&[]);
                        break;
                    }
                    let (low, rest) = escape(chunk)?;
                    chunk = rest;
                    let mut high = low;
                    if chunk.first() == Some(&'-') {
                        (high, chunk) = escape(chunk.get(1..).unwrap_or(&[]))?;
                    }
                    hit |= c.is_some_and(|c| low <= c && c <= high);
                    ranges += 1;
                }
                failed |= hit == negated;
            }
            '?' => {
                if !failed {
                    failed = text.first() == Some(&'/');
                    text = text.get(1..).unwrap_or(&[]);
                }
                chunk = tail;
            }
            _ => {
                let literal = if *first == '\\' {
                    let (literal, _) = tail.split_first().ok_or(BadPattern)?;
                    chunk = tail;
                    *literal
                } else {
                    *first
                };
                if !failed {
                    failed = text.first() != Some(&literal);
                    text = text.get(1..).unwrap_or(&[]);
                }
                chunk = chunk.get(1..).unwrap_or(&[]);
            }
        }
    }
    Ok((!failed, if failed { &[] } else { text }))
}

/// A character of a class, and what follows it.
fn escape(chunk: &[char]) -> Result<(char, &[char]), BadPattern> {
    let (first, tail) = chunk.split_first().ok_or(BadPattern)?;
    let (c, rest) = match first {
        '-' | ']' => return Err(BadPattern),
        '\\' => tail.split_first().ok_or(BadPattern)?,
        c => (c, tail),
    };
    // A class has to be closed.
    if rest.is_empty() { Err(BadPattern) } else { Ok((*c, rest)) }
}
