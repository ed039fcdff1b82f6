//! The name of what is sent.

use std::fmt;

/// The suffix by which BEGIN says that a head is sent, no snapshot: `dmu_send()`, illumos and OpenZFS
/// `dmu_send.c`.
const HEAD: &str = "@--head--";

/// Name of a dataset that is sent: `pool/fs@snap`, or `pool/fs` for the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    name: String,
    is_head: bool,
}

impl Target {
    pub(super) const fn new(name: String, is_head: bool) -> Self {
        Self { name, is_head }
    }

    /// True for a head: the dataset as the pool last synced it.
    pub const fn is_head(&self) -> bool {
        self.is_head
    }

    /// Name of the dataset, without that of the snapshot.
    pub fn dataset(&self) -> &str {
        self.name.split_once('@').map_or(&self.name, |(dataset, _)| dataset)
    }

    /// The name as BEGIN has it (`drr_toname`): that of a head ends in `@--head--`.
    pub fn toname(&self) -> String {
        let suffix = if self.is_head { HEAD } else { "" };
        format!("{}{suffix}", self.name)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_printed_by_its_name_and_announced_as_a_head() {
        let head = Target::new("tank/fs".into(), true);
        assert_eq!(
            (head.to_string(), head.toname()),
            ("tank/fs".into(), "tank/fs@--head--".into())
        );
        let snapshot = Target::new("tank/fs@a".into(), false);
        assert_eq!((snapshot.dataset(), snapshot.toname()), ("tank/fs", "tank/fs@a".into()));
    }
}
