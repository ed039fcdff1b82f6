//! Values of the property `compression`: a codec, and the level where it has one.

use std::fmt;
use std::str::FromStr;
use zsend_records::types::Compress;

/// Level of `gzip` alone, and of `zstd` alone: `module/zcommon/zfs_prop.c`, `ZIO_ZSTD_LEVEL_DEFAULT`, zfs-2.3.2.
const GZIP_DEFAULT: u8 = 6;
const ZSTD_DEFAULT: u8 = 3;
/// The highest levels.
const GZIP_MAX: u8 = 9;
const ZSTD_MAX: u8 = 19;
/// Number of the first fast level: `ZIO_ZSTD_LEVEL_FAST_1` of `include/sys/zio_compress.h`, zfs-2.3.2. The
/// others count on, in the order of [`FAST`].
const FAST_FIRST: u8 = 103;
/// The fast levels.
const FAST: [u16; 21] =
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 500, 1000];

/// Codec and level of blocks: a value of the property `compression`.
///
/// It is parsed from every spelling that `zfs set compression=` takes of OpenZFS 2.3.2, and shown with its level
/// in full: `gzip` becomes `gzip-6`, `zstd` `zstd-3`, `zstd-fast` `zstd-fast-1`, and `on` `lz4`.
///
/// ```
/// use zsend_codec::Compression;
/// use zsend_records::types::Compress;
///
/// let fast: Compression = "zstd-fast-20".parse()?;
/// assert_eq!((fast.compress(), fast.level()), (Compress::ZSTD, Some(-20)));
/// assert_eq!("gzip".parse::<Compression>()?.to_string(), "gzip-6");
/// assert!("zstd-fast-11".parse::<Compression>().is_err());
/// # Ok::<(), zsend_codec::UnknownCompression>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Compression {
    compress: Compress,
    /// Of zstd, the number that ZFS has for the level (`enum zio_zstd_levels`); else zero.
    stored_level: u8,
}

/// Words that are no value of the property `compression`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "compression '{0}' is not known: expected off, on, lz4, lzjb, zle, gzip, gzip-1 to gzip-9, zstd, zstd-1 to zstd-19, \
     zstd-fast, or zstd-fast-N with N of 1 to 10, 20 to 100 in tens, 500 or 1000"
)]
pub struct UnknownCompression(pub String);

impl Compression {
    /// Not compressed.
    pub const OFF: Self = Self::plain(Compress::OFF);
    /// The original codec.
    pub const LZJB: Self = Self::plain(Compress::LZJB);
    /// Zero-length encoding.
    pub const ZLE: Self = Self::plain(Compress::ZLE);
    /// LZ4, which `on` is too.
    pub const LZ4: Self = Self::plain(Compress::LZ4);

    const fn plain(compress: Compress) -> Self {
        Self { compress, stored_level: 0 }
    }

    /// gzip at a level of 1 to 9; `None` for another.
    pub fn gzip(level: u8) -> Option<Self> {
        let known = (1..=GZIP_MAX).contains(&level);
        known.then(|| Self::plain(Compress(Compress::GZIP_1.0 + level - 1)))
    }

    /// zstd at a level of 1 to 19, or at a fast one: -1 to -10, -20 to -100 in tens, -500, -1000. `None` for
    /// another, which ZFS has no number for.
    pub fn zstd(level: i32) -> Option<Self> {
        let stored_level = match u8::try_from(level) {
            Ok(level) => (1..=ZSTD_MAX).contains(&level).then_some(level)?,
            Err(_) => {
                let fast = u16::try_from(level.checked_neg()?).ok()?;
                let place = FAST.iter().position(|&known| known == fast)?;
                FAST_FIRST + u8::try_from(place).ok()?
            }
        };
        Some(Self { compress: Compress::ZSTD, stored_level })
    }

    /// Every value once: off, the codecs without level, then gzip and zstd by their levels.
    pub fn all() -> impl Iterator<Item = Self> {
        let fast = FAST.into_iter().map(|fast| -i32::from(fast));
        [Self::OFF, Self::LZJB, Self::ZLE, Self::LZ4]
            .into_iter()
            .chain((1..=GZIP_MAX).filter_map(Self::gzip))
            .chain((1..=i32::from(ZSTD_MAX)).chain(fast).filter_map(Self::zstd))
    }

