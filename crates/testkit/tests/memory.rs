//! The bound of what is allocated: what keeps it goes on, what passes it ends the process.

use std::hint::black_box;
use std::process::Command;
use zsend_testkit::memory::{self, Allocator};

#[global_allocator]
static ALLOCATOR: Allocator = memory::allocator();

/// Set in the process that passes the bound.
const PASSING: &str = "ZSEND_TEST_PASSES_THE_BOUND";

/// One test, since the bound is the whole process's.
#[test]
fn an_allocation_past_the_bound_ends_the_process() {
    if std::env::var_os(PASSING).is_some() {
        memory::within(&ALLOCATOR, 1 << 20, || drop(black_box(vec![1_u8; 2 << 20])));
        return;
    }
    let kept = memory::within(&ALLOCATOR, 1 << 20, || {
        assert!(Vec::<u8>::new().try_reserve(2 << 20).is_err());
        memory::within(&ALLOCATOR, usize::MAX, || {
            assert!(Vec::<u8>::new().try_reserve(2 << 20).is_err(), "the outer bound holds, too");
        });
        (0..100).map(|_| black_box(vec![1_u8; 512 << 10]).len()).sum::<usize>()
    });
    assert_eq!(kept, 100 * (512 << 10));
    let panicked = std::panic::catch_unwind(|| {
        // Without the hook, whose backtrace may need more than the bound.
        memory::within(&ALLOCATOR, 1 << 20, || std::panic::resume_unwind(Box::new(())));
    });
    assert!(panicked.is_err());
    assert_eq!(black_box(vec![1_u8; 2 << 20]).len(), 2 << 20);

    let me = std::env::current_exe().expect("a test knows its program");
    let passed = Command::new(me).env(PASSING, "1").output().expect("the test runs again");
    assert!(!passed.status.success());
    let told = String::from_utf8_lossy(&passed.stderr);
    assert!(told.contains("memory allocation of 2097152 bytes failed"), "{told}");
}
