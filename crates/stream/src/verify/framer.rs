//! The records of an input, each with its payload; behind a header that cannot be followed, the next one that
//! can.

use super::context::Context;
use crate::input::Input;
use crate::limits::{LIMITS, LIST};
use crate::raw::Keys;
use crate::read_ahead::ReadAhead;
use std::io;
use std::sync::Arc;
use zsend_records::Order;
use zsend_records::bytes::Bytes;
use zsend_records::byteswap::byteswap_with;
use zsend_records::describe::Description;
use zsend_records::drr::{
    Begin, CHECKSUM_OFFSET, MAGIC, Object, RECORD_SIZE, RecordType, ReplayRecord, Spill, Write,
    WriteEmbedded,
};
use zsend_records::fletcher::{Fletcher4, WholeWords};
use zsend_records::payload::RecordError;
use zsend_records::reader::{Header, StreamErrorKind};
use zsend_records::zerocopy::IntoBytes;
use zsend_records::zerocopy::byteorder::{BE, LE};

/// A record with its place.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Records before it in the input.
    pub(super) record: u64,
    /// Bytes before it in the input.
    pub(super) byte: u64,
    pub(super) order: Order,
    /// The header in little-endian order.
    pub(super) header: ReplayRecord<LE>,
    pub(super) description: &'static Description,
    pub(super) payload_len: u64,
    /// Bytes before it were passed over, so nothing is known of the sum up to it.
    pub(super) is_found_again: bool,
    /// The BEGIN that it stands behind, or that it is.
    pub(super) context: Arc<Context>,
}

/// A payload: the bytes, where somebody wants to see them, or their sum alone.
#[derive(Clone, Debug)]
pub(super) enum Payload {
    Bytes(Bytes),
    Sum(Fletcher4),
}

/// Next thing in the input.
#[derive(Debug)]
pub(super) enum Next {
    Frame(Box<Frame>),
    /// A header that cannot be followed.
    Bad {
        record: u64,
        byte: u64,
        kind: StreamErrorKind,
    },
    /// The input ends within a header or a payload.
    Cut {
        what: &'static str,
        have: u64,
        need: u64,
    },
    /// The input ends between two records.
    End,
}

impl Frame {
    /// The record's type.
    pub(super) const fn record_type(&self) -> RecordType {
        self.description.record_type
    }

    /// The header's bytes as they lay in the stream.
    pub(super) fn raw(&self) -> [u8; RECORD_SIZE] {
        match self.order {
            Order::Little => zsend_records::zerocopy::transmute!(self.header),
            Order::Big => {
                let big: ReplayRecord<BE> = byteswap_with(&self.header, self.description.fields);
                zsend_records::zerocopy::transmute!(big)
            }
        }
    }

    /// Bytes of memory that checking it takes: the payload, and what it decompresses to.
    pub(super) fn cost(&self) -> u64 {
        let header = &self.header;
        let logical = match self.record_type() {
            RecordType::WRITE => header.body_as::<Write<LE>>().map_or(0, |w| w.logical_size.get()),
            RecordType::SPILL => header.body_as::<Spill<LE>>().map_or(0, |s| s.length.get()),
            RecordType::WRITE_EMBEDDED => {
                header.body_as::<WriteEmbedded<LE>>().map_or(0, |e| e.lsize.get().into())
            }
            RecordType(_) => 0,
        };
        self.payload_len.saturating_add(logical.min(LIMITS.block))
    }
}

/// The input, cut into records.
#[derive(Debug)]
pub(super) struct Framer {
    input: Input,
    byte: u64,
    record: u64,
    order: Option<Order>,
    context: Arc<Context>,
    keys: Arc<Keys>,
    /// Guid of the last record, by which one is known again.
    guid: u64,
    /// Header behind which the next is to be looked for.
    bad: Option<[u8; RECORD_SIZE]>,
    is_found_again: bool,
}

