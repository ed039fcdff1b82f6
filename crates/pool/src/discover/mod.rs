//! From the paths on the command line to the pools that lie on them.

pub mod gpt;
mod group;
pub(crate) mod mmp;

pub use group::Found;

use crate::device::Device;
use crate::label::{self, Labels};
use crate::{PoolError, Result};
use rayon::ThreadPoolBuilder;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// A device, or a partition of one, that has labels.
struct Labelled {
    device: Device,
    labels: Labels,
    /// Whether its folder may show it a second time under another name, as `/dev` shows the
    /// partitions of a disk, and a disk by each of its names.
    is_node: bool,
}

/// All pools on the devices and in the folders that `paths` name.
///
/// A file or device that is named itself must hold a label, or a partition that does; in a folder,
/// what holds none is passed over.
///
/// # Errors
/// [`PoolError::Device`] if a path cannot be opened, or if nothing was found and something in a
/// folder could not be opened; [`PoolError::NoLabel`].
pub fn discover(paths: &[PathBuf]) -> Result<Vec<Found>> {
    let mut candidates = Vec::new();
    for path in paths {
        let meta = std::fs::metadata(path).map_err(|e| device_error(path, e))?;
        if meta.is_dir() {
            candidates.extend(folder(path)?);
        } else {
            let is_node = meta.file_type().is_block_device();
            candidates.push(Candidate { path: path.clone(), is_node, is_named: true });
        }
    }
    let probed = side_by_side(&candidates, |candidate| {
        probe(&Device::open(&candidate.path)?, candidate.is_node)
    });
    let mut labelled = Vec::new();
    let mut unopened = None;
    for (candidate, probed) in candidates.iter().zip(probed) {
        match probed {
            Ok(found) => labelled.extend(found),
            Err(e) if candidate.is_named => return Err(e),
            Err(PoolError::NoLabel { .. }) => {}
            // A device without a medium, or one that may not be read, is no reason to stop
            // looking at its neighbours.
            Err(e) => unopened = unopened.or(Some(e)),
        }
    }
    match unopened {
        Some(e) if labelled.is_empty() => Err(e),
        _ => Ok(group::group(labelled)),
    }
}

/// All pools on devices that are at hand: sources that are neither files nor block devices, too.
///
/// # Errors
/// [`PoolError::NoLabel`] if one holds no label, nor a partition that does.
pub fn discover_devices(devices: &[Device]) -> Result<Vec<Found>> {
    let mut labelled = Vec::new();
    for found in side_by_side(devices, |device| probe(device, false)) {
        labelled.extend(found?);
    }
    Ok(group::group(labelled))
}

/// What may hold a label.
struct Candidate {
    path: PathBuf,
    /// See [`Labelled::is_node`].
    is_node: bool,
    /// It was named itself, not its folder.
    is_named: bool,
}

/// Devices that are looked at side by side; each takes half a megabyte meanwhile.
const MOST_AT_ONCE: usize = 16;

/// What `look` says of each, in their order. Each takes a dozen reads, one after another, and disks
/// seek side by side.
fn side_by_side<T: Sync, R: Send>(all: &[T], look: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = all.len().min(MOST_AT_ONCE);
    match (threads > 1).then(|| ThreadPoolBuilder::new().num_threads(threads).build()) {
        Some(Ok(pool)) => pool.install(|| all.par_iter().with_max_len(1).map(&look).collect()),
        _ => all.iter().map(&look).collect(),
    }
}

fn device_error(path: &Path, source: std::io::Error) -> PoolError {
    PoolError::Device { device: path.display().to_string(), offset: 0, source }
}

/// The files and block devices in a folder, by name.
fn folder(path: &Path) -> Result<Vec<Candidate>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| device_error(path, e))? {
        let path = entry.map_err(|e| device_error(path, e))?.path();
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        let is_node = meta.file_type().is_block_device();
        if meta.is_file() || is_node {
            entries.push(Candidate { path, is_node, is_named: false });
        }
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

/// The labels of a whole device and of each of its partitions.
///
/// # Errors
/// [`PoolError::NoLabel`] if there are none.
fn probe(device: &Device, is_node: bool) -> Result<Vec<Labelled>> {
    let mut found = Vec::new();
    let mut why = Vec::new();
    match label::read(device) {
        Ok(labels) => found.push(Labelled { device: device.clone(), labels, is_node }),
        Err(e) => why.push(e),
    }
    match gpt::partitions(device) {
        Ok(partitions) => {
            for gpt::Partition { number, start, size } in partitions {
                let device = device.part(start, size);
                match label::read(&device) {
                    Ok(labels) => found.push(Labelled { device, labels, is_node }),
                    Err(e) => why.push(format!("partition {number}: {e}")),
                }
            }
        }
        Err(e) => why.push(e),
    }
    if found.is_empty() {
        return Err(PoolError::NoLabel { device: device.name().to_owned(), why: why.join("; ") });
    }
    Ok(found)
}

/// The one pool among `pools` that `name` means: its name or its guid in decimal. A pool that was
/// destroyed gives way to another of its name.
///
/// # Errors
/// [`PoolError::NoPool`] if there is none, or more than one of that name.
pub fn select(pools: Vec<Found>, name: &str) -> Result<Found> {
    let names: Vec<String> =
        pools.iter().map(|p| format!("'{}' ({})", p.config.name, p.config.pool_guid)).collect();
    let (guids, others): (Vec<Found>, Vec<Found>) =
        pools.into_iter().partition(|p| p.config.pool_guid.to_string() == name);
    let named = others.into_iter().filter(|p| p.config.name == name);
    let mut matching: Vec<Found> = if guids.is_empty() { named.collect() } else { guids };
    if matching.iter().any(|p| !p.is_destroyed()) {
        matching.retain(|p| !p.is_destroyed());
    }
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
