//! Pools on sources that are no files, and the names of all their datasets.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{copy, open};
use std::fs::{self, File};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use zsend_pool::{Device, OpenOptions, Pool, PoolError, ReadRange, Source};

/// A source that is no file: it counts what it is asked for.
struct Counting {
    bytes: Vec<u8>,
    singles: AtomicUsize,
    ranges: Mutex<Vec<usize>>,
    /// Calls for several ranges fail.
    is_single: bool,
}

impl Counting {
    fn get(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        buf.copy_from_slice(
            self.bytes.get(at..at + buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?,
        );
        Ok(())
    }
}

impl Source for Counting {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.singles.fetch_add(1, Ordering::Relaxed);
        self.get(offset, buf)
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_ranges(&self, ranges: &mut [ReadRange<'_>]) -> io::Result<()> {
        self.ranges.lock().unwrap().push(ranges.len());
        if self.is_single {
            return Err(io::ErrorKind::Unsupported.into());
        }
        ranges.iter_mut().try_for_each(|range| self.get(range.offset, range.buf))
    }
}

#[test]
fn a_pool_opens_on_sources_that_are_no_files() {
    let bytes = fs::read(copy("gang").path().join("d0.img")).unwrap();
    let open = |is_single| {
        let (singles, ranges) = (AtomicUsize::new(0), Mutex::default());
        let source = Arc::new(Counting { bytes: bytes.clone(), singles, ranges, is_single });
        let shared: Arc<dyn Source> = Arc::<Counting>::clone(&source);
        let device = Device::new("far away", shared);
        (Pool::open_devices(&[device], "gang", &OpenOptions::default()).unwrap(), source)
    };
    let singles = |source: &Counting| source.singles.load(Ordering::Relaxed);
    let (pool, source) = open(false);
    // Four configurations in one call, and four rings.
    assert_eq!(*source.ranges.lock().unwrap(), [4, 4]);
    let (_, fallback) = open(true);
    assert_eq!(singles(&fallback), singles(&source) + 8);
    assert!(pool.head("gang").is_ok());
    let device = Device::new("nothing", Arc::new(File::open("/dev/null").unwrap()));
    let none = Pool::open_devices(&[device], "gang", &OpenOptions::default()).unwrap_err();
    assert!(matches!(none, PoolError::NoLabel { .. }), "{none}");
}

#[test]
fn every_dataset_of_a_pool_is_named_once() {
    let dir = copy("xhole");
    let pool = open(dir.path(), "xhole", &OpenOptions::default()).unwrap();
    let all: Vec<_> = pool.datasets().map(|(name, d)| (name, d.unwrap())).collect();
    assert!(all.len() > 1 && all[0].0 == "xhole", "{}", all.len());
    for (name, dataset) in &all {
        assert_eq!(pool.dataset_name(dataset).unwrap(), *name);
        assert_eq!(pool.head(name).unwrap().guid, dataset.guid);
    }
}

/// A device of which one place cannot be read.
struct Worn {
    bytes: Vec<u8>,
    at: u64,
}

impl Source for Worn {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        if (offset..offset + buf.len() as u64).contains(&self.at) {
            return Err(io::Error::other("worn out"));
        }
        buf.copy_from_slice(&self.bytes[at..at + buf.len()]);
        Ok(())
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

#[test]
fn uberblocks_that_cannot_be_read_are_told_of() {
    let bytes = fs::read(copy("gang").path().join("d0.img")).unwrap();
    // The second label's ring of uberblocks, and a byte that nothing asks for.
    for (at, is_told) in [((256 << 10) + (128 << 10) + 5, true), (3 << 20, false)] {
        let worn = Worn { bytes: bytes.clone(), at };
        let device = Device::new("old disk", Arc::new(worn));
        let pool = Pool::open_devices(&[device], "gang", &OpenOptions::default()).unwrap();
        let warnings = pool.warnings().join("\n");
        let told = "old disk: 1 of its rings of uberblocks cannot be read, and the newest state may be there: \
                    old disk@0x60000: worn out";
        assert_eq!(warnings.contains(told), is_told, "{warnings}");
    }
}
