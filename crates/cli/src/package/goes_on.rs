//! A package that was broken off: what is said of it, and where it goes on.

use super::failure;
use crate::exit::Failure;
use crate::output::Output;
use crate::send::common;
use crate::token;
use zsend_package::{Package, PackageError};
use zsend_traverse::{Progress, SendError};

/// The package from where `--continue-from` says: the full name of a snapshot, or `@snap` of the dataset
/// that is sent; or a token.
pub(super) fn begin<'p>(package: Package<'p>, from: &str) -> Result<Package<'p>, Failure> {
    let begun = match from.find('@') {
        Some(0) => {
            let dataset = package.target().split_once('@').map_or("", |(dataset, _)| dataset);
            let name = format!("{dataset}{from}");
            package.continue_after(&name)
        }
        Some(_) => package.continue_after(from),
        None => package.continue_from(&token::decode(from)?),
    };
    begun.map_err(failure)
}

/// Failure of a package that ended early in stream `at`, with the way to go on. With a file, what
/// `--continue-from` takes is left beside it.
pub(super) fn unfinished(
    package: &Package<'_>,
    output: &Output,
    at: usize,
    last: &Progress,
    e: PackageError,
) -> Failure {
    let is_delivered = !matches!(e, PackageError::Send(SendError::Output(_)));
    let e = match e {
        PackageError::Send(SendError::Pool(e)) => {
            PackageError::Send(SendError::Pool(package.pool().explained(e)))
        }
        e => e,
    };
    let member = package.member(at);
    let name = member.as_ref().map_or_else(|| package.target().to_owned(), |m| m.name.clone());
    let place = format!("stream {} of {}", at + 1, package.len());
    let is_lost = matches!(&e, PackageError::Send(e) if common::is_lost(e));
    let is_full = matches!(&e, PackageError::Send(e) if common::is_full(e));
    let mut failure = failure(e).context(format!("cannot send '{name}', {place}"));
    if is_lost {
        failure = failure.and(common::WITH_PATTERN);
    }
    if package.is_sent_again(at) {
        return failure.and("Nothing new was sent yet: go on with the same command.");
    }
    if let Some(partial) = output.left().filter(|_| is_full) {
        let more = "the same command with --continue-from TOKEN and another -o";
        return failure
            .context(format!("{} is not whole", partial.name().display()))
            .and(common::when_full(partial.name(), more));
    }
    let before = at.checked_sub(1).and_then(|before| package.member(before)).map(|m| m.name);
    let Some(partial) = output.left().filter(|_| is_delivered) else {
        let mut how =
            "To go on: the same command with --continue-from and what receive_resume_token \
                       says of the dataset whose receive was broken off"
                .to_owned();
        if let Some(before) = before {
            how += &format!(
                "; or, if no such token is there, the last snapshot it has, such as\n  {before}"
            );
        }
        return failure.and(how);
    };
    failure = failure.context(format!("{} is not whole", partial.name().display()));
    let (from, where_) = match (last.position, before) {
        (Some(position), _) => {
            let Ok(plan) = package.plan(at) else { return failure };
            let (object, offset) = (position.object(), position.offset());
            let at = format!("in {place}, at object {object}, offset {offset}");
            match plan.token_at(last).encode() {
                Ok(token) => (token, at),
                Err(e) => return failure.and(format!("There is no token to go on with: {e}")),
            }
        }
        (None, Some(before)) => (before, format!("at the start of {place}")),
        // It is sent from its start again.
        (None, None) => return failure,
    };
    // It is in the message too, so a file that cannot be written loses nothing.
    let _ = std::fs::write(partial.token_file(), format!("{from}\n"));
    failure.and(format!(
        "It ends {where_}. Once it was received with `zfs receive -s`, go on with the same command \
         and:\n  --continue-from {from}"
    ))
}
