//! The text of `zstream dump`.
//!
//! Made to be the same, byte for byte, as what OpenZFS 2.3.2 prints; its odd spellings are kept.

use super::hex::{Hex, HexLines};
use super::list::{DumpListError, ListBytes};
use super::nvtext::NvText;
use super::{DumpError, DumpOptions, DumpSummary, Format, Sink};
use std::io::{self, Write};
use zerocopy::IntoBytes;
use zerocopy::byteorder::{LE, U64};
use zsend_records::chain::ChecksumMismatch;
use zsend_records::drr::{Begin, End, RECORD_SIZE, RecordType, ReplayRecord};
use zsend_records::flags::VersionInfo;
use zsend_records::nvlist::Encoding;
use zsend_records::reader::{Frame, Record};

/// The features that are printed; the accessor of the reference is this wide.
const FEATURES: u64 = (1 << 56) - 1;

pub(super) struct TextDump<'a, W> {
    out: &'a mut W,
    master: bool,
    /// Every record is shown.
    verbose: bool,
    /// Stored checksums are shown.
    checksums: bool,
    /// Payloads are shown.
    payload: bool,
    hex: HexLines,
    /// Bytes of a header that was read and not counted, because its checksum is wrong.
    uncounted: u64,
}

impl<'a, W: Write> TextDump<'a, W> {
    pub(super) fn new(out: &'a mut W, options: &DumpOptions) -> Self {
        Self {
            out,
            master: options.format == Format::TextMaster,
            verbose: options.verbose || options.checksums || options.payload,
            checksums: options.checksums || options.payload,
            payload: options.payload,
            hex: HexLines::default(),
            uncounted: 0,
        }
    }

    /// Writes the totals.
    fn summary(&mut self, summary: &DumpSummary) -> io::Result<()> {
        use RecordType as T;
        let out = &mut self.out;
        writeln!(out, "SUMMARY:")?;
        let known = [
            T::BEGIN,
            T::END,
            T::OBJECT,
            T::FREEOBJECTS,
            T::WRITE,
            T::WRITE_BYREF,
            T::WRITE_EMBEDDED,
            T::FREE,
            T::SPILL,
        ];
        let new: &[T] = if self.master { &[T::OBJECT_RANGE, T::REDACT] } else { &[] };
        for &kind in known.iter().chain(new) {
            let count = summary.of(kind);
            let name = kind.name().unwrap_or_default();
            writeln!(
                out,
                "\tTotal DRR_{name} records = {} ({} bytes)",
                count.records, count.bytes
            )?;
        }
        for (description, count) in &summary.described {
            let name = description.name;
            writeln!(out, "\tTotal {name} records = {} ({} bytes)", count.records, count.bytes)?;
        }
        let (payload, header) = (summary.payload_bytes(), summary.header_bytes());
        let there = payload.saturating_sub(summary.cut_payload);
        let length = there.saturating_add(header).saturating_add(self.uncounted);
        writeln!(out, "\tTotal records = {}", summary.records())?;
        writeln!(out, "\tTotal payload size = {payload} ({payload:#x})")?;
        writeln!(out, "\tTotal header overhead = {header} ({header:#x})")?;
        writeln!(out, "\tTotal stream length = {length} ({length:#x})")
    }

    fn begin(&mut self, begin: &Begin<LE>, payload_len: u64) -> io::Result<()> {
        let out = &mut self.out;
        let info = VersionInfo(begin.versioninfo.get());
        let features = info.features().bits() & FEATURES;
        writeln!(out, "BEGIN record")?;
        writeln!(out, "\thdrtype = {}", info.header_type().0)?;
        writeln!(out, "\tfeatures = {features:x}")?;
        writeln!(out, "\tmagic = {:x}", begin.magic)?;
        writeln!(out, "\tcreation_time = {:x}", begin.creation_time)?;
        writeln!(out, "\ttype = {}", begin.objset_type)?;
        writeln!(out, "\tflags = {:#x}", begin.flags.get())?;
        writeln!(out, "\ttoguid = {:x}", begin.toguid)?;
        writeln!(out, "\tfromguid = {:x}", begin.fromguid)?;
        write!(out, "\ttoname = ")?;
        out.write_all(begin.toname())?;
        writeln!(out, "\n\tpayloadlen = {payload_len}")?;
        if self.verbose {
            writeln!(out)?;
        }
        Ok(())
    }

