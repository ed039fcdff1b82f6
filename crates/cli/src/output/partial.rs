//! A file on its way to its name. Until it is whole and on disk it has another, which is its own: a
//! second send to the same name has one more.

use super::{Guard, Made, folder};
use crate::exit::{CommandResult, Failure};
use crate::sys::files::{Identity, check_writable, give_to_owner_of, names, open_own, sync_folder};
use std::fs::{self, File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zsend_pool::ErrorClass;

/// Sends to one name that may be under way at once.
const MOST: usize = 1000;

/// The names of a file that is made. The file is locked for as long as it has the first.
pub(crate) struct Partial {
    name: PathBuf,
    target: PathBuf,
    /// The stream is whole by itself, and not the rest of one that was sent before.
    is_whole: bool,
    made: Made,
}

impl Partial {
    /// Makes an empty file beside `target`: `TARGET.partial`, or `TARGET.partial.2` and so on if that is
    /// being written, or is something else than a stream. What an earlier send left is overwritten, but
    /// not by the rest of it: `is_whole` says that this is not one.
    pub(super) fn create(
        target: PathBuf,
        is_whole: bool,
        guard: &Guard,
    ) -> Result<(Self, File), Failure> {
        let failed = |e: io::Error| Failure::io("write to", &target, &e);
        let old = match fs::metadata(&target) {
            Ok(old) => Some(old),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(failed(e)),
        };
        if old.is_some() {
            guard.check(&target, &Identity::of_path(&target).map_err(failed)?)?;
            // To be replaced by another is to be written to.
            check_writable(&target).map_err(failed)?;
        }
        for number in 1..=MOST {
            let name = numbered(&target, number);
            let failed = |e: io::Error| Failure::io("write to", &name, &e);
            let Some(file) = lock(&name).map_err(failed)? else { continue };
            guard.check(&name, &Identity::of_file(&file).map_err(failed)?)?;
            let is_new = file.metadata().map_err(failed)?.len() == 0;
            let is_ours = is_new || is_whole && is_left(&file).map_err(failed)?;
            if !is_ours {
                continue;
            }
            // Until it has its name, no more people may read it than the file that it replaces.
            if let Some(old) = &old {
                file.set_permissions(old.permissions()).map_err(failed)?;
                give_to_owner_of(&file, old);
            }
            file.set_len(0).map_err(failed)?;
            let made = Made::new(&name, &file);
            let partial = Self { name, target, is_whole, made };
            // The token of what is overwritten leads nowhere.
            let _ = fs::remove_file(partial.token_file());
            return Ok((partial, file));
        }
        let why = format!("{MOST} files beside {} are in use", target.display());
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

    /// Makes the file durable, and gives it its name. What earlier sends to it left goes.
    pub(super) fn commit(self, file: File) -> CommandResult {
        let failed = |e: io::Error| Failure::io("write to", &self.name, &e);
        file.sync_all().map_err(failed)?;
        let failed = |e: io::Error| Failure::io("rename to", &self.target, &e);
        fs::rename(&self.name, &self.target).map_err(failed)?;
        // The new name is durable once the folder is.
        sync_folder(folder(&self.target)).map_err(failed)?;
        if self.is_whole {
            self.clean();
        }
        self.made.keep();
        Ok(())
    }

    /// Removes what sends to the same name left that nobody writes any more.
    fn clean(&self) {
        for number in 1..=MOST {
            let name = numbered(&self.target, number);
            if fs::symlink_metadata(&name).is_err() {
                break;
            }
            // Whoever has it open holds the lock; what is no stream is not ours. One that is empty may be new: it got its
            // name just before it was to be locked.
            let Ok(Some(file)) = lock(&name) else { continue };
            let is_ours = is_empty(&file).and_then(|empty| Ok(empty || is_left(&file)?));
            if is_ours.unwrap_or(false) && fs::remove_file(&name).is_ok() {
                let _ = fs::remove_file(with_end(&name, ".token"));
            }
        }
    }
}

/// Returns true if a file has no byte, and this name alone.
fn is_empty(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.len() == 0 && names(file)? == 1)
}

/// Returns true if a file was left by a send: a stream, under this name alone.
fn is_left(mut file: &File) -> io::Result<bool> {
    let mut head = [0; 16];
    if names(file)? != 1 || file.metadata()?.len() < head.len() as u64 {
        return Ok(false);
    }
    file.read_exact(&mut head)?;
    io::Seek::rewind(&mut file)?;
    let [.., magic] = head.as_chunks::<8>().0 else { return Ok(false) };
    let magic = [u64::from_le_bytes(*magic), u64::from_be_bytes(*magic)];
    Ok(magic.contains(&zsend_records::drr::MAGIC))
}

/// Times that a file may get its name between being opened and being locked.
const MOST_TRIES: usize = 100;

/// Opens a file that nobody else writes; `None` if somebody does. A link is not followed: nobody makes
/// one of that name.
fn lock(name: &Path) -> io::Result<Option<File>> {
    for _ in 0..MOST_TRIES {
        let file = open_own(name)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e),
        }
        // Between the two, whoever had it may have given it its name.
        match Identity::of_name(name) {
            Ok(found) if found.is(&Identity::of_file(&file)?) => return Ok(Some(file)),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::other("it gets another name again and again"))
}

