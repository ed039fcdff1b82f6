//! Pool and vdev configuration, from the nvlists in labels and in the MOS.

pub use zsend_ondisk::config::{PoolState, VdevType};

use crate::error::{ConfigError, PoolId};
use zsend_ondisk::names::config as key;
use zsend_records::nvlist::{NvList, NvValue};

/// Most levels of a vdev tree; real ones have at most four (root, raidz, spare, disk).
const MAX_DEPTH: usize = 16;
/// Most vdevs of a tree, spares and all.
const MAX_VDEVS: usize = 1 << 16;

/// Keys of a leaf that the pool was doing without. Source: `vdev_config_generate()`, OpenZFS
/// `module/zfs/vdev_label.c`, zfs-2.3.2.
const OUT_OF_USE: [&str; 4] = [key::OFFLINE, key::FAULTED, key::REMOVED, key::NOT_PRESENT];

/// One vdev of a configuration tree.
///
/// Source: OpenZFS `module/zfs/vdev_label.c`, `vdev_config_generate()`, zfs-2.3.2.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct VdevConfig {
    /// Its type.
    pub kind: VdevType,
    /// Index among its parent's children; of the root of a tree zero.
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
    /// log2 of the size of a metaslab, as stored (top-level vdevs).
    pub metaslab_shift: u64,
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
    /// [`ConfigError`] names a key that is missing, one whose value is of another type, and a tree that is too
    /// large.
    pub fn parse(list: &NvList) -> Result<Self, ConfigError> {
        let mut left = MAX_VDEVS;
        Self::parse_at(list, MAX_DEPTH, &mut left)
    }

    fn parse_at(list: &NvList, depth: usize, left: &mut usize) -> Result<Self, ConfigError> {
        if depth == 0 || *left == 0 {
            return Err(ConfigError::Tree { depth: MAX_DEPTH, vdevs: MAX_VDEVS });
        }
        *left -= 1;
        let kind: VdevType = list.str(key::TYPE).ok_or(ConfigError::NoType)?.into();
        // Of what is not there the kernel has zero.
        let num = |key| Ok::<u64, ConfigError>(number(list, key)?.unwrap_or_default());
        // A fault that was asked for is kept by its reason alone.
        let mut is_behind = list.str(key::AUX_STATE) == Some("external");
        for name in OUT_OF_USE {
            is_behind |= num(name)? != 0;
        }
        let children = match list.get(key::CHILDREN) {
            Some(NvValue::ListArray(lists)) => lists
                .iter()
                .map(|l| Self::parse_at(l, depth - 1, left))
                .collect::<Result<_, _>>()?,
            Some(_) => {
                return Err(ConfigError::Type { key: key::CHILDREN, expected: "a list of vdevs" });
            }
            None => Vec::new(),
        };
        let raidz_expand_txgs = match list.get(key::RAIDZ_EXPAND_TXGS) {
            Some(NvValue::Uint64Array(txgs)) => txgs.to_vec(),
            Some(_) => {
                let expected = "a list of numbers of 64 bits";
                return Err(ConfigError::Type { key: key::RAIDZ_EXPAND_TXGS, expected });
            }
            None => Vec::new(),
        };
        Ok(Self {
            id: id(list, &kind)?,
            kind,
            guid: num(key::GUID)?,
            path: list.str(key::PATH).map(str::to_owned),
            ashift: num(key::ASHIFT)?,
            asize: num(key::ASIZE)?,
            nparity: num(key::NPARITY)?,
            indirect_object: number(list, key::INDIRECT_OBJECT)?,
            indirect_births: number(list, key::INDIRECT_BIRTHS)?,
            raidz_expanding: list.contains(key::RAIDZ_EXPANDING),
            raidz_expand_txgs,
            draid_ndata: num(key::DRAID_NDATA)?,
            draid_nspares: num(key::DRAID_NSPARES)?,
            draid_ngroups: num(key::DRAID_NGROUPS)?,
            draid_nchildren: number(list, key::DRAID_NCHILDREN)?,
            spare_id: num(key::SPARE_ID)?,
            top_guid: num(key::TOP_GUID)?,
            dtl: number(list, key::DTL)?,
            resilver_txg: num(key::RESILVER_TXG)?,
            rebuild_txg: num(key::REBUILD_TXG)?,
            is_behind,
            metaslab_array: num(key::METASLAB_ARRAY)?,
            metaslab_shift: num(key::METASLAB_SHIFT)?,
            is_log: num(key::IS_LOG)? != 0,
            non_allocating: num(key::NON_ALLOCATING)? != 0,
            removing: num(key::REMOVING)? != 0,
            top_zap: num(key::TOP_ZAP)?,
            children,
        })
    }
}

