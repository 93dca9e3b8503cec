//! `strconv.FormatFloat`.

use std::fmt::Write as _;

use crate::render::gotemplate::value::FloatKind;

/// The forms of a float as text: Go's verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatFormat {
    /// `%e`, or `%E` with upper case.
    Exponent {
        /// Whether the letter is upper case.
        upper: bool,
    },
    /// `%f`.
    Plain,
    /// `%g`, or `%G` with upper case.
    General {
        /// Whether the letter is upper case.
        upper: bool,
    },
    /// `%b`: mantissa and exponent of two, in decimal.
    Binary,
    /// `%x`, or `%X` with upper case.
    Hexadecimal {
        /// Whether digits and letters are upper case.
        upper: bool,
    },
}

/// More digits than any float has: what is asked for beyond is zeros.
const DIGITS: usize = 1_100;

/// The float as text. Without a precision it has the fewest digits that give the same float back.
pub fn format_float(value: f64, format: FloatFormat, precision: Option<usize>, kind: FloatKind) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    match format {
        FloatFormat::Binary => return binary(value, kind),
        FloatFormat::Hexadecimal { upper } => {
            let text = hexadecimal(value, precision, kind);
            return if upper { text.to_uppercase() } else { text };
        }
        _ => (),
    }
    let mut out = String::new();
    if value.is_sign_negative() {
        out.push('-');
    }
    let value = value.abs();
    match format {
        FloatFormat::Exponent { upper } => {
            let digits = match precision {
                None => Digits::shortest(value, kind),
                Some(precision) => Digits::exact(value, precision + 1),
            };
            let precision = precision.unwrap_or_else(|| digits.digits.len().saturating_sub(1));
            digits.exponent(&mut out, precision, upper);
        }
        FloatFormat::Plain => match precision {
            None => {
                let digits = Digits::shortest(value, kind);
                let precision = usize::try_from(digits.fraction()).unwrap_or(0);
                digits.plain(&mut out, precision);
            }
            Some(precision) => {
                let exact = precision.min(DIGITS);
                _ = write!(out, "{value:.exact$}");
                out.extend(std::iter::repeat_n('0', precision - exact));
            }
        },
        FloatFormat::General { upper } => {
            let digits = match precision {
                None => Digits::shortest(value, kind),
                Some(precision) => Digits::exact(value, precision.max(1)),
            };
            let count = digits.digits.len();
            let wanted = precision.map_or(count, |it| it.max(1));
            // Without a precision 6 decides, and one that asks for more digits than there are is cut down.
            let limit = match precision {
                None => 6,
                Some(_) if wanted > count && as_i32(count) >= digits.point => count,
                Some(_) => wanted,
            };
            let exponent = digits.point - 1;
            if exponent < -4 || exponent >= as_i32(limit) {
                digits.exponent(&mut out, wanted.min(count).saturating_sub(1), upper);
            } else {
                digits.plain(&mut out, usize::try_from(digits.fraction()).unwrap_or(0));
            }
        }
        FloatFormat::Binary | FloatFormat::Hexadecimal { .. } => (),
    }
    out
}

