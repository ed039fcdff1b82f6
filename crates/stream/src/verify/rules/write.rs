//! Rules of WRITE.

use super::object::{SECTOR, is_announced, is_type};
use super::{At, Rule};
use crate::verify::fault::{
    Check, at_least, at_most, between, exactly, exactly_hex, multiple_of, no_bits_but, so,
};
use crate::verify::state::Announced;
use zsend_records::Order;
use zsend_records::drr::Write;
use zsend_records::flags::{Features, RecordFlags};
use zsend_records::key_prop::KeyProp;
use zsend_records::sizes::{MAX_BLOCK_SIZE, OLD_MAX_BLOCK_SIZE};
use zsend_records::types::{Checksum, Compress};
use zsend_records::zerocopy::byteorder::{LE, U64};

const CHECK: &str = "dmu_recv.c recv_check_drr_write";
const DUMP: &str = "dmu_send.c dump_write";

pub(super) static RULES: &[Rule<Write<LE>>] = &[
    Rule::new(
        "write.size",
        "A block is a multiple of 512 bytes, from 512 to 16 MiB.",
        CHECK,
        |_, w| {
            multiple_of("logical_size", w.logical_size.get(), SECTOR)?;
            between("logical_size", w.logical_size.get(), SECTOR, MAX_BLOCK_SIZE)
        },
    ),
    Rule::new(
        "write.large-block",
        "A block of more than 128 KiB needs LARGE_BLOCKS.",
        CHECK,
        |at, w| {
            let most = if at.frame.context.has(Features::LARGE_BLOCKS) {
                MAX_BLOCK_SIZE
            } else {
                OLD_MAX_BLOCK_SIZE
            };
            at_most("logical_size", w.logical_size.get(), most)
        },
    ),
    Rule::new("write.end", "Offset and size do not pass 2^64.", CHECK, |_, w| {
        let most = u64::MAX - w.logical_size.get();
        at_most("offset", w.offset.get(), most)
    }),
    Rule::new("write.type", "The type is one that there is.", CHECK, |_, w| {
        is_type("type", w.object_type.get())
    }),
    Rule::new(
        "write.checksum",
        "The checksum is one that a block pointer may have.",
        CHECK,
        |_, w| {
            let kind = w.checksum();
            let may = kind.is_in_pointer() || [Checksum::OFF, Checksum::NOPARITY].contains(&kind);
            so(may, "checksumtype", u64::from(kind.0), "a checksum of a block pointer")
        },
    ),
    Rule::new(
        "write.compressed",
        "A compressed payload needs COMPRESSED, or RAW, which has none that is not marked so.",
        CHECK,
        |at, w| {
            let is_raw = at.frame.context.is_raw();
            if is_raw {
                return at_least("compressiontype", w.compressiontype, Compress::OFF.0.into());
            }
            let may = at.frame.context.has(Features::COMPRESSED);
            so(
                may || w.compressiontype == 0,
                "compressiontype",
                u64::from(w.compressiontype),
                "0 without COMPRESSED",
            )
        },
    ),
    Rule::new(
        "write.compression",
        "The compression is one that a block may have; lz4 and zstd need their features.",
        "dmu_recv.c recv_check_compress_feature",
        |at, w| match w.compression() {
            None => Ok(()),
            Some(codec) => {
                if !at.frame.context.is_raw() {
                    at_least("compressiontype", codec.0, Compress::LZJB.0.into())?;
                }
                compression(at, "compressiontype", codec)
            }
        },
    ),
    Rule::new(
        "write.compressed-size",
        "A compressed block is no larger than the block, and not empty; of one that is not compressed no size is given.",
        CHECK,
        |_, w| match w.compression() {
            None => exactly("compressed_size", w.compressed_size.get(), 0u64),
            Some(codec) => {
                multiple_of("compressed_size", w.compressed_size.get(), SECTOR)?;
                let least = if codec == Compress::OFF { w.logical_size.get() } else { SECTOR };
                between("compressed_size", w.compressed_size.get(), least, w.logical_size.get())
            }
        },
    ),
    Rule::new(
        "write.flags",
        "The flags are CHECKSUM_DEDUP, where the key has a checksum fit for it, and RAW_BYTESWAP, in a raw stream.",
        DUMP,
        |at, w| {
            let mut right = RecordFlags::empty();
            right.set(RecordFlags::CHECKSUM_DEDUP, w.checksum().is_dedup());
            let swapped = w.flags() & RecordFlags::RAW_BYTESWAP;
            right.set(RecordFlags::RAW_BYTESWAP, at.frame.context.is_raw() && !swapped.is_empty());
            exactly_hex("flags", w.flags.into(), right.bits().into())
        },
    ),
    Rule::new(
        "write.crypt",
        "Only a raw stream has salts, IVs and MACs; there every block has a MAC, an encrypted one an IV, an authenticated one neither salt nor IV.",
        DUMP,
        |at, w| {
            let is_encrypted = w.object_type().is_none_or(|kind| kind.is_encrypted());
            let zero = |bytes: &[u8]| bytes.iter().all(|&byte| byte == 0);
            if !at.frame.context.is_raw() {
                return so(
                    zero(&w.salt) && zero(&w.iv) && zero(&w.mac),
                    "salt, IV and MAC",
                    "there",
                    "zeros",
                );
            }
            if is_encrypted {
                return sealed(&w.iv, &w.mac);
            }
            so(!zero(&w.mac), "MAC", "zeros", "that of the block")?;
            so(
                zero(&w.salt) && zero(&w.iv),
                "salt and IV of an authenticated block",
                "there",
                "zeros",
            )
        },
    ),
    Rule::new(
        "write.key-of-block",
        "The key is that of the block pointer: its sizes and compression are those of the record, and a MAC is in it.",
        "dmu_send.c dump_write (ddt_key)",
        key_prop,
    ),
    Rule::new(
        "write.key-of-payload",
        "The checksum in the key is that of the payload, where the payload is what lies on disk and the pool's salt is not needed.",
        "zio_checksum.c zio_checksum_compute",
        |at, _| at.worked.key.clone(),
    ),
    Rule::new(
        "write.contents",
        "A compressed payload decompresses to the size of the block, unless it is encrypted.",
        "zio_compress.c zio_decompress_data",
        |at, _| at.worked.contents.clone(),
    ),
    Rule::new(
        "write.mac",
        "With the key: the MAC is that of the block.",
        "zio_crypt.c zio_do_crypt_data, zio_crypt_do_hmac",
        |at, _| at.worked.mac.clone(),
    ),
    Rule::new(
        "write.announced",
        "An object's OBJECT comes before its data, at most one block of dnodes ahead.",
        "dmu_recv.c flush_write_batch_impl (dnode_hold)",
        |at, w| is_announced(at, w.object.get()),
    ),
    Rule::new(
        "write.of-object",
        "A block has the type and the size of its object, and begins at a multiple of it; a large one may come in pieces of 128 KiB.",
        "dmu_send.c do_dump, dump_write",
        |at, w| match at.state.announced(w.object.get()) {
            None => Ok(()),
            Some(object) => of_object(at, w, object),
        },
    ),
    Rule::new(
        "write.order",
        "Blocks come in the order of objects and offsets, each byte once.",
        "dmu_recv.c receive_process_write_record",
        |at, w| order(at, w.object.get(), w.offset.get()),
    ),
];

