//! What is random in a chart: passwords, keys, certificates.
//!
//! In the agent it is derived from a secret that only the cluster's nodes know, so that they agree with each other and with
//! themselves, two clusters differ, and whoever holds the bundle can compute none of it.

use std::{cell::RefCell, rc::Rc};

use rand_core::{CryptoRng, CryptoRngCore, Error, RngCore, impls};
use sha2::{Digest as _, Sha256};

/// Where what is random comes from.
pub enum Randomness {
    /// From a generator: every render gives something else.
    Drawn(Box<dyn CryptoRngCore>),
    /// From a secret: the same release gives the same, template by template.
    Derived([u8; 32]),
    /// From nowhere: a render that needs it fails.
    Missing,
}

/// The generator of one render. Clones are one generator.
#[derive(Clone)]
pub(super) struct Generator(Rc<RefCell<State>>);

struct State {
    source: Source,
    /// Whether anything was asked for.
    used: bool,
}

enum Source {
    Drawn(Box<dyn CryptoRngCore>),
    Derived { key: [u8; 32], release: Vec<u8>, template: Vec<u8>, count: u64, left: Vec<u8>, is_secret: bool },
}

impl Generator {
    /// A generator for one release.
    pub(super) fn new(randomness: Randomness, namespace: &str, release: &str) -> Self {
        let derived = |secret: &[u8], is_secret| Source::Derived {
            // HKDF's first step, RFC 5869 2.2: the salt names the purpose.
            key: hmac(b"airlock random v1", &[secret]),
            release: [namespace.as_bytes(), b"\0", release.as_bytes(), b"\0"].concat(),
            template: Vec::new(),
            count: 0,
            left: Vec::new(),
            is_secret,
        };
        let source = match randomness {
            Randomness::Drawn(generator) => Source::Drawn(generator),
            Randomness::Derived(secret) => derived(&secret, true),
            // Something has to come out until the render ends, or a search for a prime would not.
            Randomness::Missing => derived(&[], false),
        };
        Self(Rc::new(RefCell::new(State { source, used: false })))
    }

    /// Begins a template: what is drawn in one does not depend on how much was drawn in those before it.
    pub(super) fn begin(&self, path: &str) {
        if let Source::Derived { template, count, left, .. } = &mut self.0.borrow_mut().source {
            *template = [path.as_bytes(), b"\0"].concat();
            *count = 0;
            left.clear();
        }
    }

    /// Whether something was drawn that has no source.
    pub(super) fn is_missing(&self) -> bool {
        let state = self.0.borrow();
        state.used && matches!(state.source, Source::Derived { is_secret: false, .. })
    }
}

impl RngCore for Generator {
    fn next_u32(&mut self) -> u32 {
        impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        let mut state = self.0.borrow_mut();
        state.used = true;
        match &mut state.source {
            Source::Drawn(generator) => generator.fill_bytes(dest),
            Source::Derived { key, release, template, count, left, .. } => {
                for byte in dest {
                    *byte = match left.pop() {
                        Some(byte) => byte,
                        None => {
                            // HKDF's second step, with the count where RFC 5869 has one byte of it.
                            let number = count.to_be_bytes();
                            *count += 1;
                            left.extend(hmac(key, &[release, template, &number]));
                            left.pop().unwrap_or_default()
                        }
                    };
                }
            }
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Generator {}

/// HMAC-SHA256, RFC 2104, for keys of at most one block.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let mut inner = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use rand_core::RngCore as _;

    use super::{Generator, Randomness, hmac};

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let found = hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        let expect = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(crate::digest::hex(&found), expect);
    }

    #[test]
    fn what_is_derived_depends_on_secret_release_and_template_alone() {
        let draw = |secret: u8, namespace: &str, release: &str, template: &str, before: usize| {
            let mut generator = Generator::new(Randomness::Derived([secret; 32]), namespace, release);
            generator.begin("earlier");
            generator.fill_bytes(&mut vec![0; before]);
            generator.begin(template);
            let mut bytes = [0; 40];
            generator.fill_bytes(&mut bytes);
            assert!(!generator.is_missing());
            bytes
        };
        let one = draw(1, "ns", "rel", "a.yaml", 0);
        assert_eq!(one, draw(1, "ns", "rel", "a.yaml", 7));
        for other in [
            draw(2, "ns", "rel", "a.yaml", 0),
            draw(1, "ns2", "rel", "a.yaml", 0),
            draw(1, "ns", "rel2", "a.yaml", 0),
            draw(1, "ns", "rel", "b.yaml", 0),
        ] {
            assert_ne!(one, other);
        }
        let mut generator = Generator::new(Randomness::Missing, "ns", "rel");
        assert!(!generator.is_missing());
        generator.next_u32();
        assert!(generator.is_missing());
    }
}