fn as_i32(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// `0.d1d2d3… × 10^point`, without zeros at the end.
struct Digits {
    digits: String,
    point: i32,
}

impl Digits {
    fn shortest(value: f64, kind: FloatKind) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the float is one of 32 bits")]
        let (shortest, unique) = match kind {
            FloatKind::Float64 => (Self::read(&format!("{value:e}")), 15),
            FloatKind::Float32 => (Self::read(&format!("{:e}", value as f32)), 6),
        };
        if shortest.digits.len() <= unique {
            return shortest;
        }
        // Of two that are equally short and equally near Go takes the even one, Rust the greater.
        let even = Self::exact(value, shortest.digits.len());
        #[expect(clippy::cast_possible_truncation, reason = "the float is one of 32 bits")]
        let same = match (even.text().parse::<f64>(), even.text().parse::<f32>(), kind) {
            (Ok(read), _, FloatKind::Float64) => read.to_bits() == value.to_bits(),
            (_, Ok(read), FloatKind::Float32) => read.to_bits() == (value as f32).to_bits(),
            _ => false,
        };
        if same { even } else { shortest }
    }

    fn text(&self) -> String {
        format!("0.{}e{}", self.digits, self.point)
    }

    fn exact(value: f64, count: usize) -> Self {
        let count = count.clamp(1, DIGITS) - 1;
        Self::read(&format!("{value:.count$e}"))
    }

    /// From `d.ddde-7`.
    fn read(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let digits = digits.trim_end_matches('0').to_owned();
        let point = if digits.is_empty() { 0 } else { exponent.parse().unwrap_or(0) + 1 };
        Self { digits, point }
    }

    /// How many digits stand after the point; negative where zeros stand before it.
    fn fraction(&self) -> i32 {
        as_i32(self.digits.len()) - self.point
    }

    fn exponent(&self, out: &mut String, precision: usize, upper: bool) {
        let mut digits = self.digits.chars();
        out.push(digits.next().unwrap_or('0'));
        if precision > 0 {
            out.push('.');
            let rest: String = digits.take(precision).collect();
            out.push_str(&rest);
            out.extend(std::iter::repeat_n('0', precision - rest.len()));
        }
        let exponent = if self.digits.is_empty() { 0 } else { self.point - 1 };
        let sign = if exponent < 0 { '-' } else { '+' };
        _ = write!(out, "{}{sign}{:02}", if upper { 'E' } else { 'e' }, exponent.abs());
    }

    fn plain(&self, out: &mut String, precision: usize) {
        let point = usize::try_from(self.point).unwrap_or(0);
        let whole = self.digits.get(..point.min(self.digits.len())).unwrap_or("");
        match point {
            0 => out.push('0'),
            _ => {
                out.push_str(whole);
                out.extend(std::iter::repeat_n('0', point - whole.len()));
            }
        }
        if precision > 0 {
            out.push('.');
            let zeros = usize::try_from(-self.point).unwrap_or(0).min(precision);
            out.extend(std::iter::repeat_n('0', zeros));
            let fraction = self.digits.get(whole.len()..).unwrap_or("");
            let fraction = fraction.get(..fraction.len().min(precision - zeros)).unwrap_or("");
            out.push_str(fraction);
            out.extend(std::iter::repeat_n('0', precision - zeros - fraction.len()));
        }
    }
}

/// Sign, mantissa and the exponent of its last bit, with the bits that the kind has after the point.
fn parts(value: f64, kind: FloatKind) -> (bool, u64, i32, u32) {
    let (bits, fraction, bias) = match kind {
        FloatKind::Float64 => (value.to_bits(), 52, 1023),
        #[expect(clippy::cast_possible_truncation, reason = "the float is one of 32 bits")]
        FloatKind::Float32 => (u64::from((value as f32).to_bits()), 23, 127),
    };
    let mantissa = bits & ((1 << fraction) - 1);
    let mask = if fraction == 52 { 0x7ff } else { 0xff };
    let exponent = as_i32(usize::try_from(bits >> fraction & mask).unwrap_or(0));
    match exponent {
        0 => (value.is_sign_negative(), mantissa, 1 - bias, fraction),
        _ => (value.is_sign_negative(), mantissa | 1 << fraction, exponent - bias, fraction),
    }
}

fn binary(value: f64, kind: FloatKind) -> String {
    let (negative, mantissa, exponent, fraction) = parts(value, kind);
    let exponent = exponent - as_i32(fraction as usize);
    format!("{}{mantissa}p{exponent:+}", if negative { "-" } else { "" })
}

fn hexadecimal(value: f64, precision: Option<usize>, kind: FloatKind) -> String {
    let (negative, mut mantissa, mut exponent, fraction) = parts(value, kind);
    // The leading one stands at bit 60, and the fifteen digits after the point below it.
    mantissa <<= 60 - fraction;
    if mantissa == 0 {
        exponent = 0;
    } else {
        let shift = mantissa.leading_zeros() - 3;
        mantissa <<= shift;
        exponent -= as_i32(shift as usize);
    }
    if let Some(precision) = precision.filter(|it| *it < 15) {
        let shift = u32::try_from(precision * 4).unwrap_or(0);
        let extra = mantissa << shift & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        if extra | mantissa & 1 > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & 1 << 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut out = format!("{}0x{}", if negative { "-" } else { "" }, mantissa >> 60 & 1);
    mantissa <<= 4;
    let digit =
        |mantissa: u64| char::from_digit(u32::try_from(mantissa >> 60).unwrap_or(0), 16).unwrap_or('0');
    match precision {
        None if mantissa != 0 => {
            out.push('.');
            while mantissa != 0 {
                out.push(digit(mantissa));
                mantissa <<= 4;
            }
        }
        Some(precision) if precision > 0 => {
            out.push('.');
            for _ in 0..precision {
                out.push(digit(mantissa));
                mantissa <<= 4;
            }
        }
        _ => (),
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    _ = write!(out, "p{sign}{:02}", exponent.abs());
    out
}
