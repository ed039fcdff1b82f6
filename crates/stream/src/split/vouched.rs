//! Parts on their way out, record by record: what the sums along the stream do not vouch for waits.

use super::check::next;
use std::collections::VecDeque;
use zsend_records::Order;
use zsend_records::bytes::{Buf, Bytes};
use zsend_records::chain::Chain;
use zsend_records::drr::RECORD_SIZE;
use zsend_records::fletcher::WholeWords;

/// Bytes that may wait for a sum. More, and there is none: a stream may have been written without.
const MOST: u64 = 20 << 20;

/// Records that wait until a header behind them has their sum.
#[derive(Debug, Default)]
pub(super) struct Vouched {
    chain: Chain,
    order: Option<Order>,
    /// Byte at which the next record begins.
    begin: u64,
    /// Beginning of a header.
    header: Vec<u8>,
    /// Bytes that are yet to come of a payload.
    left: u64,
    words: WholeWords,
    /// Bytes from `from` on.
    held: VecDeque<Bytes>,
    from: u64,
}

/// Reason that nothing more can be passed on as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// A header does not fit.
    Damaged,
    /// Too much waits.
    NoSums,
}

impl Vouched {
    /// The first byte that waits.
    pub(super) const fn from(&self) -> u64 {
        self.from
    }

    /// Takes the next bytes, and gives `to` those before the last header that has a right sum.
    pub(super) fn take(&mut self, piece: Bytes, to: impl FnMut(Bytes)) -> Result<(), Stop> {
        let mut rest = piece.clone();
        self.held.push_back(piece);
        let mut right = self.from;
        while !rest.is_empty() {
            if self.left > 0 {
                let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                self.words.feed(&rest[..len], |whole| self.chain.payload(whole));
                rest.advance(len);
                self.left -= len as u64;
                continue;
            }
            let len = (RECORD_SIZE - self.header.len()).min(rest.len());
            self.header.extend_from_slice(&rest[..len]);
            rest.advance(len);
            let Some(raw) = self.header.first_chunk() else { break };
            let Some(header) = next(raw, &mut self.order, &mut self.chain) else {
                self.release(right, to);
                return Err(Stop::Damaged);
            };
            if header.has_sum {
                right = self.begin;
            }
            self.words.clear();
            self.left = header.payload_len;
            self.begin += RECORD_SIZE as u64 + header.payload_len;
            self.header.clear();
        }
        self.release(right, to);
        let waits: u64 = self.held.iter().map(|held| held.len() as u64).sum();
        if waits > MOST { Err(Stop::NoSums) } else { Ok(()) }
    }

    /// All that waits, for which somebody else vouches.
    pub(super) fn into_rest(self) -> impl Iterator<Item = Bytes> {
        self.held.into_iter()
    }

    /// Gives the bytes before this one.
    fn release(&mut self, end: u64, mut to: impl FnMut(Bytes)) {
        while let Some(first) = self.held.front_mut()
            && self.from < end
        {
            let len = usize::try_from(end - self.from).unwrap_or(usize::MAX).min(first.len());
            to(first.split_to(len));
            self.from += len as u64;
            if first.is_empty() {
                self.held.pop_front();
            }
        }
    }
}
