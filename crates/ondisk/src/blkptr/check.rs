//! The check for what no writer could have written in a block pointer.

use super::{BlkPtr, EMBEDDED_MAX, EmbeddedType, MAX_BLOCK_SIZE};
use crate::LayoutError;
use alloc::format;
use zsend_records::types::Compress;

impl BlkPtr {
    /// Refuses a pointer whose sizes or ids no writer could have written, before anything is
    /// allocated or read by them.
    ///
    /// # Errors
    /// [`LayoutError::Field`] names the field; [`LayoutError::Unknown`] an algorithm.
    pub fn check(&self) -> Result<(), LayoutError> {
        if self.is_hole() {
            return Ok(());
        }
        if self.lsize() > MAX_BLOCK_SIZE {
            return Err(LayoutError::field("lsize", self.lsize(), "at most 16 MiB"));
        }
        if self.is_redacted() {
            return Ok(());
        }
        if !self.compress().is_known() {
            return Err(LayoutError::Unknown(self.compress().name().into_owned()));
        }
        if self.is_embedded() {
            if self.embedded_type() != EmbeddedType::DATA {
                return Err(LayoutError::Unknown(format!(
                    "embedded block pointer of type {}",
                    self.embedded_type().0
                )));
            }
            let most = self.lsize().min(EMBEDDED_MAX as u64);
            if self.psize() > most {
                let expected = format!("at most {most}");
                return Err(LayoutError::field("embedded psize", self.psize(), expected));
            }
            if self.compress() == Compress::OFF && self.psize() != self.lsize() {
                return Err(LayoutError::field("embedded psize", self.psize(), self.lsize()));
            }
            return Ok(());
        }
        if self.psize() > MAX_BLOCK_SIZE {
            return Err(LayoutError::field("psize", self.psize(), "at most 16 MiB"));
        }
        if self.compress() == Compress::OFF && self.psize() != self.lsize() {
            return Err(LayoutError::field("psize", self.psize(), self.lsize()));
        }
        if !self.checksum_type().is_of_block() {
            return Err(LayoutError::Unknown(self.checksum_type().name().into_owned()));
        }
        Ok(())
    }
}
