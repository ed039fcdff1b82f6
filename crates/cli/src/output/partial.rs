//! A file on its way to its name. Until it is whole and on disk it has another, which is its own: a
//! second send to the same name has one more.

use super::folder;
use crate::exit::{Done, Failure};
use rustix::fs::{FlockOperation, OFlags, flock};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zsend_pool::ErrorClass;

/// Sends to one name that may be under way at once.
const MOST: usize = 1000;

/// The names of a file that is made. The file is locked for as long as it has the first.
pub(crate) struct Partial {
    name: PathBuf,
    target: PathBuf,
}

impl Partial {
    /// Makes an empty file beside `target`: `TARGET.partial`, or `TARGET.partial.2` and so on if
    /// others are being written. What an earlier send left there is overwritten.
    pub(crate) fn create(target: PathBuf) -> Result<(Self, File), Failure> {
        for number in 1..=MOST {
            let end = if number == 1 { String::new() } else { format!(".{number}") };
            let name = with_end(&target, &format!(".partial{end}"));
            let failed = |e: io::Error| Failure::io("write to", &name, &e);
            if let Some(file) = lock(&name).map_err(failed)? {
                // Until it has its name, no more people may read it than the file that it replaces.
                match fs::metadata(&target) {
                    Ok(old) => file.set_permissions(old.permissions()).map_err(failed)?,
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    Err(e) => return Err(failed(e)),
                }
                file.set_len(0).map_err(failed)?;
                let partial = Self { name, target };
                // The token of what is overwritten leads nowhere.
                partial.forget_token();
                return Ok((partial, file));
            }
        }
        let why = format!("{MOST} sends to {} are under way", target.display());
        Err(Failure::new(ErrorClass::Device, why))
    }

    /// Name that the file has until it is whole.
    pub(crate) fn name(&self) -> &Path {
        &self.name
    }

    /// File beside it for the token to go on from.
    pub(crate) fn token_file(&self) -> PathBuf {
        with_end(&self.name, ".token")
    }

    fn forget_token(&self) {
        let _ = fs::remove_file(self.token_file());
    }

    /// Makes the file durable, and gives it its name.
    pub(super) fn commit(self, file: File) -> Done {
        let failed = |e: io::Error| Failure::io("write to", &self.name, &e);
        file.sync_all().map_err(failed)?;
        let failed = |e: io::Error| Failure::io("rename to", &self.target, &e);
        fs::rename(&self.name, &self.target).map_err(failed)?;
        // The new name is durable once the folder is.
        File::open(folder(&self.target)).and_then(|f| f.sync_all()).map_err(failed)
    }
}

/// Times that a file may get its name between being opened and being locked.
const MOST_TRIES: usize = 100;

/// Opens a file that nobody else writes; `None` if somebody does. A link is not followed: nobody makes
/// one of that name.
fn lock(name: &Path) -> io::Result<Option<File>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).map_err(io::Error::other)?;
    for _ in 0..MOST_TRIES {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).custom_flags(flags);
        let file = options.open(name)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(e) if e == rustix::io::Errno::WOULDBLOCK => return Ok(None),
            Err(e) => return Err(e.into()),
        }
        // Between the two, whoever had it may have given it its name.
        match fs::symlink_metadata(name) {
            Ok(found) if (found.dev(), found.ino()) == identity(&file)? => return Ok(Some(file)),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::other("it gets another name again and again"))
}

fn identity(file: &File) -> io::Result<(u64, u64)> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// A path with something behind its last name.
fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn two_to_one_name_have_a_file_each() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("s");
        let (first, mut one) = Partial::create(target.clone()).unwrap();
        let (second, mut two) = Partial::create(target.clone()).unwrap();
        assert_eq!(first.name(), dir.path().join("s.partial"));
        assert_eq!(second.name(), dir.path().join("s.partial.2"));
        one.write_all(b"one").unwrap();
        two.write_all(b"two and more").unwrap();
        second.commit(two).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"two and more");
        first.commit(one).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"one");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_left_is_overwritten_with_its_token() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("s");
        fs::write(dir.path().join("s.partial"), b"longer than the new").unwrap();
        fs::write(dir.path().join("s.partial.token"), b"1-0-0-0").unwrap();
        let (partial, mut file) = Partial::create(target.clone()).unwrap();
        assert!(!partial.token_file().exists());
        file.write_all(b"new").unwrap();
        partial.commit(file).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
    }
}
