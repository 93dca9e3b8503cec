//! Quantities (`500m`, `1.5Gi`) as the API machinery writes them again (`resource.Quantity`).

/// The text is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quantity")]
pub struct NotAQuantity(String);

/// The canonical text: no fraction, the largest suffix that needs none.
///
/// Some texts that are canonical at a glance are kept as they are, the sign and leading zeros included, as the
/// original caches them.
///
/// ```
/// use airlock::object::normalize::canonical_quantity;
/// for (text, canonical) in [("0.5", "500m"), ("1000m", "1"), ("1536Mi", "1536Mi"), ("1.5Gi", "1536Mi"), ("1e3", "1e3")] {
///     assert_eq!(canonical_quantity(text).unwrap(), canonical);
/// }
/// ```
///
/// # Errors
/// Where it is not digits, a point and a suffix that is known.
pub fn canonical_quantity(text: &str) -> Result<String, NotAQuantity> {
    // The original trims what stands between the quotes.
    let text = text.trim();
    parse(text)
        .map(|quantity| quantity.print(text))
        .ok_or_else(|| NotAQuantity(text.chars().take(80).collect()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    DecimalExponent,
    Binary,
    Decimal,
}

/// `digits` × 10^`exponent`, most significant digit first, none in front that is zero.
struct Quantity {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
    form: Form,
    /// The original keeps the text.
    keep: bool,
}

/// 2^63 − 1, the most that a binary quantity can be.
const MOST: &[u8; 19] = b"9223372036854775807";

fn parse(text: &str) -> Option<Quantity> {
    if text.is_empty() {
        return None;
    }
    let negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text).trim_start_matches('0');
    let (whole, rest) = split_digits(unsigned);
    let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), split_digits);
    check_suffix(suffix)?;
    let (exponent, form) = interpret(suffix)?;
    let shifted: Vec<u8> = if whole.is_empty() { b"0".iter() } else { whole.as_bytes().iter() }
        .chain(fraction.as_bytes())
        .copied()
        .collect();
    let places = i64::try_from(fraction.len()).ok()?;
    // What the original can do in 64 bits it does there, and there alone it keeps texts.
    let width = i64::try_from(shifted.len()).ok()?;
    let zeros = shifted.ends_with(b"000");
    let value = |digits: &[u8]| {
        digits.iter().fold(0_u64, |sum, d| sum.wrapping_mul(10).wrapping_add(u64::from(d - b'0')))
    };
    let keep = match form {
        Form::Binary => {
            // `exponent` is of 2 here, and of it the original counts three bits to a digit.
            places == 0 && 15 - width - exponent * 3 / 10 > 0 && value(&shifted) & 7 != 0
        }
        _ => {
            let scale = exponent - places;
            18 - width >= 0 && scale >= -9 && scale % 3 == 0 && !zeros && shifted.first() != Some(&b'0')
        }
    };
    let mut digits = shifted;
    let mut decimal = -places;
    if form == Form::Binary {
        multiply(&mut digits, 1 << exponent);
    } else {
        decimal += exponent;
    }
    trim(&mut digits);
    let mut quantity = Quantity { negative, digits, exponent: decimal, form, keep };
    quantity.round_up(-9);
    if quantity.form == Form::Binary {
        quantity.cap();
    }
    Some(quantity)
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// Letters, then a sign, then digits.
fn check_suffix(suffix: &str) -> Option<()> {
    let rest = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    rest.bytes().all(|c| c.is_ascii_digit()).then_some(())
}

fn interpret(suffix: &str) -> Option<(i64, Form)> {
    Some(match suffix {
        "n" => (-9, Form::Decimal),
        "u" => (-6, Form::Decimal),
        "m" => (-3, Form::Decimal),
        "" => (0, Form::Decimal),
        "k" => (3, Form::Decimal),
        "M" => (6, Form::Decimal),
        "G" => (9, Form::Decimal),
        "T" => (12, Form::Decimal),
        "P" => (15, Form::Decimal),
        "E" => (18, Form::Decimal),
        "Ki" => (10, Form::Binary),
        "Mi" => (20, Form::Binary),
        "Gi" => (30, Form::Binary),
        "Ti" => (40, Form::Binary),
        "Pi" => (50, Form::Binary),
        "Ei" => (60, Form::Binary),
        // The original takes exponents of any size, and then needs as much memory; nobody means those.
        _ => {
            let exponent: i16 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            (exponent.into(), Form::DecimalExponent)
        }
    })
}

