//! `rechunk`: the data of files and volumes in blocks of another size.

use super::blocks::{
    NOT_RAW, OLD_MAX_BLOCK_SIZE, Objects, SECTOR, anonymous, embedded_block, named, parse_size,
    plain,
};
use super::error::ChangeError;
use super::given::{Files, Given, GivenError, Operand, Opt, Verb};
use super::packet::Packet;
use super::resized::Resized;
use super::transform::{Out, Transform};
use super::volume::ZVOL;
use crate::raw::is_part;
use zsend_ondisk::blkptr::MAX_BLOCK_SIZE;
use zsend_records::bytes::Bytes;
use zsend_records::drr::{Begin, Free, OBJECT_END, Object, Redact, Write};
use zsend_records::flags::Features;
use zsend_records::reader::{Record, Role};
use zsend_records::sizes::in_memory;
use zsend_records::types::DmuType;
use zsend_records::zerocopy::byteorder::LE;

pub(super) static VERB: Verb = Verb {
    name: "rechunk",
    alias: None,
    about: "Put the data of files and volumes into blocks of another size",
    examples: &[
        "zsend rechunk --split 128K large.zsend | zfs receive tank/home",
        "zsend pipe 'rechunk 1M | recompress zstd-3' full.zsend -o archive.zsend",
    ],
    operands: &[Operand {
        name: "SIZE",
        help: "Bytes of a block: a power of two from 512 to 16M, with K or M. Larger blocks are split, in increments as \
               in full streams; every stream of a chain has to be split alike. Smaller ones are joined, in full \
               streams alone: an increment or a redacted stream does not have what lies between its blocks. The blocks come uncompressed",
        any: None,
    }],
    options: &[Opt {
        long: "split",
        short: None,
        value: None,
        is_repeated: false,
        help: "Only split larger blocks, and leave smaller ones as they are: for each stream of a chain",
    }],
    files: Files::One,
    make,
};

/// Splits and joins blocks.
#[derive(Debug)]
pub(super) struct Rechunk {
    size: u32,
    /// Blocks that are too small are joined.
    joins: bool,
    /// The last piece of a block, and holes, end where the block did.
    keeps_ends: bool,
    /// The stream is an increment, redacted, or the rest of one: what it does not send is not all zeros.
    is_part: bool,
    /// The objects whose blocks are changed.
    objects: Objects<Resized>,
    /// The record of the last of them, of smaller blocks than asked for: the record behind it says if there is more than one.
    held: Option<Packet>,
    /// Blocks of it that are yet to be joined.
    open: Option<OpenBlock>,
    /// The hole that came last, if the next record may go on with it.
    hole: Option<Packet>,
}

/// Returns true for the types of objects whose bytes are the user's own, in blocks of whatever size.
pub(super) fn is_data(kind: DmuType) -> bool {
    kind == DmuType::PLAIN_FILE_CONTENTS || kind == ZVOL
}

/// A block that is being filled.
#[derive(Debug)]
struct OpenBlock {
    from: Packet,
    write: Write<LE>,
    /// Offset in the object.
    offset: u64,
    /// Bytes from there on.
    bytes: Vec<u8>,
}

fn make(given: &Given) -> Result<Box<dyn Transform>, GivenError> {
    let size = parse_size(given.operand(0, "SIZE")?)?;
    let is_right = size.is_power_of_two() && (SECTOR as u64..=MAX_BLOCK_SIZE).contains(&size);
    let (true, Ok(size)) = (is_right, u32::try_from(size)) else {
        return Err(GivenError::new(format!(
            "SIZE is {size} bytes, and has to be a power of two from 512 to 16M"
        )));
    };
    Ok(Box::new(Rechunk::new(size, !given.has("split"))))
}

/// Bytes of the blocks that a receiver takes which takes no large ones.
const SPLIT: u32 = 128 << 10;
const _: () = assert!(SPLIT as u64 == OLD_MAX_BLOCK_SIZE, "they are as large as old blocks are");

impl Rechunk {
    /// Splits blocks that are larger than `size`; joins smaller ones if `joins`.
    pub(super) fn new(size: u32, joins: bool) -> Self {
        let objects = Objects::default();
        let (held, open, hole) = (None, None, None);
        Self { size, joins, keeps_ends: false, is_part: false, objects, held, open, hole }
    }

    /// Splits as a sender does whose receiver takes no large blocks: the last piece of a block is as long as what is left
    /// of it, and holes end where the block did.
    ///
    /// Source: OpenZFS `module/zfs/dmu_send.c`, `do_dump()`, zfs-2.3.2.
    pub(super) fn without_large_blocks() -> Self {
        Self { keeps_ends: true, ..Self::new(SPLIT, false) }
    }

