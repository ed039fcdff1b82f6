//! Vdevs that no pool has, or that this build does not read.

/// Reason why a vdev of a configuration cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VdevError {
    /// A type that is not known.
    #[error("{0}")]
    Type(String),
    /// A type that stands where it cannot: as a child of another.
    #[error("{0} as a part of another")]
    Nested(String),
    /// An `ashift` that no vdev has.
    #[error("{kind} with an ashift of {ashift}")]
    Ashift {
        /// The vdev's type.
        kind: String,
        /// log2 of the sector size, as the configuration has it.
        ashift: u64,
    },
    /// A raidz that cannot be.
    #[error("raidz {0}")]
    Raidz(#[source] ShapeError),
    /// A draid that cannot be.
    #[error("draid {0}")]
    Draid(#[source] ShapeError),
}

/// Reason why a raidz or draid of a configuration cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// Sectors of a size that no raidz has.
    #[error("with an ashift outside 9 to 16")]
    Ashift,
    /// More parity than there can be, or no column for data.
    #[error("of {width} columns with parity {nparity}")]
    Parity {
        /// Columns of a row.
        width: usize,
        /// Parity columns, as the configuration has them.
        nparity: u64,
    },
    /// More expansions than devices were added.
    #[error("of {devices} devices with {expansions} expansions")]
    Expansions {
        /// Devices by now.
        devices: usize,
        /// Expansions that ended.
        expansions: usize,
    },
    /// Several failure domains, whose permutations are not read.
    #[error("with failure domains")]
    FailureDomains,
    /// Numbers of columns that no draid has.
    #[error("of {data} data and {spares} spare columns")]
    Columns {
        /// Data columns of a group.
        data: u64,
        /// Distributed spares.
        spares: u64,
    },
    /// Groups that do not end where a row of children does.
    #[error(
        "with {groups} groups of {width} columns on {children} children, {spares} of them spares"
    )]
    Groups {
        /// Groups of a slice.
        groups: u64,
        /// Columns of a group.
        width: usize,
        /// Children.
        children: usize,
        /// Distributed spares.
        spares: usize,
    },
    /// A number of children that has no permutations.
    #[error("of {children} children, which has no permutations")]
    Children {
        /// Children.
        children: usize,
    },
    /// Permutations that came out other than the reference's.
    #[error(
        "of {children} children: checksum of its permutations is {found:#x}, expected {expected:#x}"
    )]
    Permutations {
        /// Children.
        children: usize,
        /// The sum of those that were made.
        found: u64,
        /// The sum of the reference's.
        expected: u64,
    },
}
