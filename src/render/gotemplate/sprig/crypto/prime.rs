//! Large primes: drawn, sieved, and tested after Miller and Rabin.
//!
//! Charts make keys on every render, and nearly all of the time goes into raising numbers to powers, so that is written
//! out here for one modulus at a time. It takes no care to hide its duration: nobody who could measure it is near.

use std::sync::LazyLock;

use num_bigint_dig::BigUint;
use num_traits::{One as _, ToPrimitive as _};

use super::Random;

/// Witnesses of each prime. FIPS 186-5, table B.1, asks for five where primes have 1024 bits, and fewer beyond.
const WITNESSES: usize = 8;

/// How far above a drawn number primes are looked for before another one is drawn.
const SPAN: u32 = 1 << 16;

/// Draws a prime of exactly so many bits, a multiple of 64, whose two highest bits are set, and for which `accept`
/// holds.
pub(super) fn draw(random: Random<'_>, bits: usize, accept: impl Fn(&BigUint) -> bool) -> BigUint {
    loop {
        let mut bytes = vec![0; bits / 8];
        random.fill_bytes(&mut bytes);
        if let Some(first) = bytes.first_mut() {
            *first |= 0xc0;
        }
        if let Some(last) = bytes.last_mut() {
            *last |= 1;
        }
        let start = BigUint::from_bytes_be(&bytes);
        let rests: Vec<u32> = SMALL.iter().map(|it| (&start % *it).to_u32().unwrap_or(0)).collect();
        for step in (0..SPAN).step_by(2) {
            if SMALL.iter().zip(&rests).any(|(prime, rest)| (rest + step) % prime == 0) {
                continue;
            }
            let candidate = &start + step;
            if candidate.bits() == bits && accept(&candidate) && is_prime(&candidate, random) {
                return candidate;
            }
        }
    }
}

/// Whether none of the small primes divides a large number.
pub(super) fn passes_sieve(number: &BigUint) -> bool {
    SMALL.iter().all(|it| (number % *it).to_u32() != Some(0))
}

/// The odd primes below 2^15: more take longer than the powers that they save.
static SMALL: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut primes: Vec<u32> = Vec::with_capacity(3_511);
    for number in (3..1 << 15).step_by(2) {
        let mut divisors = primes.iter().take_while(|it| *it * *it <= number);
        if !divisors.any(|it| number % it == 0) {
            primes.push(number);
        }
    }
    primes
});

/// Whether a large odd number is prime, as far as so many witnesses tell.
pub(super) fn is_prime(number: &BigUint, random: Random<'_>) -> bool {
    let field = Field::new(number);
    let before = number - 1_u8;
    let shift = before.trailing_zeros().unwrap_or(0);
    let odd = limbs(&(&before >> shift));
    let minus_one = limbs(&(number - field.number(&field.one)));
    let bytes = number.bits().div_ceil(8);
    // Two finds nearly all that is not prime.
    (0..WITNESSES).all(|round| {
        let witness = if round == 0 {
            BigUint::from(2_u8)
        } else {
            let mut drawn = vec![0; bytes];
            random.fill_bytes(&mut drawn);
            BigUint::from_bytes_be(&drawn) % (number - 3_u8) + 2_u8
        };
        let mut power = field.power(&witness, &odd);
        if power == field.one || power == minus_one {
            return true;
        }
        for _ in 1..shift {
            power = field.multiply(&power, &power);
            if power == minus_one {
                return true;
            }
        }
        false
    })
}

/// A number in pieces of 64 bits, the lowest first.
fn limbs(number: &BigUint) -> Vec<u64> {
    number
        .to_bytes_le()
        .chunks(8)
        .map(|chunk| chunk.iter().rev().fold(0, |limb, byte| limb << 8 | u64::from(*byte)))
        .collect()
}

/// `sum + a · b + carry`, as a limb and what is carried on; both always fit.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the limb is the low half of what is added up")]
fn add_product(sum: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let wide = u128::from(sum) + u128::from(a) * u128::from(b) + u128::from(carry);
    (wide as u64, (wide >> 64) as u64)
}

/// Arithmetic modulo an odd number in the form of Montgomery: a number stands for itself times 2^(64 · length).
struct Field {
    modulus: Vec<u64>,
    /// What makes the lowest limb vanish: minus the inverse of the modulus.
    inverse: u64,
    /// One, in the form.
    one: Vec<u64>,
    /// What takes a number into the form.
    square: Vec<u64>,
}