    fn begin(&mut self, packet: &mut Packet) {
        self.objects.clear();
        self.hole = None;
        if packet.role != Role::Stream {
            return;
        }
        let is_large = self.joins && self.size() > OLD_MAX_BLOCK_SIZE;
        if let Some(begin) = packet.body_mut::<Begin<LE>>() {
            self.is_part = is_part(begin);
            if is_large {
                begin.set_features(begin.features() | Features::LARGE_BLOCKS);
            }
        }
    }

    /// Gives an object its new size of blocks, or keeps it until it is known if it has more than one.
    fn object(&mut self, mut packet: Packet, out: &mut Out) {
        let Some(object) = packet.header.body_as::<Object<LE>>() else { return };
        let number = object.object.get();
        let wanted = object.object_type().filter(|kind| is_data(*kind)).and_then(|object_type| {
            let blksz = u64::from(object.blksz.get());
            let joins = blksz < self.size();
            // One that has several blocks has them of a power of two.
            let is_kept = blksz == self.size() || joins && !(self.joins && blksz.is_power_of_two());
            (!is_kept).then_some(Resized { object_type, joins, end: None })
        });
        match wanted {
            Some(resized) => self.objects.note(number, resized),
            None => self.objects.forget(number),
        }
        match wanted {
            Some(Resized { joins: true, .. }) => self.held = Some(packet),
            Some(_) => {
                self.resize(&mut packet);
                out.put(packet);
            }
            None => out.put(packet),
        }
    }

    /// Bytes of a block.
    fn size(&self) -> u64 {
        self.size.into()
    }

    fn resize(&self, packet: &mut Packet) {
        if let Some(object) = packet.body_mut::<Object<LE>>() {
            object.blksz = self.size.into();
        }
    }

    /// Lets go of an object that was kept, in front of the record behind it. A sender says there how far the object reaches.
    ///
    /// Source: OpenZFS `module/zfs/dmu_send.c`, `dump_dnode()`, zfs-2.3.2.
    fn release(&mut self, next: &Packet, out: &mut Out) -> Result<(), ChangeError> {
        let Some(mut packet) = self.held.take() else { return Ok(()) };
        let Some(object) = packet.header.body_as::<Object<LE>>() else { return Ok(()) };
        let (number, blksz) = (object.object.get(), u64::from(object.blksz.get()));
        let is_one_block = next.header.body_as::<Free<LE>>().is_some_and(|free| {
            let reaches = free.offset.get();
            free.object.get() == number && free.length.get() == OBJECT_END && reaches <= blksz
        });
        if self.is_part {
            let why = format!(
                "object {number} has blocks of {blksz} bytes, and an increment, a redacted stream or the rest of one does \
                 not have what lies between those that it sends: they are joined in whole full streams alone. With --split \
                 larger ones are split, and no others touched, in every stream of a chain alike"
            );
            return Err(ChangeError::refused(&packet.origin, why));
        }
        if is_one_block {
            self.objects.forget(number);
        } else {
            self.resize(&mut packet);
        }
        out.put(packet);
        Ok(())
    }

    /// Takes a block of an object, plain, with the fields of the WRITE that it comes of.
    fn block(
        &mut self,
        packet: &Packet,
        write: &Write<LE>,
        block: Bytes,
        object: Resized,
        out: &mut Out,
    ) -> Result<(), ChangeError> {
        if object.joins {
            return self.join(packet, write, &block, out);
        }
        let size = in_memory(self.size());
        let mut rest = block;
        let mut offset = write.offset.get();
        while !rest.is_empty() {
            let mut piece = rest.split_to(size.min(rest.len()));
            if piece.len() < size && !self.keeps_ends {
                // Behind the end of the file.
                let mut whole = piece.to_vec();
                whole.resize(size, 0);
                piece = whole.into();
            }
            let len = piece.len() as u64;
            out.put(packet.with(&anonymous(write, offset, len), piece));
            offset = offset.saturating_add(len);
        }
        Ok(())
    }

    /// Adds a block to the one that is being filled.
    fn join(
        &mut self,
        packet: &Packet,
        write: &Write<LE>,
        block: &[u8],
        out: &mut Out,
    ) -> Result<(), ChangeError> {
        let (size, offset, len) = (self.size(), write.offset.get(), block.len() as u64);
        let start = offset - offset % size;
        if len > size || offset - start > size - len {
            let why = format!("{len} bytes reach over the end of a block of {size}");
            return Err(ChangeError::contents(&packet.origin, named(write), why));
        }
        let place = (write.object, start);
        if self.open.as_ref().is_some_and(|open| (open.write.object, open.offset) != place) {
            self.close(out);
        }
        let open = self.open.get_or_insert_with(|| OpenBlock {
            from: packet.clone(),
            write: *write,
            offset: start,
            bytes: vec![0; in_memory(size)],
        });
        let at = in_memory(offset - start);
        let place = open.bytes.get_mut(at..at.saturating_add(block.len()));
        let place = place.ok_or_else(|| {
            ChangeError::contents(&packet.origin, named(write), "it is not within its block")
        })?;
        place.copy_from_slice(block);
        Ok(())
    }

