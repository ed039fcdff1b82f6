//! One read that may be done ahead by a worker, or on the spot by whoever needs it.

use super::threads::Threads;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

type Work<T> = Box<dyn FnOnce() -> T + Send>;

enum Stage<T> {
    Queued(Work<T>),
    Running,
    Finished(T),
    /// The work panicked, or nobody wants its result any more.
    Gone,
}

struct PrefetchState<T> {
    stage: Mutex<Stage<T>>,
    changed: Condvar,
}

/// Work with one result, held by the one who will take it.
///
/// A taker who comes before the work was begun does it itself instead of waiting behind other queued
/// work, so that order never costs more than the work. Work that nobody has begun when this is dropped
/// is never done.
pub(crate) struct Prefetch<T: Send + 'static>(Arc<PrefetchState<T>>);

impl<T: Send + 'static> Prefetch<T> {
    /// Queues work.
    pub(crate) fn spawn(threads: &Threads, work: impl FnOnce() -> T + Send + 'static) -> Self {
        let stage = Mutex::new(Stage::Queued(Box::new(work)));
        let shared = Arc::new(PrefetchState { stage, changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        threads.spawn(move || theirs.run());
        Self(shared)
    }

    /// The result; the work is done here and now if nobody has begun it.
    ///
    /// # Panics
    /// If the work panicked.
    pub(crate) fn take(self) -> T {
        self.0.run();
        let mut stage = self.0.stage();
        loop {
            match std::mem::replace(&mut *stage, Stage::Gone) {
                Stage::Finished(result) => return result,
                Stage::Gone => panic!("prefetching panicked"),
                unfinished @ (Stage::Queued(_) | Stage::Running) => *stage = unfinished,
            }
            stage = self.0.changed.wait(stage).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T: Send + 'static> Drop for Prefetch<T> {
    fn drop(&mut self) {
        let mut stage = self.0.stage();
        if let Stage::Queued(_) = *stage {
            *stage = Stage::Gone;
        }
    }
}

impl<T> PrefetchState<T> {
    fn stage(&self) -> MutexGuard<'_, Stage<T>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the work unless somebody has begun it.
    fn run(&self) {
        let work = {
            let mut stage = self.stage();
            match std::mem::replace(&mut *stage, Stage::Running) {
                Stage::Queued(work) => work,
                other @ (Stage::Running | Stage::Finished(_) | Stage::Gone) => {
                    *stage = other;
                    return;
                }
            }
        };
        // A panic in the work must wake the taker, who would wait for ever.
        let guard = WakeOnPanic(self);
        let result = work();
        std::mem::forget(guard);
        self.put(Stage::Finished(result));
    }

    fn put(&self, stage: Stage<T>) {
        *self.stage() = stage;
        self.changed.notify_all();
    }
}

struct WakeOnPanic<'a, T>(&'a PrefetchState<T>);

impl<T> Drop for WakeOnPanic<'_, T> {
    fn drop(&mut self) {
        self.0.put(Stage::Gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    /// One thread, which is held until the sender is used or dropped.
    fn held() -> (Threads, mpsc::Sender<()>) {
        let threads = Threads::start(1).unwrap();
        let (go, gone) = mpsc::channel::<()>();
        threads.spawn(move || {
            let _ = gone.recv();
        });
        (threads, go)
    }

    #[test]
    fn a_taker_does_queued_work_itself() {
        let (threads, go) = held();
        let work = Prefetch::spawn(&threads, || thread::current().id());
        // The only thread is held, so the taker alone can do it.
        assert_eq!(work.take(), thread::current().id());
        drop(go);
    }

    #[test]
    fn what_a_thread_has_begun_is_waited_for() {
        let threads = Threads::start(1).unwrap();
        let (began, begun) = mpsc::channel();
        let work = Prefetch::spawn(&threads, move || {
            began.send(()).unwrap();
            thread::current().id()
        });
        begun.recv().unwrap();
        assert_ne!(work.take(), thread::current().id());
    }

    #[test]
    fn what_nobody_wants_any_more_is_not_done() {
        let (threads, go) = held();
        let (tell, told) = mpsc::channel();
        drop(Prefetch::spawn(&threads, move || tell.send(())));
        drop(go);
        // The work is gone with its end of the channel, and sent nothing.
        assert!(told.recv().is_err());
    }

    #[test]
    #[should_panic(expected = "prefetching panicked")]
    fn a_panic_reaches_the_taker() {
        let stage = Mutex::new(Stage::<()>::Queued(Box::new(|| panic!("of a test"))));
        let shared = Arc::new(PrefetchState { stage, changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let _ = thread::spawn(move || theirs.run()).join();
        Prefetch(shared).take();
    }
}
