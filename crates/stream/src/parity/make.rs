//! Making parity.

use super::data::Data;
use super::error::ParityError;
use super::layout::{Layout, MAX_BYTES};
use super::volume::{HEAD, VolumeHead, index_bytes, index_length, volume_name};
use crate::folder::{self, Partial};
use crate::split::{MANIFEST, Manifest, PartState, SplitError, check_part, find, hash_of};
use blake3::{Hash, Hasher};
use reed_solomon_simd::ReedSolomonEncoder;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use zsend_records::sizes::in_memory;

/// Parity that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MadeParity {
    /// Parity files.
    pub volumes: u64,
    /// Their bytes, in all.
    pub bytes: u64,
    /// Bytes of a block.
    pub block: u64,
    /// Blocks of all parts.
    pub blocks: u64,
    /// Recovery blocks.
    pub recovery: u64,
    /// Parts that may be lost, whichever they are, if nothing else is.
    pub bearable: u64,
}

/// Makes parity of the parts of a folder, all of which must be whole: `percent` recovery blocks, of 1 to 100, for
/// each hundred blocks of parts. A parity file that is there stays if it is the same, and is not overwritten if it
/// is another.
///
/// # Errors
/// [`ParityError`].
pub fn make(folder: &Path, percent: u64) -> Result<MadeParity, ParityError> {
    let list = Manifest::of_folder(folder)?;
    let lock = folder.join(MANIFEST);
    let _lock = Partial::create(lock.clone()).map_err(SplitError::io("write", &lock))?;
    for number in 1..=list.parts.len() as u64 {
        let state = check_part(folder, &list, number)?;
        if state != PartState::Whole {
            let (path, _) = find(folder, &list, number)?;
            return Err(SplitError::Part { path, why: state.to_string() }.into());
        }
    }
    let layout = Layout::choose(&list, percent.clamp(1, 100));
    let too_large = ParityError::TooLarge { bytes: list.length, most: MAX_BYTES };
    let layout = layout.ok_or(too_large)?;
    let text = list.to_text();
    let index_length = index_length(text.as_bytes(), &layout);
    let mut volumes = (1..=layout.volumes)
        .map(|number| {
            let path = folder.join(volume_name(number));
            Partial::create(path.clone()).map_err(SplitError::io("write", &path))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let hashes = encode(folder, &list, &layout, index_length, &mut volumes)?;
    let index = index_bytes(text.as_bytes(), &hashes);
    let Layout { block, recovery, volumes: count, .. } = layout;
    let head =
        VolumeHead { block, recovery, volumes: count, index_length, index: blake3::hash(&index) };
    let mut bytes = 0;
    let mut same = Vec::new();
    for (number, volume) in (1..).zip(&mut volumes) {
        let failed = || SplitError::io("write", volume.target());
        let (start, own) = (head.to_bytes(number), layout.in_volume(number) * block);
        let mut file = &volume.file;
        let mut put = |at: u64, bytes: &[u8]| {
            file.seek(SeekFrom::Start(at))?;
            file.write_all(bytes)
        };
        let behind = HEAD as u64 + index_length + own;
        put(0, &start).map_err(failed())?;
        put(HEAD as u64, &index).map_err(failed())?;
        put(behind, &index).map_err(failed())?;
        put(behind + index_length, &start).map_err(failed())?;
        bytes += behind + index_length + HEAD as u64;
        same.push(is_same(volume)?);
    }
    for (volume, is_same) in volumes.into_iter().zip(same) {
        let path = volume.target().to_owned();
        if !is_same {
            volume.commit().map_err(SplitError::io("write", &path))?;
        }
    }
    folder::sync(folder).map_err(SplitError::io("write", folder))?;
    let (blocks, recovery) = (layout.blocks(), layout.all_recovery());
    Ok(MadeParity { volumes: count, bytes, block, blocks, recovery, bearable: layout.bearable() })
}

/// Says if a file is there with the same bytes.
///
/// # Errors
/// It is there with others.
fn is_same(volume: &Partial) -> Result<bool, SplitError> {
    let path = volume.target();
    let failed = || SplitError::io("read", path);
    let Some(old) = folder::open_if_there(path).map_err(failed())? else { return Ok(false) };
    let mut new = volume.file.try_clone().map_err(failed())?;
    new.seek(SeekFrom::Start(0)).map_err(failed())?;
    match hash_of(old).map_err(failed())? == hash_of(new).map_err(failed())? {
        true => Ok(true),
        false => Err(SplitError::Exists(path.to_owned())),
    }
}

/// Writes the recovery blocks; the hashes of all blocks, then of these.
fn encode(
    folder: &Path,
    list: &Manifest,
    layout: &Layout,
    index_length: u64,
    volumes: &mut [Partial],
) -> Result<Vec<Hash>, ParityError> {
    let mut data = Data::new(folder, list, layout);
    let recovery = in_memory(layout.recovery);
    let mut blocks = vec![Hash::from_bytes([0; 32]); in_memory(layout.blocks())];
    let mut recovered = Vec::with_capacity(in_memory(layout.all_recovery()));
    let mut buffer = vec![0; in_memory(layout.piece())];
    let mut encoder = ReedSolomonEncoder::new(1, 1, buffer.len())?;
    for set in 0..layout.sets() {
        let length = in_memory(layout.set_length(set));
        let mut own = vec![Hasher::new(); length];
        let mut made = vec![Hasher::new(); recovery];
        let mut at = 0;
        while at < layout.block {
            encoder.reset(length, recovery, buffer.len())?;
            for (block, hasher) in layout.set(set).zip(&mut own) {
                let have = data.piece(block, at, &mut buffer)?;
                // It was there when the parts were checked.
                let lost = || {
                    let number = layout.spot(block).map_or(0, |spot| spot.part);
                    let path = folder.join(crate::split::part_name(number));
                    SplitError::Part { path, why: "it was changed meanwhile".into() }
                };
                hasher.update(&buffer[..have.ok_or_else(lost)?]);
                encoder.add_original_shard(&buffer)?;
            }
            let encoded = encoder.encode()?;
            for ((number, piece), hasher) in
                (set * layout.recovery..).zip(encoded.recovery_iter()).zip(&mut made)
            {
                hasher.update(piece);
                let (volume, before) = layout.volume_of(number);
                let offset = HEAD as u64 + index_length + before * layout.block + at;
                if let Some(volume) = volumes.get_mut(in_memory(volume - 1)) {
                    let failed = || SplitError::io("write", volume.target());
                    (&volume.file).seek(SeekFrom::Start(offset)).map_err(failed())?;
                    (&volume.file).write_all(piece).map_err(failed())?;
                }
            }
            at += buffer.len() as u64;
        }
        for (block, hasher) in layout.set(set).zip(own) {
            if let Some(hash) = blocks.get_mut(in_memory(block)) {
                *hash = hasher.finalize();
            }
        }
        recovered.extend(made.into_iter().map(|hasher| hasher.finalize()));
    }
    blocks.append(&mut recovered);
    Ok(blocks)
}
