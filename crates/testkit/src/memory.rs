//! A bound of what is allocated.
//!
//! A parser that takes a length from its input, and allocates by it before it looks whether the bytes are
//! there, ends the process here: the allocation fails. A fuzzer takes that for a crash. The memory of all
//! threads counts, so a test that sets a bound runs alone in its process.
//!
//! ```no_run
//! use zsend_testkit::memory::{self, Allocator};
//!
//! #[global_allocator]
//! static ALLOCATOR: Allocator = memory::allocator();
//!
//! let input = b"some bytes of a stranger";
//! let bound = 64 * input.len() + (1 << 20);
//! memory::within(&ALLOCATOR, bound, || {
//!     let _ = zsend_records::nvlist::NvList::decode(input);
//! });
//! ```

use std::alloc::System;

/// An allocator that counts what it has given out, and can be told to give no more than so much.
pub type Allocator = cap::Cap<System>;

/// The allocator for a program's `#[global_allocator]`, at first without a bound.
pub const fn allocator() -> Allocator {
    Allocator::new(System, usize::MAX)
}

/// Runs `work`, which may have no more than `bytes` allocated at any moment beside what is allocated now.
/// An allocation past that fails, by which Rust's own collections end the process.
///
/// A bound within another one holds together with it.
///
/// # Panics
/// If other threads allocate so much meanwhile that the bound is passed before it is set.
pub fn within<R>(allocator: &Allocator, bytes: usize, work: impl FnOnce() -> R) -> R {
    let outer = Outer { allocator, limit: allocator.limit() };
    let limit = allocator.allocated().saturating_add(bytes).min(outer.limit);
    allocator.set_limit(limit).expect("nothing is over a bound that was not set yet");
    work()
}

/// Puts the bound back that was there before, even if the work has panicked.
struct Outer<'a> {
    allocator: &'a Allocator,
    limit: usize,
}

impl Drop for Outer<'_> {
    fn drop(&mut self) {
        // It is no lower than the one that held until now.
        let _ = self.allocator.set_limit(self.limit);
    }
}
