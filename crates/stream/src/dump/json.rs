//! A dump as lines of JSON: one object for each record, its fields in the order of the record.
//!
//! Numbers are numbers, up to 64 bits wide; bytes that are no number are hexadecimal digits;
//! sums are four hexadecimal numbers with slashes between, as in the text. With payloads, `raw` is
//! the header as it lies in the stream, so that every byte of the stream is there.

use super::Sink;
use super::hex::digits;
use serde_json::{Map, Number, Value};
use std::io::{self, Write};
use zerocopy::byteorder::{LE, U64};
use zsend_records::chain::ChecksumMismatch;
use zsend_records::drr::{Begin, RecordType};
use zsend_records::flags::VersionInfo;
use zsend_records::nvlist::{Encoding, NvList, NvString, NvValue};
use zsend_records::reader::{Frame, Record, Role};

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
    pub(super) fn stop(&mut self) -> io::Result<()> {
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

    fn begin(&mut self, begin: &Begin<LE>) -> io::Result<()> {
        let info = VersionInfo(begin.versioninfo.get());
        self.number("magic", begin.magic)?;
        self.number("hdrtype", info.header_type().0)?;
        self.number("features", info.features().bits())?;
        self.number("creation_time", begin.creation_time)?;
        self.number("objset_type", begin.objset_type)?;
        self.number("flags", begin.flags)?;
        self.number("toguid", begin.toguid)?;
        self.number("fromguid", begin.fromguid)?;
        let name = begin.toname.split(|&byte| byte == 0).next().unwrap_or_default();
        self.string("toname", &String::from_utf8_lossy(name))
    }

    fn fields(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Begin(r) => self.begin(r),
            Record::Object(r) => {
                self.number("object", r.object)?;
                self.number("object_type", r.object_type)?;
                self.number("bonustype", r.bonustype)?;
                self.number("blksz", r.blksz)?;
                self.number("bonuslen", r.bonuslen)?;
                self.number("checksumtype", r.checksumtype)?;
                self.number("compress", r.compress)?;
                self.number("dn_slots", r.dn_slots)?;
                self.number("flags", r.flags)?;
                self.number("raw_bonuslen", r.raw_bonuslen)?;
                self.number("toguid", r.toguid)?;
                self.number("indblkshift", r.indblkshift)?;
                self.number("nlevels", r.nlevels)?;
                self.number("nblkptr", r.nblkptr)?;
                self.number("maxblkid", r.maxblkid)
            }
            Record::FreeObjects(r) => {
                self.number("firstobj", r.firstobj)?;
                self.number("numobjs", r.numobjs)?;
                self.number("toguid", r.toguid)
            }
            Record::Write(r) => {
                self.number("object", r.object)?;
                self.number("object_type", r.object_type)?;
                self.number("offset", r.offset)?;
                self.number("logical_size", r.logical_size)?;
                self.number("toguid", r.toguid)?;
                self.number("checksumtype", r.checksumtype)?;
                self.number("flags", r.flags)?;
                self.number("compressiontype", r.compressiontype)?;
                self.sums("key_cksum", r.key_cksum)?;
                self.number("key_prop", r.key_prop)?;
                self.number("compressed_size", r.compressed_size)?;
                self.bytes("salt", &r.salt)?;
                self.bytes("iv", &r.iv)?;
                self.bytes("mac", &r.mac)
            }
            Record::Free(r) => self.range(r.object, r.offset, r.length, r.toguid),
            Record::Redact(r) => self.range(r.object, r.offset, r.length, r.toguid),
            Record::End(r) => {
                self.sums("end_checksum", r.end_checksum)?;
                self.number("toguid", r.toguid)
            }
            Record::WriteByref(r) => {
                self.range(r.object, r.offset, r.length, r.toguid)?;
                self.number("refguid", r.refguid)?;
                self.number("refobject", r.refobject)?;
                self.number("refoffset", r.refoffset)?;
                self.number("checksumtype", r.checksumtype)?;
                self.number("flags", r.flags)?;
                self.sums("key_cksum", r.key_cksum)?;
                self.number("key_prop", r.key_prop)
            }
            Record::Spill(r) => {
                self.number("object", r.object)?;
                self.number("length", r.length)?;
                self.number("toguid", r.toguid)?;
                self.number("flags", r.flags)?;
                self.number("compressiontype", r.compressiontype)?;
                self.number("compressed_size", r.compressed_size)?;
                self.bytes("salt", &r.salt)?;
                self.bytes("iv", &r.iv)?;
                self.bytes("mac", &r.mac)?;
                self.number("object_type", r.object_type)
            }
            Record::WriteEmbedded(r) => {
                self.range(r.object, r.offset, r.length, r.toguid)?;
                self.number("compression", r.compression)?;
                self.number("etype", r.etype)?;
                self.number("lsize", r.lsize)?;
                self.number("psize", r.psize)
            }
            Record::ObjectRange(r) => {
                self.number("firstobj", r.firstobj)?;
                self.number("numslots", r.numslots)?;
                self.number("toguid", r.toguid)?;
                self.bytes("salt", &r.salt)?;
                self.bytes("iv", &r.iv)?;
                self.bytes("mac", &r.mac)?;
                self.number("flags", r.flags)
            }
            _ => Ok(()),
        }
    }

    fn range(
        &mut self,
        object: U64<LE>,
        offset: U64<LE>,
        length: U64<LE>,
        toguid: U64<LE>,
    ) -> io::Result<()> {
        self.number("object", object)?;
        self.number("offset", offset)?;
        self.number("length", length)?;
        self.number("toguid", toguid)
    }
}

