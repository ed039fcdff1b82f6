//! Hints for who types as `zdb -B` wants it.

use std::path::Path;

/// A flag of `zdb`, the test of its value, and what to type here.
type Hint = (&'static str, fn(&str) -> bool, &'static str);

const HINTS: [Hint; 6] = [
    ("-p", is_path, "zdb's -p PATH is -d PATH here; -p of zfs send means properties"),
    (
        "-U",
        is_path,
        "zdb's -U FILE has no counterpart: devices are named with -d, not by a cache file",
    ),
    ("-K", |_| true, "zdb's -K KEY is --key DATASET=FILE here, with the key in the file"),
    (
        "-o",
        is_tunable,
        "zdb's -o NAME=VALUE is --tunable NAME=VALUE here; -o names the output file",
    ),
    ("-h", |_| true, "-h means holds, as in zfs send; for help: zsend send --help"),
    ("-B", |_| true, "zdb's -B is the verb: zsend send"),
];

fn is_path(value: &str) -> bool {
    value.contains('/') && Path::new(value).exists()
}

/// Returns true for an assignment to something that looks like a tunable.
pub(crate) fn is_tunable(value: &str) -> bool {
    let is_name = |name: &str| {
        name.contains('_') && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    value.split_once('=').is_some_and(|(name, number)| {
        is_name(name) && number.bytes().next().is_some_and(|b| b.is_ascii_digit())
    })
}

/// Returns what to type instead of each flag of `zdb` in a command line.
pub(crate) fn of(args: &[String]) -> Vec<&'static str> {
    let value = |i: usize| args.get(i + 1).map_or("", String::as_str);
    HINTS
        .iter()
        .filter(|(flag, test, _)| {
            args.iter().enumerate().any(|(i, arg)| arg == flag && test(value(i)))
        })
        .map(|(.., hint)| *hint)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_zdb_have_a_hint_each() {
        let line =
            |args: &[&str]| of(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>()).len();
        assert_eq!(line(&["-B", "-e", "-p", "/tmp", "-K", "k", "-U", "/dev/null", "tank/54"]), 4);
        assert_eq!(line(&["-o", "zfs_send_corrupt_data=1", "tank/54"]), 1);
        assert_eq!(line(&["-o", "out.zsend", "-p", "tank/fs@a"]), 0);
    }
}
