//! Whole pools with devices missing, zeroed or full of errors: as long as parity or mirrors can
//! make up for it everything reads as before, and beyond that the error says which block and which
//! devices.
//!
//! The contents of the undamaged pools are not judged here: `cargo xtask conform` compares their
//! streams with the references.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use sha2::{Digest, Sha256};
use std::fs::{self, OpenOptions as FileOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::TempDir;
use zsend_pool::Zbookmark;
use zsend_pool::dmu::dnode::{DNODE_SIZE, Dnode};
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::name::Name;
use zsend_pool::{OpenOptions, Pool};
use zsend_records::types::DmuType;

/// A fixture and, for each group of its images, the number of them that it can do without.
struct Topology {
    pool: &'static str,
    /// Name of what is read, below the pool.
    snapshot: &'static str,
    groups: &'static [(&'static [usize], usize)],
}

const TOPOLOGIES: [Topology; 3] = [
    Topology { pool: "berz2", snapshot: "obj@b", groups: &[(&[0, 1, 2, 3], 2)] },
    Topology { pool: "xhalf", snapshot: "fs@b", groups: &[(&[0, 1, 2, 3], 1)] },
    Topology {
        pool: "xmix",
        snapshot: "fs@b",
        groups: &[(&[0, 1, 2], 1), (&[3, 4, 5, 6], 2), (&[7, 8], 1)],
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    Missing,
    /// Nothing but the labels is left.
    Zeroed,
    /// Bytes were changed all over the data.
    Scattered,
}

/// The images of a fixture. Tests run side by side, and one of them unpacks.
fn unpacked(pool: &str) -> PathBuf {
    static UNPACKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = UNPACKING.lock();
    zsend_testkit::images::unpack(&zsend_testkit::fixture(pool)).unwrap()
}

fn image(dir: &Path, i: usize) -> PathBuf {
    dir.join(format!("d{i}.img"))
}

/// Copies an image and damages the copy.
fn damaged(from: &Path, to: &Path, damage: Damage) {
    const LABELS: u64 = 512 << 10;
    fs::copy(from, to).unwrap();
    let mut permissions = fs::metadata(to).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "the copy is in a private folder")]
    permissions.set_readonly(false);
    fs::set_permissions(to, permissions).unwrap();
    let file = FileOptions::new().read(true).write(true).open(to).unwrap();
    let size = file.metadata().unwrap().len();
    let end = size / (256 << 10) * (256 << 10) - LABELS;
    match damage {
        Damage::Missing => {}
        Damage::Zeroed => {
            let mut labels = vec![0; usize::try_from(size - end).unwrap()];
            file.read_exact_at(&mut labels, end).unwrap();
            file.set_len(LABELS).unwrap();
            file.write_all_at(&labels, end).unwrap();
        }
        Damage::Scattered => {
            let name = to.to_string_lossy();
            let mut state = name.bytes().fold(1u64, |s, b| s.wrapping_mul(31) + u64::from(b));
            let mut random = |limit: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 20) % limit
            };
            for _ in 0..3000 {
                let len = [1, 7, 512, 3000][usize::try_from(random(4)).unwrap()];
                let junk: Vec<u8> = (0..len).map(|_| random(256).to_le_bytes()[0]).collect();
                file.write_all_at(&junk, LABELS + random(end - LABELS - 4096)).unwrap();
            }
        }
    }
}

/// A folder of the pool's images, of which some are damaged.
fn hurt(images: &Path, copies: &Path, bad: &[usize], damage: Damage) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(images).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        let i = (0..9).find(|&i| *name == *format!("d{i}.img"));
        let to = dir.path().join(name);
        match i.filter(|i| bad.contains(i)) {
            None => std::os::unix::fs::symlink(&path, to).unwrap(),
            Some(_) if damage == Damage::Missing => {}
            Some(i) => {
                let copy = image(copies, i);
                if !copy.exists() {
                    damaged(&path, &copy, damage);
                }
                std::os::unix::fs::symlink(copy, to).unwrap();
            }
        }
    }
    dir
}

/// The digest of every block of a snapshot of the pool.
fn digest(dir: &Path, pool: &str, snapshot: &str) -> zsend_pool::Result<String> {
    digest_of(&Pool::open(&[dir.to_owned()], pool, &OpenOptions::default())?, snapshot)
}

