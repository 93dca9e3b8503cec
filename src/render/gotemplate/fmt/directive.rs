//! The format string: flags, argument indexes, width, precision, verb.

use super::printer::Printer;
use crate::render::gotemplate::{strconv::decode, value::Value};

/// Width and precision end here; a larger number is none.
const LARGEST: i64 = 1_000_000;

/// Where the reader of a format string stands.
struct Reader<'a> {
    format: &'a [u8],
    at: usize,
    args: &'a [Value],
    /// The argument that is next.
    next: usize,
    /// Whether an index in brackets was used anywhere, so that unused arguments are no mistake.
    reordered: bool,
    /// Whether the indexes of this directive name arguments that are there.
    good: bool,
}

/// Formats everything.
pub(super) fn run(printer: &mut Printer<'_>, format: &[u8], args: &[Value]) {
    let mut reader = Reader { format, at: 0, args, next: 0, reordered: false, good: true };
    while let Some(rest) = reader.format.get(reader.at..).filter(|it| !it.is_empty()) {
        let text = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
        printer.bytes(rest.get(..text).unwrap_or(&[]));
        reader.at += text;
        if text == rest.len() || printer.stopped() {
            break;
        }
        reader.at += 1;
        if !reader.directive(printer) {
            printer.bytes(b"%!(NOVERB)");
            break;
        }
    }
    if reader.reordered || reader.next >= args.len() {
        return;
    }
    printer.clear_flags();
    printer.bytes(b"%!(EXTRA ");
    for (at, arg) in args.iter().skip(reader.next).enumerate() {
        if at > 0 {
            printer.bytes(b", ");
        }
        printer.typed(arg);
    }
    printer.byte(b')');
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// Reads and prints one directive; false where the format ends before its verb.
    fn directive(&mut self, printer: &mut Printer<'_>) -> bool {
        self.good = true;
        printer.clear_flags();
        while let Some(byte) = self.peek() {
            let flags = &mut printer.flags;
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        let mut after_index = self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            let width = self.number_argument();
            if width.is_none() {
                printer.bytes(b"%!(BADWIDTH)");
            }
            if width.is_some_and(|it| it < 0) {
                printer.flags.minus = true;
                printer.flags.zero = false;
            }
            printer.flags.width = width.map(|it| usize::try_from(it.abs()).unwrap_or(0));
            after_index = false;
        } else {
            printer.flags.width = self.digits(self.format.len());
            if after_index && printer.flags.width.is_some() {
                self.good = false;
            }
        }
        if self.peek() == Some(b'.') && self.at + 1 < self.format.len() {
            self.at += 1;
            if after_index {
                self.good = false;
            }
            after_index = self.index();
            if self.peek() == Some(b'*') {
                self.at += 1;
                let precision = self.number_argument().and_then(|it| usize::try_from(it).ok());
                if precision.is_none() {
                    printer.bytes(b"%!(BADPREC)");
                }
                printer.flags.precision = precision;
                after_index = false;
            } else {
                printer.flags.precision = Some(self.digits(self.format.len()).unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
        let rest = self.format.get(self.at..).unwrap_or(&[]);
        let (rune, width) = decode(rest);
        if width == 0 {
            return false;
        }
        self.at += width;
        let verb = char::from_u32(rune).unwrap_or(char::REPLACEMENT_CHARACTER);
        if verb == '%' {
            printer.byte(b'%');
        } else if !self.good {
            printer.complain(verb, b"(BADINDEX)");
        } else if let Some(arg) = self.args.get(self.next) {
            if matches!(verb, 'v' | 'w') {
                let flags = &mut printer.flags;
                flags.sharp_v = std::mem::take(&mut flags.sharp);
                flags.plus_v = std::mem::take(&mut flags.plus);
            }
            printer.print_arg(arg, verb);
            self.next += 1;
        } else {
            printer.complain(verb, b"(MISSING)");
        }
        true
    }

    /// Reads `[3]`, and whether there was a number in brackets.
    fn index(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let rest = self.format.get(self.at..).unwrap_or(&[]);
        let close = rest.iter().position(|byte| *byte == b']').filter(|_| rest.len() >= 3);
        let Some(close) = close else {
            self.good = false;
            self.at += 1;
            return false;
        };
        let end = self.at + close;
        self.at += 1;
        let number = self.digits(end).filter(|_| self.at == end);
        self.at = end + 1;
        match number.and_then(|it| it.checked_sub(1)) {
            Some(index) if index < self.args.len() => {
                self.next = index;
                true
            }
            _ => {
                self.good = false;
                number.is_some()
            }
        }
    }

    /// Reads decimal digits before `end`. A number that is too large is none, and takes all there is.
    fn digits(&mut self, end: usize) -> Option<usize> {
        let mut number = None;
        while self.at < end
            && let Some(digit) = self.peek().filter(u8::is_ascii_digit)
        {
            let so_far = number.unwrap_or(0);
            if so_far > LARGEST {
                self.at = end;
                return None;
            }
            number = Some(so_far * 10 + i64::from(digit - b'0'));
            self.at += 1;
        }
        number.and_then(|it| usize::try_from(it).ok())
    }

    /// Takes the next argument as a width or precision.
    fn number_argument(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        let number = match arg.plain() {
            Value::Int(number, _) => number,
            Value::Uint(number, _) => i64::try_from(number).ok()?,
            _ => return None,
        };
        (-LARGEST..=LARGEST).contains(&number).then_some(number)
    }
}
