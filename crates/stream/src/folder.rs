//! Files of a folder: opened only if they are plain, and durable under their names once they are whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// End of the name of a file that is not whole yet.
pub(crate) const PARTIAL: &str = "partial";

/// Opens a file of a folder. A link is not followed, for it would lead out of the folder, and nothing is waited
/// for that is no file.
pub(crate) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(i32::try_from(flags.bits()).map_err(io::Error::other)?);
    }
    let no_file = || io::Error::other("it is not a regular file");
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(no_file());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file()) }
}

/// Opens a file for reading; `None` if there is none.
pub(crate) fn open_if_there(path: &Path) -> io::Result<Option<File>> {
    match open(path, OpenOptions::new().read(true)) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// A file on its way to its name: until it is whole, its name has an end, and it is locked. What an earlier run left
/// under that name goes. If it is dropped before, it is removed.
#[derive(Debug)]
pub(crate) struct Partial {
    pub(crate) file: File,
    target: PathBuf,
    name: PathBuf,
    is_kept: bool,
}

impl Partial {
    /// Makes an empty file beside `target`.
    pub(crate) fn create(target: PathBuf) -> io::Result<Self> {
        let mut name = target.clone().into_os_string();
        name.push(format!(".{PARTIAL}"));
        let name = PathBuf::from(name);
        let mut options = OpenOptions::new();
        let file = open(&name, options.read(true).write(true).create(true).truncate(false))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("it is being written by another run"));
            }
            Err(TryLockError::Error(e)) => return Err(e),
        }
        file.set_len(0)?;
        Ok(Self { file, target, name, is_kept: false })
    }

    /// Name that it gets when it is whole.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Makes the file durable and gives it its name, in place of whatever has that. The name is durable once the
    /// folder is ([`sync`]).
    pub(crate) fn commit(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.name, &self.target)?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_kept {
            // It is locked, and so nobody else's.
            let _ = fs::remove_file(&self.name);
        }
    }
}

/// Makes the names of a folder durable.
#[cfg(unix)]
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A folder cannot be opened as a file there.
#[cfg(not(unix))]
pub(crate) fn sync(_folder: &Path) -> io::Result<()> {
    Ok(())
}
