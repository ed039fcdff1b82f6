//! `zsend send`: from the command line to a stream.

mod append;
pub(crate) mod common;
pub(crate) mod describe;

use crate::args::SendArgs;
use crate::exit::{CommandResult, Failure, be_quiet, warn, warn_of};
use crate::output::{Guard, Output};
use crate::progress::{Gauge, Progressing};
use crate::txgs::{self, Style};
use crate::{hints, keys, package, send_all, signals, stdout, token};
use common::{
    WITH_PATTERN, is_full, is_lost, options, refused, tell_of_reading, warn_of_no_type, when_full,
};
use describe::describe;
use std::io::{Write, stderr};
use std::sync::Arc;
use zsend_encoder::encoder::Encoder;
use zsend_pool::Pool;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::{CancelToken, ErrorClass, PoolError};
use zsend_stream::resume::{GoingOn, Seam};
use zsend_traverse::{Notice, Progress, SendError, SendOptions, SendPlan};

/// Words of `zfs send -D`, OpenZFS `cmd/zfs/zfs_main.c`, zfs-2.3.2.
const NO_DEDUP: &str = "WARNING: deduplicated send is no longer supported.  A regular,\n\
                        non-deduplicated stream will be generated.\n\n";

/// Runs the subcommand.
pub(crate) fn run(args: &SendArgs) -> CommandResult {
    if args.all.all {
        return send_all::run(args);
    }
    if let Some(path) = &args.append {
        return append::run(args, path);
    }
    be_quiet(args.pool.quiet);
    if let Some(why) = args.conflict() {
        return Err(Failure::verbatim(ErrorClass::Usage, why));
    }
    if args.dedup {
        let _ = stderr().write_all(NO_DEDUP.as_bytes());
    }
    if let Some(output) = args.output.as_deref().filter(|o| hints::is_tunable(&o.to_string_lossy()))
    {
        let output = output.display();
        return Err(Failure::usage(format!(
            "-o names the output file; for a tunable: --tunable {output}; for a file of that name: \
             -o ./{output}"
        )));
    }
    let token = args.token.as_deref().map(token::decode).transpose()?;
    if args.pool.list_txgs {
        let named = token.as_ref().map(|token| token.toname.clone()).or(args.target.clone());
        return txgs::list(&args.pool.devices, named.as_slice(), Style::default());
    }
    let name = match (&token, &args.target) {
        (Some(token), _) => &token.toname,
        (None, Some(target)) => target,
        (None, None) => return Err(Failure::usage("no snapshot is named")),
    };
    let target = Name::parse(name)?;
    let options = options(args)?;
    let gauge = Arc::new(Gauge::new());
    let cancel = CancelToken::default();
    signals::take(cancel.clone(), Arc::clone(&gauge), name.clone())?;
    let pool = Pool::open(&args.pool.devices, target.pool(), &args.pool.options(&cancel))?;
    warn_of(&pool);
    // The stream has the pool's name, whatever the pool was asked for by.
    let name = &pool.full_name(name);
    let target = Name::parse(name)?;
    let saved = if args.package.saved {
        Some(SendPlan::saved_token(&pool, name).map_err(refused)?.1)
    } else {
        None
    };
    let raw = args.raw || token.as_ref().or(saved.as_ref()).is_some_and(|t| t.rawok);
    let only_described = args.dry_run && !args.exact;
    if !raw {
        keys::load(&pool, args, &target, !only_described)?;
    }
    if args.package.is_asked_for() {
        return package::run(args, &pool, name, options, &cancel, &gauge);
    }
    let plan = match &token {
        Some(token) => SendPlan::by_token(&pool, token, options),
        None if args.package.saved => SendPlan::saved(&pool, name, options),
        None => plan(args, &pool, &target, options),
    };
    let plan = plan.map_err(refused)?;
    if args.dry_run {
        if args.describes() {
            let described = describe(args, &plan, &cancel);
            let described = described.map_err(|e| without_key(e, args, &plan, &target));
            stdout::print(&described?.0)?;
        }
        return Ok(());
    }
    plan.check().map_err(|e| without_key(refused(e), args, &plan, &target))?;
    for warning in plan.warnings() {
        warn(warning);
    }
    let is_whole = token.is_none() && args.resume_at.is_none() && !args.package.saved;
    let guard = Guard::new(&pool.devices());
    let output = Output::open(args.output.as_deref(), is_whole, &guard, &gauge)?;
    send(args, &plan, &cancel, output, None, &gauge)
}

/// The send of a name: of a dataset, or of the object that it numbers, as `zdb -B` takes it.
fn plan<'p>(
    args: &SendArgs,
    pool: &'p Pool,
    target: &Name,
    options: SendOptions,
) -> Result<SendPlan<'p>, SendError> {
    let from = args.from.as_deref().map(|from| pool.full_name(&source_name(from, target)));
    let number = target.dataset.strip_prefix(pool.name()).and_then(|name| name.strip_prefix('/'));
    let number = number.and_then(|name| name.parse::<u64>().ok());
    if let Some(object) = number.filter(|_| target.suffix == Suffix::None)
        && matches!(pool.dataset(target), Err(PoolError::NotFound { .. }))
    {
        let from = from.map(|from| pool.dataset(&Name::parse(&from)?)).transpose()?;
        return SendPlan::by_object(pool, object, from.map(|from| from.object), options);
    }
    let plan = SendPlan::by_name(pool, &target.to_string(), from.as_deref(), options)?;
    match &args.package.redact {
        Some(book) => plan.redacted(book),
        None => Ok(plan),
    }
}

