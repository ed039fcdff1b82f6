//! The records of an input, each with its payload; behind a header that cannot be followed, the next one that
//! can. The input comes in pieces: where one ends, the next is waited for.

use super::context::Context;
use super::frame::{PlacedFrame, guid, unused};
use crate::begin_list::LIST;
use crate::input::Gathered;
use crate::limits::LIMITS;
use crate::raw::Keys;
use std::mem::take;
use std::sync::Arc;
use zsend_records::Order;
use zsend_records::bytes::{Buf, Bytes};
use zsend_records::describe::Description;
use zsend_records::drr::{Begin, MAGIC, RECORD_SIZE, RecordType, ReplayRecord};
use zsend_records::fletcher::{Fletcher4, WholeWords};
use zsend_records::payload::RecordError;
use zsend_records::reader::{Header, StreamErrorKind};
use zsend_records::sizes;
use zsend_records::zerocopy::byteorder::LE;

/// A payload: the bytes, where somebody wants to see them, or their sum alone.
#[derive(Clone, Debug)]
pub(super) enum SeenPayload {
    Bytes(Bytes),
    Sum(Fletcher4),
}

/// Next thing in the input.
#[derive(Debug)]
pub(super) enum Next {
    /// A record: [`Framer::frame`].
    Frame,
    /// A header that cannot be followed.
    Bad { record: u64, byte: u64, kind: StreamErrorKind },
    /// The input ends within a header or a payload.
    Cut { what: &'static str, have: u64, need: u64 },
    /// The input ends between two records.
    End,
}

/// The input, cut into records.
#[derive(Debug)]
pub(super) struct Framer {
    byte: u64,
    record: u64,
    order: Option<Order>,
    /// The last record.
    frame: PlacedFrame,
    keys: Arc<Keys>,
    /// Guid of the last record, by which one is known again.
    guid: u64,
    /// Beginning of a header, or of a payload.
    gathered: Gathered,
    summed: Summed,
    /// Bytes behind a header that cannot be followed, among which the next one begins.
    lost: Option<Vec<u8>>,
    is_found_again: bool,
}

/// Beginning of a payload of which nothing but the sum is wanted.
#[derive(Debug, Default)]
struct Summed {
    /// Bytes that came.
    have: u64,
    sum: Fletcher4,
    words: WholeWords,
}

/// Bytes that are searched for a header at a time: in a damaged stream, what is found may be near.
const SOUGHT: usize = 4 << 10;

impl Framer {
    /// The beginning of an input.
    pub(super) fn new(keys: Arc<Keys>) -> Self {
        Self {
            byte: 0,
            record: 0,
            order: None,
            frame: PlacedFrame::none(),
            keys,
            guid: 0,
            gathered: Gathered::default(),
            summed: Summed::default(),
            lost: None,
            is_found_again: false,
        }
    }

    /// The next record, whose payload must be taken before the one after it is asked for. After a bad header
    /// it is the next that can be one. `None` where all of the piece is used, and more is needed.
    pub(super) fn next(&mut self, piece: &mut impl Buf) -> Option<Next> {
        if let Some(window) = self.lost.take() {
            let raw = self.seek(window, piece)?;
            return Some(self.header(&raw));
        }
        // Nearly always it lies in one piece.
        if self.gathered.0.is_empty()
            && let Some(raw) = piece.chunk().first_chunk()
        {
            let next = self.header(raw);
            piece.advance(RECORD_SIZE);
            return Some(next);
        }
        let raw = self.gathered.take(RECORD_SIZE as u64, piece)?;
        Some(self.header(raw.first_chunk()?))
    }

    /// Makes a header the last record's, if it can be followed.
    fn header(&mut self, raw: &[u8; RECORD_SIZE]) -> Next {
        let (record, byte) = (self.record, self.byte);
        self.record += 1;
        let frame = &mut self.frame;
        let read = Header::read(raw, self.order, &[]).and_then(|read| {
            let mut room = None;
            let header = read.record(&mut room);
            (frame.description, frame.payload_len) = followed(&read, header)?;
            (frame.order, frame.header) = (read.order, *header);
            Ok(())
        });
        if let Err(kind) = read {
            self.lost = Some(raw[1..].to_vec());
            self.byte += 1;
            return Next::Bad { record, byte, kind };
        }
        self.byte += RECORD_SIZE as u64;
        (frame.record, frame.byte) = (record, byte);
        frame.is_found_again = take(&mut self.is_found_again);
        if let Some(begin) = frame.header.body_as::<Begin<LE>>() {
            self.order = Some(frame.order);
            frame.context = Arc::new(Context::new(begin));
        }
        self.guid = guid(&frame.header).filter(|&guid| guid != 0).unwrap_or(self.guid);
        Next::Frame
    }

    /// The end of the input, between records, or `within` the last one's payload, not all of which was there. After
    /// [`Next::Bad`] it is asked again, and gives [`Next::End`].
    pub(super) fn end(&mut self, within: bool) -> Next {
        if within {
            // One of the two is empty.
            let have = take(&mut self.gathered).0.len() as u64 + take(&mut self.summed).have;
            return Next::Cut { what: "payload", have, need: self.frame.payload_len };
        }
        if let Some(window) = self.lost.take() {
            self.byte += window.len() as u64;
            return Next::End;
        }
        let begun = take(&mut self.gathered).0;
        if begun.is_empty() {
            return Next::End;
        }
        if let Some(kind) = no_stream(&begun, self.order) {
            return Next::Bad { record: 0, byte: 0, kind };
        }
        Next::Cut { what: "record header", have: begun.len() as u64, need: RECORD_SIZE as u64 }
    }

