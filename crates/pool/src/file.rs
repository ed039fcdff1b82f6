//! Files as each system has them: reads at an offset, and what a path names.

use std::fs::{File, FileType};
use std::io;

/// Fills `buf` from a file's byte `offset` on. Threads may do so side by side.
#[cfg(unix)]
pub(crate) fn read_exact_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buf, offset)
}

/// Fills `buf` from a file's byte `offset` on. Threads may do so side by side: such a read names its offset,
/// and what it does to the handle's own position is of no matter.
#[cfg(windows)]
pub(crate) fn read_exact_at(file: &File, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !buf.is_empty() {
        match file.seek_read(buf, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buf = &mut buf[read..];
                offset += read as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Returns true for a block device, of which Windows shows none as a file.
pub(crate) fn is_block_device(kind: FileType) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::FileTypeExt::is_block_device(&kind);
    #[cfg(not(unix))]
    {
        let _ = kind;
        false
    }
}

/// Returns true for what has no offsets: a FIFO or a socket.
pub(crate) fn is_pipe(kind: FileType) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        kind.is_fifo() || kind.is_socket()
    }
    #[cfg(not(unix))]
    {
        let _ = kind;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_past_the_end_fails_and_one_before_it_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, b"0123456789").unwrap();
        let file = File::open(&path).unwrap();
        let mut buf = [0; 4];
        read_exact_at(&file, &mut buf, 6).unwrap();
        assert_eq!(&buf, b"6789");
        let error = read_exact_at(&file, &mut buf, 7).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let kind = file.metadata().unwrap().file_type();
        assert!(!is_block_device(kind) && !is_pipe(kind));
    }
}
