//! The four labels of a device: its configuration nvlist and its uberblocks.

use crate::config::LabelConfig;
use crate::device::Device;
use crate::uberblock::{self, Uberblock};
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
    /// Every good uberblock of every label, unordered, with repeats.
    pub uberblocks: Vec<Uberblock>,
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
    let uberblocks = uberblocks(device, config.top.ashift);
    Ok(Labels { config, uberblocks, good })
}

/// Every good uberblock of a device's four labels, unordered, with repeats. `ashift` is that of its
/// top-level vdev.
pub fn uberblocks(device: &Device, ashift: u64) -> Vec<Uberblock> {
    let mut uberblocks = Vec::new();
    if device.size() < 4 * LABEL_SIZE {
        return uberblocks;
    }
    for i in 0..4 {
        let at = label_offset(device.size(), i) + RING_OFFSET;
        if let Ok(bytes) = device.read_vec(at, uberblock::RING_SIZE) {
            uberblocks.extend(uberblock::ring(&bytes, at, ashift));
        }
    }
    uberblocks
}

fn read_config(device: &Device, label: u64) -> Result<LabelConfig, String> {
    let at = label + PHYS_OFFSET;
    let bytes = device.read_vec(at, PHYS_SIZE).map_err(|e| e.to_string())?;
    verify_embedded(&bytes, [at, 0, 0, 0]).map_err(|e| e.to_string())?;
    let (list, ..) =
        NvList::decode_prefix(&bytes[..PHYS_SIZE - ECK_SIZE]).map_err(|e| e.to_string())?;
    LabelConfig::parse(&list)
}
