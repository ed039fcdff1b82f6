//! Properties: the value that a dataset has, from itself or from the nearest ancestor.

use super::dataset::Dataset;
use super::dir::Dir;
use crate::Result;
use crate::dmu::objset::Objset;
use crate::zap::{self, ZapEntry};
use crate::zbookmark::Zbookmark;

pub use zsend_ondisk::names::prop::{HAS_RECEIVED, INHERIT, RECEIVED, UNKNOWN};

/// Returns the entry of a property that counts, and true if it was received. `entry` gives the property's entry
/// whose name has that end; `is_known` tells whether a number with the end [`UNKNOWN`] has a name here.
///
/// Follows `dsl_prop_get_dd()`, OpenZFS `module/zfs/dsl_prop.c`, zfs-2.3.2: a local value wins, then a received one
/// unless the property was inherited explicitly.
pub fn counting<'a>(
    entry: impl Fn(&str) -> Option<&'a ZapEntry>,
    is_known: impl Fn(u64) -> bool,
) -> Option<(&'a ZapEntry, bool)> {
    if let Some(unknown) = entry(UNKNOWN).filter(|entry| entry.u64().is_some_and(is_known)) {
        return Some((unknown, false));
    }
    if let Some(local) = entry("") {
        return Some((local, false));
    }
    if entry(INHERIT).is_some() {
        return None;
    }
    entry(RECEIVED).map(|entry| (entry, true))
}

/// A numeric property's value as set or received on the dataset, or on the nearest directory above
/// it that has one; `None` if it has its default everywhere.
///
/// # Errors
/// Those of reading the ZAPs on the way, and [`PoolError::Corrupt`](crate::PoolError::Corrupt) for a value that is no number, and for a chain of
/// parents without an end.
pub fn inherited_u64(mos: &Objset, dataset: &Dataset, name: &str) -> Result<Option<u64>> {
    if let Some(value) = own_u64(mos, dataset.props, name)? {
        return Ok(Some(value));
    }
    let dir = Dir::open(mos, dataset.dir)?;
    let above = dir.ancestors(mos);
    for dir in std::iter::once(Ok(dir)).chain(above) {
        if let Some(value) = own_u64(mos, dir?.props, name)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// The value in one ZAP of properties, if there is one.
fn own_u64(mos: &Objset, props: u64, name: &str) -> Result<Option<u64>> {
    if props == 0 {
        return Ok(None);
    }
    let entries = zap::entries(mos, props)?;
    let entry = |end: &str| {
        entries.iter().find(|e| e.name.strip_prefix(name.as_bytes()) == Some(end.as_bytes()))
    };
    // A name matters where a value is shown, and not where it is counted with.
    let Some((entry, _)) = counting(entry, |_| true) else { return Ok(None) };
    entry.number(Zbookmark::new(mos.id(), props, 0, 0)).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_that_counts_is_local_before_received() {
        let entry = |value: u64| ZapEntry {
            name: Vec::new(),
            cd: 0,
            hash: 0,
            int_size: 8,
            value: value.to_be_bytes().to_vec(),
        };
        let all = [(UNKNOWN, entry(1)), ("", entry(2)), (INHERIT, entry(3)), (RECEIVED, entry(4))];
        let counts = |ends: &[&str], is_known: bool| {
            let of = |end: &str| {
                let found = all.iter().find(|(other, _)| *other == end && ends.contains(other));
                found.map(|(_, entry)| entry)
            };
            counting(of, |_| is_known).map(|(entry, received)| (entry.u64(), received))
        };
        assert_eq!(counts(&[UNKNOWN, "", INHERIT, RECEIVED], true), Some((Some(1), false)));
        assert_eq!(counts(&[UNKNOWN, "", INHERIT, RECEIVED], false), Some((Some(2), false)));
        assert_eq!(counts(&["", RECEIVED], true), Some((Some(2), false)));
        assert_eq!(counts(&[INHERIT, RECEIVED], true), None);
        assert_eq!(counts(&[RECEIVED], true), Some((Some(4), true)));
        assert_eq!(counts(&[], true), None);
    }
}
