//! Pool and vdev configuration, from the nvlists in labels and in the MOS.

mod vdev_type;

pub use vdev_type::VdevType;

use crate::error::{ConfigError, PoolId};
use zsend_records::nvlist::NvList;

/// Most levels of a vdev tree; real ones have at most four (root, raidz, spare, disk).
const MAX_DEPTH: usize = 16;
/// Most vdevs of a tree, spares and all.
const MAX_VDEVS: usize = 1 << 16;

/// Keys of a leaf that the pool was doing without. Source: `vdev_config_generate()`, OpenZFS
/// `module/zfs/vdev_label.c`, zfs-2.3.2.
const OUT_OF_USE: [&str; 4] = ["offline", "faulted", "removed", "not_present"];

/// State of the pool as a label gives it: `pool_state_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState(pub u64);

impl PoolState {
    /// In use, or never exported.
    pub const ACTIVE: Self = Self(0);
    /// Exported.
    pub const EXPORTED: Self = Self(1);
    /// Destroyed.
    pub const DESTROYED: Self = Self(2);
    /// An unused hot spare.
    pub const SPARE: Self = Self(3);
    /// A cache device.
    pub const L2CACHE: Self = Self(4);
}

/// One vdev of a configuration tree.
///
/// Source: OpenZFS `module/zfs/vdev_label.c`, `vdev_config_generate()`, zfs-2.3.2.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct VdevConfig {
    /// Its type.
    pub kind: VdevType,
    /// Index among its parent's children.
    pub id: u64,
    /// The vdev's guid.
    pub guid: u64,
    /// Path at the time of writing, for messages only.
    pub path: Option<String>,
    /// log2 of the sector size.
    pub ashift: u64,
    /// Bytes of data space.
    pub asize: u64,
    /// Parity devices of a raidz or draid.
    pub nparity: u64,
    /// MOS object of the mapping of a removed device.
    pub indirect_object: Option<u64>,
    /// MOS object that says when which part of a removed device was copied.
    pub indirect_births: Option<u64>,
    /// True if a raidz expansion is in progress.
    pub raidz_expanding: bool,
    /// The txgs in which earlier expansions ended, ascending.
    pub raidz_expand_txgs: Vec<u64>,
    /// Data devices in a draid group.
    pub draid_ndata: u64,
    /// Distributed spares of a draid.
    pub draid_nspares: u64,
    /// Groups in a draid's permutation row.
    pub draid_ngroups: u64,
    /// Children of one failure domain of a draid, where it has several.
    pub draid_nchildren: Option<u64>,
    /// Number of this distributed spare in its draid.
    pub spare_id: u64,
    /// Guid of the draid that a distributed spare belongs to.
    pub top_guid: u64,
    /// MOS object of the leaf's DTL: the space map of the txgs whose writes it missed.
    pub dtl: Option<u64>,
    /// Txg of the resilver that this leaf is the target of.
    pub resilver_txg: u64,
    /// Txg of the sequential rebuild that this leaf is the target of.
    pub rebuild_txg: u64,
    /// True if the pool was doing without this vdev when the configuration was written: offline,
    /// faulted, removed or not present. What was written since is not on it.
    pub is_behind: bool,
    /// MOS object that lists the space maps of a top-level vdev's metaslabs.
    pub metaslab_array: u64,
    /// log2 of the size of a metaslab (top-level vdevs).
    pub metaslab_shift: u32,
    /// True if the top-level vdev is for the intent log alone.
    pub is_log: bool,
    /// True if nothing more is allocated on the top-level vdev: its property `allocating`.
    pub non_allocating: bool,
    /// True if the top-level vdev is being removed.
    pub removing: bool,
    /// MOS object with more about the top-level vdev, or zero.
    pub top_zap: u64,
    /// Children, in order.
    pub children: Vec<VdevConfig>,
}

impl VdevConfig {
    /// Reads a tree.
    ///
    /// # Errors
    /// [`ConfigError`] names a key that is missing, and a tree that is too large.
    pub fn parse(list: &NvList) -> Result<Self, ConfigError> {
        let mut left = MAX_VDEVS;
        Self::parse_at(list, MAX_DEPTH, &mut left)
    }

