//! Parts that every form of `zsend send` has: options, refusals, and what is told of the reading.

use crate::args::SendArgs;
use crate::exit::{Failure, warn, warn_even_if_quiet};
use crate::text::count;
use std::io::{self, Write, stderr};
use std::path::Path;
use std::time::Duration;
use zsend_pool::PoolError;
use zsend_pool::Zio;
use zsend_pool::error::Cause;
use zsend_records::payload::UNREADABLE;
use zsend_traverse::{ResumePosition, SendError, SendOptions, Tunables};

/// Words of `zfs send -i NAME`, OpenZFS `cmd/zfs/zfs_main.c`, zfs-2.3.2.
const NO_TYPE: &str = "Warning: incremental source didn't specify type, assuming snapshot. \
                       Use '@' or '#' prefix to avoid ambiguity.\n";

/// Advice where a block is lost for good.
pub(crate) const WITH_PATTERN: &str = "If nothing else has the block, send a pattern in its place and all the rest: \
                                       --tunable zfs_send_corrupt_data=1";

/// The options of a stream that the command line gives.
pub(crate) fn options(args: &SendArgs) -> Result<SendOptions, Failure> {
    let mut tunables = Tunables::default();
    for tunable in &args.tunables {
        let (name, value) = tunable.split_once('=').ok_or_else(|| {
            Failure::usage(format!("--tunable takes NAME=VALUE, not '{tunable}'"))
        })?;
        tunables.set(name, value).map_err(Failure::usage)?;
    }
    let resume = args.resume_at.and_then(|(object, offset)| ResumePosition::new(object, offset));
    Ok(SendOptions::default()
        .with_dialect(args.dialect)
        .with_embed(args.embed)
        .with_large_block(args.large_block)
        .with_compress(args.compress)
        .with_raw(args.raw)
        .with_resume(resume)
        .with_tunables(tunables)
        .with_threads(args.threads.into())
        .with_latency(args.latency.map(|ms| Duration::from_millis(ms.into()))))
}

/// Warns of an incremental source of which nothing says that it is a snapshot.
pub(crate) fn warn_of_no_type(from: &str) {
    if !from.contains(['@', '#']) {
        let _ = stderr().write_all(NO_TYPE.as_bytes());
    }
}

/// `zfs send` prints a refusal of the kernel as a warning, and one of its own as it is.
pub(crate) fn refused(e: SendError) -> Failure {
    match e {
        SendError::CannotSend { .. } => Failure::verbatim(e.class(), format!("warning: {e}")),
        other => other.into(),
    }
}

/// Returns true if a block could not be read from anywhere.
pub(crate) const fn is_lost(e: &SendError) -> bool {
    matches!(e, SendError::Pool(PoolError::Unreadable { .. }))
}

/// Says what went wrong in reading and did not end the send.
pub(crate) fn tell_of_reading(args: &SendArgs, zio: &Zio, replaced: &[PoolError]) {
    for healed in if args.verbose > 0 { zio.healed() } else { Vec::new() } {
        let failed = healed.attempts.iter().filter(|attempt| attempt.cause != Cause::Rebuilt);
        let attempts: Vec<_> = failed.map(ToString::to_string).collect();
        warn(format!("{}: recovered; what failed at first: {}", healed.at, attempts.join("; ")));
    }
    for missed in if args.verbose > 0 { zio.missed() } else { Vec::new() } {
        let (device, blocks) = (missed.device, count(missed.blocks, "block"));
        warn(format!("{device} is missing: {blocks} read without it"));
    }
    let recovered = zio.recovered();
    if recovered.count() > 0 {
        let blocks = count(recovered.count(), "block");
        let by = [(recovered.copies, "another copy"), (recovered.parity, "parity")];
        let by = by.iter().filter(|(count, _)| *count > 0);
        let by: Vec<_> = by.map(|(count, from)| format!("{count} from {from}")).collect();
        warn(format!("{blocks} recovered after a first try had failed: {}", by.join(", ")));
    }
    let doubted = zio.doubted();
    if doubted.count > 0 {
        warn(&doubted);
    }
    if doubted.overwritten > 0 {
        warn(format!(
            "{} without checksum of an older state of the pool: nothing tells whether what was sent \
             has been overwritten since",
            count(doubted.overwritten, "block")
        ));
    }
    for lost in replaced {
        warn(format!("replaced by the pattern {UNREADABLE:#x}: {lost}"));
    }
    tell_of_replaced(replaced.len() as u64);
}

/// Says how many blocks are not what they were. The exit code does not tell, as that of `zfs send` does not.
pub(crate) fn tell_of_replaced(blocks: u64) {
    if blocks > 0 {
        let blocks = count(blocks, "unreadable block");
        warn_even_if_quiet(format!(
            "{blocks} replaced by a pattern: the stream lacks their contents"
        ));
    }
}

/// Returns true if there was no room for more of the output.
pub(crate) fn is_full(e: &SendError) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(e, SendError::Output(e) if [FileTooLarge, QuotaExceeded, StorageFull].contains(&e.kind()))
}

/// Advice where there was no room for more of a file: `more` goes on with what was received of it.
pub(crate) fn when_full(partial: &Path, more: &str) -> String {
    format!(
        "There is no room for more. Make some, or name another place with -o, and type the same command \
         again: what is there is overwritten. Or receive {} with `zfs receive -s`, and go on with what the \
         receiver's receive_resume_token says:\n  {more}",
        partial.display()
    )
}
