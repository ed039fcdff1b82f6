//! Labels: the four places of a device that say which pool it belongs to, and what lies in each.
//!
//! Source: OpenZFS `include/sys/vdev_impl.h` (`vdev_label_t`) and `module/zfs/vdev_label.c`, zfs-2.3.2.

use crate::LayoutError;
use crate::Order;
use crate::embedded::{self, Sum, label_verifier};
use crate::uberblock::{RING_SIZE, UberblockPhys, slot_count, slot_size};
use alloc::vec;
use alloc::vec::Vec;
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{BE, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of a label; devices are used in multiples of it.
pub const LABEL_SIZE: u64 = 256 << 10;
/// Bytes of the boot block, between the two labels at the start and the data: `VDEV_BOOT_SIZE`.
pub const BOOT_SIZE: u64 = 7 << 19;
/// First byte of a leaf's data: `VDEV_LABEL_START_SIZE`.
pub const DATA_START: u64 = 2 * LABEL_SIZE + BOOT_SIZE;
/// Bytes of the two labels at the end: `VDEV_LABEL_END_SIZE`.
pub const LABELS_END_SIZE: u64 = 2 * LABEL_SIZE;

/// First byte of the boot environment in a label.
pub const BOOT_ENV_OFFSET: u64 = offset_of!(LabelPhys, boot_env) as u64;
/// First byte of the configuration in a label.
pub const PHYS_OFFSET: u64 = offset_of!(LabelPhys, phys) as u64;
/// Bytes of the configuration in a label, its checksum included: `sizeof (vdev_phys_t)`.
pub const PHYS_SIZE: usize = 112 << 10;
/// First byte of the ring of uberblocks in a label.
pub const RING_OFFSET: u64 = offset_of!(LabelPhys, ring) as u64;

/// `VB_NVLIST`: the boot environment is a packed nvlist, in XDR.
pub const BOOT_ENV_NVLIST: u64 = 1;
/// Bytes of the two regions at the start of a label: `VDEV_PAD_SIZE`.
const PAD_SIZE: usize = 8 << 10;

/// `vdev_label_t`. The last three end in checksums of their own: the boot environment and the configuration
/// in one each, the ring in one for each slot.
#[derive(Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct LabelPhys {
    /// Left alone, for whatever a system keeps in the first sectors of a disk.
    pub blank: [u8; PAD_SIZE],
    /// The boot environment.
    pub boot_env: BootEnvPhys,
    /// A packed nvlist, in XDR, of the pool and of the device's top-level vdev, and its checksum.
    pub phys: [u8; PHYS_SIZE],
    /// The ring of uberblocks.
    pub ring: [u8; RING_SIZE],
}
assert_eq_size!(LabelPhys, [u8; 256 << 10]);
const_assert_eq!(offset_of!(LabelPhys, boot_env), 8 << 10);
const_assert_eq!(offset_of!(LabelPhys, phys), 16 << 10);
const_assert_eq!(offset_of!(LabelPhys, ring), 128 << 10);

/// `vdev_boot_envblock_t`: what a boot loader and the system tell each other.
#[derive(Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct BootEnvPhys {
    /// Zero for text, or [`BOOT_ENV_NVLIST`]; big-endian on every machine.
    pub version: U64<BE>,
    /// The text or the packed nvlist, and zeros.
    pub contents: [u8; PAD_SIZE - 8 - embedded::LEN],
    /// The checksum.
    pub sum: [u8; embedded::LEN],
}
assert_eq_size!(BootEnvPhys, [u8; PAD_SIZE]);

/// First bytes of the four labels of a device of `size` bytes, which need not be a multiple of
/// [`LABEL_SIZE`]. `None` if it has no room for them.
///
/// Source: `vdev_label_offset()`, OpenZFS `module/zfs/vdev_label.c`, zfs-2.3.2.
pub const fn places(size: u64) -> Option<[u64; 4]> {
    let usable = size / LABEL_SIZE * LABEL_SIZE;
    if usable < 4 * LABEL_SIZE {
        return None;
    }
    Some([0, LABEL_SIZE, usable - 2 * LABEL_SIZE, usable - LABEL_SIZE])
}

