//! From paths to the pools that lie on them.

mod contents;
mod dos;
pub mod gpt;
mod group;
pub(crate) mod mmp;

pub use group::FoundPool;

use crate::cancel::CancelToken;
use crate::device::Device;
use crate::error::{NoLabelAt, NoLabelReason, NoPool, PassedOver, PoolId, is_unread};
use crate::label::{self, Labels};
use crate::{PoolError, Result, file};
use rayon::ThreadPoolBuilder;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A device, or a partition of one, that has labels.
struct Labelled {
    device: Device,
    labels: Labels,
    /// True if its folder may show it a second time under another name, as `/dev` shows the
    /// partitions of a disk, and a disk by each of its names.
    is_node: bool,
}

/// The pools on some devices, and what holds none.
#[derive(Debug)]
pub struct Discovery {
    /// The pools, by guid.
    pub pools: Vec<FoundPool>,
    /// Reasons why something was passed over.
    pub passed_over: PassedOver,
}

impl Discovery {
    /// Reasons why what was named itself holds no pool, for warnings.
    pub fn refused(&self) -> &[PoolError] {
        self.passed_over.named()
    }
}

/// All pools on the devices and in the folders that `paths` name. What holds none is passed over, or
/// cannot be read, and hides no other. The token ends it within one read of each device that is looked at.
///
/// # Errors
/// [`PoolError::Cancelled`]; if no pool was found: the one thing that there is to tell, or
/// [`PoolError::NothingRead`] where something could not be read.
pub fn discover(paths: &[PathBuf], cancel: &CancelToken) -> Result<Discovery> {
    let mut candidates = Vec::new();
    let mut refused = Vec::new();
    for path in paths {
        match Candidate::named(path) {
            Ok(Some(candidate)) => candidates.push(candidate),
            Ok(None) => match folder(path) {
                Ok(files) => candidates.extend(files),
                Err(e) => refused.push(e),
            },
            Err(e) => refused.push(e),
        }
    }
    // A device that is named twice is one.
    let mut seen = BTreeSet::new();
    candidates.retain(|c| seen.insert(c.path.canonicalize().unwrap_or_else(|_| c.path.clone())));
    let probed = side_by_side(&candidates, |candidate| {
        cancel.go_on()?;
        probe(&Device::open(&candidate.path)?.with_cancel(cancel), candidate.is_node)
    });
    cancel.go_on()?;
    let mut labelled = Vec::new();
    let mut passed_over = Vec::new();
    for (candidate, probed) in candidates.iter().zip(probed) {
        match probed {
            Ok(found) => labelled.extend(found),
            Err(e) if candidate.is_named => refused.push(e),
            Err(e) => passed_over.push(e),
        }
    }
    let (auxiliary, labelled): (Vec<_>, Vec<_>) =
        labelled.into_iter().partition(|one: &Labelled| one.labels.config.is_auxiliary());
    passed_over.extend(
        auxiliary
            .iter()
            .map(|one| PoolError::from(NoPool::Auxiliary { device: one.device.name().to_owned() })),
    );
    let tells = !refused.is_empty() || passed_over.iter().any(is_unread);
    if labelled.is_empty() && tells {
        refused.append(&mut passed_over);
        return Err(match refused.len() {
            1 => refused.swap_remove(0),
            _ => PoolError::NothingRead { passed_over: refused },
        });
    }
    let passed_over = PassedOver::new(refused, passed_over);
    let mut pools = group::group(labelled, cancel);
    pools.iter_mut().for_each(|found| found.passed_over = passed_over.clone());
    Ok(Discovery { pools, passed_over })
}

/// All pools on devices that are at hand: sources that are neither files nor block devices, too. The token
/// ends it within one read of each device.
///
/// # Errors
/// [`PoolError::Cancelled`]; [`PoolError::NoLabel`] if one holds no label, nor a partition that does.
pub fn discover_devices(devices: &[Device], cancel: &CancelToken) -> Result<Vec<FoundPool>> {
    let mut labelled = Vec::new();
    let probed = side_by_side(devices, |device| probe(&device.with_cancel(cancel), false));
    cancel.go_on()?;
    for found in probed {
        labelled.extend(found?.into_iter().filter(|one| !one.labels.config.is_auxiliary()));
    }
    Ok(group::group(labelled, cancel))
}

/// A path that may hold a label.
struct Candidate {
    path: PathBuf,
    /// See [`Labelled::is_node`].
    is_node: bool,
    /// It was named itself, not its folder.
    is_named: bool,
}

/// Devices that are looked at side by side; each takes half a megabyte meanwhile.
const MOST_AT_ONCE: usize = 16;

/// Results of `look` for each, in their order. Each takes a dozen reads, one after another, and disks
/// seek side by side.
fn side_by_side<T: Sync, R: Send>(all: &[T], look: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = all.len().min(MOST_AT_ONCE);
    match (threads > 1).then(|| ThreadPoolBuilder::new().num_threads(threads).build()) {
        Some(Ok(pool)) => pool.install(|| all.par_iter().with_max_len(1).map(&look).collect()),
        _ => all.iter().map(&look).collect(),
    }
}

impl Candidate {
    /// A file or device that was named; `None` if it is a folder.
    fn named(path: &Path) -> Result<Option<Self>> {
        let kind = std::fs::metadata(path).map_err(|e| device_error(path, e))?.file_type();
        if file::is_pipe(kind) {
            let why = vec![NoLabelAt { partitions: Vec::new(), reason: NoLabelReason::Pipe }];
            return Err(PoolError::NoLabel { device: path.display().to_string(), why });
        }
        let is_node = file::is_block_device(kind);
        Ok((!kind.is_dir()).then(|| Self { path: path.to_owned(), is_node, is_named: true }))
    }
}

