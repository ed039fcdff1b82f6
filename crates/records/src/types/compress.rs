//! Compressions, each with all that is known of it.

use crate::flags::Features;
use alloc::borrow::Cow;
use alloc::format;
use core::fmt;

/// `enum zio_compress`: how a block is compressed. Source: `include/sys/zio_compress.h`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Compress(pub u8);

/// The compressions, in the order of their numbers, with their names and the features of a stream that its receiver
/// must know to read a block. All that is known of one follows from its row.
macro_rules! compressions {
    ($($(#[$doc:meta])* $kind:ident = $number:literal, $name:literal, $feature:expr;)+) => {
        impl Compress {
            $($(#[$doc])* pub const $kind: Self = Self($number);)+

            /// The rows, by number: a row out of its place does not compile.
            const ALL: [(&'static str, Features); [$($number),+].len()] = [$(($name, $feature)),+];
        }
        const _: () = super::in_order(&[$($number),+]);
    };
}
compressions! {
    /// As the parent; no block has it.
    INHERIT = 0, "inherit", Features::empty();
    /// The default; no block has it.
    ON = 1, "on", Features::empty();
    /// Not compressed.
    OFF = 2, "off", Features::empty();
    /// The original codec.
    LZJB = 3, "lzjb", Features::empty();
    /// All zeros.
    EMPTY = 4, "empty", Features::empty();
    /// zlib at level 1; levels to 9 follow.
    GZIP_1 = 5, "gzip-1", Features::empty();
    /// zlib at level 2.
    GZIP_2 = 6, "gzip-2", Features::empty();
    /// zlib at level 3.
    GZIP_3 = 7, "gzip-3", Features::empty();
    /// zlib at level 4.
    GZIP_4 = 8, "gzip-4", Features::empty();
    /// zlib at level 5.
    GZIP_5 = 9, "gzip-5", Features::empty();
    /// zlib at level 6.
    GZIP_6 = 10, "gzip-6", Features::empty();
    /// zlib at level 7.
    GZIP_7 = 11, "gzip-7", Features::empty();
    /// zlib at level 8.
    GZIP_8 = 12, "gzip-8", Features::empty();
    /// zlib at level 9.
    GZIP_9 = 13, "gzip-9", Features::empty();
    /// Zero-length encoding.
    ZLE = 14, "zle", Features::empty();
    /// LZ4, behind a big-endian length.
    LZ4 = 15, "lz4", Features::LZ4;
    /// Zstandard, behind a length and a version word.
    ZSTD = 16, "zstd", Features::ZSTD;
}

impl Compress {
    fn row(self) -> Option<&'static (&'static str, Features)> {
        Self::ALL.get(usize::from(self.0))
    }

    /// Returns true if the value is one that a block pointer may carry.
    pub const fn is_known(self) -> bool {
        self.0 >= Self::OFF.0 && (self.0 as usize) < Self::ALL.len()
    }

    /// The feature that a stream with blocks of this compression has: none of one that every receiver knows. `None`
    /// for a compression that is not known, which no feature stands for.
    ///
    /// Source: OpenZFS `module/zfs/dmu_send.c`, `setup_featureflags()`, zfs-2.3.2.
    ///
    /// ```
    /// use zsend_records::flags::Features;
    /// use zsend_records::types::Compress;
    ///
    /// assert_eq!(Compress::ZSTD.feature(), Some(Features::ZSTD));
    /// assert_eq!(Compress::GZIP_9.feature(), Some(Features::empty()));
    /// assert_eq!(Compress(17).feature(), None);
    /// ```
    pub fn feature(self) -> Option<Features> {
        self.row().map(|(_, feature)| *feature)
    }

    /// The value's name, as the property `compression` has it. Zero is `inherit`, which no block has: of a
    /// WRITE ask [`crate::drr::Write::compression`].
    pub fn name(self) -> Cow<'static, str> {
        match self.row() {
            Some(&(name, _)) => name.into(),
            None => format!("compression {}", self.0).into(),
        }
    }
}

impl fmt::Display for Compress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}
