//! A file or folder that was made for an output, and goes again if nothing came of it.

use crate::sys::files::Identity;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Something that was not there before. If it is dropped, and is still empty, it is removed.
#[derive(Debug)]
#[must_use = "what is made is removed when this is dropped"]
pub(crate) struct Made {
    path: PathBuf,
    /// Identity of a file; a folder is removed only if it is empty, whosever it is.
    file: Option<Identity>,
    /// It stays, whatever is in it.
    is_kept: bool,
}

impl Made {
    /// Makes a folder; `None` if there is one already.
    ///
    /// # Errors
    /// If it cannot be made, or what is there is no folder ([`io::ErrorKind::NotADirectory`]).
    pub(crate) fn folder(path: &Path) -> io::Result<Option<Self>> {
        match fs::create_dir(path) {
            Ok(()) => Ok(Some(Self { path: path.to_owned(), file: None, is_kept: false })),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(None),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                Err(io::Error::new(io::ErrorKind::NotADirectory, "it is no folder"))
            }
            Err(e) => Err(e),
        }
    }

    /// Takes a file that was just made under this name.
    pub(crate) fn file(path: &Path, file: &File) -> Self {
        Self { path: path.to_owned(), file: Identity::of_file(file).ok(), is_kept: false }
    }

    /// Leaves it there, whatever is in it.
    pub(crate) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let Some(made) = &self.file else {
            // It fails if there is anything in it. Of a file whose identity is not known it fails, too.
            let _ = fs::remove_dir(&self.path);
            return;
        };
        // Somebody else may have put another file in its place meanwhile.
        let is_same = Identity::of_name(&self.path).is_ok_and(|found| found.is(made));
        let is_empty = fs::symlink_metadata(&self.path).is_ok_and(|found| found.len() == 0);
        if is_same && is_empty {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_goes_and_what_is_not_or_was_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        drop(Made::folder(&at("empty")).unwrap().unwrap());
        assert!(!at("empty").exists());
        let full = Made::folder(&at("full")).unwrap().unwrap();
        fs::write(at("full/part"), "").unwrap();
        drop(full);
        assert!(at("full/part").exists());
        fs::create_dir(at("users")).unwrap();
        assert!(Made::folder(&at("users")).unwrap().is_none());
        assert_eq!(
            Made::folder(&at("full/part")).unwrap_err().kind(),
            io::ErrorKind::NotADirectory
        );
        Made::folder(&at("kept")).unwrap().unwrap().keep();
        assert!(at("kept").exists());

        let made = |name: &str| Made::file(&at(name), &File::create_new(at(name)).unwrap());
        drop(made("file"));
        assert!(!at("file").exists());
        let written = made("written");
        fs::write(at("written"), "x").unwrap();
        drop(written);
        assert!(at("written").exists());
        let replaced = made("replaced");
        fs::write(at("other"), "").unwrap();
        fs::rename(at("other"), at("replaced")).unwrap();
        drop(replaced);
        assert!(at("replaced").exists());
        made("wanted").keep();
        assert!(at("wanted").exists());
    }
}
