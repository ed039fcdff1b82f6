//! Figures that the pool keeps of a dataset.
//!
//! Follows `dsl_dataset_stats()` and `dsl_dir_stats()`, OpenZFS `module/zfs/dsl_dataset.c` and
//! `dsl_dir.c`, zfs-2.3.2.

use crate::index::KEYSTATUS;
use crate::item::{Item, ItemKind, Of};
use crate::native::Native;
use crate::paths::Paths;
use crate::value::{Property, PropertySource, Value};
use zerocopy::FromBytes;
use zsend_ondisk::dsl::{DatasetPhys, DirPhys, FLAG_DEFER_DESTROY, FLAG_USED_BREAKDOWN};
use zsend_pool::Zbookmark;
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::deadlist::{OldSpace, space_written};
use zsend_pool::dsl::redaction::RedactionList;
use zsend_pool::{PoolError, Result, zap};
use zsend_records::types::ObjsetType;

/// Places in `dd_used_breakdown`: `dd_used_t`, OpenZFS `include/sys/dsl_dir.h`, zfs-2.3.2.
const USED_HEAD: usize = 0;
const USED_SNAP: usize = 1;
const USED_CHILD: usize = 2;
const USED_CHILD_RESERVED: usize = 3;
const USED_REFRESERVATION: usize = 4;
/// The ZPL's master node: `MASTER_NODE_OBJ`.
const MASTER_NODE: u64 = 1;
/// Objects of a volume: its blocks, and a ZAP with its size.
const VOLUME_OBJECT: u64 = 1;
const VOLUME_ZAP: u64 = 2;
/// `ZVOL_DEFAULT_BLOCKSIZE`, OpenZFS `include/sys/fs/zfs.h`, zfs-2.3.2: a volume of that size has a
/// default.
const DEFAULT_VOLBLOCKSIZE: u64 = 16 << 10;
/// Clones of one snapshot that are named.
const MAX_CLONES: usize = 10_000;

/// Hundredths of what was compressed over what it takes.
fn ratio(compressed: u64, uncompressed: u64) -> u64 {
    match compressed {
        0 => 100,
        _ => u64::try_from(u128::from(uncompressed) * 100 / u128::from(compressed)).unwrap_or(100),
    }
}

