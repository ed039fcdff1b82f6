//! The settings of a folder: what all its streams have in common, and the lock of its runs.

use crate::error::{CatalogueError, Result};
use crate::files::{self, SETTINGS};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Most bytes of the file.
const MAX_FILE: u64 = 4 << 10;
/// Version of the format.
const VERSION: u32 = 1;

/// Flags and dialect of streams: those that stand on one another have the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    version: u32,
    /// Flags of `zfs send`, of `L`, `e`, `c`, `w`, in this order.
    pub flags: String,
    /// The sender whose streams they are, by its name on the command line.
    pub dialect: String,
}

impl Settings {
    /// These.
    pub fn new(flags: impl Into<String>, dialect: impl Into<String>) -> Self {
        Self { version: VERSION, flags: flags.into(), dialect: dialect.into() }
    }
}

/// Runs that may be in a folder together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Company {
    /// None but this.
    Alone,
    /// Shards, each with a catalogue of its own.
    Shards,
}

/// Takes the settings of a folder for a run, and makes them if there are none. The folder is locked as long as the
/// file is open.
///
/// # Errors
/// [`CatalogueError::InUse`], [`CatalogueError::Settings`] if the folder's are others, and those of reading and
/// writing.
pub(crate) fn take(folder: &Path, wanted: &Settings, company: Company) -> Result<File> {
    let path = folder.join(SETTINGS);
    let failed = |verb| CatalogueError::io(verb, &path);
    if !path.exists() {
        make(folder, &path, wanted).map_err(failed("make"))?;
        clean(folder).map_err(failed("make"))?;
    }
    let mut file =
        files::open(&path, OpenOptions::new().read(true).write(true)).map_err(failed("open"))?;
    let locked = match company {
        Company::Alone => file.try_lock(),
        Company::Shards => file.try_lock_shared(),
    };
    match locked {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(CatalogueError::InUse(path)),
        Err(TryLockError::Error(e)) => return Err(failed("lock")(e)),
    }
    let found = read(&mut file).map_err(failed("read"))?;
    if found != *wanted {
        let settings = Box::new((found, wanted.clone()));
        return Err(CatalogueError::Settings { path, settings });
    }
    Ok(file)
}

/// The settings of a folder, if it has any.
///
/// # Errors
/// Those of reading.
pub(crate) fn of(folder: &Path) -> Result<Option<Settings>> {
    let path = folder.join(SETTINGS);
    let failed = || CatalogueError::io("read", &path);
    match files::open(&path, OpenOptions::new().read(true)) {
        Ok(mut file) => read(&mut file).map(Some).map_err(failed()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed()(e)),
    }
}

fn read(file: &mut File) -> io::Result<Settings> {
    let mut text = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut text)?;
    let settings: Settings = serde_json::from_slice(&text).map_err(io::Error::other)?;
    if settings.version != VERSION {
        return Err(io::Error::other(format!("version {} is not known", settings.version)));
    }
    Ok(settings)
}

/// Removes what runs have left that were killed while they made the file.
fn clean(folder: &Path) -> io::Result<()> {
    for item in fs::read_dir(folder)? {
        let item = item?;
        if item.file_name().to_str().is_some_and(is_partial) {
            // Of runs that begin at once each does this.
            match fs::remove_file(item.path()) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                Ok(()) | Err(_) => {}
            }
        }
    }
    Ok(())
}

/// Returns true for the name of the file before it has its own.
pub(crate) fn is_partial(name: &str) -> bool {
    let numbers = name.strip_prefix(SETTINGS).and_then(|rest| rest.strip_prefix(".partial."));
    let is_number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    // Older ones have the process alone.
    numbers.is_some_and(|n| {
        let (process, number) = n.split_once('.').unwrap_or((n, "0"));
        is_number(process) && is_number(number)
    })
}

