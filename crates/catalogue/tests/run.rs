//! Runs into stores that fail, and of pools whose names are hostile.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use zsend_catalogue::{
    Catalogue, CatalogueWriter, News, RunError, RunOptions, Store, Totals, Units, run,
};
use zsend_pool::{CancelToken, OpenOptions, Pool, Zbookmark};
use zsend_testkit::pool::make::SmallPool;
use zsend_testkit::{fixture, images};

/// A store in memory, of which each call may fail.
#[derive(Default)]
struct Memory {
    streams: Mutex<BTreeMap<String, Vec<u8>>>,
    calls: Mutex<usize>,
    /// The call that fails; none, if it is zero.
    fails: usize,
}

struct Stream<'m>(&'m Memory, String, Vec<u8>);

impl Memory {
    fn call(&self) -> io::Result<()> {
        let mut calls = self.calls.lock().unwrap();
        *calls += 1;
        if *calls == self.fails { Err(io::Error::other("of a test")) } else { Ok(()) }
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.call()?;
        self.2.extend(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A borrowed store, whose streams may borrow it.
struct Shared<'m>(&'m Memory);

impl<'m> Store for Shared<'m> {
    type File = Stream<'m>;
    type Error = io::Error;

    fn create(&self, file: &str) -> io::Result<Stream<'m>> {
        self.0.call()?;
        Ok(Stream(self.0, file.to_owned(), Vec::new()))
    }

    fn commit(&self, Stream(memory, name, bytes): Stream<'m>) -> io::Result<()> {
        memory.call()?;
        memory.streams.lock().unwrap().insert(name, bytes);
        Ok(())
    }

    fn discard(&self, _stream: Stream<'m>) {}
}

fn basic() -> Pool {
    let images = images::unpack(&fixture("basic")).unwrap();
    Pool::open(&[images], "basic", &OpenOptions::default()).unwrap()
}

fn send(
    pool: &Pool,
    folder: &Path,
    memory: &Memory,
    tell: impl FnMut(News<'_>) + Send,
) -> Result<Totals, RunError<io::Error>> {
    let units = Units::find(pool, None, None).unwrap();
    let writer = CatalogueWriter::open(folder, None, &RunOptions::default().settings()).unwrap();
    let (options, cancel) = (RunOptions::default().with_at_once(3), CancelToken::default());
    run(pool, &units, writer, &Shared(memory), &options, &cancel, tell)
}

#[test]
fn whichever_call_fails_the_catalogue_has_what_was_committed() {
    let pool = basic();
    let (folder, whole) = (tempfile::tempdir().unwrap(), Memory::default());
    let totals = send(&pool, folder.path(), &whole, |_| {}).unwrap();
    let (whole, calls) = (whole.streams.into_inner().unwrap(), whole.calls.into_inner().unwrap());
    assert_eq!((totals.streams, totals.known, totals.failed), (12, 0, 0));
    assert_eq!(totals.bytes, whole.values().map(|bytes| bytes.len() as u64).sum::<u64>());
    // One in forty, since each run reads the pool anew.
    for fails in (1..=calls).step_by(calls / 40) {
        let (folder, memory) =
            (tempfile::tempdir().unwrap(), Memory { fails, ..Memory::default() });
        let ended = send(&pool, folder.path(), &memory, |_| {});
        assert!(
            matches!(ended, Err(RunError::Store(_) | RunError::Output(..))),
            "{fails}: {ended:?}"
        );
        let catalogue = Catalogue::open(folder.path()).unwrap();
        let listed: Vec<&str> = catalogue.entries().iter().map(|e| e.file.as_str()).collect();
        let streams = memory.streams.lock().unwrap().clone();
        assert!(listed.len() == streams.len() && listed.iter().all(|f| streams.contains_key(*f)));
        assert!(catalogue.entries().iter().all(|entry| catalogue.has_base(entry)));
        // It goes on with what is left.
        let memory = Memory { streams: Mutex::new(streams), ..Memory::default() };
        let known = send(&pool, folder.path(), &memory, |_| {}).unwrap().known;
        assert_eq!(known, listed.len() as u64);
        assert!(memory.streams.into_inner().unwrap() == whole, "{fails}");
    }
}

#[test]
fn a_run_that_is_cancelled_ends_and_what_is_listed_is_there() {
    let pool = basic();
    let (folder, memory) = (tempfile::tempdir().unwrap(), Memory::default());
    let units = Units::find(&pool, None, None).unwrap();
    let writer =
        CatalogueWriter::open(folder.path(), None, &RunOptions::default().settings()).unwrap();
    let (cancel, mut sent) = (CancelToken::default(), 0);
    let options = RunOptions::default().with_at_once(2);
    let ended = run(&pool, &units, writer, &Shared(&memory), &options, &cancel, |news| {
        if let News::Sent(_) = news {
            sent += 1;
            cancel.cancel();
        }
    });
    assert!(matches!(ended, Err(RunError::Cancelled)), "{ended:?}");
    let listed = Catalogue::open(folder.path()).unwrap().entries().len();
    assert!(sent >= 1 && listed == sent && memory.streams.into_inner().unwrap().len() == listed);
}

#[test]
fn a_hostile_name_is_refused_or_becomes_a_plain_file() {
    // The name of the one snapshot, `s`, in the first entry of a micro ZAP, object 11 of the MOS.
    let place = Zbookmark::new(0, 11, 0, 0);
    for (byte, is_sent) in [
        (b's', true),
        (b'.', true),
        (b'%', true),
        (b' ', true),
        (b'/', false),
        (b'@', false),
        (0x1b, false),
        (0xff, false),
    ] {
        let mut pool = SmallPool::default().build().unwrap();
        pool.change_block(place, |block| {
            assert_eq!(&block[64 + 14..64 + 16], b"s\0");
            block[64 + 14] = byte;
        })
        .unwrap();
        let pool = pool.open().unwrap();
        let (folder, memory) = (tempfile::tempdir().unwrap(), Memory::default());
        let mut lost = 0;
        let totals = send(&pool, folder.path(), &memory, |news| {
            lost += usize::from(matches!(news, News::Lost { .. }));
        })
        .unwrap();
        let names: Vec<String> = memory.streams.into_inner().unwrap().into_keys().collect();
        assert_eq!((names.len(), lost), (usize::from(is_sent), usize::from(!is_sent)), "{byte:#x}");
        assert_eq!(totals.failed, u64::from(!is_sent));
        for name in names {
            assert!(name.starts_with("small@") && name.ends_with(".zsend") && !name.contains('/'));
            assert!(Path::new(&name).components().count() == 1, "{name}");
        }
    }
}
