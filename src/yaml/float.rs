//! Floating-point numbers as Go's `strconv` prints them: the shortest digits that read back as the same number.

/// `FormatFloat(value, 'g', -1, 64)` with the names that go-yaml gives to what is no number. This is how YAML has it.
pub fn push_general(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str(".nan");
    } else if value.is_infinite() {
        out.push_str(if value < 0.0 { "-.inf" } else { ".inf" });
    } else {
        let decimal = Decimal::of(value);
        if (-4..6).contains(&decimal.exponent) {
            decimal.push_plain(out)
        } else {
            decimal.push_exponent(out, 2)
        }
    }
}

/// How `encoding/json` prints a number: an exponent only below 1e-6 and from 1e21 on. `value` must be finite.
pub fn push_json(out: &mut String, value: f64) {
    let decimal = Decimal::of(value);
    // The original asks the number and not its digits; no shortest digits lie on the other side of such a border.
    if (-6..21).contains(&decimal.exponent) { decimal.push_plain(out) } else { decimal.push_exponent(out, 1) }
}

/// The shortest digits, without zeros at their end, with a point behind the first.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i32,
}

impl Decimal {
    fn of(value: f64) -> Self {
        let text = format!("{:e}", value.abs());
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mut digits = digits.replace('.', "");
        let exponent = exponent.parse().unwrap_or(0);
        if digits.len() >= TIE_DIGITS {
            settle_tie(value, &mut digits);
        }
        Self { negative: value.is_sign_negative(), digits, exponent }
    }

    /// `ddd.ddd`.
    fn push_plain(&self, out: &mut String) {
        if self.negative {
            out.push('-');
        }
        let zeros = |out: &mut String, count: usize| out.extend(std::iter::repeat_n('0', count));
        match usize::try_from(self.exponent) {
            Ok(exponent) => match self.digits.split_at_checked(exponent + 1) {
                Some((whole, fraction)) => {
                    out.push_str(whole);
                    if !fraction.is_empty() {
                        out.push('.');
                        out.push_str(fraction);
                    }
                }
                None => {
                    out.push_str(&self.digits);
                    zeros(out, exponent + 1 - self.digits.len());
                }
            },
            Err(_) => {
                out.push_str("0.");
                zeros(out, self.exponent.unsigned_abs() as usize - 1);
                out.push_str(&self.digits);
            }
        }
    }

    /// `d.ddde±xx`. Go pads the exponent to two digits; JSON takes a leading zero away again where it is negative.
    fn push_exponent(&self, out: &mut String, pad_negative: usize) {
        if self.negative {
            out.push('-');
        }
        let (first, rest) = self.digits.split_at_checked(1).unwrap_or((&self.digits, ""));
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        let (sign, pad) = if self.exponent < 0 { ('-', pad_negative) } else { ('+', 2) };
        let exponent = self.exponent.unsigned_abs();
        out.push_str(&format!("e{sign}{exponent:0pad$}"));
    }
}

/// Fewer digits cannot lie as near to a number as the ones beside them: they would be apart by more than its
/// neighbours are.
const TIE_DIGITS: usize = 16;

/// Two shortest texts may be equally near to a number: it lies half-way between them. Rust then takes the greater,
/// Go the even one.
fn settle_tie(value: f64, digits: &mut String) {
    // More digits than the nearest miss needs, so that what looks exact is.
    const EXACT: usize = 25;
    let count = digits.len();
    let exact = format!("{:.*e}", count + EXACT, value.abs()).replace('.', "");
    let Some((below, rest)) = exact.split_at_checked(count) else { return };
    let half = rest.starts_with('5') && rest.bytes().skip(1).take(EXACT).all(|digit| digit == b'0');
    let below_is_even = below.bytes().next_back().is_some_and(|digit| digit % 2 == 0);
    if half && below_is_even {
        digits.replace_range(.., below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, general: &str, json: &str) {
        let mut out = String::new();
        push_general(&mut out, value);
        assert_eq!(out, general);
        out.clear();
        push_json(&mut out, value);
        assert_eq!(out, json);
    }

    #[test]
    fn numbers_print_as_in_go() {
        check(0.0, "0", "0");
        check(-0.0, "-0", "-0");
        check(1.5, "1.5", "1.5");
        check(100.0, "100", "100");
        check(999_999.0, "999999", "999999");
        check(1e6, "1e+06", "1000000");
        check(1_234_567.5, "1.2345675e+06", "1234567.5");
        check(0.0001, "0.0001", "0.0001");
        check(0.00001, "1e-05", "0.00001");
        check(1e-7, "1e-07", "1e-7");
        check(1e20, "1e+20", "100000000000000000000");
        check(1e21, "1e+21", "1e+21");
        check(f64::MAX, "1.7976931348623157e+308", "1.7976931348623157e+308");
        check(5e-324, "5e-324", "5e-324");
        // Half-way between ….2 and ….3.
        check(-5_104_139_356_205_977.0 / 4.0, "-1.2760348390514942e+15", "-1276034839051494.2");
        check(f64::from_bits(0x4330_0000_0000_0001), "4.503599627370497e+15", "4503599627370497");
    }
}
