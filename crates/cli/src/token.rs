//! `zsend token`: the contents of a resume token.

use crate::args::TokenArgs;
use crate::exit::{CommandResult, Failure};
use crate::stdout;
use zsend_pool::ErrorClass;
use zsend_records::nvlist::NvList;
use zsend_records::token::{ResumeToken, TokenError, unpack};
use zsend_stream::dump::{nvlist_json, nvlist_text};

/// Runs the subcommand.
pub(crate) fn run(args: &TokenArgs) -> CommandResult {
    let list = list(&args.token)?;
    let text = if args.json { json(&list)? } else { contents(&list) };
    stdout::print(&text)
}

/// Returns a token as JSON, laid out for reading.
fn json(list: &NvList) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let damaged = |e: serde_json::Error| Failure::new(ErrorClass::Damaged, e);
    // Memory takes everything.
    let _ = nvlist_json(&mut text, list);
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(damaged)?;
    Ok(format!("{value:#}\n").into())
}

/// Returns a token in the words of `zfs send -v -t`.
pub(crate) fn contents(list: &NvList) -> Vec<u8> {
    let mut text = b"resume token contents:\n".to_vec();
    // Memory takes everything.
    let _ = nvlist_text(&mut text, list);
    text
}

/// The whole list in a token, known or not.
pub(crate) fn list(token: &str) -> Result<NvList, Failure> {
    decode(token)?;
    unpack(token).map_err(failure)
}

/// The text of a token.
pub(crate) fn text(token: &ResumeToken) -> Result<String, Failure> {
    token.encode().map_err(|e| Failure::new(ErrorClass::Damaged, e))
}

/// Decodes a token.
pub(crate) fn decode(token: &str) -> Result<ResumeToken, Failure> {
    ResumeToken::decode(token).map_err(failure)
}

/// Tells the fault of a token first as `zfs send -t` does, then exactly.
fn failure(e: TokenError) -> Failure {
    let kind = match &e {
        TokenError::Version { found } => format!("invalid version {found}"),
        TokenError::Checksum { .. } => "incorrect checksum".into(),
        TokenError::Parts { .. } | TokenError::Number { .. } => "invalid format".into(),
        _ => "payload is not valid".into(),
    };
    let message = format!("cannot resume send: resume token is corrupt ({kind})\n{e}");
    Failure::verbatim(ErrorClass::Damaged, message)
}
