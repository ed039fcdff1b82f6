//! Damage that checksums do not show: what was changed is summed up again.

use zsend_records::reader::{Options, Role, SliceReader, StreamError};
use zsend_records::writer::StreamWriter;

/// Mends every checksum of a stream along its chain: the same records and payloads, in the same byte order,
/// with the sums that they have now.
///
/// # Errors
/// If the records cannot be told apart, or a payload is not as long as its header says.
///
/// ```
/// use zerocopy::{FromZeros, byteorder::LE};
/// use zsend_records::drr::{Begin, MAGIC, ReplayRecord};
/// use zsend_records::reader::StreamReader;
/// use zsend_records::writer::StreamWriter;
///
/// let mut begin = Begin::<LE>::new_zeroed();
/// (begin.magic, begin.versioninfo) = (MAGIC.into(), 1.into());
/// let mut writer = StreamWriter::new(Vec::new());
/// writer.record(ReplayRecord::new(&begin), &[])?;
/// writer.end(42)?;
/// let mut stream = writer.into_inner()?;
/// stream[40] ^= 1; // A bit of the guid in BEGIN.
/// assert!(StreamReader::new(&stream[..]).any(|record| record.is_err()));
/// let mended = zsend_testkit::damage::reseal(&stream)?;
/// assert!(StreamReader::new(&mended[..]).all(|record| record.is_ok()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn reseal(stream: &[u8]) -> Result<Vec<u8>, StreamError> {
    let options = Options::new().with_verify(false).with_missing_end(true).with_concatenated(true);
    let records: Result<Vec<_>, _> =
        SliceReader::with_options(stream.to_vec().into(), options).collect();
    let records = records?;
    let mut mended = Vec::with_capacity(stream.len());
    // A stream that follows another may be of the other order.
    for run in records.chunk_by(|a, b| a.frame.order == b.frame.order) {
        let mut writer = StreamWriter::in_order(&mut mended, run[0].frame.order);
        for record in run {
            let written = match record.frame.role {
                Role::PackageEnd => writer.package_end(),
                Role::Stream | Role::PackageBegin | Role::PackageHeaderEnd => {
                    writer.record(record.header, &record.payload)
                }
            };
            written.expect("a record that was read has its payload, and memory takes it");
        }
        writer.into_inner().expect("memory takes all");
    }
    Ok(mended)
}
