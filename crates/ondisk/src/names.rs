//! Names of entries in the ZAPs of the MOS.
//!
//! Source: OpenZFS `include/sys/dmu.h` (`DMU_POOL_*`), `include/sys/dsl_dataset.h` (`DS_FIELD_*`),
//! `include/sys/dsl_dir.h` (`DD_FIELD_*`), `include/sys/dsl_crypt.h`, `include/sys/ddt.h`,
//! `include/sys/brt_impl.h`, zfs-2.3.2.

use alloc::format;
use alloc::string::String;

/// The MOS's directory of everything else: `DMU_POOL_DIRECTORY_OBJECT`.
pub const DIRECTORY_OBJECT: u64 = 1;

/// Entries of the MOS's directory. Values are object numbers, unless they say something else.
pub mod directory {
    /// The directory of the pool's own dataset.
    pub const ROOT_DATASET: &str = "root_dataset";
    /// The packed nvlist of all vdevs.
    pub const CONFIG: &str = "config";
    /// ZAP of the features that a reader must know, with the number of their uses.
    pub const FEATURES_FOR_READ: &str = "features_for_read";
    /// As [`FEATURES_FOR_READ`], of those that only a writer must know.
    pub const FEATURES_FOR_WRITE: &str = "features_for_write";
    /// ZAP of the texts that describe features.
    pub const FEATURE_DESCRIPTIONS: &str = "feature_descriptions";
    /// ZAP of the txgs that features were enabled in.
    pub const FEATURE_ENABLED_TXG: &str = "feature_enabled_txg";
    /// List of blocks whose freeing was put off to the next txg.
    pub const SYNC_BPLIST: &str = "sync_bplist";
    /// List of blocks of destroyed snapshots that are yet to be freed.
    pub const FREE_BPOBJ: &str = "free_bpobj";
    /// The list that stands for all empty ones, with the feature `empty_bpobj`.
    pub const EMPTY_BPOBJ: &str = "empty_bpobj";
    /// One if space is counted without parity; no object.
    pub const DEFLATE: &str = "deflate";
    /// Version that the pool was made with; no object.
    pub const CREATION_VERSION: &str = "creation_version";
    /// History of commands.
    pub const HISTORY: &str = "history";
    /// ZAP of the pool's properties.
    pub const PROPS: &str = "pool_props";
    /// Salt of checksums, 32 bytes; no object.
    pub const CHECKSUM_SALT: &str = "org.illumos:checksum_salt";
    /// Uberblock of the checkpoint, as words; no object.
    pub const CHECKPOINT: &str = "com.delphix:zpool_checkpoint";
    /// ZAP of the ZAPs of vdevs.
    pub const VDEV_ZAP_MAP: &str = "com.delphix:vdev_zap_map";
    /// Beginning of the names of tables of deduplication.
    pub const DDT_PREFIX: &str = "DDT-";
    /// End of the name of the ZAP of their histograms.
    pub const DDT_STATISTICS: &str = "statistics";
}

/// Beginning of the names of logs, in a directory of tables of deduplication.
pub const DDT_LOG_PREFIX: &str = "DDT-log-";

/// Name in the MOS's directory of a top-level vdev's table of cloned blocks.
pub fn brt_vdev(id: u64) -> String {
    format!("com.fudosecurity:brt:vdev:{id}")
}

/// Entries of a vdev's ZAP.
pub mod vdev {
    /// Kind of blocks that a top-level vdev is kept for, as text.
    pub const ALLOCATION_BIAS: &str = "org.zfsonlinux:allocation_bias";
    /// Space map of what was freed since the checkpoint.
    pub const CHECKPOINT_SPACE_MAP: &str = "com.delphix:pool_checkpoint_sm";
}

