//! The datasets of a run, and which clones wait for which.

use crate::shard::Shard;
use std::collections::{HashMap, HashSet};
use zsend_pool::{Dataset, Datasets, Dir, Pool, PoolError, zap};

/// A filesystem or volume whose snapshots are sent, one after another.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Full name.
    pub name: String,
    /// Guid of the head.
    pub guid: u64,
    /// The head's object in the MOS.
    pub(crate) head: u64,
    /// The snapshot that it was cloned from, an object of the MOS; `None` if it is no clone.
    pub(crate) origin: Option<u64>,
    /// The unit that the origin belongs to, which goes first, if it is one of the run.
    pub(crate) after: Option<usize>,
}

/// The datasets of a run.
#[derive(Debug, Default)]
pub struct Units {
    pub(crate) units: Vec<Unit>,
    pub(crate) lost: Vec<(String, PoolError)>,
}

impl Units {
    /// Finds the filesystems and volumes of a pool, or `root` and those below it, that belong to a shard.
    ///
    /// Clones go with what they were cloned from: the shard is chosen by the guid of the dataset that is no
    /// clone, so that no chain of streams is in two shards.
    ///
    /// # Errors
    /// [`PoolError::NotFound`] for a root that is not there, [`PoolError::Cancelled`]. What cannot be read costs itself and what
    /// lies below it: see [`Self::lost`].
    pub fn find(pool: &Pool, root: Option<&str>, shard: Option<Shard>) -> Result<Self, PoolError> {
        let top = pool.root_dir()?;
        let (name, dir) = match root {
            Some(name) => (name.to_owned(), pool.dir(name)?.object),
            None => (pool.name().to_owned(), top.object),
        };
        let mut finder = Finder { pool, empty: empty_dir(pool, &top)?, roots: HashMap::new() };
        let mut found = Self::default();
        let mut by_dir = HashMap::new();
        let mut guids = HashMap::new();
        for (name, head) in Datasets::new(pool.mos(), &name, dir) {
            let unit = head.and_then(|head| finder.unit(&name, &head, shard));
            match unit {
                Ok(Some((dir, unit))) => {
                    if let Some(other) = guids.insert(unit.guid, name.clone()) {
                        let e =
                            PoolError::BadName { name: other, why: "another dataset has its guid" };
                        found.lost.push((name, e));
                        continue;
                    }
                    by_dir.insert(dir, found.units.len());
                    found.units.push(unit);
                }
                Ok(None) => {}
                Err(PoolError::Cancelled) => return Err(PoolError::Cancelled),
                Err(e) => found.lost.push((name, e)),
            }
        }
        for i in 0..found.units.len() {
            let Some(origin) = found.units[i].origin else { continue };
            // One that cannot be read is an error of the clone's, once it is sent.
            let dir = Dataset::open(pool.mos(), origin).map(|origin| origin.dir);
            found.units[i].after = dir.ok().and_then(|dir| by_dir.get(&dir).copied());
        }
        found.break_loops();
        Ok(found)
    }

    /// The datasets, each before those below it.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Names of what cannot be read, and why: a dataset, with all below it, or, where the name ends in a
    /// slash, some of what is below one.
    pub fn lost(&self) -> &[(String, PoolError)] {
        &self.lost
    }

    /// Clones that were cloned from one another wait for nobody: no pool has such, but one that is damaged
    /// or hostile may.
    fn break_loops(&mut self) {
        // All units that can be reached from those that wait for nobody.
        let mut waiting: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut next = Vec::new();
        for (i, unit) in self.units.iter().enumerate() {
            match unit.after {
                Some(after) => waiting.entry(after).or_default().push(i),
                None => next.push(i),
            }
        }
        let mut reached = HashSet::new();
        while let Some(i) = next.pop() {
            reached.insert(i);
            next.extend(waiting.remove(&i).unwrap_or_default());
        }
        for (i, unit) in self.units.iter_mut().enumerate() {
            if !reached.contains(&i) {
                unit.after = None;
            }
        }
    }
}

/// The directory of the empty snapshot that all datasets but clones have as their origin:
/// `dsl_dir_is_clone()`, OpenZFS `module/zfs/dsl_dir.c`, zfs-2.3.2. Old pools have none.
fn empty_dir(pool: &Pool, top: &Dir) -> Result<Option<u64>, PoolError> {
    if top.children == 0 {
        return Ok(None);
    }
    zap::lookup_u64(pool.mos(), top.children, "$ORIGIN")
}

struct Finder<'p> {
    pool: &'p Pool,
    /// Directory of the empty snapshot.
    empty: Option<u64>,
    /// Guids of the datasets that are no clones, by the directories of their clones.
    roots: HashMap<u64, u64>,
}

impl Finder<'_> {
    /// The unit of a head, with its directory; `None` if it belongs to another shard.
    fn unit(
        &mut self,
        name: &str,
        head: &Dataset,
        shard: Option<Shard>,
    ) -> Result<Option<(u64, Unit)>, PoolError> {
        let origin = self.origin(head.dir)?;
        if let Some(shard) = shard {
            let root = self.root_of(head)?;
            if !shard.has(self.pool.label().pool_guid, root) {
                return Ok(None);
            }
        }
        let origin = origin.map(|origin| origin.object);
        let unit =
            Unit { name: name.to_owned(), guid: head.guid, head: head.object, origin, after: None };
        Ok(Some((head.dir, unit)))
    }

    /// The snapshot that a directory was cloned from; `None` if it is no clone.
    fn origin(&self, dir: u64) -> Result<Option<Dataset>, PoolError> {
        let origin = Dir::open(self.pool.mos(), dir)?.origin;
        if origin == 0 {
            return Ok(None);
        }
        let origin = Dataset::open(self.pool.mos(), origin)?;
        Ok((Some(origin.dir) != self.empty).then_some(origin))
    }

    /// Guid of the dataset at the end of a head's origins.
    fn root_of(&mut self, head: &Dataset) -> Result<u64, PoolError> {
        let mos = self.pool.mos();
        let (mut dir, mut on_the_way) = (head.dir, HashSet::new());
        let guid = loop {
            if let Some(&guid) = self.roots.get(&dir) {
                break guid;
            }
            let Some(origin) = self.origin(dir)? else {
                break Dataset::open(mos, Dir::open(mos, dir)?.head_dataset)?.guid;
            };
            if !on_the_way.insert(dir) {
                let at = zsend_pool::Zbookmark::new(mos.id(), dir, 0, 0);
                return Err(PoolError::corrupt(at, "chain of origins", "a loop", "an end"));
            }
            dir = origin.dir;
        };
        self.roots.extend(on_the_way.into_iter().map(|dir| (dir, guid)));
        self.roots.insert(dir, guid);
        Ok(guid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(waits: &[Option<usize>]) -> Vec<Option<usize>> {
        let unit = |&after: &Option<usize>| Unit {
            name: String::new(),
            guid: 0,
            head: 0,
            origin: Some(1),
            after,
        };
        let mut units = Units { units: waits.iter().map(unit).collect(), lost: Vec::new() };
        units.break_loops();
        units.units.iter().map(|unit| unit.after).collect()
    }

    #[test]
    fn clones_wait_but_never_for_one_another() {
        let chain = [None, Some(0), Some(1), Some(0)];
        assert_eq!(after(&chain), chain);
        assert_eq!(after(&[Some(0)]), [None]);
        // Two that wait for each other, one that waits for them, and one that does not.
        assert_eq!(after(&[Some(1), Some(0), Some(1), None]), [None, None, None, None]);
    }
}
