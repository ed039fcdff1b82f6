//! The births of a removed device's parts: the txg that each was copied in. What is older on it than that
//! is, where it lies now, of that txg.

use zerocopy::FromBytes;
use zsend_ondisk::indirect::BirthEntryPhys;

/// Reason why births are none that a writer wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BirthsError {
    /// A block that is no whole number of entries.
    #[error("a part of an entry")]
    Part,
    /// An offset at or before the one in front of it.
    #[error("{0:#x} after a larger one")]
    Order(u64),
}

/// Ends of the parts in ascending order, and the txg that each was copied in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Births(Vec<(u64, u64)>);

impl Births {
    /// Adds the entries of a block.
    ///
    /// # Errors
    /// [`BirthsError`] says why they do not follow the last one.
    pub(crate) fn extend(&mut self, block: &[u8]) -> Result<(), BirthsError> {
        let entries = <[BirthEntryPhys]>::ref_from_bytes(block).map_err(|_| BirthsError::Part)?;
        entries.iter().try_for_each(|entry| self.push(entry))
    }

    fn push(&mut self, entry: &BirthEntryPhys) -> Result<(), BirthsError> {
        let (offset, txg) = (entry.offset.get(), entry.txg.get());
        if self.0.last().is_some_and(|(last, _)| offset <= *last) {
            return Err(BirthsError::Order(offset));
        }
        self.0.push((offset, txg));
        Ok(())
    }

    /// The txg in which an offset of the removed device was copied.
    ///
    /// Source: `vdev_indirect_births_physbirth()`, OpenZFS `module/zfs/vdev_indirect_births.c`,
    /// zfs-2.3.2.
    pub(super) fn at(&self, offset: u64) -> Option<u64> {
        let index = self.0.partition_point(|(end, _)| *end <= offset);
        self.0.get(index).map(|(_, txg)| *txg)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::vdev) fn births(entries: &[(u64, u64)]) -> Result<Births, BirthsError> {
        let mut births = Births::default();
        for (offset, txg) in entries {
            births.push(&BirthEntryPhys { offset: (*offset).into(), txg: (*txg).into() })?;
        }
        Ok(births)
    }

    #[test]
    fn an_offset_was_copied_with_the_part_that_it_lies_in() {
        let found = births(&[(1024, 30), (4096, 32)]).unwrap();
        assert_eq!(
            [0, 1023, 1024, 4095, 4096].map(|offset| found.at(offset)),
            [Some(30), Some(30), Some(32), Some(32), None]
        );
        assert_eq!(Births::default().at(0), None);
        assert!(births(&[(1024, 30), (1024, 32)]).is_err());
        assert!(births(&[(1024, 30), (512, 32)]).is_err());
    }
}