/// Entries of a DSL directory's ZAP, and names of directories that are no filesystems.
pub mod dir {
    /// The key object.
    pub const CRYPTO_KEY: &str = "com.datto:crypto_key_obj";
    /// Directory of the MOS's own space, below that of the pool.
    pub const MOS: &str = "$MOS";
    /// Directory of space that is yet to be freed.
    pub const FREE: &str = "$FREE";
    /// Directory of the snapshot that everything else descends from, and that snapshot.
    pub const ORIGIN: &str = "$ORIGIN";
    /// Hidden child that an incremental receive goes into: `recv_clone_name`, OpenZFS
    /// `module/zfs/dmu_recv.c`.
    pub const RECEIVING: &str = "%recv";
}

/// Entries of a key object beside those that a raw stream has too.
pub mod key {
    /// Directory of the encryption root.
    pub const ROOT_DIR: &str = "DSL_CRYPTO_ROOT_DDOBJ";
    /// Number of the directories that have it.
    pub const REFCOUNT: &str = "DSL_CRYPTO_REFCOUNT";
}

/// Entries of a dataset's ZAP, beside its features.
pub mod dataset {
    /// ZAP of bookmarks.
    pub const BOOKMARKS: &str = "com.delphix:bookmarks";
    /// Guid of an encrypted snapshot's set of IVs.
    pub const IVSET_GUID: &str = "com.datto:ivset_guid";
    /// Mark of a snapshot that came in a raw stream.
    pub const RAW_RECEIVED: &str = "org.openzfs:raw_received";
    /// Deadlist of blocks on removed vdevs.
    pub const REMAP_DEADLIST: &str = "com.delphix:remap_deadlist";
    /// Guid that a receive which has not ended began from.
    pub const RESUME_FROM_GUID: &str = "com.delphix:resume_fromguid";
    /// Guid of the snapshot that it makes.
    pub const RESUME_TO_GUID: &str = "com.delphix:resume_toguid";
    /// Name of that snapshot.
    pub const RESUME_TO_NAME: &str = "com.delphix:resume_toname";
    /// Object that it has come to.
    pub const RESUME_OBJECT: &str = "com.delphix:resume_object";
    /// Offset that it has come to in that object.
    pub const RESUME_OFFSET: &str = "com.delphix:resume_offset";
    /// Bytes that it has received.
    pub const RESUME_BYTES: &str = "com.delphix:resume_bytes";
    /// Mark of a stream with large blocks.
    pub const RESUME_LARGE_BLOCK: &str = "com.delphix:resume_largeblockok";
    /// Mark of a stream with embedded blocks.
    pub const RESUME_EMBED: &str = "com.delphix:resume_embedok";
    /// Mark of a stream with compressed blocks.
    pub const RESUME_COMPRESS: &str = "com.delphix:resume_compressok";
    /// Mark of a raw stream.
    pub const RESUME_RAW: &str = "com.datto:resume_rawok";
    /// Guids of the snapshots of the bookmark that it began from.
    pub const RESUME_BOOK_SNAPS: &str = "com.delphix:resume_redact_book_snaps";
}

/// Ends of names in a ZAP of properties. Source: OpenZFS `include/sys/fs/zfs.h` and `include/sys/zfs_ioctl.h`,
/// zfs-2.3.2.
pub mod prop {
    /// End of the name of a received value: `ZPROP_RECVD_SUFFIX`.
    pub const RECEIVED: &str = "$recvd";
    /// End of the name of the mark that a received value does not count: `ZPROP_INHERIT_SUFFIX`.
    pub const INHERIT: &str = "$inherit";
    /// End of the name of a number that has no name in older releases: `ZPROP_IUV_SUFFIX`.
    pub const UNKNOWN: &str = "$iuv";
    /// The mark of a directory into which properties were received: `ZPROP_HAS_RECVD`.
    pub const HAS_RECEIVED: &str = "$hasrecvd";
}

