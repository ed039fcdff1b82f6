//! The byte budget: how far the walk may run ahead of the writer.

use crate::tuning::RESTED;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
struct Account {
    limit: u64,
    used: u64,
    is_closed: bool,
    /// Bytes that somebody waits for.
    wanted: Option<u64>,
}

impl Account {
    /// Asks for bytes: true if they fit or nothing else is held, false if they must be waited for.
    fn ask(&mut self, bytes: u64) -> bool {
        let fits = self.used == 0 || self.used.saturating_add(bytes) <= self.limit;
        self.wanted = (!fits).then_some(bytes);
        fits
    }

    /// Gives bytes back: true if whoever waits is to go on.
    fn give_back(&mut self, bytes: u64) -> bool {
        self.used = self.used.saturating_sub(bytes);
        let Some(wanted) = self.wanted else { return false };
        let is_rested = self.used <= self.limit - (self.limit / 2).min(RESTED);
        let fits = self.used.saturating_add(wanted) <= self.limit;
        let goes_on = self.used == 0 || is_rested && fits;
        if goes_on {
            self.wanted = None;
        }
        goes_on
    }
}

/// A counting semaphore in bytes that can be closed. One thread takes, any thread gives back.
#[derive(Debug)]
pub(super) struct Budget {
    account: Mutex<Account>,
    changed: Condvar,
}

impl Budget {
    /// A budget of `limit` bytes, all of them free.
    pub(super) const fn new(limit: u64) -> Self {
        let account = Account { limit, used: 0, is_closed: false, wanted: None };
        Self { account: Mutex::new(account), changed: Condvar::new() }
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes `bytes` once they fit, or nothing else is held, and returns true; returns false once the
    /// budget is closed. Whoever has to wait does so until half of the budget is free, or [`RESTED`].
    pub(super) fn acquire(&self, bytes: u64) -> bool {
        let mut account = self.account();
        if !account.ask(bytes) {
            let waits = |account: &mut Account| !account.is_closed && account.wanted.is_some();
            let waited = self.changed.wait_while(account, waits);
            account = waited.unwrap_or_else(PoisonError::into_inner);
        }
        account.used = account.used.saturating_add(bytes);
        !account.is_closed
    }

    /// Gives back what was acquired.
    pub(super) fn release(&self, bytes: u64) {
        if self.account().give_back(bytes) {
            self.changed.notify_all();
        }
    }

    /// Lets every waiter go: nothing more will be delivered.
    pub(super) fn close(&self) {
        self.account().is_closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    fn account(limit: u64, used: u64) -> Account {
        Account { limit, used, is_closed: false, wanted: None }
    }

    #[test]
    fn who_waits_goes_on_at_rest_and_not_before() {
        let mut account = account(100, 100);
        assert!(!account.ask(10));
        // Ten bytes fit beside sixty, but half of the budget is not free yet.
        assert!(!account.give_back(40));
        assert!(account.give_back(10));
        // Nobody waits any more.
        assert!(!account.give_back(10));
    }

    #[test]
    fn who_waits_for_much_goes_on_when_it_fits() {
        let mut account = account(100, 100);
        assert!(!account.ask(90));
        assert!(!account.give_back(89));
        assert!(account.give_back(1));
    }

    #[test]
    fn a_large_budget_is_at_rest_when_little_of_it_is_free() {
        let mut account = account(8 * RESTED, 8 * RESTED);
        assert!(!account.ask(1));
        assert!(!account.give_back(RESTED - 1));
        assert!(account.give_back(1));
    }

    #[test]
    fn what_is_larger_than_the_budget_is_taken_alone() {
        let mut account = account(100, 0);
        assert!(account.ask(500));
        account.used = 500;
        assert!(!account.ask(300));
        assert!(!account.give_back(499));
        assert!(account.give_back(1));
    }

    #[test]
    fn closing_lets_whoever_waits_go_with_nothing() {
        let budget = Budget::new(1);
        assert!(budget.acquire(1));
        thread::scope(|scope| {
            // It may come before the waiter or after it, which makes no difference.
            let waiter = scope.spawn(|| budget.acquire(1));
            budget.close();
            assert!(!waiter.join().unwrap());
        });
        assert!(!budget.acquire(0));
    }

    #[test]
    fn threads_that_give_back_wake_whoever_waits_and_never_more_is_held_than_the_limit() {
        let budget = Budget::new(1000);
        let (give, given) = mpsc::channel::<u64>();
        let given = Mutex::new(given);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let next = given.lock().unwrap().recv();
                        let Ok(bytes) = next else { return };
                        budget.release(bytes);
                    }
                });
            }
            for i in 0..2000u64 {
                let bytes = i * 7919 % 400 + 1;
                assert!(budget.acquire(bytes));
                assert!(budget.account().used <= 1000);
                give.send(bytes).unwrap();
            }
            drop(give);
        });
        assert_eq!(budget.account().used, 0);
    }
}
