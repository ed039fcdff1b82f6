//! Position of a receive that has taken this much of a stream, as a token to go on from.

use super::context::Context;
use super::framer::Frame;
use crate::position;
use crate::resume::Seam;
use std::sync::Arc;
use zsend_records::chain::Chain;
use zsend_records::drr::RECORD_SIZE;
use zsend_records::flags::Features;
use zsend_records::fletcher::Fletcher4;
use zsend_records::reader::Record;
use zsend_records::token::ResumeToken;

/// A place in a stream, or between two of a package.
///
/// Follows `save_resume_state()` and `dmu_recv_begin_sync()`, OpenZFS `module/zfs/dmu_recv.c`, zfs-2.3.2: what a
/// receiver notes after each OBJECT, WRITE and WRITE_EMBEDDED.
#[derive(Clone, Debug)]
pub(super) enum Position {
    Between,
    In {
        context: Arc<Context>,
        object: u64,
        offset: u64,
        /// Bytes of the stream up to there.
        bytes: u64,
        /// Byte of the input at which the stream begins.
        start: u64,
        /// The end of the record that was noted, or of BEGIN.
        seam: Arc<Seam>,
    },
}

impl Position {
    /// The place behind a BEGIN; `chain` is the sum up to there.
    pub(super) fn begin(frame: &Frame, chain: Chain) -> Self {
        let (object, offset) = frame.context.resumed_at().unwrap_or(position::START);
        let list = frame.context.nvlist();
        Self::In {
            context: Arc::clone(&frame.context),
            object,
            offset,
            bytes: 0,
            start: frame.byte,
            seam: Arc::new(Seam::begin(&frame.header, list, frame.record, end(frame), chain)),
        }
    }

    /// The place behind a record, whose payload has the sum `payload`; `chain` is the sum up to there.
    pub(super) fn after(
        &self,
        frame: &Frame,
        record: &Record,
        payload: Fletcher4,
        chain: Chain,
    ) -> Self {
        let Self::In { context, object, offset, bytes, start, seam } = self else {
            return self.clone();
        };
        let here = end(frame) - start;
        let (object, offset, bytes) = match position::noted(record) {
            Some((object, offset)) => (object, offset, here),
            None => (*object, *offset, *bytes),
        };
        let after = seam.after(&frame.header, frame.record, payload, end(frame), chain);
        let seam = after.map_or_else(|| Arc::clone(seam), Arc::new);
        Self::In { context: Arc::clone(context), object, offset, bytes, start: *start, seam }
    }

    /// The end of the record that was noted; none between the streams of a package.
    pub(super) fn seam(&self) -> Option<Seam> {
        match self {
            Self::In { seam, .. } => Some((**seam).clone()),
            Self::Between => None,
        }
    }

    /// Name of the snapshot whose stream it is in, and the token to go on with.
    pub(super) fn token(&self) -> (String, Option<ResumeToken>) {
        let Self::In { context, object, offset, bytes, .. } = self else {
            return (String::new(), None);
        };
        let begin = context.begin();
        let toname = String::from_utf8_lossy(begin.toname()).into_owned();
        let guids =
            |name| context.nvlist().and_then(|list| list.u64_array(name)).map(<[u64]>::to_vec);
        let has = |feature| context.has(feature);
        let token = ResumeToken {
            fromguid: Some(begin.fromguid.get()).filter(|&guid| guid != 0),
            object: *object,
            offset: *offset,
            bytes: *bytes,
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
const fn end(frame: &Frame) -> u64 {
    frame.byte + RECORD_SIZE as u64 + frame.payload_len
}
