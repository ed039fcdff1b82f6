//! From items to events: blocks are read, verified and decompressed, and their payloads summed.

use super::batch::Batch;
use super::coalesce::Reads;
use super::items::{DataBlock, Items, Rules, SendItem, crypt_params};
use super::payload::SendPayload;
use crate::error::Result;
use crate::walk::{Stop, WalkSpec};
use bytes::Bytes;
use std::time::Duration;
use zsend_encoder::event::{BlockInfo, Event, Spill, Write, WriteEmbedded, WriteForm};
use zsend_encoder::policy::{OLD_MAX_BLOCK_SIZE, Plan};
use zsend_pool::PoolError;
use zsend_pool::Zbookmark;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::{Extent, StoredBlock};
use zsend_records::flags::Features;
use zsend_records::payload::UNREADABLE;

/// Bytes of each part of a split block.
const SPLIT: usize = 128 << 10;
const _: () = assert!(SPLIT as u64 == OLD_MAX_BLOCK_SIZE);

/// The items of a batch, none of them read.
pub(super) struct OpenedBatch<'a, P> {
    items: Vec<SendItem<P>>,
    /// The reads of those that lie side by side.
    pub(super) reads: Reads<'a>,
    /// The error that ended the batch, after those items.
    ended: Result<()>,
}

/// Reads batches.
#[derive(Debug)]
pub(super) struct BlockReader {
    pub(super) spec: WalkSpec,
    pub(super) rules: Rules,
    /// The time of a read.
    pub(super) latency: Duration,
    /// `zfs_send_corrupt_data`: unreadable data blocks are replaced by a pattern.
    pub(super) is_replacing: bool,
    pub(super) stop: Stop,
}

impl BlockReader {
    /// Opens a batch: its reads are known then.
    pub(super) fn open<P: SendPayload>(&self, batch: Batch) -> OpenedBatch<'_, P> {
        let mut items = Vec::with_capacity(batch.items);
        let ended = self.items(batch, |item| {
            items.push(item);
            Ok(())
        });
        let (zio, cancel) = (self.spec.objset.zio(), self.stop.token());
        let reads = Reads::new(zio, self.latency, &items, cancel);
        OpenedBatch { items, reads, ended }
    }

    /// Gives `each` the items of a batch, in its order; those before an error if there is one.
    fn items<P: SendPayload>(
        &self,
        batch: Batch,
        each: impl FnMut(SendItem<P>) -> Result<()>,
    ) -> Result<()> {
        let mut items = Items { spec: &self.spec, rules: self.rules, each };
        for leaf in batch.leaves {
            self.stop.check()?;
            leaf.visit(&self.spec, |visit| items.visit(visit))?;
        }
        batch.ended
    }
}

/// The events of a batch, before they are made.
pub(crate) struct Events<'a, P> {
    unmade: Unmade<'a, P>,
    maker: Maker<'a>,
}

/// A batch of which events are made.
pub(super) enum Unmade<'a, P> {
    /// Its payloads are read.
    Opened(OpenedBatch<'a, P>),
    /// Its payloads are only counted, so that no item has to wait for others.
    Counted(Batch),
}

impl<'a, P: SendPayload> Events<'a, P> {
    /// Events that are made by `reader`; the errors of blocks that it replaces go to `replaced`.
    pub(super) const fn new(
        reader: &'a BlockReader,
        unmade: Unmade<'a, P>,
        replaced: &'a mut Vec<PoolError>,
    ) -> Self {
        Self { unmade, maker: Maker { reader, replaced } }
    }

    /// Number of events, about.
    pub(crate) const fn len(&self) -> usize {
        match &self.unmade {
            Unmade::Opened(opened) => opened.items.len(),
            Unmade::Counted(batch) => batch.items,
        }
    }

