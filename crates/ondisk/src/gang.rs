//! Gang headers: block pointers to the pieces of a block, and a checksum.
//!
//! Source: OpenZFS `include/sys/zio.h` (`zio_gbh_phys_t`), zfs-2.3.2; of other sizes zfs-2.4.0.

use crate::blkptr::{BLKPTR_SIZE, BlkPtr};
use crate::embedded::{self, Sum};
use crate::{LayoutError, Order};
use alloc::vec;
use alloc::vec::Vec;

/// Bytes of a header, unless the vdev's smallest allocation is larger and the pool has the feature for
/// such headers: `SPA_OLD_GANGBLOCKSIZE`.
pub const HEADER_SIZE: usize = 512;

/// Pointers that a header of `size` bytes has room for: three in one of [`HEADER_SIZE`].
pub const fn capacity(size: usize) -> usize {
    size.saturating_sub(embedded::LEN) / BLKPTR_SIZE
}

/// All pointers of a header, holes too, by a writer of that order.
pub fn pointers(header: &[u8], order: Order) -> impl Iterator<Item = BlkPtr> {
    let room = capacity(header.len());
    let chunks = header.as_chunks::<BLKPTR_SIZE>().0.iter().take(room);
    chunks.map(move |bytes| BlkPtr::parse_in(bytes, order))
}

/// Bytes of the longest header, which is one sector: `ASHIFT_MAX` is 16.
pub const MAX_SIZE: usize = 1 << 16;

/// The bytes of a header of `size`, as a writer of that order leaves them. `verifier` is
/// [`gang_verifier`](embedded::gang_verifier), and `sum` the part of the checksum that the block's pointer
/// asks for.
///
/// # Errors
/// [`LayoutError::Field`] for more pointers than there is room for, and more bytes than [`MAX_SIZE`]; [`LayoutError::Embedded`] where there
/// is none for the checksum.
pub fn build(
    children: &[BlkPtr],
    size: usize,
    verifier: [u64; 4],
    sum: Sum,
    order: Order,
) -> Result<Vec<u8>, LayoutError> {
    if size > MAX_SIZE {
        let expected = alloc::format!("at most {MAX_SIZE}");
        return Err(LayoutError::field("bytes of a gang header", size as u64, expected));
    }
    let most = capacity(size);
    if children.len() > most {
        let found = children.len() as u64;
        return Err(LayoutError::field("pieces of a gang", found, format_args!("at most {most}")));
    }
    let mut header = vec![0; size];
    let (places, _) = header.as_chunks_mut::<BLKPTR_SIZE>();
    for (to, child) in places.iter_mut().zip(children) {
        *to = child.to_bytes(order);
    }
    embedded::seal(&mut header, verifier, sum, order)?;
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::{EmbeddedError, verify};

    #[test]
    fn what_is_built_reads_back() {
        assert_eq!([0, 39, 512, 4096].map(capacity), [0, 0, 3, 31]);
        for (size, order) in [(512, Order::Little), (4096, Order::Big)] {
            let most = capacity(size);
            let children: Vec<_> =
                (0..most as u64).map(|i| BlkPtr::from_words([i + 1; 16])).collect();
            let verifier = [3, 4, 5, 0];
            let header = build(&children, size, verifier, Sum::ForMac, order).unwrap();
            assert_eq!(header.len(), size);
            assert!(pointers(&header, order).eq(children.iter().copied()));
            assert_eq!(verify(&header, verifier, Sum::ForMac), Ok(order));
            let more = [&children[..], &children[..1]].concat();
            assert!(build(&more, size, verifier, Sum::Whole, order).is_err());
        }
        for size in [MAX_SIZE + 1, usize::MAX / 2, usize::MAX] {
            assert!(build(&[], size, [0; 4], Sum::Whole, Order::Big).is_err());
        }
        let short = build(&[], 39, [0; 4], Sum::Whole, Order::Big);
        assert_eq!(short, Err(LayoutError::Embedded(EmbeddedError::Short { found: 39 })));
    }
}
