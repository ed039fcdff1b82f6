//! The comparison of candidate bytes with the checksum of their block pointer.

use super::Zio;
use crate::blkptr::BlkPtr;
use crate::error::Mismatch;
use zsend_codec::checksum;
use zsend_records::fletcher::Fletcher4;
use zsend_records::types::Checksum;

impl Zio {
    /// Compares a gang's piece with its own pointer, which has the parent's kind of checksum, or
    /// none that says anything.
    pub(super) fn verify_piece(
        &self,
        bp: &BlkPtr,
        bytes: &[u8],
    ) -> std::result::Result<(), Mismatch> {
        if !bp.checksum_type().is_in_pointer() {
            return Ok(());
        }
        self.verify(bp, bytes, &mut None)
    }

    /// Compares a candidate's checksum with the pointer's.
    pub(super) fn verify(
        &self,
        bp: &BlkPtr,
        bytes: &[u8],
        sum: &mut Option<Fletcher4>,
    ) -> std::result::Result<(), Mismatch> {
        let kind = bp.checksum_type();
        if !has_checksum(bp) {
            return Ok(());
        }
        let got = checksum::compute(kind, bytes, bp.is_big_endian(), self.salt.get())?;
        let want = bp.checksum();
        *sum = (kind == Checksum::FLETCHER_4 && !bp.is_big_endian())
            .then(|| Fletcher4::from_words(got));
        let folded = checksum::fold_for_mac(kind, got);
        let got = if bp.has_mac() { &folded[..] } else { &got[..] };
        match got.iter().zip(&want).enumerate().find(|(_, (got, want))| got != want) {
            None => Ok(()),
            Some((word, (&found, &expected))) => {
                Err(Mismatch::Word { checksum: kind, word, found, expected })
            }
        }
    }
}

/// Returns true if a block's pointer has anything to compare its bytes with.
pub(super) fn has_checksum(bp: &BlkPtr) -> bool {
    !matches!(bp.checksum_type(), Checksum::OFF | Checksum::NOPARITY)
}
