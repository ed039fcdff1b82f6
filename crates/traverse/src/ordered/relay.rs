//! The relay: batches are finished in any order and delivered in send order, by whoever has just
//! finished the one that is next. Nobody waits for anybody, and what is delivered is mostly still in
//! the caches of the core that made it.

use crate::error::{Result, SendError};
use crate::ordered::budget::Budget;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// A finished batch.
pub(crate) struct Done<T> {
    /// What it gave, in order.
    pub(crate) results: Vec<T>,
    /// What ended it early, after those results.
    pub(crate) error: Option<SendError>,
    /// What it holds of the byte budget.
    pub(crate) cost: u64,
}

struct State<T, E> {
    /// Number of the first batch that nobody has begun to deliver.
    next: u64,
    /// Finished batches from that number on; `None` for one that is under way.
    done: VecDeque<Option<Done<T>>>,
    /// Who delivers holds this, and no lock, while it does.
    each: Option<E>,
    /// The first error in send order.
    error: Option<SendError>,
}

/// See the module.
pub(crate) struct Relay<'a, T, E> {
    state: Mutex<State<T, E>>,
    budget: &'a Budget,
    cancel: &'a AtomicBool,
    /// Set once nothing more will be delivered.
    stop: AtomicBool,
}

impl<'a, T, E: FnMut(T) -> Result<()>> Relay<'a, T, E> {
    /// A relay that gives `each` every result, until `cancel` is set.
    pub(crate) fn new(each: E, budget: &'a Budget, cancel: &'a AtomicBool) -> Self {
        let state = State { next: 0, done: VecDeque::new(), each: Some(each), error: None };
        Self { state: Mutex::new(state), budget, cancel, stop: AtomicBool::new(false) }
    }

    /// Set once nothing more will be delivered.
    pub(crate) const fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// Hands in batch `number`, and delivers what is next if nobody else does.
    pub(crate) fn hand_in(&self, number: u64, done: Done<T>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(number.wrapping_sub(state.next)).unwrap_or(usize::MAX);
        while state.done.len() <= index {
            state.done.push_back(None);
        }
        state.done[index] = Some(done);
        while state.error.is_none() {
            let Some(mut each) = state.each.take() else { return };
            let Some(done) = state.done.pop_front_if(|done| done.is_some()).flatten() else {
                state.each = Some(each);
                return;
            };
            state.next += 1;
            drop(state);
            let cost = done.cost;
            let delivered = self.deliver(done, &mut each);
            self.budget.release(cost);
            state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.each = Some(each);
            state.error = delivered.err();
        }
        // What comes after an error is nobody's.
        state.done.clear();
        drop(state);
        self.close();
    }

    fn deliver(&self, done: Done<T>, each: &mut E) -> Result<()> {
        for result in done.results {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(SendError::Cancelled);
            }
            each(result)?;
        }
        done.error.map_or(Ok(()), Err)
    }

    /// Ends the walk: nothing more will be delivered.
    pub(crate) fn close(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.budget.close();
    }

    /// How it ended, once every batch was handed in.
    pub(crate) fn finish(self) -> Result<()> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.error.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A batch that gives its number.
    fn done(number: u64) -> Done<u64> {
        Done { results: vec![number], error: None, cost: 1 }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn any_order_of_finishing_is_delivered_in_send_order(
            order in Just((0..40u64).collect::<Vec<_>>()).prop_shuffle(),
            bad in 0..60u64,
        ) {
            let (budget, cancel) = (Budget::new(100), AtomicBool::new(false));
            let mut seen = Vec::new();
            let relay = Relay::new(
                |number| {
                    seen.push(number);
                    Ok(())
                },
                &budget,
                &cancel,
            );
            for number in order {
                let error = (number == bad).then_some(SendError::Cancelled);
                relay.hand_in(number, Done { error, ..done(number) });
            }
            prop_assert_eq!(relay.stop().load(Ordering::Relaxed), bad < 40);
            prop_assert_eq!(relay.finish().is_err(), bad < 40);
            // What comes before an error is delivered, with what its own batch gave.
            prop_assert_eq!(seen, (0..40.min(bad.saturating_add(1))).collect::<Vec<_>>());
        }
    }

    #[test]
    fn whoever_finishes_while_another_delivers_does_not_wait() {
        let (budget, cancel) = (Budget::new(100), AtomicBool::new(false));
        let (began, begun) = std::sync::mpsc::channel();
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let relay = Relay::new(
            move |number| {
                if number == 0 {
                    began.send(()).unwrap();
                    gone.recv().unwrap();
                }
                Ok(())
            },
            &budget,
            &cancel,
        );
        std::thread::scope(|scope| {
            scope.spawn(|| relay.hand_in(0, done(0)));
            begun.recv().unwrap();
            // The first is being delivered, and these return all the same.
            relay.hand_in(2, done(2));
            relay.hand_in(1, done(1));
            go.send(()).unwrap();
        });
        assert_eq!(relay.state.lock().unwrap().next, 3);
    }
}
