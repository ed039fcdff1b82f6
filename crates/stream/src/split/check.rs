//! A part by itself: whole, damaged or missing, and where the damage begins.

use super::error::SplitError;
use super::manifest::{Manifest, Part, part_name};
use crate::folder;
use crate::in_turn::{Pieces, each_piece};
use crate::limits::LIMITS;
use blake3::{Hash, Hasher};
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use zsend_records::Order;
use zsend_records::chain::Chain;
use zsend_records::drr::{End, RECORD_SIZE};
use zsend_records::fletcher::WholeWords;
use zsend_records::reader::Header;
use zsend_records::sizes;
use zsend_records::zerocopy::byteorder::LE;

/// State of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartState {
    /// It has the bytes that the list says.
    Whole,
    /// There is no such file.
    Missing,
    /// It has another length.
    Length {
        /// Bytes of it.
        found: u64,
        /// Bytes that it should have.
        expected: u64,
    },
    /// It has other bytes. The first record behind which the sums do not fit is named, by its number in the whole
    /// stream and its byte in the part; `None` if all fit.
    Damaged {
        /// Record and byte.
        before: Option<(u64, u64)>,
    },
}

impl PartState {
    /// A word for it: `whole`, `missing` or `damaged`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Missing => "missing",
            Self::Length { .. } | Self::Damaged { .. } => "damaged",
        }
    }
}

impl fmt::Display for PartState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Whole | Self::Missing => Ok(()),
            Self::Length { found, expected } => {
                write!(f, ": it has {found} bytes, expected {expected}")
            }
            Self::Damaged { before: Some((record, byte)) } => write!(
                f,
                ": before record {record} of the stream, at byte {byte} of the part, the sums do not fit"
            ),
            Self::Damaged { before: None } => f.write_str(
                ": it has other bytes, in its last record or where no sum tells of them",
            ),
        }
    }
}

/// Looks at a part of a folder, by its number from 1 on. No other part is asked for.
///
/// # Errors
/// If the list has no such part, or the file cannot be read.
pub fn check_part(folder: &Path, list: &Manifest, number: u64) -> Result<PartState, SplitError> {
    let (path, part) = find(folder, list, number)?;
    let failed = || SplitError::io("read", &path);
    let Some(mut file) = folder::open_if_there(&path).map_err(failed())? else {
        return Ok(PartState::Missing);
    };
    let found = file.metadata().map_err(failed())?.len();
    if found != part.length {
        return Ok(PartState::Length { found, expected: part.length });
    }
    let (hash, found) = hash_of(file.try_clone().map_err(failed())?).map_err(failed())?;
    if hash == part.hash {
        return Ok(PartState::Whole);
    }
    if found != part.length {
        return Ok(PartState::Length { found, expected: part.length });
    }
    file.rewind().map_err(failed())?;
    let before = damage(BufReader::new(file), part).map_err(failed())?;
    Ok(PartState::Damaged { before })
}

/// A part's path, and what the list says of it.
pub(crate) fn find<'a>(
    folder: &Path,
    list: &'a Manifest,
    number: u64,
) -> Result<(PathBuf, &'a Part), SplitError> {
    let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
    let part = index.and_then(|index| list.parts.get(index));
    let parts = list.parts.len() as u64;
    let part = part.ok_or(SplitError::NoPart { number, parts })?;
    Ok((folder.join(part_name(number)), part))
}

/// Hash and length of a file from where it stands.
pub(crate) fn hash_of(file: File) -> io::Result<(Hash, u64)> {
    let (mut hasher, mut length) = (Hasher::new(), 0);
    each_piece(file, Pieces::LARGE, |piece| {
        hasher.update(&piece);
        length += piece.len() as u64;
        true
    })?;
    Ok((hasher.finalize(), length))
}

/// Number and byte of the first header of a part that does not fit.
fn damage(mut file: impl Read, part: &Part) -> io::Result<Option<(u64, u64)>> {
    let mut chain = part.chain;
    let mut order = (part.offset > 0).then(|| part.chain.order());
    let (mut record, mut byte) = (part.record, 0);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let mut raw = [0; RECORD_SIZE];
        if !fill(&mut file, &mut raw)? {
            return Ok(None);
        }
        let Some(length) = next(&raw, &mut order, &mut chain) else {
            return Ok(Some((record, byte)));
        };
        let (mut left, mut words) = (length, WholeWords::default());
        while left > 0 {
            let most = sizes::piece(left, buffer.len());
            let piece = &mut buffer[..most];
            if !fill(&mut file, piece)? {
                return Ok(None);
            }
            words.feed(piece, |whole| chain.payload(whole));
            left -= most as u64;
        }
        (record, byte) = (record + 1, byte + RECORD_SIZE as u64 + length);
    }
}

/// Fills a buffer; false if the input ends before.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

/// Takes a header into the chain; the length of its payload, if all of it fits.
fn next(raw: &[u8; RECORD_SIZE], order: &mut Option<Order>, chain: &mut Chain) -> Option<u64> {
    let read = Header::read(raw, *order, &[]).ok()?;
    *order = Some(read.order);
    let before = *chain;
    read.check(chain).ok()?;
    let mut room = None;
    let header = read.record(&mut room);
    if let Some(end) = header.body_as::<End<LE>>() {
        before.check_end(end).ok()?;
        *chain = Chain::in_order(read.order);
    }
    LIMITS.check_described(header, read.description?).ok()
}
