//! The user's key: raw, hex or a passphrase, to the 32 bytes that wrap a dataset's keys.

use crate::error::CryptoError;
use crate::suite::KeyFormat;
use sha1::Sha1;
use std::fmt;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// The most PBKDF2 iterations that are computed: half a minute's work, so that a hostile pool
/// cannot ask for years.
///
/// OpenZFS sets 350 000 unless told otherwise and takes any number from 100 000.
pub const PBKDF2_ITERATIONS_MAX: u32 = 100_000_000;

/// `WRAPPING_KEY_LEN`, whatever the suite.
const LEN: usize = 32;

/// A wrapping key: 32 secret bytes, wiped when dropped.
#[derive(Clone)]
pub struct WrappingKey(pub(crate) Zeroizing<[u8; LEN]>);

impl ZeroizeOnDrop for WrappingKey {}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappingKey").finish_non_exhaustive()
    }
}

impl WrappingKey {
    /// The key in `material`, the contents of a key file or what was typed, in the dataset's
    /// `keyformat`. `salt` and `iterations` are the properties `pbkdf2salt` and `pbkdf2iters`;
    /// only a passphrase has them.
    pub fn new(
        format: KeyFormat,
        material: &[u8],
        salt: u64,
        iterations: u64,
    ) -> Result<Self, CryptoError> {
        match format {
            KeyFormat::RAW => Self::from_raw(material),
            KeyFormat::HEX => Self::from_hex(material),
            KeyFormat::PASSPHRASE => Self::from_passphrase(material, salt, iterations),
            other => Err(CryptoError::Format(other)),
        }
    }

    /// Takes exactly 32 bytes.
    pub fn from_raw(material: &[u8]) -> Result<Self, CryptoError> {
        let mut key = Zeroizing::new([0; LEN]);
        if material.len() != LEN {
            return Err(CryptoError::RawLength { found: material.len() });
        }
        key.copy_from_slice(material);
        Ok(Self(key))
    }

    /// Takes 64 hex digits of either case, up to the first newline.
    pub fn from_hex(material: &[u8]) -> Result<Self, CryptoError> {
        let digits = first_line(material);
        let (pairs, odd) = digits.as_chunks::<2>();
        if pairs.len() != LEN || !odd.is_empty() {
            return Err(CryptoError::HexLength { found: digits.len() });
        }
        let mut key = Zeroizing::new([0; LEN]);
        for (i, (byte, &[high, low])) in key.iter_mut().zip(pairs).enumerate() {
            let high = digit(high).ok_or(CryptoError::HexDigit { at: 2 * i })?;
            let low = digit(low).ok_or(CryptoError::HexDigit { at: 2 * i + 1 })?;
            *byte = high << 4 | low;
        }
        Ok(Self(key))
    }

    /// Derives the key from a passphrase of 8 to 512 bytes, the first line of `material`, by
    /// PBKDF2 with HMAC-SHA-1. `salt` counts as eight little-endian bytes.
    ///
    /// Takes about a quarter of a microsecond for each iteration. Source: OpenZFS
    /// `lib/libzfs/libzfs_crypto.c`, `derive_key()`, zfs-2.3.2.
    pub fn from_passphrase(
        material: &[u8],
        salt: u64,
        iterations: u64,
    ) -> Result<Self, CryptoError> {
        let phrase = first_line(material);
        if !(8..=512).contains(&phrase.len()) {
            return Err(CryptoError::PassphraseLength { found: phrase.len() });
        }
        let rounds = u32::try_from(iterations)
            .ok()
            .filter(|rounds| (1..=PBKDF2_ITERATIONS_MAX).contains(rounds))
            .ok_or(CryptoError::Iterations { found: iterations })?;
        let mut key = Zeroizing::new([0; LEN]);
        pbkdf2::pbkdf2_hmac::<Sha1>(phrase, &salt.to_le_bytes(), rounds, key.as_mut_slice());
        Ok(Self(key))
    }
}

