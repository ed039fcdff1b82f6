//! Fixtures and their cases, for tests: the pools of `fixtures/`, unpacked once, and what the
//! reference senders made of them; arbitrary streams and small pools; damage that checksums do not show; and
//! a bound of what is allocated.
//!
//! A dev-dependency only. Its binaries are what `cargo xtask conform` and `cargo xtask send` run.
//!
//! ```
//! let dir = zsend_testkit::images::unpack(&zsend_testkit::fixture("dedup"))?;
//! assert!(dir.join("d0.img").exists());
//! # Ok::<(), String>(())
//! ```

pub mod cases;
pub mod damage;
pub mod images;
pub mod memory;
pub mod pool;
pub mod stored;
pub mod streams;

use std::fmt::Write;
use std::path::PathBuf;
use xtask::run::root;

/// A folder of `fixtures/`.
pub fn fixture(name: &str) -> PathBuf {
    root().join("fixtures").join(name)
}

/// A digest as references have it: two hexadecimal digits a byte.
pub fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().fold(String::new(), |mut text, byte| {
        // Memory takes everything.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
