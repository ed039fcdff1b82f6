//! Cancelling in the middle of a block: after the read that is under way no other begins.

use super::spread::raidz_map;
use super::{Lab, Memory, data, leaf, parent, raidz};
use crate::CancelToken;
use crate::config::{VdevConfig, VdevType};
use crate::device::Source;
use crate::error::Mismatch;
use crate::vdev::{Request, Want};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts reads, and cancels during one of them.
pub(super) struct Alarm {
    begun: AtomicUsize,
    /// Number of the read, from one, that it goes off in.
    at: usize,
    cancel: CancelToken,
}

impl Alarm {
    fn at(at: usize) -> Arc<Self> {
        Arc::new(Self { begun: AtomicUsize::new(0), at, cancel: CancelToken::default() })
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }
}

/// A device whose reads an alarm counts.
pub(super) struct Watched {
    pub(super) source: Arc<dyn Source>,
    pub(super) alarm: Arc<Alarm>,
}

impl Source for Watched {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        if self.alarm.begun.fetch_add(1, Ordering::Relaxed) + 1 == self.alarm.at {
            self.alarm.cancel.cancel();
        }
        self.source.read_at(buf, offset)
    }

    fn size(&self) -> u64 {
        self.source.size()
    }
}

const LEN: usize = 16 * 512;

/// Reads a block of which every candidate is refused, so that all that can be read is; tells how many
/// reads it was.
fn reads(lab: &mut Lab, config: &VdevConfig, at: usize, rows: bool) -> usize {
    let alarm = Alarm::at(at);
    lab.alarm = Some(Arc::clone(&alarm));
    let tree = lab.tree(config);
    if rows {
        let _ = tree.read_rows(0, 0, 4 * LEN, &alarm.cancel);
        return alarm.begun();
    }
    let mut refuse = |_: &[u8]| Err(Mismatch::Unwanted);
    let (attempts, doubts) = (&mut Vec::new(), &mut Vec::new());
    let request = Request::new(&mut refuse, attempts, doubts, Want::written_in(5));
    let found = tree.read_at(0, 0, LEN, &mut request.with_cancel(Some(&alarm.cancel)));
    assert!(found.is_none());
    alarm.begun()
}

#[test]
fn after_a_cancel_no_other_column_and_no_other_side_is_read() {
    let sides = parent("mirror", (0..5).map(leaf).collect());
    let replaced = VdevConfig {
        children: (0..5).map(|i| parent("replacing", vec![leaf(i), leaf(i + 5)])).collect(),
        ..raidz(2, 5)
    };
    // A second side of a column is read only where the first fails.
    for (config, broken, rows, least) in [
        (raidz(1, 5), false, false, 5),
        (raidz(3, 7), false, false, 7),
        (replaced, true, false, 10),
        (sides, false, false, 5),
        (raidz(2, 7), false, true, 7),
    ] {
        let mut lab = Lab::with(0..10);
        if broken {
            let memory = || Arc::new(Memory { broken, ..Memory::default() });
            lab.devices.values_mut().for_each(|device| *device = memory());
        } else if config.kind == VdevType::Raidz {
            lab.write(&raidz_map(&lab.tree(&config), 0, LEN, 5), &data(LEN));
        }
        let all = reads(&mut lab, &config, usize::MAX, rows);
        assert!(all >= least, "{}: {all} reads", config.kind);
        for at in 1..=all {
            let begun = reads(&mut lab, &config, at, rows);
            assert_eq!(
                begun,
                at,
                "{} of {} children, rows: {rows}",
                config.kind,
                config.children.len()
            );
        }
    }
}
