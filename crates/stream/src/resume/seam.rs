//! The end of what is known to be right of a stream.

use crate::position;
use crate::segment::resumed_at;
use zsend_records::Order;
use zsend_records::chain::Chain;
use zsend_records::drr::{Begin, RecordType, ReplayRecord};
use zsend_records::fletcher::Fletcher4;
use zsend_records::nvlist::NvList;
use zsend_records::reader::Record;
use zsend_records::sizes::DNODES_PER_BLOCK;
use zsend_records::zerocopy::FromBytes;
use zsend_records::zerocopy::byteorder::LE;

/// End of a record behind which a cut stream can be gone on with: of its last whose payload was checked and whose
/// place a receiver notes, or of its BEGIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seam {
    begin: ReplayRecord<LE>,
    begin_sum: Fletcher4,
    resumed_at: Option<(u64, u64)>,
    last: Box<Noted>,
}

/// A record that a stream may be gone on with behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    record: u64,
    header: ReplayRecord<LE>,
    payload_sum: Fletcher4,
    end: u64,
    chain: Chain,
    /// Object and offset of the record; none of a BEGIN.
    at: Option<(u64, u64)>,
    /// The objects since the first of which no data have come; none behind data.
    run: Option<DnodeRun>,
    /// The highest object whose OBJECT has come; zero of a BEGIN.
    highest: u64,
    /// See [`Seam::is_by_block`].
    is_by_block: Option<bool>,
}

/// Objects of one block of dnodes, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DnodeRun {
    /// Number of the block of dnodes.
    block: u64,
    /// The first of them; none if it is the first of the stream.
    first: Option<u64>,
    /// Number of its record in the input, or of BEGIN.
    record: u64,
}

/// A BEGIN is not that of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} of the file's BEGIN is {found}, that of the stream which would be sent {expected}")]
pub struct BeginDiffers {
    /// Name of the first field that differs, or `list`, which stands for the list behind it.
    pub what: &'static str,
    /// Value in the file.
    pub found: String,
    /// Value in the stream that would be sent.
    pub expected: String,
}

impl Seam {
    /// The end of a BEGIN, record `record` of the input and ending at byte `end`; `chain` is the sum up to there.
    pub(crate) fn begin(
        header: &ReplayRecord<LE>,
        list: Option<&NvList>,
        record: u64,
        end: u64,
        chain: Chain,
    ) -> Self {
        let payload_sum = Fletcher4::ZERO;
        let last = Noted {
            record,
            header: *header,
            payload_sum,
            end,
            chain,
            at: None,
            run: None,
            highest: 0,
            is_by_block: None,
        };
        Self {
            begin: *header,
            begin_sum: chain.sum(),
            resumed_at: list.and_then(resumed_at),
            last: Box::new(last),
        }
    }

    /// The record that ends there.
    pub(crate) const fn last(&self) -> &Noted {
        &self.last
    }

    /// Puts the record `record` into `next`, if a receiver notes its place: says if it does.
    pub(crate) fn note(
        &self,
        next: &mut Noted,
        header: &ReplayRecord<LE>,
        record: u64,
        payload_sum: Fletcher4,
        end: u64,
        chain: Chain,
    ) -> bool {
        let Some(at) = position::noted(&Record::of(header)) else { return false };
        let last = &*self.last;
        let is_object = header.record_type() == RecordType::OBJECT;
        next.run = is_object.then(|| match (last.run, last.at) {
            (Some(run), _) if run.block == block(at.0) => run,
            (_, None) => DnodeRun { block: block(at.0), first: None, record: last.record },
            (_, Some(_)) => DnodeRun { block: block(at.0), first: Some(at.0), record },
        });
        next.highest = if is_object { at.0 } else { last.highest };
        let is_behind_data =
            last.run.is_none() && last.at.is_some_and(|(object, _)| block(object) == block(at.0));
        next.is_by_block = last.is_by_block.or(match is_object {
            true => is_behind_data.then_some(false),
            false => (at.0 < last.highest && block(at.0) == block(last.highest)).then_some(true),
        });
        next.header = *header;
        (next.record, next.payload_sum, next.end) = (record, payload_sum, end);
        (next.chain, next.at) = (chain, Some(at));
        true
    }

    /// Ends with another record, and gives the last in its place.
    pub(crate) const fn end_with(&mut self, next: &mut Box<Noted>) {
        std::mem::swap(&mut self.last, next);
    }

    /// Object and offset of the record that ends there; none of a BEGIN.
    pub(crate) const fn at(&self) -> Option<(u64, u64)> {
        self.last.at
    }

    /// Bytes of the input up to there.
    pub const fn end(&self) -> u64 {
        self.last.end
    }

    /// Number of the record in the input, from zero.
    pub const fn record(&self) -> u64 {
        self.last.record
    }

    /// The record in little-endian order, with its checksum.
    pub const fn header(&self) -> &ReplayRecord<LE> {
        &self.last.header
    }

    /// Sum of the stream up to there.
    pub const fn chain(&self) -> Chain {
        self.last.chain
    }

