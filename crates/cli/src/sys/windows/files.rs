//! Files: which two are one, and what stands for standard output.

use super::super::Destination;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsHandle, OwnedHandle};
use std::path::{Component, Path, Prefix};
use winapi_util::file::{information, typ};

/// `FILE_FLAG_BACKUP_SEMANTICS`, of `CreateFileW`: a folder may be opened too.
const BACKUP_SEMANTICS: u32 = 0x0200_0000;
/// `FILE_FLAG_OPEN_REPARSE_POINT`, of `CreateFileW`: a link is opened, and not what it leads to.
const OPEN_REPARSE_POINT: u32 = 0x0020_0000;

/// Identity of a file, whatever its names: volume and index. A pipe or a console has none.
#[derive(Debug)]
pub(crate) struct Identity(Option<(u64, u64)>);

impl Identity {
    fn opened(path: &Path, flags: u32) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.access_mode(0).custom_flags(BACKUP_SEMANTICS | flags).open(path)?;
        Self::of_file(&file)
    }

    /// Identity of the file that a path leads to.
    pub(crate) fn of_path(path: &Path) -> io::Result<Self> {
        Self::opened(path, 0)
    }

    /// Identity of what has a name, be it a link.
    pub(crate) fn of_name(path: &Path) -> io::Result<Self> {
        Self::opened(path, OPEN_REPARSE_POINT)
    }

    /// Identity of an open file.
    pub(crate) fn of_file(file: &File) -> io::Result<Self> {
        if !typ(file)?.is_disk() {
            return Ok(Self(None));
        }
        let found = information(file)?;
        Ok(Self(Some((found.volume_serial_number(), found.file_index()))))
    }

    /// Returns true if both are of one file.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.is_some() && self.0 == other.0
    }
}

/// Number of names that an open file has.
pub(crate) fn names(file: &File) -> io::Result<u64> {
    Ok(information(file)?.number_of_links())
}

/// Opens a file for reading and writing, and makes it if there is none. A link is not followed.
pub(crate) fn open_own(name: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.custom_flags(OPEN_REPARSE_POINT).open(name)
}

/// Opens a file that is there for reading and writing. Links are followed.
pub(crate) fn open_there(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// Fails if the file of this path may not be written to.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.permissions().readonly() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(())
}

/// Leaves a file to whom it belongs: a new one has the access list of its folder.
pub(crate) fn give_to_owner_of(_file: &File, _other: &Metadata) {}

/// Leaves it to the file system when names are durable: a folder cannot be synced there.
pub(crate) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes a file durable. What has no disk behind it, such as a pipe, a console or `NUL`, cannot be made so.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    if typ(file)?.is_disk() { file.sync_all() } else { Ok(()) }
}

/// The place that a path means by its name alone: `NUL`, or what lies in `\\.\`, as named pipes do.
pub(crate) fn named_place(path: &Path, _folder: &Path) -> Option<Destination> {
    let is_device = match path.components().next() {
        Some(Component::Prefix(prefix)) => matches!(prefix.kind(), Prefix::DeviceNS(_)),
        _ => false,
    };
    (is_device || path.as_os_str().eq_ignore_ascii_case("nul")).then_some(Destination::Special)
}

/// Refuses a descriptor by its number, which no path of Windows means.
pub(crate) fn duplicate(_descriptor: i32) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns standard input as a file.
pub(crate) fn standard_input() -> io::Result<File> {
    let handle: io::Result<OwnedHandle> = io::stdin().as_handle().try_clone_to_owned();
    handle.map(File::from)
}

/// Returns standard output as a file.
pub(crate) fn standard_output() -> io::Result<File> {
    let handle: io::Result<OwnedHandle> = io::stdout().as_handle().try_clone_to_owned();
    handle.map(File::from)
}

/// Leaves a pipe as large as whoever made it wanted it.
pub(crate) fn grow_pipe(_file: &File) {}

/// Opens an image, which is made if it is not there.
pub(crate) fn open_volume(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)
}

/// Makes no hole: [`io::ErrorKind::Unsupported`].
pub(crate) fn punch_hole(_file: &File, _offset: u64, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
