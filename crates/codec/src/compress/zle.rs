//! ZLE: compression, to the bytes that ZFS makes. The format is described at its decompression.
//!
//! A single zero among literals is a literal. Two of them end the literals, and so does a zero at the end of a
//! longest run.
//!
//! Source: OpenZFS `module/zfs/zle.c`, with the 64 of `zio_compress_table`, zfs-2.3.2.

/// The longest run of literals; a control byte from here on means zeros.
const LITERALS_MAX: usize = 64;
/// The longest run of zeros.
const ZEROS_MAX: usize = 256 - LITERALS_MAX;

/// Compresses a block; `None` if it does not fit. As in ZFS, a run is begun only where two bytes of room are
/// left, and one of literals where the longest fits.
pub(super) fn compress(src: &[u8], dst: &mut [u8]) -> Option<usize> {
    let mut input = src;
    let mut out = 0;
    while let Some(&first) = input.first() {
        let [control, room @ ..] = dst.get_mut(out..)? else { return None };
        if room.is_empty() {
            return None;
        }
        let len = if first == 0 {
            let most = &input[..input.len().min(ZEROS_MAX)];
            let zeros = most.iter().position(|&byte| byte != 0).unwrap_or(most.len());
            *control = (zeros - 1 + LITERALS_MAX).to_le_bytes()[0];
            out += 1;
            zeros
        } else {
            let room: &mut [u8; LITERALS_MAX] = room.first_chunk_mut()?;
            let most = &input[..input.len().min(LITERALS_MAX)];
            let literals = literals(most);
            room[..literals].copy_from_slice(&most[..literals]);
            *control = (literals - 1).to_le_bytes()[0];
            out += 1 + literals;
            literals
        };
        input = &input[len..];
    }
    Some(out)
}

/// Bytes that the run of literals at the start of `most` has, at least one of which is there.
fn literals(most: &[u8]) -> usize {
    match most.windows(2).position(|pair| pair == [0, 0]) {
        Some(len) => len,
        None => most.len() - usize::from(most.last() == Some(&0)),
    }
}
