//! Repairing parts by their parity.

use super::data::Data;
use super::error::ParityError;
use super::layout::{Layout, MAX_VOLUMES};
use super::volume::{ParityIndex, ParityVolume, VolumeHead};
use crate::folder::{self, Partial};
use crate::split::{MANIFEST, Manifest, SplitError, find, hash_of, part_name};
use blake3::Hasher;
use reed_solomon_simd::ReedSolomonDecoder;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use zsend_records::sizes::{self, in_memory};

/// Parts that are made at once: each has a file that is open.
const AT_ONCE: usize = 128;
/// Names of parts that an error has.
const NAMED: usize = 8;

/// A part that was repaired.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepairedPart {
    /// Its number, from 1 on.
    pub number: u64,
    /// Blocks of it that were made again; none where it was only too long.
    pub blocks: u64,
}

/// Result of a repair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// Parts that were repaired, in their order.
    pub parts: Vec<RepairedPart>,
    /// True if the list of the parts was written again.
    pub list: bool,
    /// Parity files that are damaged, or not there: parity must be made anew to have them again.
    pub volumes: Vec<PathBuf>,
}

/// Makes again what is lost of the parts of a folder. A part is made beside its file, checked, and takes its name
/// then.
///
/// # Errors
/// [`ParityError`]; with [`ParityError::TooMuch`] nothing was changed.
pub fn repair(folder: &Path) -> Result<Repaired, ParityError> {
    let lock = folder.join(MANIFEST);
    let mut lock_file = Partial::create(lock.clone()).map_err(SplitError::io("write", &lock))?;
    let (index, head, mut volumes, mut bad_volumes, has_list) = open(folder)?;
    let layout = &index.layout;
    let mut found = Intact::of(folder, &index, head, &mut volumes)?;
    found.check(folder, &index)?;
    let damaged: Vec<u64> = found.damaged_parts(layout);
    let mut repaired = Repaired::default();
    let mut data = Data::new(folder, &index.list, layout);
    for some in damaged.chunks(AT_ONCE) {
        mend(&index, &mut found, &mut volumes, &mut data, some, &mut repaired)?;
        data.forget();
    }
    if !has_list {
        lock_file.file.write_all(&index.text).map_err(SplitError::io("write", &lock))?;
        lock_file.commit().map_err(SplitError::io("write", &lock))?;
        repaired.list = true;
    }
    folder::sync(folder).map_err(SplitError::io("write", folder))?;
    bad_volumes.extend(found.bad_volumes(folder, layout, &mut volumes)?);
    bad_volumes.sort();
    bad_volumes.dedup();
    repaired.volumes = bad_volumes;
    Ok(repaired)
}

type OpenedParity = (ParityIndex, VolumeHead, Vec<ParityVolume>, Vec<PathBuf>, bool);

/// The parity files of a folder that belong to its list, or to one another where there is no list; those that are
/// damaged; and if there is a list.
fn open(folder: &Path) -> Result<OpenedParity, ParityError> {
    let path = folder.join(MANIFEST);
    let list = match Manifest::of_folder(folder) {
        Ok(list) => Some(list),
        Err(SplitError::NoManifest(_) | SplitError::Manifest { .. }) => None,
        Err(e) => return Err(e.into()),
    };
    let (mut volumes, mut bad, mut first) = (Vec::new(), Vec::new(), None);
    for number in 1..=MAX_VOLUMES {
        match ParityVolume::open(folder, number) {
            Ok(None) => {}
            Ok(Some(volume)) => volumes.push(volume),
            Err(e @ ParityError::Volume { .. }) => {
                bad.push(folder.join(super::volume_name(number)));
                first = first.or(Some(e));
            }
            Err(e) => return Err(e),
        }
    }
    let mut chosen: Option<(ParityIndex, VolumeHead)> = None;
    let mut others = false;
    for volume in &mut volumes {
        if chosen.as_ref().is_some_and(|(_, head)| *head == volume.head) {
            continue;
        }
        let index = match volume.index() {
            Ok(index) => index,
            // Another file may have it.
            Err(e @ ParityError::Volume { .. }) => {
                first = first.or(Some(e));
                continue;
            }
            Err(e) => return Err(e),
        };
        let is_it = list.as_ref().is_none_or(|list| *list == index.list);
        match &chosen {
            None if is_it => chosen = Some((index, volume.head)),
            Some(_) | None => others = true,
        }
    }
    let other = || ParityError::OtherList { folder: folder.to_owned(), list: path };
    let Some((index, head)) = chosen else {
        let none = || first.unwrap_or_else(|| ParityError::NoParity(folder.to_owned()));
        return Err(if others { other() } else { none() });
    };
    // Without a list nothing says which of them is right.
    if others && list.is_none() {
        return Err(other());
    }
    volumes.retain(|volume| volume.head == head);
    Ok((index, head, volumes, bad, list.is_some()))
}

