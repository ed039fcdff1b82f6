//! The DTLs of a pool's devices, from their space maps in the MOS.

use crate::config::VdevConfig;
use crate::dmu::each_block;
use crate::dmu::objset::Objset;
use crate::error::Unsupported;
use crate::space_map::{Log, Scale, Segments};
use crate::vdev::{Dtl, Dtls};
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result, dmu};
use std::sync::Arc;
use zerocopy::FromBytes;
use zsend_ondisk::space_map::SpaceMapPhys;
use zsend_records::types::DmuType;

/// Type of the objects: `DMU_OT_SPACE_MAP`.
const OBJECT_TYPE: DmuType = DmuType(8);
/// Bytes of DTLs that are read for one pool. Real ones have some dozen entries of 8 or 16 bytes.
const MAX_BYTES: u64 = 64 << 20;

/// Reads the DTLs that the configuration in the MOS names. Returns, too, a warning for each that could not
/// be read: its device is asked last.
///
/// Source: `vdev_dtl_load()`, OpenZFS `module/zfs/vdev.c`, zfs-2.3.2.
pub(super) fn load(mos: &Objset, config: &VdevConfig) -> (Dtls, Vec<String>) {
    let (mut dtls, mut warnings) = (Dtls::default(), Vec::new());
    load_below(mos, config, &mut MAX_BYTES.clone(), &mut dtls, &mut warnings);
    (dtls, warnings)
}

fn load_below(
    mos: &Objset,
    config: &VdevConfig,
    left: &mut u64,
    dtls: &mut Dtls,
    warnings: &mut Vec<String>,
) {
    if let Some(object) = config.dtl.filter(|object| *object != 0) {
        let dtl = match read(mos, object, left) {
            Ok(segments) => Dtl::Read(Arc::new(segments)),
            Err(why) => {
                let name = config.path.as_deref().unwrap_or_else(|| config.kind.name());
                warnings.push(format!(
                    "{name}: what this device lacks is not known, so it is read last: {why}"
                ));
                Dtl::Unreadable
            }
        };
        dtls.insert(config.guid, dtl);
    }
    for child in &config.children {
        load_below(mos, child, left, dtls, warnings);
    }
}

/// The segments that a space map leaves allocated. `left` is the number of bytes of logs that may still
/// be read, which those of this one are taken from.
///
/// # Errors
/// [`PoolError::Corrupt`] if the object is no space map or its log makes no sense,
/// [`PoolError::Unsupported`] if the log is longer than `left`, or what reading the object gives.
fn read(mos: &Objset, object: u64, left: &mut u64) -> Result<Segments> {
    let dnode = mos.dnode(object)?;
    let at = Zbookmark::new(mos.id(), object, 0, 0);
    if dnode.object_type != OBJECT_TYPE {
        let found = format!("type {}", dnode.object_type);
        return Err(PoolError::corrupt(at, "object", found, "a space map"));
    }
    let length = length(&dnode.bonus(), dmu::size(&dnode), at)?;
    let what = "a space map";
    *left = left.checked_sub(length).ok_or(Unsupported::TooLarge {
        at,
        what,
        count: length,
        unit: "bytes",
    })?;
    let mut log = Log::new(Scale::DTL);
    each_block(mos, object, &dnode, length, "space map", |at, block| {
        log.push(block)
            .map_err(|e| PoolError::refused(at, "space map", e, "entries that fit together"))
    })?;
    Ok(log.segments())
}

/// Bytes of the log by the object's bonus, in an object of `size` bytes.
fn length(bonus: &[u8], size: u64, at: Zbookmark) -> Result<u64> {
    let what = "length of a space map";
    let Ok((phys, _)) = SpaceMapPhys::ref_from_prefix(bonus) else {
        let found = format!("a bonus of {} bytes", bonus.len());
        return Err(PoolError::corrupt(at, what, found, "24 or more"));
    };
    match phys.length.get() {
        length if length > size => {
            Err(PoolError::corrupt(at, what, length, format!("at most {size} bytes")))
        }
        length if !length.is_multiple_of(8) => {
            Err(PoolError::corrupt(at, what, length, "whole words"))
        }
        length => Ok(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::{FromZeros, IntoBytes};

    #[test]
    fn a_log_is_no_longer_than_its_object() {
        let bonus = |length: u64| {
            let mut phys = SpaceMapPhys::new_zeroed();
            phys.length = length.into();
            phys.as_bytes().to_vec()
        };
        let length = |bonus: &[u8], size| super::length(bonus, size, Zbookmark::default()).ok();
        assert_eq!(length(&bonus(16), 4096), Some(16));
        assert_eq!(length(&bonus(4104), 4096), None);
        assert_eq!(length(&bonus(u64::MAX), u64::MAX), None);
        assert_eq!(length(&bonus(12), 4096), None);
        assert_eq!(length(&bonus(16)[..23], 4096), None);
    }
}
