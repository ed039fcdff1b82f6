//! Progress of a send, and the place from which it can be resumed.

use crate::walk::ResumePoint;
use zsend_encoder::dialect::Dialect;
use zsend_encoder::event::Event;
use zsend_pool::PoolError;
use zsend_pool::dmu::dnode::DNODES_PER_BLOCK;

/// The place from which a stream that was cut goes on: `resume_object` and `resume_offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumePosition {
    object: u64,
    offset: u64,
}

impl ResumePosition {
    /// A byte offset in an object. `None` for offset zero of object zero, the start of the stream, from
    /// which nothing is resumed: `dmu_send_impl()`, OpenZFS `module/zfs/dmu_send.c`.
    pub const fn new(object: u64, offset: u64) -> Option<Self> {
        if object == 0 && offset == 0 { None } else { Some(Self { object, offset }) }
    }

    /// Object number.
    pub const fn object(self) -> u64 {
        self.object
    }

    /// Offset in the object, bytes.
    pub const fn offset(self) -> u64 {
        self.offset
    }
}

/// Progress of a send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes of stream so far.
    pub bytes: u64,
    /// Records so far.
    pub records: u64,
    /// The place from which a stream that ends here can be resumed; `None` if there is nothing to resume
    /// yet.
    pub position: Option<ResumePosition>,
}

/// Something that a send says while it goes on.
///
/// It is said by whichever thread delivers, one after another and in send order, so that whoever
/// listens holds up the send.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// The progress of the send: once for each batch, which has 32 KiB at first and 1 MiB later, and
    /// where the send ends early.
    Progress(Progress),
    /// A block that could not be read, for this reason, and was replaced by a pattern:
    /// `zfs_send_corrupt_data`.
    Replaced(PoolError),
}

/// The place from which a stream that ended after some event can be resumed.
#[derive(Debug)]
pub(super) struct Resumable {
    by_block: bool,
    at: Option<ResumePosition>,
}

impl Resumable {
    pub(super) fn new(dialect: Dialect, resume: Option<ResumePoint>) -> Self {
        // illumos sends the objects of a block of dnodes before their data, so an object that was
        // sent says nothing of the data of those before it in the block.
        let at = resume.and_then(|resume| ResumePosition::new(resume.object, 0));
        Self { by_block: dialect.is_illumos(), at }
    }

    /// The position behind all events that were passed.
    pub(super) const fn position(&self) -> Option<ResumePosition> {
        self.at
    }

    /// Passes an event that was sent.
    pub(super) fn pass(&mut self, event: &Event) {
        match event {
            Event::Object(o) => {
                let block = o.object / DNODES_PER_BLOCK;
                let same_block = self.at.is_some_and(|at| at.object / DNODES_PER_BLOCK == block);
                if !(self.by_block && same_block) {
                    self.at = ResumePosition::new(o.object, 0);
                }
            }
            Event::Write(w) => self.at = ResumePosition::new(w.object, w.offset),
            Event::WriteEmbedded(w) => self.at = ResumePosition::new(w.object, w.offset),
            Event::Begin(_)
            | Event::ObjectRange(_)
            | Event::FreeSlot(_)
            | Event::Hole(_)
            | Event::Redact(_)
            | Event::Spill(_)
            | Event::Other(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zsend_encoder::event::{BlockInfo, Object, Write, WriteForm};
    use zsend_records::types::DmuType;
    use zsend_records::writer::{Measured, Payload};

    fn object(object: u64) -> Event {
        Event::Object(Object {
            object,
            object_type: DmuType(19),
            bonustype: DmuType::NONE,
            blksz: 512,
            bonuslen: 0,
            checksum: 0,
            compress: 0,
            slots: 1,
            maxblkid: 0,
            indblkshift: 17,
            nlevels: 1,
            nblkptr: 1,
            has_spill: false,
            byteswap: false,
            bonus: Payload::NONE,
        })
    }

    fn write(object: u64, offset: u64) -> Event {
        Event::Write(Write {
            object,
            dnode_type: DmuType(19),
            offset,
            logical_size: 0,
            form: WriteForm::Plain,
            block: BlockInfo::default(),
            payload: Payload::NONE,
        })
    }

    /// The positions behind each of some events.
    fn positions(dialect: Dialect, events: &[Event]) -> Vec<(u64, u64)> {
        let mut resumable = Resumable::new(dialect, None);
        assert_eq!(resumable.position(), None);
        let mut pass = |event: &Event| {
            resumable.pass(event);
            resumable.position().map_or((0, 0), |at| (at.object(), at.offset()))
        };
        events.iter().map(&mut pass).collect()
    }

    #[test]
    fn illumos_resumes_before_the_data_of_all_objects_of_a_block() {
        let events = [object(7), object(8), write(7, 512), write(8, 0), object(40)];
        let openzfs = [(7, 0), (8, 0), (7, 512), (8, 0), (40, 0)];
        assert_eq!(positions(Dialect::OpenZfs, &events), openzfs);
        // Objects 7 and 8 are of one block: after both, the data of object 7 are still to come.
        let illumos = [(7, 0), (7, 0), (7, 512), (8, 0), (40, 0)];
        assert_eq!(positions(Dialect::Illumos, &events), illumos);
    }

    #[test]
    fn the_start_of_a_stream_is_no_place_to_resume() {
        assert_eq!(ResumePosition::new(0, 0), None);
        assert!(ResumePosition::new(0, 1).is_some() && ResumePosition::new(1, 0).is_some());
    }
}
