//! The part of the checks that a record's payload is enough for, on all cores.

use super::fault::{Check, Expected, FaultValue, Wrong, exactly};
use super::frame::PlacedFrame;
use super::framer::SeenPayload;
use super::macs::crypto;
use std::cell::RefCell;
use zeroize::Zeroizing;
use zsend_codec::checksum::{compute, fold_for_mac};
use zsend_codec::decompress;
use zsend_crypto::BlockParams;
use zsend_ondisk::blkptr::MAX_BLOCK_SIZE;
use zsend_records::Order;
use zsend_records::drr::{Write, WriteEmbedded};
use zsend_records::flags::{Features, RecordFlags};
use zsend_records::fletcher::Fletcher4;
use zsend_records::key_prop::KeyProp;
use zsend_records::payload::UNREADABLE;
use zsend_records::reader::Record;
use zsend_records::sizes::in_memory;
use zsend_records::types::{ByteswapKind, Checksum, Compress, DmuType};
use zsend_records::zerocopy::byteorder::{LE, U64};

/// Most bytes that a thread keeps between blocks to decompress into.
const KEPT: usize = 1 << 20;

/// Findings about a payload.
#[derive(Debug)]
pub(super) struct Worked {
    /// Its Fletcher-4, over words of the stream's order.
    pub(super) sum: Fletcher4,
    /// Outcome of decompressing it to the size that its record says.
    pub(super) contents: Check,
    /// Outcome of the checksum in its record.
    pub(super) key: Check,
    /// With the dataset's key: outcome of the MAC in its record.
    pub(super) mac: Check,
}

impl Worked {
    /// A payload of which nothing but the sum is known.
    pub(super) const fn of_sum(sum: Fletcher4) -> Self {
        Self { sum, contents: Ok(()), key: Ok(()), mac: Ok(()) }
    }
}

/// Looks at a payload.
pub(super) fn work(frame: &PlacedFrame, payload: &SeenPayload) -> Worked {
    let bytes = match payload {
        SeenPayload::Sum(sum) => return Worked::of_sum(*sum),
        SeenPayload::Bytes(bytes) => &bytes[..],
    };
    let mut worked = Worked::of_sum(Fletcher4::in_order(frame.order, bytes));
    match Record::of(&frame.header) {
        Record::Write(write) => {
            worked.key = write_key(frame, write, bytes, worked.sum);
            let block = ToldBlock {
                kind: write.object_type().filter(|kind| kind.is_valid()),
                codec: write.compression(),
                lsize: write.logical_size.get(),
                params: BlockParams { salt: write.salt, iv: write.iv, mac: write.mac },
            };
            block.look(frame, bytes, &mut worked);
        }
        Record::Spill(spill) => {
            let block = ToldBlock {
                kind: Some(DmuType::SA),
                codec: spill.compression(),
                lsize: spill.length.get(),
                params: BlockParams { salt: spill.salt, iv: spill.iv, mac: spill.mac },
            };
            block.look(frame, bytes, &mut worked);
        }
        Record::WriteEmbedded(embedded) => worked.contents = embedded_contents(embedded, bytes),
        Record::Begin(_)
        | Record::Object(_)
        | Record::FreeObjects(_)
        | Record::Free(_)
        | Record::End(_)
        | Record::WriteByref(_)
        | Record::ObjectRange(_)
        | Record::Redact(_)
        | Record::Unknown(_) => {}
    }
    worked
}

/// A block as a record tells of it.
struct ToldBlock {
    kind: Option<DmuType>,
    codec: Option<Compress>,
    lsize: u64,
    params: BlockParams,
}

impl ToldBlock {
    /// Decrypts the block if it is encrypted and there is a key, and decompresses it if it can be.
    fn look(&self, frame: &PlacedFrame, bytes: &[u8], worked: &mut Worked) {
        let (Some(codec), Some(kind)) = (self.codec, self.kind) else { return };
        let key = frame.context.key().and_then(|key| key.as_ref().ok());
        if !frame.context.is_raw() {
            worked.contents = decompressed(codec, bytes, self.lsize);
        } else if !kind.is_encrypted() {
            if let Some(key) = key {
                let checked = key.verify_data(bytes, &self.params.mac);
                worked.mac = checked.map_err(|error| crypto(&error).into());
            }
            worked.contents = decompressed(codec, bytes, self.lsize);
        } else if let Some(key) = key {
            let mut plain = Zeroizing::new(bytes.to_vec());
            match key.decrypt(&self.params, &[], &mut plain) {
                Ok(()) => worked.contents = decompressed(codec, &plain, self.lsize),
                Err(error) => worked.mac = Err(crypto(&error).into()),
            }
        }
    }
}

