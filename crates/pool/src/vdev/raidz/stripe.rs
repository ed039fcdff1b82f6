//! One block of a raidz while it is read: which columns are there, and the others from parity.

use super::few::Few;
use super::group::{Choice, Doubtful, Group};
use super::map::{Col, Map};
use super::parity::{self, MAX_PARITY};
use super::rows::Rows;
use crate::buffer::{self, Buffer};
use crate::cancel::CancelToken;
use crate::error::Cause;
use crate::vdev::request::Request;
use crate::vdev::trust::Want;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Sectors of one child that lie no further apart than this are read together.
const GAP: u64 = 16 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColState {
    Unread,
    Good,
    Bad,
}

/// The columns' bytes as far as they were read.
///
/// The buffers come from others who have used them, so a column that was neither read nor computed
/// holds anything. Nobody sees it: [`Self::plan`] names every data column that was not read,
/// [`Self::compute`] gives the block only if it wrote all that the plan names, and a map's data
/// columns cover the block. Of parity, only columns that were read are used.
pub(super) struct Stripe<'a> {
    group: &'a Group,
    map: &'a Map,
    /// Side of each child to read first; `None` to do without that child.
    choice: &'a Choice,
    want: Want,
    /// Columns that devices gave which are not trusted with them: which devices, and why.
    doubts: HashMap<usize, Vec<Doubtful>>,
    /// Bytes that were read already: all that there is to be read.
    rows: Option<&'a Rows>,
    block: Buffer,
    /// Empty until some of it is to be read.
    parity: Buffer,
    state: Vec<ColState>,
}

impl Drop for Stripe<'_> {
    fn drop(&mut self) {
        buffer::give(std::mem::take(&mut self.block));
        buffer::give(std::mem::take(&mut self.parity));
    }
}

/// Columns that are to be computed, and the parity for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Repair {
    rows: Vec<RowRepair>,
}

/// The data columns of a row that are to be computed, counted without parity, and as many of its
/// parity columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct RowRepair {
    row: usize,
    data: Few,
    parity: Few,
}

impl Repair {
    /// Returns true if all data were read.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Stands for the plan among those already tried; a plan of many rows is too large to keep.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

impl<'a> Stripe<'a> {
    pub(super) fn new(group: &'a Group, map: &'a Map, choice: &'a Choice, want: Want) -> Self {
        Self {
            group,
            map,
            choice,
            want,
            doubts: HashMap::new(),
            rows: None,
            block: buffer::take(map.len),
            parity: Buffer::default(),
            state: vec![ColState::Unread; map.cols.len()],
        }
    }

    /// Takes every column from bytes that were read already, which hold the block.
    pub(super) const fn with_rows(mut self, rows: &'a Rows) -> Self {
        self.rows = Some(rows);
        self
    }

    /// The bytes that [`Self::compute`] last gave.
    pub(super) fn into_block(mut self) -> Buffer {
        std::mem::take(&mut self.block)
    }

    /// The bytes before a plan is computed: of its columns what was read, if it was.
    pub(super) fn snapshot(&self) -> Buffer {
        self.block.clone()
    }

    fn choice(&self, child: usize) -> Option<usize> {
        self.choice.get(child).copied().flatten()
    }

    /// Reads the data columns.
    pub(super) fn load_data(&mut self, request: &mut Request<'_>) {
        let map = self.map;
        self.load(request, |i| !map.is_parity(i));
    }

    /// Reads every column that was not read yet.
    pub(super) fn load_all(&mut self, request: &mut Request<'_>) {
        self.load(request, |_| true);
    }

    fn load(&mut self, request: &mut Request<'_>, wanted: impl Fn(usize) -> bool) {
        let map = self.map;
        let mut order: Vec<usize> = (0..map.cols.len())
            .filter(|&i| self.state[i] == ColState::Unread && map.cols[i].len > 0 && wanted(i))
            .collect();
        if order.iter().any(|&i| map.is_parity(i)) && self.parity.is_empty() {
            self.parity = buffer::take(map.parity_len);
        }
        order.sort_by_key(|&i| (map.cols[i].child, map.cols[i].pos));
        let near = |a: &usize, b: &usize| {
            let (a, b) = (&map.cols[*a], &map.cols[*b]);
            a.child == b.child && b.pos - a.pos <= a.len as u64 + GAP
        };
        for run in order.chunk_by(near) {
            if request.is_cancelled() {
                return;
            }
            if !self.take_run(run) && !self.load_run(run) {
                for &i in run {
                    if request.is_cancelled() {
                        return;
                    }
                    self.load_one(i, request);
                }
            }
        }
    }