/// Files that this process has made for what is not whole yet.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Makes a file that nobody else has, for what is not whole yet.
fn partial(folder: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = folder.join(format!("{SETTINGS}.partial.{process}.{number}"));
        match files::open(&path, OpenOptions::new().write(true).create_new(true)) {
            // A killed run had the same number.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|file| (path, file)),
        }
    }
}

/// Makes the file, whole from the moment that it has its name. Of several runs that begin at once one makes it.
fn make(folder: &Path, path: &Path, settings: &Settings) -> io::Result<()> {
    let (own, mut file) = partial(folder)?;
    let linked = (|| {
        serde_json::to_writer(&mut file, settings)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        // Unlike a rename, it does not replace what another has made meanwhile.
        fs::hard_link(&own, path)
    })();
    // Of a file that is removed while it is open, NFS keeps another name until it is closed.
    drop(file);
    let _ = fs::remove_file(&own);
    match linked {
        // Another run was first; it may have taken ours for what a killed one has left.
        Err(e) if !path.exists() => Err(e),
        Ok(()) | Err(_) => files::sync_folder(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_run_or_shards_of_one_kind() {
        let dir = tempfile::tempdir().unwrap();
        let (plain, packed) = (Settings::new("", "openzfs"), Settings::new("Lec", "openzfs"));
        assert_eq!(of(dir.path()).unwrap(), None);
        // What a killed run has left.
        fs::write(dir.path().join(format!("{SETTINGS}.partial.1")), "{").unwrap();
        let first = take(dir.path(), &packed, Company::Shards).unwrap();
        assert_eq!(of(dir.path()).unwrap().as_ref(), Some(&packed));
        let second = take(dir.path(), &packed, Company::Shards).unwrap();
        let other = take(dir.path(), &plain, Company::Shards).unwrap_err();
        assert!(
            matches!(&other, CatalogueError::Settings { settings, .. } if settings.0 == packed)
        );
        let alone = || take(dir.path(), &packed, Company::Alone);
        assert!(matches!(alone(), Err(CatalogueError::InUse(_))));
        drop((first, second));
        let only = alone().unwrap();
        let shard = take(dir.path(), &packed, Company::Shards);
        assert!(matches!(shard, Err(CatalogueError::InUse(_))));
        drop(only);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn shards_that_begin_at_once_all_get_in() {
        let settings = Settings::new("", "openzfs");
        for _ in 0..100 {
            let dir = tempfile::tempdir().unwrap();
            // Some have the numbers that are taken next.
            let (process, next) = (std::process::id(), MADE.load(Ordering::Relaxed));
            for killed in 0..4 {
                let old = format!("{SETTINGS}.partial.{killed}");
                let left = format!("{SETTINGS}.partial.{process}.{}", next + killed);
                for name in [old, left] {
                    fs::write(dir.path().join(name), "{").unwrap();
                }
            }
            let barrier = std::sync::Barrier::new(8);
            let begin = || {
                barrier.wait();
                take(dir.path(), &settings, Company::Shards).map(drop)
            };
            std::thread::scope(|scope| {
                let runs = [(); 8].map(|()| scope.spawn(begin));
                runs.map(|run| run.join().unwrap().unwrap())
            });
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn names_of_what_is_not_whole_have_one_number_or_two() {
        for name in ["", ".", "1.", ".1", "1.2.3", "a", "1.a"] {
            assert!(!is_partial(&format!("{SETTINGS}.partial.{name}")), "{name}");
        }
        assert!(is_partial(&format!("{SETTINGS}.partial.1")));
        assert!(is_partial(&format!("{SETTINGS}.partial.1.20")));
        assert!(!is_partial(SETTINGS));
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "{}", r#"{"version":2,"flags":"","dialect":"openzfs"}"#] {
            fs::write(dir.path().join(SETTINGS), text).unwrap();
            let wanted = Settings::new("", "openzfs");
            assert!(take(dir.path(), &wanted, Company::Alone).is_err(), "{text}");
        }
    }
}
