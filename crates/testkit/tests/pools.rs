//! Damage that no checksum shows, on pools of real machines.

mod mended;

use mended::{every_copy_has, file_blocks, fixture, healthy, objects, objset};
use std::mem::offset_of;
use zsend_ondisk::blkptr::BlkPtr;
use zsend_ondisk::dnode::DnodePhys;
use zsend_ondisk::dsl::DatasetPhys;
use zsend_ondisk::zap::{BLOCK_LEAF, LeafPhys};
use zsend_pool::{Dataset, PoolError, Zbookmark, zap};
use zsend_testkit::pool::DamageError;
use zsend_testkit::pool::change::objsets;

/// A disk, a mirror of three, and two disks that a big-endian machine wrote.
const POOLS: [&str; 3] = ["basic", "oldmirror", "begang"];

/// Refuses an error that is about a copy which cannot be read, or has a wrong checksum.
fn is_of_contents<T: std::fmt::Debug>(result: Result<T, PoolError>) {
    let e = result.expect_err("what was changed makes no sense");
    assert!(matches!(e, PoolError::Corrupt { .. } | PoolError::Unsupported { .. }), "{e:?}");
}

#[test]
fn a_byte_of_a_file_is_another_in_every_copy_and_in_no_other_snapshot() {
    for name in POOLS {
        let mut pool = fixture(name);
        let before = pool.open().unwrap();
        let blocks = file_blocks(&before);
        let block = *blocks.first().expect("the pool has a file");
        let mut want = block.read(&before).unwrap().to_vec();
        // Blocks that a snapshot shares with this one, or that are others.
        let others: Vec<_> = blocks.iter().filter(|b| b.objset != block.objset).collect();
        let kept: Vec<_> = others.iter().map(|other| other.read(&before).unwrap()).collect();
        assert!(!kept.is_empty(), "{name}");

        pool.change_block(block.at(), |bytes| bytes[100] ^= 0x40).unwrap();
        want[100] ^= 0x40;
        let after = pool.open().unwrap();
        assert!(block.read(&after).unwrap() == want, "{name}");
        for (other, kept) in others.iter().zip(kept) {
            assert!(other.read(&after).unwrap() == kept, "{name}: {other:?}");
        }
        healthy(&after);

        let os = objset(&after, block.objset).unwrap();
        let own = os.block_pointer(&os.dnode(block.object).unwrap(), block.object, block.blkid);
        for bp in [own.unwrap(), *os.root(), *after.mos().root(), *pool.root()] {
            every_copy_has(&pool, &bp, name == "oldmirror");
        }
        // Version 1 had no ditto copies.
        assert!(pool.root().dvas().count() > 1 || name == "oldmirror");
        // What was on the devices is what it was.
        assert!(block.read(&fixture(name).open().unwrap()).unwrap() != want);
    }
}

#[test]
fn fields_of_a_dnode_reach_the_parser() {
    for name in POOLS {
        let block = file_blocks(&fixture(name).open().unwrap())[0];
        let change = |at: usize, value: u8| {
            let mut pool = fixture(name);
            let changed = pool.change_dnode(block.objset, block.object, |bytes| bytes[at] = value);
            changed.unwrap();
            let after = pool.open().unwrap();
            let dnode = objset(&after, block.objset).unwrap().dnode(block.object);
            healthy(&after);
            dnode
        };
        let is_big = fixture(name).order() == zsend_ondisk::Order::Big;
        is_of_contents(change(offset_of!(DnodePhys, nlevels), 9));
        is_of_contents(change(offset_of!(DnodePhys, nblkptr), 4));
        is_of_contents(change(offset_of!(DnodePhys, bonuslen) + usize::from(!is_big), 0xff));
        let sectors = change(offset_of!(DnodePhys, datablkszsec) + usize::from(is_big), 77);
        assert_eq!(sectors.unwrap().datablksz() / 512 % 256, 77, "{name}");
    }
}

