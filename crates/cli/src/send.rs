//! `zsend send`: from the command line to a stream.

use crate::args::SendArgs;
use crate::exit::{Done, Failure, warn};
use crate::keys;
use crate::output::Output;
use crate::progress::Meter;
use crate::text::nice_bytes;
use crate::token;
use crate::txgs::{self, Style};
use std::io::Write;
use std::time::Duration;
use zsend_pool::dsl::name::Name;
use zsend_pool::pool::Pool;
use zsend_pool::{CancelToken, ErrorClass};
use zsend_traverse::{
    Notice, Progress, ResumePosition, SendError, SendOptions, SendPlan, Tunables,
};

/// Runs the subcommand.
pub(crate) fn run(args: &SendArgs) -> Done {
    if let Some(what) = args.unmade.refused() {
        return Err(Failure::new(ErrorClass::Unsupported, format!("not supported: {what}")));
    }
    let token = args.token.as_deref().map(token::decode).transpose()?;
    let name = match (&token, &args.target) {
        (Some(token), _) => &token.toname,
        (None, Some(target)) => target,
        (None, None) => return Err(Failure::usage("no snapshot is named")),
    };
    let target = Name::parse(name)?;
    let options = options(args)?;
    if args.pool.list_txgs {
        return txgs::list(&args.pool.devices, Some(target.pool()), Style::default());
    }
    let pool = Pool::open(&args.pool.devices, target.pool(), &args.pool.options())?;
    for warning in pool.warnings() {
        warn(warning);
    }
    // The stream has the pool's name, whatever the pool was asked for by.
    let name = &pool.full_name(name);
    let target = Name::parse(name)?;
    let raw = args.raw || token.as_ref().is_some_and(|t| t.rawok);
    let only_described = args.dry_run && !args.exact;
    if !raw {
        keys::load(&pool, args, &target, !only_described)?;
    }
    let plan = match &token {
        Some(token) => SendPlan::by_token(&pool, token, options),
        None => {
            let from = args.from.as_deref().map(|from| pool.full_name(&source_name(from, &target)));
            SendPlan::by_name(&pool, name, from.as_deref(), options)
        }
    };
    let plan = plan.map_err(refused)?;
    let cancel = CancelToken::default();
    if args.dry_run {
        return if args.verbose > 0 || args.parsable || args.exact {
            describe(args, &plan, &cancel, &mut std::io::stdout().lock())
        } else {
            Ok(())
        };
    }
    plan.check().map_err(refused)?;
    for warning in plan.warnings() {
        warn(warning);
    }
    let output = Output::open(args.output.as_deref())?;
    let theirs = cancel.clone();
    let interrupt = move || {
        // The first interrupt ends the stream at a record; the second does not wait for a reader
        // that takes nothing.
        if theirs.is_cancelled() {
            std::process::exit(3);
        }
        theirs.cancel();
    };
    ctrlc::set_handler(interrupt)
        .map_err(|e| Failure::new(ErrorClass::Device, format!("signal handler: {e}")))?;
    send(args, &plan, &cancel, output)
}

fn send(args: &SendArgs, plan: &SendPlan<'_>, cancel: &CancelToken, mut output: Output) -> Done {
    if args.verbose > 0 {
        describe(args, plan, cancel, &mut std::io::stderr())?;
    }
    let toname = plan.target().toname();
    let mut meter = Meter::new(args, &toname, || plan.estimate(cancel).ok());
    let (mut last, mut replaced) = (Progress::default(), Vec::new());
    let sent = plan.write(&mut output, cancel, |notice| match notice {
        Notice::Progress(progress) => {
            last = progress;
            meter.update(progress);
        }
        Notice::Replaced(lost) => replaced.push(lost),
        _ => {}
    });
    meter.finish();
    let zio = plan.pool().zio();
    for healed in if args.verbose > 0 { zio.healed() } else { Vec::new() } {
        let attempts: Vec<_> = healed.attempts.iter().map(ToString::to_string).collect();
        warn(format!("{}: read from another copy: {}", healed.at, attempts.join("; ")));
    }
    if zio.healed_count() > 0 {
        warn(format!("{} blocks were read only after a first try had failed", zio.healed_count()));
    }
    let doubted = zio.doubted();
    if doubted.count > 0 {
        warn(&doubted);
    }
    if doubted.overwritten > 0 {
        warn(format!(
            "{} blocks have no checksum and are of an older state of the pool: nothing tells whether they \
             have been overwritten since",
            doubted.overwritten
        ));
    }
    for lost in &replaced {
        warn(format!("replaced by the pattern 0x2f5baddb10c: {lost}"));
    }
    if !replaced.is_empty() {
        warn(format!("{} unreadable blocks were replaced", replaced.len()));
    }
    match sent {
        Ok(_) => output.commit(),
        Err(e) => Err(unfinished(plan, &output, &last, e)),
    }
}