    /// Takes columns from what was read already; returns whether they are there.
    fn take_run(&mut self, run: &[usize]) -> bool {
        let Some(rows) = self.rows else { return false };
        run.iter().all(|&i| {
            let col = self.map.cols[i];
            if self.choice(col.child).is_none() {
                return false;
            }
            let Some(bytes) = rows.get(col.child, col.pos, col.len) else { return false };
            self.place(i).copy_from_slice(bytes);
            self.state[i] = ColState::Good;
            true
        })
    }

    /// Reads several columns of one child at once; returns whether that went well.
    fn load_run(&mut self, run: &[usize]) -> bool {
        let map = self.map;
        let (Some(&first), Some(&last)) = (run.first(), run.last()) else { return true };
        let (first, last) = (map.cols[first], map.cols[last]);
        let Some(side) = self.choice(first.child).filter(|_| run.len() > 1) else { return false };
        let inside = |pos: u64| usize::try_from(pos - first.pos).ok();
        let Some(span) = inside(last.pos) else { return false };
        let mut bytes = buffer::take(span + last.len);
        let read = self.group.read(first.child, side, first.pos, &mut bytes, self.want);
        if let Ok(doubts) = &read {
            for &i in run {
                let col = map.cols[i];
                let Some(start) = inside(col.pos) else { return false };
                self.place(i).copy_from_slice(&bytes[start..start + col.len]);
                self.take(i, doubts);
            }
        }
        buffer::give(bytes);
        read.is_ok()
    }

    /// Reads a column from the chosen side of its child, or from another one that can be read and is
    /// trusted enough.
    fn load_one(&mut self, i: usize, request: &mut Request<'_>) {
        let (map, group) = (self.map, self.group);
        let col = map.cols[i];
        self.state[i] = ColState::Bad;
        let Some(first) = self.choice(col.child) else {
            let side = group.children().get(col.child).and_then(|c| c.sides().first());
            let (device, offset) = group.place(col.child, 0, col.pos);
            match side.filter(|side| side.is_present()) {
                Some(side) => request.failed(device, offset, side.record.why(self.want)),
                None => request.failed(device, offset, Cause::Missing),
            }
            return;
        };
        let (want, cancel) = (self.want, request.cancel);
        let is_cancelled = || cancel.is_some_and(CancelToken::is_cancelled);
        let mut read = |side: usize, stripe: &mut Self| match group.read(
            col.child,
            side,
            col.pos,
            stripe.place(i),
            want,
        ) {
            Ok(doubts) => {
                stripe.take(i, &doubts);
                true
            }
            Err(e) => {
                request.failed(e.device, e.offset, e.cause);
                false
            }
        };
        if read(first, self) {
            return;
        }
        for (_, side) in group.sides(map, col.child, self.want) {
            if side != first && !is_cancelled() && read(side, self) {
                return;
            }
        }
    }

    /// Takes a column that was read, and who is not trusted with it.
    fn take(&mut self, i: usize, doubts: &[Doubtful]) {
        self.state[i] = ColState::Good;
        if !doubts.is_empty() {
            self.doubts.insert(i, doubts.to_vec());
        }
    }

    /// Notes which devices gave columns that they are not trusted with.
    pub(super) fn note_doubts(&self, request: &mut Request<'_>) {
        if self.group.is_whole() {
            return;
        }
        for (i, col) in self.map.cols.iter().enumerate().filter(|(i, _)| self.is_good(*i)) {
            let Some(doubts) = self.doubts.get(&i) else { continue };
            // The other sides of the child might have had them.
            let sides = self.group.children().get(col.child).map_or(&[][..], |c| c.sides());
            for side in sides.iter().filter(|side| !side.is_present()) {
                request.failed(&side.name, col.pos, Cause::Missing);
            }
            for (device, offset, why) in doubts {
                request.doubted(device.clone(), *offset, *why);
            }
        }
    }

    fn is_good(&self, i: usize) -> bool {
        self.state[i] == ColState::Good
    }

    /// The bytes of a column.
    fn place(&mut self, i: usize) -> &mut [u8] {
        let col = self.map.cols[i];
        let buffer = if self.map.is_parity(i) { &mut self.parity } else { &mut self.block };
        &mut buffer[col.at..col.at + col.len]
    }

