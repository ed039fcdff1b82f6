//! ZLE, zero-length encoding: runs of zeros and runs of literals.
//!
//! A control byte below 64 stands before that many literals and one more; one from 64 stands for
//! that many zeros less 63.
//!
//! Source: OpenZFS `module/zfs/zle.c`, with the 64 of `zio_compress_table`, zfs-2.3.2.

use super::DecompressError;
use zsend_records::types::Compress;

/// The longest run of literals; a control byte from here on means zeros.
const LITERALS_MAX: usize = 64;

/// Fills `dst` from `src`; bytes of `src` after the run that completes `dst` are ignored.
pub(super) fn decompress(src: &[u8], dst: &mut [u8]) -> Result<(), DecompressError> {
    let expected = dst.len();
    let mut input = src;
    let mut out = dst;
    while !out.is_empty() {
        let filled = expected - out.len();
        let ends = || DecompressError::InputEnds {
            codec: Compress::ZLE,
            len: src.len(),
            filled,
            expected,
        };
        let (&control, rest) = input.split_first().ok_or_else(ends)?;
        let run = usize::from(control) + 1;
        let zeros = run > LITERALS_MAX;
        let len = if zeros { run - LITERALS_MAX } else { run };
        if len > out.len() {
            let found = filled + len;
            return Err(DecompressError::Size { codec: Compress::ZLE, found, expected });
        }
        let (now, later) = out.split_at_mut(len);
        if zeros {
            now.fill(0);
            input = rest;
        } else {
            let (literals, rest) = rest.split_at_checked(len).ok_or_else(ends)?;
            now.copy_from_slice(literals);
            input = rest;
        }
        out = later;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_the_control_byte() {
        let mut src = vec![63];
        src.extend(1..=64);
        src.extend([64, 255]);
        let mut want: Vec<u8> = (1..=64).collect();
        want.extend([0; 1 + 192]);
        let mut dst = vec![0xee; want.len()];
        decompress(&src, &mut dst).unwrap();
        assert_eq!(dst, want);
    }

    #[test]
    fn a_run_past_the_end_is_refused() {
        let size = |found| DecompressError::Size { codec: Compress::ZLE, found, expected: 4 };
        assert_eq!(decompress(&[68], &mut [1; 4]), Err(size(5)));
        assert_eq!(decompress(&[1, 7, 7, 2, 7, 7, 7], &mut [1; 4]), Err(size(5)));
    }

    #[test]
    fn input_that_ends_is_refused() {
        let ends = |len, filled| DecompressError::InputEnds {
            codec: Compress::ZLE,
            len,
            filled,
            expected: 4,
        };
        assert_eq!(decompress(&[64], &mut [1; 4]), Err(ends(1, 1)));
        assert_eq!(decompress(&[3, 1, 1], &mut [1; 4]), Err(ends(3, 0)));
    }
}
