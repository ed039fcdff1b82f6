//! The checks that need what came before, record by record.

mod place;
mod sums;

use super::context::{Context, List};
use super::fault::{About, Fault, Wrong};
use super::frame::{PlacedFrame, guid};
use super::framer::SeenPayload;
use super::macs::{MacFinding, PendingMacs};
use super::members::Members;
use super::resume::Position;
use super::rules::{self, At, shape};
use super::state::StreamState;
use super::tee::Tee;
use super::verdict::{Cut, CutPart, Outcome, Verdict};
use super::work::Worked;
use super::{Report, VerifyError, VerifyOptions};
use crate::segment::Segment;
use place::Where;
use std::sync::Arc;
use zsend_records::chain::Chain;
use zsend_records::drr::{RECORD_SIZE, RecordType};
use zsend_records::fletcher::Fletcher4;
use zsend_records::reader::{Place, Record, Role, StreamErrorKind};

/// State of a verification.
pub(super) struct Checker<'a> {
    file: Arc<str>,
    options: &'a VerifyOptions,
    report: &'a mut dyn Report,
    tee: Tee<'a>,
    place: Place,
    chain: Chain,
    state: StreamState,
    /// Streams of the package that came before this one.
    links: super::links::Links,
    /// The streams of a package beside its list.
    members: Members,
    macs: PendingMacs,
    outcome: Outcome,
    /// Bytes whose sum was checked.
    checked: u64,
    /// The stream that a receiver would be in, and where.
    position: Position,
    /// Faults of streams that are not where they should be.
    link_faults: u64,
    is_over: bool,
}

