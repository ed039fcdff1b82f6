//! Rows of a raidz that are read at once, and the blocks that are taken from them.

use super::spread::{raidz_map, subsets};
use super::{Lab, Memory, data, raidz};
use crate::CancelToken;
use crate::blkptr::Dva;
use crate::config::VdevConfig;
use crate::error::{Attempt, Cause, Mismatch};
use crate::vdev::{Request, VdevTree, Want};
use std::sync::Arc;

/// Two blocks that lie side by side, by their offsets.
struct Pair {
    blocks: [(u64, Vec<u8>); 2],
    /// End of the second.
    end: u64,
}

impl Pair {
    /// Writes them from an offset on.
    fn write(lab: &Lab, config: &VdevConfig, offset: u64) -> Self {
        let tree = lab.tree(config);
        let mut end = offset;
        let blocks = [9 * 512, 4 * 512].map(|len| {
            let (at, want) = (end, data(len));
            let map = raidz_map(&tree, at, len, 5);
            lab.write(&map, &want);
            end += (map.len + map.parity_len) as u64;
            (at, want)
        });
        Self { blocks, end }
    }

    /// Tells of each whether it is found in rows from one offset to another, and what was noted on the way.
    fn found(&self, tree: &VdevTree, from: u64, to: u64) -> Vec<(bool, Vec<Attempt>)> {
        let len = usize::try_from(to - from).unwrap();
        let rows = tree.read_rows(0, from, len, &CancelToken::default()).unwrap();
        let find = |(offset, want): &(u64, Vec<u8>)| {
            let mut attempts = Vec::new();
            let check = &mut |b: &[u8]| if b == want { Ok(()) } else { Err(Mismatch::Unwanted) };
            let (doubts, want_of) = (&mut Vec::new(), Want::written_in(5));
            let mut request =
                Request { check, attempts: &mut attempts, doubts, want: want_of, cancel: None };
            let dva = Dva::new(0, *offset, 0).unwrap();
            let found = tree.read_from(&rows, dva, want.len(), &mut request);
            (found.is_some(), attempts)
        };
        self.blocks.iter().map(find).collect()
    }
}

/// With some of its children in another state.
fn hurt(lab: &Lab, bad: &[u64], how: impl Fn(&Memory) -> Option<Arc<Memory>>) -> Lab {
    let mut hurt = Lab { devices: lab.devices.clone(), ..Lab::default() };
    for guid in bad {
        match how(&lab.devices[guid]) {
            Some(memory) => drop(hurt.devices.insert(*guid, memory)),
            None => drop(hurt.devices.remove(guid)),
        }
    }
    hurt
}

#[test]
fn blocks_are_taken_from_rows_whatever_is_missing_and_nothing_that_is_wrong() {
    let expanded = VdevConfig { raidz_expand_txgs: vec![10], ..raidz(2, 6) };
    for (config, offset) in
        [(raidz(1, 4), 0), (raidz(1, 4), (1 << 20) + 512), (raidz(3, 7), 5 * 512), (expanded, 512)]
    {
        let lab = Lab::with(0..config.children.len() as u64);
        let pair = Pair::write(&lab, &config, offset);
        let whole = |lab: &Lab| pair.found(&lab.tree(&config), offset, pair.end);
        assert_eq!(whole(&lab), [(true, vec![]), (true, vec![])]);
        for bad in subsets(lab.devices.len() as u64, config.nparity) {
            let missing = whole(&hurt(&lab, &bad, |_| None));
            assert!(missing.iter().all(|(found, _)| *found), "{bad:?}");
            let noted = missing.iter().flat_map(|(_, attempts)| attempts);
            let is_known = |a: &Attempt| matches!(a.cause, Cause::Missing | Cause::Rebuilt);
            assert!(noted.into_iter().all(is_known), "{bad:?}");
            // What has lost data is what parity gave.
            for ((offset, want), (_, noted)) in pair.blocks.iter().zip(&missing) {
                let map = raidz_map(&lab.tree(&config), *offset, want.len(), 5);
                let lost = (0..).zip(&map.cols).any(|(i, col)| {
                    !map.is_parity(i) && col.len > 0 && bad.contains(&(col.child as u64))
                });
                assert_eq!(noted.iter().any(|a| a.cause == Cause::Rebuilt), lost, "{bad:?}");
            }
        }
        // Which child is wrong or broken is found where the block is read alone.
        for guid in lab.devices.keys() {
            let lies = |memory: &Memory| {
                let liar = memory.copy();
                liar.lie();
                Some(liar)
            };
            let broken = |_: &Memory| Some(Arc::new(Memory { broken: true, ..Memory::default() }));
            let lied = whole(&hurt(&lab, &[*guid], lies));
            let broke = whole(&hurt(&lab, &[*guid], broken));
            for ((offset, want), (lied, broke)) in pair.blocks.iter().zip(lied.iter().zip(&broke)) {
                let map = raidz_map(&lab.tree(&config), *offset, want.len(), 5);
                let on = |parity: bool| {
                    let cols = map.cols.iter().enumerate();
                    cols.filter(|(i, c)| c.len > 0 && (parity || !map.is_parity(*i)))
                        .any(|(_, c)| c.child as u64 == *guid)
                };
                assert_eq!(lied.0, !on(false), "{guid}");
                assert_eq!(broke.0, !on(true), "{guid}");
            }
        }
    }
}

#[test]
fn nothing_is_taken_from_rows_that_do_not_hold_it() {
    let config = raidz(2, 6);
    let lab = Lab::with(0..6);
    let offset = 6 * 512;
    let pair = Pair::write(&lab, &config, offset);
    let tree = lab.tree(&config);
    let found = |from, to| pair.found(&tree, from, to).into_iter().map(|(f, _)| f);
    let second = pair.blocks[1].0;
    assert!(found(offset, second).eq([true, false]));
    assert!(found(second + 6 * 512, pair.end + 60 * 512).eq([false, false]));
    // A small block alone has fewer columns than there are children.
    assert!(tree.read_rows(0, second, 6 * 512, &CancelToken::default()).is_none());
    assert!(tree.read_rows(0, u64::MAX - 100, 512, &CancelToken::default()).is_none());
    assert!(tree.read_rows(1, 0, 512, &CancelToken::default()).is_none());
}
