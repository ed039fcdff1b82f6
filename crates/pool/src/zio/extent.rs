//! A stretch of a device that is read at once, for neighbouring blocks that are wanted one after
//! another: one call instead of many.

use super::Zio;
use crate::blkptr::Dva;
use crate::buffer;
use crate::label::DATA_START;
use bytes::Bytes;

/// Bytes of a device, not verified: a block that is looked for in them is checked as one that was
/// read alone is, and read alone if it does not pass.
#[derive(Clone, Debug)]
pub struct Extent {
    vdev: u64,
    offset: u64,
    data: Bytes,
}

impl Extent {
    /// The bytes of a copy of a block, if they lie in the extent.
    pub(super) fn find(&self, dva: Dva, size: usize) -> Option<Bytes> {
        if dva.vdev() != self.vdev || dva.is_gang() {
            return None;
        }
        let from = usize::try_from(dva.offset().checked_sub(self.offset)?).ok()?;
        let to = from.checked_add(size)?;
        (to <= self.data.len()).then(|| self.data.slice(from..to))
    }
}

impl Zio {
    /// Reads `len` bytes from an offset of a top-level vdev's data. The caller bounds `len`.
    ///
    /// `None` where neighbouring offsets are not neighbouring bytes (raidz, draid, a removed
    /// device), where the device that would be read first is missing or may be out of date, and
    /// where the read fails: whoever then reads the blocks alone learns why.
    pub fn read_extent(&self, vdev: u64, offset: u64, len: usize) -> Option<Extent> {
        let device = self.tree().plain_device(vdev)?;
        let start = offset.checked_add(DATA_START)?;
        if start.checked_add(len as u64)? > device.size() {
            return None;
        }
        let mut data = buffer::take_at_least(len);
        device.read_at(&mut data[..len], start).ok()?;
        Some(Extent { vdev, offset, data: buffer::freeze(data).slice(..len) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blkptr::BlkPtr;
    use crate::place::Bookmark;
    use crate::zio::Access;
    use crate::zio::read::tests::zio_of;
    use zsend_records::fletcher::Fletcher4;

    /// A pointer to an uncompressed block of one sector.
    fn pointer(offset: u64, data: &[u8]) -> BlkPtr {
        let mut words = [0; 16];
        words[0] = 1;
        words[1] = offset >> 9;
        // Uncompressed, fletcher4, little-endian; both sizes are one sector.
        words[6] = 2 << 32 | 7 << 40 | 19 << 48 | 1 << 63;
        words[10] = 5;
        words[12..].copy_from_slice(&Fletcher4::of(data).words());
        BlkPtr::from_words(words)
    }

    #[test]
    fn blocks_come_from_the_extent_and_from_the_device_where_it_is_wrong() {
        let (first, second) = ([1u8; 512], [2u8; 512]);
        let zio = zio_of(&[(0, &first), (512, &second)], 9);
        let mut extent = zio.read_extent(0, 0, 1024).unwrap();
        let at = Bookmark::default();
        let read = |extent: &Extent, offset: u64, data: &[u8]| {
            let access = Access { crypt: None, extent: Some(extent) };
            zio.read(&pointer(offset, data), &at, access).unwrap()
        };
        let found = read(&extent, 512, &second);
        assert_eq!(found, second[..]);
        assert_eq!(found.as_ptr(), extent.data[512..].as_ptr(), "nothing was copied");
        // What was overwritten, or torn, while it was read together is read again alone.
        extent.data = Bytes::from(vec![9; 1024]);
        assert_eq!(read(&extent, 512, &second), second[..]);
        assert_eq!(zio.healed_count(), 0);
    }

    #[test]
    fn nothing_lies_outside_an_extent() {
        let zio = zio_of(&[(0, &[7; 4096])], 9);
        let extent = zio.read_extent(0, 512, 1024).unwrap();
        let dva = |vdev: u64, sector: u64| Dva::from_words([vdev << 32 | 1, sector]);
        assert!(extent.find(dva(0, 1), 1024).is_some());
        assert!(extent.find(dva(0, 2), 512).is_some());
        for (dva, size) in [
            (dva(0, 0), 512),
            (dva(0, 2), 513),
            (dva(0, 1), usize::MAX),
            (dva(0, u64::MAX >> 10), 512),
            (dva(1, 1), 512),
            (Dva::from_words([1, 1 << 63 | 1]), 512),
        ] {
            assert!(extent.find(dva, size).is_none(), "{dva:?} {size}");
        }
        assert!(zio.read_extent(0, u64::MAX - 100, 512).is_none());
        assert!(zio.read_extent(0, 6 << 20, 512).is_none());
        assert!(zio.read_extent(1, 0, 512).is_none());
    }
}