fn embedded_contents(embedded: &WriteEmbedded<LE>, bytes: &[u8]) -> Check {
    let psize = in_memory(embedded.psize.get().into());
    let Some(stored) = bytes.get(..psize) else { return Ok(()) };
    let codec = embedded.compression();
    let header = match codec {
        Compress::LZ4 => 4,
        Compress::ZSTD => 8,
        _ => 0,
    };
    // What is embedded ends where the codec says that it does: no sector is filled up.
    if header > 0
        && let Some(&len) = stored.first_chunk::<4>()
    {
        let right = u64::from(u32::from_be_bytes(len)) + header;
        exactly("psize", embedded.psize.get(), right)?;
    }
    decompressed(codec, stored, embedded.lsize.get().into())
}

/// Decompresses bytes into `len` others, which nobody looks at.
fn decompressed(codec: Compress, stored: &[u8], len: u64) -> Check {
    thread_local! {
        static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    // Other rules have the sizes that a block may have, and the kinds.
    let Some(len) = usize::try_from(len).ok().filter(|&len| len as u64 <= MAX_BLOCK_SIZE) else {
        return Ok(());
    };
    if !codec.is_known() || (codec == Compress::OFF && stored.len() == len) {
        return Ok(());
    }
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.len() < len {
            scratch.resize(len, 0);
        }
        let done = decompress(codec, stored, &mut scratch[..len]);
        if len > KEPT {
            *scratch = Vec::new();
        }
        done.map_err(|e| {
            let right = format!("a block that decompresses to {len} bytes");
            Wrong::words("payload", e.to_string(), right).into()
        })
    })
}

/// Compares the payload with the block pointer's checksum, which is in the record for dedup; where the payload
/// is what that is of: the bytes that lie on disk.
fn write_key(frame: &PlacedFrame, write: &Write<LE>, bytes: &[u8], sum: Fletcher4) -> Check {
    let kind = write.checksum();
    let key = write.key_cksum.map(U64::get);
    let prop = KeyProp(write.key_prop.get());
    let is_of_filter = frame.context.has(Features::DEDUP) && kind == Checksum::SHA256;
    if (prop.0 == 0 && !is_of_filter) || !kind.is_in_pointer() {
        return Ok(());
    }
    let is_swapped = write.flags().contains(RecordFlags::RAW_BYTESWAP);
    let big = (frame.order == Order::Big) != is_swapped;
    let orders: &[bool] = if write.compression().is_some() {
        &[big]
    } else if prop.0 == 0 {
        // The filter of `zfs send -D` has summed up the payload as it is.
        &[big]
    } else if prop.compress() == Compress::OFF
        && write.object_type().and_then(|kind| kind.byteswap()) == Some(ByteswapKind::U8)
    {
        // Its pointer may be of either order, and nothing says which.
        &[big, !big]
    } else {
        return Ok(());
    };
    let mut found = key;
    for &order in orders {
        let same_order = order == (frame.order == Order::Big);
        found = if kind == Checksum::FLETCHER_4 && same_order {
            sum.words()
        } else {
            // Where the sum is salted, the salt is the pool's secret.
            let Ok(words) = compute(kind, bytes, order, None) else { return Ok(()) };
            words
        };
        let is_same = if prop.is_crypt() {
            fold_for_mac(kind, found) == [key[0], key[1]]
        } else {
            found == key
        };
        if is_same {
            return Ok(());
        }
    }
    if is_unreadable(bytes) {
        return Ok(());
    }
    let right = Expected::Exactly(FaultValue::Sum(Fletcher4::from_words(key)));
    let found = FaultValue::Sum(Fletcher4::from_words(found));
    Err(Wrong::new("checksum of the payload", found, right).into())
}

/// Returns true if the sender could not read the block.
fn is_unreadable(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let is = |order: Order| words.iter().all(|&word| order.u64(word) == UNREADABLE);
    rest.is_empty() && !words.is_empty() && (is(Order::Little) || is(Order::Big))
}