/// Passes if a block pointer may have the compression.
fn of_a_block(what: &'static str, codec: u64) -> Check {
    between(what, codec, Compress::OFF.0.into(), Compress::ZSTD.0.into())?;
    // Blocks of zeros alone are holes.
    so(codec != u64::from(Compress::EMPTY.0), what, codec, "a compression of a block")
}

/// Passes if a block may have the compression, in a stream with these features.
pub(super) fn compression(at: &At<'_>, what: &'static str, codec: Compress) -> Check {
    of_a_block(what, codec.0.into())?;
    let needs = match codec {
        Compress::LZ4 => Features::LZ4,
        Compress::ZSTD => Features::ZSTD,
        _ => return Ok(()),
    };
    let has = at.frame.context.has(needs);
    so(
        has,
        what,
        u64::from(codec.0),
        if codec == Compress::LZ4 { "no lz4 without LZ4" } else { "no zstd without ZSTD" },
    )
}

/// Passes if an encrypted block has an IV and a MAC. The one is made of random bytes or of a sum, the other is a sum: neither
/// is all zeros, as in the record of another type. Follows `zio_crypt_decode_params_bp()`, OpenZFS `module/os/linux/zfs/zio_crypt.c`,
/// and who calls it.
pub(super) fn sealed(iv: &[u8], mac: &[u8]) -> Check {
    let zero = |bytes: &[u8]| bytes.iter().all(|&byte| byte == 0);
    so(!zero(iv) && !zero(mac), "IV and MAC", "zeros", "those of the block")
}