/// Bytes that a device of `size` bytes has for data. `None` if labels and boot block leave none.
///
/// Source: `vdev_open()`, OpenZFS `module/zfs/vdev.c`, zfs-2.3.2.
pub const fn data_size(size: u64) -> Option<u64> {
    let usable = size / LABEL_SIZE * LABEL_SIZE;
    match usable.checked_sub(DATA_START + LABELS_END_SIZE) {
        None | Some(0) => None,
        some => some,
    }
}

/// Contents of a label, which all four labels of a device have in common; their sums differ.
#[derive(Clone, Copy, Debug, Default)]
pub struct LabelBuilder<'a> {
    /// The packed nvlist of the configuration.
    pub config: &'a [u8],
    /// The packed nvlist of the boot environment. Without one there are zeros and a checksum, as a new pool
    /// has.
    pub boot_env: Option<&'a [u8]>,
    /// Uberblocks. Each goes where [`UberblockPhys::slot`] says for a pool without multihost, over an earlier
    /// one in the same slot.
    pub uberblocks: &'a [UberblockPhys],
    /// The `ashift` of the device's top-level vdev.
    pub ashift: u64,
}

impl LabelBuilder<'_> {
    /// The bytes of the label that lies at byte `at` of a device, one of its [`places`], as a writer of that
    /// order leaves them: [`LABEL_SIZE`] bytes.
    ///
    /// # Errors
    /// [`LayoutError::Field`] for a list that is longer than its place, and a label that would end behind 2^64.
    pub fn build(&self, at: u64, order: Order) -> Result<Vec<u8>, LayoutError> {
        if at.checked_add(LABEL_SIZE).is_none() {
            return Err(LayoutError::field(
                "first byte of a label",
                at,
                "that of a device's label",
            ));
        }
        let mut bytes = vec![0; size_of::<LabelPhys>()];
        let found = bytes.len() as u64;
        let label = LabelPhys::mut_from_bytes(&mut bytes)
            .map_err(|_| LayoutError::field("bytes of a label", found, LABEL_SIZE))?;
        if let Some(list) = self.boot_env {
            label.boot_env.version = BOOT_ENV_NVLIST.into();
            put("bytes of the boot environment", &mut label.boot_env.contents, list)?;
        }
        seal(label.boot_env.as_mut_bytes(), at + BOOT_ENV_OFFSET, order)?;
        let room = PHYS_SIZE - embedded::LEN;
        put("bytes of the configuration", &mut label.phys[..room], self.config)?;
        seal(&mut label.phys, at + PHYS_OFFSET, order)?;
        let size = slot_size(self.ashift);
        for uberblock in self.uberblocks {
            let start = uberblock.slot(slot_count(self.ashift)) * size;
            let slot = &mut label.ring[start..start + size];
            uberblock.seal_in(slot, at + RING_OFFSET + start as u64, order)?;
        }
        Ok(bytes)
    }
}

/// Copies a list to the start of its place.
fn put(what: &'static str, place: &mut [u8], list: &[u8]) -> Result<(), LayoutError> {
    let (found, most) = (list.len() as u64, place.len());
    let Some(to) = place.get_mut(..list.len()) else {
        return Err(LayoutError::field(what, found, format_args!("at most {most}")));
    };
    to.copy_from_slice(list);
    Ok(())
}

