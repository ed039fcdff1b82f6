//! Options of `bench`.

use std::path::{Path, PathBuf};

/// Text of `bench --help`.
pub(super) const HELP: &str = "\
usage: cargo xtask bench [OPTION]...

  --against zdb    the reference beside us, in turn, where it can make the stream; repeatable
  --zdb-whole      zdb with the wait at its end, up to a second after its stream is written
  --against cat    and `cat` of the image into a pipe, beside sends into one; of a stored stream to
                   where ours goes, beside what reads or changes one
  --against zstream  and `zstream dump`, beside what reads or changes a stored stream
  --against PATH   another build of zsend, with a slash in its name, as one of before a change
  --scale          other rows: from 1,000 to 10,000,000 records, a million objects, 1 TiB of holes
  --make           first make the pools that are not there, or not as they should be
  --only TEXT      only rows whose name contains TEXT; repeatable, any of them counts
  --runs N         runs of each side, of which the median counts (default 5)
  --json           the rows as JSON, at the end
  --help           this

The pools are in target/perf; a row whose pool is not there is left out. With --make, only the pools
of the rows that are asked for are made. Images are read through once before each set of runs, so
that all sides find them in the page cache, if there is memory for it. zdb is made to end when its
stream is written (zdb-at-once.c), which needs a C compiler, unless there is --zdb-whole.";

/// Runs of each side, if nothing else is said; the median counts.
const RUNS: usize = 5;

/// The references that there are.
const REFERENCES: [&str; 3] = ["zdb", "cat", "zstream"];

/// Options of the verb.
pub(super) struct Options {
    against: Vec<String>,
    before: Option<PathBuf>,
    /// The reference's process is measured to its end, not to the end of its stream.
    pub(super) zdb_whole: bool,
    /// Texts of which a row's name must contain one, unless there are none.
    pub(super) only: Vec<String>,
    /// Runs of each side, at least one.
    pub(super) runs: usize,
    /// The rows as JSON.
    pub(super) json: bool,
    /// Pools are made first.
    pub(super) make: bool,
    /// The rows of [`crate::scale`], not the others.
    pub(super) scale: bool,
    /// Only the help is wanted.
    pub(super) help: bool,
}

impl Options {
    /// Reads the arguments of the verb.
    pub(super) fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Self {
            against: Vec::new(),
            before: None,
            zdb_whole: false,
            only: Vec::new(),
            runs: RUNS,
            json: false,
            make: false,
            scale: false,
            help: false,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().cloned().ok_or(format!("{arg} takes a value"));
            match arg.as_str() {
                "--against" => match value()? {
                    path if path.contains('/') => options.before = Some(path.into()),
                    reference => options.against.push(reference),
                },
                "--zdb-whole" => options.zdb_whole = true,
                "--only" => options.only.push(value()?),
                "--runs" => options.runs = runs(&value()?)?,
                "--json" => options.json = true,
                "--make" => options.make = true,
                "--scale" => options.scale = true,
                "--help" | "-h" => options.help = true,
                other => return Err(format!("no option is called {other}\n\n{HELP}")),
            }
        }
        if let Some(other) = options.against.iter().find(|a| !REFERENCES.contains(&a.as_str())) {
            return Err(format!(
                "--against takes zdb, cat, zstream or a path with a slash, not {other}"
            ));
        }
        Ok(options)
    }

    /// Returns true if this reference runs beside us.
    pub(super) fn is_against(&self, reference: &str) -> bool {
        self.against.iter().any(|a| a == reference)
    }

    /// The other build of ours that runs beside us.
    pub(super) fn before(&self) -> Option<&Path> {
        self.before.as_deref()
    }

    /// Returns true if any of these rows was asked for.
    pub(super) fn wants(&self, names: &[&str]) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| names.iter().any(|n| n.contains(text)))
    }
}

fn runs(value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(runs) if runs > 0 => Ok(runs),
        _ => Err(format!("--runs takes a number of at least 1, not {value}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        Options::parse(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_row_is_wanted_if_its_name_contains_any_of_the_texts() {
        assert!(parse(&[]).unwrap().wants(&["8K volume, pipe"]));
        let options = parse(&["--only", "volume", "--only", "GCM"]).unwrap();
        assert!(options.wants(&["one-block objects", "AES-256-GCM, raw"]));
        assert!(options.wants(&["8K volume, pipe"]));
        assert!(!options.wants(&["one-block objects"]));
    }

    #[test]
    fn there_is_at_least_one_run() {
        assert_eq!(parse(&["--runs", "1"]).unwrap().runs, 1);
        for value in ["0", "-1", "many"] {
            assert!(parse(&["--runs", value]).is_err(), "{value}");
        }
    }

    #[test]
    fn what_is_not_an_option_is_refused_by_name() {
        assert!(parse(&["--against", "zfs"]).err().unwrap().contains("not zfs"));
        assert!(parse(&["--fast"]).err().unwrap().contains("--fast"));
        assert!(parse(&["--only"]).err().unwrap().contains("takes a value"));
    }
}
