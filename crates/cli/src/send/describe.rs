//! Descriptions of a send before it is made: what is sent, and how large it will be.

use crate::args::SendArgs;
use crate::exit::Failure;
use crate::token;
use serde_json::json;
use zsend_pool::CancelToken;
use zsend_props::nice_bytes;
use zsend_records::nvlist::NvValue;
use zsend_traverse::SendPlan;

/// Returns the estimate in the words of `zfs send -v` of the dialect, with `-P` as its fields, or as
/// JSON; and as a number.
///
/// # Errors
/// Those of the estimate.
pub(crate) fn describe(
    args: &SendArgs,
    plan: &SendPlan<'_>,
    cancel: &CancelToken,
) -> Result<(Vec<u8>, u64), Failure> {
    let size = if args.exact {
        plan.exact_size(cancel).map(|summary| summary.bytes())
    } else {
        plan.estimate(cancel)
    };
    let size = size.map_err(super::refused)?;
    let name = plan.target().to_string();
    if args.json {
        let source = plan.incremental_source().map(|from| from.name.clone());
        let object = json!({
            "type": if source.is_some() { "incremental" } else { "full" },
            "from": source,
            "to": name,
            "size": size,
            "exact": args.exact,
        });
        return Ok((format!("{object:#}\n").into(), size));
    }
    let mut text = match &args.token {
        Some(token) => token::contents(&token::list(token)?),
        None if args.package.saved => saved(plan)?,
        None => Vec::new(),
    };
    let estimate = if args.parsable {
        match plan.incremental_source() {
            None => format!("full\t{name}\t{size}\nsize\t{size}\n"),
            Some(from) => format!("incremental\t{}\t{name}\t{size}\nsize\t{size}\n", from.name),
        }
    } else {
        let nice = if args.exact { format!("{size} bytes") } else { nice_bytes(size) };
        let what = match plan.incremental_source() {
            None => format!("full send of {name}"),
            Some(from) => format!("send from {} to {name}", source_shown(plan, &from.name)),
        };
        let is = if args.exact { "size is exactly" } else { "estimated size is" };
        format!("{what} {is} {nice}\ntotal {is} {nice}\n")
    };
    text.extend(estimate.into_bytes());
    Ok((text, size))
}

/// The state of a receive in the words of `zfs send -S -v`, which puts first what it does not change.
fn saved(plan: &SendPlan<'_>) -> Result<Vec<u8>, Failure> {
    let name = plan.target().to_string();
    let (_, mut token) = SendPlan::saved_token(plan.pool(), &name).map_err(super::refused)?;
    token.savedok = false;
    let mut list = token::list(&token::text(&token)?)?;
    for name in ["object", "offset", "bytes"] {
        list.insert(name, NvValue::Uint64(0));
    }
    list.insert("toname", NvValue::String(name.into()));
    Ok(token::contents(&list))
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
