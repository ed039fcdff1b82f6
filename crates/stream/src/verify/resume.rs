//! Position of a receive that has taken this much of a stream, as a token to go on from.

use super::context::Context;
use super::frame::PlacedFrame;
use crate::position;
use crate::resume::{Noted, Seam};
use std::sync::Arc;
use zsend_records::chain::Chain;
use zsend_records::drr::RECORD_SIZE;
use zsend_records::flags::Features;
use zsend_records::fletcher::Fletcher4;
use zsend_records::token::ResumeToken;

/// The place up to which a stream was checked, or between two of a package; and what the record that is read adds to it,
/// once the next header says that its payload is right.
///
/// Follows `save_resume_state()` and `dmu_recv_begin_sync()`, OpenZFS `module/zfs/dmu_recv.c`, zfs-2.3.2: what a
/// receiver notes after each OBJECT, WRITE and WRITE_EMBEDDED.
#[derive(Debug, Default)]
pub(super) struct Position {
    /// The stream that the place is in; none between two.
    stream: Option<Box<Begun>>,
    pending: PlaceChange,
}

/// A stream up to a place in it.
#[derive(Debug)]
struct Begun {
    context: Arc<Context>,
    /// Byte of the input at which the stream begins.
    start: u64,
    /// The end of the record that was noted, or of BEGIN.
    seam: Seam,
    /// The record that is read, if it is [`PlaceChange::Record`].
    next: Box<Noted>,
}

/// Change of the place.
#[derive(Debug, Default)]
enum PlaceChange {
    #[default]
    Nothing,
    Record,
    Stream(Box<Begun>),
    Between,
}

impl Position {
    /// Takes a BEGIN in; `chain` is the sum up to there.
    pub(super) fn begin(&mut self, frame: &PlacedFrame, chain: Chain) {
        let list = frame.context.nvlist();
        let seam = Seam::begin(&frame.header, list, frame.record, end(frame), chain);
        self.pending = PlaceChange::Stream(Box::new(Begun {
            context: Arc::clone(&frame.context),
            start: frame.byte,
            next: Box::new(seam.last().clone()),
            seam,
        }));
    }

    /// Takes a record in, whose payload has the sum `payload`; `chain` is the sum up to there.
    pub(super) fn record(&mut self, frame: &PlacedFrame, payload: Fletcher4, chain: Chain) {
        let Some(Begun { seam, next, .. }) = self.stream.as_deref_mut() else { return };
        if seam.note(next, &frame.header, frame.record, payload, end(frame), chain) {
            self.pending = PlaceChange::Record;
        }
    }

    /// Takes an END in.
    pub(super) fn end(&mut self) {
        self.pending = PlaceChange::Between;
    }

    /// The record that was taken in is right.
    pub(super) fn go_on(&mut self) {
        match (std::mem::take(&mut self.pending), &mut self.stream) {
            (PlaceChange::Record, Some(begun)) => begun.seam.end_with(&mut begun.next),
            (PlaceChange::Stream(begun), stream) => *stream = Some(begun),
            (PlaceChange::Between, stream) => *stream = None,
            (PlaceChange::Nothing | PlaceChange::Record, _) => {}
        }
    }

    /// The end of the record that was noted; none between the streams of a package.
    pub(super) fn seam(&self) -> Option<Seam> {
        self.stream.as_ref().map(|begun| begun.seam.clone())
    }

    /// Name of the snapshot whose stream it is in, and the token to go on with.
    pub(super) fn token(&self) -> (String, Option<ResumeToken>) {
        let Some(Begun { context, start, seam, .. }) = self.stream.as_deref() else {
            return (String::new(), None);
        };
        let (object, offset, bytes) = match seam.at() {
            Some((object, offset)) => (object, offset, seam.end() - start),
            None => {
                let (object, offset) = context.resumed_at().unwrap_or(position::START);
                (object, offset, 0)
            }
        };
        let begin = context.begin();
        let toname = String::from_utf8_lossy(begin.toname()).into_owned();
        let guids =
            |name| context.nvlist().and_then(|list| list.u64_array(name)).map(<[u64]>::to_vec);
        let has = |feature| context.has(feature);
        let token = ResumeToken {
            fromguid: Some(begin.fromguid.get()).filter(|&guid| guid != 0),
            object,
            offset,
            bytes,
            toguid: begin.toguid.get(),
            toname: toname.clone(),
            largeblockok: has(Features::LARGE_BLOCKS),
            embedok: has(Features::EMBED_DATA),
            compressok: has(Features::COMPRESSED),
            rawok: has(Features::RAW),
            savedok: false,
            redact_snaps: guids("redact_snaps"),
            book_redact_snaps: guids("redact_from_snaps"),
        };
        (toname, Some(token))
    }
}

/// The byte of the input behind a record.
const fn end(frame: &PlacedFrame) -> u64 {
    frame.byte + RECORD_SIZE as u64 + frame.payload_len
}