/// Seals a region that begins at byte `at` of the device.
fn seal(region: &mut [u8], at: u64, order: Order) -> Result<(), LayoutError> {
    Ok(embedded::seal(region, label_verifier(at), Sum::Whole, order)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::verify;
    use crate::uberblock::MAGIC;
    use proptest::prelude::*;

    #[test]
    fn no_label_lies_at_the_end_of_all_numbers() {
        for at in [u64::MAX, u64::MAX - LABEL_SIZE + 1] {
            assert!(LabelBuilder::default().build(at, Order::Little).is_err());
        }
        let ring = [0; RING_SIZE];
        assert_eq!(crate::uberblock::slots(&ring, u64::MAX, 9).count(), 128);
    }

    #[test]
    fn labels_lie_at_both_ends_of_what_is_used() {
        const K: u64 = 1 << 10;
        assert_eq!(places(64 << 20), Some([0, 256 * K, 65_024 * K, 65_280 * K]));
        assert_eq!(places((64 << 20) + LABEL_SIZE - 1), places(64 << 20));
        assert_eq!(places(LABEL_SIZE * 4), Some([0, 256 * K, 512 * K, 768 * K]));
        assert_eq!((places(LABEL_SIZE * 4 - 1), places(0)), (None, None));
        assert!(
            places(u64::MAX)
                .is_some_and(|[.., last]| last == u64::MAX / LABEL_SIZE * LABEL_SIZE - LABEL_SIZE)
        );
        assert_eq!(DATA_START, 4 << 20);
        assert_eq!(data_size(64 << 20), Some((64 << 20) - (9 << 19)));
        assert_eq!(data_size((64 << 20) + 5), data_size(64 << 20));
        assert_eq!(
            [0, 9 << 19, (9 << 19) + LABEL_SIZE].map(data_size),
            [None, None, Some(LABEL_SIZE)]
        );
    }

    #[test]
    fn a_list_that_is_too_long_is_refused() {
        let most = vec![1; PHYS_SIZE - embedded::LEN + 1];
        let config = |len: usize| LabelBuilder { config: &most[..len], ..LabelBuilder::default() };
        assert!(config(most.len() - 1).build(0, Order::Little).is_ok());
        let refused = config(most.len()).build(0, Order::Little).unwrap_err();
        assert!(matches!(refused, LayoutError::Field { what: "bytes of the configuration", .. }));
        let boot_env = Some(&most[..PAD_SIZE - 8 - embedded::LEN + 1]);
        let refused = LabelBuilder { boot_env, ..LabelBuilder::default() }.build(0, Order::Little);
        assert!(matches!(
            refused,
            Err(LayoutError::Field { what: "bytes of the boot environment", .. })
        ));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..Default::default() })]
        /// Each region has its own sum, by its place on the device, and each uberblock its slot.
        #[test]
        fn what_is_built_is_verified_by_its_place(
            txgs in prop::collection::btree_set(1..1000_u64, 0..5),
            ashift in 9..15_u64,
            i in 0..4_usize,
            big in any::<bool>(),
        ) {
            let order = Order::from_big_endian(big);
            let size = slot_size(ashift);
            let uberblocks: Vec<_> =
                txgs.iter().map(|txg| UberblockPhys::from_words(&[MAGIC, 5000, *txg])).collect();
            let builder = LabelBuilder {
                config: b"list", boot_env: Some(b"other"), uberblocks: &uberblocks, ashift,
            };
            let at = places(64 << 20).unwrap()[i];
            let bytes = builder.build(at, order).unwrap();
            let label = LabelPhys::ref_from_bytes(&bytes).unwrap();
            prop_assert_eq!((&label.phys[..5], &label.boot_env.contents[..6]), (&b"list\0"[..], &b"other\0"[..]));
            prop_assert_eq!(label.boot_env.version.to_bytes(), [0, 0, 0, 0, 0, 0, 0, 1]);
            for (region, offset) in
                [(label.boot_env.as_bytes(), BOOT_ENV_OFFSET), (&label.phys[..], PHYS_OFFSET)]
            {
                let verified = |at: u64| verify(region, label_verifier(at + offset), Sum::Whole);
                prop_assert_eq!(verified(at), Ok(order));
                prop_assert!(verified(at + LABEL_SIZE).is_err());
            }
            let count = RING_SIZE / size;
            for (n, slot) in label.ring.chunks(size).enumerate() {
                let newest = txgs.iter().rev().find(|txg| usize::try_from(**txg).unwrap() % count == n);
                let found = UberblockPhys::parse(slot);
                prop_assert_eq!(found.map(|(phys, _)| phys.txg.get()), newest.copied());
                if newest.is_some() {
                    let place = at + RING_OFFSET + (n * size) as u64;
                    prop_assert_eq!(verify(slot, label_verifier(place), Sum::Whole), Ok(order));
                }
            }
        }
    }
}