    /// Columns to compute if those that were not read and those that are `assumed` to be
    /// wrong are; `None` if there is too little parity for them. Reads the parity that it takes.
    pub(super) fn plan(
        &mut self,
        assumed: impl Fn(&Col) -> bool,
        request: &mut Request<'_>,
    ) -> Option<Repair> {
        let map = self.map;
        let mut plan = Repair::default();
        for (row, cols) in map.rows().enumerate() {
            let first = row * map.width;
            let (mut data, mut parity) = (Few::default(), Few::default());
            for (d, col) in cols.iter().skip(map.nparity).enumerate() {
                let unread = self.state[first + map.nparity + d] != ColState::Good;
                if col.len > 0 && (unread || assumed(col)) && !data.push(d) {
                    return None;
                }
            }
            if data.len() > map.nparity {
                return None;
            }
            for c in (0..map.nparity.min(cols.len())).filter(|&c| !assumed(&cols[c])) {
                if parity.len() == data.len() {
                    break;
                }
                if self.state[first + c] == ColState::Unread {
                    // A row of many is read with its fellows, one by one would be slow.
                    self.load(request, |i| i == first + c || map.cols.len() > 2 * map.width);
                }
                if self.state[first + c] == ColState::Good {
                    parity.push(c);
                }
            }
            if parity.len() < data.len() {
                return None;
            }
            if data.len() > 0 {
                plan.rows.push(RowRepair { row, data, parity });
            }
        }
        Some(plan)
    }

    /// Computes the columns of a plan, and gives the whole block, rounded up to sectors.
    pub(super) fn compute(&mut self, plan: &Repair) -> Option<&[u8]> {
        let map = self.map;
        for RowRepair { row, data, parity } in &plan.rows {
            let cols = &map.cols[row * map.width..][..map.width];
            let columns = cols[map.nparity..].iter().map(|c| c.at..c.at + c.len);
            let mut bytes = [(0, &[][..]); MAX_PARITY];
            for (place, &c) in bytes.iter_mut().zip(parity.as_slice()) {
                *place = (c, &self.parity[cols[c].at..cols[c].at + cols[c].len]);
            }
            let (missing, bytes) = (data.as_slice(), &bytes[..parity.len()]);
            if !parity::reconstruct(&mut self.block, columns, missing, bytes) {
                return None;
            }
        }
        Some(&self.block)
    }

    /// Puts the columns of a plan back as they were in `original`.
    pub(super) fn restore(&mut self, plan: &Repair, original: &[u8]) {
        for row in &plan.rows {
            for d in row.data.as_slice() {
                let col = self.map.cols[row.row * self.map.width + self.map.nparity + d];
                let range = col.at..col.at + col.len;
                self.block[range.clone()].copy_from_slice(&original[range]);
            }
        }
    }

    /// Names the columns of a plan that were read, but are not what parity gave.
    pub(super) fn note_wrong(&self, plan: &Repair, original: &[u8], request: &mut Request<'_>) {
        for row in &plan.rows {
            for d in row.data.as_slice() {
                let index = row.row * self.map.width + self.map.nparity + d;
                let col = self.map.cols[index];
                let range = col.at..col.at + col.len;
                let is_wrong = self.block[range.clone()] != original[range];
                if self.state[index] == ColState::Good
                    && is_wrong
                    && let Some(side) = self.choice(col.child)
                {
                    let (device, offset) = self.group.place(col.child, side, col.pos);
                    request.failed(device, offset, Cause::NotParity);
                }
            }
        }
    }

    /// Names every child of which something was read, after nothing made the block whole.
    pub(super) fn note_all(&self, request: &mut Request<'_>) {
        let mut named = HashSet::new();
        for (col, state) in self.map.cols.iter().zip(&self.state) {
            if *state == ColState::Good
                && named.insert(col.child)
                && let Some(side) = self.choice(col.child)
            {
                let (device, offset) = self.group.place(col.child, side, col.pos);
                request.failed(device, offset, Cause::Suspect);
            }
        }
    }

    /// Returns true if some column of this child could be read.
    pub(super) fn has_good(&self, child: usize) -> bool {
        self.map.cols.iter().zip(&self.state).any(|(c, s)| c.child == child && *s == ColState::Good)
    }
}
