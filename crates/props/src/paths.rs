//! Names of directories, of which many have parents in common.

use std::collections::HashMap;
use zsend_pool::Pool;
use zsend_pool::Zbookmark;
use zsend_pool::dsl::dir::Dir;
use zsend_pool::dsl::name::MAX_NAME;
use zsend_pool::{PoolError, Result};

/// Names of directories of a pool. Each parent's list of children is read once.
pub(crate) struct Paths<'p> {
    pool: &'p Pool,
    /// By a parent's object, the names of its children by theirs.
    children: HashMap<u64, HashMap<u64, String>>,
}

impl<'p> Paths<'p> {
    pub(crate) fn new(pool: &'p Pool) -> Self {
        Self { pool, children: HashMap::new() }
    }

    /// Returns the full name of a directory.
    ///
    /// # Errors
    /// Those of reading the directories; one that its parent does not know, and a name that is longer
    /// than any, as in a loop.
    pub(crate) fn of(&mut self, object: u64) -> Result<String> {
        let mos = self.pool.mos();
        let (mut dir, mut name) = (Dir::open(mos, object)?, String::new());
        for parent in dir.ancestors(mos) {
            let parent = parent?;
            let children = match self.children.entry(parent.object) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(new) => {
                    let named = parent.children(mos)?.items.into_iter();
                    new.insert(
                        named.filter_map(|(name, object)| Some((object.ok()?, name))).collect(),
                    )
                }
            };
            let at = Zbookmark::new(mos.id(), parent.object, 0, 0);
            let own = children.get(&dir.object).ok_or_else(|| {
                PoolError::corrupt(at, "child directory", dir.object, "one that it lists")
            })?;
            name = format!("/{own}{name}");
            if name.len() > MAX_NAME {
                let expected = format!("at most {MAX_NAME}");
                return Err(PoolError::corrupt(at, "length of a name", name.len(), expected));
            }
            dir = parent;
        }
        Ok(format!("{}{name}", self.pool.name()))
    }
}