/// The number of that name; `None` if there is none.
///
/// # Errors
/// [`ConfigError::Type`] for a value of another type.
fn number(list: &NvList, key: &'static str) -> Result<Option<u64>, ConfigError> {
    match list.get(key) {
        None => Ok(None),
        Some(NvValue::Uint64(number)) => Ok(Some(*number)),
        Some(_) => Err(ConfigError::Type { key, expected: "a number of 64 bits" }),
    }
}

/// Index of a vdev among its parent's children. The root has no parent, and need not have one; any other has:
/// `vdev_config_generate()` writes it always, and DVAs count top-level vdevs by it.
///
/// # Errors
/// [`ConfigError::NoId`] if it has none.
fn id(list: &NvList, kind: &VdevType) -> Result<u64, ConfigError> {
    match (number(list, key::ID)?, kind) {
        (Some(id), _) => Ok(id),
        (None, VdevType::Root) => Ok(0),
        (None, kind) => Err(ConfigError::NoId(kind.to_string())),
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
        let need = |key| number(list, key)?.ok_or(ConfigError::Missing(key));
        let state = PoolState(need(key::STATE)?);
        if state.0 > PoolState::L2CACHE.0 {
            return Err(ConfigError::State(state.0));
        }
        // Spares and cache devices have no tree: they belong to no top-level vdev.
        let (top, name, pool_guid) = if state == PoolState::SPARE || state == PoolState::L2CACHE {
            (VdevConfig::default(), String::new(), 0)
        } else {
            let tree = list.list(key::VDEV_TREE).ok_or(ConfigError::Missing(key::VDEV_TREE))?;
            (
                VdevConfig::parse(tree)?,
                list.str(key::NAME).ok_or(ConfigError::Missing(key::NAME))?.to_owned(),
                need(key::POOL_GUID)?,
            )
        };
        Ok(Self {
            version: need(key::VERSION)?,
            name,
            pool_guid,
            state,
            // A spare has none.
            txg: number(list, key::TXG)?.unwrap_or_default(),
            guid: need(key::GUID)?,
            // Pools before version 3 do not say how many there are.
            vdev_children: number(list, key::VDEV_CHILDREN)?.unwrap_or_default(),
            hostname: list.str(key::HOSTNAME).map(str::to_owned),
            top,
            features_for_read: list
                .list(key::FEATURES_FOR_READ)
                .map(|l| l.iter().map(|(name, _)| name.to_string()).collect())
                .unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vdev(kind: &str, pairs: &[(&str, NvValue)]) -> NvList {
        let mut list = NvList::new();
        list.insert("type", NvValue::String(kind.into()));
        for (key, value) in pairs {
            list.insert(*key, value.clone());
        }
        list
    }

    #[test]
    fn a_number_of_another_type_is_not_one_that_is_not_there() {
        let (zero, text) = (NvValue::Uint64(0), NvValue::String("7".into()));
        let parsed = |key: &'static str, value: &NvValue| {
            let list = vdev("disk", &[("id", zero.clone()), (key, value.clone())]);
            VdevConfig::parse(&list).map(drop)
        };
        for key in
            ["guid", "ashift", "asize", "DTL", "offline", "metaslab_shift", "draid_nchildren"]
        {
            assert_eq!(parsed(key, &zero), Ok(()), "{key}");
            let expected = "a number of 64 bits";
            assert_eq!(parsed(key, &text), Err(ConfigError::Type { key, expected }));
        }
        for key in ["children", "raidz_expand_txgs"] {
            let refused = parsed(key, &text);
            assert!(
                matches!(refused, Err(ConfigError::Type { key: k, .. }) if k == key),
                "{refused:?}"
            );
        }
        assert_eq!(VdevConfig::parse(&vdev("disk", &[("id", zero)])).unwrap().asize, 0);
    }

    #[test]
    fn a_vdev_without_a_number_is_not_the_first() {
        let refused = VdevConfig::parse(&vdev("mirror", &[])).unwrap_err();
        assert_eq!(refused, ConfigError::NoId("mirror".to_owned()));
        let top = vdev("disk", &[("id", NvValue::Uint64(3))]);
        let root = vdev("root", &[("children", NvValue::ListArray(vec![top]))]);
        let root = VdevConfig::parse(&root).unwrap();
        assert_eq!((root.id, root.children[0].id), (0, 3));
    }
}
