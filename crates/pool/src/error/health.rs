//! Health of a top-level vdev, as a value that errors and warnings have in them.

use std::fmt;

/// Health of a top-level vdev, of which something is amiss.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// The vdev's name, as `raidz1-0`.
    pub vdev: String,
    /// Devices that it is made of; those that stand for one another count as one. Zero if no device
    /// is left that tells.
    pub devices: usize,
    /// Those that were not found, by name.
    pub missing: Vec<String>,
    /// Those that were found and lack some of what was written, by name.
    pub behind: Vec<String>,
    /// Devices that it can lose besides those; `None` if it has lost too many.
    pub spare: Option<usize>,
}

impl Health {
    /// Returns true if some of its data cannot be read for want of devices.
    pub const fn is_broken(&self) -> bool {
        self.spare.is_none()
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |f: &mut fmt::Formatter<'_>, which: &[String]| {
            let (all, devices) =
                (self.devices, if self.devices == 1 { "device" } else { "devices" });
            write!(f, "{} of {all} {devices} of {}", which.len(), self.vdev)
        };
        let verb = |which: &[String], one, many| if which.len() == 1 { one } else { many };
        if self.devices == 0 {
            write!(f, "all devices of {} are missing", self.vdev)?;
        }
        if self.devices == 1 && !self.missing.is_empty() {
            return write!(f, "{} is missing; what lies on it alone cannot be read", self.vdev);
        }
        if !self.missing.is_empty() {
            of(f, &self.missing)?;
            let are = verb(&self.missing, "is", "are");
            write!(f, " {are} missing: {}", self.missing.join(", "))?;
        }
        if !self.behind.is_empty() {
            if !self.missing.is_empty() {
                f.write_str("; ")?;
            }
            of(f, &self.behind)?;
            let lack = verb(&self.behind, "lacks", "lack");
            write!(f, " {lack} some of what was written: {}", self.behind.join(", "))?;
        }
        match self.spare {
            None => write!(f, "; what lies on {} alone cannot be read", self.vdev),
            Some(0) => f.write_str("; no redundancy is left there"),
            Some(1) => f.write_str("; it can lose one more"),
            Some(n) => write!(f, "; it can lose {n} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(missing: usize, behind: usize, spare: Option<usize>) -> String {
        let names = |n: usize, of: &str| (0..n).map(|i| format!("{of}{i}")).collect();
        let (missing, behind) = (names(missing, "m"), names(behind, "b"));
        Health { vdev: "raidz2-0".into(), devices: 4, missing, behind, spare }.to_string()
    }

    #[test]
    fn health_is_told_in_whole_sentences() {
        assert_eq!(
            health(1, 0, Some(1)),
            "1 of 4 devices of raidz2-0 is missing: m0; it can lose one more"
        );
        assert_eq!(
            health(1, 1, Some(0)),
            "1 of 4 devices of raidz2-0 is missing: m0; 1 of 4 devices of raidz2-0 lacks some of what \
             was written: b0; no redundancy is left there"
        );
        let unknown = Health {
            vdev: "vdev 2".into(),
            devices: 0,
            missing: Vec::new(),
            behind: Vec::new(),
            spare: None,
        };
        assert_eq!(
            unknown.to_string(),
            "all devices of vdev 2 are missing; what lies on vdev 2 alone cannot be read"
        );
        assert_eq!(
            health(3, 0, None),
            "3 of 4 devices of raidz2-0 are missing: m0, m1, m2; what lies on raidz2-0 alone cannot be read"
        );
    }
}
