//! Encryption of stored streams.

use super::Found;
use super::row::{EncryptionRow, Keys, Kind};
use crate::exit::{CommandResult, Failure};
use crate::stdin;
use crate::text::one_line;
use std::path::Path;
use std::sync::Arc;
use zsend_pool::ErrorClass;
use zsend_stream::outline::{Outline, OutlineEnd, outline_file};

/// Adds a row for every stream of an input.
pub(super) fn collect(path: &Path, found: &mut Found) -> CommandResult {
    let (name, file) = stdin::open(Some(path))?;
    let outline = outline_file(&name, file);
    let outline = outline.map_err(|e| Failure::io("read", Path::new(&name), &e))?;
    let over =
        |why| Failure::new(ErrorClass::Unsupported, one_line(&format!("{}: {why}", outline.file)));
    found.budget.take(&outline).map_err(over)?;
    found.rows.extend(rows(&outline));
    match &outline.end {
        OutlineEnd::Whole | OutlineEnd::Cut if outline.has_no_stream() => {
            Err(Failure::new(ErrorClass::Damaged, one_line(&format!("{name}: no stream"))))
        }
        OutlineEnd::Damaged(e) => Err(Failure::caused(ErrorClass::Damaged, name, e)),
        // What its BEGINs say is there all the same.
        _ => Ok(()),
    }
}

fn rows(outline: &Outline) -> impl Iterator<Item = EncryptionRow> {
    outline.streams.iter().map(|stream| {
        let segment = &stream.segment;
        let root = outline.package.as_ref();
        let root = root.and_then(|package| package.encryption_root(segment.dataset()));
        let data = segment.keys.as_deref();
        EncryptionRow {
            kind: Kind::Stream,
            name: segment.toname.clone(),
            place: Arc::clone(&outline.file),
            guid: segment.toguid,
            fromguid: segment.fromguid,
            root: root.map(str::to_owned),
            keys: data.map(|data| Keys {
                suite: data.suite,
                key_guid: data.key_guid,
                format: data.format,
                iterations: data.iterations,
                salt: data.salt,
                wrapped: data.key_object.clone(),
            }),
            ivset: data.map_or(0, |data| data.to_ivset),
            from_ivset: data.map_or(0, |data| data.from_ivset),
        }
    })
}
