//! Writes what `zfs send -R` writes, and goes on where an earlier run was broken off.
//!
//! `replicate IMAGE POOL SNAPSHOT [TOKEN|NAME]` writes to standard output.
#![allow(dead_code, reason = "a program, and a module of a test")]

use std::error::Error;
use std::io::{self, Write};
use zsend_package::{Package, PackageNotice, PackageOptions, PackageSummary};
use zsend_pool::{OpenOptions, Pool};
use zsend_records::token::ResumeToken;
use zsend_traverse::CancelToken;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (image, pool, snapshot, from) = match &args[..] {
        [image, pool, snapshot] => (image, pool, snapshot, None),
        [image, pool, snapshot, from] => (image, pool, snapshot, Some(from.as_str())),
        _ => return Err("usage: replicate IMAGE POOL SNAPSHOT [TOKEN|NAME]".into()),
    };
    let pool = Pool::open(&[image.into()], pool, &OpenOptions::default())?;
    let sent = replicate(&pool, snapshot, from, io::stdout())?;
    eprintln!("{} streams, {} bytes", sent.streams, sent.bytes);
    Ok(())
}

/// Sends a dataset and all below it, or the rest of that: behind the snapshot of a name, or from a token
/// on.
pub(crate) fn replicate(
    pool: &Pool,
    snapshot: &str,
    from: Option<&str>,
    out: impl Write + Send,
) -> Result<PackageSummary, Box<dyn Error>> {
    let options = PackageOptions::default().with_replicate(true).with_holds(true);
    let package = Package::open(pool, snapshot, &options)?;
    let package = match from {
        None => package,
        Some(name) if name.contains('@') => package.continue_after(name)?,
        Some(token) => package.continue_from(&ResumeToken::decode(token)?)?,
    };
    for left_out in package.omitted() {
        eprintln!("{left_out}");
    }
    let sent = package.write(out, &CancelToken::default(), |notice| {
        if let PackageNotice::Stream(member) = notice {
            eprintln!("{} of {}: {}", member.index + 1, member.count, member.name);
        }
    })?;
    Ok(sent)
}
