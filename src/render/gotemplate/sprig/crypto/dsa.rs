//! DSA keys of 2048 and 256 bits after FIPS 186-3, appendix A, as Go's `crypto/dsa` makes them.

use num_bigint_dig::{BigUint, RandBigInt as _};
use num_traits::One as _;

use super::{Random, prime};

/// Parameters and a key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dsa {
    pub(super) p: BigUint,
    pub(super) q: BigUint,
    pub(super) g: BigUint,
    pub(super) y: BigUint,
    pub(super) x: BigUint,
}

const P_BITS: usize = 2048;
const Q_BITS: usize = 256;

/// Makes parameters and a key.
pub(super) fn generate(random: Random<'_>) -> Dsa {
    let one = BigUint::one();
    let (p, q) = loop {
        let q = prime::draw(random, Q_BITS, |_| true);
        let found = (0..4 * P_BITS).find_map(|_| {
            let drawn = odd(random, P_BITS);
            // One more than a multiple of q.
            let p = &drawn - (&drawn % (&q * 2_u8)) + &one;
            (p.bits() == P_BITS && prime::passes_sieve(&p) && prime::is_prime(&p, random)).then_some(p)
        });
        if let Some(p) = found {
            break (p, q);
        }
    };
    let exponent = (&p - &one) / &q;
    let mut base = BigUint::from(2_u8);
    let g = loop {
        let g = base.modpow(&exponent, &p);
        if g != one {
            break g;
        }
        base += 1_u8;
    };
    let x = random.gen_biguint_range(&one, &q);
    let y = g.modpow(&x, &p);
    Dsa { p, q, g, y, x }
}

/// A number of exactly so many bits that is odd.
fn odd(random: Random<'_>, bits: usize) -> BigUint {
    let mut bytes = vec![0; bits / 8];
    random.fill_bytes(&mut bytes);
    if let Some(first) = bytes.first_mut() {
        *first |= 0x80;
    }
    if let Some(last) = bytes.last_mut() {
        *last |= 1;
    }
    BigUint::from_bytes_be(&bytes)
}
