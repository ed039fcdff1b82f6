//! The writing side: the blocks of a ZAP from its entries.

use super::hash::ZapHash;
use super::{BLOCK_MICRO, FLAG_UINT64_KEY, MICRO_NAME_SIZE, MicroEntryPhys, MicroPhys};
use crate::LayoutError;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use zerocopy::{FromZeros, IntoBytes};

/// Bytes of the largest micro ZAP in pools with the feature `large_microzap`: `MZAP_MAX_SIZE`, OpenZFS
/// `module/zfs/zap_micro.c`, zfs-2.3.2.
pub const MAX_LARGE_MICRO_SIZE: usize = 1 << 20;
/// Bytes of the largest micro ZAP without it: `SPA_OLD_MAXBLOCKSIZE`.
pub const MAX_MICRO_SIZE: usize = 128 << 10;
/// Bytes of the longest name and its NUL, with the feature `longname`: `ZAP_MAXNAMELEN_NEW`. Without it they
/// are 256.
pub const MAX_NAME_LEN: usize = 1024;
/// Bytes of the largest value: `ZAP_MAXVALUELEN`.
pub const MAX_VALUE_LEN: usize = 8 << 10;

/// An entry of a ZAP that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// The name without its NUL; in a ZAP of integer keys, their big-endian bytes.
    pub name: Vec<u8>,
    /// Bytes of each integer of the value: 1, 2, 4 or 8.
    pub int_size: u8,
    /// The value's integers, big-endian, one after another.
    pub value: Vec<u8>,
}

impl NewEntry {
    /// A name with one integer of 64 bits.
    pub fn number(name: &str, value: u64) -> Self {
        Self::ints(name, &[value])
    }

    /// A name with integers of 64 bits.
    pub fn ints(name: &str, values: &[u64]) -> Self {
        let value = values.iter().flat_map(|value| value.to_be_bytes()).collect();
        Self { name: name.into(), int_size: 8, value }
    }

    /// A name with a string, whose NUL is added.
    pub fn text(name: &str, text: &str) -> Self {
        let value = text.bytes().chain([0]).collect();
        Self { name: name.into(), int_size: 1, value }
    }

    /// A key of integers of 64 bits, for a ZAP with [`FLAG_UINT64_KEY`], with bytes.
    pub fn keyed(key: &[u64], value: &[u8]) -> Self {
        let name = key.iter().flat_map(|word| word.to_be_bytes()).collect();
        Self { name, int_size: 1, value: value.to_vec() }
    }

    /// Returns true if a micro ZAP has room for such an entry.
    pub fn is_micro(&self) -> bool {
        self.int_size == 8 && self.value.len() == 8 && self.name.len() < MICRO_NAME_SIZE
    }

    fn check(&self, has_integer_keys: bool) -> Result<(), LayoutError> {
        let (name, value) = (self.name.len(), self.value.len());
        let bad = |what, found: usize, expected: &str| {
            Err(LayoutError::field(what, found as u64, expected))
        };
        if !matches!(self.int_size, 1 | 2 | 4 | 8) {
            return bad("ZAP value size", self.int_size.into(), "1, 2, 4 or 8");
        }
        if value > MAX_VALUE_LEN || !value.is_multiple_of(self.int_size.into()) {
            return bad("bytes of a ZAP value", value, "whole integers, and at most 8192 bytes");
        }
        if name == 0 || name >= MAX_NAME_LEN {
            return bad("bytes of a ZAP name", name, "1 to 1023");
        }
        if has_integer_keys {
            return if name.is_multiple_of(8) {
                Ok(())
            } else {
                bad("bytes of a ZAP key", name, "whole integers of 8")
            };
        }
        match self.name.iter().position(|byte| *byte == 0) {
            Some(at) => bad("NUL in a ZAP name, at byte", at, "none"),
            None => Ok(()),
        }
    }
}

/// The entries of a ZAP, and how it hashes their names.
#[derive(Clone, Debug, Default)]
pub struct ZapBuilder {
    /// Salt, not zero, and flags.
    pub hash: ZapHash,
    /// The entries, in any order. Those whose hashes are equal are told apart by their order here.
    pub entries: Vec<NewEntry>,
}

/// An entry and its place in the order of iteration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed<'a> {
    pub(super) entry: &'a NewEntry,
    pub(super) hash: u64,
    /// Collision differentiator.
    pub(super) cd: u32,
}

impl ZapBuilder {
    /// The one block of a micro ZAP, of whole sectors.
    ///
    /// `most` is [`MAX_MICRO_SIZE`], or [`MAX_LARGE_MICRO_SIZE`] in a pool that has the feature.
    ///
    /// # Errors
    /// [`LayoutError::Field`] for entries that only a fat ZAP can have, and more than there is room for;
    /// those of [`Self::fat`].
    pub fn micro(&self, most: usize) -> Result<Vec<u8>, LayoutError> {
        if self.hash.flags != 0 {
            return Err(LayoutError::field("flags of a micro ZAP", self.hash.flags, 0));
        }
        if let Some(entry) = self.entries.iter().find(|entry| !entry.is_micro()) {
            let expected = "a name of at most 49 bytes with one integer of 64 bits, in a micro ZAP";
            let found = entry.value.len() as u64;
            return Err(LayoutError::field("bytes of a ZAP value", found, expected));
        }
        let placed = self.placed()?;
        let size = size_of::<MicroPhys>() + placed.len() * size_of::<MicroEntryPhys>();
        let size = size.next_multiple_of(512);
        if size > most {
            let expected = alloc::format!("at most {most}");
            return Err(LayoutError::field("bytes of a micro ZAP", size as u64, expected));
        }
        let mut header = MicroPhys::new_zeroed();
        header.block_type = BLOCK_MICRO.into();
        (header.salt, header.normflags) = (self.hash.salt.into(), self.hash.normflags.into());
        let mut block = header.as_bytes().to_vec();
        for Placed { entry, cd, .. } in placed {
            let mut phys = MicroEntryPhys::new_zeroed();
            phys.cd = cd.into();
            // The entry was checked to have a value of eight bytes and a shorter name.
            phys.value = entry.value.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)).into();
            phys.name[..entry.name.len()].copy_from_slice(&entry.name);
            block.extend(phys.as_bytes());
        }
        block.resize(size, 0);
        Ok(block)
    }

    /// The entries in the order in which they were given, with their hashes.
    pub(super) fn placed(&self) -> Result<Vec<Placed<'_>>, LayoutError> {
        if self.hash.salt == 0 {
            return Err(LayoutError::field("salt of a ZAP", 0, "any but 0"));
        }
        let has_integer_keys = self.hash.flags & FLAG_UINT64_KEY != 0;
        let mut next: BTreeMap<u64, u32> = BTreeMap::new();
        let mut names = BTreeSet::new();
        let mut placed = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            entry.check(has_integer_keys)?;
            if !names.insert(&entry.name) {
                let name = String::from_utf8_lossy(&entry.name).into_owned();
                return Err(LayoutError::Repeated(name));
            }
            if self.hash.normflags != 0 && !entry.name.is_ascii() {
                let what = "name that is no ASCII, in a ZAP with normalisation flags";
                return Err(LayoutError::field(what, self.hash.normflags, "none"));
            }
            let hash = self.hash.of(&entry.name);
            let next = next.entry(hash).or_default();
            placed.push(Placed { entry, hash, cd: *next });
            *next += 1;
        }
        Ok(placed)
    }
}
