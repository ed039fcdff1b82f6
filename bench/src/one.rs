//! One run of a program in a process of its own, so that its peak memory can be told.

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Instant;
use zsend_metal::pages::Pages;

/// The first argument of a process that is one run.
pub(super) const ONE: &str = "--one";

/// This program as one run of a command line.
pub(super) fn command(sink: &str, line: &[String]) -> Result<Command, String> {
    let mut run = Command::new(std::env::current_exe().map_err(|e| e.to_string())?);
    run.args([ONE, sink]).args(line);
    Ok(run)
}

/// Runs `pipe|null PROGRAM ARGUMENTS...` and prints what it took as JSON.
///
/// With `pipe`, the output goes through a pipe to a reader that only reads, and the time is from
/// the first byte to the last; with `null` it goes to `/dev/null`, and the time is the process's.
pub(super) fn run(args: &[String]) -> Result<(), String> {
    let [sink, program, rest @ ..] = args else {
        return Err("--one takes a sink and a program".into());
    };
    let piped = sink == "pipe";
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::null()).stderr(Stdio::null());
    command.stdout(if piped { Stdio::piped() } else { Stdio::null() });
    let begun = Instant::now();
    let mut child = command.spawn().map_err(|e| format!("{program}: {e}"))?;
    let (mut bytes, mut first, mut last) = (0u64, None, begun);
    if let Some(mut out) = child.stdout.take() {
        // A buffer of the allocator's is where some machines copy slowly, and would be what is measured.
        let mut pages = Pages::zeroed(1 << 20);
        let piece = pages.as_mut_slice();
        loop {
            let n = out.read(piece).map_err(|e| e.to_string())?;
            if n == 0 {
                break;
            }
            last = Instant::now();
            first.get_or_insert(last);
            bytes += n as u64;
        }
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    let whole = begun.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("{program}: {status}"));
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|e| e.to_string())?;
    let seconds = first.map_or(whole, |first| (last - first).as_secs_f64());
    println!(
        "{}",
        json!({
            "seconds": seconds,
            "first_byte": first.map(|f| (f - begun).as_secs_f64()),
            "bytes": bytes,
            "peak_kib": usage.max_rss(),
        })
    );
    Ok(())
}
