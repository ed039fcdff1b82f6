//! Seeds of what reads and changes streams.

use super::{Result, save};
use std::fs;
use zsend_records::drr::RecordType;
use zsend_records::nvlist::Encoding;
use zsend_records::reader::StreamReader;
use zsend_records::token::ResumeToken;

/// The small streams, the lists in their BEGIN records, and a token for one of them.
pub(super) fn streams() -> Result<()> {
    for entry in fs::read_dir(zsend_testkit::fixture("streams"))? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()?.strip_suffix(".zsend.zst"))
        else {
            continue;
        };
        let stream = zstd::decode_all(fs::File::open(&path)?)?;
        save("stream", name, &stream)?;
        save("dump", name, &stream)?;
        save("resealed", name, &stream)?;
        save("verify", name, &stream)?;
        // Steps are chosen by the first byte.
        for choice in [3, 7, 9, 10, 12, 16, 17, 18, 19] {
            save("change", &format!("{name}-{choice}"), &[&[choice][..], &stream].concat())?;
        }
        let length = u16::try_from(stream.len()).unwrap_or(u16::MAX).to_le_bytes();
        save("chain", name, &[&length[..], &stream, &stream].concat())?;
        save("redup", name, &[&[0], &stream[..]].concat())?;
        save("squash", name, &[&[0], &length[..], &stream, &stream].concat())?;
        for (i, record) in StreamReader::new(&stream[..]).enumerate() {
            let record = record?;
            if record.frame.record_type() == RecordType::BEGIN && !record.payload.is_empty() {
                save("nvlist", &format!("{name}-{i}"), &record.payload)?;
            }
        }
    }
    let token = ResumeToken {
        fromguid: Some(7),
        object: 3,
        offset: 131_072,
        bytes: 4711,
        toguid: 42,
        toname: "tank/home@monday".into(),
        largeblockok: true,
        embedok: true,
        compressok: true,
        rawok: false,
        savedok: false,
        redact_snaps: Some(vec![1, 2]),
        book_redact_snaps: None,
    };
    save("token", "token", token.encode()?.as_bytes())?;
    save("token", "list", &token.to_nvlist().encode(Encoding::Native)?)
}

/// A list of parts and a parity file, without what the targets add.
pub(super) fn parts() -> Result<()> {
    let path = zsend_testkit::fixture("streams").join("volume-increment-Lec.zsend.zst");
    let stream = zstd::decode_all(&fs::read(path)?[..])?;
    let folder = std::env::temp_dir().join(format!("zsend-seeds-{}", std::process::id()));
    // Of streams this short the longest record is shorter than that.
    zsend_stream::split::split(std::io::Cursor::new(stream), &folder, 20 << 10)?;
    zsend_stream::parity::make(&folder, 10)?;
    let list = fs::read(folder.join(zsend_stream::split::MANIFEST))?;
    let volume = fs::read(folder.join(zsend_stream::parity::volume_name(1)))?;
    fs::remove_dir_all(&folder)?;
    let end = list[..list.len() - 1].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    save("parts", "list", &list)?;
    save("parts", "lines", &list[..end])?;
    // The numbers of the head, the index without the last line of its list, and the hashes.
    let length = (end as u64).to_le_bytes();
    let (index, hashes) = (&volume[112..], 8 + list.len());
    let count = u64::from_le_bytes(volume[40..48].try_into()?);
    let hashes = &index[hashes..usize::try_from(count)?];
    save("parity", "sealed", &[&volume[8..40], &length, &list[..end], hashes].concat())?;
    save("parity", "file", &volume)
}

/// Records of fixtures that are changed: bits of a field, a byte of a payload, a record left out, one doubled.
pub(super) fn edits() -> Result<()> {
    let edits: [&[u8]; 6] = [
        &[],
        &[0, 3, 2, 0, 9, 0],
        &[5, 12, 0, 0, 1, 0],
        &[6, 4, 0, 0, 0, 0],
        &[7, 4, 9, 0, 0, 0],
        &[2, 2, 5, 0, 1, 0, 4, 20, 3, 0, 7, 0],
    ];
    for (i, edit) in edits.iter().enumerate() {
        save("decrypt_stream", &format!("edit-{i}"), edit)?;
        save("encrypt_stream", &format!("edit-{i}"), edit)?;
        for choice in 0..21 {
            let fixture = u8::try_from(i)? % 5;
            save("change", &format!("edit-{i}-{choice}"), &[&[choice, fixture], *edit].concat())?;
        }
    }
    Ok(())
}
