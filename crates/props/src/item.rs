//! Things that have properties: filesystems, volumes, snapshots, bookmarks.

use crate::native::{Kept, NATIVE, Native, Preset};
use crate::set::SetOn;
use crate::value::{Property, PropertySource, Value};
use std::cell::OnceCell;
use zsend_pool::Pool;
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::bookmark::DsBookmark;
use zsend_pool::dsl::crypt::Encryption;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::dir::Dir;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::{PoolError, Result};
use zsend_records::types::ObjsetType;

/// Kind of a thing that has properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemKind {
    /// A filesystem.
    Filesystem,
    /// A volume.
    Volume,
    /// A snapshot of either.
    Snapshot,
    /// A bookmark of either.
    Bookmark,
}

impl ItemKind {
    pub(crate) const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// Returns the kind as the property `type` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::Volume => "volume",
            Self::Snapshot => "snapshot",
            Self::Bookmark => "bookmark",
        }
    }
}

/// Thing of the DSL that an item stands for.
#[derive(Debug)]
pub(crate) enum Of {
    Dataset(Box<Dataset>),
    Bookmark(Box<DsBookmark>),
}

/// A filesystem, volume, snapshot or bookmark of a pool.
#[derive(Debug)]
pub struct Item<'p> {
    pub(crate) pool: &'p Pool,
    pub(crate) name: String,
    kind: ItemKind,
    pub(crate) dir: Dir,
    pub(crate) of: Of,
    /// The object set, read without a key.
    objset: OnceCell<Objset>,
    encryption: OnceCell<Option<Encryption>>,
    /// Properties that are set on it and above it.
    pub(crate) levels: OnceCell<Vec<SetOn>>,
}

impl<'p> Item<'p> {
    /// The item of a full name: `pool/fs`, `pool/fs@snap` or `pool/fs#book`.
    ///
    /// # Errors
    /// [`PoolError::NotFound`] if there is none of that name, [`PoolError::BadName`], and those of
    /// reading it.
    pub fn open(pool: &'p Pool, name: &str) -> Result<Self> {
        let name = Name::parse(name)?;
        let dir = pool.dir(&name.dataset)?;
        match &name.suffix {
            Suffix::Bookmark(short) => {
                let head = Dataset::open(pool.mos(), dir.head_dataset)?;
                let missing = || PoolError::NotFound { what: "bookmark", name: name.to_string() };
                let bookmark = pool.bookmark(&head, short)?.ok_or_else(missing)?;
                Ok(Self::bookmark(pool, name.to_string(), dir, bookmark))
            }
            Suffix::None | Suffix::Snapshot(_) => {
                Self::dataset(pool, name.to_string(), dir, pool.dataset(&name)?)
            }
        }
    }

    /// The item of a head or snapshot that was read before.
    ///
    /// # Errors
    /// Those of reading its object set, which says whether it is a volume.
    pub fn dataset(pool: &'p Pool, name: String, dir: Dir, dataset: Dataset) -> Result<Self> {
        let is_snapshot = dataset.is_snapshot;
        let mut item = Self {
            kind: ItemKind::Filesystem,
            of: Of::Dataset(Box::new(dataset)),
            ..Self::empty(pool, name, dir)
        };
        if is_snapshot {
            item.kind = ItemKind::Snapshot;
        } else if let Some(objset) = item.objset()?
            && objset.kind() == ObjsetType::ZVOL
        {
            item.kind = ItemKind::Volume;
        }
        Ok(item)
    }

    /// The item of a bookmark that was read before.
    pub fn bookmark(pool: &'p Pool, name: String, dir: Dir, bookmark: DsBookmark) -> Self {
        Self { of: Of::Bookmark(Box::new(bookmark)), ..Self::empty(pool, name, dir) }
    }

    fn empty(pool: &'p Pool, name: String, dir: Dir) -> Self {
        Self {
            pool,
            name,
            kind: ItemKind::Bookmark,
            dir,
            of: Of::Bookmark(Box::default()),
            objset: OnceCell::new(),
            encryption: OnceCell::new(),
            levels: OnceCell::new(),
        }
    }

    /// Returns the full name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the kind.
    pub const fn kind(&self) -> ItemKind {
        self.kind
    }

    /// Returns the dataset; `None` for a bookmark.
    pub(crate) fn dsl(&self) -> Option<&Dataset> {
        match &self.of {
            Of::Dataset(dataset) => Some(dataset),
            Of::Bookmark(_) => None,
        }
    }

    /// Returns the object set, read without a key: what is not encrypted of it can be read. `None` for
    /// a bookmark, and for a head that has no contents yet.
    pub(crate) fn objset(&self) -> Result<Option<&Objset>> {
        let Some(dataset) = self.dsl().filter(|dataset| !dataset.bp.is_hole()) else {
            return Ok(None);
        };
        if let Some(objset) = self.objset.get() {
            return Ok(Some(objset));
        }
        let objset = match self.encryption()? {
            Some(_) => self.pool.raw_objset(dataset)?,
            None => self.pool.objset(dataset)?,
        };
        Ok(Some(self.objset.get_or_init(|| objset)))
    }

    /// Returns what is known of the encryption; `None` if there is none.
    pub(crate) fn encryption(&self) -> Result<Option<&Encryption>> {
        let Some(dataset) = self.dsl() else { return Ok(None) };
        if self.encryption.get().is_none() {
            let encryption = self.pool.encryption(dataset)?;
            let _ = self.encryption.set(encryption);
        }
        Ok(self.encryption.get().and_then(Option::as_ref))
    }

    /// Returns a native property; `None` if the item has not got it.
    ///
    /// # Errors
    /// Those of reading the objects that it lies in.
    pub fn native(&self, native: &Native) -> Result<Option<Property>> {
        if !native.is_of(self.kind) || !self.is_of_head(native)? {
            return Ok(None);
        }
        match native.kept {
            Kept::Stat => self.stat(native),
            Kept::Zpl => self.zpl(native),
            Kept::Inherited | Kept::Own => self.set(native),
        }
    }

    /// Returns all native properties that the item has, in the order of `zfs get all`.
    ///
    /// # Errors
    /// Those of [`Self::native`].
    pub fn natives(&self) -> Result<Vec<(&'static Native, Property)>> {
        let mut found = Vec::new();
        for native in NATIVE {
            if let Some(property) = self.native(native)? {
                found.push((native, property));
            }
        }
        Ok(found)
    }

    /// Returns true unless the item is a snapshot of a head whose kind has not got the property, as
    /// a snapshot of a volume has none of a filesystem.
    fn is_of_head(&self, native: &Native) -> Result<bool> {
        if self.kind != ItemKind::Snapshot {
            return Ok(true);
        }
        // The object set, which may be damaged, is not asked for what both kinds have.
        if native.is_of(ItemKind::Filesystem) == native.is_of(ItemKind::Volume) {
            return Ok(true);
        }
        let is_volume = self.objset()?.is_some_and(|objset| objset.kind() == ObjsetType::ZVOL);
        Ok(native.is_of(if is_volume { ItemKind::Volume } else { ItemKind::Filesystem }))
    }

    /// A property that has its default.
    pub(crate) fn preset(native: &Native) -> Option<Property> {
        let value = match native.preset {
            Preset::Number(n) => native.form.value(n),
            Preset::Text(text) => Value::Text(text.to_owned()),
            Preset::None => return None,
        };
        Some(Property { value, source: PropertySource::Default })
    }
}
