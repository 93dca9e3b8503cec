//! What the user sees. Data goes to standard output, everything else to standard error; colour never says anything
//! that words do not.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::fault::Report;

/// The form of what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Where a command writes, and how.
pub(super) struct Output {
    format: Format,
    colour: bool,
}

impl Output {
    /// Writes in that format; with colour only to a terminal whose user did not refuse it (`NO_COLOR`).
    pub(super) fn new(format: Format, no_colour: bool) -> Self {
        Self { format, colour: !no_colour && io::stderr().is_terminal() }
    }

    /// Writes data: as JSON, or in the words that `text` finds for it.
    ///
    /// # Errors
    /// When standard output is closed.
    pub(super) fn data<T: Serialize>(&self, data: &T, text: impl FnOnce(&T) -> String) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.format {
            Format::Json => {
                serde_json::to_writer_pretty(&mut out, data)?;
                out.write_all(b"\n")
            }
            Format::Text => {
                let text = text(data);
                out.write_all(text.as_bytes())?;
                if text.is_empty() || text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") }
            }
        }
    }

    /// Says something beside the data.
    pub(super) fn note(&self, text: &str) {
        // Nobody is left to tell when standard error is closed.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Prints a fault: what, why, what next.
    pub(super) fn fault(&self, report: &Report) {
        let _ = write!(io::stderr(), "{}", render(report, self.colour));
    }
}

/// `error:`, then `because:` lines, an empty line, `hint:`.
pub(super) fn render(report: &Report, colour: bool) -> String {
    let paint = |text: &str, code: &str| {
        if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let mut text = format!("{} {} [{}]\n", paint("error:", "1;31"), report.error, report.code);
    for because in &report.because {
        text += &format!("{} {because}\n", paint("because:", "1;33"));
    }
    if let Some(hint) = &report.hint {
        text += &format!("\n{} {hint}\n", paint("hint:", "1;36"));
    }
    text
}

/// Columns that are as wide as their widest cell.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|it| it.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(&mut head.iter().copied());
    for row in rows {
        text += &line(&mut row.iter().map(String::as_str));
    }
    text
}
