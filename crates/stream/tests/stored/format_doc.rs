//! The tables of `docs/stream-format.md`, made of the descriptions of the records and the flags.
//! `ZSEND_WRITE_FORMAT=1 cargo test -p zsend-stream --test stored format_doc` writes them.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use bitflags::Flags;
use std::fmt::Write as _;
use std::path::Path;
use zsend_records::drr::{RecordType, ReplayRecord};
use zsend_records::flags::{BeginFlags, Features, RecordFlags};
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;

/// Meaning of each type, and its payload.
const TYPES: [(RecordType, &str, &str); RecordType::COUNT] = [
    (
        RecordType::BEGIN,
        "begins a stream or a package",
        "`payloadlen` bytes: a packed list, see below",
    ),
    (
        RecordType::OBJECT,
        "a dnode",
        "the bonus: `raw_bonuslen` bytes if that is not zero, else `bonuslen`, rounded up to 8",
    ),
    (RecordType::FREEOBJECTS, "object numbers that are free", "none"),
    (
        RecordType::WRITE,
        "a block",
        "`logical_size` bytes if `compressiontype` is zero, else `compressed_size`: the block as it lies on disk",
    ),
    (RecordType::FREE, "a hole in an object", "none"),
    (RecordType::END, "ends a stream", "none"),
    (
        RecordType::WRITE_BYREF,
        "a block that an earlier record has; written by senders before 2.0 alone",
        "none",
    ),
    (
        RecordType::SPILL,
        "a spill block",
        "`length` bytes if `compressed_size` is zero, else that: the block as it lies on disk",
    ),
    (
        RecordType::WRITE_EMBEDDED,
        "a block that lies in its block pointer",
        "`psize` bytes, compressed, rounded up to 8",
    ),
    (RecordType::OBJECT_RANGE, "encryption of a block of dnodes; in raw streams alone", "none"),
    (RecordType::REDACT, "a range that is withheld", "none"),
];

const FEATURES: &[(&str, &str)] = &[
    ("DEDUP", "WRITE_BYREF may come; before 2.0 alone"),
    ("DEDUPPROPS", "as DEDUP"),
    ("SA_SPILL", "the filesystem has system attributes, and so may have spill blocks"),
    ("EMBED_DATA", "WRITE_EMBEDDED may come"),
    ("LZ4", "compressed or embedded payloads may be lz4"),
    ("LARGE_BLOCKS", "blocks of more than 128 KiB may come"),
    ("RESUMING", "the stream goes on where another one stopped"),
    ("REDACTED", "REDACT may come"),
    ("COMPRESSED", "payloads of WRITE may be compressed"),
    ("LARGE_DNODE", "dnodes of more than 512 bytes may come"),
    ("RAW", "blocks come as they lie on disk, encrypted"),
    ("ZSTD", "compressed or embedded payloads may be zstd"),
    ("HOLDS", "the list of a package has holds"),
    ("SWITCH_TO_LARGE_BLOCKS", "a receiver's own; no sender sets it"),
    ("LONGNAME", "names of more than 255 bytes may come"),
    ("LARGE_MICROZAP", "micro ZAPs of more than 128 KiB may come"),
];

const BEGIN_FLAGS: &[(&str, &str)] = &[
    ("CLONE", "the source is a snapshot of another dataset"),
    ("CI_DATA", "names are compared without case"),
    ("FREERECORDS", "everything that is free is told"),
    ("SPILL_BLOCK", "OBJECT says which objects have spill blocks"),
];

const RECORD_FLAGS: &[(&str, &str)] = &[
    ("CHECKSUM_DEDUP", "WRITE, WRITE_BYREF: the checksum in the key is fit for dedup"),
    ("RAW_BYTESWAP", "raw streams: the payload has the other byte order than the stream"),
    ("OBJECT_SPILL", "OBJECT: the object has a spill block"),
    ("SPILL_UNMODIFIED", "SPILL: the block is the same as in the source"),
];

fn types() -> String {
    let mut text = String::from("| number | type | what it is |\n|---:|---|---|\n");
    for (number, (kind, says, _)) in TYPES.iter().enumerate() {
        assert_eq!(kind.0 as usize, number, "types are in order");
        let _ = writeln!(text, "| {number} | {kind} | {says} |");
    }
    text
}

