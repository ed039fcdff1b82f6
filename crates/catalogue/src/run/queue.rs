//! Units in the order in which they may begin.

use super::RunError;
use super::share::Shares;
use crate::units::Units;
use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
struct Line<E> {
    ready: VecDeque<usize>,
    /// Units that wait for another.
    waiting: HashMap<usize, Vec<usize>>,
    under_way: usize,
    error: Option<RunError<E>>,
    /// A thread panicked: nobody else need wait for its unit.
    is_broken: bool,
}

/// Units, each of which is given to one thread, once the unit that it waits for is done.
#[derive(Debug)]
pub(super) struct Queue<E> {
    line: Mutex<Line<E>>,
    changed: Condvar,
}

impl<E> Queue<E> {
    pub(super) fn new(units: &Units) -> Self {
        let mut line = Line {
            ready: VecDeque::new(),
            waiting: HashMap::new(),
            under_way: 0,
            error: None,
            is_broken: false,
        };
        for (i, unit) in units.units.iter().enumerate() {
            match unit.after {
                Some(after) => line.waiting.entry(after).or_default().push(i),
                None => line.ready.push_back(i),
            }
        }
        Self { line: Mutex::new(line), changed: Condvar::new() }
    }

    fn line(&self) -> MutexGuard<'_, Line<E>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next unit, once there is one; `None` once there will be none.
    pub(super) fn next(&self, shares: &Shares) -> Option<usize> {
        let waits = |line: &mut Line<E>| {
            line.ready.is_empty() && line.under_way > 0 && line.error.is_none() && !line.is_broken
        };
        let waited = self.changed.wait_while(self.line(), waits);
        let mut line = waited.unwrap_or_else(PoisonError::into_inner);
        if line.error.is_some() || line.is_broken {
            return None;
        }
        let unit = line.ready.pop_front()?;
        line.under_way += 1;
        shares.set_units(line.under_way);
        Some(unit)
    }

    /// Notes that a unit is done, and how it ended; the first error is the one that counts.
    pub(super) fn done(&self, unit: usize, ended: Result<(), RunError<E>>, shares: &Shares) {
        let mut line = self.line();
        line.under_way -= 1;
        shares.set_units(line.under_way);
        let next = line.waiting.remove(&unit).unwrap_or_default();
        line.ready.extend(next);
        if let Err(error) = ended {
            // Being cancelled is what follows from another error.
            match &line.error {
                None | Some(RunError::Cancelled) => line.error = Some(error),
                Some(_) => {}
            }
        }
        drop(line);
        self.changed.notify_all();
    }

    /// Lets the other threads go if this one panics while the returned value is there.
    pub(super) fn end_on_panic(&self) -> EndOnPanic<'_, E> {
        EndOnPanic(self)
    }

    /// Returns the first error.
    ///
    /// # Errors
    /// That one.
    pub(super) fn finish(self) -> Result<(), RunError<E>> {
        let line = self.line.into_inner().unwrap_or_else(PoisonError::into_inner);
        line.error.map_or(Ok(()), Err)
    }
}

/// See [`Queue::end_on_panic`].
pub(super) struct EndOnPanic<'q, E>(&'q Queue<E>);

impl<E> Drop for EndOnPanic<'_, E> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.line().is_broken = true;
            self.0.changed.notify_all();
        }
    }
}
