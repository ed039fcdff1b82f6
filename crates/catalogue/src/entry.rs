//! A line of a catalogue: what is known of a stream.

use crate::catalogue::Key;
use crate::error::LineError;
use crate::file_name;
use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use zsend_encoder::dialect::Dialect;

/// Most bytes of a line, its end not counted. The names in it have at most 255 bytes each.
pub const MAX_LINE: usize = 8 << 10;

/// Version of the format.
const VERSION: u32 = 1;
/// Most bytes of a name: `ZFS_MAX_DATASET_NAME_LEN` less its NUL.
const MAX_NAME: usize = 255;
/// Most characters of a value that an error quotes.
const MAX_QUOTED: usize = 60;

/// A stream that is whole, durable and has its name: a line of a catalogue, one JSON object. Guids are
/// strings of decimal digits there, since many readers of JSON take no number above 2^53 as it is.
///
/// [`Entry::parse`] reads one and checks it; what `serde` reads is not checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Entry {
    pub(crate) version: u32,
    /// Full name of the filesystem or volume, when it was sent.
    pub dataset: String,
    /// Name of the snapshot, without that of the dataset.
    pub snapshot: String,
    /// Guid of the snapshot: `toguid` of the stream.
    #[serde(with = "decimal")]
    pub guid: u64,
    /// Full name of the snapshot or bookmark that it is incremental from; `None` for a full stream.
    pub from: Option<String>,
    /// Guid of that snapshot: `fromguid` of the stream.
    #[serde(with = "decimal::optional")]
    pub fromguid: Option<u64>,
    /// True if that snapshot is of another dataset, of which this one is a clone: a stream with this begins a
    /// dataset, as a full one does.
    pub clone: bool,
    /// Name of the file, in the folder of the catalogue.
    pub file: String,
    /// Size of the stream, bytes.
    pub size: u64,
    /// Records of the stream, BEGIN and END too.
    pub records: u64,
    /// Blocks that could not be read, and are a pattern in the stream (`zfs_send_corrupt_data`).
    pub replaced: u64,
    /// BLAKE3 of the stream, 64 hexadecimal digits.
    pub blake3: String,
    /// The sender whose stream it is, by its name on the command line.
    pub dialect: String,
    /// Flags of `zfs send`, of `L`, `e`, `c`, `w`, in this order.
    pub flags: String,
    /// Guid of the encryption key of the dataset (`DSL_CRYPTO_GUID`); `None` if it is not encrypted.
    #[serde(with = "decimal::optional")]
    pub keyguid: Option<u64>,
    /// Txg that the snapshot was taken in.
    pub createtxg: u64,
    /// Creation of the snapshot, seconds since 1970.
    pub creation: u64,
    /// Guid of the pool.
    #[serde(with = "decimal")]
    pub poolguid: u64,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            version: VERSION,
            dataset: String::new(),
            snapshot: String::new(),
            guid: 0,
            from: None,
            fromguid: None,
            clone: false,
            file: String::new(),
            size: 0,
            records: 0,
            replaced: 0,
            blake3: String::new(),
            dialect: Dialect::default().name().to_owned(),
            flags: String::new(),
            keyguid: None,
            createtxg: 0,
            creation: 0,
            poolguid: 0,
        }
    }
}

impl Entry {
    /// Reads a line, with or without its end.
    ///
    /// # Errors
    /// [`LineError`], also of a file name that is no plain name of a stream.
    pub fn parse(line: &[u8]) -> Result<Self, LineError> {
        if line.strip_suffix(b"\n").unwrap_or(line).len() > MAX_LINE {
            return Err(LineError::TooLong);
        }
        let value: serde_json::Value =
            serde_json::from_slice(line).map_err(|e| LineError::NotJson(e.to_string()))?;
        // The version goes first: of another one the fields are not known.
        if let Some(version) = value.get("version").and_then(serde_json::Value::as_u64)
            && version != u64::from(VERSION)
        {
            return Err(LineError::Version(version));
        }
        // Of the text, since a value has lost all but the last of two fields of one name.
        let entry: Self =
            serde_json::from_slice(line).map_err(|e| LineError::Shape(e.to_string()))?;
        entry.check()?;
        Ok(entry)
    }

    /// The line, with its end.
    pub fn to_line(&self) -> String {
        // Nothing in it can fail: the keys are strings, and all values have a form in JSON.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    /// Full name of the snapshot.
    pub fn name(&self) -> String {
        format!("{}@{}", self.dataset, self.snapshot)
    }

    /// Flags and dialect of the stream.
    pub fn settings(&self) -> Settings {
        Settings::new(self.flags.as_str(), self.dialect.as_str())
    }

    /// The identity of the snapshot.
    pub const fn key(&self) -> Key {
        Key { poolguid: self.poolguid, guid: self.guid, createtxg: self.createtxg }
    }

    fn check(&self) -> Result<(), LineError> {
        let refuse = |name, value: &str, why| {
            let value = value.chars().take(MAX_QUOTED).flat_map(char::escape_default).collect();
            Err(LineError::Field { name, value, why })
        };
        for (name, value) in [("dataset", &self.dataset), ("snapshot", &self.snapshot)] {
            if value.is_empty() || value.len() > MAX_NAME || value.contains(char::is_control) {
                return refuse(name, value, "no name of zfs");
            }
        }
        if !file_name::is_one(&self.file) {
            return refuse("file", &self.file, "no plain name of a stream in the folder");
        }
        let is_hash = self.blake3.len() == 64
            && self.blake3.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_hash {
            return refuse("blake3", &self.blake3, "no 64 hexadecimal digits");
        }
        if self.dialect.parse::<Dialect>().is_err() {
            return refuse("dialect", &self.dialect, "no dialect");
        }
        let in_order: String = "Lecw".chars().filter(|&flag| self.flags.contains(flag)).collect();
        if in_order != self.flags {
            return refuse("flags", &self.flags, "no flags of a stream");
        }
        match (&self.from, self.fromguid) {
            (None, None) if self.clone => refuse("clone", "true", "said of a full stream"),
            (None, None) => Ok(()),
            (Some(from), Some(_)) if from.len() <= MAX_NAME && !from.contains(char::is_control) => {
                Ok(())
            }
            (from, _) => {
                refuse("from", from.as_deref().unwrap_or(""), "no name of zfs with a guid")
            }
        }
    }
}

/// Numbers as strings of decimal digits.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        parse(&String::deserialize(from)?)
    }

    fn parse<E: Error>(text: &str) -> Result<u64, E> {
        let number = text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        number.ok_or_else(|| E::custom("a guid is a string of decimal digits"))
    }

    pub(super) mod optional {
        use serde::{Deserialize, Deserializer, Serializer};

        pub(in super::super) fn serialize<S: Serializer>(
            number: &Option<u64>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match number {
                Some(number) => to.collect_str(number),
                None => to.serialize_none(),
            }
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<u64>, D::Error> {
            let text = Option::<String>::deserialize(from)?;
            text.map(|text| super::parse(&text)).transpose()
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
