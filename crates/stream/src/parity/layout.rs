//! Blocks of all parts, the sets that they make, and the files that the recovery blocks lie in.

use crate::split::Manifest;

/// Most blocks of a set: with as many recovery blocks they are worked on at once, a piece of each.
pub(super) const MAX_SET: u64 = 256;
/// Bytes of a block that are worked on at once. With 512 blocks, that is 16 MiB.
pub(super) const PIECE: u64 = 32 << 10;
/// Blocks that the parts would make if they had no ends.
const BLOCKS: u64 = 64 << 10;
/// Shortest block of short parts.
const MIN_BLOCK: u64 = 64;
/// Block of parts that are not short, at least.
const SHORT_BLOCK: u64 = 64 << 10;
/// Longest block.
const MAX_BLOCK: u64 = 1 << 30;
/// Most bytes of all parts.
pub(super) const MAX_BYTES: u64 = BLOCKS * MAX_BLOCK;
/// Most parity files.
pub(super) const MAX_VOLUMES: u64 = 99;
/// Bytes that a parity file may have although a part may not.
const MIN_VOLUME: u64 = 1 << 20;

/// Places of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Bytes of a block, a power of two.
    pub(super) block: u64,
    /// Recovery blocks of a set.
    pub(super) recovery: u64,
    /// Parity files.
    pub(super) volumes: u64,
    blocks: u64,
    /// Number of the first block of each part, and behind the last that of all blocks.
    firsts: Vec<u64>,
    lengths: Vec<u64>,
}

/// Place of a block in its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// The part's number, from 1 on.
    pub(super) part: u64,
    /// Bytes of the part before it.
    pub(super) offset: u64,
    /// Bytes of it; the last of a part may be short, and zeros stand for the rest.
    pub(super) length: u64,
}

impl Layout {
    /// The layout of parity for some parts; `None` if they are too long for one.
    pub(super) fn choose(list: &Manifest, percent: u64) -> Option<Self> {
        if list.length > MAX_BYTES {
            return None;
        }
        let longest = list.parts.iter().map(|part| part.length).max().unwrap_or(1);
        let short = longest.next_power_of_two().clamp(MIN_BLOCK, SHORT_BLOCK);
        let block = list.length.div_ceil(BLOCKS).next_power_of_two().max(short);
        let mut layout = Self::of(list, block, 1, 1)?;
        layout.recovery = (layout.set_length(0) * percent).div_ceil(100).clamp(1, MAX_SET);
        let each = (list.size.max(MIN_VOLUME) / block).max(1);
        layout.volumes = layout.all_recovery().div_ceil(each).clamp(1, MAX_VOLUMES);
        Some(layout)
    }

    /// The layout that a parity file says; `None` if it can be none of these parts.
    pub(super) fn of(list: &Manifest, block: u64, recovery: u64, volumes: u64) -> Option<Self> {
        let is_block = block.is_power_of_two() && (MIN_BLOCK..=MAX_BLOCK).contains(&block);
        let is_right = is_block
            && (1..=MAX_SET).contains(&recovery)
            && (1..=MAX_VOLUMES).contains(&volumes)
            && list.length <= MAX_BYTES
            // No more blocks than have room in memory, each with its hash.
            && list.length.div_ceil(block) <= BLOCKS;
        if !is_right {
            return None;
        }
        let lengths: Vec<u64> = list.parts.iter().map(|part| part.length).collect();
        let mut firsts = vec![0];
        let mut next = 0;
        for length in &lengths {
            next = length.div_ceil(block).saturating_add(next);
            firsts.push(next);
        }
        Some(Self { block, recovery, volumes, blocks: next, firsts, lengths })
    }

    /// Number of blocks.
    pub(super) const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Number of sets.
    pub(super) fn sets(&self) -> u64 {
        self.blocks().div_ceil(MAX_SET)
    }

    /// Blocks of a set; the first has the most.
    pub(super) fn set_length(&self, set: u64) -> u64 {
        (self.blocks() - set).div_ceil(self.sets())
    }

    /// The blocks of a set, by their numbers.
    pub(super) fn set(&self, set: u64) -> impl Iterator<Item = u64> + use<> {
        let (sets, length) = (self.sets(), self.set_length(set));
        (0..length).map(move |i| set + i * sets)
    }

    /// Number of recovery blocks.
    pub(super) fn all_recovery(&self) -> u64 {
        self.sets() * self.recovery
    }

    /// Place of a block.
    pub(super) fn spot(&self, block: u64) -> Option<Spot> {
        let after = self.firsts.partition_point(|&first| first <= block);
        let index = after.checked_sub(1)?;
        let (first, whole) = (self.firsts.get(index)?, self.lengths.get(index)?);
        let offset = (block - first) * self.block;
        let length = whole.checked_sub(offset)?.min(self.block);
        Some(Spot { part: after as u64, offset, length })
    }

    /// The blocks of a part, by its number from 1 on.
    pub(super) fn of_part(&self, part: u64) -> std::ops::Range<u64> {
        let at = |i: u64| usize::try_from(i).ok().and_then(|i| self.firsts.get(i)).copied();
        part.checked_sub(1).and_then(|before| Some(at(before)?..at(part)?)).unwrap_or(0..0)
    }

    /// The parity file of a recovery block, from 1 on, and the blocks in it before it.
    pub(super) fn volume_of(&self, recovery: u64) -> (u64, u64) {
        (recovery % self.volumes + 1, recovery / self.volumes)
    }

    /// Recovery blocks of a parity file.
    pub(super) fn in_volume(&self, volume: u64) -> u64 {
        (self.all_recovery() + self.volumes - volume) / self.volumes
    }

    /// Bytes of a piece of a block.
    pub(super) fn piece(&self) -> u64 {
        self.block.min(PIECE)
    }

    /// Number of parts that may be lost, whichever they are, if nothing else is.
    pub(super) fn bearable(&self) -> u64 {
        // Of blocks that follow one another, no set has more than this.
        let mut in_set: Vec<u64> = (1..)
            .zip(&self.lengths)
            .map(|(part, _)| {
                let range = self.of_part(part);
                (range.end - range.start).div_ceil(self.sets().max(1))
            })
            .collect();
        in_set.sort_unstable_by(|a, b| b.cmp(a));
        let mut left = self.recovery;
        let borne = in_set.iter().take_while(|&&lost| {
            let is_borne = lost <= left;
            left = left.saturating_sub(lost);
            is_borne
        });
        borne.count() as u64
    }
}

#[cfg(test)]
mod tests;
