//! From the paths on the command line to the pools that lie on them.

mod contents;
mod dos;
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

/// The pools on some devices, and what holds none.
#[derive(Debug)]
pub struct Discovery {
    /// The pools, by guid.
    pub pools: Vec<Found>,
    /// Why something in a folder was passed over: [`PoolError::Device`] if it cannot be read,
    /// [`PoolError::NoLabel`] otherwise. By path.
    pub passed_over: Vec<PoolError>,
}

/// All pools on the devices and in the folders that `paths` name.
///
/// A file or device that is named itself must hold a label, or a partition that does; in a folder,
/// what holds none is passed over.
///
/// # Errors
/// [`PoolError::Device`] if a path cannot be opened, or if nothing was found and something in a
/// folder could not be opened; [`PoolError::NoLabel`].
pub fn discover(paths: &[PathBuf]) -> Result<Discovery> {
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
    let mut passed_over = Vec::new();
    for (candidate, probed) in candidates.iter().zip(probed) {
        match probed {
            Ok(found) => labelled.extend(found),
            Err(e) if candidate.is_named => return Err(e),
            // A device without a medium, or one that may not be read, is no reason to stop
            // looking at its neighbours.
            Err(e) => passed_over.push(e),
        }
    }
    let is_unread = |e: &PoolError| matches!(e, PoolError::Device { .. });
    match passed_over.iter().position(is_unread) {
        Some(first) if labelled.is_empty() => Err(passed_over.swap_remove(first)),
        _ => Ok(Discovery { pools: group::group(labelled), passed_over }),
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

/// How deep partition tables are followed: a disk image that was copied into a partition has a
/// table of its own.
const MAX_TABLES: u32 = 2;

/// The labels of a whole device and of each of its partitions.
///
/// # Errors
/// [`PoolError::NoLabel`] if there are none.
fn probe(device: &Device, is_node: bool) -> Result<Vec<Labelled>> {
    let mut probe = Probe { is_node, found: Vec::new(), why: Vec::new() };
    probe.look(device, "", MAX_TABLES);
    if probe.found.is_empty() {
        let why = probe.why.join("; ");
        return Err(PoolError::NoLabel { device: device.name().to_owned(), why });
    }
    Ok(probe.found)
}

/// What was found on a device so far.
struct Probe {
    /// See [`Labelled::is_node`].
    is_node: bool,
    found: Vec<Labelled>,
    /// What there is where no label is.
    why: Vec<String>,
}

impl Probe {
    /// Looks at a device or a part of it, and through `tables` partition tables at what lies in it.
    /// `place` names the part, for messages.
    fn look(&mut self, device: &Device, place: &str, tables: u32) {
        let unlabelled = match label::read(device) {
            Ok(all) => {
                let (device, is_node) = (device, self.is_node);
                let of_device = |labels| Labelled { device: device.clone(), labels, is_node };
                self.found.extend(all.into_iter().map(of_device));
                None
            }
            Err(why) => Some(why),
        };
        // A disk may have labels from before it was partitioned; in a partition, labels are enough.
        let is_disk = tables == MAX_TABLES;
        let has_table =
            tables > 0 && (is_disk || unlabelled.is_some()) && self.tables(device, place, tables);
        if let Some(why) = unlabelled
            && !has_table
        {
            let why = contents::of(device).map_or(why, |contents| contents.to_string());
            self.why.push(format!("{place}{why}"));
        }
    }

    /// Looks at the partitions of a device. Returns whether there are any.
    fn tables(&mut self, device: &Device, place: &str, tables: u32) -> bool {
        let head = gpt::head(device);
        let lists = match gpt::partitions(device, &head) {
            Ok(partitions) => vec![partitions],
            // A DOS table counts in blocks of the disk, and does not say how large those are.
            Err(none) => {
                self.why.extend(none.map(|why| format!("{place}{why}")));
                gpt::BLOCK_SIZES.map(|size| dos::partitions(device, &head, size)).into()
            }
        };
        let (labels, why) = (self.found.len(), self.why.len());
        for partitions in &lists {
            // Of the readings of one table the first that leads to a label is right; without one,
            // the last has the say.
            if self.found.len() == labels && !partitions.is_empty() {
                self.why.truncate(why);
            } else if self.found.len() > labels {
                break;
            }
            for gpt::Partition { number, start, size } in partitions {
                let place = format!("{place}partition {number}: ");
                self.look(&device.part(*start, *size), &place, tables - 1);
            }
        }
        lists.iter().any(|partitions| !partitions.is_empty())
    }
}

/// The one pool among those found that `name` means: its name or its guid in decimal. A pool that
/// was destroyed gives way to another of its name.
///
/// # Errors
/// [`PoolError::NoPool`] if there is none, or more than one of that name; it lists what there is.
pub fn select(discovery: Discovery, name: &str) -> Result<Found> {
    let Discovery { pools, passed_over } = discovery;
    let names: Vec<String> =
        pools.iter().map(|p| format!("'{}' ({})", p.config.name, p.config.pool_guid)).collect();
    let (guids, others): (Vec<Found>, Vec<Found>) =
        pools.into_iter().partition(|p| p.config.pool_guid.to_string() == name);
    let named = others.into_iter().filter(|p| p.config.name == name);
    let mut matching: Vec<Found> = if guids.is_empty() { named.collect() } else { guids };
    if matching.iter().any(|p| !p.is_destroyed()) {
        matching.retain(|p| !p.is_destroyed());
    }
    let why = match (matching.len(), matching.pop()) {
        (1, Some(found)) => return Ok(found),
        (0, _) if names.is_empty() => {
            format!("no pool was found on the given devices{}", listed(&passed_over))
        }
        (0, _) => format!("no such pool; found {}{}", names.join(", "), listed(&passed_over)),
        (n, _) => format!("{n} pools have that name; ask by guid: {}", names.join(", ")),
    };
    Err(PoolError::NoPool(format!("cannot open '{name}': {why}")))
}

/// How many of the devices that were passed over an error lists.
const MAX_LISTED: usize = 20;

/// What was passed over, a line each, to end an error with.
pub fn listed(passed_over: &[PoolError]) -> String {
    let mut text: String =
        passed_over.iter().take(MAX_LISTED).map(|e| format!("\n  {e}")).collect();
    if let Some(more) = passed_over.len().checked_sub(MAX_LISTED).filter(|&more| more > 0) {
        text.push_str(&format!("\n  and {more} more"));
    }
    text
}
