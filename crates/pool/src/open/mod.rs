//! Opening a pool: which of its states is read, and what must hold before it is.

mod dtl;
mod indirect;

use crate::cache::BlockCache;
use crate::cancel::CancelToken;
use crate::config::VdevConfig;
use crate::discover::{FoundPool, mmp};
use crate::dmu::objset::Objset;
use crate::error::{Health, NoPool, Unsupported, len};
use crate::options::OpenOptions;
use crate::uberblock::Uberblock;
use crate::vdev::{Dtls, KnownDevices, VdevTree};
use crate::zbookmark::Zbookmark;
use crate::zio::Zio;
use crate::{PoolError, Result, feature, zap};
use std::collections::HashMap;
use std::sync::Arc;
use zsend_codec::checksum::ChecksumSalt;
use zsend_ondisk::names::{DIRECTORY_OBJECT, directory};
use zsend_records::nvlist::NvList;

/// The configuration is a packed nvlist; a real one is some KiB.
const MAX_CONFIG: u64 = 16 << 20;
/// The newest pool version before feature flags, and the one with them.
const VERSION_BEFORE_FEATURES: u64 = 28;
const VERSION_FEATURES: u64 = 5000;

/// One state of a pool, open.
pub(crate) struct Opened {
    pub(crate) uberblock: Uberblock,
    pub(crate) zio: Arc<Zio>,
    pub(crate) cache: Arc<BlockCache>,
    pub(crate) mos: Objset,
    /// The vdev tree as the MOS has it.
    pub(crate) config: VdevConfig,
    pub(crate) root_dir: u64,
    /// Refcounts of the features that must be understood to read.
    pub(crate) features_for_read: HashMap<String, u64>,
    /// Warnings about what cannot be read of it.
    warnings: Vec<String>,
}

/// Opens the state that the options ask for; with it, what the administrator should know.
pub(crate) fn open(found: &FoundPool, options: &OpenOptions) -> Result<(Opened, Vec<String>)> {
    check_version(found.config.version)?;
    let features = &found.config.features_for_read;
    if let Some(unknown) = features.iter().find(|f| !feature::is_understood(f)) {
        return Err(unsupported_feature(unknown));
    }
    let mut warnings = found.warnings.clone();
    if !options.force {
        warnings.extend(mmp::check(found, options)?);
    }
    let uberblock = choose(found, options.txg)?;
    let mut state =
        Opened::open(found, uberblock).map_err(|e| with_usable(found, &uberblock, e))?;
    if options.checkpoint {
        state = Opened::open(found, checkpoint(found, &state.mos)?)?;
    }
    // A checkpoint keeps its blocks, but an older state may have one that was discarded since.
    if found.newest.is_some_and(|newest| newest.txg > uberblock.txg) {
        state.zio.set_overwritten();
    }
    warnings.append(&mut state.warnings);
    // What could not be read may be what is missing. What was named itself is told of anyway.
    if !state.zio.tree().health().is_empty() {
        warnings.extend(found.passed_over.unread_beside().map(ToString::to_string));
    }
    Ok((state, warnings))
}

/// The newest uberblock, or the one of a txg.
fn choose(found: &FoundPool, txg: Option<u64>) -> Result<Uberblock> {
    let name = &found.config.name;
    let Some(txg) = txg else {
        return found.newest.ok_or_else(|| NoPool::NoUberblock { pool: name.clone() }.into());
    };
    let uberblocks = found.uberblocks();
    found.cancel.go_on()?;
    uberblocks.iter().find(|u| u.txg == txg).copied().ok_or_else(|| {
        let mut known: Vec<u64> = uberblocks.iter().map(|u| u.txg).collect();
        known.dedup();
        NoPool::NoTxg { pool: name.clone(), txg, known }.into()
    })
}

/// Adds to an error that some top-level vdev has too few devices, which explains it.
pub(crate) fn for_want(zio: &Zio, e: PoolError) -> PoolError {
    let broken: Vec<_> = zio.tree().health().into_iter().filter(Health::is_broken).collect();
    if broken.is_empty() || !matches!(e, PoolError::Unreadable { .. }) {
        return e;
    }
    PoolError::TooFewDevices { broken, source: Box::new(e) }
}