    /// The record that [`Self::next`] gave.
    pub(super) const fn frame(&self) -> &PlacedFrame {
        &self.frame
    }

    /// The payload of the record that [`Self::next`] gave: its bytes if `keep`, else their sum. The list behind a BEGIN
    /// becomes part of the record's context. `None` where all of the piece is used, and more is needed.
    pub(super) fn payload(&mut self, keep: bool, piece: &mut impl Buf) -> Option<SeenPayload> {
        let PlacedFrame { payload_len: len, order, .. } = self.frame;
        let begins = self.frame.record_type() == RecordType::BEGIN;
        let keep = if begins { len <= LIST } else { keep };
        let payload = if keep {
            SeenPayload::Bytes(self.gathered.take(len, piece)?)
        } else {
            SeenPayload::Sum(self.sum(len, order, piece)?)
        };
        self.byte += len;
        if begins {
            let list = match &payload {
                SeenPayload::Bytes(list) if len <= LIST => Some(&list[..]),
                SeenPayload::Bytes(_) | SeenPayload::Sum(_) => None,
            };
            let mut context = (*self.frame.context).clone();
            context.read_list(list, &self.keys);
            self.frame.context = Arc::new(context);
        }
        Some(payload)
    }

    /// The sum of a payload.
    fn sum(&mut self, len: u64, order: Order, piece: &mut impl Buf) -> Option<Fletcher4> {
        let Summed { have, sum, words } = &mut self.summed;
        let part = piece.chunk();
        let part = &part[..sizes::piece(len - *have, part.len())];
        words.feed(part, |whole| match order {
            Order::Little => sum.update(whole),
            Order::Big => sum.update_byteswapped(whole),
        });
        let part = part.len();
        *have += part as u64;
        piece.advance(part);
        (*have == len).then(|| take(&mut self.summed).sum)
    }

    /// Passes over bytes until those that can be a record's header, which it gives. `window` begins at this byte, and was
    /// used before; it is shorter than a header. `None` where all of the piece is used, and more is needed.
    fn seek(&mut self, mut window: Vec<u8>, piece: &mut impl Buf) -> Option<[u8; RECORD_SIZE]> {
        while piece.has_remaining() {
            let before = window.len();
            let part = piece.chunk();
            window.extend_from_slice(&part[..part.len().min(SOUGHT)]);
            let found = window.windows(RECORD_SIZE).position(|raw| self.may_be_header(raw));
            let passed = found.unwrap_or(window.len().saturating_sub(RECORD_SIZE - 1));
            self.byte += passed as u64;
            if let Some(raw) = found.and_then(|at| window[at..].first_chunk()) {
                piece.advance(passed + RECORD_SIZE - before);
                self.is_found_again = true;
                return Some(*raw);
            }
            piece.advance(window.len() - before);
            window.drain(..passed);
        }
        self.lost = Some(window);
        None
    }

    /// Returns true if the bytes are what a right sender may have written as a header of this stream: a BEGIN,
    /// or a record of the stream's guid, with zeros where nothing is.
    fn may_be_header(&self, raw: &[u8]) -> bool {
        let Some(raw) = raw.first_chunk::<RECORD_SIZE>() else { return false };
        // Most places fail here: a type is a small number in four bytes, in either order.
        if raw[1] != 0 || raw[2] != 0 || (raw[0] != 0 && raw[3] != 0) {
            return false;
        }
        let Ok(read) = Header::read(raw, self.order, &[]) else { return false };
        let mut room = None;
        let header = read.record(&mut room);
        if followed(&read, header).is_err() {
            return false;
        }
        if header.record_type() == RecordType::BEGIN {
            return true;
        }
        let guid = guid(header);
        let is_ours = guid == Some(self.guid) || guid == Some(self.frame.context.toguid());
        is_ours && header.payloadlen.get() == 0 && unused(header) == 0
    }
}

/// The fault of a beginning of the first header, if it can be none.
fn no_stream(begin: &[u8], order: Option<Order>) -> Option<StreamErrorKind> {
    let magic = begin.get(8..16).and_then(|magic| magic.try_into().ok());
    let found = u64::from_le_bytes(magic.unwrap_or_default());
    let is_magic = magic.is_none() || found == MAGIC || found.swap_bytes() == MAGIC;
    let is_begin = begin.iter().take(4).all(|&byte| byte == 0);
    let is_right = order.is_some() || (is_begin && is_magic);
    (!is_right).then_some(StreamErrorKind::Magic { found })
}

/// A header's description and the length of its payload, if it can be followed.
fn followed(
    read: &Header<'_>,
    header: &ReplayRecord<LE>,
) -> Result<(&'static Description, u64), StreamErrorKind> {
    let found = header.record_type().0;
    let description = read.description.ok_or(RecordError::UnknownType { found })?;
    let len = LIMITS.check_described(header, description)?;
    Ok((description, len))
}
