//! What workers do: read, verify, decompress, and sum the payloads of a batch.

use crate::batch::{Batch, Piece};
use crate::error::Result;
use crate::items::{Collector, Data, Item, Out, Rules, crypt_params};
use crate::listed::Listed;
use crate::runs::Runs;
use crate::walk::{WalkSpec, walk_part};
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zsend_encoder::event::{BlockInfo, Event, Payload, Spill, Write, WriteEmbedded, WriteForm};
use zsend_encoder::policy::{OLD_MAX_BLOCK_SIZE, Plan};
use zsend_pool::PoolError;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::place::Bookmark;
use zsend_pool::zio::{Extent, Stored};
use zsend_records::flags::Features;

/// What a lost block is filled with when it is sent all the same: "zfs badd bloc".
const BAD_BLOCK: u64 = 0x02F5_BADD_B10C;

/// Takes events in order.
pub(crate) type Each<'a> = dyn FnMut(Event) -> Result<()> + 'a;

/// Makes events of items at once: where nothing is read, none has to wait for others.
struct Direct<'a, 'b> {
    worker: &'a Worker,
    each: &'a mut Each<'b>,
}

impl Out for Direct<'_, '_> {
    fn item(&mut self, item: Item, _: u64) -> Result<()> {
        self.worker.item(item, None, self.each)
    }
}

/// The items of a batch, none of them read.
pub(crate) struct Opened<'a> {
    items: Vec<Item>,
    /// Where they are read together.
    pub(crate) runs: Runs<'a>,
    /// What ended the batch, after those items.
    expanded: Result<()>,
}

impl Opened<'_> {
    /// How many there are.
    pub(crate) const fn items(&self) -> usize {
        self.items.len()
    }
}

/// Reads batches.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) walk: WalkSpec,
    pub(crate) rules: Rules,
    /// What a read takes.
    pub(crate) latency: Duration,
    /// `zfs_send_corrupt_data`: unreadable data blocks are replaced, and listed here.
    pub(crate) replaced: Option<Arc<Mutex<Vec<PoolError>>>>,
}

