//! `zsend keys`: what streams and pools say of their encryption without a key.

mod pools;
mod row;
mod streams;

use crate::args::KeysArgs;
use crate::exit::{CHAIN_BROKEN, CommandResult, Failure, be_quiet};
use crate::list::collect::Failures;
use crate::txgs::{self, Style};
use crate::{stdout, text};
use row::EncryptionRow;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use zsend_pool::ErrorClass;
use zsend_stream::keys::divergences;
use zsend_stream::outline::Budget;

/// Findings, in the order of the command line.
#[derive(Default)]
struct Found {
    rows: Vec<EncryptionRow>,
    /// Contradictions, besides those that [`divergences`] tells.
    faults: Vec<String>,
    failures: Failures,
    /// Budget of all streams together.
    budget: Budget,
}

/// Runs the subcommand.
pub(crate) fn run(args: &KeysArgs) -> CommandResult {
    be_quiet(args.pool.quiet);
    let is_stream = |target: &&OsString| {
        let path = Path::new(target);
        *target == "-" || (path.exists() && !path.is_dir())
    };
    let (streams, pools): (Vec<_>, Vec<_>) = args.targets.iter().partition(is_stream);
    let no_file = |target: &OsStr| format!("There is no file '{}'.", Path::new(target).display());
    let names = pools.iter().map(|target| {
        // Names of datasets are ASCII.
        let name = target.to_str().map(str::to_owned);
        name.ok_or_else(|| Failure::new(ErrorClass::Damaged, no_file(target)))
    });
    let pools: Vec<String> = names.collect::<Result<_, _>>()?;
    if args.pool.list_txgs {
        let style = Style { scripted: args.scripted, exact: true, json: args.json };
        return txgs::list(&args.pool.devices, &pools, style);
    }
    let mut found = Found::default();
    if !pools.is_empty() || streams.is_empty() {
        let collected = pools::collect(&args.pool, &pools, &mut found);
        // A name that no pool has may have been meant for a file.
        collected.map_err(|failure| match pools.first() {
            Some(name) if args.pool.names_no_device() => failure.and(no_file(name.as_ref())),
            Some(_) | None => failure,
        })?;
    }
    for stream in streams {
        match streams::collect(Path::new(stream), &mut found) {
            Err(failure) if failure.is_unsupported() => return Err(failure),
            Err(failure) => found.failures.note(failure),
            Ok(()) => {}
        }
    }
    show(args, found)
}

fn show(args: &KeysArgs, found: Found) -> CommandResult {
    let Found { rows, mut faults, failures, .. } = found;
    let copies: Vec<_> = rows.iter().flat_map(EncryptionRow::copies).collect();
    faults.extend(divergences(&copies).iter().map(ToString::to_string));
    let mut shown = if args.json {
        rows.iter().map(|row| row.json().to_string() + "\n").collect()
    } else if rows.is_empty() {
        String::new()
    } else {
        text::table(EncryptionRow::head(), rows.iter().map(EncryptionRow::cells), args.scripted)
    };
    for fault in &faults {
        shown += &match args.json {
            true => serde_json::json!({ "kind": "fault", "why": fault }).to_string(),
            false => text::one_line(fault),
        };
        shown.push('\n');
    }
    stdout::print(shown.as_bytes())?;
    failures.end()?;
    match text::count(faults.len() as u64, "fault") {
        _ if faults.is_empty() => Ok(()),
        count => Err(Failure::with_code(
            CHAIN_BROKEN,
            format!("{count}: what is there does not fit together"),
        )),
    }
}