/// Parts and blocks that were found to be right.
#[derive(Debug)]
struct Intact {
    blocks: Vec<bool>,
    recovery: Vec<bool>,
    /// Parts that have another length.
    lengths: Vec<u64>,
}

impl Intact {
    fn of(
        folder: &Path,
        index: &ParityIndex,
        head: VolumeHead,
        volumes: &mut [ParityVolume],
    ) -> Result<Self, ParityError> {
        let layout = &index.layout;
        let mut data = Data::new(folder, &index.list, layout);
        let mut buffer = vec![0; sizes::in_memory(layout.piece())];
        let mut blocks = Vec::new();
        for block in 0..layout.blocks() {
            let hash = data.hash(block, &mut buffer)?;
            blocks.push(hash.is_some_and(|hash| index.is_block(block, hash)));
        }
        let mut recovery = Vec::new();
        for number in 0..layout.all_recovery() {
            let (volume, before) = layout.volume_of(number);
            let volume = volumes.iter_mut().find(|found| found.number == volume);
            let Some(volume) = volume else {
                recovery.push(false);
                continue;
            };
            let (mut hasher, mut at, mut is_there) = (Hasher::new(), 0, true);
            while is_there && at < head.block {
                // What cannot be read is lost as what is not there.
                is_there = volume.piece(before, at, &mut buffer).unwrap_or(false);
                hasher.update(&buffer);
                at += buffer.len() as u64;
            }
            recovery.push(is_there && index.is_recovery(number, hasher.finalize()));
        }
        let mut lengths = Vec::new();
        for part in 1..=index.list.parts.len() as u64 {
            if !data.has_length(part)? {
                lengths.push(part);
            }
        }
        Ok(Self { blocks, recovery, lengths })
    }

    fn is_right(&self, block: u64) -> bool {
        usize::try_from(block).ok().and_then(|block| self.blocks.get(block)) == Some(&true)
    }

    fn is_recovery(&self, number: u64) -> bool {
        usize::try_from(number).ok().and_then(|number| self.recovery.get(number)) == Some(&true)
    }

    /// The recovery blocks of a set that are right, by their place in the set.
    fn recovery_of(&self, layout: &Layout, set: u64) -> impl Iterator<Item = u64> {
        let first = set * layout.recovery;
        (0..layout.recovery).filter(move |i| self.is_recovery(first + i))
    }

    /// Refuses more than can be made good.
    fn check(&self, folder: &Path, index: &ParityIndex) -> Result<(), ParityError> {
        let layout = &index.layout;
        let mut worst: Option<(u64, u64)> = None;
        for set in 0..layout.sets() {
            let lost = layout.set(set).filter(|&block| !self.is_right(block)).count() as u64;
            let left = self.recovery_of(layout, set).count() as u64;
            if lost > left && worst.is_none_or(|(most, of)| lost - left > most - of) {
                worst = Some((lost, left));
            }
        }
        let Some((in_set, left)) = worst else { return Ok(()) };
        let lost = self.blocks.iter().filter(|&&is_right| !is_right).count() as u64;
        let damaged = self.damaged_parts(layout);
        let mut parts: Vec<String> = damaged.iter().take(NAMED).map(|&n| part_name(n)).collect();
        if damaged.len() > NAMED {
            parts.push(format!("and {} more", damaged.len() - NAMED));
        }
        let parts = format!("{} of {}", parts.join(", "), folder.display());
        Err(ParityError::TooMuch { lost, block: layout.block, parts, in_set, left })
    }

    /// Parts of which something is lost, or that are too long.
    fn damaged_parts(&self, layout: &Layout) -> Vec<u64> {
        let lost = (0..layout.blocks()).filter(|&block| !self.is_right(block));
        let parts = lost.filter_map(|block| layout.spot(block)).map(|spot| spot.part);
        let mut parts: Vec<u64> = parts.chain(self.lengths.iter().copied()).collect();
        parts.sort_unstable();
        parts.dedup();
        parts
    }

    /// Parity files that are not what they were.
    fn bad_volumes(
        &self,
        folder: &Path,
        layout: &Layout,
        volumes: &mut [ParityVolume],
    ) -> Result<Vec<PathBuf>, ParityError> {
        let mut bad = Vec::new();
        for number in 1..=layout.volumes {
            let lost = (0..layout.all_recovery())
                .any(|i| layout.volume_of(i).0 == number && !self.is_recovery(i));
            let volume = volumes.iter_mut().find(|volume| volume.number == number);
            let has_ends = match volume {
                None => false,
                Some(volume) => {
                    volume.has_both_ends(layout).map_err(SplitError::io("read", &volume.path))?
                }
            };
            if lost || !has_ends {
                bad.push(folder.join(super::volume_name(number)));
            }
        }
        Ok(bad)
    }
}

