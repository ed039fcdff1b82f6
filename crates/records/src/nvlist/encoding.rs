//! Encodings of a packed list.

/// Bytes of `{encoding, endian, 0, 0}`, which open every packed list.
pub(super) const HEADER: usize = 4;

/// Encoding of a packed list. Source: OpenZFS `module/nvpair/nvpair.c`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As C structs in memory, little-endian.
    Native,
    /// As C structs in memory, big-endian.
    NativeBig,
    /// As XDR: big-endian units of four bytes, single bytes extended with zeros. So the kernel
    /// writes it, and it reads nothing else.
    Xdr,
    /// As XDR, single bytes extended with their sign: so user-space `libnvpair` writes it on x86,
    /// and with it a `zfs send` that runs in user space.
    XdrSigned,
    /// As [`Encoding::Xdr`], marked as written by a big-endian host. Nothing but the mark differs.
    XdrBig,
    /// As [`Encoding::XdrSigned`], marked as written by a big-endian host.
    XdrSignedBig,
}

impl Encoding {
    /// All encodings.
    pub const ALL: [Self; 6] = [
        Self::Native,
        Self::NativeBig,
        Self::Xdr,
        Self::XdrSigned,
        Self::XdrBig,
        Self::XdrSignedBig,
    ];

    /// The bytes that open a list.
    pub(super) const fn header(self) -> [u8; HEADER] {
        match self {
            Self::Native => [0, 1, 0, 0],
            Self::NativeBig => [0, 0, 0, 0],
            Self::Xdr | Self::XdrSigned => [1, 1, 0, 0],
            Self::XdrBig | Self::XdrSignedBig => [1, 0, 0, 0],
        }
    }

    /// Returns true if it is XDR, of whatever host.
    pub const fn is_xdr(self) -> bool {
        match self {
            Self::Native | Self::NativeBig => false,
            Self::Xdr | Self::XdrSigned | Self::XdrBig | Self::XdrSignedBig => true,
        }
    }

    /// The same for bytes that are extended with their sign, where that is a difference.
    pub(super) const fn signed(self) -> Self {
        match self {
            Self::Xdr => Self::XdrSigned,
            Self::XdrBig => Self::XdrSignedBig,
            same => same,
        }
    }
}
