//! Devices that are not there.

use std::io;
use std::sync::Arc;
use zsend_pool::Zio;
use zsend_pool::config::VdevConfig;
use zsend_pool::vdev::{Dtls, KnownDevices, Leaves, Member, VdevTree};
use zsend_pool::{Device, Source};

/// Bytes at some place of a device that is otherwise zeros.
struct Sparse {
    bytes: Vec<u8>,
    at: u64,
    size: u64,
}

impl Source for Sparse {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        for (i, b) in buf.iter_mut().enumerate() {
            let inside = (offset + i as u64).checked_sub(self.at);
            let byte = inside.and_then(|at| self.bytes.get(usize::try_from(at).ok()?));
            *b = byte.copied().unwrap_or_default();
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// A device of `size` bytes that starts with these.
pub(crate) fn device(bytes: &[u8], size: u64) -> Device {
    Device::new("memory", Arc::new(Sparse { bytes: bytes.to_vec(), at: 0, size }))
}

/// Reads blocks from a pool of one device, whose data start with `bytes`.
pub(crate) fn zio(bytes: &[u8], ashift: u64) -> Zio {
    let start = zsend_ondisk::label::DATA_START;
    let source = Sparse { bytes: bytes.to_vec(), at: start, size: start + (2 << 20) };
    let device = Device::new("memory", Arc::new(source));
    let leaves = Leaves::from([(1, vec![Member { device, txg: 1 }])]);
    let top = VdevConfig { kind: "file".into(), guid: 1, ashift, ..VdevConfig::default() };
    let dtls = &Dtls::default();
    Zio::new(VdevTree::build(&[top], 1, KnownDevices::new(&leaves, dtls, 1)))
}
