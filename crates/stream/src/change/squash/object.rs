//! One object, as a receiver of all streams has it: the last word on each of its bytes.

use super::super::error::ChangeError;
use super::super::packet::Packet;
use super::merge::MergedRecords;
use super::side::{Allocated, DataSpan, Side};
use crate::dnode::{deduced_nblkptr as nblkptr, slots};
use zsend_records::drr::{OBJECT_END, Object, Spill};
use zsend_records::flags::RecordFlags;
use zsend_records::types::DmuType;
use zsend_records::zerocopy::byteorder::LE;

/// Layer of one stream: all that it has of the object. A later stream lies above an earlier one.
#[derive(Debug)]
pub(super) struct Layer {
    /// The stream, by its place among all.
    pub(super) side: usize,
    /// It has blocks of more than 128 KiB whole.
    pub(super) large: bool,
    /// The object in it.
    pub(super) allocated: Box<Allocated>,
}

/// An object that is under way.
#[derive(Debug)]
pub(super) struct MergedObject {
    number: u64,
    /// Streams that say something of what the object holds at the end, in order.
    layers: Vec<Layer>,
    /// Bytes that no layer tells of are a hole.
    base_is_hole: bool,
    /// Layer from which on the object has had a spill block all along.
    spilled_from: usize,
    /// The last spill block, and its layer, if a receiver has to be given it.
    spill: Option<(usize, Packet)>,
    /// Bytes that are done.
    at: u64,
}

/// Streams whose part of an object counts no more, and what is left of it.
pub(super) struct Started {
    pub(super) object: MergedObject,
    pub(super) dropped: Vec<usize>,
}

/// Begins an object that these streams have, in order. The receiver has nothing of it beside if `is_new`.
///
/// Effect of an OBJECT on what is there: `receive_object()` and `receive_handle_existing_object()`, OpenZFS
/// `module/zfs/dmu_recv.c`, zfs-2.3.2.
pub(super) fn start(
    mut layers: Vec<Layer>,
    is_new: bool,
    out: &mut MergedRecords,
) -> Result<Option<Started>, ChangeError> {
    let mut first = 0;
    for (at, pair) in layers.windows(2).enumerate() {
        if let [old, new] = pair
            && replaces(old, new)?
        {
            first = at + 1;
        }
    }
    let spilled_from = spilled_from(&layers);
    let is_changed = is_new
        || spilled_from > 0
        || layers.iter().skip(spilled_from).any(|layer| layer.allocated.spill.is_none());
    let dropped = layers.drain(..first).map(|layer| layer.side).collect();
    let Some(last) = layers.last_mut() else { return Ok(None) };
    let (number, end) = (last.allocated.object.object.get(), last.allocated.end);
    let spill = last.allocated.spill.take();
    out.put(last.allocated.packet.clone());
    if let Some(end) = end {
        out.free(number, end, OBJECT_END);
        out.flush_free();
    }
    let spill = match spill {
        // As senders do: the receiver has it.
        Some(spill) if !is_changed => {
            out.put(spill);
            None
        }
        spill => spill.map(|spill| (layers.len().saturating_sub(1), spill)),
    };
    let spilled_from = spilled_from.saturating_sub(first);
    let base_is_hole = is_new || first > 0;
    let object = MergedObject { number, layers, base_is_hole, spilled_from, spill, at: 0 };
    Ok(Some(Started { object, dropped }))
}

/// The layer from which on the object has had the same slots, and a spill block. Where its blocks change their size
/// alone, it keeps that.
fn spilled_from(layers: &[Layer]) -> usize {
    let lacks = |layer: &Layer| !layer.allocated.object.flags().contains(RecordFlags::OBJECT_SPILL);
    let without = layers.iter().rposition(lacks).map_or(0, |at| at + 1);
    let moved = layers.windows(2).rposition(|pair| match pair {
        [old, new] => slots(&old.allocated.object) != slots(&new.allocated.object),
        _ => false,
    });
    without.max(moved.map_or(0, |at| at + 1))
}

/// True if a receiver that has the old object frees all that it holds before it takes the new one.
fn replaces(old: &Layer, new: &Layer) -> Result<bool, ChangeError> {
    let (was, is) = (&old.allocated.object, &new.allocated.object);
    let is_file = |object: &Object<LE>| object.object_type() == Some(DmuType::PLAIN_FILE_CONTENTS);
    let has_one_block = old.allocated.end.is_some_and(|end| end <= u64::from(was.blksz.get()));
    let resized = was.blksz != is.blksz;
    if resized && is_file(was) && is_file(is) && !has_one_block && new.large && !old.large {
        let why = format!(
            "object {} has blocks of {} bytes here and of {} in a stream before it, which has no LARGE_BLOCKS: whether it \
             is the same file, its receiver alone knows; `zsend rechunk` makes blocks of one size",
            is.object, is.blksz, was.blksz
        );
        return Err(ChangeError::refused(&new.allocated.packet.origin, why));
    }
    Ok(resized || nblkptr(is) < nblkptr(was) || slots(is) != slots(was))
}