/// What to say of a stream that ended early, and how to go on with it. With a file, the token is
/// left beside it.
fn unfinished(plan: &SendPlan<'_>, output: &Output, last: &Progress, e: SendError) -> Failure {
    let is_delivered = !matches!(e, SendError::Output(_));
    let mut failure = Failure::from(e).context(format!("cannot send '{}'", plan.target()));
    let Some(partial) = output.partial() else { return failure };
    failure = failure.context(format!("{} is not whole", partial.display()));
    let Some(position) = last.position.filter(|_| is_delivered) else { return failure };
    let token = plan.token_at(last).encode();
    let mut beside = partial.as_os_str().to_owned();
    beside.push(".token");
    // The token is in the message too, so a file that cannot be written loses nothing.
    let _ = std::fs::write(&beside, format!("{token}\n"));
    let (object, offset) = (position.object(), position.offset());
    failure.and(format!(
        "It ends at object {object}, offset {offset}. Once it was received with `zfs receive -s`, \
         go on with what the receiver's receive_resume_token says, or with:\n  zsend send -t {token}"
    ))
}

/// The full name of an incremental source, which may leave out the dataset: `@snap`, `#book`, `snap`.
fn source_name(from: &str, target: &Name) -> String {
    match from.find(['@', '#']) {
        Some(0) => format!("{}{from}", target.dataset),
        Some(_) => from.to_owned(),
        None => format!("{}@{from}", target.dataset),
    }
}

fn options(args: &SendArgs) -> Result<SendOptions, Failure> {
    let mut tunables = Tunables::default();
    for tunable in &args.tunables {
        let (name, value) = tunable.split_once('=').ok_or_else(|| {
            Failure::usage(format!("--tunable takes NAME=VALUE, not '{tunable}'"))
        })?;
        tunables.set(name, value).map_err(Failure::usage)?;
    }
    let resume = args.resume.and_then(|(object, offset)| ResumePosition::new(object, offset));
    Ok(SendOptions::default()
        .with_dialect(args.dialect)
        .with_embed(args.embed)
        .with_large_block(args.large_block)
        .with_compress(args.compress)
        .with_raw(args.raw)
        .with_resume(resume)
        .with_tunables(tunables)
        .with_threads(args.threads)
        .with_latency(args.latency.map(|ms| Duration::from_millis(ms.into()))))
}

/// `zfs send` prints a refusal of the kernel as a warning, and one of its own as it is.
fn refused(e: SendError) -> Failure {
    match e {
        SendError::CannotSend { .. } => Failure::new(e.class(), format!("warning: {e}")),
        other => other.into(),
    }
}

/// Prints what is sent and how large it will be, in the words of `zfs send -v`.
fn describe(
    args: &SendArgs,
    plan: &SendPlan<'_>,
    cancel: &CancelToken,
    out: &mut dyn Write,
) -> Done {
    let mut text = match &args.token {
        Some(token) => token::contents(&token::list(token)?),
        None => Vec::new(),
    };
    let size = if args.exact {
        plan.exact_size(cancel).map(|summary| summary.bytes())
    } else {
        plan.estimate(cancel)
    };
    let size = size.map_err(refused)?;
    let name = plan.target();
    let estimate = if args.parsable {
        match plan.incremental_source() {
            None => format!("full\t{name}\t{size}\nsize\t{size}\n"),
            Some(from) => format!("incremental\t{}\t{name}\t{size}\nsize\t{size}\n", from.name),
        }
    } else {
        let nice = if args.exact { format!("{size} bytes") } else { nice_bytes(size) };
        let what = match plan.incremental_source() {
            None => format!("full send of {name}"),
            Some(from) => {
                format!("send from {} to {name}", source_shown(plan, &from.name))
            }
        };
        let is = if args.exact { "size is exactly" } else { "estimated size is" };
        format!("{what} {is} {nice}\ntotal {is} {nice}\n")
    };
    text.extend(estimate.into_bytes());
    // A reader that has gone away wanted no more of the estimate.
    let _ = out.write_all(&text);
    Ok(())
}

/// A source as `zfs send -v` shows it: in full; of illumos, a snapshot of the same dataset without the
/// dataset's name.
fn source_shown<'n>(plan: &SendPlan<'_>, from: &'n str) -> &'n str {
    match from.find('@') {
        Some(at) if plan.options().dialect.is_illumos() => {
            let same = plan.target().dataset() == &from[..at];
            if same { &from[at..] } else { from }
        }
        Some(_) | None => from,
    }
}
