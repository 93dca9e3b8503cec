//! `--set-literal`: keys as ever, without escapes, and one value.

use super::{Fail, Outcome, Parser, close, deeper, map_at, put};
use crate::render::gotemplate::{Map, strconv::quote};

impl Parser<'_> {
    pub(super) fn literal_key(&mut self, data: &Map, mut level: usize) -> Outcome<()> {
        let (key, last) = self.until(&['=', '[', '.'], false);
        match last {
            None if key.is_empty() => Err(Fail::End),
            None => Err(format!("key {} has no value", quote(key.as_bytes())).into()),
            Some('=') => {
                let value = self.until(&[], false).0;
                put(data, &key, value.into());
                Ok(())
            }
            Some('.') => {
                level = deeper(level)?;
                let inner = map_at(data, &key)?;
                let result = self.literal_key(&inner, level);
                close(data, &key, inner, result)
            }
            Some(_) => {
                let index = self.index(false)?;
                self.listed(data, &key, index, level)
            }
        }
    }
}
