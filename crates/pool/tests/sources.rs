//! The places where pools are found, and the state of them that is read: fixtures, some of them changed.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{copy, open};
use std::fs::{self, File, OpenOptions as FileOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use zsend_ondisk::Order;
use zsend_ondisk::blkptr::BlkPtr;
use zsend_ondisk::label::{DATA_START, LABEL_SIZE, LABELS_END_SIZE, RING_OFFSET, data_size};
use zsend_ondisk::uberblock::{self, RING_SIZE, UberblockPhys, mmp, slot_size};
use zsend_pool::discover::{discover, select};
use zsend_pool::dsl::name::Name;
use zsend_pool::{CancelToken, ErrorClass, PoolError};
use zsend_pool::{OpenOptions, Pool, known_txgs};

fn image(dir: &TempDir, name: &str) -> File {
    FileOptions::new().read(true).write(true).open(dir.path().join(name)).unwrap()
}

fn has_snapshot(pool: &Pool, name: &str) -> bool {
    pool.dataset(&Name::parse(name).unwrap()).is_ok()
}

/// Sector size of the devices, as a power.
const ASHIFT: u64 = 9;

/// The uberblocks of the first two labels: where they lie, and what they are.
fn slots(file: &File) -> Vec<(u64, UberblockPhys)> {
    let mut found = Vec::new();
    for ring in [0, LABEL_SIZE].map(|label| label + RING_OFFSET) {
        let mut bytes = vec![0; RING_SIZE];
        file.read_exact_at(&mut bytes, ring).unwrap();
        let slots = uberblock::slots(&bytes, ring, ASHIFT);
        found.extend(slots.filter_map(|(at, slot)| Some((at, UberblockPhys::parse(slot)?.0))));
    }
    found
}

/// The uberblock of the highest txg, then of the latest time.
fn newest(file: &File) -> UberblockPhys {
    let all = slots(file).into_iter().map(|(_, phys)| phys);
    all.max_by_key(|phys| (phys.txg.get(), phys.timestamp.get())).unwrap()
}

/// Writes an uberblock with the checksum that it needs there.
fn write_slot(file: &File, at: u64, phys: &UberblockPhys) {
    let mut slot = vec![0; slot_size(ASHIFT)];
    phys.seal_in(&mut slot, at, Order::Little).unwrap();
    file.write_all_at(&slot, at).unwrap();
}

#[test]
fn a_checkpoint_has_what_was_destroyed_since() {
    let dir = copy("xhole");
    let now = open(dir.path(), "xhole", &OpenOptions::default()).unwrap();
    assert!(has_snapshot(&now, "xhole/fs@d") && !has_snapshot(&now, "xhole/fs@b"));
    let options = OpenOptions::default().checkpoint(true);
    let then = open(dir.path(), "xhole", &options).unwrap();
    assert!(has_snapshot(&then, "xhole/fs@b") && !has_snapshot(&then, "xhole/fs@d"));
    let (now, then) = (now.uberblock(), then.uberblock());
    assert_eq!((now.checkpoint_txg, then.checkpoint_txg), (0, then.txg));
    assert!(then.txg < now.txg, "{} is not before {}", then.txg, now.txg);

    let dir = copy("gang");
    let none = open(dir.path(), "gang", &options).unwrap_err().to_string();
    assert_eq!(none, "checkpoint of pool 'gang' does not exist");
}

#[test]
fn an_older_txg_is_read_if_it_is_there() {
    let dir = copy("xhole");
    let found =
        select(discover(&[dir.path().to_owned()], &CancelToken::default()).unwrap(), "xhole")
            .unwrap();
    let known = known_txgs(&found, &CancelToken::default()).unwrap();
    let usable: Vec<u64> =
        known.iter().filter(|k| k.problem.is_none()).map(|k| k.uberblock.txg).collect();
    assert!(known.len() > usable.len() && usable.len() > 10, "{usable:?}");
    assert!(usable.is_sorted_by(|a, b| a > b));
    let at = |txg: u64| OpenOptions::default().txg(txg);
    for &txg in usable.iter().step_by(5) {
        assert_eq!(Pool::open_found(&found, &at(txg)).unwrap().uberblock().txg, txg);
    }
    let absent = Pool::open_found(&found, &at(usable[0] + 1)).unwrap_err().to_string();
    assert!(absent.contains(&format!("there are {}, ", usable[0])), "{absent}");
}

#[test]
fn what_an_older_state_has_without_checksum_is_said_to_be_uncertain() {
    let dir = copy("bdtl");
    let found =
        select(discover(&[dir.path().to_owned()], &CancelToken::default()).unwrap(), "bdtl")
            .unwrap();
    let newest = found.newest.unwrap().txg;
    let known = known_txgs(&found, &CancelToken::default()).unwrap();
    let older = known.iter().find(|k| k.problem.is_none() && k.uberblock.txg < newest).unwrap();
    for (txg, is_certain) in [(newest, true), (older.uberblock.txg, false)] {
        let options = OpenOptions::default().txg(txg);
        let pool = Pool::open_found(&found, &options).unwrap();
        let snapshot = pool.dataset(&Name::parse("bdtl/off@a").unwrap()).unwrap();
        let objset = pool.objset(&snapshot).unwrap();
        for object in 1..40 {
            if let Ok(dnode) = objset.dnode(object) {
                objset.block(&dnode, object, 0).unwrap();
            }
        }
        let doubted = pool.zio().doubted();
        assert_eq!((doubted.overwritten == 0, doubted.count), (is_certain, 0), "{txg}");
    }
}

#[test]
fn an_unreadable_newest_state_is_not_replaced_silently() {
    let dir = copy("gang");
    let file = image(&dir, "d0.img");
    let newest = newest(&file);
    // Three copies of the MOS's root block.
    for dva in BlkPtr::parse(&newest.rootbp).dvas() {
        file.write_all_at(&[0xaa; 512], DATA_START + dva.offset()).unwrap();
    }
    match open(dir.path(), "gang", &OpenOptions::default()) {
        Err(e @ PoolError::State { .. }) => {
            let text = e.to_string();
            let PoolError::State { txg: failed, usable, .. } = e else { unreachable!() };
            assert_eq!(failed, newest.txg.get());
            assert!(text.contains(&format!("an older one can, of txg {}", usable[0])), "{text}");
            let options = OpenOptions::default().txg(usable[0]);
            assert_eq!(open(dir.path(), "gang", &options).unwrap().uberblock().txg, usable[0]);
        }
        other => panic!("{:?}", other.map(|pool| pool.uberblock().txg)),
    }
}

#[test]
fn partitions_are_found_by_either_table() {
    let dir = copy("xgpt");
    let path = dir.path().join("d0.img");
    let file = image(&dir, "d0.img");
    assert!(has_snapshot(&open(&path, "xgpt", &OpenOptions::default()).unwrap(), "xgpt/fs@b"));
    file.write_all_at(&[0; 1024], 0).unwrap();
    assert!(open(&path, "xgpt", &OpenOptions::default()).is_ok());
    let size = file.metadata().unwrap().len();
    file.write_all_at(&[0; 512], size - 512).unwrap();
    let none = open(&path, "xgpt", &OpenOptions::default()).unwrap_err().to_string();
    assert!(none.contains("no ZFS label found") && none.contains("labels 0, 1, 2, 3"), "{none}");
}

#[test]
fn a_pool_in_a_partition_of_a_dos_table_is_found() {
    let dir = copy("bmbr");
    let pool = open(dir.path(), "bmbr", &OpenOptions::default()).unwrap();
    assert!(has_snapshot(&pool, "bmbr/fs@b"));
}

#[test]
fn a_disk_image_in_a_partition_is_looked_into() {
    let inner = fs::read(copy("xgpt").path().join("d0.img")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut table = vec![0; 1 << 20];
    // One primary partition, from the block after this first megabyte on.
    let blocks = u32::try_from(inner.len() / 512).unwrap();
    table[450] = 0x83;
    table[454..458].copy_from_slice(&2048_u32.to_le_bytes());
    table[458..462].copy_from_slice(&blocks.to_le_bytes());
    table[510..512].copy_from_slice(&[0x55, 0xaa]);
    fs::write(dir.path().join("outer.img"), [table, inner].concat()).unwrap();
    let pool = open(dir.path(), "xgpt", &OpenOptions::default()).unwrap();
    assert!(has_snapshot(&pool, "xgpt/fs@b"));
}

#[test]
fn both_pools_of_a_device_with_labels_of_two_are_found() {
    let dir = copy("bstale");
    let found = discover(&[dir.path().to_owned()], &CancelToken::default()).unwrap().pools;
    let mut names: Vec<_> = found.iter().map(|f| f.config.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["bold", "bstale"]);
    let pool = open(dir.path(), "bstale", &OpenOptions::default()).unwrap();
    assert!(has_snapshot(&pool, "bstale/fs@b"));
}

/// Makes the newest uberblock of a copied multihost pool one whose host beats every 100 ms.
fn quick_heart(dir: &TempDir) -> (File, u64, UberblockPhys) {
    let file = image(dir, "d0.img");
    let mut beat = newest(&file);
    // Later than all others: a real heartbeat goes to any of the four labels.
    beat.timestamp += 100;
    beat.mmp_delay = 1_000_000.into();
    let has = mmp::HAS_INTERVAL.mask() | mmp::HAS_SEQ.mask() | mmp::HAS_FAIL_INTERVALS.mask();
    let config = mmp::FAIL_INTERVALS.put(mmp::SEQ.put(mmp::INTERVAL.put(has, 100), 90), 2);
    beat.mmp_config = config.into();
    // The last slot of a ring is the heartbeat's own.
    let slot = RING_OFFSET + (RING_SIZE - slot_size(ASHIFT)) as u64;
    write_slot(&file, slot, &beat);
    (file, slot, beat)
}

#[test]
fn a_heartbeat_that_goes_on_is_refused() {
    let dir = copy("xmmp");
    let (file, slot, mut beat) = quick_heart(&dir);
    let writer = std::thread::spawn(move || {
        for _ in 0..30 {
            std::thread::park_timeout(Duration::from_millis(100));
            let config = beat.mmp_config.get();
            beat.mmp_config = mmp::SEQ.put(config, mmp::SEQ.get(config) + 1).into();
            write_slot(&file, slot, &beat);
        }
    });
    let refused = open(dir.path(), "xmmp", &OpenOptions::default()).map(drop);
    assert!(matches!(refused, Err(PoolError::InUse { .. })), "{refused:?}");
    writer.join().unwrap();
    let options = OpenOptions::default().force(true);
    assert!(has_snapshot(&open(dir.path(), "xmmp", &options).unwrap(), "xmmp/fs@b"));
}

#[test]
fn watching_a_heartbeat_can_be_cancelled() {
    let dir = copy("xmmp");
    drop(quick_heart(&dir));
    let cancel = CancelToken::default();
    let noticed = Arc::new(AtomicUsize::new(0));
    let (count, theirs) = (Arc::clone(&noticed), cancel.clone());
    let options = OpenOptions::default().cancel(cancel).notice(move |text| {
        count.fetch_add(text.len(), Ordering::Relaxed);
        theirs.cancel();
    });
    let cancelled = open(dir.path(), "xmmp", &options).map(drop);
    assert!(matches!(cancelled, Err(PoolError::Cancelled)), "{cancelled:?}");
    assert!(noticed.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_heartbeat_that_has_stopped_is_a_warning() {
    let dir = copy("xmmp");
    drop(quick_heart(&dir));
    let pool = open(dir.path(), "xmmp", &OpenOptions::default()).unwrap();
    let warnings = pool.warnings().join("\n");
    assert!(warnings.contains("no heartbeat") && warnings.contains("not exported"), "{warnings}");
}

#[test]
fn a_file_that_nobody_wrote_to_needs_no_watching() {
    let dir = copy("xmmp");
    let file = image(&dir, "d0.img");
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
    let options = OpenOptions::default().notice(|text| panic!("{text}"));
    assert!(open(dir.path(), "xmmp", &options).is_ok());
}

#[test]
fn of_two_copies_of_a_device_the_newer_is_read() {
    let dir = copy("gang");
    let newest = open(dir.path(), "gang", &OpenOptions::default()).unwrap().uberblock().txg;
    // An older copy: the newest uberblock is not there yet. Its name comes first.
    fs::copy(dir.path().join("d0.img"), dir.path().join("a-older.img")).unwrap();
    let older = image(&dir, "a-older.img");
    let size = older.metadata().unwrap().len();
    for (at, _) in slots(&older).into_iter().filter(|(_, phys)| phys.txg.get() == newest) {
        for start in [0, size - LABELS_END_SIZE] {
            older.write_all_at(&[0; 1024], at + start).unwrap();
        }
    }
    let pool = open(dir.path(), "gang", &OpenOptions::default()).unwrap();
    assert_eq!(pool.uberblock().txg, newest);
    let warnings = pool.warnings().join("\n");
    assert!(warnings.contains("a-older.img: the same device as"), "{warnings}");
    assert!(pool.zio().healed().is_empty());
}

#[test]
fn a_second_copy_of_a_device_has_what_is_damaged_on_the_first() {
    let dir = copy("gang");
    fs::copy(dir.path().join("d0.img"), dir.path().join("a-damaged.img")).unwrap();
    let damaged = image(&dir, "a-damaged.img");
    let data = data_size(damaged.metadata().unwrap().len()).unwrap();
    damaged.write_all_at(&vec![0; usize::try_from(data).unwrap()], DATA_START).unwrap();
    let pool = open(dir.path(), "gang", &OpenOptions::default()).unwrap();
    let warnings = pool.warnings().join("\n");
    assert!(warnings.contains("d0.img: the same device as"), "{warnings}");
    assert!(warnings.contains("a-damaged.img, which is as new or newer; it is read"), "{warnings}");
    let head = pool.head("gang").unwrap();
    assert!(pool.objset(&head).unwrap().dnode(1).is_ok());
    assert!(pool.zio().recovered().copies > 0);
    fs::remove_file(dir.path().join("d0.img")).unwrap();
    assert!(open(dir.path(), "gang", &OpenOptions::default()).is_err());
}

#[test]
fn several_pools_in_a_folder_are_told_apart() {
    let dir = copy("gang");
    let other = dir.path().join("old1");
    zsend_testkit::images::unpack_to(&zsend_testkit::fixture("old1"), &other).unwrap();
    let paths: Vec<PathBuf> = vec![dir.path().to_owned(), other];
    let found = discover(&paths, &CancelToken::default()).unwrap().pools;
    assert_eq!(found.len(), 2);
    for one in &found {
        let guid = one.config.pool_guid.to_string();
        let pool = Pool::open(&paths, &guid, &OpenOptions::default()).unwrap();
        assert_eq!(pool.name(), one.config.name);
        let full = |rest: &str| pool.full_name(&format!("{guid}{rest}"));
        assert_eq!(full("/fs@a"), format!("{}/fs@a", pool.name()));
        assert_eq!(full("1/fs"), format!("{guid}1/fs"));
    }
    let none = Pool::open(&paths, "tank", &OpenOptions::default()).unwrap_err().to_string();
    assert!(none.contains("'gang'") && none.contains("'old1'"), "{none}");
}

#[test]
fn a_missing_top_level_vdev_is_named_and_the_pool_opens() {
    let dir = copy("xhole");
    fs::remove_file(dir.path().join("d2.img")).unwrap();
    let pool = open(dir.path(), "xhole", &OpenOptions::default()).unwrap();
    let health: Vec<String> = pool.health().iter().map(ToString::to_string).collect();
    assert!(health.len() == 1 && health[0].contains("d2.img"), "{health:?}");
    assert!(pool.health()[0].is_broken());
    assert!(has_snapshot(&pool, "xhole/fs@d"));
}

#[test]
fn what_is_named_and_holds_no_pool_hides_no_other() {
    let dir = copy("old1");
    let wiped = dir.path().join("wiped.img");
    File::create(&wiped).unwrap().set_len(64 << 20).unwrap();
    let missing = dir.path().join("missing.img");
    let paths = [dir.path().join("d0.img"), wiped, missing.clone()];
    let pool = Pool::open(&paths, "old1", &OpenOptions::default()).unwrap();
    let warnings = pool.warnings().join("\n");
    assert!(warnings.contains("wiped.img: no ZFS label found"), "{warnings}");
    assert!(warnings.contains("missing.img: No such file"), "{warnings}");
    // Where there is nothing else, all of it is the error.
    let error = discover(&paths[1..], &CancelToken::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("wiped.img") && text.contains("missing.img"), "{text}");
    assert_eq!(error.class(), ErrorClass::Device);
    let alone = discover(&[missing], &CancelToken::default()).unwrap_err();
    assert!(matches!(alone, PoolError::Open { .. }), "{alone}");
}

#[test]
fn uberblocks_of_an_older_pool_are_not_taken_for_the_pools_own() {
    let dir = copy("bstale");
    let file = image(&dir, "d0.img");
    let size = file.metadata().unwrap().len();
    // The older pool's configurations are gone, its uberblocks are there.
    for label in [size - 524_288, size - 262_144] {
        file.write_all_at(&[0; 112 << 10], label + (16 << 10)).unwrap();
    }
    let pool = open(dir.path(), "bstale", &OpenOptions::default()).unwrap();
    assert!(has_snapshot(&pool, "bstale/fs@b"));
    let warnings = pool.warnings().join("\n");
    assert!(warnings.contains("only 2 of 4 labels are good"), "{warnings}");
}

#[test]
fn an_image_that_was_cut_short_is_told() {
    let dir = copy("old1");
    image(&dir, "d0.img").set_len(40 << 20).unwrap();
    let found = discover(&[dir.path().to_owned()], &CancelToken::default()).unwrap().pools;
    let warnings = found[0].warnings.join("\n");
    assert!(warnings.contains("it was cut short"), "{warnings}");
}

#[test]
fn read_only_files_are_enough() {
    for (name, version, is_big_endian) in [("old1", 1, false), ("becrypt", 5000, true)] {
        let dir = copy(name);
        let path = dir.path().join("d0.img");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        let pool = open(&path, name, &OpenOptions::default()).unwrap();
        assert_eq!(pool.uberblock().version, version);
        assert_eq!(pool.uberblock().rootbp.is_big_endian(), is_big_endian);
        let head = pool.head(name).unwrap();
        assert!(pool.objset(&head).is_ok());
    }
}

#[test]
fn a_file_without_labels_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("empty.img");
    File::create(&path).unwrap().set_len(64 << 20).unwrap();
    let error = open(&path, "tank", &OpenOptions::default()).unwrap_err();
    assert!(matches!(error, PoolError::NoLabel { .. }), "{error}");
    fs::write(dir.path().join("disk.qcow2"), [&b"QFI\xfb"[..], &[0; 2 << 20]].concat()).unwrap();
    let error = open(dir.path(), "tank", &OpenOptions::default()).unwrap_err();
    assert!(matches!(error, PoolError::NoPool(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("empty.img: no ZFS label found"), "{text}");
    assert!(text.contains("disk.qcow2: no ZFS label found: a qcow2 image"), "{text}");
}
