//! Devices that hold no pool or could not be read, with the reason.

use super::PoolError;
use std::sync::Arc;

/// Reasons why something was passed over in a search for pools: [`PoolError::Open`] or [`PoolError::Device`] if
/// it could not be read, [`PoolError::NoLabel`] or [`PoolError::NoPool`] otherwise. Clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct PassedOver {
    errors: Arc<[PoolError]>,
    /// Number of these, from the first on, that were named themselves, not their folder.
    named: usize,
}

impl PassedOver {
    /// Those that were named themselves, and those that a folder has.
    pub(crate) fn new(mut named: Vec<PoolError>, found: Vec<PoolError>) -> Self {
        let count = named.len();
        named.extend(found);
        Self { errors: named.into(), named: count }
    }

    /// All of them; what was named itself comes first.
    pub fn all(&self) -> &[PoolError] {
        &self.errors
    }

    /// Those that were named themselves, not their folder.
    pub fn named(&self) -> &[PoolError] {
        self.errors.get(..self.named).unwrap_or(&self.errors)
    }

    /// Those that were not named themselves, and could not be read.
    pub(crate) fn unread_beside(&self) -> impl Iterator<Item = &PoolError> {
        let beside = self.errors.get(self.named..).unwrap_or_default();
        beside.iter().filter(|e| is_unread(e))
    }
}

/// Returns true if the error says that something could not be read.
pub(crate) const fn is_unread(error: &PoolError) -> bool {
    matches!(error, PoolError::Open { .. } | PoolError::Device { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_named_is_told_from_what_a_folder_has_though_the_texts_are_one() {
        let unread =
            || PoolError::Open { path: "d0".into(), source: std::io::ErrorKind::NotFound.into() };
        let empty = || PoolError::NoLabel { device: "d1".into(), why: Vec::new() };
        let all = PassedOver::new(vec![unread(), empty()], vec![empty(), unread()]);
        let texts =
            |errors: &[&PoolError]| errors.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(all.all().len(), 4);
        assert_eq!(texts(&all.named().iter().collect::<Vec<_>>()), texts(&[&unread(), &empty()]));
        assert_eq!(texts(&all.unread_beside().collect::<Vec<_>>()), texts(&[&unread()]));
        assert!(PassedOver::default().named().is_empty());
    }
}
