//! The four labels of a device: its configuration nvlist and its uberblocks.

use crate::config::LabelConfig;
use crate::device::Device;
use crate::uberblock::{self, Uberblock, Unverified};
use crate::zio::checksum::verify_embedded;
use zsend_records::nvlist::NvList;

/// Bytes of a label; devices are used in multiples of it.
pub const LABEL_SIZE: u64 = 256 << 10;
/// Where a leaf's data starts: `VDEV_LABEL_START_SIZE`.
pub const DATA_START: u64 = 4 << 20;
/// Bytes of the two labels at the end.
pub const LABELS_END_SIZE: u64 = 2 * LABEL_SIZE;

const PHYS_OFFSET: u64 = 16 << 10;
const PHYS_SIZE: usize = 112 << 10;
const RING_OFFSET: u64 = 128 << 10;
/// Bytes of the `zio_eck_t` that ends the nvlist's region.
const ECK_SIZE: usize = 40;

/// What one device's labels say.
#[derive(Debug, Clone)]
pub struct Labels {
    /// The newest good configuration.
    pub config: LabelConfig,
    /// The newest good uberblock of any of them.
    pub newest: Option<Uberblock>,
    /// How many of the four labels had a good configuration.
    pub good: usize,
}

/// Where label `i` starts on a device of `size` bytes.
///
/// Source: `vdev_label_offset()`, OpenZFS `module/zfs/vdev_label.c`, zfs-2.3.2.
fn label_offset(size: u64, i: u64) -> u64 {
    let usable = size / LABEL_SIZE * LABEL_SIZE;
    if i < 2 { i * LABEL_SIZE } else { usable - (4 - i) * LABEL_SIZE }
}

/// Reads the labels of a device.
///
/// # Errors
/// Why there is none, label by label.
pub fn read(device: &Device) -> Result<Labels, String> {
    if device.size() < 4 * LABEL_SIZE {
        return Err(format!("{} bytes are too few to hold four labels", device.size()));
    }
    let mut best: Option<LabelConfig> = None;
    let mut good = 0;
    let mut why = Vec::new();
    for i in 0..4 {
        match read_config(device, label_offset(device.size(), i)) {
            Ok(config) => {
                good += 1;
                if best.as_ref().is_none_or(|b| config.txg > b.txg) {
                    best = Some(config);
                }
            }
            Err(e) => why.push(format!("label {i}: {e}")),
        }
    }
    let Some(config) = best else { return Err(why.join("; ")) };
    let newest = Rings::read(device, config.top.ashift).newest();
    Ok(Labels { config, newest, good })
}

/// The uberblock rings of a device.
#[derive(Debug)]
pub struct Rings {
    /// Where each starts on the device, and its bytes.
    rings: Vec<(u64, Vec<u8>)>,
    ashift: u64,
}

impl Rings {
    /// Reads those that can be read. `ashift` is that of the device's top-level vdev.
    pub fn read(device: &Device, ashift: u64) -> Self {
        let labels = if device.size() < 4 * LABEL_SIZE { 0..0 } else { 0..4 };
        let read = |i| {
            let at = label_offset(device.size(), i) + RING_OFFSET;
            Some((at, device.read_vec(at, uberblock::RING_SIZE).ok()?))
        };
        Self { rings: labels.filter_map(read).collect(), ashift }
    }

    fn slots(&self) -> impl Iterator<Item = Unverified<'_>> {
        self.rings.iter().flat_map(|(at, bytes)| uberblock::ring(bytes, *at, self.ashift))
    }

    /// The newest good uberblock.
    pub fn newest(&self) -> Option<Uberblock> {
        uberblock::newest(self.slots())
    }

    /// Every good uberblock, unordered, with repeats.
    pub fn uberblocks(&self) -> Vec<Uberblock> {
        self.slots().filter_map(|slot| slot.verify()).collect()
    }
}

fn read_config(device: &Device, label: u64) -> Result<LabelConfig, String> {
    let at = label + PHYS_OFFSET;
    let bytes = device.read_vec(at, PHYS_SIZE).map_err(|e| e.to_string())?;
    verify_embedded(&bytes, [at, 0, 0, 0]).map_err(|e| e.to_string())?;
    let (list, ..) =
        NvList::decode_prefix(&bytes[..PHYS_SIZE - ECK_SIZE]).map_err(|e| e.to_string())?;
    LabelConfig::parse(&list)
}
