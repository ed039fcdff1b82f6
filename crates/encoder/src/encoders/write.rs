//! WRITE: a block of data, or a part of one.

use super::RecordEncoder;
use crate::emit::Emit;
use crate::event::{self, WriteForm};
use std::io;
use zerocopy::byteorder::{U32, U64};
use zsend_records::drr::Write;
use zsend_records::flags::RecordFlags;
use zsend_records::key_prop::KeyProp;
use zsend_records::types::Checksum;
use zsend_records::writer::{Measured, OutHeader};

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
        let key_prop =
            if described { KeyProp::new(b.lsize, b.psize, b.compress, b.protected).0 } else { 0 };
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
            key_prop: U64::new(key_prop),
            compressed_size: U64::new(if compressed { w.payload.size() } else { 0 }),
            salt: crypt.salt,
            iv: crypt.iv,
            mac: crypt.mac,
        };
        out.emit(OutHeader::of(&body), &w.payload)
    }
}
