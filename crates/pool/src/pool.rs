//! An open pool: its meta object set, its features, and the way from a name to a dataset.

mod keys;

use crate::cache::BlockCache;
use crate::capacity;
use crate::config::{LabelConfig, VdevConfig};
use crate::device::Device;
use crate::discover::{self, Discovery, FoundPool};
use crate::dmu::objset::Objset;
use crate::dsl::bookmark::{self, DsBookmark};
use crate::dsl::dataset::Dataset;
use crate::dsl::dir::Dir;
use crate::dsl::listing::Listing;
use crate::dsl::name::{Name, Suffix};
use crate::dsl::tree::Datasets;
use crate::error::{Health, PassedOver};
use crate::open;
use crate::options::OpenOptions;
use crate::uberblock::Uberblock;
use crate::zbookmark::Zbookmark;
use crate::zio::Zio;
use crate::{PoolError, Result, zap};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use zsend_crypto::WrappingKey;
use zsend_ondisk::names::{DIRECTORY_OBJECT, dir};

/// A pool, open for reading.
#[derive(Debug)]
pub struct Pool {
    label: LabelConfig,
    uberblock: Uberblock,
    zio: Arc<Zio>,
    cache: Arc<BlockCache>,
    mos: Objset,
    root_dir: u64,
    /// The vdev tree as the MOS has it.
    config: VdevConfig,
    /// The result of [`Self::capacity`], once it was asked for.
    capacity: OnceLock<Option<u64>>,
    /// Refcounts of the features that must be understood to read, by guid.
    features_for_read: HashMap<String, u64>,
    warnings: Vec<String>,
    /// Wrapping keys by the directory object of their encryption root.
    keys: Mutex<HashMap<u64, WrappingKey>>,
}

impl Pool {
    /// Opens the pool called `name` on the devices and in the folders that `paths` name.
    ///
    /// # Errors
    /// [`PoolError::NoPool`], [`PoolError::NoLabel`], and those of [`Self::open_found`].
    pub fn open(paths: &[PathBuf], name: &str, options: &OpenOptions) -> Result<Self> {
        Self::open_found(
            &discover::select(discover::discover(paths, &options.cancel)?, name)?,
            options,
        )
    }

    /// Opens the pool called `name` on devices that are at hand: on sources that are no files, too.
    ///
    /// ```
    /// use std::{io, sync::Arc};
    /// use zsend_pool::{Device, OpenOptions, Pool, PoolError, Source};
    ///
    /// /// A disk on another machine.
    /// struct Remote;
    ///
    /// impl Source for Remote {
    ///     fn read_at(&self, _buf: &mut [u8], _offset: u64) -> io::Result<()> {
    ///         Err(io::ErrorKind::NotConnected.into())
    ///     }
    ///
    ///     fn size(&self) -> u64 {
    ///         64 << 20
    ///     }
    /// }
    ///
    /// fn list(disk: Device) -> Result<(), PoolError> {
    ///     let pool = Pool::open_devices(&[disk], "tank", &OpenOptions::default())?;
    ///     for (name, dataset) in pool.datasets() {
    ///         println!("{name}: guid {}", dataset?.guid);
    ///     }
    ///     Ok(())
    /// }
    ///
    /// // It answers nothing, so no label of a pool can be read.
    /// let disk = Device::new("remote disk", Arc::new(Remote));
    /// assert!(list(disk).unwrap_err().to_string().contains("remote disk"));
    /// ```
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_devices(devices: &[Device], name: &str, options: &OpenOptions) -> Result<Self> {
        let pools = discover::discover_devices(devices, &options.cancel)?;
        let discovery = Discovery { pools, passed_over: PassedOver::default() };
        Self::open_found(&discover::select(discovery, name)?, options)
    }

    /// Opens a pool that was found.
    ///
    /// # Errors
    /// [`PoolError::Unsupported`] for a feature or a layout that is not understood,
    /// [`PoolError::InUse`] if another host has the pool imported, [`PoolError::NotFound`] for a
    /// txg or a checkpoint that is not there, [`PoolError::State`] if the state cannot be read,
    /// [`PoolError::Cancelled`].
    pub fn open_found(found: &FoundPool, options: &OpenOptions) -> Result<Self> {
        let (state, warnings) = open::open(&found.with_cancel(&options.cancel), options)?;
        Ok(Self {
            label: found.config.clone(),
            uberblock: state.uberblock,
            zio: state.zio,
            cache: state.cache,
            mos: state.mos,
            config: state.config,
            capacity: OnceLock::new(),
            root_dir: state.root_dir,
            features_for_read: state.features_for_read,
            warnings,
            keys: Mutex::default(),
        })
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        &self.label.name
    }

