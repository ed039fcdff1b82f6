//! Dumps of damaged streams: what is written, and what the error says.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::io::{self, Write};
use zerocopy::byteorder::LE;
use zerocopy::{FromZeros, IntoBytes};
use zsend_records::drr::{Begin, FreeObjects, MAGIC, ReplayRecord};
use zsend_records::writer::StreamWriter;
use zsend_stream::dump::{DumpError, DumpOptions, Format, dump};

/// BEGIN with this payload, a FREEOBJECTS, END.
fn stream(list: &[u8]) -> Vec<u8> {
    let mut begin = Begin::<LE>::new_zeroed();
    begin.magic = MAGIC.into();
    begin.versioninfo = 1.into();
    let mut begin = ReplayRecord::new(&begin);
    begin.payloadlen = u32::try_from(list.len()).unwrap().into();
    let mut writer = StreamWriter::new(Vec::new());
    writer.record(begin, list).unwrap();
    writer.record(ReplayRecord::new(&FreeObjects::<LE>::new_zeroed()), &[]).unwrap();
    writer.end(1).unwrap();
    writer.into_inner().unwrap()
}

fn dumped(stream: &[u8], options: &DumpOptions) -> (String, Result<bool, String>) {
    let mut out = Vec::new();
    let result = dump(stream, &mut out, options);
    let result = result.map(|summary| summary.complete).map_err(|error| error.to_string());
    (String::from_utf8(out).unwrap(), result)
}

#[test]
fn a_wrong_checksum_is_shown_as_the_reference_shows_it() {
    let mut bytes = stream(&[]);
    bytes[320] = 1;
    let (text, result) = dumped(&bytes, &DumpOptions::default());
    let error = result.unwrap_err();
    assert!(error.starts_with("byte 312, record 1: checksum is "), "{error}");
    let mut lines = text.lines().skip_while(|line| !line.contains("payloadlen")).skip(1);
    assert_eq!(lines.next(), Some("Incorrect checksum in record header."));
    assert!(lines.next().unwrap().starts_with("Expected checksum = "));
    assert_eq!(lines.next(), Some("SUMMARY:"));
    assert!(text.contains("Total records = 1\n"));

    let options = DumpOptions::default().with_verify(false);
    let (text, result) = dumped(&bytes, &options);
    assert_eq!(result, Ok(true));
    assert!(text.contains("Total records = 3\n"));
}

#[test]
fn a_stream_without_its_end_is_not_complete() {
    let bytes = stream(&[]);
    let (text, result) = dumped(&bytes[..624], &DumpOptions::default());
    assert_eq!(result, Ok(false));
    assert!(text.contains("Total records = 2\n"));
    let (text, result) = dumped(&bytes[..700], &DumpOptions::default());
    assert_eq!(
        result.unwrap_err(),
        "byte 624, record 2: stream is truncated: record header has 76 of 312 bytes"
    );
    assert!(text.contains("Total records = 2\n"));
}

#[test]
fn what_is_no_stream_has_no_dump() {
    let (text, result) = dumped(&[b'x'; 400], &DumpOptions::default());
    assert_eq!(text, "");
    assert!(result.unwrap_err().starts_with("byte 0, record 0: magic is 0x7878"));
    let (text, result) = dumped(b"", &DumpOptions::default());
    assert_eq!((text.as_str(), result.is_err()), ("", true));
}

#[test]
fn a_malformed_list_is_told_by_its_place() {
    let mut out = Vec::new();
    let error = dump(&stream(&[9; 8])[..], &mut out, &DumpOptions::default()).unwrap_err();
    assert!(matches!(error, DumpError::Nvlist { offset: 312, .. }), "{error}");
    let options = DumpOptions::default().with_verify(false);
    assert_eq!(dumped(&stream(&[9; 8]), &options).1, Ok(true));
}

#[test]
fn a_cut_payload_counts_and_its_bytes_are_not_there() {
    let bytes = stream(&[9; 8]);
    let (text, result) = dumped(&bytes[..316], &DumpOptions::default());
    assert_eq!(
        result.unwrap_err(),
        "byte 316, record 0: stream is truncated: payload has 4 of 8 bytes"
    );
    // As zstream 2.3.2: what it could not read whole is announced, and no part of the length.
    assert!(text.contains("Total payload size = 8 (0x8)\n"), "{text}");
    assert!(text.ends_with("Total stream length = 312 (0x138)\n"), "{text}");
}

#[test]
fn a_cut_payload_leaves_a_whole_line_of_json() {
    let mut write = zsend_records::drr::Write::<LE>::new_zeroed();
    write.logical_size = 512.into();
    let mut bytes = stream(&[])[..312].to_vec();
    bytes.extend_from_slice(ReplayRecord::<LE>::new(&write).as_bytes());
    bytes.extend_from_slice(&[0xab; 4]);
    let options =
        DumpOptions::default().with_format(Format::Json).with_payload(true).with_verify(false);
    let (text, result) = dumped(&bytes, &options);
    assert!(result.unwrap_err().ends_with("payload has 4 of 512 bytes"));
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["payload"], "abababab");
}

/// Takes some bytes and then fails.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_fails_is_told() {
    for room in [0, 20, 200, 500] {
        for format in [Format::Text, Format::Json] {
            let options = DumpOptions::default().with_format(format);
            let error = dump(&stream(&[])[..], &mut Full(room), &options).unwrap_err();
            assert!(matches!(error, DumpError::Write(_)), "{error}");
        }
    }
}
