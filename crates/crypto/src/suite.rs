//! The values of the properties `encryption` and `keyformat`, as key objects store them.

use std::fmt;

/// `DSL_CRYPTO_SUITE`: a cipher, its key length and its mode.
///
/// Source: OpenZFS `include/sys/zio.h`, `enum zio_encrypt`, zfs-2.3.2. The values 0 to 2 (inherit,
/// on, off) are never in a key object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Suite(pub u64);

/// Mode in which AES authenticates what it encrypts. Nonces are 12 bytes and tags 16 in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Counter with CBC-MAC, RFC 3610.
    Ccm,
    /// Galois/counter mode, NIST SP 800-38D.
    Gcm,
}

impl Suite {
    /// AES-128-CCM.
    pub const AES_128_CCM: Self = Self(3);
    /// AES-192-CCM.
    pub const AES_192_CCM: Self = Self(4);
    /// AES-256-CCM, the default of OpenZFS 0.8.0 to 0.8.3.
    pub const AES_256_CCM: Self = Self(5);
    /// AES-128-GCM.
    pub const AES_128_GCM: Self = Self(6);
    /// AES-192-GCM.
    pub const AES_192_GCM: Self = Self(7);
    /// AES-256-GCM, the default since.
    pub const AES_256_GCM: Self = Self(8);

    /// Bytes of the master key and of the block keys made from it; `None` for an unknown suite.
    pub const fn key_len(self) -> Option<usize> {
        match self {
            Self::AES_128_CCM | Self::AES_128_GCM => Some(16),
            Self::AES_192_CCM | Self::AES_192_GCM => Some(24),
            Self::AES_256_CCM | Self::AES_256_GCM => Some(32),
            _ => None,
        }
    }

    /// The mode; `None` for an unknown suite.
    pub const fn mode(self) -> Option<Mode> {
        match self.0 {
            3..=5 => Some(Mode::Ccm),
            6..=8 => Some(Mode::Gcm),
            _ => None,
        }
    }
}

/// The value of the property `encryption`, such as `aes-256-gcm`.
impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key_len(), self.mode()) {
            (Some(len), Some(Mode::Ccm)) => write!(f, "aes-{}-ccm", len * 8),
            (Some(len), Some(Mode::Gcm)) => write!(f, "aes-{}-gcm", len * 8),
            _ => write!(f, "suite {}", self.0),
        }
    }
}

/// The property `keyformat`: what the user's key looks like.
///
/// Source: OpenZFS `include/sys/fs/zfs.h`, `zfs_keyformat_t`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyFormat(pub u64);

impl KeyFormat {
    /// Thirty-two bytes.
    pub const RAW: Self = Self(1);
    /// Sixty-four hex digits.
    pub const HEX: Self = Self(2);
    /// A passphrase of 8 to 512 bytes.
    pub const PASSPHRASE: Self = Self(3);
}

/// The value of the property `keyformat`.
impl fmt::Display for KeyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::RAW => f.write_str("raw"),
            Self::HEX => f.write_str("hex"),
            Self::PASSPHRASE => f.write_str("passphrase"),
            Self(other) => write!(f, "keyformat {other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_three_to_eight_are_known() {
        let names: Vec<String> = (3..=8).map(|n| Suite(n).to_string()).collect();
        assert_eq!(
            names.join(" "),
            "aes-128-ccm aes-192-ccm aes-256-ccm aes-128-gcm aes-192-gcm aes-256-gcm"
        );
        for unknown in [0, 1, 2, 9, u64::MAX] {
            assert_eq!(Suite(unknown).key_len(), None);
            assert_eq!(Suite(unknown).mode(), None);
        }
        assert_eq!(Suite(9).to_string(), "suite 9");
    }

    #[test]
    fn formats_have_their_property_values() {
        assert_eq!(KeyFormat::PASSPHRASE.to_string(), "passphrase");
        assert_eq!(KeyFormat(0).to_string(), "keyformat 0");
    }
}
