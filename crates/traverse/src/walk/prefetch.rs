//! One piece of work that may be done ahead by a pool thread, or on the spot by whoever needs it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

type Work<T> = Box<dyn FnOnce() -> T + Send>;

enum State<T> {
    Queued(Work<T>),
    Running,
    Done(T),
    /// Its work panicked, or its result was taken.
    Gone,
}

/// Work with one result and one taker.
///
/// A taker who comes before the work was begun does it itself instead of waiting behind other
/// queued work, so that order never costs more than the work.
pub(crate) struct Job<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

impl<T: Send + 'static> Job<T> {
    /// Queues work on a thread pool.
    pub(crate) fn spawn(
        pool: &rayon::ThreadPool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Arc<Self> {
        let job = Arc::new(Self {
            state: Mutex::new(State::Queued(Box::new(work))),
            changed: Condvar::new(),
        });
        let theirs = Arc::clone(&job);
        pool.spawn_fifo(move || theirs.run());
        job
    }

    /// Does the work unless somebody has begun it.
    fn run(&self) {
        let work = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match std::mem::replace(&mut *state, State::Running) {
                State::Queued(work) => work,
                other => {
                    *state = other;
                    return;
                }
            }
        };
        // A panic in the work must wake the taker, who would wait for ever.
        let guard = WakeOnPanic(self);
        let result = work();
        std::mem::forget(guard);
        self.put(State::Done(result));
    }

    fn put(&self, state: State<T>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.changed.notify_all();
    }

    /// The result, done here and now if nobody has begun.
    ///
    /// # Panics
    /// If the work panicked, or the result was taken before.
    pub(crate) fn take(&self) -> T {
        self.run();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match std::mem::replace(&mut *state, State::Gone) {
                State::Done(result) => return result,
                State::Gone => panic!("a job's work panicked"),
                unfinished => *state = unfinished,
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct WakeOnPanic<'a, T: Send + 'static>(&'a Job<T>);

impl<T: Send + 'static> Drop for WakeOnPanic<'_, T> {
    fn drop(&mut self) {
        self.0.put(State::Gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap()
    }

    #[test]
    fn a_taker_does_queued_work_itself() {
        let pool = pool();
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let theirs = Arc::clone(&gate);
        // The only thread is held, so the second job can be done by its taker alone.
        let held = Job::spawn(&pool, move || {
            let (open, changed) = &*theirs;
            drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
            1
        });
        assert_eq!(Job::spawn(&pool, || 2).take(), 2);
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
        assert_eq!(held.take(), 1);
    }

    #[test]
    #[should_panic(expected = "a job's work panicked")]
    fn a_panic_reaches_the_taker() {
        let job: Arc<Job<()>> = Arc::new(Job {
            state: Mutex::new(State::Queued(Box::new(|| panic!("boom")))),
            changed: Condvar::new(),
        });
        let theirs = Arc::clone(&job);
        let _ = std::thread::spawn(move || theirs.run()).join();
        job.take();
    }
}
