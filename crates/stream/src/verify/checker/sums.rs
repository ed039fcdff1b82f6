//! The chain of sums along a stream.

use super::Checker;
use super::place::Where;
use crate::verify::fault::Wrong;
use crate::verify::frame::PlacedFrame;
use crate::verify::rules::shape;
use crate::verify::work::Worked;
use zsend_records::chain::Chain;
use zsend_records::drr::{CHECKSUM_OFFSET, End, RecordType};
use zsend_records::fletcher::Fletcher4;
use zsend_records::zerocopy::byteorder::{LE, U64};

impl Checker<'_> {
    /// The chain of sums.
    pub(super) fn sums(&mut self, frame: &PlacedFrame, worked: &Worked) {
        let before = self.chain;
        let header = &frame.header;
        let checked = self.chain.check_turned(header, frame.order, frame.description.fields);
        let begins = frame.record_type() == RecordType::BEGIN;
        let stored = Fletcher4::from_words(header.checksum.map(U64::get));
        if frame.is_found_again && !begins {
            self.go_on_from(stored, frame);
        } else if let Err(mismatch) = checked {
            self.fault(Where::of(frame), &shape::CHECKSUM, Wrong::sum("checksum", mismatch));
            self.go_on_from(stored, frame);
        } else if let Some(end) = header.body_as::<End<LE>>()
            && let Err(mismatch) = before.check_end(end)
        {
            self.fault(Where::of(frame), &shape::END_CHECKSUM, Wrong::sum("sum in END", mismatch));
        }
        self.chain.payload_sum(worked.sum, frame.payload_len);
        if frame.record_type() == RecordType::END {
            // Every stream sums up from its BEGIN, and the last END of a package from nothing.
            self.chain = Chain::in_order(frame.order);
        }
    }

    /// Goes on from a sum that a record has, whatever came before.
    fn go_on_from(&mut self, stored: Fletcher4, frame: &PlacedFrame) {
        self.chain = Chain::from_sum(stored, frame.order);
        self.chain.payload(&frame.raw()[CHECKSUM_OFFSET..]);
    }
}
