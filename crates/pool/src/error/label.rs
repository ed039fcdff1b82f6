//! Errors of labels, configurations and partition tables.

use std::fmt;
use std::io;
use zsend_ondisk::embedded::EmbeddedError;
use zsend_records::nvlist::NvError;

/// Reason why a configuration, of a label or of the MOS, makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The vdev tree is out of bounds.
    #[error("vdev tree is deeper than {depth} or larger than {vdevs}")]
    Tree {
        /// Most levels of a tree.
        depth: usize,
        /// Most vdevs of a tree.
        vdevs: usize,
    },
    /// A vdev has no type.
    #[error("vdev without a type")]
    NoType,
    /// A vdev does not say which of its parent's children it is.
    #[error("vdev of type {0} without an id")]
    NoId(String),
    /// A key has a value of another type.
    #[error("{key} is not {expected}")]
    Type {
        /// The key.
        key: &'static str,
        /// The value that it should have.
        expected: &'static str,
    },
    /// A label lacks a key.
    #[error("label has no {0}")]
    Missing(&'static str),
    /// A label has a pool state that is none.
    #[error("its pool's state is {0}, which no label has")]
    State(u64),
    /// A label was written in txg zero: the device is no member of the pool.
    #[error(
        "it was written in no txg: the device was removed from pool {pool}, or never quite added"
    )]
    NoTxg {
        /// The pool that the label names.
        pool: PoolId,
    },
}

/// A pool, as messages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolId {
    /// The pool's name.
    pub name: String,
    /// The pool's guid.
    pub guid: u64,
}

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' ({})", self.name, self.guid)
    }
}

/// Reason why one label of a device is not good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// The device failed.
    #[error(transparent)]
    Device(#[from] io::Error),
    /// The checksum is not that of the region.
    #[error(transparent)]
    Checksum(#[from] EmbeddedError),
    /// The configuration is no nvlist.
    #[error(transparent)]
    NvList(#[from] NvError),
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Reason why a device, or a partition of one, has no good label.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unlabelled {
    /// The device is too small to have labels.
    #[error("{size} bytes are too few to hold four labels")]
    Small {
        /// Bytes of the device.
        size: u64,
    },
    /// None of the four labels is good.
    #[error("{}", ByReason(.0))]
    Labels(Vec<LabelError>),
}

/// The labels in order, those of one reason together.
struct ByReason<'a>(&'a [LabelError]);

impl fmt::Display for ByReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
        for (i, error) in self.0.iter().enumerate() {
            let (reason, i) = (error.to_string(), i.to_string());
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, labels)) => labels.push(i),
                None => reasons.push((reason, vec![i])),
            }
        }
        for (i, (reason, labels)) in reasons.iter().enumerate() {
            f.write_str(if i > 0 { "; " } else { "" })?;
            f.write_str(if labels.len() > 1 { "labels " } else { "label " })?;
            write!(f, "{}: {reason}", labels.join(", "))?;
        }
        Ok(())
    }
}

/// Reason why a GPT is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GptError {
    /// The entries lie outside the disk, or cannot be read.
    #[error("its entries lie outside the disk")]
    Entries,
    /// The CRC of the entries is wrong.
    #[error("CRC of its entries is {found:#x}, expected {expected:#x}")]
    EntriesCrc {
        /// The CRC of the entries.
        found: u32,
        /// The CRC that the header has.
        expected: u32,
    },
    /// The header has a length that no header has.
    #[error("its header has {0} bytes")]
    HeaderSize(u32),
    /// The CRC of the header is wrong.
    #[error("CRC of its header is {found:#x}, expected {expected:#x}")]
    HeaderCrc {
        /// The CRC of the header.
        found: u32,
        /// The CRC that the header has.
        expected: u32,
    },
    /// The header was copied from another place.
    #[error("its header belongs in block {0}")]
    Elsewhere(u64),
    /// The table is larger than any is.
    #[error("it has {count} entries of {size} bytes")]
    Size {
        /// Entries.
        count: u32,
        /// Bytes of an entry.
        size: u32,
    },
}

/// Something that is known by its signature, and lies where labels should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Name, with its article.
    pub name: &'static str,
    /// Advice how to get at the devices in it; empty if it holds none.
    pub advice: &'static str,
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, ": {}", self.advice) }
    }
}

/// Reason why nothing of a pool was found in some part of a device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoLabelReason {
    /// There are no good labels.
    #[error(transparent)]
    Labels(#[from] Unlabelled),
    /// There is something else.
    #[error("{0}")]
    Contents(Contents),
    /// The GPT is damaged.
    #[error("GPT in block {lba} of {block_size} bytes: {source}")]
    Gpt {
        /// The block of the header.
        lba: u64,
        /// Bytes of a block.
        block_size: u64,
        /// Reason why the table is not used.
        source: GptError,
    },
    /// A DOS table says that there is a GPT, and there is none.
    #[error("a DOS table stands before a GPT, of which there is no copy left")]
    LostGpt,
    /// There are more partitions than are looked at.
    #[error("more partitions than are looked at")]
    ManyPartitions,
    /// It is a pipe or a socket.
    #[error("a pipe or socket, not an image")]
    Pipe,
}

/// A part of a device, and why nothing of a pool was found there.
#[derive(Debug)]
pub struct NoLabelAt {
    /// Numbers of the partition and of those inside it; none for the whole device.
    pub partitions: Vec<usize>,
    /// Reason why nothing was found.
    pub reason: NoLabelReason,
}

impl fmt::Display for NoLabelAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.partitions.iter().try_for_each(|number| write!(f, "partition {number}: "))?;
        write!(f, "{}", self.reason)
    }
}
