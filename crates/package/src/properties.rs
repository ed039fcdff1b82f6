//! Properties and holds as a package has them.

use zsend_pool::Zbookmark;
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::dir::Dir;
use zsend_pool::dsl::prop::{HAS_RECEIVED, INHERIT, RECEIVED, UNKNOWN};
use zsend_pool::zap::{self, ZapEntry};
use zsend_pool::{PoolError, Result};
use zsend_props::{ItemKind, Native};
use zsend_records::nvlist::{NvList, NvValue};

/// Properties of volumes that `zfs get` does not show and `zfs send` sends.
const HIDDEN: [&str; 2] = ["iscsioptions", "stmf_sbd_lu"];

/// The choice of properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Those that count.
    Effective,
    /// Those that were set here.
    Local,
    /// Those that were received, whether they count or not.
    Received,
}

/// The properties that a head's directory, or a snapshot, has of its own, in the order of the ZAP, as
/// `zfs send` packs them.
///
/// Follows `dsl_prop_get_all_impl()` and `dsl_prop_get_all_ds()`, OpenZFS `module/zfs/dsl_prop.c`, and
/// `send_iterate_prop()`, `lib/libzfs/libzfs_sendrecv.c`, zfs-2.3.2: what is inherited has another
/// dataset's name for its source, and is not sent.
///
/// # Errors
/// Those of reading the ZAP, and [`PoolError::Corrupt`] for a value that is not of its property's type.
pub fn own(mos: &Objset, object: u64, of: Owner<'_>, choice: Choice) -> Result<NvList> {
    let mut list = NvList::new();
    if object != 0 {
        let entries = zap::entries(mos, object)?;
        let at = Zbookmark::new(mos.id(), object, 0, 0);
        chosen(&entries, of, choice, at, &mut list)?;
    }
    if let (Owner::Head(dir), Choice::Effective) = (of, choice) {
        add_limits(dir, &mut list);
    }
    Ok(list)
}

/// The thing that has properties.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// A head, by its directory.
    Head(&'a Dir),
    /// A snapshot.
    Snapshot,
}

/// Adds the properties of a ZAP.
fn chosen(
    entries: &[ZapEntry],
    of: Owner<'_>,
    choice: Choice,
    at: Zbookmark,
    list: &mut NvList,
) -> Result<()> {
    let names: std::collections::HashSet<&[u8]> = entries.iter().map(|e| &*e.name).collect();
    let has = |name: &str, end: &str| names.contains([name, end].concat().as_bytes());
    for entry in entries {
        // Names of properties are ASCII; what is not is none that a sender knows.
        let Ok(name) = str::from_utf8(&entry.name) else { continue };
        let (name, end) = name.split_at(name.find('$').unwrap_or(name.len()));
        let native = Native::by_name(name);
        let counts = match end {
            "" => choice != Choice::Received && !has(name, UNKNOWN),
            RECEIVED => match choice {
                Choice::Received => true,
                Choice::Effective => !has(name, "") && !has(name, INHERIT),
                Choice::Local => false,
            },
            UNKNOWN => native.is_some_and(|p| entry.u64().is_some_and(|n| p.is_known_index(n))),
            _ => false,
        };
        if !counts || !is_sent(name, native, of) || list.contains(name) {
            continue;
        }
        let is_text = native.is_none_or(Native::is_text);
        let value = if is_text { text(entry) } else { entry.u64().map(NvValue::Uint64) };
        let value = value.ok_or_else(|| {
            let expected = if is_text { "text" } else { "a number" };
            let found = format!("'{name}' of integers of {} bytes", entry.int_size);
            PoolError::corrupt(at, "property", found, expected)
        })?;
        list.insert(name, value);
    }
    Ok(())
}

/// The bytes of a property up to its NUL, whatever they are.
fn text(entry: &ZapEntry) -> Option<NvValue> {
    (entry.int_size == 1).then(|| NvValue::String(entry.value.as_slice().into()))
}

/// Returns true if a property of that name is sent: one that users made, or one that is known and can be
/// set; of a snapshot, one that snapshots have, and no limit on space.
fn is_sent(name: &str, native: Option<&Native>, of: Owner<'_>) -> bool {
    match (native, of) {
        (None, Owner::Head(_)) => is_user(name) || HIDDEN.contains(&name),
        (None, Owner::Snapshot) => is_user(name),
        (Some(native), Owner::Head(_)) => native.is_settable(),
        (Some(native), Owner::Snapshot) => native.is_settable() && native.is_of(ItemKind::Snapshot),
    }
}

/// `zfs_prop_user()`: OpenZFS `module/zcommon/zfs_prop.c`, zfs-2.3.2.
fn is_user(name: &str) -> bool {
    let is_valid = |b: u8| {
        b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.' | b':')
    };
    name.contains(':') && name.bytes().all(is_valid)
}

/// Gives the limits on space the values that the directory has. Pools from before version 22 have them
/// there alone: `dsl_dir_stats()`, OpenZFS `module/zfs/dsl_dir.c`, zfs-2.3.2.
fn add_limits(dir: &Dir, list: &mut NvList) {
    for (name, value) in [("quota", dir.quota), ("reservation", dir.reserved)] {
        if value != 0 && !list.contains(name) {
            list.insert(name, NvValue::Uint64(value));
        }
    }
}

/// Returns true if the ZAP of a directory's properties has the mark that some were received, here or into
/// a dataset from which it inherits. Where no such mark is, `zfs send -b` sends what was set.
///
/// Follows `dsl_prop_get_received()`, OpenZFS `module/zfs/dsl_prop.c`, zfs-2.3.2.
///
/// # Errors
/// Those of reading the ZAP.
pub fn has_received(mos: &Objset, props: u64) -> Result<bool> {
    Ok(props != 0 && zap::entries(mos, props)?.iter().any(|e| e.name == HAS_RECEIVED.as_bytes()))
}

/// The holds of a snapshot: tags, and the time of each in seconds since 1970, in the order of the ZAP.
///
/// Follows `dsl_dataset_get_holds()`, OpenZFS `module/zfs/dsl_userhold.c`, zfs-2.3.2.
///
/// # Errors
/// Those of reading the ZAP, and [`PoolError::Corrupt`] for a hold without a time.
pub fn holds(mos: &Objset, object: u64) -> Result<NvList> {
    let mut list = NvList::new();
    if object != 0 {
        let at = Zbookmark::new(mos.id(), object, 0, 0);
        for entry in zap::entries(mos, object)? {
            list.insert(entry.name(), NvValue::Uint64(entry.number(at)?));
        }
    }
    Ok(list)
}
