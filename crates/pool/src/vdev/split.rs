//! A block that a removal tore into pieces: each piece may have several copies, and only the whole
//! block has a checksum.

use super::indirect::MappedRange;
use super::{Check, Request, VdevTree, Want};
use crate::buffer::Buffer;
use crate::error::{Cause, Mismatch};

/// Copies of a piece that are kept for combining: more than any mirror in practice has.
const MAX_COPIES: usize = 16;
/// Combinations of copies that are tried: `zfs_reconstruct_indirect_combinations_max`.
const MAX_COMBINATIONS: usize = 4096;

/// Reads the pieces, in order, and joins them.
pub(super) fn read(
    tree: &VdevTree,
    pieces: &[(MappedRange, Want)],
    size: usize,
    request: &mut Request<'_>,
) -> Option<Buffer> {
    // One piece has the redundancy of the vdev that it lies on.
    if let [(piece, want)] = pieces {
        let Request { check, attempts, doubts, cancel, .. } = request;
        let mut moved = Request { check: *check, attempts, doubts, want: *want, cancel: *cancel };
        return tree.read_at(piece.vdev, piece.offset, size, &mut moved);
    }
    let mut block = Vec::with_capacity(size);
    for piece in pieces {
        let mut any = |_: &[u8]| Ok(());
        block.extend_from_slice(&copy(tree, piece, &mut any, request)?);
    }
    match (request.check)(&block) {
        Ok(()) => Some(block.into()),
        Err(why) => {
            note(tree, pieces, why, request);
            combine(tree, pieces, size, request)
        }
    }
}

/// Offers the copies of one piece to `check`.
fn copy(
    tree: &VdevTree,
    (piece, want): &(MappedRange, Want),
    check: &mut Check<'_>,
    request: &mut Request<'_>,
) -> Option<Buffer> {
    let len = usize::try_from(piece.len).ok()?;
    let Request { attempts, doubts, cancel, .. } = request;
    let mut inner = Request { check, attempts, doubts, want: *want, cancel: *cancel };
    tree.read_at(piece.vdev, piece.offset, len, &mut inner)
}

/// Names the places of all pieces.
fn note(
    tree: &VdevTree,
    pieces: &[(MappedRange, Want)],
    source: Mismatch,
    request: &mut Request<'_>,
) {
    let count = pieces.len();
    for (nth, (piece, _)) in (1..).zip(pieces) {
        let cause = Cause::Piece { nth, count, source };
        request.failed(tree.name(piece.vdev), piece.offset, cause);
    }
}

/// Tries the combinations of the pieces' copies.
fn combine(
    tree: &VdevTree,
    pieces: &[(MappedRange, Want)],
    size: usize,
    request: &mut Request<'_>,
) -> Option<Buffer> {
    let mut all: Vec<Vec<Vec<u8>>> = Vec::with_capacity(pieces.len());
    for (piece, want) in pieces {
        let mut copies: Vec<Vec<u8>> = Vec::new();
        let mut collect = |bytes: &[u8]| {
            copies.push(bytes.to_vec());
            if copies.len() < MAX_COPIES { Err(Mismatch::Unwanted) } else { Ok(()) }
        };
        // The copies are refused only so as to be shown all of them.
        let (attempts, doubts) = (&mut Vec::new(), &mut Vec::new());
        let cancel = request.cancel;
        let mut quiet = Request { check: &mut collect, attempts, doubts, want: *want, cancel };
        let len = usize::try_from(piece.len).ok()?;
        let _ = tree.read_at(piece.vdev, piece.offset, len, &mut quiet);
        if copies.is_empty() {
            return None;
        }
        all.push(copies);
    }
    let counts: Vec<usize> = all.iter().map(Vec::len).collect();
    let mut block = Vec::with_capacity(size);
    for choice in choices(&counts) {
        block.clear();
        for (copies, i) in all.iter().zip(&choice) {
            block.extend_from_slice(&copies[*i]);
        }
        if (request.check)(&block).is_ok() {
            return Some(block.into());
        }
    }
    None
}

/// Choices of a copy of each piece, likeliest first: all from one side of the mirrors, then all
/// but one, then everything else.
fn choices(counts: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    let sides = counts.iter().copied().max().unwrap_or_default();
    let one = move |side: usize| -> Vec<usize> { counts.iter().map(|c| side.min(c - 1)).collect() };
    let same = (0..sides).map(one);
    let but_one = (0..sides).flat_map(move |side| {
        (0..counts.len()).flat_map(move |piece| {
            (0..counts[piece]).map(move |other| {
                let mut choice = one(side);
                choice[piece] = other;
                choice
            })
        })
    });
    let mut digits = Some(vec![0; counts.len()]);
    let every = core::iter::from_fn(move || {
        let current = digits.clone()?;
        digits = next(current.clone(), counts);
        Some(current)
    });
    same.chain(but_one.take(MAX_COMBINATIONS)).chain(every.take(MAX_COMBINATIONS))
}

/// Counts one up, each digit below its own limit.
fn next(mut digits: Vec<usize>, limits: &[usize]) -> Option<Vec<usize>> {
    for (digit, limit) in digits.iter_mut().zip(limits) {
        *digit += 1;
        if *digit < *limit {
            return Some(digits);
        }
        *digit = 0;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_combination_is_tried_and_whole_sides_first() {
        let all: Vec<_> = choices(&[2, 1, 3]).collect();
        assert_eq!(all[..3], [vec![0, 0, 0], vec![1, 0, 1], vec![1, 0, 2]]);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 6);
    }

    #[test]
    fn the_number_of_combinations_is_bounded() {
        assert!(choices(&[16; 30]).count() <= 2 * MAX_COMBINATIONS + 16);
    }
}