/// Passes if the block stands behind the last one.
pub(super) fn order(at: &At<'_>, object: u64, offset: u64) -> Check {
    let Some(last) = at.state.last_write else { return Ok(()) };
    at_least("object", object, last.object)?;
    if object == last.object { at_least("offset", offset, last.end) } else { Ok(()) }
}

fn of_object(at: &At<'_>, w: &Write<LE>, object: &Announced) -> Check {
    exactly("type", w.object_type.get(), object.object_type.0)?;
    multiple_of("offset", w.offset.get(), object.blksz.max(1))?;
    let may_be_piece =
        object.blksz == OLD_MAX_BLOCK_SIZE && !at.frame.context.has(Features::LARGE_BLOCKS);
    if may_be_piece && w.compression().is_none() && w.key_prop.get() == 0 {
        at_most("logical_size", w.logical_size.get(), OLD_MAX_BLOCK_SIZE)?;
    } else {
        exactly("logical_size", w.logical_size.get(), object.blksz)?;
    }
    if at.frame.context.is_raw() {
        return at_most(
            "number of the block",
            w.offset.get() / object.blksz.max(1),
            object.maxblkid,
        );
    }
    Ok(())
}

fn key_prop(at: &At<'_>, w: &Write<LE>) -> Check {
    let prop = KeyProp(w.key_prop.get());
    let key = w.key_cksum.map(U64::get);
    // `zfs send -D` sums up by itself what has no checksum that is fit for dedup.
    let dedups = at.frame.context.has(Features::DEDUP) && w.checksum() == Checksum::SHA256;
    if prop.0 == 0 && dedups {
        return Ok(());
    }
    let is_raw = at.frame.context.is_raw();
    // A block of a dataset without checksums has a key, in which the checksum is zero.
    if prop.0 == 0 || w.checksum() == Checksum::OFF {
        let sum = if is_raw && prop.0 != 0 { &key[..2] } else { &key[..] };
        exactly_hex("checksum in the key", sum.iter().fold(0, |all, word| all | word), 0)?;
    }
    if prop.0 == 0 {
        return Ok(());
    }
    no_bits_but("properties in the key", prop.0, (1 << 40) - 1)?;
    exactly("block size in the key", prop.lsize(), w.logical_size.get())?;
    exactly("encryption in the key", u64::from(prop.is_crypt()), u64::from(is_raw))?;
    at_most("size on disk in the key", prop.psize(), prop.lsize())?;
    of_a_block("compression in the key", prop.compress().0.into())?;
    if let Some(codec) = w.compression() {
        exactly("compression in the key", prop.compress().0, codec.0)?;
        exactly("size on disk in the key", prop.psize(), w.compressed_size.get())?;
    }
    if is_raw {
        let is_swapped = w.flags().contains(RecordFlags::RAW_BYTESWAP);
        let order = Order::from_big_endian((at.frame.order == Order::Big) != is_swapped);
        let mac = [key[2], key[3]].map(|word| order.bytes(word)).concat();
        so(mac == w.mac, "MAC in the key", "another", "that of the record")?;
    }
    Ok(())
}
