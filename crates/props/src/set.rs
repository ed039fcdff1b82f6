//! Properties that are set, received or inherited.

use crate::item::{Item, ItemKind};
use crate::native::{Form, Kept, Native, Preset};
use crate::value::{Property, PropertySource, Value};
use std::collections::HashMap;
use std::iter::{once, successors};
use zsend_pool::Zbookmark;
use zsend_pool::dsl::prop;
use zsend_pool::zap::{self, ZapEntry};
use zsend_pool::{PoolError, Result};

/// Properties that are set on one dataset.
#[derive(Debug)]
pub(crate) struct SetOn {
    /// The dataset.
    name: String,
    /// By their names.
    entries: HashMap<Vec<u8>, ZapEntry>,
}

impl SetOn {
    fn entry(&self, name: &str, end: &str) -> Option<&ZapEntry> {
        self.entries.get([name.as_bytes(), end.as_bytes()].concat().as_slice())
    }

    /// Returns the entry that counts, and true if it was received.
    fn find(&self, name: &str, form: Option<Form>) -> Option<(&ZapEntry, bool)> {
        let is_known = |n| matches!(form, Some(Form::Index(names)) if names.of(n).is_some());
        prop::counting(|end| self.entry(name, end), is_known)
    }
}

impl Item<'_> {
    /// Returns the properties that are set on the item and on each dataset above it, nearest first.
    fn levels(&self) -> Result<&[SetOn]> {
        if let Some(levels) = self.levels.get() {
            return Ok(levels);
        }
        let mos = self.pool.mos();
        let read = |name: &str, object: u64| {
            let entries = if object == 0 { Vec::new() } else { zap::entries(mos, object)? };
            let entries = entries.into_iter().map(|e| (e.name.clone(), e)).collect();
            Ok::<_, PoolError>(SetOn { name: name.to_owned(), entries })
        };
        let mut levels = Vec::new();
        if let Some(snapshot) = self.dsl().filter(|dataset| dataset.is_snapshot) {
            levels.push(read(&self.name, snapshot.props)?);
        }
        let end = self.name.find(['@', '#']).unwrap_or(self.name.len());
        let names = successors(Some(&self.name[..end]), |name| Some(name.rsplit_once('/')?.0));
        let dirs = once(Ok(self.dir.clone())).chain(self.dir.ancestors(mos));
        for (name, dir) in names.zip(dirs) {
            levels.push(read(name, dir?.props)?);
        }
        Ok(self.levels.get_or_init(|| levels))
    }

    /// Returns the entry that counts, and its source.
    fn find(
        &self,
        name: &str,
        form: Option<Form>,
        inherits: bool,
    ) -> Result<Option<(&ZapEntry, PropertySource)>> {
        for (i, level) in self.levels()?.iter().enumerate() {
            let is_own = i == 0;
            if !is_own && !inherits {
                break;
            }
            let Some((entry, received)) = level.find(name, form) else { continue };
            let source = match (is_own, received) {
                (true, true) => PropertySource::Received,
                (true, false) => PropertySource::Local,
                (false, _) => PropertySource::Inherited(level.name.clone()),
            };
            return Ok(Some((entry, source)));
        }
        Ok(None)
    }

    /// Returns a property that is set, or its default.
    pub(crate) fn set(&self, native: &Native) -> Result<Option<Property>> {
        let inherits = native.kept == Kept::Inherited;
        let Some((entry, source)) = self.find(native.name, Some(native.form), inherits)? else {
            return Ok(match native.name {
                "mountpoint" => Some(self.mountpoint("/", PropertySource::Default)),
                _ => Self::preset(native),
            });
        };
        if let Form::Text = native.form {
            let text = entry.string().ok_or_else(|| self.not(native.name, entry, "text"))?;
            return Ok(Some(match native.name {
                "mountpoint" => self.mountpoint(&text, source),
                _ => Property { value: Value::Text(text), source },
            }));
        }
        let number = entry.u64().ok_or_else(|| self.not(native.name, entry, "a number"))?;
        // The kernel calls what it keeps itself a default if it is one, wherever it comes from.
        let is_limit = matches!(native.form, Form::Limit | Form::CountLimit);
        if is_limit && matches!(native.preset, Preset::Number(n) if n == number) {
            return Ok(Self::preset(native));
        }
        match native.form.value(number) {
            Value::Index(n, names) if names.of(n).is_none() => Ok(None),
            value => Ok(Some(Property { value, source })),
        }
    }

    /// Returns the value of a property that was received, whether it counts or not.
    ///
    /// # Errors
    /// Those of reading the ZAP of properties.
    pub fn received(&self, name: &str) -> Result<Option<Property>> {
        if self.kind() == ItemKind::Bookmark {
            return Ok(None);
        }
        let level = self.levels()?.first();
        let Some(entry) = level.and_then(|level| level.entry(name, prop::RECEIVED)) else {
            return Ok(None);
        };
        let native = Native::by_name(name).filter(|native| !matches!(native.form, Form::Text));
        let value = match native {
            Some(native) => {
                let number = entry.u64().ok_or_else(|| self.not(name, entry, "a number"))?;
                native.form.value(number)
            }
            None => Value::Text(entry.string().ok_or_else(|| self.not(name, entry, "text"))?),
        };
        Ok(Some(Property { value, source: PropertySource::Received }))
    }

    fn not(&self, name: &str, entry: &ZapEntry, expected: &str) -> PoolError {
        let at = Zbookmark::new(self.pool.mos().id(), self.dir.props, 0, 0);
        let found =
            format!("'{name}' of {} integers of {} bytes", entry.ints().len(), entry.int_size);
        PoolError::corrupt(at, "property", found, expected)
    }

    /// Returns the mount point that follows from the one of the source: what lies below that is
    /// appended.
    ///
    /// Follows `zfs_prop_get()`, OpenZFS `lib/libzfs/libzfs_dataset.c`, zfs-2.3.2.
    fn mountpoint(&self, text: &str, source: PropertySource) -> Property {
        let below = match &source {
            PropertySource::Inherited(name) => {
                self.name.strip_prefix(name.as_str()).unwrap_or_default()
            }
            PropertySource::Default => &self.name,
            PropertySource::Local | PropertySource::Received | PropertySource::None => "",
        };
        let below = below.trim_start_matches('/');
        let value = if !text.starts_with('/') || below.is_empty() {
            text.to_owned()
        } else {
            format!("{}/{below}", text.trim_end_matches('/'))
        };
        Property { value: Value::Text(value), source }
    }

    /// Returns the properties that users made, whose names have a colon, by name. They are inherited.
    ///
    /// # Errors
    /// Those of reading the ZAPs of properties.
    pub fn user(&self) -> Result<Vec<(String, Property)>> {
        if self.kind() == ItemKind::Bookmark {
            return Ok(Vec::new());
        }
        let mut names: Vec<String> = Vec::new();
        for name in self.levels()?.iter().flat_map(|level| level.entries.keys()) {
            let name = String::from_utf8_lossy(name);
            let end = [prop::RECEIVED, prop::INHERIT].iter().find_map(|end| name.strip_suffix(end));
            let name = end.unwrap_or(&name);
            if name.contains(':') {
                names.push(name.to_owned());
            }
        }
        names.sort();
        names.dedup();
        let mut found = Vec::new();
        for name in names {
            if let Some(property) = self.user_property(&name)? {
                found.push((name, property));
            }
        }
        Ok(found)
    }

    /// Returns a property that users made; `None` if it is not set.
    ///
    /// # Errors
    /// Those of reading the ZAPs of properties.
    pub fn user_property(&self, name: &str) -> Result<Option<Property>> {
        if self.kind() == ItemKind::Bookmark {
            return Ok(None);
        }
        let Some((entry, source)) = self.find(name, None, true)? else { return Ok(None) };
        let text = entry.string().ok_or_else(|| self.not(name, entry, "text"))?;
        Ok(Some(Property { value: Value::Text(text), source }))
    }
}
