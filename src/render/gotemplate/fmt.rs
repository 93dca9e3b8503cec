//! Go's `fmt`: `Sprint`, `Sprintln` and `Sprintf` over [`Value`]s.
//!
//! Addresses are the one thing that cannot be as the original prints them; all are [`ADDRESS`].

mod directive;
mod form;
mod printer;

use super::{
    budget::Exhausted,
    function::Failure,
    value::{Kind, Value},
};
use crate::limits;
use printer::Printer;

/// What stands for every address, so that the same input gives the same output.
pub const ADDRESS: u64 = 0xc0_0001_0000;

/// `fmt.Sprint`: a space stands between two operands where neither is a string.
///
/// # Errors
/// When a value lies too deep, or the text grows beyond every budget.
pub fn sprint(args: &[Value]) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    print(&mut out, args, limits::TEMPLATE_BYTES)?;
    Ok(out)
}

/// `fmt.Sprintln`: spaces between all operands, and a newline.
///
/// # Errors
/// As [`sprint`].
pub fn sprintln(args: &[Value]) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    println(&mut out, args, limits::TEMPLATE_BYTES)?;
    Ok(out)
}

/// `fmt.Sprintf`. Whatever does not fit is said in the text, as `%!d(string=x)`.
///
/// # Errors
/// As [`sprint`].
pub fn sprintf(format: &[u8], args: &[Value]) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    printf(&mut out, format, args, limits::TEMPLATE_BYTES)?;
    Ok(out)
}

/// [`sprint`] to the end of a buffer, at most `room` bytes.
pub(super) fn print(out: &mut Vec<u8>, args: &[Value], room: u64) -> Result<(), Failure> {
    print_by(Printer::new(out, room), args)
}

/// [`print()`] as templates print values of their own: a pointer that has no method is followed first.
pub(super) fn print_followed(out: &mut Vec<u8>, args: &[Value], room: u64) -> Result<(), Failure> {
    let mut printer = Printer::new(out, room);
    printer.follows = true;
    print_by(printer, args)
}

fn print_by(mut printer: Printer<'_>, args: &[Value]) -> Result<(), Failure> {
    let mut after_string = false;
    for (at, arg) in args.iter().enumerate() {
        let is_string = arg.kind() == Kind::String;
        if at > 0 && !is_string && !after_string {
            printer.byte(b' ');
        }
        printer.print_arg(arg, 'v');
        after_string = is_string;
    }
    printer.finish()
}

/// [`sprintln`] to the end of a buffer.
pub(super) fn println(out: &mut Vec<u8>, args: &[Value], room: u64) -> Result<(), Failure> {
    let mut printer = Printer::new(out, room);
    for (at, arg) in args.iter().enumerate() {
        if at > 0 {
            printer.byte(b' ');
        }
        printer.print_arg(arg, 'v');
    }
    printer.byte(b'\n');
    printer.finish()
}

/// [`sprintf`] to the end of a buffer.
pub(super) fn printf(out: &mut Vec<u8>, format: &[u8], args: &[Value], room: u64) -> Result<(), Failure> {
    let mut printer = Printer::new(out, room);
    directive::run(&mut printer, format, args);
    printer.finish()
}

/// Why printing stopped.
#[derive(Clone, Copy, Debug)]
enum Stop {
    Room(u64),
    Depth,
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Room(room) => Self::Exhausted(Exhausted::Bytes(room)),
            Stop::Depth => {
                Self::Message(format!("a value lies more than {} deep", limits::TEMPLATE_PRINT_DEPTH))
            }
        }
    }
}