impl Worker {
    /// Opens a batch: what it has to read is known then.
    pub(crate) fn open(&self, batch: Batch) -> Opened<'_> {
        let room = Vec::with_capacity(batch.items);
        let (items, expanded) = self.expand(batch, room);
        let runs = Runs::new(self.walk.objset.zio(), self.latency, &items);
        Opened { items, runs, expanded }
    }

    /// Gives the events of a batch, in its order. On an error those before it are right.
    pub(crate) fn run(&self, opened: Opened<'_>, each: &mut Each<'_>) -> Result<()> {
        let Opened { items, mut runs, expanded } = opened;
        for (i, item) in items.into_iter().enumerate() {
            let extent = runs.extent(i);
            self.item(item, extent.as_ref(), each)?;
        }
        expanded
    }

    /// As [`Self::run`], where nothing is read.
    pub(crate) fn size(&self, batch: Batch, each: &mut Each<'_>) -> Result<()> {
        self.expand(batch, Direct { worker: self, each }).1
    }

    /// The items of a batch, its parts walked; those before an error if there is one.
    fn expand<O: Out>(&self, batch: Batch, out: O) -> (O, Result<()>) {
        let (rules, objset) = (self.rules, &*self.walk.objset);
        let mut collector = Collector { rules, objset, listed: Listed::default(), out };
        let expanded = batch.pieces.into_iter().try_for_each(|piece| match piece {
            Piece::Item(item) => collector.out.item(item, 0),
            Piece::Part(part) => walk_part(&self.walk, &part, &mut collector),
        });
        (collector.out, expanded)
    }

    fn item(&self, item: Item, extent: Option<&Extent>, each: &mut Each<'_>) -> Result<()> {
        match item {
            Item::Ready(event) => each(event),
            Item::Data(data) => self.data(&data, extent, each),
            Item::Spill { at, bp, unmodified } => each(self.spill(&at, &bp, unmodified, extent)?),
        }
    }

    fn data(&self, data: &Data, extent: Option<&Extent>, each: &mut Each<'_>) -> Result<()> {
        let Data { at, bp, blksz, .. } = data;
        let block = block_info(bp);
        let offset = at.blkid.wrapping_mul(*blksz);
        let write = |form, offset, payload: Payload, logical_size| {
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
        let plan = self.rules.policy.plan(&block, *blksz, bp.is_big_endian());
        let refused = self.walk.objset.check_block(bp, at, is_expanded(plan)).err();
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
                    Some(e) => (WriteForm::Plain, whole(self.replace(e, *blksz)?, *blksz)),
                    None => self.payload(form, data, extent)?,
                };
                each(write(form, offset, payload, *blksz))
            }
            Plan::Split => {
                let whole = match refused {
                    Some(e) => self.replace(e, *blksz)?,
                    None => self.plain_or_replaced(data, extent)?,
                };
                let mut done = 0;
                while done < *blksz {
                    let len = OLD_MAX_BLOCK_SIZE.min(blksz - done);
                    let payload = match &whole {
                        None => Payload::size_only(len),
                        Some(bytes) => {
                            let (from, to) = (as_len(done), as_len(done + len));
                            Payload::new(bytes.slice(from.min(bytes.len())..to.min(bytes.len())))
                        }
                    };
                    each(write(WriteForm::Anonymous, offset.wrapping_add(done), payload, len))?;
                    done += len;
                }
                Ok(())
            }
        }
    }

    /// The payload in the wanted form; plain if the block is lost and replaced.
    fn payload(
        &self,
        form: WriteForm,
        data: &Data,
        extent: Option<&Extent>,
    ) -> Result<(WriteForm, Payload)> {
        let Data { at, bp, blksz, .. } = data;
        if form == WriteForm::Plain || form == WriteForm::Anonymous {
            return Ok((form, whole(self.plain_or_replaced(data, extent)?, *blksz)));
        }
        if self.rules.sizes_only {
            return Ok((form, Payload::size_only(bp.psize())));
        }
        match self.as_sent(form, bp, at, extent) {
            // The sum that verified the block is the payload's sum, where it is the same sum.
            Ok(stored) => Ok((
                form,
                match stored.sum {
                    Some(sum) => Payload::with_sum(stored.data, sum),
                    None => Payload::new(stored.data),
                },
            )),
            Err(e) => Ok((WriteForm::Plain, whole(self.replace(e, *blksz)?, *blksz))),
        }
    }

    /// The stored block for a raw stream; decrypted, if it is encrypted, for any other.
    fn as_sent(
        &self,
        form: WriteForm,
        bp: &BlkPtr,
        at: &Bookmark,
        extent: Option<&Extent>,
    ) -> zsend_pool::Result<Stored> {
        let objset = &self.walk.objset;
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
        at: &Bookmark,
        extent: Option<&Extent>,
    ) -> zsend_pool::Result<Bytes> {
        let objset = &self.walk.objset;
        objset.zio().read(bp, at, objset.access(extent))
    }

    /// The decompressed block, or its replacement; nothing if only sizes are wanted. What lies in its
    /// pointer is decompressed all the same, since it can fail to be.
    fn plain_or_replaced(&self, data: &Data, extent: Option<&Extent>) -> Result<Option<Bytes>> {
        if self.rules.sizes_only && !data.bp.is_embedded() {
            return Ok(None);
        }
        match self.plain(&data.bp, &data.at, extent) {
            Ok(bytes) => Ok((!self.rules.sizes_only).then_some(bytes)),
            Err(e) => self.replace(e, data.blksz),
        }
    }

    /// A block of the pattern, if lost blocks are to be replaced, or nothing if only sizes are wanted;
    /// otherwise the error.
    fn replace(&self, error: PoolError, blksz: u64) -> Result<Option<Bytes>> {
        let Some(replaced) = &self.replaced else { return Err(error.into()) };
        replaced.lock().unwrap_or_else(PoisonError::into_inner).push(error);
        let pattern = || BAD_BLOCK.to_le_bytes().repeat(as_len(blksz) / 8).into();
        Ok((!self.rules.sizes_only).then(pattern))
    }

    fn spill(
        &self,
        at: &Bookmark,
        bp: &BlkPtr,
        unmodified: bool,
        extent: Option<&Extent>,
    ) -> Result<Event> {
        let raw = self.rules.policy.features.contains(Features::RAW);
        self.walk.objset.check_block(bp, at, !raw)?;
        let payload = match (self.rules.sizes_only, raw) {
            (true, true) => Payload::size_only(bp.psize()),
            (true, false) => Payload::size_only(bp.lsize()),
            (false, true) => Payload::new(self.as_sent(WriteForm::Raw, bp, at, extent)?.data),
            (false, false) => Payload::new(self.plain(bp, at, extent)?),
        };
        Ok(Event::Spill(Spill { object: at.object, unmodified, block: block_info(bp), payload }))
    }
}

/// Sizes that were checked against the largest block fit any machine's length.
fn as_len(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Whether the block is decompressed to be sent so.
const fn is_expanded(plan: Plan) -> bool {
    match plan {
        Plan::Embedded | Plan::Write(WriteForm::Compressed | WriteForm::Raw) => false,
        Plan::Write(WriteForm::Plain | WriteForm::Anonymous) | Plan::Split => true,
    }
}

/// A whole block's payload, of which only the size matters if there are no bytes.
fn whole(bytes: Option<Bytes>, blksz: u64) -> Payload {
    bytes.map_or_else(|| Payload::size_only(blksz), Payload::new)
}

fn embedded_payload(bp: &BlkPtr) -> Payload {
    let (bytes, len) = bp.embedded_payload();
    let mut padded = bytes[..len].to_vec();
    padded.resize(len.next_multiple_of(8), 0);
    Payload::new(padded.into())
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
