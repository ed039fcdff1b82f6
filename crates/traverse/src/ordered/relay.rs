//! The relay: work is finished in any order and delivered in the order in which it was begun, by
//! whoever has just finished what is next. Nobody waits for anybody, and what is delivered is mostly
//! still in the caches of the core that made it.

use super::budget::Budget;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Deliver<'d, B, E> = Box<dyn FnMut(B) -> Result<(), E> + Send + 'd>;

struct Queue<'d, B, E> {
    /// Number of the first work that nobody has begun to deliver.
    next: u64,
    /// Finished work from that number on, with its cost; `None` for what is under way.
    finished: VecDeque<Option<(B, u64)>>,
    /// Delivers; whoever does so holds this, and no lock.
    deliver: Option<Deliver<'d, B, E>>,
    /// The first error in order.
    error: Option<E>,
}

/// Delivers what work gives, in the order in which the work was begun.
pub(crate) struct Relay<'d, B, E> {
    line: Mutex<Queue<'d, B, E>>,
    budget: Budget,
    begun: AtomicU64,
    is_ended: Arc<AtomicBool>,
}

/// The right to hand in the result of one piece of work, and the duty: a ticket that is dropped, as by
/// a panic, ends the relay.
pub(crate) struct Ticket<'r, 'd, B, E> {
    relay: &'r Relay<'d, B, E>,
    number: u64,
    cost: u64,
    is_used: bool,
}

impl<'d, B, E> Relay<'d, B, E> {
    /// A relay that gives each result to `deliver`, and lets work begin until what was begun and not
    /// delivered costs `limit`. It sets `is_ended` once nothing more will be delivered.
    pub(crate) fn new(
        limit: u64,
        is_ended: Arc<AtomicBool>,
        deliver: impl FnMut(B) -> Result<(), E> + Send + 'd,
    ) -> Self {
        let deliver: Deliver<'d, B, E> = Box::new(deliver);
        let line =
            Queue { next: 0, finished: VecDeque::new(), deliver: Some(deliver), error: None };
        let (line, budget) = (Mutex::new(line), Budget::new(limit));
        Self { line, budget, begun: AtomicU64::new(0), is_ended }
    }

    /// Begins work of this cost once there is room for it; returns `None` once nothing more will be
    /// delivered. One thread alone begins work.
    pub(crate) fn begin(&self, cost: u64) -> Option<Ticket<'_, 'd, B, E>> {
        self.budget.acquire(cost).then(|| {
            let number = self.begun.fetch_add(1, Ordering::Relaxed);
            Ticket { relay: self, number, cost, is_used: false }
        })
    }

    fn line(&self) -> MutexGuard<'_, Queue<'d, B, E>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what work gave, and delivers what is next if nobody else does.
    fn take(&self, number: u64, given: B, cost: u64) {
        let mut line = self.line();
        // Each number is handed in once, and what is before `next` was.
        let distance = number.checked_sub(line.next).and_then(|d| usize::try_from(d).ok());
        if let (None, Some(distance)) = (&line.error, distance) {
            while line.finished.len() <= distance {
                line.finished.push_back(None);
            }
            line.finished[distance] = Some((given, cost));
        }
        while line.error.is_none() {
            let Some(mut deliver) = line.deliver.take() else { return };
            let Some((given, cost)) = line.finished.front_mut().and_then(Option::take) else {
                line.deliver = Some(deliver);
                return;
            };
            line.finished.pop_front();
            line.next += 1;
            drop(line);
            let delivered = deliver(given);
            self.budget.release(cost);
            line = self.line();
            line.deliver = Some(deliver);
            line.error = delivered.err();
        }
        // Nobody takes what comes after an error.
        line.finished.clear();
        drop(line);
        self.end();
    }

    /// Lets nothing more begin.
    fn end(&self) {
        self.is_ended.store(true, Ordering::Relaxed);
        self.budget.close();
    }

    /// Returns the first error in order, once every ticket was handed in.
    ///
    /// # Panics
    /// If a ticket was dropped, and no error says why what followed it is not there.
    pub(crate) fn finish(self) -> Result<(), E> {
        let begun = self.begun.into_inner();
        let line = self.line.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some(error) = line.error else {
            assert_eq!(line.next, begun, "work was begun that nobody handed in");
            return Ok(());
        };
        Err(error)
    }
}

