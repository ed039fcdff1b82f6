//! Copies of a snapshot whose encryption is not the same: raw increments of one do not fit the other.

use std::collections::BTreeMap;
use std::fmt;

/// Encryption of a snapshot, in a stream or in a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotKeys {
    /// Full name, and the place where it is: a file, or a pool.
    pub name: String,
    /// Guid of the snapshot.
    pub guid: u64,
    /// Guid of the dataset's key; zero if it is not encrypted.
    pub key_guid: u64,
    /// Guid of its set of IVs; zero if it is not encrypted, or from before there were any.
    pub ivset: u64,
}

/// Two copies of a snapshot that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Divergence {
    /// Their keys differ: one of them was received decrypted, or is not encrypted.
    Key(SnapshotKeys, SnapshotKeys),
    /// Their sets of IVs differ: one of them was received decrypted and encrypted again.
    IvSet(SnapshotKeys, SnapshotKeys),
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, a, b, ours, theirs) = match self {
            Self::Key(a, b) => ("key", a, b, a.key_guid, b.key_guid),
            Self::IvSet(a, b) => ("set of IVs", a, b, a.ivset, b.ivset),
        };
        let guid = |guid| match guid {
            0 => "none".to_owned(),
            guid => format!("{guid}"),
        };
        write!(
            f,
            "snapshot {}: the {what} of {} is {}, that of {} is {}: no raw increment of one fits the other",
            a.guid,
            a.name,
            guid(ours),
            b.name,
            guid(theirs)
        )
    }
}

/// The snapshots, each against the first of its guid, whose keys or sets of IVs differ.
///
/// Both are part of what is compared when a raw increment is received:
/// `dsl_crypto_recv_raw_key_check()` and `dsl_crypto_recv_raw_objset_check()`, OpenZFS `module/zfs/dsl_crypt.c`,
/// zfs-2.3.2.
pub fn divergences(snapshots: &[SnapshotKeys]) -> Vec<Divergence> {
    let mut first: BTreeMap<u64, &SnapshotKeys> = BTreeMap::new();
    let mut found = Vec::new();
    for snapshot in snapshots {
        let other = *first.entry(snapshot.guid).or_insert(snapshot);
        if other.key_guid != snapshot.key_guid {
            found.push(Divergence::Key(other.clone(), snapshot.clone()));
        } else if other.ivset != snapshot.ivset {
            found.push(Divergence::IvSet(other.clone(), snapshot.clone()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_that_differ_are_named() {
        let of = |name: &str, guid, key_guid, ivset| SnapshotKeys {
            name: name.to_owned(),
            guid,
            key_guid,
            ivset,
        };
        let all = [
            of("a/fs@1", 1, 7, 11),
            of("b/fs@1", 1, 7, 11),
            of("a/fs@2", 2, 7, 12),
            of("b/fs@2", 2, 7, 99),
            of("c/fs@2", 2, 0, 0),
        ];
        let found = divergences(&all);
        let expected = [
            Divergence::IvSet(all[2].clone(), all[3].clone()),
            Divergence::Key(all[2].clone(), all[4].clone()),
        ];
        assert_eq!(found, expected);
        assert_eq!(
            found[0].to_string(),
            "snapshot 2: the set of IVs of a/fs@2 is 12, that of b/fs@2 is 99: no raw increment of one fits the other"
        );
        assert!(found[1].to_string().contains("the key of a/fs@2 is 7, that of c/fs@2 is none"));
        assert!(divergences(&all[..3]).is_empty());
    }
}
