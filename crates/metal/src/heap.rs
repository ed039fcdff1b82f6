//! Memory that was freed and is soon wanted again.

/// Makes the allocator keep what is freed, up to 32 MiB at the end of each thread's heap, for a program that takes and frees
/// buffers of up to 4 MiB over and over: glibc gives them back to the kernel each time, which clears them and maps them anew.
///
/// It does nothing where the allocator is not glibc's, or addresses have 32 bits: there glibc refuses the half of it.
pub fn keep() {
    #[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64", not(miri)))]
    {
        // What is larger than 4 MiB goes back to the kernel at once: it is rare, and two or three of the largest blocks take
        // most of the memory that a program of ours may have.
        let kept = [(libc::M_MMAP_THRESHOLD, 4 << 20), (libc::M_TRIM_THRESHOLD, 32 << 20)];
        for (parameter, bytes) in kept {
            // SAFETY: the call sets one number, under the lock of the heap. Threads that allocate meanwhile may see the old
            // one or the new, and both are right: free() itself sets these two, without a lock, while others read them.
            unsafe { libc::mallopt(parameter, bytes) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    #[test]
    fn memory_is_there_before_and_behind_it() {
        // Miri is a thousand times slower, and leaves the call out.
        let len = if cfg!(miri) { 1 << 8 } else { 1 << 20 };
        let before: Vec<u8> = std::vec![1; len];
        super::keep();
        let behind: Vec<u8> = std::vec![2; len];
        assert!(before.iter().all(|&byte| byte == 1) && behind.iter().all(|&byte| byte == 2));
    }
}
