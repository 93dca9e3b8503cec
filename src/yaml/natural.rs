//! The order that go-yaml prints keys in: letters after all else, runs of digits by their number.

mod unicode;

use std::cmp::Ordering;

use self::unicode::{is_digit, is_letter};
use super::Version;

/// Compares two keys as go-yaml does.
///
/// In v2 this is no order in the mathematical sense: `a20` stands before `a100`, `a100` before `a1b`, and `a1b` before
/// `a20`. The original prints such keys in an order that depends on chance; the emitter prints them in one of those.
pub fn compare(version: Version, a: &str, b: &str) -> Ordering {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let (Some(&byte_a), Some(&byte_b)) = (a.as_bytes().get(same), b.as_bytes().get(same)) else {
        return a.len().cmp(&b.len());
    };
    // The common case needs neither numbers nor what stands before.
    if byte_a.is_ascii_alphabetic() && byte_b.is_ascii_alphabetic() {
        return byte_a.cmp(&byte_b);
    }
    let start = (0..=same).rev().find(|at| a.is_char_boundary(*at)).unwrap_or(0);
    let (before, rest_a) = a.split_at_checked(start).unwrap_or(("", a));
    let rest_b = b.get(start..).unwrap_or(b);
    differing(version, before, rest_a, rest_b)
}

/// Compares from the first character that differs; `before` is what both begin with.
fn differing(version: Version, before: &str, a: &str, b: &str) -> Ordering {
    let (Some(first_a), Some(first_b)) = (a.chars().next(), b.chars().next()) else {
        return a.len().cmp(&b.len());
    };
    match (is_letter(first_a), is_letter(first_b)) {
        (true, true) => return first_a.cmp(&first_b),
        (false, false) => (),
        (a_is_letter, _) => {
            // v3 puts the longer number behind the letter: `a1b` before `a10`.
            let number_goes_on = version == Version::V3 && before.chars().next_back().is_some_and(is_digit);
            return if a_is_letter == number_goes_on { Ordering::Less } else { Ordering::Greater };
        }
    }
    // A zero inside a number is a digit like any other, a leading one is not: whatever stands before it counts as 1.
    let mut start = 0;
    if first_a == '0' || first_b == '0' {
        let digits = before.chars().rev().take_while(|c| is_digit(*c));
        start = i64::from(digits.into_iter().any(|c| c != '0'));
    }
    let ((number_a, length_a), (number_b, length_b)) = (number(start, a), number(start, b));
    number_a.cmp(&number_b).then(length_a.cmp(&length_b)).then(first_a.cmp(&first_b))
}

/// The number that `text` begins with, wrapping as Go's integers do, and how many digits it has.
fn number(start: i64, text: &str) -> (i64, usize) {
    let digits = text.chars().take_while(|c| is_digit(*c));
    digits.fold((start, 0), |(value, length), digit| {
        let digit = i64::from(u32::from(digit)) - i64::from(u32::from('0'));
        (value.wrapping_mul(10).wrapping_add(digit), length + 1)
    })
}

/// Sorts `items` by the key that `key` finds in them, whatever [`compare`] says: it ends and never panics, which the
/// sorts of the standard library do not promise for what is no order.
pub fn sort<T: Copy>(version: Version, items: &mut [T], key: impl Fn(&T) -> &str + Copy) {
    if items.len() <= 20 {
        insertion_sort(version, items, key);
        return;
    }
    let sorted = items.is_sorted_by(|a, b| compare(version, key(a), key(b)) != Ordering::Greater);
    if sorted {
        return;
    }
    let (low, high) = items.split_at_mut(items.len() / 2);
    sort(version, low, key);
    sort(version, high, key);
    let merged = merge(version, low, high, key);
    items.copy_from_slice(&merged);
}

fn insertion_sort<T: Copy>(version: Version, items: &mut [T], key: impl Fn(&T) -> &str) {
    for end in 1..items.len() {
        for at in (1..=end).rev() {
            let [a, b] = [at - 1, at].map(|at| items.get(at).map(&key));
            let (Some(a), Some(b)) = (a, b) else { break };
            if compare(version, a, b) != Ordering::Greater {
                break;
            }
            items.swap(at - 1, at);
        }
    }
}

fn merge<T: Copy>(version: Version, low: &[T], high: &[T], key: impl Fn(&T) -> &str) -> Vec<T> {
    let mut merged = Vec::with_capacity(low.len() + high.len());
    let (mut low, mut high) = (low.iter().peekable(), high.iter().peekable());
    while let (Some(a), Some(b)) = (low.peek(), high.peek()) {
        let greater = compare(version, key(a), key(b)) == Ordering::Greater;
        merged.extend(if greater { high.next() } else { low.next() });
    }
    merged.extend(low);
    merged.extend(high);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(version: Version, sorted: &str) {
        let sorted: Vec<&str> = sorted.split(' ').collect();
        for (at, a) in sorted.iter().enumerate() {
            for b in sorted.iter().skip(at + 1) {
                assert_eq!(compare(version, a, b), Ordering::Less, "{a} {b}");
                assert_eq!(compare(version, b, a), Ordering::Greater, "{b} {a}");
            }
            assert_eq!(compare(version, a, a), Ordering::Equal);
        }
        let mut shuffled: Vec<&str> = sorted.iter().rev().copied().collect();
        sort(version, &mut shuffled, |key| key);
        assert_eq!(shuffled, sorted);
    }

    #[test]
    fn natural_order() {
        check(Version::V2, "- _x 0 00 1 01 002 9 10 A Z a a- a0 a1 a01 a9 a10 a10b b é");
        check(Version::V2, "k9 k10 k10x k11");
        check(Version::V3, "k1x k9 k10 k10x k11");
        check(Version::V2, "1 1.5 1_ 10 100 1a");
    }

    #[test]
    fn what_is_no_order_does_not_panic() {
        let keys: Vec<String> = (0..400).map(|n| format!("a{}{}", n % 37, ["", "b", "0"][n % 3])).collect();
        let mut items: Vec<&str> = keys.iter().map(String::as_str).collect();
        sort(Version::V2, &mut items, |key| key);
        assert_eq!(items.len(), 400);
    }
}
