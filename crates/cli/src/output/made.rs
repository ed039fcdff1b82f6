//! A file that was made for an output, and goes again if nothing came of it.

use crate::sys::files::Identity;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Makes a folder if it is not there. It stays: another run may have begun to write into it.
///
/// # Errors
/// If it cannot be made, or what is there is no folder ([`io::ErrorKind::NotADirectory`]).
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        Ok(()) | Err(_) if path.is_dir() => Ok(()),
        Ok(()) | Err(_) => Err(io::Error::new(io::ErrorKind::NotADirectory, "it is no folder")),
    }
}

/// A file that whoever made it has locked. If it is dropped, and is still empty, it is removed; without the lock, another run
/// could have it open by then, and write what nobody finds again.
#[derive(Debug)]
#[must_use = "what is made is removed when this is dropped"]
pub(crate) struct Made {
    path: PathBuf,
    /// `None` if it is not known: it stays.
    identity: Option<Identity>,
}

impl Made {
    /// Takes a locked file under its name.
    pub(crate) fn new(path: &Path, file: &File) -> Self {
        Self { path: path.to_owned(), identity: Identity::of_file(file).ok() }
    }

    /// Leaves it there, whatever is in it.
    pub(crate) fn keep(mut self) {
        self.identity = None;
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let Some(made) = &self.identity else { return };
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
    fn a_folder_is_made_once_and_a_file_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        make_folder(&at("new")).unwrap();
        make_folder(&at("new")).unwrap();
        fs::write(at("file"), "").unwrap();
        let error = make_folder(&at("file")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
        assert_eq!(make_folder(&at("no/no")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_is_empty_goes_and_what_is_not_or_is_another_stays() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let made = |name: &str| Made::new(&at(name), &File::create_new(at(name)).unwrap());
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
