//! Opening a pool ends within one read of each thread, whatever it is at.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::copy;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use zsend_pool::{
    CancelToken, Device, OpenOptions, Pool, PoolError, ReadRange, Source, discover_devices,
    known_txgs,
};

/// Reads of some devices, of which one cancels.
#[derive(Default)]
struct Alarm {
    begun: AtomicUsize,
    /// Number of the read, from one, that cancels; zero for none.
    at: usize,
    cancel: CancelToken,
}

impl Alarm {
    fn read(&self) {
        if self.begun.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
            self.cancel.cancel();
        }
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

/// A device far away: what is asked for together comes together.
struct Slow {
    file: File,
    alarm: Arc<Alarm>,
}

impl Source for Slow {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.alarm.read();
        Source::read_at(&self.file, buf, offset)
    }

    fn size(&self) -> u64 {
        Source::size(&self.file)
    }

    fn read_ranges(&self, ranges: &mut [ReadRange<'_>]) -> io::Result<()> {
        self.alarm.read();
        Source::read_ranges(&self.file, ranges)
    }
}

/// The images in a folder, and the alarm that goes off at one of their reads.
fn devices(dir: &Path, at: usize) -> (Vec<Device>, Arc<Alarm>) {
    let alarm = Arc::new(Alarm { at, ..Alarm::default() });
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "img"));
    paths.sort();
    let device = |path: &Path| {
        let slow = Slow { file: File::open(path).unwrap(), alarm: Arc::clone(&alarm) };
        Device::new(path.display().to_string(), Arc::new(slow))
    };
    (paths.iter().map(|path| device(path)).collect(), alarm)
}

/// Does something with the devices of a fixture as often as it reads, and cancels at another read each time.
fn ends_within_a_read<T>(
    fixture: &str,
    act: impl Fn(&[Device], &CancelToken) -> zsend_pool::Result<T>,
) {
    let dir = copy(fixture);
    let (all, alarm) = devices(dir.path(), 0);
    act(&all, &alarm.cancel).unwrap();
    let reads = alarm.begun();
    assert!(reads > 10, "{reads}");
    for at in 1..=reads {
        let (all, alarm) = devices(dir.path(), at);
        let ended = act(&all, &alarm.cancel).map(drop);
        assert!(matches!(ended, Err(PoolError::Cancelled)), "{fixture}, read {at}: {ended:?}");
        // Devices are looked at side by side, and each thread may have asked just before.
        let more = alarm.begun() - at;
        assert!(more < all.len(), "{fixture}, cancelled at {at} of {reads}: {more} more");
    }
}

#[test]
fn opening_a_pool_ends_at_any_read() {
    for fixture in ["gang", "oldraidz", "xhole", "bmbr"] {
        ends_within_a_read(fixture, |devices, cancel| {
            let options = OpenOptions::default().cancel(cancel.clone());
            Pool::open_devices(devices, fixture, &options)
        });
    }
}

#[test]
fn opening_a_checkpoint_or_an_older_state_ends_at_any_read() {
    let dir = copy("xhole");
    let (all, alarm) = devices(dir.path(), 0);
    let found = discover_devices(&all, &alarm.cancel).unwrap();
    let older = known_txgs(&found[0], &alarm.cancel).unwrap()[3].uberblock.txg;
    for options in [OpenOptions::default().checkpoint(true), OpenOptions::default().txg(older)] {
        ends_within_a_read("xhole", |devices, cancel| {
            Pool::open_devices(devices, "xhole", &options.clone().cancel(cancel.clone()))
        });
    }
}

#[test]
fn a_list_of_the_states_of_a_pool_ends_at_any_read() {
    ends_within_a_read("gang", |devices, cancel| {
        let found = discover_devices(devices, cancel)?;
        known_txgs(&found[0], cancel)
    });
}

#[test]
fn the_search_for_an_older_state_ends_at_any_read() {
    // The newest state cannot be read: its MOS is gone, and which older one can be is looked for.
    let dir = copy("gang");
    let (all, alarm) = devices(dir.path(), 0);
    let found = discover_devices(&all, &alarm.cancel).unwrap();
    let newest = found[0].newest.unwrap();
    let file = File::options().write(true).open(dir.path().join("d0.img")).unwrap();
    for dva in newest.rootbp.dvas() {
        let at = dva.offset() + (4 << 20);
        std::os::unix::fs::FileExt::write_all_at(&file, &[0; 512], at).unwrap();
    }
    let open = |at| {
        let (all, alarm) = devices(dir.path(), at);
        let options = OpenOptions::default().cancel(alarm.cancel.clone());
        (Pool::open_devices(&all, "gang", &options).map(drop), alarm)
    };
    let (refused, alarm) = open(0);
    assert!(matches!(refused, Err(PoolError::State { .. })), "{refused:?}");
    for at in 1..=alarm.begun() {
        let (ended, alarm) = open(at);
        assert!(matches!(ended, Err(PoolError::Cancelled)), "read {at}: {ended:?}");
        assert_eq!(alarm.begun(), at);
    }
}

#[test]
fn a_pool_that_is_open_ends_what_it_reads() {
    let dir = copy("gang");
    let (all, alarm) = devices(dir.path(), 0);
    let options = OpenOptions::default().cancel(alarm.cancel.clone());
    // The token of the search counts no more.
    let searched = CancelToken::default();
    let found = discover_devices(&all, &searched).unwrap().remove(0);
    searched.cancel();
    let pool = Pool::open_found(&found, &options).unwrap();
    let head = pool.head("gang").unwrap();
    alarm.cancel.cancel();
    let before = alarm.begun();
    let objset = pool.objset(&head).map(drop);
    assert!(matches!(objset, Err(PoolError::Cancelled)), "{objset:?}");
    assert_eq!(alarm.begun(), before);
}
