//! Files of a folder of streams: found by their names, and opened only if they are plain.

use crate::error::{CatalogueError, Result};
use crate::settings;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The catalogue of a folder, of runs that are no shards.
pub(crate) const OWN: &str = "catalogue.jsonl";
/// The flags and the dialect of all streams of a folder.
pub(crate) const SETTINGS: &str = "catalogue.settings.json";

/// Opens a file of a folder. A link is not followed, for it would lead out of the folder, and nothing is waited
/// for that is no file, as a FIFO's other end.
pub(crate) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(i32::from_ne_bytes(flags.bits().to_ne_bytes()));
    }
    let no_file = || io::Error::other("it is not a regular file");
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(no_file());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file()) }
}

/// Makes the names of a folder durable.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A folder cannot be opened as a file there.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// The catalogues of a folder, by name.
///
/// # Errors
/// Those of reading it.
pub(crate) fn catalogues(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = names(folder)?;
    found.retain(|name| name == OWN || shard_of(name).is_some());
    Ok(found.iter().map(|name| folder.join(name)).collect())
}

/// The names in a folder that are text, sorted.
fn names(folder: &Path) -> Result<Vec<String>> {
    let failed = || CatalogueError::io("read", folder);
    let mut found = Vec::new();
    for item in fs::read_dir(folder).map_err(failed())? {
        found.extend(item.map_err(failed())?.file_name().into_string());
    }
    found.sort();
    Ok(found)
}

/// K and N of a name as `catalogue-K-of-N.jsonl`.
fn shard_of(name: &str) -> Option<(u32, u32)> {
    let (number, count) =
        name.strip_prefix("catalogue-")?.strip_suffix(".jsonl")?.split_once("-of-")?;
    let parse = |n: &str| n.bytes().all(|b| b.is_ascii_digit()).then(|| n.parse().ok()).flatten();
    Some((parse(number)?, parse(count)?))
}

/// Returns true for a name that belongs to no stream: of a catalogue, or of the settings.
pub(crate) fn is_of_catalogue(name: &str) -> bool {
    let is_settings = name == SETTINGS || settings::is_partial(name);
    name == OWN || is_settings || shard_of(name).is_some()
}

/// A run in shards of which not every shard has left a catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingShards {
    /// Number of shards of the run.
    pub count: u32,
    /// Numbers of those without a catalogue, the first ones.
    pub numbers: Vec<u32>,
    /// Number of all those.
    pub missing: u32,
}

/// Most numbers of [`MissingShards`].
const MOST_NUMBERS: usize = 16;

/// Shards whose catalogues are not in a folder while others of the same number are; nothing if all shards of
/// some run are there, for then the others may be what an earlier run has left.
///
/// # Errors
/// Those of reading the folder.
pub fn missing_shards(folder: &Path) -> Result<Vec<MissingShards>> {
    let mut runs: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (number, count) in names(folder)?.iter().filter_map(|name| shard_of(name)) {
        if (1..=count).contains(&number) {
            runs.entry(count).or_default().push(number);
        }
    }
    let mut all = Vec::new();
    for (count, mut there) in runs {
        there.sort_unstable();
        there.dedup();
        let missing = count - u32::try_from(there.len()).unwrap_or(count);
        if missing == 0 {
            return Ok(Vec::new());
        }
        let absent = (1..=count).filter(|number| there.binary_search(number).is_err());
        all.push(MissingShards { count, numbers: absent.take(MOST_NUMBERS).collect(), missing });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(names: &[&str]) -> Vec<MissingShards> {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(dir.path().join(name), "").unwrap();
        }
        missing_shards(dir.path()).unwrap()
    }

    #[test]
    fn shards_that_are_not_there_are_known_by_the_others() {
        assert!(with(&["catalogue.jsonl", "x"]).is_empty());
        assert!(with(&["catalogue-1-of-2.jsonl", "catalogue-2-of-2.jsonl"]).is_empty());
        let missing = with(&["catalogue-1-of-4.jsonl", "catalogue-3-of-4.jsonl"]);
        assert_eq!(missing, [MissingShards { count: 4, numbers: vec![2, 4], missing: 2 }]);
        // One run is whole: the other is of before.
        let names = ["catalogue-1-of-1.jsonl", "catalogue-3-of-4.jsonl"];
        assert!(with(&names).is_empty());
        let many = with(&["catalogue-1-of-1000000.jsonl"]);
        assert_eq!((many[0].missing, many[0].numbers.len()), (999_999, MOST_NUMBERS));
    }

    #[test]
    fn names_of_catalogues_are_no_streams() {
        for name in [OWN, SETTINGS, "catalogue-12-of-100.jsonl"] {
            assert!(is_of_catalogue(name), "{name}");
        }
        for name in ["catalogue--of-.jsonl", "catalogue-1-of-x.jsonl", "catalogue", "a.zsend"] {
            assert!(!is_of_catalogue(name), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_refused_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("precious"), "mine").unwrap();
        std::os::unix::fs::symlink("precious", at("link")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(at("fifo")).status().unwrap();
        assert!(made.success());
        for name in ["link", "fifo", "."] {
            let refused = open(&at(name), OpenOptions::new().read(true)).unwrap_err();
            assert!(refused.to_string().contains("regular file"), "{name}: {refused}");
            assert!(open(&at(name), OpenOptions::new().write(true).create(true)).is_err());
        }
        assert!(open(&at("precious"), OpenOptions::new().read(true)).is_ok());
    }
}
