//! Any changes of a pool, with every checksum mended: whoever can write to a disk writes its checksums, too.
//!
//! `[base]`, then the changes; see [`Change`]. The base is a fixture, or a small pool that is drawn from the
//! same bytes. Opening ends, reading every object ends, and so does every send; no cause is a panic.

use arbitrary::{Arbitrary, Unstructured};
use std::io::{self, Write};
use std::sync::OnceLock;
use zsend_pool::{Dataset, Objset, Pool, zap};
use zsend_testkit::pool::MendedPool;
use zsend_testkit::pool::change::{Change, objsets};
use zsend_testkit::pool::make::SmallPool;
use zsend_traverse::{CancelToken, SendOptions, SendPlan};

/// Fixtures that are changed: fat ZAPs, clones, redaction, old deadlists, two disks of a big-endian machine,
/// three sides of a mirror.
const FIXTURES: [&str; 6] = ["basic", "bredact", "bcase", "old5", "begang", "oldmirror"];
/// Most changes of one pool.
const CHANGES: usize = 8;
/// Object sets that are read, beside the MOS.
const OBJSETS: usize = 5;
/// Objects of an object set that are read.
const OBJECTS: u64 = 64;
/// Bytes of a stream after which nobody wants more of it.
const STREAM: usize = 256 << 10;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let Some((pool, _)) = changed(bytes, None) else { return };
    let Ok(pool) = pool.open() else { return };
    for object in objsets(&pool).into_iter().take(1 + OBJSETS) {
        if object == 0 {
            read_all(pool.mos());
            continue;
        }
        let Ok(dataset) = Dataset::open(pool.mos(), object) else { continue };
        if let Ok(os) = pool.raw_objset(&dataset) {
            read_all(&os);
        }
        if let Ok(name) = pool.dataset_name(&dataset) {
            send(&pool, &name);
        }
    }
}

/// The pool of an input, and the numbers of its object sets before the changes. If `only` is given,
/// all changes are in that object set.
pub(crate) fn changed(bytes: &[u8], only: Option<u8>) -> Option<(MendedPool, Vec<u64>)> {
    let mut u = Unstructured::new(bytes);
    let base = usize::from(u8::arbitrary(&mut u).ok()?);
    let (mut pool, objsets) = match bases().get(base % (FIXTURES.len() + 1)) {
        Some((pool, objsets)) => (pool.fork().expect("a fixture opens"), objsets.clone()),
        None => {
            let pool = SmallPool::arbitrary(&mut u).ok()?.build().expect("any small pool is sound");
            let objsets = objsets(&pool.open().expect("any small pool opens"));
            (pool, objsets)
        }
    };
    for _ in 0..CHANGES {
        let Ok(mut change) = Change::arbitrary(&mut u) else { break };
        change.objset = only.unwrap_or(change.objset);
        // Most places of an arbitrary change are none.
        let _ = change.apply(&mut pool, &objsets);
        if u.is_empty() {
            break;
        }
    }
    Some((pool, objsets))
}

/// The fixtures and their object sets.
fn bases() -> &'static [(MendedPool, Vec<u64>)] {
    static BASES: OnceLock<Vec<(MendedPool, Vec<u64>)>> = OnceLock::new();
    BASES.get_or_init(|| FIXTURES.iter().map(|name| fixture(name)).collect())
}

fn fixture(name: &str) -> (MendedPool, Vec<u64>) {
    let pool = MendedPool::fixture(name).expect("it opens");
    let objsets = objsets(&pool.open().expect("it opens"));
    (pool, objsets)
}

fn read_all(os: &Objset) {
    for object in 0..OBJECTS {
        let Ok(dnode) = os.dnode(object) else { continue };
        for blkid in [0, 1, dnode.maxblkid] {
            let _ = os.block(&dnode, object, blkid);
        }
        let _ = zap::entries(os, object);
    }
}

/// A sink that wants no more than the first [`STREAM`] bytes.
struct Sink(usize);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn send(pool: &Pool, name: &str) {
    let options = SendOptions::default().with_threads(1).with_compress(true).with_large_block(true);
    let Ok(plan) = SendPlan::by_name(pool, name, None, options) else { return };
    let _ = plan.write(Sink(STREAM), &CancelToken::default(), |_| {});
}
