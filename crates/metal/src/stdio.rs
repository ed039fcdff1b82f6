//! Standard descriptors that were closed when the program started.
//!
//! Rust's runtime opens `/dev/null` in place of a standard descriptor that is closed, before `main`
//! runs, so that a program no longer sees that its output goes nowhere. This module looks earlier,
//! as the program is loaded.

use core::sync::atomic::{AtomicU8, Ordering};

/// One of the three standard descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// Descriptor 0.
    Input,
    /// Descriptor 1.
    Output,
    /// Descriptor 2.
    Error,
}

/// A bit for each descriptor that was closed.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Returns true if the descriptor was closed when the program started. Always false on systems other
/// than Linux, where nothing looks.
pub fn was_closed(descriptor: Standard) -> bool {
    CLOSED.load(Ordering::Relaxed) & 1 << descriptor as u8 != 0
}

/// Returns a duplicate of a descriptor that the program was started with, by its number. It shares the
/// place in the file with it, as a shell's `>&N`.
///
/// # Errors
/// Errors of the system, as of a number that is no descriptor.
#[cfg(unix)]
pub fn duplicate(descriptor: i32) -> std::io::Result<std::os::fd::OwnedFd> {
    use std::os::fd::BorrowedFd;
    if descriptor < 0 {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the number is not the one that stands for none. It is borrowed for the length of a call
    // that only duplicates it, and that fails if it is not open; nothing is read, written or closed.
    let borrowed: BorrowedFd<'_> = unsafe { BorrowedFd::borrow_raw(descriptor) };
    borrowed.try_clone_to_owned()
}

#[cfg(all(target_os = "linux", not(miri)))]
mod at_start {
    use super::{CLOSED, Ordering};
    use core::ffi::c_int;

    /// `F_GETFD`, Linux `include/uapi/asm-generic/fcntl.h`.
    const F_GETFD: c_int = 1;

    unsafe extern "C" {
        fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
    }

    extern "C" fn look() {
        for descriptor in 0..3 {
            // SAFETY: the declaration is that of POSIX; the command takes no argument, reads no
            // memory and changes nothing, and a descriptor that is not open is an error it returns.
            if unsafe { fcntl(descriptor, F_GETFD) } == -1 {
                CLOSED.fetch_or(1 << descriptor, Ordering::Relaxed);
            }
        }
    }

    // SAFETY: the loader calls each entry of this section once, with the C library ready, before the
    // runtime of Rust; `look` takes no argument that it would miss, and does not unwind.
    #[unsafe(link_section = ".init_array")]
    #[used]
    static LOOK: extern "C" fn() = look;
}

#[cfg(all(test, unix, not(miri)))]
mod tests {
    use super::*;

    // That a closed one is seen is a test of the program, which can be started with one closed.
    #[test]
    fn a_duplicate_is_another_descriptor_of_the_same_file() {
        use std::os::fd::AsRawFd;
        let error = duplicate(2).unwrap();
        assert!(error.as_raw_fd() > 2 && !was_closed(Standard::Error));
        assert!(duplicate(-1).is_err() && duplicate(1 << 20).is_err());
    }
}
