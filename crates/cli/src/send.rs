//! `zsend send`: from the command line to a stream.

use crate::args::SendArgs;
use crate::exit::{Done, Failure, warn};
use crate::output::Output;
use crate::progress::Meter;
use crate::text::nice_bytes;
use std::io::Write;
use std::sync::atomic::AtomicBool;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::pool::Pool;
use zsend_traverse::SendError;
use zsend_traverse::options::{SendOptions, Tunables};
use zsend_traverse::send::SendPlan;

/// Runs the subcommand.
pub(crate) fn run(args: &SendArgs) -> Done {
    let target = Name::parse(&args.target)?;
    let from = args.from.as_deref().map(|from| source_name(from, &target));
    let options = options(args)?;
    let pool = Pool::open(&args.pool.devices, target.pool())?;
    for warning in pool.warnings() {
        warn(warning);
    }
    let plan = SendPlan::by_name(&pool, &args.target, from.as_deref(), options).map_err(refused)?;
    let cancel = AtomicBool::new(false);
    if args.dry_run {
        return if args.verbose > 0 || args.parsable { estimate(args, &plan, &cancel) } else { Ok(()) };
    }
    let mut output = Output::open(args.output.as_deref())?;
    if args.verbose > 0 {
        describe(args, &plan, &cancel, &mut std::io::stderr())?;
    }
    let mut meter = Meter::new(args, plan.name(), || plan.estimate(&cancel).ok());
    let sent = plan.write(&mut output, &cancel, |progress| meter.update(progress));
    meter.finish();
    for healed in if args.verbose > 0 { pool.zio().healed() } else { Vec::new() } {
        let attempts: Vec<_> = healed.attempts.iter().map(ToString::to_string).collect();
        warn(format!("{}: read from another copy: {}", healed.at, attempts.join("; ")));
    }
    if pool.zio().healed_count() > 0 {
        warn(format!("{} blocks were read only after a first try had failed", pool.zio().healed_count()));
    }
    let report = sent.map_err(|e| {
        let failure = Failure::from(e).context(format!("cannot send '{}'", args.target));
        match output.partial() {
            Some(partial) => failure.context(format!("{} is not whole", partial.display())),
            None => failure,
        }
    })?;
    for lost in &report.replaced {
        warn(format!("replaced by the pattern 0x2f5baddb10c: {lost}"));
    }
    if !report.replaced.is_empty() {
        warn(format!("{} unreadable blocks were replaced", report.replaced.len()));
    }
    output.commit()
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
        let (name, value) = tunable
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--tunable takes NAME=VALUE, not '{tunable}'")))?;
        tunables.set(name, value).map_err(Failure::usage)?;
    }
    Ok(SendOptions {
        dialect: args.dialect,
        embed: args.embed,
        large_block: args.large_block,
        compress: args.compress,
        raw: args.raw,
        resume: None,
        tunables,
        threads: args.threads,
    })
}

/// `zfs send` prints a refusal of the kernel as a warning, and one of its own as it is.
fn refused(e: SendError) -> Failure {
    match e {
        SendError::Refused(why) if why.starts_with("cannot send") => {
            Failure::new(zsend_pool::ErrorClass::Damaged, format!("warning: {why}"))
        }
        other => other.into(),
    }
}

fn estimate(args: &SendArgs, plan: &SendPlan<'_>, cancel: &AtomicBool) -> Done {
    let stdout = std::io::stdout();
    describe(args, plan, cancel, &mut stdout.lock())
}

/// Prints what is sent and how large it will be, in the words of `zfs send -v`.
fn describe(args: &SendArgs, plan: &SendPlan<'_>, cancel: &AtomicBool, out: &mut dyn Write) -> Done {
    let size = plan.estimate(cancel)?;
    let name = plan.name().trim_end_matches("@--head--");
    let text = if args.parsable {
        match plan.source() {
            None => format!("full\t{name}\t{size}\nsize\t{size}\n"),
            Some(from) => format!("incremental\t{}\t{name}\t{size}\nsize\t{size}\n", from.name),
        }
    } else {
        let nice = nice_bytes(size);
        let what = match plan.source() {
            None => format!("full send of {name}"),
            Some(from) => {
                let short = from.name.find(['@', '#']).map_or(&*from.name, |i| &from.name[i..]);
                let same = Name::parse(&from.name).is_ok_and(|n| {
                    matches!(n.suffix, Suffix::Snapshot(_)) && name.starts_with(&n.dataset)
                });
                format!("send from {} to {name}", if same { short } else { &from.name })
            }
        };
        format!("{what} estimated size is {nice}\ntotal estimated size is {nice}\n")
    };
    // A reader that has gone away wanted no more of the estimate.
    let _ = out.write_all(text.as_bytes());
    Ok(())
}
