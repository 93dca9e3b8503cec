//! Durations as Go writes and reads them, since that is how Flux objects, Helm and their users spell them.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time, never negative: `5m`, `1h30m`, `750ms`.
///
/// ```
/// use airlock::duration::GoDuration;
/// assert_eq!("1h30m".parse::<GoDuration>().unwrap().to_string(), "1h30m0s");
/// assert!("5 minutes".parse::<GoDuration>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoDuration(pub Duration);

impl GoDuration {
    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for GoDuration {
    type Err = String;

    /// Reads what Go's `time.ParseDuration` reads, a sign excepted.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{}` is not a duration such as 5m or 1h30m", text.chars().take(40).collect::<String>())
        };
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let mut rest = text;
        let mut total: u128 = 0;
        while !rest.is_empty() {
            let digits =
                |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (whole, after) = rest.split_at(digits(rest));
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => after.split_at(digits(after)),
                None => ("", after),
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(wrong());
            }
            let unit_len = after.len() - after.trim_start_matches(|c: char| c.is_alphabetic()).len();
            let (unit, after) = after.split_at(unit_len);
            let nanos: u128 = match unit {
                "ns" => 1,
                "us" | "µs" | "μs" => 1_000,
                "ms" => 1_000_000,
                "s" => 1_000_000_000,
                "m" => 60_000_000_000,
                "h" => 3_600_000_000_000,
                _ => return Err(wrong()),
            };
            // Go keeps 63 bits of nanoseconds; 19 digits are more than that.
            if whole.len() > 19 {
                return Err(wrong());
            }
            let number = |digits: &str| if digits.is_empty() { Ok(0) } else { digits.parse::<u128>() };
            let fraction: String = fraction.chars().take(18).collect();
            let scale = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
            total += number(whole).map_err(|_| wrong())? * nanos;
            total += number(&fraction).map_err(|_| wrong())? * nanos / scale;
            rest = after;
        }
        match u64::try_from(total) {
            Ok(nanos) if i64::try_from(nanos).is_ok() && !text.is_empty() => {
                Ok(Self(Duration::from_nanos(nanos)))
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for GoDuration {
    /// Writes what Go's `Duration.String` writes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let fraction = |value: u128, unit: u128, width: usize| {
            let rest = format!("{:0width$}", value % unit);
            let rest = rest.trim_end_matches('0');
            if rest.is_empty() { String::new() } else { format!(".{rest}") }
        };
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write!(f, "{}{}µs", nanos / 1_000, fraction(nanos, 1_000, 3)),
            1_000_000..1_000_000_000 => write!(f, "{}{}ms", nanos / 1_000_000, fraction(nanos, 1_000_000, 6)),
            _ => {
                let seconds = nanos / 1_000_000_000;
                let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if seconds >= 60 {
                    write!(f, "{minutes}m")?;
                }
                write!(f, "{}{}s", seconds % 60, fraction(nanos, 1_000_000_000, 9))
            }
        }
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_as_go_does() {
        // Right column: printed by Go's `time.ParseDuration(left)`; `-` where it refuses.
        for (text, expect) in [
            ("0", "0s"),
            ("5m", "5m0s"),
            ("90s", "1m30s"),
            ("1h", "1h0m0s"),
            ("1h30m5.5s", "1h30m5.5s"),
            ("750ms", "750ms"),
            ("1.5us", "1.5µs"),
            ("1500ns", "1.5µs"),
            ("7ns", "7ns"),
            (".5s", "500ms"),
            ("1.s", "1s"),
            ("2562047h", "2562047h0m0s"),
            ("2562048h", "-"),
            ("", "-"),
            ("5", "-"),
            (".s", "-"),
            ("5 m", "-"),
            ("5d", "-"),
            ("m", "-"),
        ] {
            let printed = text.parse::<GoDuration>().map_or_else(|_| "-".to_owned(), |it| it.to_string());
            assert_eq!(printed, expect, "{text}");
        }
    }
}