    /// The line of a record other than BEGIN and END.
    fn line(
        &mut self,
        record: &Record<'_>,
        frame: &Frame,
        header: &ReplayRecord<LE>,
    ) -> io::Result<()> {
        let payload_len = frame.payload_len;
        let out = &mut self.out;
        match record {
            Record::Object(r) => writeln!(
                out,
                "OBJECT object = {} type = {} bonustype = {} blksz = {} bonuslen = {} \
                 dn_slots = {} raw_bonuslen = {} flags = {} maxblkid = {} indblkshift = {} \
                 nlevels = {} nblkptr = {}",
                r.object,
                r.object_type,
                r.bonustype,
                r.blksz,
                r.bonuslen,
                r.dn_slots,
                r.raw_bonuslen,
                r.flags,
                r.maxblkid,
                r.indblkshift,
                r.nlevels,
                r.nblkptr
            ),
            Record::FreeObjects(r) => {
                writeln!(out, "FREEOBJECTS firstobj = {} numobjs = {}", r.firstobj, r.numobjs)
            }
            Record::Write(r) => writeln!(
                out,
                "WRITE object = {} type = {} checksum type = {} compression type = {} flags = {} \
                 offset = {} logical_size = {} compressed_size = {} payload_size = {} \
                 props = {:x} salt = {} iv = {} mac = {}",
                r.object,
                r.object_type,
                r.checksumtype,
                r.compressiontype,
                r.flags,
                r.offset,
                r.logical_size,
                r.compressed_size,
                payload_len,
                r.key_prop,
                Hex(&r.salt),
                Hex(&r.iv),
                Hex(&r.mac)
            ),
            Record::WriteByref(r) => writeln!(
                out,
                "WRITE_BYREF object = {} checksum type = {} props = {:x} offset = {} length = {} \
                 toguid = {:x} refguid = {:x} refobject = {} refoffset = {}",
                r.object,
                r.checksumtype,
                r.key_prop,
                r.offset,
                r.length,
                r.toguid,
                r.refguid,
                r.refobject,
                r.refoffset
            ),
            // The length is printed as signed, so that "to the end" is -1.
            Record::Free(r) => writeln!(
                out,
                "FREE object = {} offset = {} length = {}",
                r.object,
                r.offset,
                r.length.get().cast_signed()
            ),
            Record::Spill(r) => writeln!(
                out,
                "SPILL block for object = {} length = {} flags = {} compression type = {} \
                 compressed_size = {} payload_size = {} salt = {} iv = {} mac = {}",
                r.object,
                r.length,
                r.flags,
                r.compressiontype,
                r.compressed_size,
                payload_len,
                Hex(&r.salt),
                Hex(&r.iv),
                Hex(&r.mac)
            ),
            Record::WriteEmbedded(r) => writeln!(
                out,
                "WRITE_EMBEDDED object = {} offset = {} length = {} toguid = {:x} comp = {} \
                 etype = {} lsize = {} psize = {}",
                r.object, r.offset, r.length, r.toguid, r.compression, r.etype, r.lsize, r.psize
            ),
            Record::ObjectRange(r) => writeln!(
                out,
                "OBJECT_RANGE firstobj = {} numslots = {} flags = {} salt = {} iv = {} mac = {}",
                r.firstobj,
                r.numslots,
                r.flags,
                Hex(&r.salt),
                Hex(&r.iv),
                Hex(&r.mac)
            ),
            Record::Redact(r) => writeln!(
                out,
                "REDACT object = {} offset = {} length = {}",
                r.object, r.offset, r.length
            ),
            // These two have lines of their own.
            Record::Begin(_) | Record::End(_) => Ok(()),
            Record::Unknown(_) => described(out, frame, header),
        }
    }

    fn sums(&mut self, what: &str, words: [u64; 4]) -> io::Result<()> {
        let [a, b, c, d] = words;
        writeln!(self.out, "{what}checksum = {a:x}/{b:x}/{c:x}/{d:x}")
    }
}

/// The line of a record that another crate described.
fn described(out: &mut impl Write, frame: &Frame, header: &ReplayRecord<LE>) -> io::Result<()> {
    write!(out, "{}", frame.name())?;
    let record = header.as_bytes();
    for field in frame.fields() {
        write!(out, " {} = ", field.name)?;
        match (field.width, field.count) {
            (1, 2..) => write!(out, "{}", Hex(field.bytes(record)))?,
            _ => {
                let ints: Vec<String> = field.ints(record).map(|int| int.to_string()).collect();
                write!(out, "{}", ints.join("/"))?;
            }
        }
    }
    writeln!(out)
}

impl<W: Write> Sink for TextDump<'_, W> {
    fn record(&mut self, frame: &Frame, header: &ReplayRecord<LE>) -> io::Result<()> {
        if let Some(begin) = header.body_as::<Begin<LE>>() {
            self.begin(begin, frame.payload_len)
        } else if let Some(end) = header.body_as::<End<LE>>() {
            self.sums("END ", end.end_checksum.map(U64::get))
        } else if self.verbose {
            self.line(&Record::of(header), frame, header)
        } else {
            Ok(())
        }
    }

    fn payload(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.payload { self.hex.push(piece, self.out) } else { Ok(()) }
    }

    fn nvlist(&mut self, list: &mut ListBytes, encoding: Encoding) -> Result<(), DumpListError> {
        if self.master {
            let encoding = match encoding {
                Encoding::Native => "NV_ENCODE_NATIVE (little-endian)",
                Encoding::NativeBig => "NV_ENCODE_NATIVE (big-endian)",
                Encoding::Xdr | Encoding::XdrSigned | Encoding::XdrBig | Encoding::XdrSignedBig => {
                    "NV_ENCODE_XDR"
                }
            };
            writeln!(self.out, "nvlist encoding = {encoding}").map_err(DumpListError::Write)?;
        }
        list.tell(&mut NvText::new(self.out)).map(drop)
    }

    fn done(&mut self, frame: &Frame, header: &ReplayRecord<LE>) -> io::Result<()> {
        if !self.checksums || frame.record_type() == RecordType::BEGIN {
            return Ok(());
        }
        if self.payload {
            self.hex.finish(self.out)?;
        }
        self.sums("    ", header.checksum.map(U64::get))
    }

    fn mismatch(&mut self, mismatch: &ChecksumMismatch, end: bool) -> io::Result<()> {
        if !end {
            self.uncounted = RECORD_SIZE as u64;
            writeln!(self.out, "Incorrect checksum in record header.")?;
            return self.sums("Expected ", mismatch.expected.words());
        }
        writeln!(self.out, "Expected checksum differs from checksum in stream.")?;
        self.sums("Expected ", mismatch.expected.words())?;
        self.sums("END ", mismatch.found.words())
    }

    fn end(&mut self, summary: &DumpSummary, error: Option<&DumpError>) -> io::Result<()> {
        match error {
            // Nothing can be written, or there is no stream at all.
            Some(DumpError::Write(_)) => Ok(()),
            Some(error) if summary.records() == 0 && error.stream().is_some() => Ok(()),
            Some(_) | None => self.summary(summary),
        }
    }
}
