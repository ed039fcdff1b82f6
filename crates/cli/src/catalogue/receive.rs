//! `zsend catalogue ls --receive TARGET`: the commands that receive a folder's streams.

use super::open;
use crate::exit::{CommandResult, Failure, warn};
use crate::stdout;
use crate::text::count;
use std::fmt::Write;
use std::path::Path;
use zsend_pool::dsl::name::{Name, Suffix};

/// Prints a script for `sh`.
pub(super) fn print(folder: &Path, target: &str) -> CommandResult {
    if Name::parse(target)?.suffix != Suffix::None {
        return Err(Failure::usage(format!("--receive takes a dataset, not '{target}'")));
    }
    let catalogue = open(folder)?;
    let receipts = catalogue.receipts();
    let lost = catalogue.entries().len() - receipts.len();
    let mut script = String::from("set -e\n");
    let _ = writeln!(script, "cd {}", quoted(&whole(folder)?));
    for receipt in &receipts {
        // It makes those above it, too.
        if let Some(parent) = receipt.parents.last() {
            let _ = writeln!(script, "zfs create -p -u {}", quoted(&placed(parent, target)));
        }
        script.push_str("zfs receive -u ");
        if let Some(origin) = &receipt.origin {
            let _ = write!(script, "-o origin={} ", quoted(&placed(origin, target)));
        }
        let into = quoted(&placed(&receipt.into, target));
        let _ = writeln!(script, "{into} < {}", quoted(&receipt.entry.file));
    }
    stdout::print(script.as_bytes())?;
    if lost > 0 {
        let streams = count(lost as u64, "stream");
        warn(format!("{streams} left out, for what they are incremental from is not there"));
    }
    Ok(())
}

/// The folder's whole path, by which the script finds it from anywhere.
fn whole(folder: &Path) -> Result<String, Failure> {
    let whole = std::path::absolute(folder).map_err(|e| Failure::io("find", folder, &e))?;
    let text = whole.to_str().map(str::to_owned);
    text.ok_or_else(|| Failure::usage(format!("'{}' is no text", folder.display())))
}

/// A name at the receiver: what was the pool is the target.
fn placed(name: &str, target: &str) -> String {
    let end = name.find(['/', '@']).unwrap_or(name.len());
    format!("{target}{}", &name[end..])
}

/// A word of `sh` that stands for this text.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_placed_below_the_target() {
        for (name, expected) in [
            ("tank", "b/t"),
            ("tank/fs", "b/t/fs"),
            ("tank@a", "b/t@a"),
            ("tank/fs@a/b", "b/t/fs@a/b"),
        ] {
            assert_eq!(placed(name, "b/t"), expected);
        }
    }

    #[test]
    fn no_name_leaves_its_word() {
        assert_eq!(quoted("a'; rm -rf /"), r"'a'\''; rm -rf /'");
        assert_eq!(quoted("$(x) `y` \\"), r"'$(x) `y` \'");
    }
}