/// Adds to the error which older states could be read instead. None is taken silently: it would
/// lack what was written since.
fn with_usable(found: &FoundPool, uberblock: &Uberblock, e: PoolError) -> PoolError {
    if !matches!(
        e,
        PoolError::Unreadable { .. } | PoolError::Corrupt { .. } | PoolError::TooFewDevices { .. }
    ) {
        return e;
    }
    let known = match known(found) {
        Ok(known) => known,
        Err(cancelled) => return cancelled,
    };
    let usable = known
        .into_iter()
        .filter(|known| known.problem.is_none() && known.uberblock.txg < uberblock.txg)
        .map(|known| known.uberblock.txg)
        .collect();
    PoolError::State { txg: uberblock.txg, source: Box::new(e), usable }
}

/// The uberblock that the pool's checkpoint keeps in the MOS.
fn checkpoint(found: &FoundPool, mos: &Objset) -> Result<Uberblock> {
    let Some(entry) = zap::lookup(mos, DIRECTORY_OBJECT, directory::CHECKPOINT)? else {
        let name = found.config.name.clone();
        return Err(PoolError::NotFound { what: "checkpoint of pool", name });
    };
    Uberblock::from_words(&entry.ints()).ok_or_else(|| {
        let at = Zbookmark::new(0, DIRECTORY_OBJECT, 0, 0);
        PoolError::corrupt(at, "checkpoint", format!("{:x?}", entry.ints()), "an uberblock")
    })
}

/// A state of a pool that its devices have an uberblock of.
#[derive(Debug)]
pub struct KnownTxg {
    /// Its uberblock.
    pub uberblock: Uberblock,
    /// Reason why it cannot be read; `None` if its meta object set opens.
    pub problem: Option<PoolError>,
}

/// Every state that the devices have an uberblock of, newest first. The blocks of an older one may
/// have been overwritten since, so each is tried.
///
/// # Errors
/// [`PoolError::Cancelled`] if the token was cancelled, which each read asks.
pub fn known_txgs(found: &FoundPool, cancel: &CancelToken) -> Result<Vec<KnownTxg>> {
    known(&found.with_cancel(cancel))
}

/// As [`known_txgs`], by the token that the devices have.
fn known(found: &FoundPool) -> Result<Vec<KnownTxg>> {
    let mut uberblocks = found.uberblocks();
    // Of several with one txg the first is the newest, which is the one that would be opened.
    uberblocks.dedup_by_key(|u| u.txg);
    let tried = uberblocks.into_iter().map(|uberblock| {
        let problem = Opened::open(found, uberblock).err();
        found.cancel.go_on()?;
        Ok(KnownTxg { uberblock, problem })
    });
    let known = tried.collect::<Result<_>>()?;
    // Where the rings were not read there is none to try.
    found.cancel.go_on()?;
    Ok(known)
}

