//! Any text as a resume token, and any packed nvlist as what is in one.
//!
//! A token that is accepted can be written, and what was written reads the same.

use zsend_records::nvlist::NvList;
use zsend_records::token::ResumeToken;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    if let Ok(Ok(token)) = std::str::from_utf8(bytes).map(ResumeToken::decode) {
        same(&token);
    }
    if let Ok((list, ..)) = NvList::decode_prefix(bytes)
        && let Ok(token) = ResumeToken::from_nvlist(&list)
    {
        same(&token);
    }
}

fn same(token: &ResumeToken) {
    let again = ResumeToken::decode(&token.encode().expect("a token that was read can be written")).expect("a token that was written can be read");
    assert_eq!(&again, token);
}
