//! Parity files: a head, an index, the recovery blocks, and index and head once more, so that damage at one end
//! leaves the other.

use super::error::ParityError;
use super::layout::{Layout, MAX_VOLUMES};
use crate::folder;
use crate::split::{Manifest, ManifestError, SplitError};
use blake3::Hash;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use zsend_records::sizes;

const MAGIC: [u8; 8] = *b"ZSNDPAR1";
/// Bytes of a head.
pub(super) const HEAD: usize = 112;
/// Bytes of a head that its own hash is of.
const HASHED: usize = HEAD - HASH;
const HASH: usize = 32;
/// Most bytes of an index: the longest list, and the hashes of as many blocks as there can be.
const MAX_INDEX: u64 = crate::split::MAX_LIST + 8 + 3 * (96 << 10) * HASH as u64;

/// File name of a parity file, by its number from 1 on.
pub fn volume_name(number: u64) -> String {
    format!("parity-{number:03}.zpar")
}

/// Reason that a parity file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeError {
    /// It has no head at either end.
    #[error("it is no parity file, or damaged at both ends")]
    NoHead,
    /// Its index is damaged at both ends, or as long as none is.
    #[error("its index is damaged at both ends")]
    NoIndex,
    /// The list in its index makes no sense.
    #[error("the list in it: {0}")]
    List(#[from] ManifestError),
    /// Its words on its blocks do not fit the list.
    #[error(
        "blocks of {block} bytes, {recovery} to recover a set, in {volumes} files, do not fit the list in it"
    )]
    Layout {
        /// Bytes of a block.
        block: u64,
        /// Recovery blocks of a set.
        recovery: u64,
        /// Number of files.
        volumes: u64,
    },
    /// The index has more or fewer hashes than there are blocks.
    #[error("its index has {found} bytes of hashes, expected {expected}")]
    Hashes {
        /// Bytes of hashes.
        found: u64,
        /// Bytes for all blocks.
        expected: u64,
    },
}

/// Head that all parity files of a stream share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VolumeHead {
    pub(super) block: u64,
    pub(super) recovery: u64,
    pub(super) volumes: u64,
    pub(super) index_length: u64,
    pub(super) index: Hash,
}

impl VolumeHead {
    /// The head of a parity file, by its number.
    pub(super) fn to_bytes(self, volume: u64) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for number in [self.block, self.recovery, self.volumes, volume, self.index_length] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.index.as_bytes());
        let hash = blake3::hash(&bytes);
        bytes.extend(hash.as_bytes());
        bytes
    }

    /// A head, and the number of its file.
    fn parse(bytes: &[u8; HEAD]) -> Option<(Self, u64)> {
        let (hashed, hash) = bytes.split_at(HASHED);
        let (numbers, index) = hashed.get(8..)?.split_first_chunk::<40>()?;
        if hashed.get(..8)? != MAGIC
            || blake3::hash(hashed) != Hash::from_bytes(hash.try_into().ok()?)
        {
            return None;
        }
        let mut numbers = numbers.as_chunks::<8>().0.iter().map(|n| u64::from_le_bytes(*n));
        let mut next = || numbers.next().unwrap_or_default();
        let (block, recovery, volumes, volume, index_length) =
            (next(), next(), next(), next(), next());
        let index = Hash::from_bytes(index.try_into().ok()?);
        let is_right = (1..=MAX_VOLUMES).contains(&volume) && index_length <= MAX_INDEX;
        is_right.then_some((Self { block, recovery, volumes, index_length, index }, volume))
    }
}

/// Description that all parity files of a stream share.
#[derive(Debug)]
pub(super) struct ParityIndex {
    pub(super) list: Manifest,
    /// The list as it is written.
    pub(super) text: Vec<u8>,
    pub(super) layout: Layout,
    /// Hashes of the blocks, then of the recovery blocks.
    hashes: Vec<[u8; HASH]>,
}

/// Bytes of an index with a list of this length.
pub(super) fn index_length(list: &[u8], layout: &Layout) -> u64 {
    8 + list.len() as u64 + (layout.blocks() + layout.all_recovery()) * HASH as u64
}

/// The index as it is written.
pub(super) fn index_bytes(list: &[u8], hashes: &[Hash]) -> Vec<u8> {
    let mut bytes = (list.len() as u64).to_le_bytes().to_vec();
    bytes.extend(list);
    hashes.iter().for_each(|hash| bytes.extend(hash.as_bytes()));
    bytes
}

impl ParityIndex {
    fn parse(bytes: &[u8], head: &VolumeHead) -> Result<Self, VolumeError> {
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or(VolumeError::NoIndex)?;
        let length = sizes::in_memory(u64::from_le_bytes(*length));
        let (text, hashes) = rest.split_at_checked(length).ok_or(VolumeError::NoIndex)?;
        let list = Manifest::parse(text)?;
        let VolumeHead { block, recovery, volumes, .. } = *head;
        let layout = Layout::of(&list, block, recovery, volumes);
        let layout = layout.ok_or(VolumeError::Layout { block, recovery, volumes })?;
        let expected = (layout.blocks() + layout.all_recovery()) * HASH as u64;
        let found = hashes.len() as u64;
        if found != expected {
            return Err(VolumeError::Hashes { found, expected });
        }
        let (hashes, _) = hashes.as_chunks::<HASH>();
        Ok(Self { list, text: text.to_vec(), layout, hashes: hashes.to_vec() })
    }

    /// True if a block has this hash.
    pub(super) fn is_block(&self, block: u64, hash: Hash) -> bool {
        let found = usize::try_from(block).ok().and_then(|block| self.hashes.get(block));
        found.is_some_and(|found| Hash::from_bytes(*found) == hash)
    }