impl Opened {
    fn open(found: &FoundPool, uberblock: Uberblock) -> Result<Self> {
        check_version(uberblock.version)?;
        let cache = Arc::new(BlockCache::default());
        let none = Dtls::default();
        let known = KnownDevices {
            leaves: &found.leaves,
            reflow: uberblock.reflow,
            dtls: &none,
            txg: uberblock.txg,
            exported: found.exported(),
        };
        let open_mos = |zio: &Arc<Zio>| {
            Objset::open(zio, &cache, 0, uberblock.rootbp, None).map_err(|e| for_want(zio, e))
        };
        // The labels tell enough to find the MOS; the MOS has the configuration that counts.
        let first = tree(&found.tops, found.config.vdev_children, known)?;
        let zio_of = |tree| Zio::new(tree).with_cancel(found.cancel.clone());
        let first = Arc::new(zio_of(first));
        let config = trusted_config(&open_mos(&first)?).map_err(|e| for_want(&first, e))?;
        let count = config.children.len() as u64;
        let mut zio = Arc::new(zio_of(tree(&config.children, count, known)?));
        let mut mos = open_mos(&zio)?;
        let mut warnings = indirect::load(&mos);
        // The root of the tree has the pool's guid.
        let label_guid = found.config.pool_guid;
        if config.guid != label_guid {
            let own = config.guid;
            warnings.push(format!(
                "the labels give the pool's guid as {label_guid}, the pool as {own}"
            ));
        }
        // The MOS has checksums, so that it can be read before it tells what the devices lack.
        let (dtls, unreadable) = dtl::load(&mos, &config);
        warnings.extend(unreadable);
        if !dtls.is_empty() {
            let tree = tree(&config.children, count, KnownDevices { dtls: &dtls, ..known })?;
            tree.adopt_mappings(zio.tree());
            zio = Arc::new(zio.by_tree(tree));
            mos = open_mos(&zio)?;
        }
        // A mapping or a DTL that was not read for it is no warning.
        zio.go_on()?;
        let want = |e| for_want(&zio, e);
        let salt = zap::lookup(&mos, DIRECTORY_OBJECT, directory::CHECKSUM_SALT).map_err(want)?;
        if let Some(salt) = salt {
            let salt = <[u8; 32]>::try_from(salt.value.as_slice()).map_err(|_| {
                let at = Zbookmark::new(0, DIRECTORY_OBJECT, 0, 0);
                PoolError::corrupt(at, "checksum salt", salt.value.len(), "32 bytes")
            })?;
            zio.set_salt(ChecksumSalt::new(salt));
        }
        let features_for_read = features(&mos, directory::FEATURES_FOR_READ).map_err(want)?;
        let unknown = features_for_read
            .iter()
            .find(|(guid, count)| **count > 0 && !feature::is_understood(guid));
        if let Some((unknown, _)) = unknown {
            return Err(unsupported_feature(unknown));
        }
        let root_dir = need(&mos, directory::ROOT_DATASET).map_err(want)?;
        Ok(Self { uberblock, zio, cache, mos, config, root_dir, features_for_read, warnings })
    }
}

fn tree(tops: &[VdevConfig], count: u64, known: KnownDevices<'_>) -> Result<VdevTree> {
    let tree = VdevTree::build(tops, count, known);
    match tree.unsupported() {
        Some(why) => Err(Unsupported::Vdev(why.clone()).into()),
        None => Ok(tree),
    }
}

fn check_version(version: u64) -> Result<()> {
    if (1..=VERSION_BEFORE_FEATURES).contains(&version) || version == VERSION_FEATURES {
        Ok(())
    } else {
        Err(Unsupported::Version(version).into())
    }
}

fn unsupported_feature(guid: &str) -> PoolError {
    Unsupported::Feature(guid.to_owned()).into()
}

fn need(mos: &Objset, key: &'static str) -> Result<u64> {
    zap::lookup_u64(mos, DIRECTORY_OBJECT, key)?
        .ok_or_else(|| PoolError::NotFound { what: "MOS directory key", name: key.to_owned() })
}

fn features(mos: &Objset, key: &'static str) -> Result<HashMap<String, u64>> {
    match zap::lookup_u64(mos, DIRECTORY_OBJECT, key)? {
        Some(object) => {
            let at = Zbookmark::new(mos.id(), object, 0, 0);
            let entries = zap::entries(mos, object)?.into_iter();
            entries.map(|e| Ok((e.name(), e.number(at)?))).collect()
        }
        None => Ok(HashMap::new()),
    }
}

/// The vdev tree that the MOS keeps, with every top-level vdev in it.
fn trusted_config(mos: &Objset) -> Result<VdevConfig> {
    let object = need(mos, directory::CONFIG)?;
    let dnode = mos.dnode(object)?;
    let at = Zbookmark::new(0, object, 0, 0);
    let bonus = dnode.bonus();
    let Some(size) = bonus.first_chunk::<8>().map(|b| u64::from_le_bytes(*b)) else {
        return Err(PoolError::corrupt(at, "bonus of the config", bonus.len(), "8 bytes"));
    };
    if size == 0 || size > MAX_CONFIG {
        return Err(PoolError::corrupt(at, "config size", size, "1 byte to 16 MiB"));
    }
    let bytes = mos.read(&dnode, object, 0, len(size)?)?;
    let (list, _) = NvList::decode(&bytes)
        .map_err(|e| PoolError::refused(at, "config", e, "a packed nvlist"))?;
    let tree = list
        .list("vdev_tree")
        .ok_or_else(|| PoolError::corrupt(at, "config", "no vdev_tree", "a vdev_tree"))?;
    VdevConfig::parse(tree).map_err(|e| PoolError::refused(at, "config", e, "a vdev tree"))
}
