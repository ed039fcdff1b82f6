//! Files: which two are one, whom they belong to, and descriptors.

use super::super::Destination;
use rustix::fs::{Access, OFlags, access};
use rustix::io::Errno;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

/// Identity of a file, whatever its names.
#[derive(Debug)]
pub(crate) struct Identity {
    /// Device and inode.
    file: (u64, u64),
    /// The device that a block device's node is of.
    node: Option<u64>,
}

impl Identity {
    fn of(found: &Metadata) -> Self {
        let node = found.file_type().is_block_device().then(|| found.rdev());
        Self { file: (found.dev(), found.ino()), node }
    }

    /// Identity of the file that a path leads to.
    pub(crate) fn of_path(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|found| Self::of(&found))
    }

    /// Identity of what has a name, be it a link.
    pub(crate) fn of_name(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|found| Self::of(&found))
    }

    /// Identity of an open file.
    pub(crate) fn of_file(file: &File) -> io::Result<Self> {
        file.metadata().map(|found| Self::of(&found))
    }

    /// Returns true if both are of one file, or of nodes of one block device.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.file == other.file || self.node.is_some() && self.node == other.node
    }
}

/// Number of names that an open file has.
pub(crate) fn names(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.nlink())
}

/// Opens a file for reading and writing, and makes it if there is none. A link is not followed, and no
/// FIFO is waited for.
pub(crate) fn open_own(name: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).map_err(io::Error::other)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).custom_flags(flags).open(name)
}

/// Opens a file that is there for reading and writing. Links are followed, and no FIFO is waited for.
pub(crate) fn open_there(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)
}

/// Fails if the file of this path may not be written to.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    Ok(access(path, Access::WRITE_OK)?)
}

/// Gives a file to whom another belongs, as far as the system allows.
pub(crate) fn give_to_owner_of(file: &File, other: &Metadata) {
    // Only root can give a file away; anyone else's is his own.
    let _ = fchown(file, Some(other.uid()), Some(other.gid()));
}

/// Makes the names of a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a file durable. What has no disk behind it, such as a pipe or a terminal, cannot be made so.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    file.sync_all().or_else(|e| match e.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::INVAL | Errno::NOTSUP | Errno::ROFS) => Ok(()),
        Some(_) | None => Err(e),
    })
}

/// The place that a path means by its name alone: in Linux's folder of descriptors, or beside it.
/// `folder` is the one that the path lies in.
pub(crate) fn named_place(path: &Path, folder: &Path) -> Option<Destination> {
    let folder = fs::canonicalize(folder).ok().filter(|folder| folder.starts_with("/proc"))?;
    let own = Path::new("/proc").join(std::process::id().to_string()).join("fd");
    let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
    Some(match number {
        Some(number) if folder == own => Destination::Descriptor(number),
        Some(_) | None => Destination::Special,
    })
}

/// Returns a file of its own for a descriptor that the program was started with, by its number.
pub(crate) fn duplicate(descriptor: i32) -> io::Result<File> {
    zsend_metal::stdio::duplicate(descriptor).map(File::from)
}

/// Returns standard input as a file.
pub(crate) fn standard_input() -> io::Result<File> {
    let fd: io::Result<OwnedFd> = io::stdin().as_fd().try_clone_to_owned();
    fd.map(File::from)
}

/// Returns standard output as a file.
pub(crate) fn standard_output() -> io::Result<File> {
    let fd: io::Result<OwnedFd> = io::stdout().as_fd().try_clone_to_owned();
    fd.map(File::from)
}

/// Large enough that writer and reader seldom wait for each other, and small enough that what lies in
/// it is still in the processor's second cache when it is read. The largest pipe that a system lets an
/// ordinary user have, 1 MiB, was measured to cost a quarter more time.
#[cfg(target_os = "linux")]
const PIPE_SIZE: usize = 256 << 10;

/// Makes a pipe larger than the 64 KiB that it has by itself.
/// Anything else, and a pipe that may not grow, works as it is.
/// Only Linux can.
pub(crate) fn grow_pipe(file: &File) {
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(file, PIPE_SIZE);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Opens an image, which is made if it is not there, or a device that nobody has in use.
pub(crate) fn open_volume(path: &Path) -> io::Result<File> {
    let is_device = fs::metadata(path).is_ok_and(|found| found.file_type().is_block_device());
    let mut options = OpenOptions::new();
    options.write(true);
    if is_device {
        // Of a device this says that no file system and no pool may have it.
        let flags = OFlags::EXCL.bits();
        options.custom_flags(i32::try_from(flags).map_err(io::Error::other)?);
    } else {
        options.create(true).truncate(false);
    }
    options.open(path)
}

/// Makes a hole in a file, which keeps its length; [`io::ErrorKind::Unsupported`] where there are none.
pub(crate) fn punch_hole(file: &File, offset: u64, len: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        fallocate(file, flags, offset, len).map_err(|e| match e {
            Errno::OPNOTSUPP | Errno::NOSYS => io::ErrorKind::Unsupported.into(),
            other => other.into(),
        })
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (file, offset, len);
        Err(io::ErrorKind::Unsupported.into())
    }
}
