//! Devices in memory: zeros, and sectors that were written over another device.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{PoisonError, RwLock};
use zsend_pool::{Device, Source};

/// Bytes of a sector.
pub(super) const SECTOR: usize = 512;

/// A device of zeros.
pub(super) struct Blank(pub(super) u64);

impl Source for Blank {
    fn read_at(&self, buf: &mut [u8], _: u64) -> io::Result<()> {
        buf.fill(0);
        Ok(())
    }

    fn size(&self) -> u64 {
        self.0
    }
}

/// Sectors that were written over a device, which itself stays as it is.
pub(super) struct Overlay {
    under: Device,
    written: RwLock<BTreeMap<u64, [u8; SECTOR]>>,
}

impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overlay").field("under", &self.under).finish_non_exhaustive()
    }
}

impl Overlay {
    /// A device to which nothing was written yet.
    pub(super) const fn new(under: Device) -> Self {
        Self { under, written: RwLock::new(BTreeMap::new()) }
    }

    /// A device with what was written until now, which from here on goes its own way.
    pub(super) fn fork(&self) -> Self {
        let written = self.written.read().unwrap_or_else(PoisonError::into_inner).clone();
        Self { under: self.under.clone(), written: RwLock::new(written) }
    }

    /// Writes whole sectors at a byte that begins one.
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) {
        assert!(offset.is_multiple_of(SECTOR as u64), "only whole sectors are written");
        let (sectors, []) = bytes.as_chunks::<SECTOR>() else {
            panic!("only whole sectors are written");
        };
        let mut written = self.written.write().unwrap_or_else(PoisonError::into_inner);
        written.extend((offset / SECTOR as u64..).zip(sectors.iter().copied()));
    }
}

impl Source for Overlay {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.under.read_at(buf, offset)?;
        let end = offset + buf.len() as u64;
        let written = self.written.read().unwrap_or_else(PoisonError::into_inner);
        let touched = offset / SECTOR as u64..end.div_ceil(SECTOR as u64);
        for (sector, bytes) in written.range(touched) {
            let start = sector * SECTOR as u64;
            let (from, to) = (start.max(offset), (start + SECTOR as u64).min(end));
            let [source, target] = [start, offset].map(|base| index(from - base)..index(to - base));
            buf[target].copy_from_slice(&bytes[source]);
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        self.under.size()
    }
}

/// A place in a buffer, which is in memory and so within reach.
pub(super) fn index(at: u64) -> usize {
    usize::try_from(at).expect("inside a buffer")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    proptest! {
        /// Reads give the bytes that an ordinary device would hold.
        #[test]
        fn it_reads_as_a_device_that_was_written(
            writes in prop::collection::vec((0u64..14, 1usize..3, any::<u8>()), 0..6),
            at in 0usize..8000,
            len in 0usize..192,
        ) {
            let overlay = Overlay::new(Device::new("blank", Arc::new(Blank(8192))));
            let mut model = vec![0; 8192];
            for (sector, count, byte) in writes {
                let bytes = vec![byte; count * SECTOR];
                overlay.write(sector * SECTOR as u64, &bytes);
                model[index(sector) * SECTOR..][..bytes.len()].copy_from_slice(&bytes);
            }
            let mut found = vec![0xee; len];
            overlay.fork().read_at(&mut found, at as u64).unwrap();
            prop_assert_eq!(&found[..], &model[at..at + len]);
        }
    }
}