/// Bytes of a file name that most file systems take.
const LONGEST_NAME: usize = 255;
/// Bytes of the longest end that a name gets: `.partial.1000.token`.
const LONGEST_END: usize = 19;
/// Bytes of a name's hash, in hexadecimal digits behind a hyphen.
const HASH: usize = 17;

/// The temporary name of this number. One that would be too long has the hash of the target's name in
/// place of its end.
fn numbered(target: &Path, number: usize) -> PathBuf {
    let end = if number == 1 { String::new() } else { format!(".{number}") };
    let end = format!(".partial{end}");
    match target.file_name() {
        Some(name) if name.len() + LONGEST_END > LONGEST_NAME => {
            let mut hash = DefaultHasher::new();
            name.hash(&mut hash);
            let name = name.to_string_lossy();
            let most = LONGEST_NAME - LONGEST_END - HASH;
            // A character has no more than four bytes.
            let kept = (0..4).find_map(|cut| name.get(..most - cut)).unwrap_or_default();
            target.with_file_name(format!("{kept}-{:016x}{end}", hash.finish()))
        }
        _ => with_end(target, &end),
    }
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

    fn create(target: &Path, is_whole: bool) -> (Partial, File) {
        Partial::create(target.to_owned(), is_whole, &Guard::default()).unwrap()
    }

    /// The beginning of a stream, and more.
    fn stream(more: &str) -> Vec<u8> {
        let magic = zsend_records::drr::MAGIC.to_le_bytes();
        [&[0; 8][..], &magic, more.as_bytes()].concat()
    }

    #[test]
    fn two_to_one_name_have_a_file_each() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("s");
        let (first, mut one) = create(&target, true);
        let (second, mut two) = create(&target, true);
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
    fn one_that_is_not_finished_stays_if_anything_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("s");
        drop(create(&target, true));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let (partial, mut file) = create(&target, true);
        file.write_all(b"one").unwrap();
        let name = partial.name().to_owned();
        drop((partial, file));
        assert!(name.exists());
        fs::remove_file(name).unwrap();
        // What is whole may be empty.
        let (partial, file) = create(&target, true);
        partial.commit(file).unwrap();
        assert!(target.exists());
    }

    #[test]
    fn an_empty_file_of_the_name_goes_too() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("s");
        let (first, one) = create(&target, true);
        let (second, two) = create(&target, true);
        first.commit(one).unwrap();
        // As another send makes it, if what it looked at gets its name before it is locked.
        fs::write(dir.path().join("s.partial"), "").unwrap();
        second.commit(two).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_as_long_as_may_be_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let short = [1, 235, 236, 237, 255].map(|length| "s".repeat(length));
        // Cut within a character, and not.
        let wide = ["é".repeat(127), format!("s{}", "é".repeat(127))];
        for name in short.into_iter().chain(wide) {
            let target = dir.path().join(name);
            let (first, mut one) = create(&target, true);
            let (second, two) = create(&target, true);
            assert!(first.name() != second.name() && first.token_file() != first.name());
            one.write_all(b"one").unwrap();
            fs::write(second.token_file(), "").unwrap();
            fs::remove_file(second.token_file()).unwrap();
            drop((second, two));
            first.commit(one).unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"one");
        }
        // Names with one beginning have temporary names of their own.
        let [a, b] = ["a", "b"].map(|end| dir.path().join("s".repeat(250) + end));
        assert_ne!(create(&a, true).0.name(), create(&b, true).0.name());
    }

    #[test]
    fn what_was_left_is_overwritten_but_not_by_the_rest_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let (target, left) = (dir.path().join("s"), dir.path().join("s.partial"));
        let token = dir.path().join("s.partial.token");
        fs::write(&left, stream("longer than the new")).unwrap();
        fs::write(&token, b"1-0-0-0").unwrap();
        let (rest, mut file) = create(&target, false);
        file.write_all(b"rest").unwrap();
        rest.commit(file).unwrap();
        assert!(left.exists() && token.exists() && fs::read(&target).unwrap() == b"rest");

        let (partial, mut file) = create(&target, true);
        assert!(partial.name() == left && !token.exists());
        file.write_all(b"new").unwrap();
        partial.commit(file).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_no_stream_or_has_another_name_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("data"), stream("precious")).unwrap();
        fs::hard_link(at("data"), at("s.partial")).unwrap();
        fs::write(at("s.partial.2"), "notes that somebody keeps here").unwrap();
        let (partial, mut file) = create(&at("s"), true);
        assert_eq!(partial.name(), at("s.partial.3"));
        file.write_all(b"new").unwrap();
        partial.commit(file).unwrap();
        assert_eq!(fs::read(at("data")).unwrap(), stream("precious"));
        assert_eq!(fs::read(at("s.partial.2")).unwrap(), b"notes that somebody keeps here");
    }
}