impl Framer {
    /// The beginning of an input.
    pub(super) fn new(source: ReadAhead, keys: Arc<Keys>) -> Self {
        Self {
            input: Input::new(source),
            byte: 0,
            record: 0,
            order: None,
            context: Arc::default(),
            keys,
            guid: 0,
            bad: None,
            is_found_again: false,
        }
    }

    /// The next record, whose payload must be taken before the one after it is asked for. After a bad header
    /// it is the next that can be one.
    ///
    /// # Errors
    /// Those of the source.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        if let Some(bad) = self.bad.take()
            && !self.seek(&bad)?
        {
            return Ok(Next::End);
        }
        let mut raw = [0; RECORD_SIZE];
        let have = self.input.take(&mut raw)?;
        if have == 0 {
            return Ok(Next::End);
        }
        if have < RECORD_SIZE {
            if let Some(kind) = no_stream(&raw[..have], self.order) {
                return Ok(Next::Bad { record: 0, byte: 0, kind });
            }
            let (have, need) = (have as u64, RECORD_SIZE as u64);
            return Ok(Next::Cut { what: "record header", have, need });
        }
        match read(&raw, self.order) {
            Ok((header, description, payload_len)) => {
                Ok(Next::Frame(Box::new(self.frame(&header, description, payload_len))))
            }
            Err(kind) => {
                self.bad = Some(raw);
                self.byte += RECORD_SIZE as u64;
                self.record += 1;
                let (record, byte) = (self.record - 1, self.byte - RECORD_SIZE as u64);
                Ok(Next::Bad { record, byte, kind })
            }
        }
    }

    fn frame(&mut self, read: &Header, description: &'static Description, len: u64) -> Frame {
        if let Some(begin) = read.header.body_as::<Begin<LE>>() {
            self.order = Some(read.order);
            self.context = Arc::new(Context::new(begin));
        }
        self.guid = guid(&read.header, description).filter(|&guid| guid != 0).unwrap_or(self.guid);
        let frame = Frame {
            record: self.record,
            byte: self.byte,
            order: read.order,
            header: read.header,
            description,
            payload_len: len,
            is_found_again: std::mem::take(&mut self.is_found_again),
            context: Arc::clone(&self.context),
        };
        self.record += 1;
        self.byte += RECORD_SIZE as u64;
        frame
    }

    /// The payload of a frame that [`Self::next`] gave, and nothing else yet: its bytes if `keep`, else their
    /// sum. The list behind a BEGIN becomes part of the frame's context. The error in it is the cut.
    ///
    /// # Errors
    /// Those of the source.
    pub(super) fn payload(
        &mut self,
        frame: &mut Frame,
        keep: bool,
    ) -> io::Result<Result<Payload, Next>> {
        let len = frame.payload_len;
        let begins = frame.record_type() == RecordType::BEGIN;
        let keep = if begins { len <= LIST } else { keep };
        let payload = if keep { self.bytes(len)? } else { self.sum(len, frame.order)? };
        if begins && let Ok(payload) = &payload {
            let list = match payload {
                Payload::Bytes(list) if len <= LIST => Some(&list[..]),
                Payload::Bytes(_) | Payload::Sum(_) => None,
            };
            let mut context = (*self.context).clone();
            context.read_list(list, &self.keys);
            self.context = Arc::new(context);
            frame.context = Arc::clone(&self.context);
        }
        Ok(payload)
    }

    fn bytes(&mut self, len: u64) -> io::Result<Result<Payload, Next>> {
        let bytes = self.input.bytes(len)?;
        let have = bytes.len() as u64;
        self.byte += have;
        Ok(if have < len { Err(cut_payload(have, len)) } else { Ok(Payload::Bytes(bytes)) })
    }

    fn sum(&mut self, len: u64, order: Order) -> io::Result<Result<Payload, Next>> {
        let mut sum = Fletcher4::ZERO;
        let mut words = WholeWords::default();
        let mut left = len;
        while left > 0 {
            if !self.input.fill()? {
                return Ok(Err(cut_payload(len - left, len)));
            }
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(self.input.rest.len());
            let piece = self.input.rest.split_to(take);
            words.feed(&piece, |whole| match order {
                Order::Little => sum.update(whole),
                Order::Big => sum.update_byteswapped(whole),
            });
            left -= take as u64;
            self.byte += take as u64;
        }
        Ok(Ok(Payload::Sum(sum)))
    }

    /// Passes over bytes until those that can be a record's header; says if there are any. `bad` is used
    /// already, and searched all the same, but for its first byte.
    fn seek(&mut self, bad: &[u8; RECORD_SIZE]) -> io::Result<bool> {
        let mut window = bad[1..].to_vec();
        self.byte -= window.len() as u64;
        loop {
            let found = window.windows(RECORD_SIZE).position(|raw| self.may_be_header(raw));
            let passed = found.unwrap_or(window.len().saturating_sub(RECORD_SIZE - 1));
            self.byte += passed as u64;
            window.drain(..passed);
            if found.is_some() {
                self.is_found_again = true;
                window.extend_from_slice(&self.input.rest);
                self.input.rest = window.into();
                return Ok(true);
            }
            if !self.input.fill()? {
                self.byte += window.len() as u64;
                return Ok(false);
            }
            window.extend_from_slice(&std::mem::take(&mut self.input.rest));
        }
    }

    /// Returns true if the bytes are what a right sender may have written as a header of this stream: a BEGIN,
    /// or a record of the stream's guid, with zeros where nothing is.
    fn may_be_header(&self, raw: &[u8]) -> bool {
        let Some(raw) = raw.first_chunk::<RECORD_SIZE>() else { return false };
        // Most places fail here: a type is a small number in four bytes, in either order.
        if raw[1] != 0 || raw[2] != 0 || (raw[0] != 0 && raw[3] != 0) {
            return false;
        }
        let Ok((read, description, _)) = read(raw, self.order) else { return false };
        if read.header.record_type() == RecordType::BEGIN {
            return true;
        }
        let guid = guid(&read.header, description);
        let is_ours = guid == Some(self.guid) || guid == Some(self.context.toguid());
        is_ours && read.header.payloadlen.get() == 0 && unused(&read.header, description) == 0
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

const fn cut_payload(have: u64, need: u64) -> Next {
    Next::Cut { what: "payload", have, need }
}

/// A header, its description and the length of its payload, if it can be followed.
fn read(
    raw: &[u8; RECORD_SIZE],
    order: Option<Order>,
) -> Result<(Header, &'static Description, u64), StreamErrorKind> {
    let read = Header::read(raw, order, &[])?;
    let found = read.header.record_type().0;
    let description = read.description.ok_or(RecordError::UnknownType { found })?;
    let len = LIMITS.check_described(&read.header, description)?;
    Ok((read, description, len))
}

/// The guid of the sent snapshot in a record.
pub(super) fn guid(header: &ReplayRecord<LE>, description: &Description) -> Option<u64> {
    let field = description.fields.iter().find(|field| field.name == "toguid")?;
    field.ints(header.as_bytes()).next()
}

/// The number of bytes that are not zero where no field of the record is.
pub(super) fn unused(header: &ReplayRecord<LE>, description: &Description) -> usize {
    let bytes = header.as_bytes();
    let count = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte != 0).count();
    let end = description.fields.last().map_or(8, |last| last.offset + last.width * last.count);
    let pads = description.fields.iter().filter(|field| field.is_padding());
    pads.map(|field| count(field.bytes(bytes))).sum::<usize>()
        + bytes.get(end..CHECKSUM_OFFSET).map_or(0, count)
}

/// The object that a record is about, and the offset in it.
pub(crate) fn place(
    header: &ReplayRecord<LE>,
    description: &Description,
) -> (Option<u64>, Option<u64>) {
    let int = |name| {
        let field = description.fields.iter().find(|field| field.name == name)?;
        field.ints(header.as_bytes()).next()
    };
    if header.body_as::<Object<LE>>().is_some() {
        return (int("object"), None);
    }
    (int("object").or_else(|| int("firstobj")), int("offset"))
}
