//! The one record that is held back: a FREE, FREEOBJECTS or REDACT that the next may extend.

use crate::dialect::Dialect;
use zsend_records::drr::OBJECT_END;

/// A range that will become a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// FREE, or REDACT if `redact`: bytes of an object.
    Bytes { redact: bool, object: u64, offset: u64, length: u64 },
    /// FREEOBJECTS: object numbers.
    Objects { first: u64, count: u64 },
}

/// The pending slot: a state machine that records leave in the order in which they came.
///
/// Follows `dump_free()`, `dump_freeobjects()` and `dump_redact()`, illumos `dmu_send.c` and OpenZFS
/// `module/zfs/dmu_send.c`, zfs-2.3.2.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    slot: Option<Range>,
}

/// The records that one step completes: never more than two.
pub(crate) type Completed = [Option<Range>; 2];

impl Pending {
    /// Adds a hole. It joins the pending FREE if it starts where that one ends, modulo 2^64 as the
    /// reference adds; an end past 2^64 becomes "to the end". A hole that is itself "to the end"
    /// is complete at once.
    pub(crate) fn free(
        &mut self,
        dialect: Dialect,
        object: u64,
        offset: u64,
        length: u64,
    ) -> Completed {
        let wraps = offset.wrapping_add(length) < offset;
        let to_end = wraps || (!dialect.is_illumos() && length == OBJECT_END);
        if let Some(Range::Bytes { redact: false, object: o, offset: start, length: len }) =
            &mut self.slot
            && *o == object
            && start.wrapping_add(*len) == offset
        {
            *len = if to_end { OBJECT_END } else { len.wrapping_add(length) };
            return [None; 2];
        }
        let before = self.slot.take();
        let record = Range::Bytes {
            redact: false,
            object,
            offset,
            length: if wraps { OBJECT_END } else { length },
        };
        if length == OBJECT_END {
            return [before, Some(record)];
        }
        self.slot = Some(record);
        [before, None]
    }

    /// Adds free object numbers; they join the pending run if they follow it.
    pub(crate) fn free_objects(&mut self, first: u64, count: u64) -> Completed {
        if let Some(Range::Objects { first: start, count: n }) = &mut self.slot
            && start.wrapping_add(*n) == first
        {
            *n = n.wrapping_add(count);
            return [None; 2];
        }
        [self.slot.replace(Range::Objects { first, count }), None]
    }

    /// Adds a redacted range; it joins the pending one if it follows it.
    pub(crate) fn redact(&mut self, object: u64, offset: u64, length: u64) -> Completed {
        if let Some(Range::Bytes { redact: true, object: o, offset: start, length: len }) =
            &mut self.slot
            && *o == object
            && start.wrapping_add(*len) == offset
        {
            *len = len.wrapping_add(length);
            return [None; 2];
        }
        let next = Range::Bytes { redact: true, object, offset, length };
        [self.slot.replace(next), None]
    }

    /// Whatever is pending, before a record that cannot join it.
    pub(crate) fn flush(&mut self) -> Option<Range> {
        self.slot.take()
    }
}

#[cfg(test)]
mod tests;
