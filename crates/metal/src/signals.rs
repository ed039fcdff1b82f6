//! Signals that a program was started to ignore.

/// Returns true if the signal is ignored, as one that `nohup` or a shell's background job leaves so.
/// False for a number that is no signal.
#[cfg(unix)]
pub fn is_ignored(signal: i32) -> bool {
    let mut current = core::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call changes nothing. It writes one structure of the type that
    // it is given, or fails.
    let answer = unsafe { libc::sigaction(signal, core::ptr::null(), current.as_mut_ptr()) };
    // SAFETY: all bytes are zero or what the call wrote, and both are a valid structure: it has
    // numbers, a set of bits and an optional function.
    answer == 0 && unsafe { current.assume_init() }.sa_sigaction == libc::SIG_IGN
}

#[cfg(all(test, unix, not(miri)))]
mod tests {
    use super::*;

    #[test]
    fn rust_ignores_a_broken_pipe_and_no_other() {
        // Rust's runtime ignores it in every program; nobody can ignore SIGKILL.
        assert!(is_ignored(libc::SIGPIPE));
        assert!(!is_ignored(libc::SIGKILL) && !is_ignored(libc::SIGSEGV));
        assert!(!is_ignored(0) && !is_ignored(-1) && !is_ignored(i32::MAX));
    }
}
