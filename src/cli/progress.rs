//! Progress of long work: a bar on a terminal, a line now and then elsewhere, nothing where nobody asked.

use std::{
    io::{self, IsTerminal},
    sync::Mutex,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows how far long work is.
pub(super) struct Progress {
    bar: Option<Mutex<Option<ProgressBar>>>,
}

impl Progress {
    /// Shows bars on standard error when that is a terminal.
    pub(super) fn on_terminal(quiet: bool) -> Self {
        let shown = !quiet && io::stderr().is_terminal();
        Self { bar: shown.then(|| Mutex::new(None)) }
    }

    /// `done` of `total` bytes of `what` are behind us.
    pub(super) fn bytes(&self, what: &str, done: u64, total: u64) {
        let Some(slot) = &self.bar else { return };
        let Ok(mut slot) = slot.lock() else { return };
        let bar = slot.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
            let style = "{msg:28!} [{bar:30}] {bytes:>10} of {total_bytes} {bytes_per_sec:>12} {eta:>4}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        bar.set_length(total);
        bar.set_message(what.to_owned());
        bar.set_position(done);
    }

    /// Takes the bar off the screen.
    pub(super) fn finish(&self) {
        if let Some(slot) = &self.bar
            && let Ok(mut slot) = slot.lock()
            && let Some(bar) = slot.take()
        {
            bar.finish_and_clear();
        }
    }
}
