//! Names of the values, in the words of the reference.

use super::{Checksum, DmuType, OLD_TYPES, ObjsetType};
use alloc::borrow::Cow;
use alloc::format;
use core::fmt;

/// `DMU_OT_*` by number, OpenZFS `include/sys/dmu.h`, zfs-2.3.2.
const DMU_NAMES: [&str; OLD_TYPES.len()] = [
    "NONE",
    "OBJECT_DIRECTORY",
    "OBJECT_ARRAY",
    "PACKED_NVLIST",
    "PACKED_NVLIST_SIZE",
    "BPOBJ",
    "BPOBJ_HDR",
    "SPACE_MAP_HEADER",
    "SPACE_MAP",
    "INTENT_LOG",
    "DNODE",
    "OBJSET",
    "DSL_DIR",
    "DSL_DIR_CHILD_MAP",
    "DSL_DS_SNAP_MAP",
    "DSL_PROPS",
    "DSL_DATASET",
    "ZNODE",
    "OLDACL",
    "PLAIN_FILE_CONTENTS",
    "DIRECTORY_CONTENTS",
    "MASTER_NODE",
    "UNLINKED_SET",
    "ZVOL",
    "ZVOL_PROP",
    "PLAIN_OTHER",
    "UINT64_OTHER",
    "ZAP_OTHER",
    "ERROR_LOG",
    "SPA_HISTORY",
    "SPA_HISTORY_OFFSETS",
    "POOL_PROPS",
    "DSL_PERMS",
    "ACL",
    "SYSACL",
    "FUID",
    "FUID_SIZE",
    "NEXT_CLONES",
    "SCAN_QUEUE",
    "USERGROUP_USED",
    "USERGROUP_QUOTA",
    "USERREFS",
    "DDT_ZAP",
    "DDT_STATS",
    "SA",
    "SA_MASTER_NODE",
    "SA_ATTR_REGISTRATION",
    "SA_ATTR_LAYOUTS",
    "SCAN_XLATE",
    "DEDUP",
    "DEADLIST",
    "DEADLIST_HDR",
    "DSL_CLONES",
    "BPOBJ_SUBOBJ",
];

impl DmuType {
    /// The name of a type of the old list, as `DMU_OT_*` without the prefix; `None` for one that
    /// describes itself, and for an unknown one.
    pub fn name(self) -> Option<&'static str> {
        DMU_NAMES.get(usize::from(self.0)).copied()
    }
}

impl fmt::Display for DmuType {
    /// The name, or the number where there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Checksum {
    /// The value's name, as the property `checksum` has it.
    pub fn name(self) -> Cow<'static, str> {
        match self.row() {
            Some(&(name, _)) => name.into(),
            None => format!("checksum {}", self.0).into(),
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl fmt::Display for ObjsetType {
    /// As `DMU_OST_*` without the prefix, or the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::META => f.write_str("META"),
            Self::ZFS => f.write_str("ZFS"),
            Self::ZVOL => f.write_str("ZVOL"),
            Self::OTHER => f.write_str("OTHER"),
            Self(number) => write!(f, "{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Compress;
    use alloc::string::ToString;

    #[test]
    fn constants_and_names_agree() {
        for (kind, name) in [
            (DmuType::NONE, "NONE"),
            (DmuType::DNODE, "DNODE"),
            (DmuType::DSL_DATASET, "DSL_DATASET"),
            (DmuType::PLAIN_FILE_CONTENTS, "PLAIN_FILE_CONTENTS"),
            (DmuType::SA, "SA"),
            (DmuType(53), "BPOBJ_SUBOBJ"),
            (DmuType(54), "54"),
            (DmuType(0xc4), "196"),
        ] {
            assert_eq!(kind.to_string(), name);
        }
        assert_eq!(Compress::GZIP_9.to_string(), "gzip-9");
        assert_eq!(Checksum::BLAKE3.to_string(), "blake3");
        assert_eq!(
            (ObjsetType::ZVOL.to_string(), ObjsetType(9).to_string()),
            ("ZVOL".into(), "9".into())
        );
    }
}
