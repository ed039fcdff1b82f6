//! `zsend token`: what a resume token says.

use crate::args::TokenArgs;
use crate::exit::{Done, Failure};
use std::io::Write;
use zsend_pool::ErrorClass;
use zsend_records::token::{ResumeToken, TokenError};
use zsend_stream::dump::{nvlist_json, nvlist_text};

/// Runs the subcommand.
pub(crate) fn run(args: &TokenArgs) -> Done {
    let list = decode(&args.token)?.to_nvlist();
    let mut text = Vec::new();
    let written = if args.json {
        writeln!(text, "{:#}", nvlist_json(&list))
    } else {
        text.extend_from_slice(b"resume token contents:\n");
        nvlist_text(&mut text, &list)
    };
    // Memory takes everything; and a reader that has gone away has seen what it wanted.
    let _ = written.and_then(|()| std::io::stdout().lock().write_all(&text));
    Ok(())
}

/// Decodes a token; what is wrong with it is told first as `zfs send -t` does, then exactly.
pub(crate) fn decode(token: &str) -> Result<ResumeToken, Failure> {
    ResumeToken::decode(token).map_err(|e| {
        let kind = match &e {
            TokenError::Version { found } => format!("invalid version {found}"),
            TokenError::Checksum { .. } => "incorrect checksum".into(),
            TokenError::Parts { .. } | TokenError::Number { .. } => "invalid format".into(),
            _ => "payload is not valid".into(),
        };
        let message = format!("cannot resume send: resume token is corrupt ({kind})\n{e}");
        Failure::new(ErrorClass::Damaged, message)
    })
}
