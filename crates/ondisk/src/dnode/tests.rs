//! Dnodes against bytes written by hand, and against themselves.

use super::*;
use crate::Order;
use crate::blkptr::BlkPtr;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

#[test]
fn every_field_lies_where_the_format_says() {
    let core = DnodePhys {
        kind: 19,
        indblkshift: 17,
        nlevels: 2,
        bonustype: 44,
        checksum: 7,
        compress: 15,
        flags: 3,
        datablkszsec: 256.into(),
        extra_slots: 1,
        maxblkid: 0x0102_0304.into(),
        used: 5.into(),
        ..DnodePhys::default()
    };
    let made = DnodeBuilder {
        core,
        pointers: vec![BlkPtr::from_words([0x11; 16])],
        bonus: vec![9; 300],
        spill: Some(BlkPtr::from_words([0x22; 16])),
    };
    let big = made.build(Order::Big).unwrap();
    assert_eq!(big[..16], [19, 17, 2, 1, 44, 7, 15, 7, 1, 0, 1, 44, 1, 0, 0, 0]);
    assert_eq!(big[16..32], [0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 5]);
    assert_eq!((big[64..72].to_vec(), big[191]), (vec![0, 0, 0, 0, 0, 0, 0, 0x11], 0x11));
    assert_eq!((big[192], big[491], big[492]), (9, 9, 0));
    assert_eq!((big.len(), big[895], big[903]), (1024, 0, 0x22));
    let little = made.build(Order::Little).unwrap();
    assert_eq!(little[8..12], [0, 1, 44, 1]);
    assert_eq!((little[64], little[896]), (0x11, 0x22));
}

#[test]
fn what_has_no_room_is_refused() {
    let bp = BlkPtr::default();
    let refused = |pointers: usize, bonus: usize, spill: bool| {
        let (pointers, bonus) = (vec![bp; pointers], vec![0; bonus]);
        let spill = spill.then_some(bp);
        let made = DnodeBuilder { pointers, bonus, spill, ..DnodeBuilder::default() };
        made.build(Order::Little).map_err(|e| e.to_string()).err()
    };
    assert_eq!(refused(3, 64, false), None);
    assert_eq!(refused(3, 65, false).unwrap(), "dn_bonuslen is 65, expected at most 64");
    assert_eq!(refused(1, 192, true), None);
    assert_eq!(refused(1, 193, true).unwrap(), "dn_bonuslen is 193, expected at most 192");
    for (pointers, spill) in [(4, false), (300, false), (4, true)] {
        let why = refused(pointers, 0, spill).unwrap();
        assert!(why.starts_with(&format!("dn_nblkptr is {pointers}, expected")), "{why}");
    }
    assert_eq!(refused(3, 1, true).unwrap(), "dn_bonuslen is 1, expected at most 0");
}

#[test]
fn a_spill_pointer_may_lie_over_the_end_of_the_third_pointer() {
    let pointer = |word: u64, set: usize| {
        BlkPtr::from_words(core::array::from_fn(|i| if i < set { word } else { 0 }))
    };
    let made = |set: usize, extra_slots: u8| DnodeBuilder {
        core: DnodePhys { extra_slots, ..DnodePhys::default() },
        pointers: vec![pointer(3, 16), pointer(4, 16), pointer(5, set)],
        spill: Some(pointer(7, 16)),
        ..DnodeBuilder::default()
    };
    let built = made(8, 0).build(Order::Little).unwrap();
    let outline = DnodeRef::all(&built).next().unwrap().unwrap();
    let found: Vec<BlkPtr> = outline.pointers().collect();
    assert_eq!([found[0], found[1], found[3]], [pointer(3, 16), pointer(4, 16), pointer(7, 16)]);
    // The half of the third that is its own.
    assert_eq!(found[2].words()[..8], [5; 8]);
    let why = made(9, 0).build(Order::Little).unwrap_err().to_string();
    assert_eq!(why, "end of the last block pointer and spill pointer lie in one place");
    // In two slots there is room for both.
    assert!(made(16, 1).build(Order::Little).is_ok());
}

