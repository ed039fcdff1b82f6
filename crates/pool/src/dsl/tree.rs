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
    /// Directories that are yet to come, the next one last.
    next: Vec<Ahead>,
    /// Directories that were met. A directory that is its own descendant would have no end.
    seen: HashSet<u64>,
}

/// A directory that is yet to come.
#[derive(Debug)]
struct Ahead {
    name: String,
    object: Result<u64>,
    /// Levels below it that are wanted; all, if there is no number.
    depth: Option<usize>,
}

impl<'a> Datasets<'a> {
    /// The dataset called `name`, whose directory is object `dir` of the MOS, and those below it.
    pub fn new(mos: &'a Objset, name: &str, dir: u64) -> Self {
        let first = Ahead { name: name.to_owned(), object: Ok(dir), depth: None };
        Self { mos, next: vec![first], seen: HashSet::new() }
    }

    /// Leaves out what is more than that many levels below the first.
    #[must_use]
    pub fn to_depth(mut self, depth: usize) -> Self {
        self.next.iter_mut().for_each(|ahead| ahead.depth = Some(depth));
        self
    }

    fn open(&mut self, name: &str, object: u64, depth: Option<usize>) -> Result<Dataset> {
        let at = Zbookmark::new(self.mos.id(), object, 0, 0);
        if !self.seen.insert(object) {
            return Err(PoolError::corrupt(at, "directory", "in two places of the tree", "in one"));
        }
        if name.len() > MAX_NAME {
            let found = format!("{} bytes", name.len());
            return Err(PoolError::corrupt(at, "name", found, format!("at most {MAX_NAME}")));
        }
        let dir = Dir::open(self.mos, object)?;
        if depth != Some(0) {
            self.push_children(name, &dir, depth.map(|depth| depth - 1));
        }
        Dataset::open(self.mos, dir.head_dataset)
    }

    fn push_children(&mut self, name: &str, dir: &Dir, depth: Option<usize>) {
        let (children, lost) = match dir.children(self.mos) {
            Ok(children) => (children.items, children.lost),
            Err(e) => (Vec::new(), vec![e]),
        };
        // The last to be added is the next to come.
        let lost = lost.into_iter().rev().map(|e| (format!("{name}/"), Err(e)));
        let is_shown = |(short, _): &(String, _)| !short.starts_with(['$', '%']);
        let shown = children.into_iter().filter(is_shown).rev();
        let all = lost.chain(shown.map(|(short, child)| (format!("{name}/{short}"), child)));
        self.next.extend(all.map(|(name, object)| Ahead { name, object, depth }));
    }
}

impl Iterator for Datasets<'_> {
    type Item = (String, Result<Dataset>);

    fn next(&mut self) -> Option<Self::Item> {
        let Ahead { name, object, depth } = self.next.pop()?;
        let dataset = object.and_then(|object| self.open(&name, object, depth));
        Some((name, dataset))
    }
}

#[cfg(test)]
mod tests;