    /// The full name of something in this pool, which may begin with the pool's guid instead.
    pub fn full_name(&self, name: &str) -> String {
        match name.strip_prefix(&self.label.pool_guid.to_string()) {
            Some(rest) if rest.is_empty() || rest.starts_with(['/', '@', '#']) => {
                format!("{}{rest}", self.label.name)
            }
            _ => name.to_owned(),
        }
    }

    /// The newest label's configuration.
    pub const fn label(&self) -> &LabelConfig {
        &self.label
    }

    /// The state of the pool that is being read.
    pub const fn uberblock(&self) -> &Uberblock {
        &self.uberblock
    }

    /// Warnings for the administrator: missing devices, bad labels, no export.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Health of the top-level vdevs of which something is amiss: devices that are missing, or lack
    /// some of what was written.
    pub fn health(&self) -> Vec<Health> {
        self.zio.tree().health()
    }

    /// Names of the devices that the pool is read from, as they were given or found.
    pub fn devices(&self) -> Vec<String> {
        self.zio.tree().devices()
    }

    /// An error of reading a block, with the vdevs that have too few devices, if any have, before it.
    pub fn explained(&self, e: PoolError) -> PoolError {
        crate::open::for_want(&self.zio, e)
    }

    /// The reader of the pool's blocks.
    pub const fn zio(&self) -> &Arc<Zio> {
        &self.zio
    }

    /// The meta object set.
    pub const fn mos(&self) -> &Objset {
        &self.mos
    }

    /// Returns true if a pool feature that is needed for reading is active, by its guid.
    pub fn is_active(&self, guid: &str) -> bool {
        self.features_for_read.get(guid).is_some_and(|&count| count > 0)
    }

    /// Bytes that the pool has for datasets, used and free: less than its devices have, for parity and
    /// what the kernel keeps for itself. `None` if that cannot be told without more than the MOS tells.
    ///
    /// # Errors
    /// Those of reading the MOS.
    pub fn capacity(&self) -> Result<Option<u64>> {
        if let Some(capacity) = self.capacity.get() {
            return Ok(*capacity);
        }
        let capacity = capacity::read(&self.mos, DIRECTORY_OBJECT, &self.config)?;
        Ok(*self.capacity.get_or_init(|| capacity))
    }

    /// The directory at the top of the pool's names.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`].
    pub fn root_dir(&self) -> Result<Dir> {
        Dir::open(&self.mos, self.root_dir)
    }

