//! Properties: the value that a dataset has, from itself or from the nearest ancestor.

use super::dataset::Dataset;
use super::dir::Dir;
use crate::Result;
use crate::dmu::objset::Objset;
use crate::zap;

/// Most levels of filesystem names; the limit on their length gives about half of it.
const MAX_DEPTH: usize = 256;

/// A numeric property's value as set or received on the dataset, or on the nearest directory above
/// it that has one; `None` if it has its default everywhere.
///
/// Follows `dsl_prop_get_dd()`, OpenZFS `module/zfs/dsl_prop.c`, zfs-2.3.2: at each step a local
/// value wins, then a received one unless the property was inherited explicitly.
///
/// # Errors
/// Those of reading the ZAPs on the way.
pub fn inherited_u64(mos: &Objset, dataset: &Dataset, name: &str) -> Result<Option<u64>> {
    if dataset.props != 0
        && let Some(value) = local_u64(mos, dataset.props, name)?
    {
        return Ok(Some(value));
    }
    let mut object = dataset.dir;
    for _ in 0..MAX_DEPTH {
        let dir = Dir::open(mos, object)?;
        if dir.props != 0
            && let Some(value) = local_u64(mos, dir.props, name)?
        {
            return Ok(Some(value));
        }
        if dir.parent == 0 {
            break;
        }
        object = dir.parent;
    }
    Ok(None)
}

fn local_u64(mos: &Objset, props: u64, name: &str) -> Result<Option<u64>> {
    let entries = zap::entries(mos, props)?;
    let find = |suffix: &str| {
        let wanted = format!("{name}{suffix}");
        entries.iter().find(|e| e.name == wanted.as_bytes())
    };
    if let Some(local) = find("") {
        return Ok(local.u64());
    }
    if find("$inherit").is_some() {
        return Ok(None);
    }
    Ok(find("$recvd").and_then(zap::Entry::u64))
}