impl MergedObject {
    /// Goes on to the next bytes of the object that are of one stream; says if there are any.
    pub(super) fn step(
        &mut self,
        sides: &mut [Side],
        marks_spill: bool,
        out: &mut MergedRecords,
    ) -> Result<bool, ChangeError> {
        let (at, number) = (self.at, self.number);
        // Whose word is the last, and up to where.
        let mut until = u64::MAX;
        let (mut found, mut is_behind_end) = (None, false);
        for (layer, Layer { side, allocated, .. }) in self.layers.iter().enumerate().rev() {
            let Some(reader) = sides.get_mut(*side) else { continue };
            let next = reader.data(number)?;
            let (start, end) = match next {
                Some(DataSpan::Block(start, end) | DataSpan::Hole(start, end)) => (start, end),
                Some(DataSpan::Spill) | None => (u64::MAX, u64::MAX),
            };
            let nothing_from = allocated.end.unwrap_or(OBJECT_END);
            if start <= at && at < end {
                found = next.map(|data| (layer, data));
                until = until.min(end);
            } else if nothing_from <= at {
                is_behind_end = true;
                until = until.min(start);
            } else {
                until = until.min(start).min(nothing_from);
                continue;
            }
            break;
        }
        match found {
            Some((layer, data @ DataSpan::Block(start, end))) => {
                let Some(reader) = self.layers.get(layer).and_then(|l| sides.get_mut(l.side))
                else {
                    return Ok(false);
                };
                let Some(packet) = reader.take_data(number, data)? else { return Ok(false) };
                if start < at || until < end {
                    let why = format!(
                        "object {number}: of the block from offset {start} to {end}, a later stream replaces a part \
                         alone"
                    );
                    return Err(ChangeError::refused(&packet.origin, why));
                }
                out.put(packet);
            }
            // A sender tells of holes behind the end too, where a block of pointers has them.
            Some((_, DataSpan::Hole(..))) => out.free(number, at, until),
            Some((_, DataSpan::Spill)) => {}
            None if is_behind_end || self.base_is_hole => {
                out.free(number, at, self.end().map_or(until, |end| until.min(end)));
            }
            None => {}
        }
        self.at = until;
        for layer in 0..self.layers.len() {
            self.pass(layer, sides, marks_spill)?;
        }
        if until < u64::MAX {
            return Ok(true);
        }
        self.finish(out);
        Ok(false)
    }

    /// Passes over what a stream has of the bytes that are done.
    fn pass(
        &mut self,
        layer: usize,
        sides: &mut [Side],
        marks_spill: bool,
    ) -> Result<(), ChangeError> {
        let Some(reader) = self.layers.get(layer).and_then(|l| sides.get_mut(l.side)) else {
            return Ok(());
        };
        while let Some(data) = reader.data(self.number)? {
            if data != DataSpan::Spill && data.end() > self.at {
                break;
            }
            if data != DataSpan::Spill {
                reader.drop_data(self.number, data);
                continue;
            }
            let Some(packet) = reader.take_data(self.number, data)? else { continue };
            if !marks_spill {
                let why = "it has a spill block, and its BEGIN does not say that objects which have one are marked \
                           (SPILL_BLOCK)";
                return Err(ChangeError::refused(&packet.origin, why));
            }
            let earlier = self.spill.as_ref().is_none_or(|(before, _)| *before <= layer);
            if layer >= self.spilled_from && earlier {
                self.spill = Some((layer, packet));
            }
        }
        Ok(())
    }

    /// Offset from which on the hole at the end of the object was told of.
    fn end(&self) -> Option<u64> {
        self.layers.last().and_then(|layer| layer.allocated.end)
    }

    /// Gives what comes behind the data.
    fn finish(&mut self, out: &mut MergedRecords) {
        out.flush_free();
        let Some((_, mut spill)) = self.spill.take() else { return };
        if let Some(spill) = spill.body_mut::<Spill<LE>>() {
            spill.flags &= !RecordFlags::SPILL_UNMODIFIED.bits();
        }
        out.put(spill);
    }
}