#[test]
fn a_leaf_of_a_zap_reaches_the_parser() {
    let mut pool = fixture("basic");
    let before = pool.open().unwrap();
    let is_leaf = |block: &[u8]| block.starts_with(&BLOCK_LEAF.to_le_bytes());
    let mos = before.mos();
    let (object, blkid) = (1..200)
        .flat_map(|object| [(object, 1), (object, 2)])
        .find(|&(object, blkid)| {
            let Ok(dnode) = mos.dnode(object) else { return false };
            let block = mos.block(&dnode, object, blkid);
            block.is_ok_and(|block| block.is_some_and(|block| is_leaf(&block)))
        })
        .expect("a fat ZAP in the MOS");
    assert!(zap::entries(mos, object).is_ok());
    let at = Zbookmark::new(0, object, 0, blkid);
    pool.change_block(at, |leaf| leaf[offset_of!(LeafPhys, magic)] ^= 1).unwrap();
    // The object directory is read while a pool is opened.
    match pool.open() {
        Ok(after) => is_of_contents(zap::entries(after.mos(), object)),
        Err(PoolError::State { source, .. }) => is_of_contents(Err::<(), _>(*source)),
        Err(e) => is_of_contents(Err::<(), _>(e)),
    }
}

#[test]
fn a_dataset_has_the_guid_that_it_was_given() {
    for name in POOLS {
        let mut pool = fixture(name);
        let object = *objsets(&pool.open().unwrap()).last().unwrap();
        let dnode = pool.open().unwrap().mos().dnode(object).unwrap();
        let at = 64 + usize::from(dnode.nblkptr) * 128 + offset_of!(DatasetPhys, guid);
        let guid = pool.order().bytes(0x1234_5678_9abc);
        pool.change_dnode(0, object, |dnode| dnode[at..at + 8].copy_from_slice(&guid)).unwrap();
        let after = pool.open().unwrap();
        assert_eq!(Dataset::open(after.mos(), object).unwrap().guid, 0x1234_5678_9abc, "{name}");
        healthy(&after);
    }
}

#[test]
fn a_pointer_leads_where_it_was_turned_to() {
    let mut pool = fixture("basic");
    let block = file_blocks(&pool.open().unwrap())[0];
    pool.change_pointer(block.at(), |_| BlkPtr::default()).unwrap();
    let after = pool.open().unwrap();
    let os = objset(&after, block.objset).unwrap();
    let dnode = os.dnode(block.object).unwrap();
    assert!(os.block(&dnode, block.object, block.blkid).unwrap().is_none());
    healthy(&after);
    assert!(matches!(pool.change_block(block.at(), |_| ()), Err(DamageError::Absent(_))));
    // The block of dnodes in place of the file's data: its type and level are others.
    let dnodes = os.meta().blkptr(0).unwrap();
    pool.change_pointer(block.at(), |_| dnodes).unwrap();
    let after = pool.open().unwrap();
    is_of_contents(block.read(&after));
}

#[test]
fn what_is_not_mended_is_refused_by_name() {
    let refused = |name: &str, at: Zbookmark| fixture(name).change_block(at, |_| ()).unwrap_err();
    let crypt = fixture("crypt").open().unwrap();
    let set = |name: &str| crypt.head(name).unwrap().object;
    let at = Zbookmark::root(set("crypt/aes-256-gcm"));
    assert!(matches!(refused("crypt", at), DamageError::Encrypted(_)));
    let raidz = refused("berz2", Zbookmark::new(0, 1, 0, 0));
    assert!(matches!(raidz, DamageError::Vdev(0)), "{raidz}");

    let gang = fixture("gang").open().unwrap();
    let found = objects(&gang, |dnode| dnode.blkptr(0).is_some_and(|bp| bp.is_gang()));
    let &(id, object) = found.first().expect("an object whose blocks are gangs");
    let level = objset(&gang, id).unwrap().dnode(object).unwrap().blkptr(0).unwrap().level();
    let at = Zbookmark::new(id, object, level.into(), 0);
    assert!(matches!(refused("gang", at), DamageError::Gang(_)));

    let basic = fixture("basic").open().unwrap();
    let found = objects(&basic, |dnode| dnode.blkptr(0).is_some_and(|bp| bp.is_embedded()));
    let &(id, object) = found.first().expect("an object whose block lies in its pointer");
    let at = Zbookmark::new(id, object, 0, 0);
    assert!(matches!(refused("basic", at), DamageError::Embedded(_)));
    let past = Zbookmark::new(id, object, 0, 1 << 40);
    assert!(matches!(refused("basic", past), DamageError::Absent(_)));
}