    /// Object number of the snapshot that is the origin of all that is no clone, `$ORIGIN@$ORIGIN`; zero
    /// in pools that have none.
    ///
    /// Follows `dsl_pool_open()`, OpenZFS `module/zfs/dsl_pool.c`, zfs-2.3.2.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn origin_snapshot(&self) -> Result<u64> {
        let root = self.root_dir()?;
        if root.children == 0 {
            return Ok(0);
        }
        let Some(dir) = zap::lookup_u64(&self.mos, root.children, dir::ORIGIN)? else {
            return Ok(0);
        };
        let head = Dir::open(&self.mos, dir)?.head_dataset;
        Ok(Dataset::open(&self.mos, head)?.prev_snap)
    }

    /// The filesystems and volumes of the pool, from the top down.
    pub fn datasets(&self) -> Datasets<'_> {
        Datasets::new(&self.mos, &self.label.name, self.root_dir)
    }

    /// The directory of a filesystem or volume, by its full name.
    ///
    /// # Errors
    /// [`PoolError::NotFound`] if there is none of that name in this pool.
    pub fn dir(&self, dataset: &str) -> Result<Dir> {
        let missing = || PoolError::NotFound { what: "dataset", name: dataset.to_owned() };
        let mut parts = dataset.split('/');
        let first = parts.next().unwrap_or_default();
        if first != self.label.name && first != self.label.pool_guid.to_string() {
            return Err(missing());
        }
        let mut dir = self.root_dir()?;
        for part in parts {
            if dir.children == 0 {
                return Err(missing());
            }
            let child = zap::lookup_u64(&self.mos, dir.children, part)?.ok_or_else(missing)?;
            dir = Dir::open(&self.mos, child)?;
        }
        Ok(dir)
    }

    /// The live dataset of a filesystem or volume.
    ///
    /// # Errors
    /// As [`Self::dir`].
    pub fn head(&self, dataset: &str) -> Result<Dataset> {
        Dataset::open(&self.mos, self.dir(dataset)?.head_dataset)
    }

    /// The snapshots of a head, oldest first, by name; those that cannot be read come last.
    ///
    /// # Errors
    /// Those of reading the ZAP, where no entry can be found.
    pub fn snapshots(&self, head: &Dataset) -> Result<Listing<Dataset>> {
        let mut all = Listing::read(&self.mos, head.snapnames, |entry| {
            let object = entry.u64().ok_or_else(|| {
                let at = Zbookmark::new(0, head.snapnames, 0, 0);
                let found = format!("{:?}", entry.ints());
                PoolError::corrupt(at, "snapshot", found, "an object number")
            })?;
            Dataset::open(&self.mos, object)
        })?;
        all.items.sort_by_key(|(_, d)| d.as_ref().map_or(u64::MAX, |d| d.creation_txg));
        Ok(all)
    }

    /// The bookmarks of a head, oldest first, by name.
    ///
    /// # Errors
    /// Those of reading the ZAP, where no entry can be found.
    pub fn bookmarks(&self, head: &Dataset) -> Result<Listing<DsBookmark>> {
        bookmark::all(&self.mos, head)
    }

    /// The bookmark of a head by its short name, which may be in another case if the head's names are
    /// compared without case; `None` if there is none.
    ///
    /// # Errors
    /// Those of reading the ZAP.
    pub fn bookmark(&self, head: &Dataset, short: &str) -> Result<Option<DsBookmark>> {
        bookmark::find(&self.mos, head, short)
    }

    /// A head or snapshot by its name. A snapshot's may be in another case, if its head's names are
    /// compared without case.
    ///
    /// # Errors
    /// [`PoolError::NotFound`]; [`PoolError::BadName`] for a bookmark, which has no contents.
    pub fn dataset(&self, name: &Name) -> Result<Dataset> {
        let head = self.head(&name.dataset)?;
        match &name.suffix {
            Suffix::None => Ok(head),
            Suffix::Snapshot(short) => {
                let missing = || PoolError::NotFound { what: "dataset", name: name.to_string() };
                if head.snapnames == 0 {
                    return Err(missing());
                }
                let matching = head.matching();
                let entry = zap::lookup_matching(&self.mos, head.snapnames, short, matching)?;
                let at = Zbookmark::new(0, head.snapnames, 0, 0);
                Dataset::open(&self.mos, entry.ok_or_else(missing)?.number(at)?)
            }
            Suffix::Bookmark(_) => Err(PoolError::BadName {
                name: name.to_string(),
                why: "a bookmark has no contents to send",
            }),
        }
    }

    /// The full name of a dataset by its object: `pool/fs` or `pool/fs@snap`.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if a parent does not list it.
    pub fn dataset_name(&self, dataset: &Dataset) -> Result<String> {
        let mut parts = Vec::new();
        let mut dir = Dir::open(&self.mos, dataset.dir)?;
        let head = Dataset::open(&self.mos, dir.head_dataset)?;
        for parent in dir.ancestors(&self.mos) {
            let parent = parent?;
            let (children, lost) = parent.children(&self.mos)?.split();
            let Some((name, _)) = children.into_iter().find(|(_, o)| *o == dir.object) else {
                let at = Zbookmark::new(0, parent.children, 0, 0);
                let absent = PoolError::corrupt(at, "child", "absent", dir.object);
                return Err(lost.into_iter().next().unwrap_or(absent));
            };
            parts.push(name);
            dir = parent;
        }
        parts.push(self.label.name.clone());
        parts.reverse();
        let mut name = parts.join("/");
        if dataset.is_snapshot {
            let snaps = zap::readable(&self.mos, head.snapnames)?;
            let short = snaps.entries.iter().find(|e| e.u64() == Some(dataset.object));
            let Some(short) = short else {
                let at = Zbookmark::new(0, head.snapnames, 0, 0);
                let absent = PoolError::corrupt(at, "snapshot", "absent", dataset.object);
                return Err(snaps.lost.into_iter().next().unwrap_or(absent));
            };
            name = format!("{name}@{}", short.name());
        }
        Ok(name)
    }
}