fn device_error(path: &Path, source: std::io::Error) -> PoolError {
    PoolError::Open { path: path.display().to_string(), source }
}

/// The files and block devices in a folder, by name.
fn folder(path: &Path) -> Result<Vec<Candidate>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| device_error(path, e))? {
        let path = entry.map_err(|e| device_error(path, e))?.path();
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        // A descriptor of this process, as `/dev/stdout`, is no device of the folder's.
        if std::fs::canonicalize(&path).is_ok_and(|path| path.starts_with("/proc")) {
            continue;
        }
        let is_node = file::is_block_device(meta.file_type());
        if meta.is_file() || is_node {
            entries.push(Candidate { path, is_node, is_named: false });
        }
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

/// Tables in tables that are followed: a disk image that was copied into a partition has a
/// table of its own.
const MAX_TABLES: u32 = 2;

/// Partitions of a device that are looked at, in all its tables: as many as a GPT has entries, and
/// as many again.
const MAX_PARTITIONS: usize = 256;

/// The labels of a whole device and of each of its partitions.
///
/// # Errors
/// [`PoolError::NoLabel`] if there are none.
fn probe(device: &Device, is_node: bool) -> Result<Vec<Labelled>> {
    let mut probe = Probe { is_node, found: Vec::new(), why: Vec::new(), left: MAX_PARTITIONS };
    probe.look(device, &[], MAX_TABLES);
    if probe.found.is_empty() {
        return Err(PoolError::NoLabel { device: device.name().to_owned(), why: probe.why });
    }
    Ok(probe.found)
}

/// Finds on a device so far.
struct Probe {
    /// See [`Labelled::is_node`].
    is_node: bool,
    found: Vec<Labelled>,
    /// Reasons why there is no label in some parts.
    why: Vec<NoLabelAt>,
    /// Partitions that may still be looked at.
    left: usize,
}

impl Probe {
    /// Looks at a device or a part of it, and through `tables` partition tables at what lies in it.
    /// `place` are the numbers of the partition, and of those that it lies in.
    fn look(&mut self, device: &Device, place: &[usize], tables: u32) {
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
            let contents = contents::of(device).map(NoLabelReason::Contents);
            self.note(place, contents.unwrap_or(why.into()));
        }
    }

    fn note(&mut self, place: &[usize], reason: NoLabelReason) {
        self.why.push(NoLabelAt { partitions: place.to_vec(), reason });
    }

    /// Looks at the partitions of a device. Returns true if there are any.
    fn tables(&mut self, device: &Device, place: &[usize], tables: u32) -> bool {
        let head = gpt::head(device);
        let mut lists = Vec::new();
        match gpt::partitions(device, &head) {
            Ok(partitions) => lists.push(partitions),
            Err(none) => {
                let gone = dos::is_protective(&head).then_some(NoLabelReason::LostGpt);
                if let Some(reason) = none.or(gone) {
                    self.note(place, reason);
                }
            }
        }
        // A GPT may be left over from before the disk had a DOS table. That counts in blocks of the
        // disk, and does not say how large those are.
        lists.extend(gpt::BLOCK_SIZES.map(|size| dos::partitions(device, &head, size)));
        lists.retain(|partitions| !partitions.is_empty());
        let labels = self.found.len();
        for (i, partitions) in lists.iter().enumerate() {
            // The first reading that leads to a label is right. Without one the first has the say, since
            // blocks of 512 bytes are the rule.
            if self.found.len() > labels {
                break;
            }
            let why = self.why.len();
            for gpt::Partition { number, start, size } in partitions {
                if self.left == 0 {
                    self.note(place, NoLabelReason::ManyPartitions);
                    break;
                }
                self.left -= 1;
                let place = [place, &[*number]].concat();
                self.look(&device.part(*start, *size), &place, tables - 1);
            }
            if i > 0 {
                self.why.truncate(why);
            }
        }
        !lists.is_empty()
    }
}

/// The one pool among those found that `name` means: its name or its guid in decimal. A pool that
/// was destroyed gives way to another of its name.
///
/// # Errors
/// [`PoolError::NoPool`] if there is none, or more than one of that name; it lists what there is.
pub fn select(discovery: Discovery, name: &str) -> Result<FoundPool> {
    let refused: Vec<String> = discovery.refused().iter().map(ToString::to_string).collect();
    let Discovery { pools, passed_over } = discovery;
    let found: Vec<PoolId> = pools.iter().map(|p| p.config.id()).collect();
    let (guids, others): (Vec<FoundPool>, Vec<FoundPool>) =
        pools.into_iter().partition(|p| p.config.pool_guid.to_string() == name);
    let named = others.into_iter().filter(|p| p.config.name == name);
    let mut matching: Vec<FoundPool> = if guids.is_empty() { named.collect() } else { guids };
    if matching.iter().any(|p| !p.is_destroyed()) {
        matching.retain(|p| !p.is_destroyed());
    }
    let name = name.to_owned();
    match (matching.len(), matching.pop()) {
        (1, Some(mut found)) => {
            found.warnings.extend(refused);
            Ok(found)
        }
        (0, _) => Err(NoPool::Absent { name, found, passed_over }.into()),
        (count, _) => Err(NoPool::Ambiguous { name, count, found }.into()),
    }
}