impl Item<'_> {
    /// Returns a figure; `None` if the item has not got it.
    pub(crate) fn stat(&self, native: &Native) -> Result<Option<Property>> {
        let text = |text: String| Ok(Some(Property::kept(Value::Text(text))));
        let number = match native.name {
            "type" => return text(self.kind().name().to_owned()),
            "encryption" | "keyformat" | "pbkdf2iters" | "keystatus" | "encryptionroot" => {
                return self.crypt(native);
            }
            "redact_snaps" => return self.redact_snaps(),
            _ => match &self.of {
                Of::Bookmark(bookmark) => match native.name {
                    "creation" => Some(bookmark.creation_time),
                    "createtxg" => Some(bookmark.creation_txg),
                    "guid" => Some(bookmark.guid),
                    // Older bookmarks have no figures of space.
                    "referenced" => {
                        bookmark.has_freed_before_next().then_some(bookmark.referenced[0])
                    }
                    "logicalreferenced" => {
                        bookmark.has_freed_before_next().then_some(bookmark.referenced[2])
                    }
                    _ => None,
                },
                Of::Dataset(dataset) => match native.name {
                    "origin" => return self.origin().map(|name| name.map(named)),
                    "clones" => return self.clones().map(|names| names.map(named)),
                    "quota" | "reservation" | "filesystem_count" | "snapshot_count" => {
                        return self.limit(native);
                    }
                    "volsize" => return self.volsize(native),
                    "volblocksize" => return self.volblocksize(native),
                    "receive_resume_token" => return self.resume_token(dataset),
                    _ => self.figure(native.name, dataset)?,
                },
            },
        };
        Ok(number.map(|n| Property::kept(native.form.value(n))))
    }

    fn figure(&self, name: &str, dataset: &Dataset) -> Result<Option<u64>> {
        let is_snapshot = self.kind() == ItemKind::Snapshot;
        let refratio = ratio(dataset.compressed_bytes, dataset.uncompressed_bytes);
        Ok(match name {
            "creation" => Some(dataset.creation_time),
            "createtxg" => Some(dataset.creation_txg),
            "guid" => Some(dataset.guid),
            "objsetid" => Some(dataset.object),
            "referenced" => Some(dataset.referenced_bytes),
            "logicalreferenced" => Some(dataset.uncompressed_bytes),
            "refcompressratio" => Some(refratio),
            "compressratio" if is_snapshot => Some(refratio),
            "used" if is_snapshot => Some(dataset.unique_bytes),
            "used" => Some(self.dir.used_bytes),
            "available" => self.available(dataset)?,
            // This program mounts nothing.
            "mounted" => Some(0),
            "written" => self.written(dataset)?,
            "userrefs" => {
                let object = self.dataset_phys(dataset)?.userrefs_obj.get();
                let holds =
                    if object == 0 { 0 } else { zap::entries(self.pool.mos(), object)?.len() };
                Some(holds as u64)
            }
            "defer_destroy" => {
                Some(u64::from(self.dataset_phys(dataset)?.flags.get() & FLAG_DEFER_DESTROY != 0))
            }
            "snapshots_changed" => match self.dir_field("com.ixsystems:snapshots_changed")? {
                Some(entry) => entry.ints().first().copied().filter(|&seconds| seconds != 0),
                None => None,
            },
            _ => self.of_dir(name)?,
        })
    }

    /// Returns a figure of the directory.
    fn of_dir(&self, name: &str) -> Result<Option<u64>> {
        let phys = self.dir_phys()?;
        let used = |i: usize| {
            let counts = phys.flags.get() & FLAG_USED_BREAKDOWN != 0;
            counts.then(|| phys.used_breakdown[i].get())
        };
        Ok(match name {
            "compressratio" => {
                Some(ratio(phys.compressed_bytes.get(), phys.uncompressed_bytes.get()))
            }
            "logicalused" => Some(phys.uncompressed_bytes.get()),
            "usedbysnapshots" => used(USED_SNAP),
            "usedbydataset" => used(USED_HEAD),
            "usedbyrefreservation" => used(USED_REFRESERVATION),
            "usedbychildren" => used(USED_CHILD)
                .zip(used(USED_CHILD_RESERVED))
                .map(|(used, reserved)| used.saturating_add(reserved)),
            _ => None,
        })
    }

    /// Returns a limit, or a count that there is only with a limit.
    fn limit(&self, native: &Native) -> Result<Option<Property>> {
        let number = match native.name {
            "quota" => Some(self.dir_phys()?.quota.get()).filter(|&n| n != 0),
            "reservation" => Some(self.dir_phys()?.reserved.get()).filter(|&n| n != 0),
            name => {
                let entry = self.dir_field(&format!("com.joyent:{name}"))?;
                entry.and_then(|entry| entry.u64())
            }
        };
        Ok(match number {
            Some(n) => {
                Some(Property { value: native.form.value(n), source: PropertySource::Local })
            }
            None => Self::preset(native),
        })
    }

    /// Returns the object set, if no receive into it is under way: then it has no property.
    ///
    /// Follows `zfs_ioc_objset_stats_impl()` and `zfs_ioc_objset_zplprops()`, OpenZFS
    /// `module/zfs/zfs_ioctl.c`, zfs-2.3.2.
    fn whole_objset(&self) -> Result<Option<&Objset>> {
        if self.dsl().is_some_and(|dataset| dataset.is_inconsistent) {
            return Ok(None);
        }
        self.objset()
    }

    fn volblocksize(&self, native: &Native) -> Result<Option<Property>> {
        let Some(objset) = self.whole_objset()? else { return Ok(None) };
        let size = objset.dnode(VOLUME_OBJECT)?.datablksz();
        let source = if size == DEFAULT_VOLBLOCKSIZE {
            PropertySource::Default
        } else {
            PropertySource::None
        };
        Ok(Some(Property { value: native.form.value(size), source }))
    }

    fn volsize(&self, native: &Native) -> Result<Option<Property>> {
        let Some(objset) = self.whole_objset()?.filter(|objset| objset.kind() == ObjsetType::ZVOL)
        else {
            return Ok(None);
        };
        let size = zap::lookup_u64(objset, VOLUME_ZAP, "size")?;
        Ok(size.map(|n| Property { value: native.form.value(n), source: PropertySource::Local }))
    }

    /// Returns a property of a filesystem's master node.
    ///
    /// Follows `zfs_get_zplprop()`, OpenZFS `module/os/linux/zfs/zfs_vfsops.c`, zfs-2.3.2: what is
    /// not there has the value of filesystems that were made before it was.
    pub(crate) fn zpl(&self, native: &Native) -> Result<Option<Property>> {
        let Some(objset) = self.whole_objset()?.filter(|objset| objset.kind() == ObjsetType::ZFS)
        else {
            return Ok(None);
        };
        let (entry, default) = match native.name {
            "version" => ("VERSION", None),
            name => (name, Some(0)),
        };
        let found = zap::lookup_u64(objset, MASTER_NODE, entry)?.or(default);
        Ok(found.map(|n| Property::kept(native.form.value(n))))
    }

    /// Returns the bytes that were written since the snapshot before.
    fn written(&self, dataset: &Dataset) -> Result<Option<u64>> {
        if dataset.prev_snap == 0 {
            return Ok(None);
        }
        let mos = self.pool.mos();
        let previous = Dataset::open(mos, dataset.prev_snap)?;
        let [used, ..] = space_written(mos, &OldSpace::from(&previous), dataset)?;
        Ok(Some(used))
    }

    fn origin(&self) -> Result<Option<String>> {
        // What is no clone has the empty snapshot of the pool as its origin.
        if self.dir.origin == 0 || self.dir.origin == self.pool.origin_snapshot()? {
            return Ok(None);
        }
        let origin = Dataset::open(self.pool.mos(), self.dir.origin)?;
        self.pool.dataset_name(&origin).map(Some)
    }

    /// Returns the names of a snapshot's clones.
    ///
    /// # Errors
    /// More of them than [`MAX_CLONES`], and an entry that is no number.
    fn clones(&self) -> Result<Option<String>> {
        let Some(dataset) = self.dsl() else { return Ok(None) };
        let object = self.dataset_phys(dataset)?.next_clones_obj.get();
        if object == 0 {
            return Ok(None);
        }
        let mos = self.pool.mos();
        let at = Zbookmark::new(mos.id(), object, 0, 0);
        let entries = zap::entries(mos, object)?;
        if entries.len() > MAX_CLONES {
            let expected = format!("at most {MAX_CLONES}");
            return Err(PoolError::corrupt(at, "number of clones", entries.len(), expected));
        }
        let (mut names, mut paths) = (Vec::new(), Paths::new(self.pool));
        for entry in &entries {
            // The list has the first snapshot of a clone that has one.
            let clone = Dataset::open(mos, entry.number(at)?)?;
            names.push(paths.of(clone.dir)?);
        }
        Ok(Some(names.join(",")).filter(|names| !names.is_empty()))
    }

    /// Returns the token of a receive that has not ended: into the head itself, or into a hidden child.
    ///
    /// Follows `get_receive_resume_token()`, OpenZFS `module/zfs/dsl_dataset.c`, zfs-2.3.2.
    fn resume_token(&self, head: &Dataset) -> Result<Option<Property>> {
        let own = head.receive_state()?;
        let state = match own {
            Some(state) => Some(state),
            None => match self.dir.receiving(self.pool.mos())? {
                Some(hidden) => hidden.receive_state()?,
                None => None,
            },
        };
        let at = Zbookmark::new(self.pool.mos().id(), self.dir.object, 0, 0);
        let text = state.map(|token| token.encode()).transpose().map_err(|error| {
            PoolError::corrupt(at, "state of a receive", error, "one that a token can hold")
        })?;
        Ok(text.map(named))
    }

    fn redact_snaps(&self) -> Result<Option<Property>> {
        let guids = match &self.of {
            Of::Dataset(dataset) => dataset.redacted_for()?,
            Of::Bookmark(bookmark) if bookmark.redaction_obj == 0 => None,
            Of::Bookmark(bookmark) => {
                let list = RedactionList::open(self.pool.mos(), bookmark.redaction_obj)?;
                Some(list.guids().to_vec())
            }
        };
        let guids =
            guids.map(|guids| guids.iter().map(u64::to_string).collect::<Vec<_>>().join(","));
        Ok(guids.map(named))
    }

    /// Follows `dsl_dataset_crypt_stats()`, OpenZFS `module/zfs/dsl_crypt.c`, zfs-2.3.2.
    fn crypt(&self, native: &Native) -> Result<Option<Property>> {
        let Some(encryption) = self.encryption()? else { return Ok(Self::preset(native)) };
        Ok(Some(Property::kept(match native.name {
            "encryptionroot" => Value::Text(self.pool.encryption_root(encryption)?),
            "encryption" => native.form.value(encryption.key_object.suite.0),
            "keyformat" => native.form.value(encryption.format.0),
            "keystatus" => {
                Value::Index(if self.pool.has_key(encryption) { 2 } else { 1 }, &KEYSTATUS)
            }
            _ if encryption.iterations == 0 => return Ok(Self::preset(native)),
            _ => native.form.value(encryption.iterations),
        })))
    }

    /// Returns a field of the directory's own ZAP.
    fn dir_field(&self, name: &str) -> Result<Option<zap::ZapEntry>> {
        if !self.dir.zapified {
            return Ok(None);
        }
        zap::lookup(self.pool.mos(), self.dir.object, name)
    }

    fn dir_phys(&self) -> Result<DirPhys> {
        self.bonus(self.dir.object)
    }

    fn dataset_phys(&self, dataset: &Dataset) -> Result<DatasetPhys> {
        self.bonus(dataset.object)
    }

    /// Returns the bonus of an object of the MOS that was read before.
    fn bonus<T: FromBytes>(&self, object: u64) -> Result<T> {
        let mos = self.pool.mos();
        let bonus = mos.dnode(object)?.bonus();
        let missing = || PoolError::NotFound { what: "object", name: object.to_string() };
        T::read_from_prefix(&bonus).map(|(phys, _)| phys).map_err(|_| missing())
    }
}

fn named(text: String) -> Property {
    Property::kept(Value::Text(text))
}