    /// Makes the events and gives them to `each`, in send order.
    ///
    /// # Errors
    /// Those of `each`, of reading, and that which ended the walk: all events before it were given.
    pub(crate) fn for_each(self, mut each: impl FnMut(Event<P>) -> Result<()>) -> Result<()> {
        let mut maker = self.maker;
        let reader = maker.reader;
        match self.unmade {
            Unmade::Counted(batch) => reader.items(batch, |item| maker.item(item, None, &mut each)),
            Unmade::Opened(OpenedBatch { items, mut reads, ended }) => {
                for (i, item) in items.into_iter().enumerate() {
                    reader.stop.check()?;
                    let extent = reads.extent(i);
                    maker.item(item, extent.as_ref(), &mut each)?;
                }
                ended
            }
        }
    }
}

/// Makes events of items.
struct Maker<'a> {
    reader: &'a BlockReader,
    replaced: &'a mut Vec<PoolError>,
}

impl Maker<'_> {
    fn item<P: SendPayload>(
        &mut self,
        item: SendItem<P>,
        extent: Option<&Extent>,
        each: &mut impl FnMut(Event<P>) -> Result<()>,
    ) -> Result<()> {
        match item {
            SendItem::Ready(event) => each(event),
            SendItem::Data(data) => self.data(&data, extent, each),
            SendItem::Spill { at, bp, unmodified } => {
                each(self.spill(&at, &bp, unmodified, extent)?)
            }
        }
    }

    fn data<P: SendPayload>(
        &mut self,
        data: &DataBlock,
        extent: Option<&Extent>,
        each: &mut impl FnMut(Event<P>) -> Result<()>,
    ) -> Result<()> {
        let DataBlock { at, bp, blksz, .. } = data;
        let block = block_info(bp);
        let offset = at.blkid.wrapping_mul(*blksz);
        let write = |form, offset, payload: P, logical_size| {
            Event::Write(Write {
                object: at.object,
                dnode_type: data.dnode_type,
                offset,
                logical_size,
                form,
                block,
                payload,
            })
        };
        let plan = self.reader.rules.policy.plan(&block, *blksz, bp.is_big_endian());
        let refused = self.reader.spec.objset.check_block(bp, at, is_expanded(plan)).err();
        match plan {
            Plan::Embedded => match refused {
                Some(e) => Err(e.into()),
                None => each(Event::WriteEmbedded(WriteEmbedded {
                    object: at.object,
                    offset,
                    blksz: *blksz,
                    block,
                    payload: embedded_payload(bp),
                })),
            },
            Plan::Write(form) => {
                let (form, payload) = match refused {
                    Some(e) => (WriteForm::Plain, P::whole(self.replace::<P>(e, *blksz)?)),
                    None => self.payload(form, data, extent)?,
                };
                each(write(form, offset, payload, *blksz))
            }
            Plan::Split => {
                let whole = match refused {
                    Some(e) => self.replace::<P>(e, *blksz)?,
                    None => self.plain_or_replaced::<P>(data, extent)?,
                };
                let mut offset = offset;
                for payload in P::split(whole, SPLIT) {
                    let len = payload.size();
                    each(write(WriteForm::Anonymous, offset, payload, len))?;
                    offset = offset.wrapping_add(len);
                }
                Ok(())
            }
        }
    }

    /// The payload in the wanted form; plain if the block is lost and replaced.
    fn payload<P: SendPayload>(
        &mut self,
        form: WriteForm,
        data: &DataBlock,
        extent: Option<&Extent>,
    ) -> Result<(WriteForm, P)> {
        let DataBlock { at, bp, blksz, .. } = data;
        if form == WriteForm::Plain || form == WriteForm::Anonymous {
            return Ok((form, P::whole(self.plain_or_replaced::<P>(data, extent)?)));
        }
        match P::stored(bp.psize(), || self.as_sent(form, bp, at, extent)) {
            Ok(payload) => Ok((form, payload)),
            Err(e) => Ok((WriteForm::Plain, P::whole(self.replace::<P>(e, *blksz)?))),
        }
    }

    /// The stored block for a raw stream; decrypted, if it is encrypted, for any other.
    fn as_sent(
        &self,
        form: WriteForm,
        bp: &BlkPtr,
        at: &Zbookmark,
        extent: Option<&Extent>,
    ) -> zsend_pool::Result<StoredBlock> {
        let objset = &self.reader.spec.objset;
        if form == WriteForm::Raw {
            objset.zio().read_raw(bp, at, objset.access(extent))
        } else {
            objset.zio().read_decrypted(bp, at, objset.access(extent))
        }
    }

    /// The decompressed block.
    fn plain(
        &self,
        bp: &BlkPtr,
        at: &Zbookmark,
        extent: Option<&Extent>,
    ) -> zsend_pool::Result<Bytes> {
        let objset = &self.reader.spec.objset;
        objset.zio().read(bp, at, objset.access(extent))
    }

    /// The decompressed block, or its replacement.
    fn plain_or_replaced<P: SendPayload>(
        &mut self,
        data: &DataBlock,
        extent: Option<&Extent>,
    ) -> Result<P::Block> {
        let DataBlock { at, bp, blksz, .. } = data;
        let block = self.expanded::<P>(at, bp, *blksz, extent);
        block.or_else(|e| self.replace::<P>(e, *blksz))
    }

    /// A decompressed block. What lies in its pointer is decompressed even where only sizes are
    /// wanted, since it can fail to be.
    fn expanded<P: SendPayload>(
        &self,
        at: &Zbookmark,
        bp: &BlkPtr,
        blksz: u64,
        extent: Option<&Extent>,
    ) -> zsend_pool::Result<P::Block> {
        let read = || self.plain(bp, at, extent);
        if bp.is_embedded() {
            return read().and_then(|bytes| P::block(blksz, || Ok(bytes)));
        }
        P::block(blksz, read)
    }

    /// A block of the pattern, if lost blocks are to be replaced and the error means that this one is lost;
    /// otherwise the error.
    fn replace<P: SendPayload>(&mut self, error: PoolError, blksz: u64) -> Result<P::Block> {
        let Ok(len) = usize::try_from(blksz) else { return Err(error.into()) };
        if !self.reader.is_replacing || !error.is_lost_block() {
            return Err(error.into());
        }
        self.replaced.push(error);
        let word = UNREADABLE.to_le_bytes();
        Ok(P::block(blksz, || Ok(word.repeat(len / word.len()).into()))?)
    }

    fn spill<P: SendPayload>(
        &self,
        at: &Zbookmark,
        bp: &BlkPtr,
        unmodified: bool,
        extent: Option<&Extent>,
    ) -> Result<Event<P>> {
        let raw = self.reader.rules.policy.features.contains(Features::RAW);
        self.reader.spec.objset.check_block(bp, at, !raw)?;
        let payload = if raw {
            P::stored(bp.psize(), || self.as_sent(WriteForm::Raw, bp, at, extent))?
        } else {
            P::whole(self.expanded::<P>(at, bp, bp.lsize(), extent)?)
        };
        Ok(Event::Spill(Spill { object: at.object, unmodified, block: block_info(bp), payload }))
    }
}

/// True if the block is decompressed to be sent as planned.
const fn is_expanded(plan: Plan) -> bool {
    match plan {
        Plan::Embedded | Plan::Write(WriteForm::Compressed | WriteForm::Raw) => false,
        Plan::Write(WriteForm::Plain | WriteForm::Anonymous) | Plan::Split => true,
    }
}

fn embedded_payload<P: SendPayload>(bp: &BlkPtr) -> P {
    let (bytes, len) = bp.embedded_payload();
    let padded_len = len.next_multiple_of(8);
    P::at_hand(padded_len as u64, || {
        let mut padded = bytes[..len].to_vec();
        padded.resize(padded_len, 0);
        padded.into()
    })
}

fn block_info(bp: &BlkPtr) -> BlockInfo {
    BlockInfo {
        object_type: bp.object_type(),
        lsize: bp.lsize(),
        psize: bp.psize(),
        compress: bp.compress(),
        checksum_type: bp.checksum_type(),
        checksum: bp.checksum(),
        protected: !bp.is_embedded() && bp.uses_crypt(),
        crypt: crypt_params(bp),
        embedded: bp.is_embedded().then(|| bp.embedded_type().0),
    }
}

#[cfg(test)]
mod tests;
