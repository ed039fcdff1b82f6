//! Levels of an object's block tree.

use core::fmt;

/// Level of a block in its object's tree; zero is data. No greater one than [`Self::MAX`] can be made, so that
/// whoever has one need not check it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// Level of data.
    pub const DATA: Self = Self(0);
    /// The highest level: a dnode has eight at most, `DN_MAX_LEVELS`. Source: OpenZFS
    /// `include/sys/dnode.h`, zfs-2.3.2.
    pub const MAX: Self = Self(7);

    /// The level of that number, from zero; `None` if no tree has it.
    pub const fn new(level: u8) -> Option<Self> {
        if level <= Self::MAX.0 { Some(Self(level)) } else { None }
    }

    /// The number of the level, from zero.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The lowest level that points to others: what is below it is data.
    pub const LOWEST_INDIRECT: Self = Self(1);

    /// The next level away from data; `None` above the highest.
    pub const fn above(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }

    /// The next level towards data; `None` below that.
    pub const fn below(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(level) => Some(Self(level)),
            None => None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Level> for u32 {
    fn from(level: Level) -> Self {
        level.0.into()
    }
}

impl From<Level> for i64 {
    fn from(level: Level) -> Self {
        level.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_eight_levels_and_ends_at_data() {
        let all = core::iter::successors(Level::new(7), |level| level.below());
        assert!(all.map(Level::get).eq((0..8).rev()));
        assert_eq!((Level::new(8), Level::new(255)), (None, None));
        assert_eq!(Level::DATA.below(), None);
    }
}