    /// The number that a block pointer or a record has for the codec. That of zstd is the same at all levels.
    pub const fn compress(self) -> Compress {
        self.compress
    }

    /// The level as the codec's library counts it, so below zero for zstd's fast ones; `None` for a codec
    /// that has no levels.
    pub fn level(self) -> Option<i32> {
        match self.compress {
            Compress::ZSTD => Some(match self.stored_level.checked_sub(FAST_FIRST) {
                Some(place) => -FAST.get(usize::from(place)).map_or(0, |&fast| i32::from(fast)),
                None => i32::from(self.stored_level),
            }),
            Compress(n) if (Compress::GZIP_1.0..=Compress::GZIP_9.0).contains(&n) => {
                Some(i32::from(n - Compress::GZIP_1.0) + 1)
            }
            _ => None,
        }
    }

    /// The number of zstd's level in the header of a block.
    #[cfg(feature = "zstd-c")]
    pub(crate) const fn stored_level(self) -> u8 {
        self.stored_level
    }
}

impl FromStr for Compression {
    type Err = UnknownCompression;

    fn from_str(word: &str) -> Result<Self, UnknownCompression> {
        let known = match word {
            "off" => Some(Self::OFF),
            "on" | "lz4" => Some(Self::LZ4),
            "lzjb" => Some(Self::LZJB),
            "zle" => Some(Self::ZLE),
            "gzip" => Self::gzip(GZIP_DEFAULT),
            "zstd" => Self::zstd(i32::from(ZSTD_DEFAULT)),
            "zstd-fast" => Self::zstd(-1),
            // One spelling for each level: no sign and no zero before it, as in the table of `zfs_prop.c`.
            _ => Self::all().find(|known| known.level().is_some() && known.to_string() == word),
        };
        known.ok_or_else(|| UnknownCompression(word.to_owned()))
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.compress, self.level()) {
            (Compress::ZSTD, Some(level)) if level < 0 => {
                write!(f, "zstd-fast-{}", level.unsigned_abs())
            }
            (Compress::ZSTD, Some(level)) => write!(f, "zstd-{level}"),
            (compress, _) => f.write_str(&compress.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_value_is_parsed_from_what_it_shows() {
        let all: Vec<_> = Compression::all().collect();
        assert_eq!(all.len(), 4 + 9 + 19 + 21);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        for value in all {
            assert_eq!(value.to_string().parse(), Ok(value));
        }
    }

    #[test]
    fn words_without_a_level_have_one() {
        let parsed = |word: &str| word.parse::<Compression>().unwrap();
        assert_eq!(parsed("on"), Compression::LZ4);
        assert_eq!(parsed("gzip").compress(), Compress(10));
        assert_eq!(parsed("gzip").level(), Some(6));
        assert_eq!(parsed("zstd"), parsed("zstd-3"));
        assert_eq!(parsed("zstd-fast"), parsed("zstd-fast-1"));
        assert_eq!(parsed("lzjb").level(), None);
    }

    #[test]
    fn levels_have_the_numbers_that_zfs_has() {
        let stored = |level| Compression::zstd(level).map(|value| value.stored_level);
        let numbers =
            [(1, 1), (19, 19), (-1, 103), (-10, 112), (-20, 113), (-100, 121), (-1000, 123)];
        for (level, number) in numbers {
            assert_eq!(stored(level), Some(number), "{level}");
            assert_eq!(Compression::zstd(level).and_then(Compression::level), Some(level));
        }
        for none in [0, 20, 103, 255, 256, -11, -15, -200, -1001, i32::MIN, i32::MAX] {
            assert_eq!(stored(none), None, "{none}");
        }
        assert_eq!((Compression::gzip(0), Compression::gzip(10)), (None, None));
    }

    #[test]
    fn other_words_are_refused_by_name() {
        let words = [
            "",
            "empty",
            "inherit",
            "ON",
            "lz4-1",
            "gzip-0",
            "gzip-10",
            "gzip-06",
            "zstd-0",
            "zstd-20",
            "zstd--1",
            "zstd-+3",
            "zstd-fast-11",
            "zstd-fast-0",
            "zstd 10",
        ];
        for word in words {
            let refused = word.parse::<Compression>().unwrap_err();
            assert_eq!(refused, UnknownCompression(word.to_owned()));
            assert!(
                refused.to_string().starts_with(&format!("compression '{word}' is not known: "))
            );
        }
    }
}
