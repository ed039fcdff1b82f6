//! Progress on standard error: a bar on a terminal, a line a second elsewhere.

mod gauge;

pub(crate) use gauge::Gauge;

use crate::args::{ProgressFormat, SendArgs};
use crate::sys::terminal::set_title;
use crate::text::count;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;
use zsend_props::nice_bytes;

/// Time between two lines.
const EVERY: Duration = Duration::from_secs(1);
/// Time between two pictures of the bar.
const EVERY_FRAME: Duration = Duration::from_millis(100);

/// Form of what is shown.
enum Show {
    Bar(ProgressBar),
    Lines,
    Parsable,
    Json,
    Nothing,
}

/// State of the thread that shows progress.
struct Meter {
    name: String,
    show: Show,
    /// With the records, as `zfs send -vv` shows blocks.
    with_records: bool,
    /// Total that the process's name shows, if it shows any.
    title: Option<Option<u64>>,
    gauge: Arc<Gauge>,
    /// Bytes at the last look.
    last: u64,
}

/// A thread that shows progress until it is dropped.
pub(crate) struct Progressing {
    thread: Option<(Sender<()>, JoinHandle<Meter>)>,
}

impl Progressing {
    /// Shows progress as the flags ask for; `total` is found only if it is shown.
    pub(crate) fn begin(
        args: &SendArgs,
        name: &str,
        gauge: &Arc<Gauge>,
        total: impl FnOnce() -> Option<u64>,
    ) -> Self {
        let is_shown = args.verbose > 0 || args.progress == ProgressFormat::Json;
        if !is_shown && !args.proctitle {
            return Self { thread: None };
        }
        let is_terminal = stderr().is_terminal()
            && std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        let total = if is_terminal || args.proctitle { total() } else { None };
        let show = match (args.progress, args.parsable) {
            (ProgressFormat::Json, _) => Show::Json,
            (ProgressFormat::Text, _) if !is_shown => Show::Nothing,
            (ProgressFormat::Text, true) => Show::Parsable,
            (ProgressFormat::Text, false) if is_terminal => Show::Bar(bar(total)),
            (ProgressFormat::Text, false) => Show::Lines,
        };
        let mut meter = Meter {
            name: name.to_owned(),
            show,
            with_records: args.verbose > 1,
            title: args.proctitle.then_some(total),
            gauge: Arc::clone(gauge),
            last: 0,
        };
        meter.head();
        let (end, ended) = mpsc::channel::<()>();
        let run = move || {
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(meter.every()) {
                meter.update();
            }
            meter
        };
        let thread = std::thread::Builder::new().name("zsend-progress".into()).spawn(run);
        // A send without its progress is a send all the same.
        Self { thread: thread.ok().map(|thread| (end, thread)) }
    }