impl<B, E> Ticket<'_, '_, B, E> {
    /// Hands in what the work gave, and delivers what is next if nobody else does.
    pub(crate) fn hand_in(mut self, given: B) {
        self.is_used = true;
        // Delivering may panic.
        let _ended_by_panic = EndOnPanic(self.relay);
        self.relay.take(self.number, given, self.cost);
    }
}

impl<B, E> Drop for Ticket<'_, '_, B, E> {
    fn drop(&mut self) {
        if !self.is_used {
            self.relay.end();
        }
    }
}

struct EndOnPanic<'r, 'd, B, E>(&'r Relay<'d, B, E>);

impl<B, E> Drop for EndOnPanic<'_, '_, B, E> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end();
        }
    }
}

impl<B, E> fmt::Debug for Relay<'_, B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { budget, begun, is_ended, .. } = self;
        let fields = (budget, begun, is_ended);
        f.debug_tuple("Relay").field(&fields).finish()
    }
}

impl<B, E> fmt::Debug for Ticket<'_, '_, B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("number", &self.number).field("cost", &self.cost).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc;
    use std::thread;

    /// A relay whose work gives a number, or the error that it ended with.
    fn relay<'d>(
        limit: u64,
        mut each: impl FnMut(u64) + Send + 'd,
    ) -> Relay<'d, Result<u64, &'static str>, &'static str> {
        Relay::new(limit, Arc::default(), move |given: Result<_, _>| given.map(&mut each))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn any_order_of_finishing_is_delivered_in_the_order_of_beginning(
            order in Just((0..40usize).collect::<Vec<_>>()).prop_shuffle(),
            bad in 0..60usize,
        ) {
            let mut seen = Vec::new();
            let relay = relay(100, |number| seen.push(number));
            let mut tickets: Vec<_> = (0..40).map(|_| relay.begin(1)).collect();
            prop_assert!(tickets.iter().all(Option::is_some));
            for number in order {
                let given = if number == bad { Err("bad") } else { Ok(number as u64) };
                tickets[number].take().unwrap().hand_in(given);
            }
            drop(tickets);
            prop_assert_eq!(relay.is_ended.load(Ordering::Relaxed), bad < 40);
            prop_assert_eq!(relay.begin(1).is_none(), bad < 40);
            drop(relay);
            // What comes before an error is delivered, and nothing that comes after it.
            prop_assert_eq!(seen, (0..40.min(bad) as u64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn of_two_errors_the_first_in_order_counts() {
        let relay = relay(100, |_| {});
        let [first, second, third] = [1, 1, 1].map(|cost| relay.begin(cost).unwrap());
        third.hand_in(Err("third"));
        second.hand_in(Err("second"));
        first.hand_in(Ok(1));
        assert_eq!(relay.finish(), Err("second"));
    }

    #[test]
    fn whoever_finishes_while_another_delivers_does_not_wait() {
        let (began, begun) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let relay = relay(100, move |number| {
            if number == 0 {
                began.send(()).unwrap();
                gone.recv().unwrap();
            }
        });
        let [first, second, third] = [1, 1, 1].map(|cost| relay.begin(cost).unwrap());
        thread::scope(|scope| {
            scope.spawn(|| first.hand_in(Ok(0)));
            begun.recv().unwrap();
            // The first is being delivered, and these return all the same.
            third.hand_in(Ok(2));
            second.hand_in(Ok(1));
            go.send(()).unwrap();
        });
        assert_eq!(relay.line().next, 3);
        assert_eq!(relay.finish(), Ok(()));
    }

    #[test]
    fn a_panic_of_the_work_lets_whoever_waits_to_begin_go() {
        let relay = relay(1, |_| {});
        let ticket = relay.begin(1).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| relay.begin(1).is_none());
            let panicked = catch_unwind(AssertUnwindSafe(move || {
                let _held = ticket;
                panic!("of a test");
            }));
            assert!(panicked.is_err());
            assert!(waiting.join().unwrap());
        });
        // Nothing says why the work is not there, so this may not pass for success.
        assert!(catch_unwind(AssertUnwindSafe(|| relay.finish())).is_err());
    }

    #[test]
    fn a_panic_of_delivering_lets_whoever_waits_to_begin_go() {
        let relay = relay(1, |_| panic!("of a test"));
        let ticket = relay.begin(1).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| relay.begin(1).is_none());
            assert!(catch_unwind(AssertUnwindSafe(|| ticket.hand_in(Ok(0)))).is_err());
            assert!(waiting.join().unwrap());
        });
    }
}