fn payloads() -> String {
    let mut text = String::from("| type | payload |\n|---|---|\n");
    for (kind, _, payload) in TYPES {
        // What has no payload by its description has none here.
        let mut record = ReplayRecord::<LE>::new_zeroed();
        record.body.fill(1);
        record.payloadlen = 1.into();
        record.drr_type = kind.0.into();
        let len = (kind.description().unwrap().payload_len)(&record);
        assert_eq!(len == 0, payload == "none", "{kind}");
        let _ = writeln!(text, "| {kind} | {payload} |");
    }
    text
}

/// A doc comment as text of the page: without links.
fn plain(doc: &str) -> String {
    let mut text = doc.trim().replace("[`", "`").replace("`]", "`");
    let magic = format!("`{:#x}`", zsend_records::drr::MAGIC);
    for (link, words) in [
        ("`crate::drr::MAGIC`", magic.as_str()),
        ("`crate::drr::OBJECT_END`", "2^64 - 1"),
        ("`crate::flags::VersionInfo`", "[Flags](#flags)"),
        ("`crate::flags::BeginFlags`", "[Flags](#flags)"),
        ("`crate::flags::RecordFlags`", "[Flags](#flags)"),
        ("see `crate::types::ObjsetType`", "2 for a filesystem, 3 for a volume"),
    ] {
        text = text.replace(link, words);
    }
    assert!(!text.contains("crate::"), "{text}");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn records() -> String {
    let mut text = String::new();
    for (kind, ..) in TYPES {
        let _ = write!(
            text,
            "### {kind}\n\n| offset | width | field | meaning |\n|---:|---|---|---|\n"
        );
        for field in kind.description().unwrap().fields {
            let (offset, name) = (field.offset, field.name);
            let width = match field.count {
                1 => field.width.to_string(),
                count => format!("{} × {count}", field.width),
            };
            let doc = plain(field.doc);
            assert!(!doc.is_empty(), "{kind}.{name} says what it means");
            let _ = writeln!(text, "| {offset} | {width} | `{name}` | {doc} |");
        }
        text.push('\n');
    }
    text
}

/// A table of flags, of which each has its meaning.
fn flags(
    heading: &str,
    bits: impl Iterator<Item = (String, u64)>,
    says: &[(&str, &str)],
) -> String {
    let mut text = format!("| bit | {heading} | meaning |\n|---:|---|---|\n");
    let bits: Vec<_> = bits.collect();
    assert_eq!(bits.len(), says.len());
    for (name, bit) in bits {
        let (_, meaning) = says.iter().find(|(known, _)| *known == name).unwrap();
        let _ = writeln!(text, "| {} | {name} | {meaning} |", bit.trailing_zeros());
    }
    text
}

/// The page with what stands between two marks replaced.
fn replaced(page: &str, mark: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- end of {mark} -->"));
    let (before, rest) = page.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{begin}\n{}\n\n{end}{after}", table.trim_end())
}

#[test]
fn the_page_has_what_the_descriptions_have() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/stream-format.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let mut right = replaced(&page, "types", &types());
    right = replaced(&right, "records", &records());
    right = replaced(&right, "payloads", &payloads());
    let features = Features::FLAGS.iter().map(|flag| (flag.name().to_owned(), flag.value().bits()));
    right = replaced(&right, "features", &flags("feature of a stream", features, FEATURES));
    let of_begin =
        BeginFlags::FLAGS.iter().map(|flag| (flag.name().to_owned(), flag.value().bits().into()));
    right = replaced(&right, "begin flags", &flags("flag of BEGIN", of_begin, BEGIN_FLAGS));
    let of_record =
        RecordFlags::FLAGS.iter().map(|flag| (flag.name().to_owned(), flag.value().bits().into()));
    right = replaced(&right, "record flags", &flags("flag of a record", of_record, RECORD_FLAGS));
    if std::env::var_os("ZSEND_WRITE_FORMAT").is_some() {
        std::fs::write(&path, &right).unwrap();
    }
    assert!(
        page == right,
        "docs/stream-format.md is not what the code says; ZSEND_WRITE_FORMAT=1 writes it"
    );
}
