//! Mirrors, and the replacing and spare vdevs that read like one: any child has everything.

use super::{Request, Vdev};

/// Offers each child's copy, those that may be out of date last.
pub(super) fn read(
    children: &[Vdev],
    offset: u64,
    size: usize,
    request: &mut Request<'_>,
) -> Option<Vec<u8>> {
    for suspect in [false, true] {
        for child in children.iter().filter(|c| c.suspect == suspect) {
            if let Some(bytes) = child.read(offset, size, request) {
                return Some(bytes);
            }
        }
    }
    None
}