/// A block has one sector to 16 MiB. A bonus has a type of the old list, which ends at 53, or of the new
/// one, whose low five bits name one of ten byte orders; without a bonus the type is mostly zero.
#[test]
fn a_block_size_and_a_bonus_type_that_no_writer_gives_are_refused() {
    let check = |sectors: u16, bonustype: u8, bonuslen: u16| {
        let (kind, nlevels, nblkptr) = (19, 1, 1);
        let (datablkszsec, bonuslen) = (sectors.into(), bonuslen.into());
        let core = DnodePhys {
            kind,
            nlevels,
            nblkptr,
            bonustype,
            datablkszsec,
            bonuslen,
            ..DnodePhys::default()
        };
        core.check().map(drop).map_err(|e| e.to_string())
    };
    for sectors in [1, 3, 256, 2048, 32768] {
        assert_eq!(check(sectors, 0, 0), Ok(()));
    }
    for sectors in [0, 32769, u16::MAX] {
        let wanted = format!("dn_datablkszsec is {sectors}, expected 1 to 32768");
        assert_eq!(check(sectors, 44, 168), Err(wanted));
    }
    for (bonustype, bonuslen) in
        [(0, 0), (44, 0), (44, 168), (17, 264), (53, 8), (0xc3, 24), (0xa9, 8)]
    {
        assert_eq!(check(1, bonustype, bonuslen), Ok(()), "{bonustype}");
    }
    for (bonustype, bonuslen) in [(54, 8), (127, 0), (0x8a, 8), (0xff, 8)] {
        let wanted = format!("dn_bonustype is {bonustype}, expected a known object type, or 0");
        assert_eq!(check(1, bonustype, bonuslen), Err(wanted));
    }
    // Behind the type of a free slot there may be anything.
    let free = DnodePhys { bonustype: 255, datablkszsec: u16::MAX.into(), ..DnodePhys::default() };
    assert_eq!(free.check().map(drop), Ok(()));
}

proptest! {
    #[test]
    fn what_is_built_reads_back(
        bytes in any::<[u8; CORE_SIZE]>(),
        extra_slots in 0..4u8,
        pointers in prop::collection::vec(any::<[u64; 16]>(), 0..=2),
        bonus in prop::collection::vec(any::<u8>(), 0..64),
        spill in any::<Option<[u64; 16]>>(),
        big in any::<bool>(),
    ) {
        let core = DnodePhys { extra_slots, ..DnodePhys::read_from_bytes(&bytes).unwrap() };
        let pointers: Vec<BlkPtr> = pointers.into_iter().map(BlkPtr::from_words).collect();
        let spill = spill.map(BlkPtr::from_words);
        let made = DnodeBuilder { core, pointers, bonus, spill };
        let built = made.build(Order::from_big_endian(big)).unwrap();
        let (mut read, _) = DnodePhys::read_from_prefix(&built).unwrap();
        if big {
            read.swap();
        }
        let flags = core.flags & !FLAG_SPILL | if spill.is_some() { FLAG_SPILL } else { 0 };
        let counts = (usize::from(read.nblkptr), usize::from(read.bonuslen.get()));
        prop_assert_eq!(counts, (made.pointers.len(), made.bonus.len()));
        prop_assert_eq!(read.size(), built.len());
        let (nblkptr, bonuslen) = (read.nblkptr, read.bonuslen);
        prop_assert_eq!(read, DnodePhys { flags, nblkptr, bonuslen, ..core });
        let room = read.bonus_room(built.len()).unwrap();
        prop_assert_eq!(&built[room.start..room.start + made.bonus.len()], &made.bonus[..]);
        if !big {
            let outline = DnodeRef::all(&built).next().unwrap().unwrap();
            let all: Vec<BlkPtr> = outline.pointers().collect();
            prop_assert_eq!(all, made.pointers.iter().copied().chain(spill).collect::<Vec<_>>());
        }
    }

    /// Any bytes have ranges inside the dnode, or none.
    #[test]
    fn nothing_lies_outside(
        bytes in any::<[u8; CORE_SIZE]>(),
        size in prop_oneof![Just(512usize), Just(1024), 0..700usize],
    ) {
        let core = DnodePhys::read_from_bytes(&bytes).unwrap();
        let _ = core.check();
        prop_assert!(core.bonus_room(size).is_none_or(|room| room.end <= size));
        prop_assert!(core.spill(size).is_none_or(|spill| spill.end <= size));
        prop_assert!(core.bonus_end(size) <= size);
        prop_assert_eq!(core.spill(512).is_some(), core.has_spill());
    }
}
