//! Native properties: their names, kinds and defaults.
//!
//! Source: `zfs_prop_init()`, OpenZFS `module/zcommon/zfs_prop.c`, zfs-2.3.2. They stand in the order
//! in which `zfs get all` shows them.

use crate::index::{self as i, Names};
use crate::item::ItemKind;
use crate::value::Value;

/// Place where a property's value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The DSL's objects, or those that they lead to.
    Stat,
    /// The master node of a filesystem.
    Zpl,
    /// A ZAP of properties, from which it is inherited by those below.
    Inherited,
    /// A ZAP of properties, of the dataset alone.
    Own,
}

/// Form of a property's value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Bytes,
    Limit,
    Count,
    CountLimit,
    Id,
    Ratio,
    Date,
    Moment,
    Index(&'static Names),
    Text,
}

impl Form {
    /// Makes a value of a number.
    pub(crate) fn value(self, number: u64) -> Value {
        match self {
            Self::Bytes => Value::Bytes(number),
            Self::Limit => Value::Limit(number),
            Self::Count => Value::Count(number),
            Self::CountLimit => Value::CountLimit(number),
            Self::Id | Self::Text => Value::Id(number),
            Self::Ratio => Value::Ratio(number),
            Self::Date => Value::Date(number),
            Self::Moment => Value::Moment(number),
            Self::Index(names) => Value::Index(number, names),
        }
    }
}

/// Default of a property.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Preset {
    Number(u64),
    Text(&'static str),
    /// There is none: a dataset without the value has not got the property.
    None,
}

/// A native property.
#[derive(Debug)]
pub struct Native {
    /// Name, as `zfs get` takes it.
    pub name: &'static str,
    /// Heading of its column in `zfs list`; another name for it, in any case.
    pub column: &'static str,
    pub(crate) form: Form,
    pub(crate) preset: Preset,
    pub(crate) kept: Kept,
    kinds: u8,
}

/// Filesystems, volumes, snapshots and bookmarks, a bit each.
const F: u8 = ItemKind::Filesystem.bit();
const V: u8 = ItemKind::Volume.bit();
const S: u8 = ItemKind::Snapshot.bit();
const B: u8 = ItemKind::Bookmark.bit();

impl Native {
    /// Returns the native property of this name, or of this column.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        NATIVE.iter().find(|p| p.name == name || p.column.eq_ignore_ascii_case(name))
    }

    /// Returns true if things of this kind can have the property.
    pub const fn is_of(&self, kind: ItemKind) -> bool {
        self.kinds & kind.bit() != 0
    }

    /// Returns true if it can be set, or was when older releases made the pool: the opposite of
    /// `zfs_prop_readonly()`, OpenZFS `module/zcommon/zfs_prop.c`, zfs-2.3.2.
    pub fn is_settable(&self) -> bool {
        match self.kept {
            Kept::Inherited | Kept::Own => true,
            Kept::Stat | Kept::Zpl => {
                matches!(self.name, "quota" | "reservation" | "volsize" | "version")
            }
        }
    }

    /// Returns true if its value is text; others are numbers, of whatever names.
    pub const fn is_text(&self) -> bool {
        matches!(self.form, Form::Text)
    }

    /// Returns true if a number is one of those that have a name; of a property that is no index, none
    /// has: `dsl_prop_known_index()`, OpenZFS `module/zfs/dsl_prop.c`, zfs-2.3.2.
    pub fn is_known_index(&self, number: u64) -> bool {
        matches!(self.form, Form::Index(names) if names.of(number).is_some())
    }

    /// Returns true if its column is justified to the right, as numbers are; dates are not.
    pub const fn is_right(&self) -> bool {
        !matches!(self.form, Form::Index(_) | Form::Text | Form::Date | Form::Moment)
    }

    /// Returns the width that its column has whatever is in it; `None` if it is as wide as it needs.
    ///
    /// Follows `zprop_width()`, OpenZFS `module/zcommon/zprop_common.c`, zfs-2.3.2.
    pub fn fixed_width(&self) -> Option<usize> {
        let least = match self.form {
            Form::Bytes | Form::Limit | Form::Count | Form::CountLimit | Form::Ratio => 5,
            Form::Index(names) => names.widest(),
            Form::Id | Form::Date | Form::Moment | Form::Text => return None,
        };
        Some(least.max(self.column.len()))
    }
}