    fn parse_at(list: &NvList, depth: usize, left: &mut usize) -> Result<Self, ConfigError> {
        if depth == 0 || *left == 0 {
            return Err(ConfigError::Tree { depth: MAX_DEPTH, vdevs: MAX_VDEVS });
        }
        *left -= 1;
        let num = |key: &str| list.u64(key).unwrap_or(0);
        let children = match list.list_array("children") {
            Some(lists) => lists
                .iter()
                .map(|l| Self::parse_at(l, depth - 1, left))
                .collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        Ok(Self {
            kind: list.str("type").ok_or(ConfigError::NoType)?.into(),
            id: num("id"),
            guid: num("guid"),
            path: list.str("path").map(str::to_owned),
            ashift: num("ashift"),
            asize: num("asize"),
            nparity: num("nparity"),
            indirect_object: list.u64("com.delphix:indirect_object"),
            indirect_births: list.u64("com.delphix:indirect_births"),
            raidz_expanding: list.contains("raidz_expanding"),
            raidz_expand_txgs: list.u64_array("raidz_expand_txgs").unwrap_or(&[]).to_vec(),
            draid_ndata: num("draid_ndata"),
            draid_nspares: num("draid_nspares"),
            draid_ngroups: num("draid_ngroups"),
            draid_nchildren: list.u64("draid_nchildren"),
            spare_id: num("spareid"),
            top_guid: num("top_guid"),
            dtl: list.u64("DTL"),
            resilver_txg: num("resilver_txg"),
            rebuild_txg: num("rebuild_txg"),
            // A fault that was asked for is kept by its reason alone.
            is_behind: OUT_OF_USE.iter().any(|key| num(key) != 0)
                || list.str("aux_state") == Some("external"),
            metaslab_array: num("metaslab_array"),
            metaslab_shift: u32::try_from(num("metaslab_shift")).unwrap_or(u32::MAX),
            is_log: num("is_log") != 0,
            non_allocating: num("non_allocating") != 0,
            removing: num("removing") != 0,
            top_zap: num("com.delphix:vdev_zap_top"),
            children,
        })
    }
}

/// The configuration in a device's label: the pool, and this device's top-level vdev.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelConfig {
    /// Pool version.
    pub version: u64,
    /// Pool name.
    pub name: String,
    /// Pool guid.
    pub pool_guid: u64,
    /// Pool state when the label was written.
    pub state: PoolState,
    /// Txg that the label was written in; zero for a spare.
    pub txg: u64,
    /// Guid of this device.
    pub guid: u64,
    /// Number of the pool's top-level vdevs.
    pub vdev_children: u64,
    /// Name of the host that used the pool last.
    pub hostname: Option<String>,
    /// This device's top-level vdev.
    pub top: VdevConfig,
    /// Guids of the features that are needed to read the MOS.
    pub features_for_read: Vec<String>,
}

impl LabelConfig {
    /// The pool, as messages name it.
    pub fn id(&self) -> PoolId {
        PoolId { name: self.name.clone(), guid: self.pool_guid }
    }

    /// Returns true if it is a spare or a cache device, which belongs to no top-level vdev.
    pub fn is_auxiliary(&self) -> bool {
        self.state == PoolState::SPARE || self.state == PoolState::L2CACHE
    }

    /// Reads the nvlist of a label.
    ///
    /// # Errors
    /// [`ConfigError`] names a key that is missing, and a state that is none.
    pub fn parse(list: &NvList) -> Result<Self, ConfigError> {
        let need = |key| list.u64(key).ok_or(ConfigError::Missing(key));
        let state = PoolState(need("state")?);
        if state.0 > PoolState::L2CACHE.0 {
            return Err(ConfigError::State(state.0));
        }
        // Spares and cache devices have no tree: they belong to no top-level vdev.
        let (top, name, pool_guid) = if state == PoolState::SPARE || state == PoolState::L2CACHE {
            (VdevConfig::default(), String::new(), 0)
        } else {
            let tree = list.list("vdev_tree").ok_or(ConfigError::Missing("vdev_tree"))?;
            (
                VdevConfig::parse(tree)?,
                list.str("name").ok_or(ConfigError::Missing("name"))?.to_owned(),
                need("pool_guid")?,
            )
        };
        Ok(Self {
            version: need("version")?,
            name,
            pool_guid,
            state,
            txg: list.u64("txg").unwrap_or(0),
            guid: need("guid")?,
            // Pools before version 3 do not say how many there are.
            vdev_children: list.u64("vdev_children").unwrap_or(0),
            hostname: list.str("hostname").map(str::to_owned),
            top,
            features_for_read: list
                .list("features_for_read")
                .map(|l| l.iter().map(|(name, _)| name.to_string()).collect())
                .unwrap_or_default(),
        })
    }
}
