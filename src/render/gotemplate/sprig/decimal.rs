//! Decimal arithmetic after shopspring/decimal 1.4.0: exact, save for division, which keeps 16 places.

use num_bigint_dig::{BigInt, Sign};
use num_traits::{Signed as _, Zero as _};

/// Places behind the point that a division keeps.
const PLACES: i64 = 16;

/// `value × 10^exponent`.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    value: BigInt,
    exponent: i64,
}

impl Decimal {
    /// The fewest digits that read back as the same float.
    ///
    /// # Errors
    /// In the original's words, for what is no number.
    pub(super) fn of(float: f64) -> Result<Self, String> {
        if !float.is_finite() {
            let name = match float {
                f64::INFINITY => "+Inf",
                f64::NEG_INFINITY => "-Inf",
                _ => "NaN",
            };
            return Err(format!("Cannot create a Decimal from {name}"));
        }
        let text = format!("{float:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let places = mantissa.split_once('.').map_or(0, |(_, part)| part.len());
        let digits: String = mantissa.chars().filter(|it| *it != '.').collect();
        let exponent = exponent.parse().unwrap_or(0) - i64::try_from(places).unwrap_or(0);
        Ok(Self { value: digits.parse().unwrap_or_default(), exponent })
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { value: self.scaled(exponent) + other.scaled(exponent), exponent }
    }

    pub(super) fn sub(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { value: self.scaled(exponent) - other.scaled(exponent), exponent }
    }

    pub(super) fn mul(&self, other: &Self) -> Self {
        Self { value: &self.value * &other.value, exponent: self.exponent + other.exponent }
    }

    /// Rounds half away from zero.
    ///
    /// # Errors
    /// In the original's words, when the divisor is zero.
    pub(super) fn div(&self, other: &Self) -> Result<Self, String> {
        if other.value.is_zero() {
            return Err("decimal division by 0".into());
        }
        let shift = self.exponent - other.exponent + PLACES;
        let (above, below) = match shift < 0 {
            true => (self.value.clone(), &other.value * ten_to(-shift)),
            false => (&self.value * ten_to(shift), other.value.clone()),
        };
        let mut quotient = &above / &below;
        let rest = &above % &below;
        if rest.abs() * 2 >= below.abs() {
            let same = self.value.sign() == other.value.sign();
            quotient += if same { 1 } else { -1 };
        }
        Ok(Self { value: quotient, exponent: -PLACES })
    }

    /// The nearest float.
    pub(super) fn to_float(&self) -> f64 {
        if self.value.sign() == Sign::NoSign {
            return 0.0;
        }
        format!("{}e{}", self.value, self.exponent).parse().unwrap_or(f64::NAN)
    }

    fn scaled(&self, exponent: i64) -> BigInt {
        &self.value * ten_to(self.exponent - exponent)
    }
}

fn ten_to(exponent: i64) -> BigInt {
    num_traits::pow(BigInt::from(10), usize::try_from(exponent).unwrap_or(0))
}