const fn stat(name: &'static str, column: &'static str, form: Form, kinds: u8) -> Native {
    Native { name, column, form, preset: Preset::None, kept: Kept::Stat, kinds }
}

const fn zpl(name: &'static str, column: &'static str, names: &'static Names) -> Native {
    let form = Form::Index(names);
    Native { name, column, form, preset: Preset::None, kept: Kept::Zpl, kinds: F | S }
}

/// A property that is inherited.
const fn index(
    name: &'static str,
    column: &'static str,
    names: &'static Names,
    default: u64,
    kinds: u8,
) -> Native {
    let (form, preset) = (Form::Index(names), Preset::Number(default));
    Native { name, column, form, preset, kept: Kept::Inherited, kinds }
}

const fn text(
    name: &'static str,
    column: &'static str,
    default: &'static str,
    kept: Kept,
    kinds: u8,
) -> Native {
    Native { name, column, form: Form::Text, preset: Preset::Text(default), kept, kinds }
}

const fn number(
    name: &'static str,
    column: &'static str,
    form: Form,
    default: u64,
    kept: Kept,
    kinds: u8,
) -> Native {
    Native { name, column, form, preset: Preset::Number(default), kept, kinds }
}

/// All native properties that `zfs get all` shows, in its order.
pub static NATIVE: &[Native] = &[
    stat("type", "TYPE", Form::Text, F | V | S | B),
    stat("creation", "CREATION", Form::Date, F | V | S | B),
    stat("used", "USED", Form::Bytes, F | V | S),
    stat("available", "AVAIL", Form::Bytes, F | V),
    stat("referenced", "REFER", Form::Bytes, F | V | S | B),
    stat("compressratio", "RATIO", Form::Ratio, F | V | S),
    stat("mounted", "MOUNTED", Form::Index(&i::MOUNTED), F),
    stat("origin", "ORIGIN", Form::Text, F | V),
    number("quota", "QUOTA", Form::Limit, 0, Kept::Stat, F),
    number("reservation", "RESERV", Form::Limit, 0, Kept::Stat, F | V),
    stat("volsize", "VOLSIZE", Form::Count, V | S),
    stat("volblocksize", "VOLBLOCK", Form::Count, V),
    number("recordsize", "RECSIZE", Form::Count, 128 << 10, Kept::Inherited, F),
    text("mountpoint", "MOUNTPOINT", "/", Kept::Inherited, F),
    text("sharenfs", "SHARENFS", "off", Kept::Inherited, F),
    index("checksum", "CHECKSUM", &i::CHECKSUM, 1, F | V),
    index("compression", "COMPRESS", &i::COMPRESSION, 1, F | V),
    index("atime", "ATIME", &i::BOOLEAN, 1, F),
    index("devices", "DEVICES", &i::BOOLEAN, 1, F | S),
    index("exec", "EXEC", &i::BOOLEAN, 1, F | S),
    index("setuid", "SETUID", &i::BOOLEAN, 1, F | S),
    index("readonly", "RDONLY", &i::BOOLEAN, 0, F | V),
    index("zoned", "ZONED", &i::BOOLEAN, 0, F),
    index("snapdir", "SNAPDIR", &i::SNAPDIR, 0, F),
    index("aclmode", "ACLMODE", &i::ACLMODE, 0, F),
    index("aclinherit", "ACLINHERIT", &i::ACLINHERIT, 4, F),
    stat("createtxg", "CREATETXG", Form::Id, F | V | S | B),
    Native { kept: Kept::Own, ..index("canmount", "CANMOUNT", &i::CANMOUNT, 1, F) },
    index("xattr", "XATTR", &i::XATTR, 2, F | S),
    index("copies", "COPIES", &i::COPIES, 1, F | V),
    zpl("version", "VERSION", &i::VERSION),
    zpl("utf8only", "UTF8ONLY", &i::BOOLEAN),
    zpl("normalization", "NORMALIZATION", &i::NORMALIZATION),
    zpl("casesensitivity", "CASE", &i::CASE),
    index("vscan", "VSCAN", &i::BOOLEAN, 0, F),
    index("nbmand", "NBMAND", &i::BOOLEAN, 0, F | S),
    text("sharesmb", "SHARESMB", "off", Kept::Inherited, F),
    number("refquota", "REFQUOTA", Form::Limit, 0, Kept::Own, F),
    number("refreservation", "REFRESERV", Form::Limit, 0, Kept::Own, F | V),
    stat("guid", "GUID", Form::Id, F | V | S | B),
    index("primarycache", "PRIMARYCACHE", &i::CACHE, 2, F | V | S),
    index("secondarycache", "SECONDARYCACHE", &i::CACHE, 2, F | V | S),
    stat("usedbysnapshots", "USEDSNAP", Form::Bytes, F | V),
    stat("usedbydataset", "USEDDS", Form::Bytes, F | V),
    stat("usedbychildren", "USEDCHILD", Form::Bytes, F | V),
    stat("usedbyrefreservation", "USEDREFRESERV", Form::Bytes, F | V),
    index("logbias", "LOGBIAS", &i::LOGBIAS, 0, F | V),
    stat("defer_destroy", "DEFER_DESTROY", Form::Index(&i::BOOLEAN), S),
    stat("userrefs", "USERREFS", Form::Count, S),
    stat("objsetid", "OBJSETID", Form::Id, F | V | S),
    index("dedup", "DEDUP", &i::DEDUP, 2, F | V),
    text("mlslabel", "MLSLABEL", "none", Kept::Inherited, F | V | S),
    index("sync", "SYNC", &i::SYNC, 0, F | V),
    index("dnodesize", "DNSIZE", &i::DNODESIZE, 0, F),
    stat("refcompressratio", "REFRATIO", Form::Ratio, F | V | S),
    stat("written", "WRITTEN", Form::Count, F | V | S),
    stat("clones", "CLONES", Form::Text, S),
    stat("logicalused", "LUSED", Form::Count, F | V),
    stat("logicalreferenced", "LREFER", Form::Count, F | V | S | B),
    index("volmode", "VOLMODE", &i::VOLMODE, 0, F | V),
    number("filesystem_limit", "FSLIMIT", Form::CountLimit, u64::MAX, Kept::Own, F),
    number("snapshot_limit", "SSLIMIT", Form::CountLimit, u64::MAX, Kept::Own, F | V),
    number("filesystem_count", "FSCOUNT", Form::CountLimit, u64::MAX, Kept::Stat, F),
    number("snapshot_count", "SSCOUNT", Form::CountLimit, u64::MAX, Kept::Stat, F | V),
    index("snapdev", "SNAPDEV", &i::SNAPDEV, 0, F | V),
    index("acltype", "ACLTYPE", &i::ACLTYPE, 0, F | S),
    text("context", "CONTEXT", "none", Kept::Own, F | V | S),
    text("fscontext", "FSCONTEXT", "none", Kept::Own, F | V | S),
    text("defcontext", "DEFCONTEXT", "none", Kept::Own, F | V | S),
    text("rootcontext", "ROOTCONTEXT", "none", Kept::Own, F | V | S),
    index("relatime", "RELATIME", &i::BOOLEAN, 1, F),
    index("redundant_metadata", "REDUND_MD", &i::REDUNDANT_METADATA, 0, F | V),
    index("overlay", "OVERLAY", &i::BOOLEAN, 1, F),
    stat("receive_resume_token", "RESUMETOK", Form::Text, F | V),
    number("encryption", "ENCRYPTION", Form::Index(&i::ENCRYPTION), 2, Kept::Stat, F | V | S),
    text("keylocation", "KEYLOCATION", "none", Kept::Own, F | V),
    number("keyformat", "KEYFORMAT", Form::Index(&i::KEYFORMAT), 0, Kept::Stat, F | V),
    number("pbkdf2iters", "PBKDF2ITERS", Form::Id, 0, Kept::Stat, F | V),
    stat("encryptionroot", "ENCROOT", Form::Text, F | V | S),
    stat("keystatus", "KEYSTATUS", Form::Index(&i::KEYSTATUS), F | V | S),
    number("special_small_blocks", "SPECIAL_SMALL_BLOCKS", Form::Count, 0, Kept::Inherited, F),
    stat("redact_snaps", "RSNAPS", Form::Text, F | V | S | B),
    stat("snapshots_changed", "SNAPSHOTS_CHANGED", Form::Moment, F | V),
    index("prefetch", "PREFETCH", &i::CACHE, 2, F | V | S),
    index("direct", "DIRECT", &i::DIRECT, 1, F),
    index("longname", "LONGNAME", &i::BOOLEAN, 0, F),
    Native { kept: Kept::Own, ..index("volthreading", "VOLTHREAD", &i::BOOLEAN, 1, V) },
];
