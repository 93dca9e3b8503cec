//! Flags, padding, and the forms of numbers and strings.

use super::printer::Printer;
use crate::render::gotemplate::{
    strconv::{self, FloatFormat, RUNE_ERROR, append_rune, decode, format_float, rune_count},
    value::FloatKind,
};

/// The flags, width and precision of one directive.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`, which is another format than `%v` with a plus.
    pub(super) plus_v: bool,
    /// `%#v`.
    pub(super) sharp_v: bool,
}

impl Printer<'_> {
    fn padding(&mut self, count: usize) {
        let byte = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.repeat(byte, count);
    }

    /// Writes text, filled up to the width.
    pub(super) fn pad(&mut self, text: &[u8]) {
        let Some(width) = self.flags.width.filter(|it| *it > 0) else { return self.bytes(text) };
        let missing = width.saturating_sub(rune_count(text));
        if self.flags.minus {
            self.bytes(text);
            self.padding(missing);
        } else {
            self.padding(missing);
            self.bytes(text);
        }
    }

    /// [`pad`](Self::pad) with spaces whatever the flags say.
    fn pad_with_spaces(&mut self, text: &[u8]) {
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(text);
        self.flags.zero = zero;
    }

    /// An integer in a base. `verb` matters for `%O` alone.
    pub(super) fn integer(&mut self, magnitude: u64, negative: bool, base: u64, verb: char, upper: bool) {
        let flags = self.flags;
        let mut least = 0;
        match flags.precision {
            Some(0) if magnitude == 0 => {
                // Nothing, but as wide as asked for.
                self.repeat(b' ', flags.width.unwrap_or(0));
                return;
            }
            Some(precision) => least = precision,
            None if flags.zero && !flags.minus => {
                let sign = usize::from(negative || flags.plus || flags.space);
                least = flags.width.unwrap_or(0).saturating_sub(sign);
            }
            None => (),
        }
        let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
        let mut reversed = Vec::with_capacity(24);
        let mut left = magnitude;
        loop {
            let digit = usize::try_from(left % base).unwrap_or(0);
            reversed.push(digits.get(digit).copied().unwrap_or(b'0'));
            left /= base;
            if left == 0 {
                break;
            }
        }
        if reversed.len() < least {
            if self.is_too_much(least) {
                return;
            }
            reversed.resize(least, b'0');
        }
        if flags.sharp {
            match base {
                2 => reversed.extend_from_slice(b"b0"),
                8 if reversed.last() != Some(&b'0') => reversed.push(b'0'),
                16 => reversed.extend_from_slice(if upper { b"X0" } else { b"x0" }),
                _ => (),
            }
        }
        if verb == 'O' {
            reversed.extend_from_slice(b"o0");
        }
        if negative {
            reversed.push(b'-');
        } else if flags.plus {
            reversed.push(b'+');
        } else if flags.space {
            reversed.push(b' ');
        }
        reversed.reverse();
        self.pad_with_spaces(&reversed);
    }

    /// `0x…` whatever the flags say.
    pub(super) fn hexadecimal(&mut self, number: u64, prefix: bool) {
        let sharp = std::mem::replace(&mut self.flags.sharp, prefix);
        self.integer(number, false, 16, 'v', false);
        self.flags.sharp = sharp;
    }

    /// `%U`.
    pub(super) fn unicode(&mut self, number: u64) {
        let precision = self.flags.precision.unwrap_or(0).max(4);
        if self.is_too_much(precision) {
            return;
        }
        let mut text =
            format!("U+{number:0precision$X}", precision = precision.min(usize::from(u16::MAX))).into_bytes();
        // Rust's own width ends at 16 bits.
        let missing = (precision + 2).saturating_sub(text.len());
        text.splice(2..2, std::iter::repeat_n(b'0', missing));
        if self.flags.sharp
            && let Some(rune) = u32::try_from(number).ok().filter(|it| char::from_u32(*it).is_some())
            && strconv::is_print(rune)
        {
            text.extend_from_slice(b" '");
            append_rune(&mut text, rune);
            text.push(b'\'');
        }
        self.pad_with_spaces(&text);
    }

    /// `%c`.
    pub(super) fn character(&mut self, number: u64) {
        let mut text = Vec::new();
        append_rune(&mut text, u32::try_from(number).unwrap_or(RUNE_ERROR));
        self.pad(&text);
    }

    /// `%q` of an integer.
    pub(super) fn quoted_character(&mut self, number: u64) {
        let rune = u32::try_from(number).unwrap_or(RUNE_ERROR);
        let text =
            if self.flags.plus { strconv::quote_rune_to_ascii(rune) } else { strconv::quote_rune(rune) };
        self.pad(&text);
    }

    fn truncate<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(precision) = self.flags.precision else { return text };
        let mut at = 0;
        for _ in 0..precision {
            match text.get(at..).map(decode) {
                Some((_, width)) if width > 0 => at += width,
                _ => return text,
            }
        }
        text.get(..at).unwrap_or(text)
    }

    /// `%s`.
    pub(super) fn string(&mut self, text: &[u8]) {
        self.pad(self.truncate(text));
    }

    /// `%q` of a string.
    pub(super) fn quoted(&mut self, text: &[u8]) {
        let text = self.truncate(text);
        if self.flags.sharp && strconv::can_backquote(text) {
            self.pad(&[b"`", text, b"`"].concat());
        } else {
            self.pad(&strconv::quote_bytes(text, b'"', self.flags.plus));
        }
    }

    /// `%x` of a string or bytes.
    pub(super) fn hexadecimal_bytes(&mut self, text: &[u8], upper: bool) {
        let flags = self.flags;
        let text = text.get(..flags.precision.unwrap_or(text.len())).unwrap_or(text);
        if text.is_empty() {
            return self.padding(flags.width.unwrap_or(0));
        }
        let mut width = 2 * text.len();
        if flags.space {
            width = width * if flags.sharp { 2 } else { 1 } + text.len() - 1;
        } else if flags.sharp {
            width += 2;
        }
        let missing = flags.width.unwrap_or(0).saturating_sub(width);
        if !flags.minus {
            self.padding(missing);
        }
        for (at, byte) in text.iter().enumerate() {
            if flags.space && at > 0 {
                self.byte(b' ');
            }
            if flags.sharp && (flags.space || at == 0) {
                self.bytes(if upper { b"0X" } else { b"0x" });
            }
            let pair = if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
            self.bytes(pair.as_bytes());
        }
        if flags.minus {
            self.padding(missing);
        }
    }

    /// A float under a verb that there is for floats.
    pub(super) fn float(&mut self, number: f64, kind: FloatKind, verb: char, default: Option<usize>) {
        let flags = self.flags;
        let precision = flags.precision.or(default);
        if self.is_too_much(precision.unwrap_or(0)) {
            return;
        }
        let format = match verb {
            'b' => FloatFormat::Binary,
            'e' | 'E' => FloatFormat::Exponent { upper: verb == 'E' },
            'f' => FloatFormat::Plain,
            'x' | 'X' => FloatFormat::Hexadecimal { upper: verb == 'X' },
            _ => FloatFormat::General { upper: verb == 'G' },
        };
        let text = format_float(number, format, precision, kind);
        let (mut sign, mut text) = match text.as_bytes() {
            [sign @ (b'+' | b'-'), rest @ ..] => (*sign, rest.to_vec()),
            rest => (b'+', rest.to_vec()),
        };
        if flags.space && sign == b'+' && !flags.plus {
            sign = b' ';
        }
        let signed = flags.plus || sign != b'+';
        if text.starts_with(b"I") || text.starts_with(b"N") {
            // Zeros in front would make no number of it. Infinity always has a sign, NaN where one is asked for.
            if text.starts_with(b"I") || flags.space || flags.plus {
                text.insert(0, sign);
            }
            return self.pad_with_spaces(&text);
        }
        if flags.sharp && verb != 'b' {
            keep_zeros(&mut text, verb, precision);
        }
        if !signed {
            return self.pad(&text);
        }
        let width = flags.width.unwrap_or(0);
        if flags.zero && !flags.minus && width > text.len() + 1 {
            self.byte(sign);
            self.padding(width - text.len() - 1);
            return self.bytes(&text);
        }
        text.insert(0, sign);
        self.pad(&text);
    }
}

/// The `#` flag: a point in any case, and the zeros that `%g` leaves out.
fn keep_zeros(text: &mut Vec<u8>, verb: char, precision: Option<usize>) {
    let hexadecimal = matches!(verb, 'x' | 'X');
    let mut missing = match verb {
        'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let is_tail = |byte: &u8| matches!(byte, b'p' | b'P') || !hexadecimal && matches!(byte, b'e' | b'E');
    let tail = text.iter().position(is_tail).map_or_else(Vec::new, |at| text.split_off(at));
    let (mut point, mut significant) = (false, false);
    for byte in &*text {
        if *byte == b'.' {
            point = true;
            continue;
        }
        significant |= *byte != b'0';
        if significant {
            missing = missing.saturating_sub(1);
        }
    }
    if !point {
        // A lone zero is a digit too.
        if text == b"0" {
            missing = missing.saturating_sub(1);
        }
        text.push(b'.');
    }
    text.extend(std::iter::repeat_n(b'0', missing));
    text.extend(tail);
}
