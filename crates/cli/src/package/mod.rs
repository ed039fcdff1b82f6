//! `zsend send -R`, `-I`, `-p`, `-b`, `-h`: packages.

mod describe;
mod goes_on;

use crate::args::SendArgs;
use crate::exit::{CommandResult, Failure, warn};
use crate::output::{Guard, Output};
use crate::progress::{Gauge, Progressing};
use crate::send::common;
use crate::stdout;
use std::io::{Write, stderr};
use std::sync::Arc;
use zsend_package::{Omission, Package, PackageError, PackageNotice, PackageOptions};
use zsend_pool::Pool;
use zsend_pool::{CancelToken, ErrorClass};
use zsend_traverse::{Notice, Progress, SendError, SendOptions};

/// Runs the subcommand for a package of `target`.
pub(crate) fn run(
    args: &SendArgs,
    pool: &Pool,
    target: &str,
    options: SendOptions,
    cancel: &CancelToken,
    gauge: &Arc<Gauge>,
) -> CommandResult {
    let asked = &args.package;
    let source = asked.intermediate.as_deref().or(args.from.as_deref());
    if !asked.replicate && asked.intermediate.is_none() {
        source.into_iter().for_each(common::warn_of_no_type);
    }
    let source = source.map(|from| pool.full_name(from));
    let options = PackageOptions::new(options)
        .with_replicate(asked.replicate)
        .with_source(source.as_deref())
        .with_intermediate(asked.intermediate.is_some())
        .with_properties(asked.props)
        .with_backup(asked.backup)
        .with_holds(asked.holds)
        .with_skip_missing(asked.skip_missing)
        .with_decrypted(args.no_preserve_encryption)
        .with_incomplete(asked.incomplete)
        .with_excluded(asked.exclude.clone())
        .with_redaction(asked.redact.as_deref());
    let mut package = Package::open(pool, target, &options).map_err(failure)?;
    if let Some(from) = &asked.continue_from {
        package = goes_on::begin(package, from)?;
    }
    tell(args, package.omitted());
    if args.dry_run {
        if args.describes() {
            stdout::print(&describe::describe(args, &package, cancel)?.0)?;
        }
    } else {
        send(args, &package, cancel, gauge)?;
    }
    incomplete(&package)
}

/// Says what is left out, in the words of `zfs send`.
fn tell(args: &SendArgs, omitted: &[Omission]) {
    for left_out in omitted {
        let is_told = args.verbose > 0 || args.parsable || !left_out.is_detail();
        if is_told && (left_out.is_failure() || !args.pool.quiet) {
            let _ = writeln!(stderr(), "{left_out}");
        }
    }
}

/// Fails if the package lacks what was asked for, as `zfs send` does at its end.
fn incomplete(package: &Package<'_>) -> CommandResult {
    let lost = package.omitted().iter().filter(|omission| omission.is_failure()).count();
    if lost == 0 {
        return Ok(());
    }
    let target = package.target();
    let why = format!("the package of '{target}' lacks what is named above");
    Err(Failure::new(ErrorClass::Damaged, why))
}

fn send(
    args: &SendArgs,
    package: &Package<'_>,
    cancel: &CancelToken,
    gauge: &Arc<Gauge>,
) -> CommandResult {
    if let Some(first) = package.members().next() {
        package.plan(first.index).and_then(|plan| Ok(plan.check()?)).map_err(failure)?;
    }
    let guard = Guard::new(&package.pool().devices());
    let is_whole = args.package.continue_from.is_none();
    let mut output = Output::open(args.output.as_deref(), is_whole, &guard, gauge)?;
    let mut estimate = None;
    if args.describes() {
        let (text, size) = describe::describe(args, package, cancel)?;
        let _ = stderr().write_all(&text);
        estimate = Some(size);
    }
    let shown = Progressing::begin(args, package.target(), gauge, || estimate);
    let (mut last, mut at) = (Progress::default(), 0);
    let mut replaced = Vec::new();
    let sent = package.write(&mut output, cancel, |notice| match notice {
        PackageNotice::Stream(member) => {
            (last, at) = (Progress::default(), member.index);
            gauge.enter(&member.name, member.index, member.count);
        }
        PackageNotice::Send(Notice::Progress(progress)) => {
            last = progress;
            gauge.set(&progress);
        }
        PackageNotice::Send(Notice::Replaced(lost)) => replaced.push(lost),
        PackageNotice::Warning(text) => warn(text),
        // Notices that came after this was written change nothing.
        _ => {}
    });
    if let Ok(total) = &sent {
        gauge.finish(total.bytes, total.records);
    }
    let zio = package.pool().zio();
    shown.end(sent.is_ok(), zio.recovered().count());
    common::tell_of_reading(args, zio, &replaced);
    match sent {
        Ok(_) => output.commit(),
        Err(e) => Err(goes_on::unfinished(package, &output, at, &last, e)),
    }
}

/// Failure of a package; what `zfs send` says of it is printed as it is.
fn failure(e: PackageError) -> Failure {
    let class = e.class();
    match e {
        PackageError::Send(e @ SendError::CannotSend { .. }) => common::refused(e),
        PackageError::Send(e) => e.into(),
        e => Failure::verbatim(class, e),
    }
}
