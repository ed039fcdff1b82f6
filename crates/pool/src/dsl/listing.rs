//! Lists of names in the MOS: child directories, snapshots, bookmarks.

use crate::dmu::objset::Objset;
use crate::zap::{self, ZapEntry};
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};

/// The names of one list, and what stands behind each. What cannot be read costs itself alone.
#[derive(Debug)]
pub struct Listing<T> {
    /// By name, unless another order is said.
    pub items: Vec<(String, Result<T>)>,
    /// Reasons why parts of the list, and the names in them, cannot be read.
    pub lost: Vec<PoolError>,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { items: Vec::new(), lost: Vec::new() }
    }
}

/// A name that no writer gives, in a form that can be shown; `None` for one that is well formed.
fn shown(name: &str) -> Option<String> {
    let is_odd = |c: char| c.is_control() || matches!(c, '/' | '@' | '#' | '\u{fffd}');
    (name.is_empty() || name.contains(is_odd)).then(|| name.escape_debug().collect())
}

impl<T> Listing<T> {
    /// Reads ZAP `object` of the MOS, or nothing where it is zero; `of` gives what stands behind a
    /// name.
    pub(crate) fn read(
        mos: &Objset,
        object: u64,
        of: impl Fn(&ZapEntry) -> Result<T>,
    ) -> Result<Self> {
        let mut all = Self::read_unsorted(mos, object, of)?;
        all.items.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(all)
    }

    /// As [`Self::read`], in the ZAP's own order.
    pub(crate) fn read_unsorted(
        mos: &Objset,
        object: u64,
        of: impl Fn(&ZapEntry) -> Result<T>,
    ) -> Result<Self> {
        if object == 0 {
            return Ok(Self::default());
        }
        let readable = zap::readable(mos, object)?;
        let at = Zbookmark::new(mos.id(), object, 0, 0);
        let item = |entry: &ZapEntry| match shown(&entry.name()) {
            None => match of(entry) {
                Err(PoolError::Cancelled) => Err(PoolError::Cancelled),
                item => Ok((entry.name(), item)),
            },
            Some(shown) => {
                let e = PoolError::corrupt(at, "name", format!("'{shown}'"), "a name of zfs");
                Ok((shown, Err(e)))
            }
        };
        let items = readable.entries.iter().map(item).collect::<Result<_>>()?;
        Ok(Self { items, lost: readable.lost })
    }

    /// The one of that name, or `None`.
    ///
    /// # Errors
    /// The reason why it cannot be read, or why a part of the list cannot that it may be in.
    pub fn find(self, name: &str) -> Result<Option<T>> {
        match self.items.into_iter().find(|(n, _)| n == name) {
            Some((_, item)) => item.map(Some),
            None => self.lost.into_iter().next().map_or(Ok(None), Err),
        }
    }

    /// Those that can be read, with their names, and why others cannot.
    pub fn split(self) -> (Vec<(String, T)>, Vec<PoolError>) {
        let mut lost = self.lost;
        let mut items = Vec::with_capacity(self.items.len());
        for (name, item) in self.items {
            match item {
                Ok(item) => items.push((name, item)),
                Err(e) => lost.push(e),
            }
        }
        (items, lost)
    }
}
