//! Values of properties, and where they come from.

use crate::index::Names;
use crate::nice::{date, nice_bytes, nice_number};
use std::fmt;

/// Value of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// Bytes.
    Bytes(u64),
    /// Bytes of a limit: zero is shown as `none`.
    Limit(u64),
    /// Number of things.
    Count(u64),
    /// Number of things of a limit: the largest number is none.
    CountLimit(u64),
    /// Number that is an identifier, never rounded.
    Id(u64),
    /// Hundredths.
    Ratio(u64),
    /// Seconds since 1970.
    Date(u64),
    /// Seconds since 1970, of which all are shown.
    Moment(u64),
    /// Number with a name.
    Index(u64, &'static Names),
    /// Text.
    Text(String),
}

impl Value {
    /// Returns the number, if the value is one.
    pub const fn number(&self) -> Option<u64> {
        match self {
            Self::Bytes(n)
            | Self::Limit(n)
            | Self::Count(n)
            | Self::CountLimit(n)
            | Self::Id(n)
            | Self::Ratio(n)
            | Self::Date(n)
            | Self::Moment(n)
            | Self::Index(n, _) => Some(*n),
            Self::Text(_) => None,
        }
    }

    /// Returns the value as `zfs get` shows it, with `exact` as `zfs get -p`.
    ///
    /// Follows `zfs_prop_get()`, OpenZFS `lib/libzfs/libzfs_dataset.c`, zfs-2.3.2.
    pub fn shown(&self, exact: bool) -> String {
        match self {
            Self::Limit(0) if !exact => "none".into(),
            Self::CountLimit(u64::MAX) => "none".into(),
            Self::Ratio(n) => {
                format!("{}.{:02}{}", n / 100, n % 100, if exact { "" } else { "x" })
            }
            Self::Index(n, names) => names.of(*n).map_or_else(|| "-".into(), str::to_owned),
            Self::Text(text) => text.clone(),
            Self::Id(n) => n.to_string(),
            Self::Bytes(n)
            | Self::Limit(n)
            | Self::Count(n)
            | Self::CountLimit(n)
            | Self::Date(n)
            | Self::Moment(n)
                if exact =>
            {
                n.to_string()
            }
            Self::Bytes(n) | Self::Limit(n) => nice_bytes(*n),
            Self::Count(n) | Self::CountLimit(n) => nice_number(*n),
            Self::Date(n) => date(*n, false),
            Self::Moment(n) => date(*n, true),
        }
    }
}

/// Place that a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PropertySource {
    /// The pool keeps it; nobody sets it.
    None,
    /// Nobody has set it.
    Default,
    /// It was set on the dataset itself.
    Local,
    /// It was set on the dataset of this name, above.
    Inherited(String),
    /// It was received with the dataset.
    Received,
}

impl fmt::Display for PropertySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Default => f.write_str("default"),
            Self::Local => f.write_str("local"),
            Self::Inherited(name) => write!(f, "inherited from {name}"),
            Self::Received => f.write_str("received"),
        }
    }
}

/// Property of a dataset: its value, and where that comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The value that counts.
    pub value: Value,
    /// Its source.
    pub source: PropertySource,
}

impl Property {
    /// A figure that the pool keeps.
    pub(crate) const fn kept(value: Value) -> Self {
        Self { value, source: PropertySource::None }
    }
}