    /// True if a recovery block has this hash.
    pub(super) fn is_recovery(&self, recovery: u64, hash: Hash) -> bool {
        self.is_block(self.layout.blocks() + recovery, hash)
    }
}

/// A parity file that is open.
#[derive(Debug)]
pub(super) struct ParityVolume {
    pub(super) path: PathBuf,
    pub(super) number: u64,
    pub(super) head: VolumeHead,
    file: File,
}

impl ParityVolume {
    /// Opens a parity file of a folder; `None` if there is none of this number.
    pub(super) fn open(folder: &Path, number: u64) -> Result<Option<Self>, ParityError> {
        let path = folder.join(volume_name(number));
        let failed = || SplitError::io("read", &path);
        let Some(mut file) = folder::open_if_there(&path).map_err(failed())? else {
            return Ok(None);
        };
        let length = file.metadata().map_err(failed())?.len();
        let mut found = None;
        for at in [Some(0), length.checked_sub(HEAD as u64)].into_iter().flatten() {
            let mut bytes = [0; HEAD];
            let is_read = read_at(&mut file, at, &mut bytes).map_err(failed())?;
            found = found.or(VolumeHead::parse(&bytes).filter(|_| is_read));
        }
        // A file under another's name is not read as that.
        match found.filter(|(_, own)| *own == number) {
            Some((head, number)) => Ok(Some(Self { path, number, head, file })),
            None => Err(ParityError::Volume { path, why: VolumeError::NoHead }),
        }
    }

    /// Its index, from whichever end has it.
    pub(super) fn index(&mut self) -> Result<ParityIndex, ParityError> {
        let failed = SplitError::io("read", &self.path);
        let bytes = index_of(&mut self.file, &self.head).map_err(failed)?;
        let index = bytes.ok_or(VolumeError::NoIndex);
        let index = index.and_then(|bytes| ParityIndex::parse(&bytes, &self.head));
        index.map_err(|why| ParityError::Volume { path: self.path.clone(), why })
    }

    /// Reads a piece of a recovery block, `before` blocks of this file being before it; false if the file ends
    /// before.
    pub(super) fn piece(&mut self, before: u64, at: u64, buffer: &mut [u8]) -> io::Result<bool> {
        let Some(offset) = before
            .checked_mul(self.head.block)
            .and_then(|bytes| bytes.checked_add(HEAD as u64 + self.head.index_length))
            .and_then(|bytes| bytes.checked_add(at))
        else {
            return Ok(false);
        };
        read_at(&mut self.file, offset, buffer)
    }

    /// True if both its ends are as they should be, and nothing is behind.
    pub(super) fn has_both_ends(&mut self, layout: &Layout) -> io::Result<bool> {
        let blocks = layout.in_volume(self.number) * layout.block;
        let middle = HEAD as u64 + self.head.index_length;
        let length = 2 * middle + blocks;
        let head = self.head.to_bytes(self.number);
        let mut is_right = self.file.metadata()?.len() == length;
        for at in [0, length - HEAD as u64] {
            let mut bytes = [0; HEAD];
            is_right &= read_at(&mut self.file, at, &mut bytes)? && bytes[..] == head[..];
        }
        for at in [HEAD as u64, middle + blocks] {
            is_right &=
                hash_at(&mut self.file, at, self.head.index_length)? == Some(self.head.index);
        }
        Ok(is_right)
    }
}

/// The bytes of an index, if it is right at one of the ends.
fn index_of(file: &mut (impl Read + Seek), head: &VolumeHead) -> io::Result<Option<Vec<u8>>> {
    let end = file.seek(SeekFrom::End(0))?;
    let last = end.checked_sub(HEAD as u64 + head.index_length);
    for at in [Some(HEAD as u64), last].into_iter().flatten() {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(at))?;
        file.by_ref().take(head.index_length).read_to_end(&mut bytes)?;
        if blake3::hash(&bytes) == head.index {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

fn hash_at(file: &mut File, at: u64, length: u64) -> io::Result<Option<Hash>> {
    let mut hasher = blake3::Hasher::new();
    file.seek(SeekFrom::Start(at))?;
    let read = io::copy(&mut file.take(length), &mut hasher)?;
    Ok((read == length).then(|| hasher.finalize()))
}

/// Fills a buffer from an offset; false if the file ends before.
pub(super) fn read_at(
    file: &mut (impl Read + Seek),
    at: u64,
    buffer: &mut [u8],
) -> io::Result<bool> {
    file.seek(SeekFrom::Start(at))?;
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

/// Reads what says how a parity file is to be read, whose bytes are at hand: its head, and its index with the list.
///
/// # Errors
/// The first thing that makes no sense.
pub fn check_volume(bytes: &[u8]) -> Result<Manifest, VolumeError> {
    let mut input = io::Cursor::new(bytes);
    let last = (bytes.len() as u64).checked_sub(HEAD as u64);
    let mut heads = [Some(0), last].into_iter().flatten().filter_map(|at| {
        let mut head = [0; HEAD];
        let is_read = read_at(&mut input, at, &mut head).unwrap_or(false);
        VolumeHead::parse(&head).filter(|_| is_read)
    });
    let (head, _) = heads.next().ok_or(VolumeError::NoHead)?;
    let index = index_of(&mut io::Cursor::new(bytes), &head).ok().flatten();
    Ok(ParityIndex::parse(&index.ok_or(VolumeError::NoIndex)?, &head)?.list)
}