/// Adds to a refusal for want of a key how one is given.
fn without_key(failure: Failure, args: &SendArgs, plan: &SendPlan<'_>, target: &Name) -> Failure {
    let pool = plan.pool();
    let lacks = pool.encryption(plan.dataset()).ok().flatten().is_some_and(|e| !pool.has_key(&e));
    match keys::how_to_go_on(pool, args, target).filter(|_| lacks && !args.raw) {
        Some(how) => failure.and(how),
        None => failure,
    }
}

/// Sends. `seam` is the end of what the output has already of the stream.
fn send(
    args: &SendArgs,
    plan: &SendPlan<'_>,
    cancel: &CancelToken,
    mut output: Output,
    seam: Option<&Seam>,
    gauge: &Arc<Gauge>,
) -> CommandResult {
    let mut estimate = None;
    if args.describes() {
        let (text, size) = describe(args, plan, cancel)?;
        let _ = stderr().write_all(&text);
        estimate = Some(size);
    }
    let toname = plan.toname();
    let shown = Progressing::begin(args, &toname, gauge, || total(plan, estimate, cancel));
    let (mut last, mut replaced) = (Progress::default(), Vec::new());
    let notice = |notice| match notice {
        Notice::Progress(progress) => {
            last = progress;
            gauge.set(&progress);
        }
        Notice::Replaced(lost) => replaced.push(lost),
        _ => {}
    };
    let sent = match seam {
        None => plan.write(&mut output, cancel, notice),
        Some(seam) => {
            let encoder = Encoder::new(plan.params(), GoingOn::new(seam, &mut output));
            plan.write_to(encoder, cancel, notice)
        }
    };
    if let Ok(summary) = &sent {
        gauge.finish(summary.bytes(), summary.records());
    }
    let zio = plan.pool().zio();
    shown.end(sent.is_ok(), zio.recovered().count());
    tell_of_reading(args, zio, &replaced);
    match sent {
        Ok(_) => output.commit(),
        Err(e) => Err(unfinished(args, plan, &output, &last, e)),
    }
}

/// Mean bytes of an object from which on the exact size costs a few hundredths of the send: what it
/// reads is metadata alone.
const LARGE_OBJECT: u64 = 1 << 20;

/// The stream's size for a bar: exact where that is cheap.
fn total(plan: &SendPlan<'_>, estimate: Option<u64>, cancel: &CancelToken) -> Option<u64> {
    let estimate = estimate.or_else(|| plan.estimate(cancel).ok())?;
    let objects = plan.objset().root().fill().max(1);
    if estimate / objects >= LARGE_OBJECT {
        return plan.exact_size(cancel).ok().map(|summary| summary.bytes());
    }
    Some(estimate)
}

/// Failure of a stream that ended early, with the way to go on. With a file, the token is left
/// beside it.
fn unfinished(
    args: &SendArgs,
    plan: &SendPlan<'_>,
    output: &Output,
    last: &Progress,
    e: SendError,
) -> Failure {
    if let Some(path) = &args.append {
        return append::unfinished(args, path, e);
    }
    let (is_lost, is_full) = (is_lost(&e), is_full(&e));
    let is_delivered = !matches!(e, SendError::Output(_));
    let e = match e {
        SendError::Pool(e) => SendError::Pool(plan.pool().explained(e)),
        e => e,
    };
    let mut failure = Failure::from(e).context(format!("cannot send '{}'", plan.target()));
    if is_lost {
        failure = failure.and(WITH_PATTERN);
    }
    let Some(partial) = output.left() else { return failure };
    failure = failure.context(format!("{} is not whole", partial.name().display()));
    if is_full {
        let more = format!("zsend send {}-t TOKEN", args.pool.as_typed());
        return failure.and(when_full(partial.name(), &more));
    }
    let Some(position) = last.position.filter(|_| is_delivered) else { return failure };
    let token = match plan.token_at(last).encode() {
        Ok(token) => token,
        Err(error) => return failure.and(format!("There is no token to go on with: {error}")),
    };
    // The token is in the message too, so a file that cannot be written loses nothing.
    let _ = std::fs::write(partial.token_file(), format!("{token}\n"));
    let (object, offset) = (position.object(), position.offset());
    failure.and(format!(
        "It ends at object {object}, offset {offset}. Once it was received with `zfs receive -s`, \
         go on with what the receiver's receive_resume_token says, or with:\n  zsend send {0}-t {token}\n\
         Or go on in the file itself, with:\n  zsend send {0}--append {1}",
        args.pool.as_typed(),
        partial.name().display()
    ))
}

/// The full name of an incremental source, which may leave out the dataset: `@snap`, `#book`, `snap`.
fn source_name(from: &str, target: &Name) -> String {
    match from.find(['@', '#']) {
        Some(0) => format!("{}{from}", target.dataset),
        Some(_) => from.to_owned(),
        None => {
            warn_of_no_type(from);
            format!("{}@{from}", target.dataset)
        }
    }
}