/// The first line without its newline, as libzfs reads hex keys and passphrases by `getline()`.
fn first_line(material: &[u8]) -> &[u8] {
    material.split(|&byte| byte == b'\n').next().unwrap_or_default()
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_is_exactly_32_bytes() {
        assert_eq!(*WrappingKey::from_raw(&[7; 32]).unwrap().0, [7; 32]);
        for found in [0, 31, 33] {
            let refused = WrappingKey::from_raw(&vec![7; found]).unwrap_err();
            assert_eq!(refused, CryptoError::RawLength { found });
        }
    }

    #[test]
    fn hex_has_both_cases_and_a_newline() {
        let mut digits = b"0aF9".repeat(16);
        let want = [0x0a, 0xf9].repeat(16);
        assert_eq!(WrappingKey::from_hex(&digits).unwrap().0.as_slice(), want);
        digits.push(b'\n');
        assert_eq!(WrappingKey::from_hex(&digits).unwrap().0.as_slice(), want);
        digits[63] = b'g';
        let refused = WrappingKey::from_hex(&digits).unwrap_err();
        assert_eq!(refused, CryptoError::HexDigit { at: 63 });
        for found in [0, 62, 63, 65, 66] {
            let refused = WrappingKey::from_hex(&vec![b'0'; found]).unwrap_err();
            assert_eq!(refused, CryptoError::HexLength { found });
        }
    }

    #[test]
    fn passphrases_have_bounds() {
        for found in [0, 7, 513] {
            let refused = WrappingKey::from_passphrase(&vec![b'x'; found], 0, 1).unwrap_err();
            assert_eq!(refused, CryptoError::PassphraseLength { found });
        }
        for found in [0, u64::from(PBKDF2_ITERATIONS_MAX) + 1, 1 << 32, u64::MAX] {
            let refused = WrappingKey::from_passphrase(b"password", 0, found).unwrap_err();
            assert_eq!(refused, CryptoError::Iterations { found });
        }
        let line = WrappingKey::from_passphrase(b"password\n", 1, 2).unwrap();
        let bare = WrappingKey::from_passphrase(b"password", 1, 2).unwrap();
        assert_eq!(line.0, bare.0);
    }

    #[test]
    fn salt_is_eight_little_endian_bytes() {
        // Python: hashlib.pbkdf2_hmac("sha1", b"password", bytes([8,7,6,5,4,3,2,1]), 1000, 32)
        let key = WrappingKey::from_passphrase(b"password", 0x0102_0304_0506_0708, 1000).unwrap();
        assert_eq!(key.0.as_slice(), PYTHON);
    }

    const PYTHON: [u8; 32] = [
        0xe2, 0xe4, 0xd2, 0xde, 0x6c, 0x62, 0xe5, 0x6d, 0x64, 0xcd, 0x62, 0xdd, 0x12, 0x7d, 0xf4,
        0xd2, 0x9e, 0x97, 0xea, 0x3a, 0x7a, 0x84, 0x71, 0xd3, 0xac, 0x55, 0xdb, 0x6d, 0x4a, 0xe6,
        0xf6, 0xc5,
    ];

    #[test]
    fn formats_are_told_apart() {
        assert!(WrappingKey::new(KeyFormat::RAW, &[b'0'; 32], 0, 0).is_ok());
        assert!(WrappingKey::new(KeyFormat::HEX, &[b'0'; 64], 0, 0).is_ok());
        assert!(WrappingKey::new(KeyFormat::PASSPHRASE, &[b'0'; 64], 0, 1).is_ok());
        let refused = WrappingKey::new(KeyFormat(0), &[], 0, 0).unwrap_err();
        assert_eq!(refused, CryptoError::Format(KeyFormat(0)));
    }

    #[test]
    fn debug_tells_nothing() {
        let key = WrappingKey::from_raw(&[0x5a; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "WrappingKey { .. }");
    }
}
