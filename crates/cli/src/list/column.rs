//! Columns of `zsend list`: properties, and the name.

use crate::exit::Failure;
use crate::text::Head;
use zsend_pool::{ErrorClass, Result};
use zsend_props::{Item, NATIVE, Native, Property, PropertySource, Value};

/// A column.
#[derive(Clone, Debug)]
pub(crate) enum Column {
    Name,
    Native(&'static Native),
    /// A property that users made.
    User(String),
}

/// Columns of `zfs list`, OpenZFS `cmd/zfs/zfs_main.c`, zfs-2.3.2.
const DEFAULT: [&str; 5] = ["name", "used", "available", "referenced", "mountpoint"];
/// Columns of `-o space`, in the same place.
const SPACE: [&str; 7] = [
    "name",
    "available",
    "used",
    "usedbysnapshots",
    "usedbydataset",
    "usedbyrefreservation",
    "usedbychildren",
];

impl Column {
    /// The columns that were asked for, or those of `zfs list`.
    pub(crate) fn all(names: &[String]) -> std::result::Result<Vec<Self>, Failure> {
        if names.is_empty() {
            return DEFAULT.iter().map(|name| Self::named(name)).collect();
        }
        let mut columns = Vec::new();
        for name in names {
            match name.as_str() {
                "space" => {
                    for name in SPACE {
                        columns.push(Self::named(name)?);
                    }
                }
                "all" => {
                    columns.push(Self::Name);
                    columns.extend(NATIVE.iter().map(Self::Native));
                }
                name => columns.push(Self::named(name)?),
            }
        }
        Ok(columns)
    }

    /// The column of a name.
    pub(crate) fn named(name: &str) -> std::result::Result<Self, Failure> {
        if name == "name" {
            return Ok(Self::Name);
        }
        if let Some(native) = Native::by_name(name) {
            return Ok(Self::Native(native));
        }
        if name.contains(':') {
            return Ok(Self::User(name.to_owned()));
        }
        if name.contains('@') {
            let why = format!("not supported: the property '{name}'");
            return Err(Failure::new(ErrorClass::Unsupported, why));
        }
        Err(Failure::usage(format!(
            "no property is called '{name}'; `zsend get all` shows all that there are"
        )))
    }

    /// The name by which JSON has it.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Name => "name",
            Self::Native(native) => native.name,
            Self::User(name) => name,
        }
    }

    fn heading(&self) -> String {
        match self {
            Self::Name => "NAME".to_owned(),
            Self::Native(native) => native.column.to_owned(),
            Self::User(name) => name.to_uppercase(),
        }
    }

    /// The head of its column.
    pub(crate) fn head(&self) -> Head {
        let (is_right, width) = match self {
            Self::Native(native) => (native.is_right(), native.fixed_width()),
            Self::Name | Self::User(_) => (false, None),
        };
        Head { text: self.heading(), is_right, width }
    }

    /// The property of an item that is shown under a name; `None` if it has not got it.
    pub(crate) fn of(&self, name: &str, item: &Item<'_>) -> Result<Option<Property>> {
        match self {
            Self::Name => {
                let value = Value::Text(name.to_owned());
                Ok(Some(Property { value, source: PropertySource::None }))
            }
            Self::Native(native) => item.native(native),
            Self::User(name) => item.user_property(name),
        }
    }
}