fn multiply(digits: &mut Vec<u8>, factor: u64) {
    let mut carry = 0_u128;
    for digit in digits.iter_mut().rev() {
        let product = u128::from(*digit - b'0') * u128::from(factor) + carry;
        *digit = ascii(product % 10);
        carry = product / 10;
    }
    while carry > 0 {
        digits.insert(0, ascii(carry % 10));
        carry /= 10;
    }
}

fn ascii(digit: u128) -> u8 {
    b'0' + u8::try_from(digit).unwrap_or(0)
}

fn trim(digits: &mut Vec<u8>) {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.drain(..zeros);
}

impl Quantity {
    /// Away from zero, to a multiple of 10^`least`.
    fn round_up(&mut self, least: i64) -> bool {
        let Ok(surplus) = usize::try_from(least - self.exponent) else { return true };
        if self.digits.is_empty() {
            self.exponent = self.exponent.max(least);
            return true;
        }
        let kept = self.digits.len().saturating_sub(surplus);
        let exact = surplus <= self.digits.len() && self.digits.iter().skip(kept).all(|digit| *digit == b'0');
        self.digits.truncate(kept);
        if !exact {
            for digit in self.digits.iter_mut().rev() {
                if *digit == b'9' {
                    *digit = b'0';
                } else {
                    *digit += 1;
                    self.exponent = least;
                    return false;
                }
            }
            self.digits.insert(0, b'1');
        }
        self.exponent = least;
        exact
    }

    /// A binary quantity has its limits: at most 2^63 − 1, and below 1 it is none.
    fn cap(&mut self) {
        let point = i64::try_from(self.digits.len()).unwrap_or(i64::MAX) + self.exponent;
        let whole: Vec<u8> = self.digits.iter().take(usize::try_from(point).unwrap_or(0)).copied().collect();
        let fraction = self.digits.iter().skip(whole.len()).any(|digit| *digit != b'0');
        let above = point > 19
            || (point == 19
                && (whole.as_slice() > MOST.as_slice() || (whole.as_slice() == MOST.as_slice() && fraction)));
        if above {
            self.digits = MOST.to_vec();
            self.exponent = 0;
        }
        if !self.digits.is_empty() && point <= 0 {
            self.form = Form::Decimal;
        }
    }

    fn print(mut self, text: &str) -> String {
        if self.keep {
            return text.to_owned();
        }
        if self.digits.iter().all(|digit| *digit == b'0') {
            return "0".to_owned();
        }
        let sign = if self.negative { "-" } else { "" };
        if self.form == Form::Binary
            && let Some(value) = self.whole()
            && value >= 1024
        {
            let (mut value, mut times) = (value, 0_usize);
            while value % 1024 == 0 {
                value /= 1024;
                times += 1;
            }
            let suffix = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].get(times).copied().unwrap_or("");
            return format!("{sign}{value}{suffix}");
        }
        while self.digits.len() > 1 && self.digits.last() == Some(&b'0') {
            self.digits.pop();
            self.exponent += 1;
        }
        while self.exponent % 3 != 0 {
            self.digits.push(b'0');
            self.exponent -= 1;
        }
        let suffix = match (self.form, self.exponent) {
            (_, 0) => String::new(),
            (Form::DecimalExponent, exponent) => format!("e{exponent}"),
            // The original knows no suffix beyond these, and prints none.
            (_, exponent) => {
                let known = [
                    (-9, "n"),
                    (-6, "u"),
                    (-3, "m"),
                    (3, "k"),
                    (6, "M"),
                    (9, "G"),
                    (12, "T"),
                    (15, "P"),
                    (18, "E"),
                ];
                known.iter().find(|(at, _)| *at == exponent).map_or("", |(_, suffix)| suffix).to_owned()
            }
        };
        let digits: String = self.digits.iter().map(|digit| char::from(*digit)).collect();
        format!("{sign}{digits}{suffix}")
    }

    /// The value as an integer, where it is one; only asked of binary quantities, which are capped.
    fn whole(&self) -> Option<u64> {
        let point = i64::try_from(self.digits.len()).ok()? + self.exponent;
        let point = usize::try_from(point).ok()?;
        if point > 19 || self.digits.iter().skip(point).any(|digit| *digit != b'0') {
            return None;
        }
        let mut digits = self.digits.iter().copied().chain(std::iter::repeat(b'0')).take(point);
        digits.try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
    }
}