impl<W: Write> Sink for JsonDump<'_, W> {
    fn record(&mut self, frame: &Frame) -> io::Result<()> {
        let kind = frame.record_type();
        self.open = true;
        write!(self.out, "{{\"type\":\"{}\"", kind.name().unwrap_or_default())?;
        self.number("index", frame.index)?;
        self.number("at", frame.offset)?;
        self.string("byte_order", if frame.swapped { "big" } else { "little" })?;
        let role = match frame.role {
            Role::Stream => "stream",
            Role::PackageBegin => "package_begin",
            Role::PackageHeaderEnd => "package_header_end",
            Role::PackageEnd => "package_end",
        };
        self.string("role", role)?;
        self.fields(&frame.record())?;
        if kind != RecordType::BEGIN {
            self.sums("checksum", frame.header.checksum)?;
        }
        if self.payload {
            self.bytes("raw", &frame.raw)?;
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

    fn nvlist(&mut self, list: &NvList, encoding: Encoding) -> io::Result<()> {
        let encoding = match encoding {
            Encoding::Native => "native",
            Encoding::NativeBig => "native_big",
            Encoding::Xdr | Encoding::XdrSigned => "xdr",
        };
        self.string("nvlist_encoding", encoding)?;
        self.key("nvlist")?;
        serde_json::to_writer(&mut *self.out, &nvlist_json(list)).map_err(io::Error::from)
    }

    fn done(&mut self, _: &Frame) -> io::Result<()> {
        self.stop()
    }

    fn mismatch(&mut self, _: &ChecksumMismatch, _: bool) -> io::Result<()> {
        // The caller's error tells it; a line is a record.
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|&byte| digits(byte).map(char::from)).collect()
}

/// A list as a JSON object, its keys in alphabetical order.
///
/// Bytes become hexadecimal digits, a value-less boolean becomes `true`, and what JSON has no
/// number for (infinity) becomes `null`. The types of the pairs are lost.
pub fn nvlist_json(list: &NvList) -> Value {
    let map: Map<String, Value> =
        list.iter().map(|(name, value)| (name.to_owned(), value_json(value))).collect();
    Value::Object(map)
}

fn value_json(value: &NvValue) -> Value {
    fn numbers<T: Copy + Into<Number>>(values: &[T]) -> Value {
        values.iter().map(|&v| Value::Number(v.into())).collect()
    }
    let string = |s: &NvString| Value::String(s.to_string());
    match value {
        NvValue::Boolean => Value::Bool(true),
        NvValue::BooleanValue(v) => Value::Bool(*v),
        NvValue::BooleanArray(v) => v.iter().map(|&v| Value::Bool(v)).collect(),
        NvValue::Byte(v) | NvValue::Uint8(v) => Value::Number((*v).into()),
        NvValue::Int8(v) => Value::Number((*v).into()),
        NvValue::Int16(v) => Value::Number((*v).into()),
        NvValue::Uint16(v) => Value::Number((*v).into()),
        NvValue::Int32(v) => Value::Number((*v).into()),
        NvValue::Uint32(v) => Value::Number((*v).into()),
        NvValue::Int64(v) | NvValue::HrTime(v) => Value::Number((*v).into()),
        NvValue::Uint64(v) => Value::Number((*v).into()),
        NvValue::Double(v) => Number::from_f64(*v).map_or(Value::Null, Value::Number),
        NvValue::String(v) => string(v),
        NvValue::StringArray(v) => v.iter().map(string).collect(),
        NvValue::ByteArray(v) | NvValue::Uint8Array(v) => Value::String(hex(v)),
        NvValue::Int8Array(v) => numbers(v),
        NvValue::Int16Array(v) => numbers(v),
        NvValue::Uint16Array(v) => numbers(v),
        NvValue::Int32Array(v) => numbers(v),
        NvValue::Uint32Array(v) => numbers(v),
        NvValue::Int64Array(v) => numbers(v),
        NvValue::Uint64Array(v) => numbers(v),
        NvValue::List(v) => nvlist_json(v),
        NvValue::ListArray(v) => v.iter().map(nvlist_json).collect(),
    }
}
