//! Whether the streams of a package continue one another.

use super::fault::{About, Expected, Value, Wrong};
use super::segment::Segment;
use super::state::Earlier;
use std::collections::BTreeMap;

/// A stream continues one that came before.
pub(super) static BASE: About = About {
    name: "chain.base",
    says: "In a package every incremental stream but the first of a dataset starts from a snapshot that came before.",
    source: "libzfs_sendrecv.c dump_filesystem",
};
/// A raw stream continues the very blocks.
pub(super) static IVSET: About = About {
    name: "chain.ivset",
    says: "A raw incremental stream starts from the set of IVs of the snapshot that it starts from.",
    source: "dsl_crypt.c dsl_crypto_recv_raw_objset_check",
};

/// Most datasets and snapshots that are kept.
const MOST: usize = 64 << 10;

/// The streams of a package that came.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The set of IVs of each raw stream's snapshot, by its guid.
    ivsets: BTreeMap<u64, u64>,
    /// Datasets of which a stream came.
    datasets: std::collections::BTreeSet<u64>,
    broken: u64,
}

impl Links {
    /// Number of links that were found broken.
    pub(super) const fn broken(&self) -> u64 {
        self.broken
    }

    /// Looks at a stream that begins, `earlier` being the snapshots that came whole; the link that is broken, if one is.
    pub(super) fn begin(
        &mut self,
        segment: &Segment,
        earlier: &Earlier,
    ) -> Option<(&'static About, Wrong)> {
        let broken = self.look(segment, earlier);
        self.broken += u64::from(broken.is_some());
        if let Some(encryption) = &segment.encryption
            && self.ivsets.len() < MOST
        {
            self.ivsets.insert(segment.toguid, encryption.to_ivset);
        }
        broken
    }

    fn look(&mut self, segment: &Segment, earlier: &Earlier) -> Option<(&'static About, Wrong)> {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut name = DefaultHasher::new();
        segment.toname.split('@').next().hash(&mut name);
        let is_first = self.datasets.len() < MOST && self.datasets.insert(name.finish());
        let from = segment.fromguid;
        if from == 0 {
            return None;
        }
        if segment.is_member && !is_first && self.datasets.len() < MOST && !earlier.contains(from) {
            let right = "the guid of a stream that came before";
            return Some((&BASE, Wrong::words("fromguid", format!("{from:#x}"), right)));
        }
        let (&ivset, encryption) = self.ivsets.get(&from).zip(segment.encryption.as_ref())?;
        if encryption.from_ivset != ivset {
            let found = Value::Hex(encryption.from_ivset);
            let right = Expected::Exactly(Value::Hex(ivset));
            return Some((&IVSET, Wrong::new("from_ivset_guid", found, right)));
        }
        None
    }
}
