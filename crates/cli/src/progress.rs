//! Progress on standard error: a bar on a terminal, a line a second elsewhere.

use crate::args::SendArgs;
use crate::text::nice_bytes;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};
use zsend_traverse::Progress;

/// How often a line is printed where there is no terminal.
const EVERY: Duration = Duration::from_secs(1);

/// Shows how far a send has come, or nothing.
pub(crate) enum Meter {
    /// Not asked for.
    Silent,
    /// A terminal.
    Bar(ProgressBar),
    /// Anything else.
    Lines { name: String, parsable: bool, next: Instant },
}

impl Meter {
    /// A meter as the flags ask for; `total` is found only if it is shown.
    pub(crate) fn new(args: &SendArgs, name: &str, total: impl FnOnce() -> Option<u64>) -> Self {
        if args.verbose == 0 {
            return Self::Silent;
        }
        if args.parsable || !stderr().is_terminal() {
            let head = if args.parsable { "" } else { "TIME        SENT   SNAPSHOT" };
            if !head.is_empty() {
                let _ = writeln!(stderr(), "{head} {name}");
            }
            let name = name.to_owned();
            return Self::Lines { name, parsable: args.parsable, next: Instant::now() + EVERY };
        }
        let bar = ProgressBar::with_draw_target(total(), ProgressDrawTarget::stderr());
        let style =
            "{bar:30} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }

    /// Shows progress, if it is time to.
    pub(crate) fn update(&mut self, progress: Progress) {
        match self {
            Self::Silent => {}
            Self::Bar(bar) => bar.set_position(progress.bytes),
            Self::Lines { name, parsable, next } => {
                let now = Instant::now();
                if now < *next {
                    return;
                }
                *next = now + EVERY;
                let time = chrono::Local::now().format("%H:%M:%S");
                let _ = if *parsable {
                    writeln!(stderr(), "{time}\t{}\t{name}", progress.bytes)
                } else {
                    writeln!(stderr(), "{time}   {:>5}   {name}", nice_bytes(progress.bytes))
                };
            }
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