/// Makes some parts again.
fn mend(
    index: &ParityIndex,
    found: &mut Intact,
    volumes: &mut [ParityVolume],
    data: &mut Data<'_>,
    parts: &[u64],
    repaired: &mut Repaired,
) -> Result<(), ParityError> {
    let layout = &index.layout;
    let mut made = Vec::new();
    for &part in parts {
        let (path, listed) = find(data.folder(), &index.list, part)?;
        made.push(copy(&path, listed.length).map_err(SplitError::io("write", &path))?);
    }
    let lost = |found: &Intact, block| !found.is_right(block);
    for set in 0..layout.sets() {
        let is_of_these = |block: u64| {
            layout.spot(block).is_some_and(|spot| parts.binary_search(&spot.part).is_ok())
        };
        if layout.set(set).any(|block| lost(found, block) && is_of_these(block)) {
            decode(layout, found, volumes, data, set, |block, at, piece| {
                let Some(spot) = layout.spot(block) else { return Ok(()) };
                let Ok(i) = parts.binary_search(&spot.part) else { return Ok(()) };
                let Some(partial) = made.get_mut(i) else { return Ok(()) };
                let piece = &piece[..sizes::piece(spot.length.saturating_sub(at), piece.len())];
                (&partial.file).seek(SeekFrom::Start(spot.offset + at))?;
                (&partial.file).write_all(piece)
            })?;
        }
    }
    for (&number, partial) in parts.iter().zip(made) {
        let (path, listed) = find(data.folder(), &index.list, number)?;
        let failed = || SplitError::io("write", &path);
        let mut file = partial.file.try_clone().map_err(failed())?;
        file.seek(SeekFrom::Start(0)).map_err(failed())?;
        if hash_of(file).map_err(failed())?.0 != listed.hash {
            return Err(ParityError::NotMended(number));
        }
        partial.commit().map_err(failed())?;
        let mut blocks = 0;
        for block in layout.of_part(number) {
            blocks += u64::from(lost(found, block));
            if let Some(is_right) =
                usize::try_from(block).ok().and_then(|block| found.blocks.get_mut(block))
            {
                *is_right = true;
            }
        }
        repaired.parts.push(RepairedPart { number, blocks });
    }
    Ok(())
}

/// A copy of a file as far as it can be read, with the length that it should have.
fn copy(path: &Path, length: u64) -> io::Result<Partial> {
    let partial = Partial::create(path.to_owned())?;
    if let Some(old) = folder::open_if_there(path)? {
        copy_readable(old, &partial, length)?;
    }
    partial.file.set_len(length)?;
    Ok(partial)
}

/// Copies what can be read; what cannot is lost, and made again.
fn copy_readable(mut old: impl Read + Seek, to: &Partial, length: u64) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut at = 0;
    while at < length {
        let most = sizes::piece(length - at, buffer.len());
        old.seek(SeekFrom::Start(at))?;
        match old.read(&mut buffer[..most]) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                (&to.file).seek(SeekFrom::Start(at))?;
                (&to.file).write_all(&buffer[..read])?;
                at += read as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            // The blocks that this is of did not have their hashes.
            Err(_) => at += most as u64,
        }
    }
    Ok(())
}

/// Makes the lost blocks of a set, a piece at a time.
fn decode(
    layout: &Layout,
    found: &Intact,
    volumes: &mut [ParityVolume],
    data: &mut Data<'_>,
    set: u64,
    mut put: impl FnMut(u64, u64, &[u8]) -> io::Result<()>,
) -> Result<(), ParityError> {
    let (length, recovery) = (in_memory(layout.set_length(set)), in_memory(layout.recovery));
    let lost = layout.set(set).filter(|&block| !found.is_right(block)).count();
    let used: Vec<u64> = found.recovery_of(layout, set).take(lost).collect();
    let mut buffer = vec![0; in_memory(layout.piece())];
    let mut decoder = ReedSolomonDecoder::new(length, recovery, buffer.len())?;
    let mut at = 0;
    while at < layout.block {
        for (i, block) in layout.set(set).enumerate().filter(|(_, block)| found.is_right(*block)) {
            if data.piece(block, at, &mut buffer)?.is_none() {
                let number = layout.spot(block).map_or(0, |spot| spot.part);
                return Err(ParityError::NotMended(number));
            }
            decoder.add_original_shard(i, &buffer)?;
        }
        for &i in &used {
            let (volume, before) = layout.volume_of(set * layout.recovery + i);
            let volume = volumes.iter_mut().find(|found| found.number == volume);
            let Some(volume) = volume else { return Err(ParityError::NoParity(PathBuf::new())) };
            let read = volume.piece(before, at, &mut buffer);
            if !read.map_err(SplitError::io("read", &volume.path))? {
                let why = super::VolumeError::NoIndex;
                return Err(ParityError::Volume { path: volume.path.clone(), why });
            }
            decoder.add_recovery_shard(in_memory(i), &buffer)?;
        }
        let restored = decoder.decode()?;
        for (i, piece) in restored.restored_original_iter() {
            let block = set + i as u64 * layout.sets();
            put(block, at, piece).map_err(SplitError::Write)?;
        }
        at += buffer.len() as u64;
    }
    Ok(())
}
