//! A line of a catalogue. One that is taken can be written, reads the same, and names a file in its folder.

use std::path::{Component, Path};
use zsend_catalogue::Entry;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let Ok(entry) = Entry::parse(bytes) else { return };
    let again = Entry::parse(entry.to_line().as_bytes());
    assert_eq!(again.as_ref(), Ok(&entry));
    let mut parts = Path::new(&entry.file).components();
    assert!(matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)));
}