    /// Takes a hole of an object, which may go on in the next record.
    fn hole(
        &mut self,
        packet: Packet,
        free: &Free<LE>,
        object: Resized,
        out: &mut Out,
    ) -> Result<(), ChangeError> {
        let (number, offset, length) = (free.object, free.offset.get(), free.length.get());
        if length == OBJECT_END {
            self.fill(out);
            if offset.checked_next_multiple_of(self.size()).is_none() {
                let why = format!(
                    "object {number} reaches to byte {offset}, and a last block of {} bytes passes 2^64",
                    self.size
                );
                return Err(ChangeError::refused(&packet.origin, why));
            }
            self.objects.note(number.get(), Resized { end: Some(offset), ..object });
            self.free(packet, out);
            return Ok(());
        }
        let before = self.hole.as_mut().and_then(|packet| packet.body_mut::<Free<LE>>());
        if let Some(before) = before.filter(|before| before.object == number)
            && before.offset.get().checked_add(before.length.get()) == Some(offset)
            && let Some(both) = before.length.get().checked_add(length)
        {
            before.length = both.into();
        } else {
            self.fill(out);
            self.hole = Some(packet);
        }
        Ok(())
    }

    /// Gives the hole that was held back.
    fn fill(&mut self, out: &mut Out) {
        if let Some(packet) = self.hole.take() {
            self.free(packet, out);
        }
    }

    /// Frees the new blocks that lie in a hole as a whole. What it has of others is zeros in them already.
    fn free(&mut self, mut packet: Packet, out: &mut Out) {
        let Some(free) = packet.body_mut::<Free<LE>>() else { return };
        if let Some(object) = self.objects.of(free.object.get()) {
            let range = object.whole_blocks(self.size(), free.offset.get(), free.length.get());
            let Some((offset, length)) = range else { return };
            (free.offset, free.length) = (offset.into(), length.into());
        }
        self.close(out);
        out.put(packet);
    }

    /// Withholds the new blocks of a range that is redacted. Blocks that are joined have none.
    fn redact(&self, packet: &mut Packet) {
        let Some(redact) = packet.body_mut::<Redact<LE>>() else { return };
        let Some(object) = self.objects.of(redact.object.get()) else { return };
        let range = object.whole_blocks(self.size(), redact.offset.get(), redact.length.get());
        if let Some((offset, length)) = range {
            (redact.offset, redact.length) = (offset.into(), length.into());
        }
    }

    /// Gives the block that was being filled.
    fn close(&mut self, out: &mut Out) {
        if let Some(OpenBlock { from, write, offset, bytes }) = self.open.take() {
            out.put(from.with(&anonymous(&write, offset, bytes.len() as u64), bytes.into()));
        }
    }

    /// Takes a record. A block that a caller has decompressed already comes as any other.
    pub(super) fn take(&mut self, mut packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        self.release(&packet, out)?;
        let record = packet.record();
        if !matches!(record, Record::Free(_)) {
            self.fill(out);
        }
        match record {
            Record::Write(write) => {
                if let Some(object) = self.objects.of(write.object.get()) {
                    let block = plain(&packet, write)?;
                    return self.block(&packet, write, block, object, out);
                }
            }
            Record::WriteEmbedded(embedded) => {
                if let Some(object) = self.objects.of(embedded.object.get()) {
                    let (write, block) = embedded_block(&packet, embedded, object.object_type)?;
                    return self.block(&packet, &write, block.into(), object, out);
                }
            }
            Record::Free(&free) if !self.keeps_ends => {
                if let Some(object) = self.objects.of(free.object.get()) {
                    return self.hole(packet, &free, object, out);
                }
                self.fill(out);
            }
            Record::Redact(_) if !self.keeps_ends => self.redact(&mut packet),
            Record::Begin(_)
            | Record::Object(_)
            | Record::FreeObjects(_)
            | Record::Free(_)
            | Record::End(_)
            | Record::WriteByref(_)
            | Record::Spill(_)
            | Record::ObjectRange(_)
            | Record::Redact(_)
            | Record::Unknown(_) => {}
        }
        self.close(out);
        if packet.header.body_as::<Object<LE>>().is_some() {
            self.object(packet, out);
            return Ok(());
        }
        if packet.header.body_as::<Begin<LE>>().is_some() {
            self.begin(&mut packet);
        }
        out.put(packet);
        Ok(())
    }
}

impl Transform for Rechunk {
    fn takes(&self) -> Features {
        NOT_RAW
    }

    fn record(&mut self, packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        self.take(packet, out)
    }

    fn makes(&self) -> u64 {
        if self.joins { self.size() } else { 0 }
    }
}