    /// Byte order of the stream.
    pub const fn order(&self) -> Order {
        self.last.chain.order()
    }

    /// Object and offset at which the stream itself goes on, if it is the rest of another.
    pub const fn resumed_at(&self) -> Option<(u64, u64)> {
        self.resumed_at
    }

    /// True if the sender sends all objects of a block of dnodes before their data, as illumos does, false if each
    /// object with its data; `None` as long as either may have sent what there is.
    pub const fn is_by_block(&self) -> Option<bool> {
        self.last.is_by_block
    }

    /// Object and offset from which a sender goes on so that its stream has the record, and everything behind it
    /// as the whole stream has it; `None` for the start of the snapshot.
    ///
    /// If objects of a block of dnodes may stand before their data, an object says nothing of the data of those
    /// before it, and the first is gone on from.
    pub fn position(&self) -> Option<(u64, u64)> {
        let Some(at) = self.last.at else { return self.resumed_at };
        let at = match self.run() {
            Some(DnodeRun { first: None, .. }) => return self.resumed_at,
            Some(DnodeRun { first: Some(first), .. }) => (first, 0),
            None => at,
        };
        // The rest of a stream begins with its object, and goes on at an offset in it.
        Some(self.resumed_at.map_or(at, |begun| at.max(begun)))
    }

    fn run(&self) -> Option<DnodeRun> {
        self.last.run.filter(|_| self.last.is_by_block != Some(false))
    }

    /// Returns true for the type of record from which on [`Self::is_reached`] counts: BEGIN where the stream is sent
    /// from its start, else the first OBJECT.
    pub(super) fn is_counted_from(&self, kind: RecordType) -> bool {
        let from_start = self.run().is_some_and(|run| run.first.is_none());
        kind == if from_start { RecordType::BEGIN } else { RecordType::OBJECT }
    }

    /// Returns false if a sender that goes on from [`Self::position`] has another number of records before this one:
    /// it has `since`.
    pub(super) fn is_reached(&self, since: Option<u64>) -> bool {
        self.run().is_none_or(|run| since == Some(self.last.record - run.record))
    }

    /// The highest object whose OBJECT is in the file.
    pub(super) const fn highest(&self) -> u64 {
        self.last.highest
    }

    /// Checks that `made`, the BEGIN of a little-endian stream with its list, is the file's.
    ///
    /// # Errors
    /// [`BeginDiffers`] with the first difference.
    pub fn check_begin(&self, made: &[u8]) -> Result<(), BeginDiffers> {
        if self.order() == Order::Little && Fletcher4::of(made) == self.begin_sum {
            return Ok(());
        }
        let differs =
            |what, found: String, expected: String| Err(BeginDiffers { what, found, expected });
        let made = ReplayRecord::<LE>::read_from_prefix(made).ok();
        let pair = made.as_ref().map(|(made, _)| (self.begin.body_as(), made.body_as()));
        let Some((Some(file), Some(made))) = pair else {
            return differs("type", self.begin.record_type().to_string(), "no BEGIN".into());
        };
        let (file, made): (&Begin<LE>, &Begin<LE>) = (file, made);
        let name = |begin: &Begin<LE>| String::from_utf8_lossy(begin.toname()).into_owned();
        let hex = |number: u64| format!("{number:#x}");
        let fields = [
            ("byte order", format!("{:?}", self.order()), format!("{:?}", Order::Little)),
            ("toguid", file.toguid.get().to_string(), made.toguid.get().to_string()),
            ("toname", name(file), name(made)),
            ("fromguid", file.fromguid.get().to_string(), made.fromguid.get().to_string()),
            ("features", hex(file.features().bits()), hex(made.features().bits())),
            ("versioninfo", hex(file.versioninfo.get()), hex(made.versioninfo.get())),
            ("flags", hex(file.flags.get().into()), hex(made.flags.get().into())),
            ("type", file.objset_type().to_string(), made.objset_type().to_string()),
            (
                "creation_time",
                file.creation_time.get().to_string(),
                made.creation_time.get().to_string(),
            ),
        ];
        match fields.into_iter().find(|(_, found, expected)| found != expected) {
            Some((what, found, expected)) => differs(what, found, expected),
            None => differs("list", "another".into(), "another".into()),
        }
    }

    /// True for the same record with the same payload; what the header has of a sum is not looked at.
    pub(super) fn is(&self, header: &ReplayRecord<LE>, payload_sum: Fletcher4) -> bool {
        let last = &*self.last;
        last.payload_sum == payload_sum
            && (last.header.drr_type, last.header.payloadlen, &last.header.body)
                == (header.drr_type, header.payloadlen, &header.body)
    }

    /// True for a record of the same type with the same place.
    pub(super) fn is_at(&self, header: &ReplayRecord<LE>) -> bool {
        self.last.header.drr_type == header.drr_type
            && position::noted(&Record::of(header)) == self.last.at
    }

    /// True if it is the end of the BEGIN.
    pub(super) const fn is_begin(&self) -> bool {
        self.last.at.is_none()
    }
}

const fn block(object: u64) -> u64 {
    object / DNODES_PER_BLOCK
}