fn digest_of(pool: &Pool, snapshot: &str) -> zsend_pool::Result<String> {
    let snapshot = pool.dataset(&Name::parse(&format!("{}/{snapshot}", pool.name()))?)?;
    let objset = pool.objset(&snapshot)?;
    let mut hash = Sha256::new();
    for blkid in 0..=objset.meta().maxblkid {
        let Some(block) = objset.block(objset.meta(), 0, blkid)? else { continue };
        hash.update(&block);
        let mut slot = 0;
        while slot * DNODE_SIZE < block.len() {
            let at = Zbookmark::new(objset.id(), 0, 0, blkid);
            let dnode = Dnode::parse(&block, slot * DNODE_SIZE, &at)?;
            if dnode.object_type != DmuType::NONE {
                read_object(&objset, &dnode, blkid * 32 + slot as u64, &mut hash)?;
            }
            slot += usize::from(dnode.extra_slots) + 1;
        }
    }
    Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

fn read_object(
    objset: &Objset,
    dnode: &Dnode,
    object: u64,
    hash: &mut Sha256,
) -> zsend_pool::Result<()> {
    for blkid in 0..=dnode.maxblkid {
        if let Some(block) = objset.block(dnode, object, blkid)? {
            hash.update(&block);
        }
    }
    Ok(())
}

/// The choices of exactly `count` of `from`.
fn choices(from: &[usize], count: usize) -> Vec<Vec<usize>> {
    (0u32..1 << from.len())
        .filter(|s| s.count_ones() as usize == count)
        .map(|s| {
            from.iter().enumerate().filter(|(i, _)| s >> i & 1 != 0).map(|(_, d)| *d).collect()
        })
        .collect()
}

/// Every choice of as many images as each group can do without, in all groups at once.
fn most(groups: &[(&[usize], usize)]) -> Vec<Vec<usize>> {
    groups.iter().fold(vec![Vec::new()], |all, (images, parity)| {
        let of_group = choices(images, *parity);
        all.iter().flat_map(|a| of_group.iter().map(move |b| [&a[..], b].concat())).collect()
    })
}

fn test_damage(damage: Damage) {
    for Topology { pool, snapshot, groups } in TOPOLOGIES {
        let images = unpacked(pool);
        let copies = tempfile::tempdir().unwrap();
        let want = digest(&images, pool, snapshot).unwrap();
        for bad in most(groups) {
            let dir = hurt(&images, copies.path(), &bad, damage);
            match digest(dir.path(), pool, snapshot) {
                Ok(got) => assert_eq!(got, want, "{pool} {bad:?} {damage:?}"),
                Err(e) => panic!("{pool} {bad:?} {damage:?}: {e}"),
            }
        }
        for bad in groups.iter().flat_map(|(images, parity)| choices(images, parity + 1)) {
            let dir = hurt(&images, copies.path(), &bad, damage);
            match digest(dir.path(), pool, snapshot) {
                // The damage may lie beside the blocks that are read.
                Ok(got) => assert_eq!(got, want, "{pool} {bad:?} {damage:?}"),
                Err(e) => {
                    let text = e.to_string();
                    assert!(text.contains('<'), "{pool} {bad:?} {damage:?}: {text}");
                    // A top-level vdev without a label left has no devices that anybody knows.
                    let known = |i: &usize| text.contains(&format!("d{i}.img"));
                    let unknown = text.contains("top-level vdev is missing");
                    assert!(bad.iter().all(known) || unknown, "{pool} {bad:?} {damage:?}: {text}");
                }
            }
        }
    }
}

#[test]
fn any_devices_up_to_the_parity_may_be_missing() {
    test_damage(Damage::Missing);
}

#[test]
fn any_devices_up_to_the_parity_may_be_zeroed_past_their_labels() {
    test_damage(Damage::Zeroed);
}

#[test]
fn any_devices_up_to_the_parity_may_have_errors_anywhere() {
    test_damage(Damage::Scattered);
}

#[test]
fn spares_and_the_scratch_area_stand_for_devices() {
    // With the replaced devices gone, parity can still make up for one more.
    let cases: [(&str, &[usize], &[usize]); 3] = [
        ("dspare", &[1, 3], &[0, 2, 4, 5]),
        ("hotspare", &[2], &[0, 1, 3, 4]),
        ("scratch", &[], &[0, 1, 2, 3]),
    ];
    for (pool, replaced, others) in cases {
        let images = unpacked(pool);
        let want = digest(&images, pool, "a@s").unwrap();
        for damage in [Damage::Missing, Damage::Zeroed, Damage::Scattered] {
            let copies = tempfile::tempdir().unwrap();
            for other in others {
                let bad = [replaced, &[*other]].concat();
                let dir = hurt(&images, copies.path(), &bad, damage);
                let got = digest(dir.path(), pool, "a@s").unwrap();
                assert_eq!(got, want, "{pool} {bad:?} {damage:?}");
            }
        }
    }
}

#[test]
fn a_block_in_pieces_needs_one_good_copy_of_each() {
    let images = unpacked("torn");
    let want = digest(&images, "torn", "a@s").unwrap();
    for damage in [Damage::Zeroed, Damage::Scattered] {
        let copies = tempfile::tempdir().unwrap();
        // Everything lies on the last mirror by now.
        for bad in [4, 5] {
            let dir = hurt(&images, copies.path(), &[0, 1, 2, 3, bad], damage);
            assert_eq!(digest(dir.path(), "torn", "a@s").unwrap(), want, "{bad} {damage:?}");
        }
    }
}

#[test]
fn removed_devices_are_read_through_their_mappings() {
    for pool in ["removal", "xrem2"] {
        let images = unpacked(pool);
        digest(&images, pool, "fs@b").unwrap();
        let opened = Pool::open(&[images], pool, &OpenOptions::default()).unwrap();
        assert!(!opened.warnings().iter().any(|w| w.contains("cannot be read")));
    }
}

#[test]
fn what_a_device_missed_is_not_read_from_it_unless_nothing_else_is_there_and_then_it_is_said() {
    let images = unpacked("bdtl");
    let copies = tempfile::tempdir().unwrap();
    let read = |snapshot: &str, absent: &[&str]| {
        let dir = hurt(&images, copies.path(), &[], Damage::Missing);
        for name in absent {
            fs::remove_file(dir.path().join(format!("{name}.img"))).unwrap();
        }
        let paths = [dir.path().to_owned()];
        let pool = Pool::open(&paths, "bdtl", &OpenOptions::default()).unwrap();
        (digest_of(&pool, snapshot), pool.zio().doubted())
    };
    let all = ["off@c", "on@c"].map(|snapshot| {
        let (want, doubted) = read(snapshot, &[]);
        assert_eq!(doubted.count, 0, "{snapshot}: {doubted}");
        (snapshot, want.unwrap())
    });
    // d0 and r1 are the ones that missed something.
    for absent in [&["d0"][..], &["r1"], &["d0", "r1"]] {
        for (snapshot, want) in &all {
            let (got, doubted) = read(snapshot, absent);
            assert_eq!((&got.unwrap(), doubted.count), (want, 0), "{snapshot} {absent:?}");
        }
    }
    for absent in ["r0", "r2"] {
        let (got, doubted) = read("off@c", &[absent]);
        let text = doubted.to_string();
        assert!(got.unwrap() != all[0].1, "what r1 has is not what was written");
        assert!(doubted.count > 0 && text.contains("as its DTL says"), "{text}");
        assert!(doubted.devices.keys().all(|name| name.ends_with("r1.img")), "{text}");
        assert!(text.contains(&format!("bring /tmp/p/bdtl/{absent}.img")), "{text}");
        // Nothing is doubtful about what was written before.
        assert_eq!(read("off@a", &[absent]).1.count, 0, "{absent}");
    }
    // Without the mirror's whole side, too, what has a checksum is never taken from the other.
    match read("on@c", &["d1"]) {
        (Ok(got), doubted) => assert_eq!((&got, doubted.count), (&all[1].1, 0)),
        (Err(e), _) => assert!(e.to_string().contains("d1.img"), "{e}"),
    }
    let (got, doubted) = read("off@c", &["d1"]);
    assert!(got.is_err() || doubted.devices.keys().all(|name| name.ends_with("d0.img")));
}

#[test]
fn of_a_device_that_is_there_twice_no_copy_is_trusted_with_what_has_no_checksum() {
    let images = unpacked("bdtl");
    let want = digest(&images, "bdtl", "off@c").unwrap();
    let dir = tempfile::tempdir().unwrap();
    for image in fs::read_dir(&images).unwrap() {
        let image = image.unwrap();
        fs::copy(image.path(), dir.path().join(image.file_name())).unwrap();
    }
    // By its name the damaged copy comes first.
    let twin = dir.path().join("a-copy.img");
    fs::copy(images.join("r0.img"), &twin).unwrap();
    let file = FileOptions::new().write(true).open(&twin).unwrap();
    file.write_all_at(&vec![0; 80 << 20], 8 << 20).unwrap();
    assert_eq!(digest(dir.path(), "bdtl", "off@c").unwrap(), want);
}
