//! A part of a run, of which other machines have the others.

use std::fmt;
use std::str::FromStr;

/// One of several parts of a run: each dataset belongs to one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    count: u32,
}

/// A text that is no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no shard: K/N is expected, with K from 1 to N, and N at most {most}", most = Shard::MOST)]
pub struct BadShard(String);

impl Shard {
    /// Most parts of a run.
    pub const MOST: u32 = 1 << 20;

    /// Part `number`, from 1 on, of `count`.
    ///
    /// # Errors
    /// [`BadShard`] unless `number` is one of 1 to `count`, and `count` at most [`Self::MOST`].
    pub fn new(number: u32, count: u32) -> Result<Self, BadShard> {
        let shard = Self { number, count };
        let is_one = (1..=Self::MOST).contains(&count) && (1..=count).contains(&number);
        is_one.then_some(shard).ok_or_else(|| BadShard(shard.to_string()))
    }

    /// The number of this part, from 1 on.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// The number of all parts.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Returns true if a dataset belongs to this part: the first eight bytes, little-endian, of BLAKE3 of
    /// the guids of pool and dataset, eight bytes little-endian each, modulo the number of parts, are the
    /// number of the part less one.
    pub fn has(self, poolguid: u64, datasetguid: u64) -> bool {
        let guids = [poolguid.to_le_bytes(), datasetguid.to_le_bytes()].concat();
        let hash = blake3::hash(&guids);
        let [first, ..] = hash.as_bytes().as_chunks::<8>().0 else { return false };
        u64::from_le_bytes(*first) % u64::from(self.count) == u64::from(self.number - 1)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl FromStr for Shard {
    type Err = BadShard;

    fn from_str(text: &str) -> Result<Self, BadShard> {
        let bad = || BadShard(text.to_owned());
        let (number, count) = text.split_once('/').ok_or_else(bad)?;
        let digits =
            |s: &str| s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse().ok()).flatten();
        let (number, count) = digits(number).zip(digits(count)).ok_or_else(bad)?;
        Self::new(number, count).map_err(|_| bad())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dataset_is_of_one_shard() {
        for count in [1, 2, 3, 8, 1000] {
            for guid in 0..50 {
                let owners =
                    (1..=count).filter(|&k| Shard::new(k, count).unwrap().has(9, guid)).count();
                assert_eq!(owners, 1);
            }
        }
    }

    /// Machines of different versions must agree.
    #[test]
    fn the_hash_is_the_one_of_the_documentation() {
        let owner = |guid| (1..=8).find(|&k| Shard::new(k, 8).unwrap().has(1, guid));
        assert_eq!([0, 1, 2, 3, u64::MAX].map(owner), EXPECTED.map(Some));
    }

    const EXPECTED: [u32; 5] = [5, 8, 6, 1, 6];

    #[test]
    fn malformed_shards_are_refused() {
        assert_eq!("3/8".parse::<Shard>().unwrap().to_string(), "3/8");
        for bad in [
            "",
            "1",
            "0/8",
            "9/8",
            "1/0",
            "-1/8",
            "+1/8",
            "1/8/8",
            "a/b",
            "1/4294967296",
            "1/1048577",
        ] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
