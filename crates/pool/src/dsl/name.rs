//! Names of datasets, snapshots and bookmarks: their form, and their parts.

use crate::{PoolError, Result};
use std::fmt;

/// Most bytes of a full name: `ZFS_MAX_DATASET_NAME_LEN` less its NUL.
pub const MAX_NAME: usize = 255;

/// Words of `zfs` for an empty part of a name.
const EMPTY_COMPONENT: &str = "empty component or misplaced '@' or '#' delimiter in name";

/// The part of a name behind the dataset's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suffix {
    /// Nothing: the head itself.
    None,
    /// `@snapshot`.
    Snapshot(String),
    /// `#bookmark`.
    Bookmark(String),
}

/// A full name, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// `pool/parent/child`.
    pub dataset: String,
    /// The snapshot or bookmark, if one is named.
    pub suffix: Suffix,
}

impl Name {
    /// Takes a full name apart. What is wrong with one is said in the words of `zfs`: `zfs_validate_name()`,
    /// OpenZFS `lib/libzfs/libzfs_dataset.c`, zfs-2.3.2.
    ///
    /// # Errors
    /// [`PoolError::BadName`] if a part is empty, too long, or has a second `@` or `#`.
    pub fn parse(name: &str) -> Result<Self> {
        let bad = |why| PoolError::BadName { name: name.to_owned(), why };
        if name.len() > MAX_NAME {
            return Err(bad("name is too long"));
        }
        let (dataset, suffix) = match name.find(['@', '#']) {
            None => (name, Suffix::None),
            Some(i) => {
                let short = &name[i + 1..];
                if short.contains(['@', '#']) {
                    return Err(bad("multiple '@' and/or '#' delimiters in name"));
                }
                if short.is_empty() || short.contains('/') {
                    return Err(bad(EMPTY_COMPONENT));
                }
                let suffix = if name.as_bytes()[i] == b'@' {
                    Suffix::Snapshot(short.to_owned())
                } else {
                    Suffix::Bookmark(short.to_owned())
                };
                (&name[..i], suffix)
            }
        };
        if dataset.starts_with('/') {
            return Err(bad("leading slash in name"));
        }
        if name.ends_with('/') {
            return Err(bad("trailing slash in name"));
        }
        if dataset.split('/').any(str::is_empty) {
            return Err(bad(EMPTY_COMPONENT));
        }
        Ok(Self { dataset: dataset.to_owned(), suffix })
    }

    /// The pool's part.
    pub fn pool(&self) -> &str {
        self.dataset.split('/').next().unwrap_or(&self.dataset)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.dataset)?;
        match &self.suffix {
            Suffix::None => Ok(()),
            Suffix::Snapshot(s) => write!(f, "@{s}"),
            Suffix::Bookmark(b) => write!(f, "#{b}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart_and_together() {
        for full in ["p", "p/a/b", "p/a@s", "p#b"] {
            assert_eq!(Name::parse(full).unwrap().to_string(), full);
        }
        assert_eq!(Name::parse("p/a@s").unwrap().pool(), "p");
    }

    #[test]
    fn malformed_names_are_refused() {
        for bad in ["", "@s", "p/", "p//a", "p@", "p@a@b", "p@a/b", "p#a#b", "/p"] {
            assert!(matches!(Name::parse(bad), Err(PoolError::BadName { .. })), "{bad}");
        }
        assert!(Name::parse(&"x".repeat(256)).is_err());
    }
}
