//! `publish`: what `cargo publish` would do with every crate that may be published, in order.

use xtask::run::{cargo, succeed};

/// Runs the verb: packages every crate, builds each from its package (not with `--no-verify`), and
/// uploads nothing. A crate whose licence, README or dependency's version is missing is refused.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let verify = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => true,
        ["--no-verify"] => false,
        _ => return Err("usage: publish [--no-verify]".to_owned()),
    };
    let mut publish = cargo(&["publish", "--workspace", "--dry-run", "--allow-dirty"]);
    if !verify {
        publish.arg("--no-verify");
    }
    succeed(publish)
}
