//! From the paths on the command line to the pools that lie on them.

use crate::config::{LabelConfig, PoolState, VdevConfig};
use crate::device::Device;
use crate::label::{self, Labels};
use crate::uberblock::Uberblock;
use crate::vdev::{Leaves, Member};
use crate::{PoolError, Result};
use std::collections::BTreeMap;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// A pool that was found, before it is opened.
#[derive(Debug)]
pub struct Found {
    /// The newest configuration that any of its labels has.
    pub config: LabelConfig,
    /// Its devices by guid; of several with one guid, the one whose label is newest.
    pub leaves: Leaves,
    /// The newest configuration of each top-level vdev.
    pub tops: Vec<VdevConfig>,
    /// Every good uberblock, newest first, without repeats.
    pub uberblocks: Vec<Uberblock>,
    /// What the administrator should know.
    pub warnings: Vec<String>,
}

/// All pools on the devices and in the folders that `paths` name.
///
/// A file or device that is named itself must hold a label; in a folder, what holds none is passed
/// over.
///
/// # Errors
/// [`PoolError::Device`] if a path cannot be opened, [`PoolError::NoLabel`].
pub fn discover(paths: &[PathBuf]) -> Result<Vec<Found>> {
    let mut labelled = Vec::new();
    for path in paths {
        let meta = std::fs::metadata(path).map_err(|e| device_error(path, e))?;
        if meta.is_dir() {
            for entry in folder(path)? {
                // A device without a medium, or one that may not be read, is no reason to stop
                // looking at its neighbours.
                let Ok(device) = Device::open(&entry) else { continue };
                if let Ok(labels) = label::read(&device) {
                    labelled.push((device, labels));
                }
            }
        } else {
            let device = Device::open(path)?;
            let labels = label::read(&device)
                .map_err(|why| PoolError::NoLabel { device: device.name().to_owned(), why })?;
            labelled.push((device, labels));
        }
    }
    Ok(group(labelled))
}

fn device_error(path: &Path, source: std::io::Error) -> PoolError {
    PoolError::Device { device: path.display().to_string(), offset: 0, source }
}

/// The files and block devices in a folder, by name.
fn folder(path: &Path) -> Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| device_error(path, e))? {
        let entry = entry.map_err(|e| device_error(path, e))?.path();
        let Ok(meta) = std::fs::metadata(&entry) else { continue };
        if meta.is_file() || meta.file_type().is_block_device() {
            entries.push(entry);
        }
    }
    entries.sort();
    Ok(entries)
}

fn group(labelled: Vec<(Device, Labels)>) -> Vec<Found> {
    let mut pools: BTreeMap<u64, Vec<(Device, Labels)>> = BTreeMap::new();
    for (device, labels) in labelled {
        if labels.config.state == PoolState::SPARE || labels.config.state == PoolState::L2CACHE {
            continue;
        }
        pools.entry(labels.config.pool_guid).or_default().push((device, labels));
    }
    pools.into_values().filter_map(assemble).collect()
}

fn assemble(mut members: Vec<(Device, Labels)>) -> Option<Found> {
    members.sort_by_key(|(_, l)| std::cmp::Reverse(l.config.txg));
    let config = members.first()?.1.config.clone();
    let mut warnings = Vec::new();
    let mut leaves = Leaves::new();
    let mut tops: Vec<VdevConfig> = Vec::new();
    let mut uberblocks: Vec<Uberblock> = Vec::new();
    for (device, labels) in members {
        if labels.good < 4 {
            warnings.push(format!("{}: only {} of 4 labels are good", device.name(), labels.good));
        }
        uberblocks.extend(&labels.uberblocks);
        let label = labels.config;
        if !tops.iter().any(|t| t.id == label.top.id) {
            tops.push(label.top);
        }
        match leaves.entry(label.guid) {
            std::collections::hash_map::Entry::Vacant(v) => {
                v.insert(Member { device, txg: label.txg });
            }
            std::collections::hash_map::Entry::Occupied(o) => warnings.push(format!(
                "{}: the same device as {}, which is as new or newer; not used",
                device.name(),
                o.get().device.name()
            )),
        }
    }
    uberblocks.sort_by_key(|u| std::cmp::Reverse(u.rank()));
    uberblocks.dedup();
    if config.state == PoolState::ACTIVE {
        let host = config.hostname.as_deref().unwrap_or("an unknown host");
        warnings.push(format!("pool '{}' was not exported; last used by {host}", config.name));
    }
    Some(Found { config, leaves, tops, uberblocks, warnings })
}

/// The one pool among `pools` that `name` means: its name or its guid in decimal.
///
/// # Errors
/// [`PoolError::NoPool`] if there is none, or more than one of that name.
pub fn select(pools: Vec<Found>, name: &str) -> Result<Found> {
    let names: Vec<String> =
        pools.iter().map(|p| format!("'{}' ({})", p.config.name, p.config.pool_guid)).collect();
    let mut matching: Vec<Found> = pools
        .into_iter()
        .filter(|p| p.config.name == name || p.config.pool_guid.to_string() == name)
        .collect();
    match (matching.len(), matching.pop()) {
        (1, Some(found)) => Ok(found),
        (0, _) if names.is_empty() => Err(PoolError::NoPool(format!(
            "cannot open '{name}': no pool was found on the given devices"
        ))),
        (0, _) => Err(PoolError::NoPool(format!(
            "cannot open '{name}': no such pool; found {}",
            names.join(", ")
        ))),
        (n, _) => Err(PoolError::NoPool(format!(
            "cannot open '{name}': {n} pools have that name; ask by guid: {}",
            names.join(", ")
        ))),
    }
}
