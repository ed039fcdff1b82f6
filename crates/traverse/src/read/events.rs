//! What workers do: read, verify, decompress, and sum the payloads of a batch.

use crate::error::Result;
use crate::read::batch::{Batch, Piece};
use crate::read::coalesce::Runs;
use crate::read::items::{Collector, Data, Item, Out, Rules, crypt_params};
use crate::read::listed::Listed;
use crate::read::payload::Wanted;
use crate::walk::{WalkSpec, walk_part};
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zsend_encoder::event::{BlockInfo, Event, Spill, Write, WriteEmbedded, WriteForm};
use zsend_encoder::policy::{OLD_MAX_BLOCK_SIZE, Plan};
use zsend_pool::PoolError;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::place::Bookmark;
use zsend_pool::zio::{Extent, Stored};
use zsend_records::flags::Features;

/// What a lost block is filled with when it is sent all the same: "zfs badd bloc".
const BAD_BLOCK: u64 = 0x02F5_BADD_B10C;

/// Takes events in order.
pub(crate) type Each<'a, P> = dyn FnMut(Event<P>) -> Result<()> + 'a;

/// Makes events of items at once: where nothing is read, none has to wait for others.
struct Direct<'a, 'b, P> {
    worker: &'a Worker,
    each: &'a mut Each<'b, P>,
}

impl<P: Wanted> Out for Direct<'_, '_, P> {
    type Payload = P;

    fn item(&mut self, item: Item<P>, _: u64) -> Result<()> {
        self.worker.item(item, None, self.each)
    }
}

/// The items of a batch, none of them read.
pub(crate) struct Opened<'a, P> {
    items: Vec<Item<P>>,
    /// Where they are read together.
    pub(crate) runs: Runs<'a>,
    /// What ended the batch, after those items.
    expanded: Result<()>,
}

impl<P> Opened<'_, P> {
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
    pub(crate) fn open<P: Wanted>(&self, batch: Batch<P>) -> Opened<'_, P> {
        let room = Vec::with_capacity(batch.items);
        let (items, expanded) = self.expand(batch, room);
        let runs = Runs::new(self.walk.objset.zio(), self.latency, &items);
        Opened { items, runs, expanded }
    }

    /// Gives the events of a batch, in its order. On an error those before it are right.
    pub(crate) fn run<P: Wanted>(
        &self,
        opened: Opened<'_, P>,
        each: &mut Each<'_, P>,
    ) -> Result<()> {
        let Opened { items, mut runs, expanded } = opened;
        for (i, item) in items.into_iter().enumerate() {
            let extent = runs.extent(i);
            self.item(item, extent.as_ref(), each)?;
        }
        expanded
    }

    /// As [`Self::run`], where nothing is read.
    pub(crate) fn size<P: Wanted>(&self, batch: Batch<P>, each: &mut Each<'_, P>) -> Result<()> {
        self.expand(batch, Direct { worker: self, each }).1
    }

    /// The items of a batch, its parts walked; those before an error if there is one.
    fn expand<O: Out>(&self, batch: Batch<O::Payload>, out: O) -> (O, Result<()>) {
        let (rules, objset) = (self.rules, &*self.walk.objset);
        let mut collector = Collector { rules, objset, listed: Listed::default(), out };
        let expanded = batch.pieces.into_iter().try_for_each(|piece| match piece {
            Piece::Item(item) => collector.out.item(item, 0),
            Piece::Part(part) => walk_part(&self.walk, &part, &mut collector),
        });
        (collector.out, expanded)
    }

    fn item<P: Wanted>(
        &self,
        item: Item<P>,
        extent: Option<&Extent>,
        each: &mut Each<'_, P>,
    ) -> Result<()> {
        match item {
            Item::Ready(event) => each(event),
            Item::Data(data) => self.data(&data, extent, each),
            Item::Spill { at, bp, unmodified } => each(self.spill(&at, &bp, unmodified, extent)?),
        }
    }

    fn data<P: Wanted>(
        &self,
        data: &Data,
        extent: Option<&Extent>,
        each: &mut Each<'_, P>,
    ) -> Result<()> {
        let Data { at, bp, blksz, .. } = data;
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
                let mut done = 0;
                while done < *blksz {
                    let len = OLD_MAX_BLOCK_SIZE.min(blksz - done);
                    let payload = P::part(&whole, done, len);
                    each(write(WriteForm::Anonymous, offset.wrapping_add(done), payload, len))?;
                    done += len;
                }
                Ok(())
            }
        }
    }

    /// The payload in the wanted form; plain if the block is lost and replaced.
    fn payload<P: Wanted>(
        &self,
        form: WriteForm,
        data: &Data,
        extent: Option<&Extent>,
    ) -> Result<(WriteForm, P)> {
        let Data { at, bp, blksz, .. } = data;
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

    /// The decompressed block, or its replacement.
    fn plain_or_replaced<P: Wanted>(
        &self,
        data: &Data,
        extent: Option<&Extent>,
    ) -> Result<P::Block> {
        let Data { at, bp, blksz, .. } = data;
        let block = self.expanded::<P>(at, bp, *blksz, extent);
        block.or_else(|e| self.replace::<P>(e, *blksz))
    }

    /// A decompressed block. What lies in its pointer is decompressed even where only sizes are
    /// wanted, since it can fail to be.
    fn expanded<P: Wanted>(
        &self,
        at: &Bookmark,
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

    /// A block of the pattern, if lost blocks are to be replaced; otherwise the error.
    fn replace<P: Wanted>(&self, error: PoolError, blksz: u64) -> Result<P::Block> {
        let Some(replaced) = &self.replaced else { return Err(error.into()) };
        replaced.lock().unwrap_or_else(PoisonError::into_inner).push(error);
        let pattern = || BAD_BLOCK.to_le_bytes().repeat(as_len(blksz) / 8).into();
        Ok(P::block(blksz, || Ok(pattern()))?)
    }

    fn spill<P: Wanted>(
        &self,
        at: &Bookmark,
        bp: &BlkPtr,
        unmodified: bool,
        extent: Option<&Extent>,
    ) -> Result<Event<P>> {
        let raw = self.rules.policy.features.contains(Features::RAW);
        self.walk.objset.check_block(bp, at, !raw)?;
        let payload = if raw {
            P::stored(bp.psize(), || self.as_sent(WriteForm::Raw, bp, at, extent))?
        } else {
            P::whole(self.expanded::<P>(at, bp, bp.lsize(), extent)?)
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

fn embedded_payload<P: Wanted>(bp: &BlkPtr) -> P {
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
