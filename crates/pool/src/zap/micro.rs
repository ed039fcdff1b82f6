//! Micro ZAPs: one block of short names, each with one 64-bit value.

use super::{Readable, ZapEntry};
use zerocopy::FromBytes;
use zsend_ondisk::zap::{MicroEntryPhys, MicroPhys, ZapHash};

/// All entries; a slot whose name is empty is free.
pub(super) fn entries(block: &[u8]) -> Readable {
    let Ok((header, rest)) = MicroPhys::ref_from_prefix(block) else { return Readable::default() };
    let normflags = header.normflags.get();
    let hash = ZapHash { salt: header.salt.get(), normflags, flags: 0 };
    let entries = rest
        .chunks_exact(size_of::<MicroEntryPhys>())
        .filter_map(|bytes| MicroEntryPhys::ref_from_bytes(bytes).ok())
        .filter(|slot| slot.name[0] != 0)
        .map(|slot| {
            let end = slot.name.iter().position(|&b| b == 0).unwrap_or(slot.name.len());
            let name = slot.name[..end].to_vec();
            ZapEntry {
                hash: hash.of(&name),
                name,
                int_size: 8,
                value: slot.value.get().to_be_bytes().to_vec(),
                cd: slot.cd.get(),
            }
        })
        .collect();
    Readable { entries, normflags, lost: Vec::new() }
}
