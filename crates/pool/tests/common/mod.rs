//! Helpers that the tests of whole pools share.

use std::path::Path;
use tempfile::TempDir;
use zsend_pool::{OpenOptions, Pool};

/// A copy of a fixture's images that may be changed.
pub(crate) fn copy(fixture: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    zsend_testkit::images::unpack_to(&zsend_testkit::fixture(fixture), dir.path()).unwrap();
    dir
}

/// Opens the pool of that name in a folder or on a file.
#[allow(dead_code, reason = "some test files open pools otherwise")]
pub(crate) fn open(path: &Path, name: &str, options: &OpenOptions) -> zsend_pool::Result<Pool> {
    Pool::open(&[path.to_owned()], name, options)
}
