//! Rows of a dataset, snapshot, bookmark or stream.

use crate::text::{Head, one_line, or_dash};
use serde_json::{Value, json};
use std::sync::Arc;
use zsend_crypto::{KeyFormat, KeyObject, Suite};
use zsend_stream::keys::{SnapshotKeys, key_object_json};

/// Kind of a thing that has keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dataset,
    Snapshot,
    Bookmark,
    Stream,
}

/// Keys of an encrypted dataset, as far as they are known without the user's.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) suite: Suite,
    pub(super) key_guid: u64,
    pub(super) format: KeyFormat,
    pub(super) iterations: u64,
    pub(super) salt: u64,
    /// The wrapped keys, of a dataset or a stream.
    pub(super) wrapped: Option<KeyObject>,
}

/// Row of one thing.
#[derive(Clone, Debug)]
pub(super) struct EncryptionRow {
    pub(super) kind: Kind,
    /// Full name.
    pub(super) name: String,
    /// The file of a stream, or the guid of a pool.
    pub(super) place: Arc<str>,
    /// Guid of the snapshot; zero for a dataset.
    pub(super) guid: u64,
    /// Guid of the snapshot that a stream starts from; zero if there is none.
    pub(super) fromguid: u64,
    /// The encryption root, if it is known.
    pub(super) root: Option<String>,
    /// `None` for a stream that is not raw.
    pub(super) keys: Option<Keys>,
    /// Set of IVs of the snapshot; zero if there is none.
    pub(super) ivset: u64,
    /// Set of IVs that a raw stream starts from; zero if there is none.
    pub(super) from_ivset: u64,
}

impl EncryptionRow {
    pub(super) fn head() -> Vec<Head> {
        let names = [
            "NAME",
            "ROOT",
            "ENCRYPTION",
            "KEYFORMAT",
            "ITERS",
            "SALT",
            "KEYGUID",
            "IVSET",
            "FROM",
        ];
        names.into_iter().map(Head::of).collect()
    }

    pub(super) fn cells(&self) -> Vec<String> {
        let keys = self.keys.as_ref();
        let number = |of: fn(&Keys) -> u64| or_dash(keys.map_or(0, of));
        vec![
            match self.kind {
                Kind::Stream => one_line(&format!("{}: {}", self.place, self.name)),
                Kind::Dataset | Kind::Snapshot | Kind::Bookmark => one_line(&self.name),
            },
            self.root.as_deref().map_or_else(|| "-".to_owned(), one_line),
            keys.map_or_else(|| "-".to_owned(), |keys| keys.suite.to_string()),
            keys.map_or_else(|| "-".to_owned(), |keys| keys.format.to_string()),
            number(|keys| keys.iterations),
            number(|keys| keys.salt),
            number(|keys| keys.key_guid),
            or_dash(self.ivset),
            or_dash(self.from_ivset),
        ]
    }

    /// The row as a JSON object. Guids are strings of decimal digits.
    pub(super) fn json(&self) -> Value {
        let guid = |guid: u64| (guid != 0).then(|| guid.to_string());
        let (kind, place) = match self.kind {
            Kind::Dataset => ("dataset", "pool"),
            Kind::Snapshot => ("snapshot", "pool"),
            Kind::Bookmark => ("bookmark", "pool"),
            Kind::Stream => ("stream", "file"),
        };
        let keys = self.keys.as_ref();
        let wrapped = keys.and_then(|keys| {
            let Keys { format, iterations, salt, .. } = *keys;
            Some(key_object_json(keys.wrapped.as_ref()?, format, iterations, salt))
        });
        json!({
            "kind": kind,
            "name": self.name,
            (place): &*self.place,
            "guid": guid(self.guid),
            "fromguid": guid(self.fromguid),
            "encryptionroot": self.root,
            "encryption": keys.map(|keys| keys.suite.to_string()),
            "keyformat": keys.map(|keys| keys.format.to_string()),
            "pbkdf2iters": keys.map(|keys| keys.iterations),
            "pbkdf2salt": keys.map(|keys| keys.salt.to_string()),
            "keyguid": keys.and_then(|keys| guid(keys.key_guid)),
            "ivset": guid(self.ivset),
            "from_ivset": guid(self.from_ivset),
            "wrapped": wrapped,
        })
    }

    /// The snapshots that it says something of: its own, and the one that a raw stream starts from.
    pub(super) fn copies(&self) -> Vec<SnapshotKeys> {
        // A stream that is not raw says nothing of how its snapshot is encrypted.
        let Some(Keys { key_guid, .. }) = self.keys else { return Vec::new() };
        let of = |name, guid, ivset| SnapshotKeys { name, guid, key_guid, ivset };
        let name = format!("{} in {}", self.name, self.place);
        let mut copies = Vec::new();
        match self.kind {
            Kind::Dataset => {}
            // One from before there were sets of IVs says nothing of them.
            Kind::Bookmark if self.ivset == 0 => {}
            Kind::Snapshot | Kind::Bookmark | Kind::Stream => {
                copies.push(of(name.clone(), self.guid, self.ivset));
            }
        }
        if self.fromguid != 0 {
            copies.push(of(format!("the base of {name}"), self.fromguid, self.from_ivset));
        }
        copies
    }
}