/// Keys of the nvlists of labels and of the MOS's configuration. Numbers have 64 bits, unless a key says
/// something else.
///
/// Source: `ZPOOL_CONFIG_*`, OpenZFS `include/sys/fs/zfs.h`, `spa_config_generate()`, `module/zfs/spa_config.c`, and
/// `vdev_config_generate()`, `module/zfs/vdev_label.c`, zfs-2.3.2.
pub mod config {
    /// Pool version.
    pub const VERSION: &str = "version";
    /// Pool name, as text.
    pub const NAME: &str = "name";
    /// State of the pool.
    pub const STATE: &str = "state";
    /// Txg that the list was written in.
    pub const TXG: &str = "txg";
    /// Pool guid.
    pub const POOL_GUID: &str = "pool_guid";
    /// Name of the host that used the pool last, as text.
    pub const HOSTNAME: &str = "hostname";
    /// Guid of the device's top-level vdev; of a distributed spare, that of the draid.
    pub const TOP_GUID: &str = "top_guid";
    /// Guid of the device, or of a vdev.
    pub const GUID: &str = "guid";
    /// Number of the pool's top-level vdevs.
    pub const VDEV_CHILDREN: &str = "vdev_children";
    /// The tree of vdevs, a list: in a label that of one top-level vdev.
    pub const VDEV_TREE: &str = "vdev_tree";
    /// Features that are needed to read the MOS, a list of booleans.
    pub const FEATURES_FOR_READ: &str = "features_for_read";

    /// Type of a vdev, as text.
    pub const TYPE: &str = "type";
    /// Number of a vdev among its parent's children.
    pub const ID: &str = "id";
    /// Path of a device, as text.
    pub const PATH: &str = "path";
    /// Children of a vdev, an array of lists.
    pub const CHILDREN: &str = "children";
    /// log2 of the sector size of a top-level vdev.
    pub const ASHIFT: &str = "ashift";
    /// Bytes of a top-level vdev.
    pub const ASIZE: &str = "asize";
    /// Parity sectors of a row.
    pub const NPARITY: &str = "nparity";
    /// Object that is an array of the space maps of metaslabs.
    pub const METASLAB_ARRAY: &str = "metaslab_array";
    /// log2 of the bytes of a metaslab.
    pub const METASLAB_SHIFT: &str = "metaslab_shift";
    /// One for a device of the intent log.
    pub const IS_LOG: &str = "is_log";
    /// One for a top-level vdev that takes no more.
    pub const NON_ALLOCATING: &str = "non_allocating";
    /// One for a top-level vdev that is being removed.
    pub const REMOVING: &str = "removing";
    /// ZAP of a top-level vdev.
    pub const TOP_ZAP: &str = "com.delphix:vdev_zap_top";
    /// Object of a removed device's mapping.
    pub const INDIRECT_OBJECT: &str = "com.delphix:indirect_object";
    /// Object of a removed device's births.
    pub const INDIRECT_BIRTHS: &str = "com.delphix:indirect_births";
    /// Mark of a raidz that is being expanded.
    pub const RAIDZ_EXPANDING: &str = "raidz_expanding";
    /// Txgs in which expansions of a raidz ended, an array.
    pub const RAIDZ_EXPAND_TXGS: &str = "raidz_expand_txgs";
    /// Data sectors of a row of a draid.
    pub const DRAID_NDATA: &str = "draid_ndata";
    /// Distributed spares of a draid.
    pub const DRAID_NSPARES: &str = "draid_nspares";
    /// Groups of a draid.
    pub const DRAID_NGROUPS: &str = "draid_ngroups";
    /// Children of a failure group of a draid.
    pub const DRAID_NCHILDREN: &str = "draid_nchildren";
    /// Number of a distributed spare.
    pub const SPARE_ID: &str = "spareid";
    /// Space map of the txgs that a device lacks.
    pub const DTL: &str = "DTL";
    /// Txg in which a resilver of a device began.
    pub const RESILVER_TXG: &str = "resilver_txg";
    /// Txg in which a rebuild of a device began.
    pub const REBUILD_TXG: &str = "rebuild_txg";
    /// One for a device that was taken out of use.
    pub const OFFLINE: &str = "offline";
    /// One for a device with too many errors.
    pub const FAULTED: &str = "faulted";
    /// One for a device that was pulled out.
    pub const REMOVED: &str = "removed";
    /// One for a device that was not there.
    pub const NOT_PRESENT: &str = "not_present";
    /// Reason why a device is not in use, as text.
    pub const AUX_STATE: &str = "aux_state";
}
