//! Blocks of parts, read a piece at a time.

use super::layout::Layout;
use super::volume::read_at;
use crate::folder;
use crate::split::{Manifest, SplitError, find};
use blake3::{Hash, Hasher};
use std::fs::File;
use std::io;
use std::path::Path;

/// The parts of a folder, as far as they are there. The last that was read stays open.
#[derive(Debug)]
pub(super) struct Data<'a> {
    folder: &'a Path,
    list: &'a Manifest,
    layout: &'a Layout,
    open: Option<(u64, Option<File>)>,
}

impl<'a> Data<'a> {
    pub(super) const fn new(folder: &'a Path, list: &'a Manifest, layout: &'a Layout) -> Self {
        Self { folder, list, layout, open: None }
    }

    /// The folder.
    pub(super) const fn folder(&self) -> &'a Path {
        self.folder
    }

    /// Forgets what is open: a part has another file by now.
    pub(super) fn forget(&mut self) {
        self.open = None;
    }

    /// Reads the piece of a block at `at`, and zeros behind the part's end; the number of bytes that are the
    /// part's. `None` if they are not there.
    pub(super) fn piece(
        &mut self,
        block: u64,
        at: u64,
        buffer: &mut [u8],
    ) -> Result<Option<usize>, SplitError> {
        let Some(spot) = self.layout.spot(block) else { return Ok(None) };
        let left = spot.length.saturating_sub(at).min(buffer.len() as u64);
        let have = usize::try_from(left).unwrap_or(buffer.len());
        let (own, behind) = buffer.split_at_mut(have);
        behind.fill(0);
        let (path, _) = find(self.folder, self.list, spot.part)?;
        let failed = || SplitError::io("read", &path);
        if self.open.as_ref().is_none_or(|(part, _)| *part != spot.part) {
            self.open = Some((spot.part, folder::open_if_there(&path).map_err(failed())?));
        }
        let Some((_, Some(file))) = &mut self.open else { return Ok(None) };
        let is_there = own.is_empty() || read_at(file, spot.offset + at, own).map_err(failed())?;
        Ok(is_there.then_some(have))
    }

    /// Hash of a block; `None` if it is not all there.
    pub(super) fn hash(
        &mut self,
        block: u64,
        buffer: &mut [u8],
    ) -> Result<Option<Hash>, SplitError> {
        let Some(spot) = self.layout.spot(block) else { return Ok(None) };
        let (mut hasher, mut at) = (Hasher::new(), 0);
        while at < spot.length {
            match self.piece(block, at, buffer) {
                Ok(Some(have)) => hasher.update(&buffer[..have]),
                // What cannot be read is lost as what is not there.
                Ok(None) | Err(SplitError::Io { .. }) => return Ok(None),
                Err(e) => return Err(e),
            };
            at += buffer.len() as u64;
        }
        Ok(Some(hasher.finalize()))
    }

    /// True if the file of a part is there and has the part's length.
    pub(super) fn has_length(&self, part: u64) -> Result<bool, SplitError> {
        let (path, part) = find(self.folder, self.list, part)?;
        let found = || -> io::Result<Option<u64>> {
            let Some(file) = folder::open_if_there(&path)? else { return Ok(None) };
            Ok(Some(file.metadata()?.len()))
        };
        Ok(found().map_err(SplitError::io("read", &path))? == Some(part.length))
    }
}
