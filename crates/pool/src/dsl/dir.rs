//! DSL directories: the tree of filesystem and volume names.

use super::listing::Listing;
use super::name::MAX_NAME;
use crate::dmu::objset::Objset;
use crate::zap::ZapEntry;
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};
use zerocopy::FromBytes;
use zsend_ondisk::dsl::DirPhys;
use zsend_records::types::DmuType;

/// A DSL directory.
#[derive(Clone, Debug)]
pub struct Dir {
    /// Its object number in the MOS.
    pub object: u64,
    /// The live dataset.
    pub head_dataset: u64,
    /// The parent directory, or zero at the top.
    pub parent: u64,
    /// The snapshot that it was cloned from, or zero.
    pub origin: u64,
    /// ZAP of child names, or zero.
    pub children: u64,
    /// ZAP of properties, or zero.
    pub props: u64,
    /// Bytes used by it and all below.
    pub used_bytes: u64,
    /// Bytes that it and all below may use, or zero for any.
    pub quota: u64,
    /// Bytes that are kept for it and all below.
    pub reserved: u64,
    /// True if the object is also a ZAP, of fields that were added later.
    pub zapified: bool,
}

impl Dir {
    /// Reads directory `object` of the MOS.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if the object is no directory.
    pub fn open(mos: &Objset, object: u64) -> Result<Self> {
        let dnode = mos.dnode(object)?;
        let at = Zbookmark::new(mos.id(), object, 0, 0);
        let bonus = dnode.bonus();
        let phys = match DirPhys::ref_from_prefix(&bonus) {
            Ok((phys, _)) if dnode.bonustype == DmuType::DSL_DIR => phys,
            _ => {
                let found = format!("type {}, {} bytes", dnode.bonustype, bonus.len());
                return Err(PoolError::corrupt(at, "bonus", found, "a DSL directory"));
            }
        };
        Ok(Self {
            object,
            head_dataset: phys.head_dataset_obj.get(),
            parent: phys.parent_obj.get(),
            origin: phys.origin_obj.get(),
            children: phys.child_dir_zapobj.get(),
            props: phys.props_zapobj.get(),
            used_bytes: phys.used_bytes.get(),
            quota: phys.quota.get(),
            reserved: phys.reserved.get(),
            zapified: dnode.object_type != DmuType::DSL_DIR,
        })
    }

    /// The directories above, nearest first. A chain that is longer than any name allows is a loop, and ends
    /// with [`PoolError::Corrupt`], as one that cannot be read ends with its error.
    pub fn ancestors<'m>(&self, mos: &'m Objset) -> impl Iterator<Item = Result<Self>> + use<'m> {
        let (object, mut parent, mut left) = (self.object, self.parent, MAX_NAME);
        std::iter::from_fn(move || {
            if parent == 0 {
                return None;
            }
            let above = match left.checked_sub(1) {
                Some(fewer) => {
                    left = fewer;
                    Self::open(mos, parent)
                }
                None => {
                    let at = Zbookmark::new(mos.id(), object, 0, 0);
                    Err(PoolError::corrupt(at, "chain of parents", "a loop", "an end"))
                }
            };
            parent = above.as_ref().map_or(0, |above| above.parent);
            Some(above)
        })
    }

    /// Names and object numbers of the child directories, by name; internal ones, whose names start
    /// with `$`, and partial receives, with `%`, are among them.
    ///
    /// # Errors
    /// Those of reading the ZAP, where no entry can be found.
    pub fn children(&self, mos: &Objset) -> Result<Listing<u64>> {
        Listing::read(mos, self.children, |entry| self.child(mos, entry))
    }

    /// As [`Self::children`], in the order of the ZAP: the order in which the kernel lists them, and
    /// `zfs send -R` sends them.
    ///
    /// # Errors
    /// As [`Self::children`].
    pub fn children_unsorted(&self, mos: &Objset) -> Result<Listing<u64>> {
        Listing::read_unsorted(mos, self.children, |entry| self.child(mos, entry))
    }

    fn child(&self, mos: &Objset, entry: &ZapEntry) -> Result<u64> {
        entry.u64().ok_or_else(|| {
            let at = Zbookmark::new(mos.id(), self.children, 0, 0);
            PoolError::corrupt(at, "child", format!("{:?}", entry.ints()), "an object number")
        })
    }
}
