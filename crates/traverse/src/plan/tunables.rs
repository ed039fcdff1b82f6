//! Tunables of the reference senders.

/// Tunables, by their names in the reference senders, with their defaults: illumos and OpenZFS
/// `dmu_send.c`. They are set by [`Self::set`], or field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tunables {
    /// `zfs_send_corrupt_data`: replace unreadable data blocks by a pattern instead of failing.
    pub corrupt_data: bool,
    /// `zfs_send_queue_length`: bytes that may be read ahead of the writer.
    pub queue_length: u64,
    /// `zfs_send_set_freerecords_bit`: announce that FREE records tell all that is free.
    pub set_freerecords_bit: bool,
    /// `zfs_send_unmodified_spill_blocks`: send spill blocks again with their objects.
    pub unmodified_spill_blocks: bool,
    /// `zfs_override_estimate_recordsize`: block size that estimates assume; zero for the
    /// dataset's.
    pub override_estimate_recordsize: u64,
}

impl Default for Tunables {
    fn default() -> Self {
        Self {
            corrupt_data: false,
            queue_length: 64 << 20,
            set_freerecords_bit: true,
            unmodified_spill_blocks: true,
            override_estimate_recordsize: 0,
        }
    }
}

/// A tunable that does not exist, or a value that it does not take.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TunableError {
    /// No such name.
    #[error("no tunable is called '{0}'; there are {names}", names = Tunables::NAMES.join(", "))]
    Unknown(String),
    /// Not a number, or not of its range.
    #[error("tunable {name} takes {takes}, not '{value}'")]
    Value {
        /// The tunable.
        name: String,
        /// The value that was given.
        value: String,
        /// The values that it takes.
        takes: &'static str,
    },
}

impl Tunables {
    /// All names.
    pub const NAMES: [&'static str; 5] = [
        "zfs_send_corrupt_data",
        "zfs_send_queue_length",
        "zfs_send_set_freerecords_bit",
        "zfs_send_unmodified_spill_blocks",
        "zfs_override_estimate_recordsize",
    ];

    /// Sets a tunable by its name.
    ///
    /// # Errors
    /// [`TunableError`] if there is none of that name, or it does not take the value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TunableError> {
        let refuse =
            |takes| TunableError::Value { name: name.to_owned(), value: value.to_owned(), takes };
        let flag = || match value {
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err(refuse("0 or 1")),
        };
        match name {
            "zfs_send_corrupt_data" => self.corrupt_data = flag()?,
            "zfs_send_set_freerecords_bit" => self.set_freerecords_bit = flag()?,
            "zfs_send_unmodified_spill_blocks" => self.unmodified_spill_blocks = flag()?,
            "zfs_send_queue_length" => {
                self.queue_length = value
                    .parse()
                    .ok()
                    .filter(|&n| n > 0)
                    .ok_or_else(|| refuse("a number of bytes"))?;
            }
            "zfs_override_estimate_recordsize" => {
                self.override_estimate_recordsize =
                    value.parse().map_err(|_| refuse("a number of bytes, or 0"))?;
            }
            other => return Err(TunableError::Unknown(other.to_owned())),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunables_are_set_by_name_and_refuse_nonsense() {
        let mut t = Tunables::default();
        t.set("zfs_send_corrupt_data", "1").unwrap();
        assert!(t.corrupt_data);
        assert!(matches!(t.set("zfs_send_corrupt_data", "yes"), Err(TunableError::Value { .. })));
        assert!(matches!(t.set("zfs_send_queue_length", "0"), Err(TunableError::Value { .. })));
        assert!(matches!(t.set("zfs_arc_max", "1"), Err(TunableError::Unknown(_))));
        for name in Tunables::NAMES {
            t.set(name, "1").unwrap();
        }
    }
}
