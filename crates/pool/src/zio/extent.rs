//! A stretch of a vdev that is read at once, for neighbouring blocks that are wanted one after
//! another: one call for each device instead of many.

use super::Zio;
use crate::blkptr::{BlkPtr, Dva, MAX_BLOCK_SIZE};
use crate::buffer;
use crate::cancel::CancelToken;
use crate::vdev::{Request, Rows, VdevTree};
use bytes::Bytes;
use std::ops::Range;
use zsend_ondisk::label::DATA_START;

/// Bytes of a top-level vdev, not verified: a block that is looked for in them is checked as one that
/// was read alone is, and read alone if it does not pass.
#[derive(Clone, Debug)]
pub struct Extent {
    vdev: u64,
    bytes: ExtentBytes,
}

#[derive(Clone, Debug)]
enum ExtentBytes {
    /// Of the one device, from an offset of the vdev.
    Plain { offset: u64, data: Bytes },
    /// Of all children.
    Rows(Rows),
}

impl Extent {
    /// The bytes of a copy of a block that lies in the extent, if they pass the request's check.
    pub(super) fn find(
        &self,
        tree: &VdevTree,
        dva: Dva,
        size: usize,
        request: &mut Request<'_>,
    ) -> Option<Bytes> {
        if dva.vdev() != self.vdev || dva.is_gang() {
            return None;
        }
        match &self.bytes {
            ExtentBytes::Plain { offset, data } => {
                // Which blocks these are was not known when they were read.
                if !tree.plain_device_has(self.vdev, request.want) {
                    return None;
                }
                let from = usize::try_from(dva.offset().checked_sub(*offset)?).ok()?;
                let to = from.checked_add(size)?;
                let found = (to <= data.len()).then(|| data.slice(from..to))?;
                (request.check)(&found).ok()?;
                Some(found)
            }
            ExtentBytes::Rows(rows) => tree.read_from(rows, dva, size, request).map(buffer::freeze),
        }
    }
}

impl Zio {
    /// Place of the first copy of a block: its top-level vdev, and the range of that vdev's data that
    /// an extent has to have. `None` for a gang, and for more bytes than a block has.
    pub fn span(&self, bp: &BlkPtr) -> Option<(u64, Range<u64>)> {
        let dva = bp.dvas().next().filter(|dva| !dva.is_gang())?;
        if bp.psize() > MAX_BLOCK_SIZE {
            return None;
        }
        let end = dva.offset().checked_add(self.tree().span(dva, bp.psize()))?;
        Some((dva.vdev(), dva.offset()..end))
    }

    /// Reads `len` bytes from an offset of a top-level vdev's data. The caller bounds `len`.
    ///
    /// `None` where neighbouring offsets are not neighbouring bytes (raidz, draid, a removed
    /// device), where the device that would be read first is missing or may be out of date altogether,
    /// and where the read fails: whoever then reads the blocks alone learns why.
    pub fn read_extent(&self, vdev: u64, offset: u64, len: usize) -> Option<Extent> {
        let device = self.tree().plain_device(vdev)?;
        let start = offset.checked_add(DATA_START)?;
        if start.checked_add(len as u64)? > device.size() {
            return None;
        }
        let mut data = buffer::take_at_least(len);
        device.read_at(&mut data[..len], start).ok()?;
        let data = buffer::freeze(data).slice(..len);
        Some(Extent { vdev, bytes: ExtentBytes::Plain { offset, data } })
    }

    /// As [`Self::read_extent`], with the same bound, for a raidz: a read of each child, and a copy of
    /// every block that is taken from it. Worth it where reading takes longer than copying. Once the token
    /// is cancelled, no other child is read.
    pub fn read_rows(
        &self,
        vdev: u64,
        offset: u64,
        len: usize,
        cancel: &CancelToken,
    ) -> Option<Extent> {
        let rows = self.tree().read_rows(vdev, offset, len, cancel)?;
        Some(Extent { vdev, bytes: ExtentBytes::Rows(rows) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vdev::Want;
    use crate::zbookmark::Zbookmark;
    use crate::zio::Access;
    use crate::zio::read::tests::zio_of;
    use zsend_records::fletcher::Fletcher4;
    use zsend_records::types::{Checksum, DmuType};

    /// A pointer to an uncompressed block of one sector.
    fn pointer(offset: u64, data: &[u8]) -> BlkPtr {
        BlkPtr::builder()
            .object_type(DmuType::PLAIN_FILE_CONTENTS)
            .checksum_type(Checksum::FLETCHER_4)
            .checksum(Fletcher4::of(data).words())
            .dva(0, Dva::new(0, offset, 512).unwrap())
            .logical_birth(5)
            .build()
            .unwrap()
    }

    #[test]
    fn blocks_come_from_the_extent_and_from_the_device_where_it_is_wrong() {
        let (first, second) = ([1u8; 512], [2u8; 512]);
        let zio = zio_of(&[(0, &first), (512, &second)], 9);
        let mut extent = zio.read_extent(0, 0, 1024).unwrap();
        let at = Zbookmark::default();
        let read = |extent: &Extent, offset: u64, data: &[u8]| {
            let access = Access { extent: Some(extent), ..Access::default() };
            zio.read(&pointer(offset, data), &at, access).unwrap()
        };
        let found = read(&extent, 512, &second);
        assert_eq!(found, second[..]);
        let ExtentBytes::Plain { data, .. } = &mut extent.bytes else { panic!("{extent:?}") };
        assert_eq!(found.as_ptr(), data[512..].as_ptr(), "nothing was copied");
        // What was overwritten, or torn, while it was read together is read again alone.
        *data = Bytes::from(vec![9; 1024]);
        assert_eq!(read(&extent, 512, &second), second[..]);
        assert_eq!(zio.recovered().count(), 0);
    }

    #[test]
    fn nothing_lies_outside_an_extent() {
        let zio = zio_of(&[(0, &[7; 4096])], 9);
        let extent = zio.read_extent(0, 512, 1024).unwrap();
        let dva = |vdev: u64, sector: u64| Dva::new(vdev, sector * 512, 512).unwrap();
        let find = |dva, size| {
            let (check, attempts, doubts) = (&mut |_: &[u8]| Ok(()), &mut vec![], &mut vec![]);
            let want = Want::written_in(0);
            extent.find(
                zio.tree(),
                dva,
                size,
                &mut Request { check, attempts, doubts, want, cancel: None },
            )
        };
        assert!(find(dva(0, 1), 1024).is_some());
        assert!(find(dva(0, 2), 512).is_some());
        for (dva, size) in [
            (dva(0, 0), 512),
            (dva(0, 2), 513),
            (dva(0, 1), usize::MAX),
            (dva(0, u64::MAX >> 19), 512),
            (dva(1, 1), 512),
            (dva(0, 1).gang(), 512),
        ] {
            assert!(find(dva, size).is_none(), "{dva:?} {size}");
        }
        assert!(zio.read_extent(0, u64::MAX - 100, 512).is_none());
        assert!(zio.read_extent(0, 6 << 20, 512).is_none());
        assert!(zio.read_extent(1, 0, 512).is_none());
    }
}
