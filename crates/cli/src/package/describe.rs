//! Descriptions of a package before it is made: its streams, and how large they will be.

use super::failure;
use crate::args::SendArgs;
use crate::exit::{Failure, warn};
use crate::send::describe::describe as send_describe;
use serde_json::json;
use std::fmt::Write;
use zsend_package::{Package, PackageError};
use zsend_pool::CancelToken;
use zsend_props::nice_bytes;
use zsend_traverse::SendError;

/// Returns the estimate in the words of `zfs send -v`, with `-P` as its fields, or as JSON; and as a
/// number. An exact size is that of all that is written, headers included; an estimate is of the
/// streams alone, as `zfs send` makes it.
///
/// Follows `dump_snapshot()` and `send_print_verbose()`, OpenZFS `lib/libzfs/libzfs_sendrecv.c`,
/// zfs-2.3.2.
///
/// # Errors
/// Those of the exact size. A stream whose size cannot be estimated is left out of the total, with a
/// warning.
pub(super) fn describe(
    args: &SendArgs,
    package: &Package<'_>,
    cancel: &CancelToken,
) -> Result<(Vec<u8>, u64), Failure> {
    if !args.package.is_of_many() && !args.exact && !args.json {
        let plan = package.plan_of_estimate(0).map_err(failure)?;
        return send_describe(args, &plan, cancel);
    }
    let (mut text, mut streams, mut total) = (String::new(), Vec::new(), 0u64);
    for member in package.members() {
        let size = if args.exact {
            let plan = package.plan(member.index).map_err(failure)?;
            plan.exact_size(cancel).map(|summary| summary.bytes()).map_err(PackageError::from)
        } else {
            let plan = package.plan_of_estimate(member.index);
            plan.and_then(|plan| Ok(plan.estimate(cancel)?))
        };
        let size = match size {
            Ok(size) => size,
            Err(e) if args.exact || matches!(e, PackageError::Send(SendError::Cancelled)) => {
                return Err(failure(e));
            }
            Err(e) => {
                warn(format!("cannot estimate space for '{}': {e}", member.name));
                continue;
            }
        };
        total = total.saturating_add(size);
        let (name, from) = (&member.name, member.from);
        // Writing to a string does not fail.
        let _ = match (args.json, args.parsable, from) {
            (true, _, _) => {
                let kind = if from.is_some() { "incremental" } else { "full" };
                streams.push(json!({ "type": kind, "from": from, "to": name, "size": size }));
                Ok(())
            }
            (false, true, Some(from)) => writeln!(text, "incremental\t{from}\t{name}\t{size}"),
            (false, true, None) => writeln!(text, "full\t{name}\t{size}"),
            (false, false, Some(from)) => {
                let sign = if from.contains(['@', '#']) { "" } else { "@" };
                writeln!(text, "send from {sign}{from} to {name}{}", shown(args, size))
            }
            (false, false, None) => writeln!(text, "full send of {name}{}", shown(args, size)),
        };
    }
    if args.exact {
        total = package.size_with(total);
    }
    if args.json {
        let object = json!({
            "type": "package",
            "to": package.target(),
            "streams": streams,
            "size": total,
            "exact": args.exact,
        });
        return Ok((format!("{object:#}\n").into(), total));
    }
    let _ = if args.parsable {
        writeln!(text, "size\t{total}")
    } else if args.exact {
        writeln!(text, "total size is exactly {total} bytes")
    } else {
        writeln!(text, "total estimated size is {}", nice_bytes(total))
    };
    Ok((text.into(), total))
}

/// A size behind what it is of; `zfs send` shows no estimate of nothing.
fn shown(args: &SendArgs, size: u64) -> String {
    match (args.exact, size) {
        (true, size) => format!(" size is exactly {size} bytes"),
        (false, 0) => String::new(),
        (false, size) => format!(" estimated size is {}", nice_bytes(size)),
    }
}
