//! What Sprig's functions take from outside: the time, randomness, and a cache.

use std::{
    any::Any,
    cell::{RefCell, RefMut},
    collections::HashMap,
    fmt,
    rc::Rc,
};

use rand_core::CryptoRngCore;

use super::{
    clock::Time,
    regexp::{self, Regexp},
};
use crate::{
    limits,
    render::gotemplate::{Context, Failure, value::Str},
};

/// The host that Sprig's functions expect behind [`Context::host`].
pub struct Environment {
    now: Time,
    random: RefCell<Box<dyn CryptoRngCore>>,
    regexps: RefCell<HashMap<Str, Rc<Regexp>>>,
    above: Rc<dyn Any>,
}

impl Environment {
    /// An environment in which it is `now`, with a generator for whatever is random. `above` is for the functions of
    /// whoever builds on Sprig.
    pub fn new(now: Time, random: impl CryptoRngCore + 'static, above: Rc<dyn Any>) -> Self {
        Self { now, random: RefCell::new(Box::new(random)), regexps: RefCell::default(), above }
    }

    /// The time that `now` gives, for the whole render.
    pub fn now(&self) -> &Time {
        &self.now
    }

    /// The generator. It is borrowed: let go before anything else is called.
    pub fn random(&self) -> RefMut<'_, Box<dyn CryptoRngCore>> {
        self.random.borrow_mut()
    }

    /// What the caller gave along for other functions than Sprig's.
    pub fn above(&self) -> Rc<dyn Any> {
        Rc::clone(&self.above)
    }

    /// The environment of a running render.
    ///
    /// # Errors
    /// When the caller of the engine gave another host, which is our mistake and said so.
    pub fn of(context: &dyn Context) -> Result<Rc<Self>, Failure> {
        context
            .host()
            .downcast()
            .map_err(|_| "the host of this render is not one for Sprig's functions".into())
    }

    /// A compiled expression; charts use the same few over and over.
    pub(super) fn regexp(&self, pattern: &Str) -> Result<Rc<Regexp>, regexp::Error> {
        if let Some(known) = self.regexps.borrow().get(pattern) {
            return Ok(Rc::clone(known));
        }
        let compiled = Rc::new(Regexp::compile(pattern)?);
        let mut cache = self.regexps.borrow_mut();
        if cache.len() >= limits::REGEXP_CACHE {
            cache.clear();
        }
        cache.insert(pattern.clone(), Rc::clone(&compiled));
        Ok(compiled)
    }

    /// A number below `bound`, each as likely as the others.
    pub(super) fn below(&self, bound: u64) -> u64 {
        let mut random = self.random();
        let bound = bound.max(1);
        // What lies above the last multiple would make small numbers likelier.
        let usable = u64::MAX - u64::MAX % bound;
        loop {
            let drawn = random.next_u64();
            if drawn < usable {
                return drawn % bound;
            }
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("now", &self.now).finish_non_exhaustive()
    }
}
