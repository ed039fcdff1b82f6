//! WRITE: a block of data, or a part of one.

use super::RecordEncoder;
use crate::emit::Emit;
use crate::event::{self, BlockInfo, WriteForm};
use std::io;
use zerocopy::byteorder::{U32, U64};
use zsend_records::drr::Write;
use zsend_records::flags::RecordFlags;
use zsend_records::types::Checksum;
use zsend_records::writer::{Header, Measured};

pub(super) struct WriteEncoder;

impl<P: Measured> RecordEncoder<event::Write<P>, P> for WriteEncoder {
    /// Follows `dump_write()`, illumos `dmu_send.c` and OpenZFS `module/zfs/dmu_send.c`, zfs-2.3.2.
    fn encode(&self, w: &event::Write<P>, out: &mut dyn Emit<P>) -> io::Result<()> {
        let params = *out.params();
        let b = &w.block;
        let object_type = if params.dialect.is_illumos() { b.object_type } else { w.dnode_type };
        let raw = w.form == WriteForm::Raw;
        let compressed = raw || w.form == WriteForm::Compressed;
        // Nothing describes a part of a block, nor what an encrypted block decrypts to.
        let described = w.form != WriteForm::Anonymous && (raw || !b.protected);
        let mut flags = RecordFlags::empty();
        flags.set(RecordFlags::CHECKSUM_DEDUP, described && b.checksum_type.is_dedup());
        flags.set(RecordFlags::RAW_BYTESWAP, raw && b.crypt.byteswap);
        let crypt = if raw { b.crypt } else { Default::default() };
        let body = Write {
            object: U64::new(w.object),
            object_type: U32::new(object_type.0.into()),
            pad: U32::new(0),
            offset: U64::new(w.offset),
            logical_size: U64::new(w.logical_size),
            toguid: U64::new(params.toguid),
            checksumtype: if described { b.checksum_type } else { Checksum::OFF }.0,
            flags: flags.bits(),
            compressiontype: if compressed { b.compress.0 } else { 0 },
            pad2: [0; 5],
            key_cksum: if described { b.checksum } else { [0; 4] }.map(U64::new),
            key_prop: U64::new(if described { key_prop(b) } else { 0 }),
            compressed_size: U64::new(if compressed { w.payload.size() } else { 0 }),
            salt: crypt.salt,
            iv: crypt.iv,
            mac: crypt.mac,
        };
        out.emit(Header::of(&body), &w.payload)
    }
}

/// `ddk_prop`: the block on disk, whatever the payload is.
///
/// ```text
///  63    40 39 38      32 31        16 15         0
/// +--------+--+----------+------------+------------+
/// |   0    | X| compress | psize/512-1| lsize/512-1|
/// +--------+--+----------+------------+------------+
/// ```
/// Source: OpenZFS `include/sys/ddt.h`, zfs-2.3.2.
fn key_prop(b: &BlockInfo) -> u64 {
    let sectors = |bytes: u64| (bytes >> 9).wrapping_sub(1) & 0xffff;
    sectors(b.lsize)
        | sectors(b.psize) << 16
        | u64::from(b.compress.0 & 0x7f) << 32
        | u64::from(b.protected) << 39
}

#[cfg(test)]
mod tests {
    use super::*;
    use zsend_records::types::Compress;

    #[test]
    fn key_of_a_compressed_block() {
        let b =
            BlockInfo { lsize: 2560, psize: 1024, compress: Compress::LZ4, ..BlockInfo::default() };
        assert_eq!(key_prop(&b), 0xF_0001_0004);
        assert_eq!(key_prop(&BlockInfo { protected: true, ..b }), 0x8F_0001_0004);
    }
}