    /// Takes the bar away, and tells what a whole send came to.
    pub(crate) fn end(self, is_whole: bool, recovered: u64) {
        let Some((end, thread)) = self.thread else { return };
        drop(end);
        let Ok(meter) = thread.join() else { return };
        if let Show::Bar(bar) = &meter.show {
            bar.finish_and_clear();
        }
        if is_whole {
            meter.summary(recovered);
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let style = "{bar:30} {percent}% {binary_bytes} of {binary_total_bytes}, \
                 {binary_bytes_per_sec}, {eta} left{msg}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}

/// A line of progress as `zfs send` prints it, at this time of day.
///
/// Follows `send_progress_thread()`, OpenZFS `lib/libzfs/libzfs_sendrecv.c`, zfs-2.3.2.
pub(crate) fn line(gauge: &Gauge, name: &str) -> String {
    let time = chrono::Local::now().format("%H:%M:%S");
    let stream = gauge.stream();
    let name = stream.as_ref().map_or(name, |stream| &stream.name);
    format!("{time}   {:>5}   {name}", nice_bytes(gauge.stream_bytes()))
}

fn say(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

impl Meter {
    const fn every(&self) -> Duration {
        match self.show {
            Show::Bar(_) => EVERY_FRAME,
            Show::Lines | Show::Parsable | Show::Json | Show::Nothing => EVERY,
        }
    }

    fn head(&self) {
        if let Show::Lines = self.show {
            let records = if self.with_records { "   RECORDS   " } else { "" };
            say(&format!("TIME        SENT   {records}SNAPSHOT {}", self.name));
        }
    }

    /// Reason that a send does not go on, if it does not.
    fn waits_for(&self) -> Option<&'static str> {
        if self.gauge.waits_for_reader() {
            Some("the reader")
        } else if self.gauge.bytes() == self.last && self.every() == EVERY {
            Some("the devices")
        } else {
            None
        }
    }

    fn update(&mut self) {
        let waits_for = self.waits_for();
        let (bytes, records) = (self.gauge.bytes(), self.gauge.records());
        self.last = bytes;
        let stream = self.gauge.stream();
        if let Some(stream) = &stream
            && stream.name != self.name
        {
            self.name.clone_from(&stream.name);
            self.head();
        }
        let place = stream.map(|stream| (stream.place, stream.count));
        let name = &self.name;
        let time = chrono::Local::now().format("%H:%M:%S");
        match &self.show {
            Show::Nothing => {}
            Show::Bar(bar) => {
                bar.set_position(bytes);
                let place = place.map_or_else(String::new, |(k, n)| format!(", stream {k} of {n}"));
                let waits = waits_for.map_or_else(String::new, |w| format!(", waits for {w}"));
                bar.set_message(place + &waits);
                bar.tick();
            }
            Show::Lines => {
                let records = self.gauge.stream_records();
                let records =
                    if self.with_records { format!(" {records:>8}    ") } else { String::new() };
                let waits = waits_for.map_or_else(String::new, |w| format!(" (waits for {w})"));
                let sent = nice_bytes(self.gauge.stream_bytes());
                say(&format!("{time}   {sent:>5}   {records}{name}{waits}"));
            }
            Show::Parsable => {
                let sent = self.gauge.stream_bytes();
                let records = self.gauge.stream_records();
                let records =
                    if self.with_records { format!("{records}\t") } else { String::new() };
                say(&format!("{time}\t{sent}\t{records}{name}"));
            }
            Show::Json => {
                let mut object = json!({
                    "name": name,
                    "bytes": bytes,
                    "records": records,
                    "seconds": self.gauge.elapsed().as_secs_f64(),
                    "waits_for": waits_for,
                });
                if let Some((k, n)) = place {
                    object["stream"] = k.into();
                    object["streams"] = n.into();
                }
                say(&object.to_string());
            }
        }
        if let Some(total) = self.title {
            set_title(&title(bytes, total));
        }
    }

    fn summary(&self, recovered: u64) {
        let gauge = &self.gauge;
        let seconds = gauge.elapsed().as_secs_f64();
        match self.show {
            Show::Bar(_) | Show::Lines => {
                #[expect(
                    clippy::cast_precision_loss,
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "three digits are shown"
                )]
                let rate = nice_bytes((gauge.bytes() as f64 / seconds.max(1e-3)) as u64);
                let mut text = format!(
                    "sent {} (100%) in {seconds:.1} s, {rate}/s, {}",
                    nice_bytes(gauge.bytes()),
                    count(gauge.records(), "record"),
                );
                if recovered > 0 {
                    text += &format!(", {} recovered", count(recovered, "block"));
                }
                say(&text);
            }
            Show::Json => say(&json!({
                "name": self.name,
                "bytes": gauge.bytes(),
                "records": gauge.records(),
                "seconds": seconds,
                "recovered": recovered,
                "done": true,
            })
            .to_string()),
            Show::Parsable | Show::Nothing => {}
        }
    }
}

/// Name of the process that shows progress, in the 15 bytes that Linux keeps.
fn title(bytes: u64, total: Option<u64>) -> String {
    match total.filter(|&total| total > 0) {
        None => format!("zsend {}", nice_bytes(bytes)),
        Some(total) => {
            let percent = (u128::from(bytes) * 100 / u128::from(total)).min(100);
            format!("zsend {percent}% {}", nice_bytes(bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_fits() {
        for (bytes, total) in [(0, None), (u64::MAX, Some(1)), (1 << 30, Some(3 << 30))] {
            assert!(title(bytes, total).len() <= 16, "{}", title(bytes, total));
        }
        assert_eq!(title(1 << 30, Some(4 << 30)), "zsend 25% 1G");
    }
}