impl std::fmt::Debug for Checker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker")
            .field("place", &self.place)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        file: Arc<str>,
        options: &'a VerifyOptions,
        report: &'a mut dyn Report,
        tee: Tee<'a>,
    ) -> Self {
        Self {
            file,
            options,
            report,
            tee,
            place: Place::START,
            chain: Chain::new(),
            state: StreamState::default(),
            links: super::links::Links::default(),
            members: Members::default(),
            macs: PendingMacs::default(),
            outcome: Outcome {
                verdict: Verdict::Whole,
                records: 0,
                bytes: 0,
                streams: 0,
                opened: 0,
                faults: 0,
            },
            checked: 0,
            position: Position::default(),
            link_faults: 0,
            is_over: false,
        }
    }

    /// True if nothing more is to be checked.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// True if payloads must be kept: somebody looks into them, or passes them on.
    pub(super) fn keeps_payloads(&self) -> bool {
        !self.options.quick || self.tee.is_on()
    }

    /// Checks a record.
    pub(super) fn record(
        &mut self,
        frame: &PlacedFrame,
        payload: &SeenPayload,
        worked: &Worked,
    ) -> Result<(), VerifyError> {
        let before = self.outcome.faults;
        let record = Record::of(&frame.header);
        let role = self.header(frame, &record, worked)?;
        self.outcome.bytes += frame.payload_len;
        let is_header = role == Some(Role::PackageBegin);
        if is_header && matches!(frame.context.list(), List::TooLarge) {
            return Err(VerifyError::TooLarge { bytes: frame.payload_len });
        }
        if let Some(role) = role {
            let is_right = self.outcome.faults == before;
            self.take(frame, &record, role, is_right, worked.sum);
            if role == Role::Stream && !self.options.quick {
                let wrong = self.macs.take(frame, payload, is_right);
                if let Some(wrong) = wrong {
                    self.wrong_mac(wrong);
                }
            }
        }
        if self.outcome.faults == before {
            self.tee.hold(frame, payload);
            Ok(())
        } else {
            self.tee.stop().map_err(VerifyError::Write)
        }
    }

    /// Checks the header of a record whose payload is cut.
    pub(super) fn cut_record(&mut self, frame: &PlacedFrame) -> Result<(), VerifyError> {
        let before = self.outcome.faults;
        let worked = Worked::of_sum(Fletcher4::ZERO);
        self.header(frame, &Record::of(&frame.header), &worked)?;
        if self.outcome.faults == before {
            Ok(())
        } else {
            self.tee.stop().map_err(VerifyError::Write)
        }
    }

    /// Checks a header; the part that the record plays, if it can have one.
    fn header(
        &mut self,
        frame: &PlacedFrame,
        record: &Record<'_>,
        worked: &Worked,
    ) -> Result<Option<Role>, VerifyError> {
        self.outcome.records += 1;
        self.outcome.bytes = frame.byte + RECORD_SIZE as u64;
        let before = self.outcome.faults;
        self.sums(frame, worked);
        if self.is_over {
            return Ok(None);
        }
        if self.outcome.faults == before {
            self.tee.release().map_err(VerifyError::Write)?;
            self.checked = self.outcome.bytes;
            self.position.go_on();
        }
        let role = self.shape(frame).filter(|_| !self.is_over);
        if let Some(role) = role {
            self.rules(frame, record, role, worked);
        }
        Ok(role)
    }

    /// The place of the record in the shape of the stream, and the part that it plays, if it can have one.
    fn shape(&mut self, frame: &PlacedFrame) -> Option<Role> {
        if self.place.is_done() {
            let what =
                Wrong::words("record", frame.record_type().to_string(), "the end of the input");
            self.fault(Where::of(frame), &shape::TRAILING, what);
            if self.is_over {
                return None;
            }
            self.place = Place::START;
        }
        let kind = match self.place.next(&frame.header) {
            Ok((next, role)) => {
                self.place = next;
                return Some(role);
            }
            Err(kind) => kind,
        };
        let is_lost = frame.is_found_again;
        self.fault(Where::of(frame), &shape::SHAPE, shape::wrong(&kind));
        // A BEGIN begins a stream wherever it stands. Another record is one of a stream if bytes were passed over.
        if frame.record_type() == RecordType::BEGIN {
            self.place = Place::START;
            if let Ok((next, role)) = self.place.next(&frame.header) {
                self.place = next;
                return Some(role);
            }
            return None;
        }
        Some(Role::Stream).filter(|_| is_lost)
    }

    fn rules(&mut self, frame: &PlacedFrame, record: &Record<'_>, role: Role, worked: &Worked) {
        if role == Role::Stream && frame.record_type() == RecordType::BEGIN {
            self.state.begin();
        }
        let mut broken: Vec<(&'static About, Wrong)> = Vec::new();
        if let Some(wrong) = self.stamp(frame, role) {
            broken.push((&shape::STAMPED, wrong));
        }
        let state = &self.state;
        rules::check(&At { frame, record, role, state, worked }, |about, wrong| {
            broken.push((about, wrong));
        });
        for (about, wrong) in broken {
            self.fault(Where::of(frame), about, wrong);
            if self.is_over {
                break;
            }
        }
    }

    /// Sees to it that all records have a sum, or none.
    fn stamp(&mut self, frame: &PlacedFrame, role: Role) -> Option<Wrong> {
        if frame.record_type() == RecordType::BEGIN {
            return None;
        }
        let has = frame.header.checksum.iter().any(|word| word.get() != 0);
        let should = match role {
            Role::Stream => *self.state.is_stamped.get_or_insert(has),
            Role::PackageBegin | Role::PackageHeaderEnd | Role::PackageEnd => false,
        };
        let (found, right) = match (has, should) {
            (true, false) => ("there", "absent"),
            (false, true) => ("absent", "there"),
            (true, true) | (false, false) => return None,
        };
        Some(Wrong::words("checksum", found, right))
    }

    /// Takes a record in, for those behind it.
    fn take(
        &mut self,
        frame: &PlacedFrame,
        record: &Record<'_>,
        role: Role,
        is_right: bool,
        payload: Fletcher4,
    ) {
        match (role, frame.record_type()) {
            (Role::Stream, RecordType::BEGIN) => self.begin(frame),
            (Role::Stream, RecordType::END) => {
                self.state.earlier.add(frame.context.toguid());
                self.position.end();
            }
            (Role::PackageEnd, _) => {
                if let Some((about, wrong)) = self.members.end() {
                    self.link_fault(frame, about, wrong);
                }
                self.position.end();
            }
            (Role::Stream, _) => {
                if let Some(guid) = guid(&frame.header) {
                    self.state.guid.get_or_insert(guid);
                }
                if is_right {
                    self.state.take(record, frame.context.features());
                    self.position.record(frame, payload, self.chain);
                } else {
                    self.state.take_wrong(record);
                }
            }
            (Role::PackageBegin, RecordType::BEGIN) => {
                self.members = Members::of(&frame.context);
            }
            (Role::PackageBegin | Role::PackageHeaderEnd, _) => {}
        }
    }

    /// A stream that is not where it should be; by itself it may be whole.
    fn link_fault(&mut self, frame: &PlacedFrame, about: &'static About, wrong: Wrong) {
        self.link_faults += 1;
        self.fault(Where::of(frame), about, wrong);
    }

    fn wrong_mac(&mut self, wrong: MacFinding) {
        let MacFinding { record, byte, object, about, wrong } = wrong;
        let record_type = object.map(|_| RecordType::OBJECT_RANGE);
        self.fault(Where { record, byte, record_type, object, offset: None }, about, wrong);
    }

    fn begin(&mut self, frame: &PlacedFrame) {
        let is_member = self.place.is_in_package();
        let context: &Arc<Context> = &frame.context;
        let segment = Segment::new(
            &self.file,
            frame.record,
            frame.byte,
            is_member,
            context.begin(),
            context.nvlist(),
        );
        self.outcome.streams += 1;
        self.outcome.opened += u64::from(matches!(context.key(), Some(Ok(_))));
        self.report.segment(&segment);
        let link = self.links.begin(&segment, &self.state.earlier);
        let member = is_member.then(|| self.members.begin(&segment, &self.state.earlier)).flatten();
        for (about, wrong) in link.into_iter().chain(member) {
            if !self.is_over {
                self.link_fault(frame, about, wrong);
            }
        }
        self.position.begin(frame, self.chain);
    }

    /// A header that cannot be followed.
    pub(super) fn bad(
        &mut self,
        record: u64,
        byte: u64,
        kind: &StreamErrorKind,
    ) -> Result<(), VerifyError> {
        self.outcome.records += 1;
        self.outcome.bytes = byte + RECORD_SIZE as u64;
        let at = Where::of_byte(record, byte);
        self.tee.stop().map_err(VerifyError::Write)?;
        let about = match kind {
            StreamErrorKind::Magic { .. } => &shape::BEGINS,
            _ if self.place.is_done() => &shape::TRAILING,
            _ => &shape::TYPE,
        };
        self.fault(at, about, shape::wrong(kind));
        Ok(())
    }

    /// The input ends within a record, or between two.
    pub(super) fn end(&mut self, part: Option<CutPart>) -> Result<(), VerifyError> {
        let have = part.map_or(0, |part| part.have);
        self.outcome.bytes += have;
        if self.outcome.faults == 0 && self.outcome.bytes == 0 {
            let at = Where::of_byte(0, 0);
            let nothing = Wrong::words("input", "empty", "a stream");
            self.fault(at, &shape::BEGINS, nothing);
            return Ok(());
        }
        if self.place.is_done() && part.is_none() {
            return self.tee.finish().map_err(VerifyError::Write);
        }
        if self.place.is_done() && self.outcome.faults == 0 {
            let (record, byte) = (self.outcome.records, self.outcome.bytes - have);
            let at = Where::of_byte(record, byte);
            let wrong = Wrong::words("input behind the stream", format!("{have} bytes"), "none");
            self.fault(at, &shape::TRAILING, wrong);
            return Ok(());
        }
        self.tee.stop().map_err(VerifyError::Write)?;
        let is_package = self.place.is_in_package();
        let mut cut = Cut { length: self.checked, part, is_package, ..Cut::default() };
        (cut.toname, cut.token) = self.position.token();
        cut.seam = self.position.seam().map(Box::new);
        self.outcome.verdict = Verdict::Cut(Box::new(cut));
        Ok(())
    }

    /// The outcome, once all is checked that is to be.
    pub(super) fn outcome(mut self) -> Outcome {
        let only_links = self.link_faults > 0 && self.outcome.faults == self.link_faults;
        if only_links && self.outcome.verdict == Verdict::Whole {
            self.outcome.verdict = Verdict::ChainBroken;
        } else if self.outcome.faults > 0 {
            self.outcome.verdict = Verdict::Damaged;
        }
        self.outcome
    }

    fn fault(&mut self, at: Where, rule: &'static About, wrong: Wrong) {
        let Where { record, byte, record_type, object, offset } = at;
        let file = Arc::clone(&self.file);
        self.report.fault(&Fault { file, record, byte, record_type, object, offset, rule, wrong });
        self.outcome.faults += 1;
        self.is_over |= !self.options.all_faults;
    }
}
