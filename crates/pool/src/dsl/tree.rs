//! The filesystems and volumes of a pool, one after another.

use super::dataset::Dataset;
use super::dir::Dir;
use super::name::MAX_NAME;
use crate::dmu::objset::Objset;
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};
use std::collections::HashSet;

/// The filesystems and volumes of a pool by their full names, each before those below it, and those of one
/// parent by name. What cannot be read costs itself and what lies below it, and comes as an error. Why a part
/// of a directory's children is lost comes after those that are not, under the directory's name and a slash.
///
/// Internal directories, whose names start with `$`, and partial receives, with `%`, are left out.
#[derive(Debug)]
pub struct Datasets<'a> {
    mos: &'a Objset,
    /// Names and directories that are yet to come, the next one last.
    next: Vec<(String, Result<u64>)>,
    /// Directories that were met. A directory that is its own descendant would have no end.
    seen: HashSet<u64>,
}

impl<'a> Datasets<'a> {
    /// Those of the pool called `name`, whose top directory is object `root` of the MOS.
    pub fn new(mos: &'a Objset, name: &str, root: u64) -> Self {
        Self { mos, next: vec![(name.to_owned(), Ok(root))], seen: HashSet::new() }
    }

    fn open(&mut self, name: &str, object: u64) -> Result<Dataset> {
        let at = Zbookmark::new(self.mos.id(), object, 0, 0);
        if !self.seen.insert(object) {
            return Err(PoolError::corrupt(at, "directory", "in two places of the tree", "in one"));
        }
        if name.len() > MAX_NAME {
            let found = format!("{} bytes", name.len());
            return Err(PoolError::corrupt(at, "name", found, format!("at most {MAX_NAME}")));
        }
        let dir = Dir::open(self.mos, object)?;
        let (children, lost) = match dir.children(self.mos) {
            Ok(children) => (children.items, children.lost),
            Err(e) => (Vec::new(), vec![e]),
        };
        // The last to be added is the next to come.
        self.next.extend(lost.into_iter().rev().map(|e| (format!("{name}/"), Err(e))));
        let is_shown = |(short, _): &(String, _)| !short.starts_with(['$', '%']);
        let shown = children.into_iter().filter(is_shown).rev();
        self.next.extend(shown.map(|(short, child)| (format!("{name}/{short}"), child)));
        Dataset::open(self.mos, dir.head_dataset)
    }
}

impl Iterator for Datasets<'_> {
    type Item = (String, Result<Dataset>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, object) = self.next.pop()?;
        let dataset = object.and_then(|object| self.open(&name, object));
        Some((name, dataset))
    }
}

#[cfg(test)]
mod tests;