impl Field {
    fn new(modulus: &BigUint) -> Self {
        let pieces = limbs(modulus);
        let lowest = pieces.first().copied().unwrap_or(1);
        // Newton's iteration doubles the bits that are right; an odd number is its own inverse in three.
        let mut inverse = lowest;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(lowest.wrapping_mul(inverse)));
        }
        let radix = BigUint::one() << (64 * pieces.len());
        let padded = |number: &BigUint| {
            let mut number = limbs(number);
            number.resize(pieces.len(), 0);
            number
        };
        let one = padded(&(&radix % modulus));
        let square = padded(&(&radix * &radix % modulus));
        Self { modulus: pieces, inverse: inverse.wrapping_neg(), one, square }
    }

    /// The limbs as a number, whatever form it is in.
    fn number(&self, limbs: &[u64]) -> BigUint {
        let bytes: Vec<u8> = limbs.iter().flat_map(|it| it.to_le_bytes()).collect();
        BigUint::from_bytes_le(&bytes)
    }

    /// The product, divided by 2^(64 · length).
    fn multiply(&self, a: &[u64], b: &[u64]) -> Vec<u64> {
        let (Some((a_low, a)), Some((modulus_low, modulus))) = (a.split_first(), self.modulus.split_first())
        else {
            return Vec::new();
        };
        let mut sum = vec![0_u64; self.modulus.len()];
        let mut next = sum.clone();
        let mut top = 0_u64;
        for factor in b {
            // What is added of the modulus makes the lowest limb zero, so each other one moves down by one.
            let (low, mut carry) = add_product(sum.first().copied().unwrap_or(0), *a_low, *factor, 0);
            let multiple = low.wrapping_mul(self.inverse);
            let (_, mut carry_of_modulus) = add_product(low, *modulus_low, multiple, 0);
            let above = sum.get(1..).unwrap_or(&[]).iter();
            for ((next, sum), (a, modulus)) in next.iter_mut().zip(above).zip(a.iter().zip(modulus)) {
                let limb;
                (limb, carry) = add_product(*sum, *a, *factor, carry);
                (*next, carry_of_modulus) = add_product(limb, *modulus, multiple, carry_of_modulus);
            }
            let (last, first) = carry.overflowing_add(carry_of_modulus);
            let (last, second) = last.overflowing_add(top);
            top = u64::from(first) + u64::from(second);
            if let Some(highest) = next.last_mut() {
                *highest = last;
            }
            std::mem::swap(&mut sum, &mut next);
        }
        if top > 0 || sum.iter().rev().ge(self.modulus.iter().rev()) {
            let mut borrow = false;
            for (sum, modulus) in sum.iter_mut().zip(&self.modulus) {
                let (less, first) = sum.overflowing_sub(*modulus);
                let (less, second) = less.overflowing_sub(u64::from(borrow));
                (*sum, borrow) = (less, first || second);
            }
        }
        sum
    }

    /// A power, in the form, four bits of the exponent at a time.
    fn power(&self, base: &BigUint, exponent: &[u64]) -> Vec<u64> {
        let mut base = limbs(base);
        base.resize(self.modulus.len(), 0);
        let base = self.multiply(&base, &self.square);
        let mut powers = vec![self.one.clone()];
        for at in 0..15 {
            let next = powers.get(at).map(|it| self.multiply(it, &base));
            powers.extend(next);
        }
        let digits =
            exponent.iter().rev().flat_map(|limb| (0..16).rev().map(move |at| limb >> (4 * at) & 15));
        let mut result = self.one.clone();
        for digit in digits.skip_while(|it| *it == 0) {
            for _ in 0..4 {
                result = self.multiply(&result, &result);
            }
            if let Some(power) =
                usize::try_from(digit).ok().filter(|it| *it > 0).and_then(|it| powers.get(it))
            {
                result = self.multiply(&result, power);
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use num_bigint_dig::{RandBigInt as _, prime::probably_prime};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng as _;

    use super::*;

    #[test]
    fn powers_are_those_of_the_library() {
        let mut random = ChaCha20Rng::seed_from_u64(1);
        for bits in [64, 65, 127, 192, 1024, 1025] {
            for _ in 0..5 {
                let modulus = random.gen_biguint(bits) | BigUint::one();
                let (base, exponent) = (random.gen_biguint(bits) % &modulus, random.gen_biguint(bits));
                let field = Field::new(&modulus);
                let power = field.power(&base, &limbs(&exponent));
                // Times one takes it out of the form.
                let mut one = vec![0; field.modulus.len()];
                one[0] = 1;
                let power = field.number(&field.multiply(&power, &one));
                assert_eq!(power, base.modpow(&exponent, &modulus), "{bits}");
            }
        }
    }

    #[test]
    fn primes_are_primes() {
        let mut random = ChaCha20Rng::seed_from_u64(2);
        for bits in [128, 256, 512] {
            let prime = draw(&mut random, bits, |it| it % 3_u8 == BigUint::one());
            assert!(prime.bits() == bits && probably_prime(&prime, 20) && &prime % 3_u8 == BigUint::one());
        }
        let mut found = 0;
        for number in (1_000_003_u32..1_002_000).step_by(2) {
            let number = BigUint::from(number);
            assert_eq!(is_prime(&number, &mut random), probably_prime(&number, 20), "{number}");
            found += usize::from(is_prime(&number, &mut random));
        }
        assert!(found > 100);
        // Strong pseudoprimes to base 2, and a number of Carmichael.
        for number in [2047_u32, 3277, 4033, 4681, 8321, 561, 1_373_653] {
            assert!(!is_prime(&BigUint::from(number), &mut random), "{number}");
        }
    }
}
