//! A dump as lines of JSON: one object for each record, its fields in the order of the record.
//!
//! Numbers are numbers, up to 64 bits wide; bytes that are no number are hexadecimal digits;
//! sums are four hexadecimal numbers with slashes between, as in the text. With payloads, `raw` is
//! the header as it lies in the stream, so that every byte of the stream is there.

use super::hex::digits;
use super::list::{DumpListError, ListBytes};
use super::nvjson::NvJson;
use super::{DumpError, DumpSummary, Sink};
use std::io::{self, Write};
use zerocopy::IntoBytes;
use zerocopy::byteorder::{LE, U64};
use zsend_records::Order;
use zsend_records::chain::ChecksumMismatch;
use zsend_records::drr::{RecordType, ReplayRecord};
use zsend_records::flags::VersionInfo;
use zsend_records::nvlist::Encoding;
use zsend_records::reader::{Frame, Role};

pub(super) struct JsonDump<'a, W> {
    out: &'a mut W,
    payload: bool,
    /// A line has been begun and not ended.
    open: bool,
    /// The open line ends with a payload's digits, whose quotation mark is not closed.
    in_payload: bool,
}

impl<'a, W: Write> JsonDump<'a, W> {
    pub(super) fn new(out: &'a mut W, payload: bool) -> Self {
        Self { out, payload, open: false, in_payload: false }
    }

    /// Ends the line, if one is open: all lines are whole objects, even where a stream is cut.
    fn stop(&mut self) -> io::Result<()> {
        if core::mem::take(&mut self.in_payload) {
            self.out.write_all(b"\"")?;
        }
        if core::mem::take(&mut self.open) {
            self.out.write_all(b"}\n")?;
        }
        Ok(())
    }

    fn key(&mut self, key: &str) -> io::Result<()> {
        write!(self.out, ",\"{key}\":")
    }

    fn number(&mut self, key: &str, value: impl Into<u64>) -> io::Result<()> {
        self.key(key)?;
        write!(self.out, "{}", value.into())
    }

    fn string(&mut self, key: &str, value: &str) -> io::Result<()> {
        self.key(key)?;
        serde_json::to_writer(&mut *self.out, value).map_err(io::Error::from)
    }

    fn bytes(&mut self, key: &str, bytes: &[u8]) -> io::Result<()> {
        self.string(key, &hex(bytes))
    }

    fn sums(&mut self, key: &str, words: [U64<LE>; 4]) -> io::Result<()> {
        let [a, b, c, d] = words.map(U64::get);
        self.string(key, &format!("{a:x}/{b:x}/{c:x}/{d:x}"))
    }

    /// The fields of a record by their descriptions: a number, several as a sum, bytes as digits. Of
    /// BEGIN's, the packed one is taken apart, and the name is text.
    fn fields(&mut self, frame: &Frame, header: &ReplayRecord<LE>) -> io::Result<()> {
        let begins = frame.record_type() == RecordType::BEGIN;
        let record = header.as_bytes();
        for field in frame.fields() {
            match (field.name, field.width, field.count) {
                ("versioninfo", ..) if begins => {
                    let info = VersionInfo(field.ints(record).next().unwrap_or_default());
                    self.number("hdrtype", info.header_type().0)?;
                    self.number("features", info.features().bits())?;
                }
                ("toname", ..) if begins => {
                    let name = field.bytes(record).split(|&byte| byte == 0).next();
                    self.string("toname", &String::from_utf8_lossy(name.unwrap_or_default()))?;
                }
                (name, _, 1) => {
                    self.number(name, field.ints(record).next().unwrap_or_default())?;
                }
                (name, 1, _) => self.bytes(name, field.bytes(record))?,
                (name, ..) => {
                    let words: Vec<String> =
                        field.ints(record).map(|word| format!("{word:x}")).collect();
                    self.string(name, &words.join("/"))?;
                }
            }
        }
        Ok(())
    }
}

impl<W: Write> Sink for JsonDump<'_, W> {
    fn record(&mut self, frame: &Frame, header: &ReplayRecord<LE>) -> io::Result<()> {
        let kind = frame.record_type();
        self.open = true;
        write!(self.out, "{{\"type\":\"{}\"", frame.name())?;
        self.number("index", frame.index)?;
        self.number("at", frame.offset)?;
        let order = match frame.order {
            Order::Little => "little",
            Order::Big => "big",
        };
        self.string("byte_order", order)?;
        let role = match frame.role {
            Role::Stream => "stream",
            Role::PackageBegin => "package_begin",
            Role::PackageHeaderEnd => "package_header_end",
            Role::PackageEnd => "package_end",
        };
        self.string("role", role)?;
        self.fields(frame, header)?;
        if kind != RecordType::BEGIN {
            self.sums("checksum", header.checksum)?;
        }
        if self.payload {
            self.bytes("raw", &frame.raw(header))?;
        }
        self.number("payload_len", frame.payload_len)?;
        if self.payload && frame.payload_len > 0 && kind != RecordType::BEGIN {
            self.key("payload")?;
            self.out.write_all(b"\"")?;
            self.in_payload = true;
        }
        Ok(())
    }

    fn payload(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.in_payload { self.out.write_all(hex(piece).as_bytes()) } else { Ok(()) }
    }

    fn nvlist(&mut self, list: &mut ListBytes, encoding: Encoding) -> Result<(), DumpListError> {
        let encoding = match encoding {
            Encoding::Native => "native",
            Encoding::NativeBig => "native_big",
            Encoding::Xdr | Encoding::XdrSigned => "xdr",
            Encoding::XdrBig | Encoding::XdrSignedBig => "xdr_big",
        };
        self.string("nvlist_encoding", encoding).map_err(DumpListError::Write)?;
        self.key("nvlist").map_err(DumpListError::Write)?;
        list.tell(&mut NvJson::new(self.out)).map(drop)
    }

    fn done(&mut self, _: &Frame, _: &ReplayRecord<LE>) -> io::Result<()> {
        self.stop()
    }

    fn mismatch(&mut self, _: &ChecksumMismatch, _: bool) -> io::Result<()> {
        // The caller's error tells it; a line is a record.
        Ok(())
    }

    fn end(&mut self, _: &DumpSummary, _: Option<&DumpError>) -> io::Result<()> {
        self.stop()
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|&byte| digits(byte).map(char::from)).collect()
}
