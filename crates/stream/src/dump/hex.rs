//! Bytes as hexadecimal digits: in a row, or in lines with their characters beside them.

use std::fmt;
use std::io::{self, Write};

/// Bytes shown in a line.
const LINE: usize = 16;
/// Bytes between two spaces.
const GROUP: usize = 4;
/// Column after which the characters begin.
const CHARS: usize = LINE * 3 + LINE / GROUP + 1;

/// Shows bytes as hexadecimal digits in a row.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The two digits of a byte.
pub(super) fn digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Writes a payload as lines of sixteen bytes, wherever its pieces are cut.
#[derive(Default)]
pub(super) struct HexLines {
    bytes: [u8; LINE],
    len: usize,
}

impl HexLines {
    /// Takes a piece; writes the lines that it fills.
    pub(super) fn push(&mut self, mut piece: &[u8], out: &mut impl Write) -> io::Result<()> {
        while !piece.is_empty() {
            let take = piece.len().min(LINE - self.len);
            self.bytes[self.len..self.len + take].copy_from_slice(&piece[..take]);
            self.len += take;
            piece = &piece[take..];
            if self.len == LINE {
                self.finish(out)?;
            }
        }
        Ok(())
    }

    /// Writes what does not fill a line.
    pub(super) fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        let mut line = Vec::with_capacity(CHARS + LINE + GROUP + 1);
        for (at, &byte) in self.bytes[..self.len].iter().enumerate() {
            if at % GROUP == 0 {
                line.push(b' ');
            }
            line.extend_from_slice(&digits(byte));
            line.push(b' ');
        }
        line.resize(CHARS, b' ');
        for (at, &byte) in self.bytes[..self.len].iter().enumerate() {
            if at % GROUP == 0 {
                line.push(b' ');
            }
            line.push(if matches!(byte, b' '..=b'~') { byte } else { b'.' });
        }
        line.push(b'\n');
        self.len = 0;
        out.write_all(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_do_not_depend_on_the_pieces() {
        let bytes: Vec<u8> = (0x18..0x3d).collect();
        let lines = " 18 19 1a 1b  1c 1d 1e 1f  20 21 22 23  24 25 26 27   .... ....  !\"# $%&'\n \
                     28 29 2a 2b  2c 2d 2e 2f  30 31 32 33  34 35 36 37   ()*+ ,-./ 0123 4567\n \
                     38 39 3a 3b  3c                                      89:; <\n";
        for size in [1, 3, 16, 17, 100] {
            let (mut hex, mut out) = (HexLines::default(), Vec::new());
            for piece in bytes.chunks(size) {
                hex.push(piece, &mut out).unwrap();
            }
            hex.finish(&mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), lines);
        }
    }
}
