//! LZJB, the codec that ZFS began with: decompression.
//!
//! The input is groups of a control byte and eight items, its lowest bit first. A clear bit is one
//! literal byte. A set bit is a match of two bytes: six bits of length less three, ten bits of
//! distance. Nothing marks the end: the output's size does.
//!
//! Source: OpenZFS `module/zfs/lzjb.c`, zfs-2.3.2.

use super::DecompressError;
use zsend_records::types::Compress;

/// The shortest match.
const MATCH_MIN: usize = 3;
/// Bits of the first match byte that belong to the distance.
const DISTANCE_HIGH: u8 = 0b11;

/// Fills `dst` from `src`; bytes of `src` after the last item needed are ignored.
///
/// A match that runs past the end of `dst` is cut there, as the reference cuts it. A match that
/// starts before the output does, or at distance 0, is refused.
pub(super) fn decompress(src: &[u8], dst: &mut [u8]) -> Result<(), DecompressError> {
    let mut input = src;
    let mut filled = 0;
    while filled < dst.len() {
        let (&control, rest) = input.split_first().ok_or_else(|| ends(src, filled, dst))?;
        input = rest;
        // Text that does not compress comes as whole groups of literals.
        if control == 0
            && let Some((group, rest)) = input.split_first_chunk::<8>()
            && let Some(out) = dst.get_mut(filled..filled + 8)
        {
            out.copy_from_slice(group);
            input = rest;
            filled += 8;
            continue;
        }
        for item in 0..8 {
            if filled == dst.len() {
                break;
            }
            if control >> item & 1 == 0 {
                let (&literal, rest) = input.split_first().ok_or_else(|| ends(src, filled, dst))?;
                input = rest;
                dst[filled] = literal;
                filled += 1;
                continue;
            }
            let (&[high, low], rest) =
                input.split_first_chunk::<2>().ok_or_else(|| ends(src, filled, dst))?;
            let distance = usize::from(high & DISTANCE_HIGH) << 8 | usize::from(low);
            if distance == 0 || distance > filled {
                let at = src.len() - input.len();
                return Err(DecompressError::Distance {
                    codec: Compress::LZJB,
                    at,
                    distance,
                    filled,
                });
            }
            input = rest;
            let len = (usize::from(high >> 2) + MATCH_MIN).min(dst.len() - filled);
            copy_match(dst, filled, distance, len);
            filled += len;
        }
    }
    Ok(())
}

/// Copies `len` bytes, at most 66, from `distance` bytes back; where the two overlap, the bytes
/// repeat.
#[inline]
fn copy_match(dst: &mut [u8], at: usize, distance: usize, len: usize) {
    // Whole pieces of fixed size, though they run past the match: what follows it is yet to come.
    const PIECE: usize = 16;
    if distance >= PIECE
        && let Some(window) = dst.get_mut(at - distance..at + len.next_multiple_of(PIECE))
    {
        for from in (0..len).step_by(PIECE) {
            let (before, after) = window.split_at_mut(from + distance);
            if let (Some(piece), Some(out)) =
                (before[from..].first_chunk::<PIECE>(), after.first_chunk_mut::<PIECE>())
            {
                *out = *piece;
            }
        }
    } else if distance >= len {
        dst.copy_within(at - distance..at - distance + len, at);
    } else if distance == 1 {
        let byte = dst[at - 1];
        dst[at..at + len].fill(byte);
    } else {
        let window = &mut dst[at - distance..at + len];
        for i in distance..window.len() {
            window[i] = window[i - distance];
        }
    }
}

#[cold]
fn ends(src: &[u8], filled: usize, dst: &[u8]) -> DecompressError {
    DecompressError::InputEnds {
        codec: Compress::LZJB,
        len: src.len(),
        filled,
        expected: dst.len(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A compressor for tests: takes the longest match that a plain search finds.
    pub(in crate::decompress) fn compress(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = 0;
        while at < data.len() {
            let control_at = out.len();
            out.push(0);
            for item in 0..8 {
                if at == data.len() {
                    break;
                }
                let best = (1..=at.min(1023))
                    .map(|d| {
                        let len = (0..66).take_while(|&i| {
                            at + i < data.len() && data[at + i] == data[at + i - d]
                        });
                        (len.count(), d)
                    })
                    .max()
                    .filter(|&(len, _)| len >= MATCH_MIN);
                match best {
                    Some((len, d)) => {
                        out[control_at] |= 1 << item;
                        out.push(u8::try_from((len - MATCH_MIN) << 2 | d >> 8).unwrap());
                        out.push(u8::try_from(d & 0xff).unwrap());
                        at += len;
                    }
                    None => {
                        out.push(data[at]);
                        at += 1;
                    }
                }
            }
        }
        out
    }

    #[test]
    fn a_literal_and_an_overlapping_match() {
        // 'a', 'b', then eight bytes from two back.
        let mut dst = [0; 10];
        decompress(&[0b100, b'a', b'b', 5 << 2, 2, 0, 0], &mut dst).unwrap();
        assert_eq!(&dst, b"ababababab");
    }

    #[test]
    fn a_match_past_the_end_is_cut() {
        let mut dst = [0; 4];
        decompress(&[0b10, b'x', 63 << 2, 1], &mut dst).unwrap();
        assert_eq!(&dst, b"xxxx");
    }

    #[test]
    fn a_match_before_the_start_is_refused() {
        for distance in [0, 2] {
            let mut dst = [0; 8];
            let found = decompress(&[0b10, b'x', 0, distance], &mut dst);
            let distance = usize::from(distance);
            let codec = Compress::LZJB;
            assert_eq!(found, Err(DecompressError::Distance { codec, at: 2, distance, filled: 1 }));
        }
    }

    #[test]
    fn input_that_ends_is_refused() {
        let data = b"abcabcabcabc, and something that is not abc".repeat(9);
        let stored = compress(&data);
        let mut dst = vec![0; data.len()];
        decompress(&stored, &mut dst).unwrap();
        for cut in 0..stored.len() {
            assert!(matches!(
                decompress(&stored[..cut], &mut dst),
                Err(DecompressError::InputEnds { .. })
            ));
        }
    }
}
