//! Lists written by a model and read back, from the bonus and from the spill block.

use super::*;
use crate::blkptr::{BlkPtr, EmbeddedType};
use crate::dmu::made::{self, DnodeFields, FREE, bytes, pointer};
use proptest::prelude::*;
use zsend_ondisk::Order;
use zsend_records::types::DmuType;

/// `DMU_OTN_UINT64_METADATA`.
const UINT64_METADATA: u8 = 0x80 | 0x40 | 3;
/// Bytes of the list's blocks: few, so that a list has many.
const BLOCK: usize = 512;

/// Words of a list.
fn phys(progress: [u64; 2], entries: u64, guids: &[u64]) -> Vec<u64> {
    [&progress, &[entries, guids.len() as u64][..], guids].concat()
}

/// An entry as the writer packs it: the count less one below, the block size in sectors above.
fn entry(object: u64, blkid: u64, count: u64, sectors: u64) -> [u64; 4] {
    let entry = RedactionEntryPhys::new(object, blkid, count, sectors).unwrap();
    [entry.object, entry.blkid, entry.size_count, entry.pad].map(|word| word.get())
}

/// Opens a list of these words and entries.
fn list(phys: &[u64], entries: &[[u64; 4]], in_spill: bool) -> Result<RedactionList> {
    let header = bytes(phys);
    if !in_spill {
        return list_of(header, None, &[], entries);
    }
    let mut block = header;
    block.resize(block.len().next_multiple_of(512), 0);
    let bp = pointer(UINT64_METADATA, 0, SPILL, block.len() as u64);
    list_of(Vec::new(), Some(bp), &block, entries)
}

/// Byte at which a spill block lies.
const SPILL: u64 = FREE + (32 << 10);

/// Opens a list with this bonus, spill pointer and block behind that.
fn list_of(
    bonus: Vec<u8>,
    spill: Option<BlkPtr>,
    spilled: &[u8],
    entries: &[[u64; 4]],
) -> Result<RedactionList> {
    let mut data = bytes(entries.as_flattened());
    data.resize(data.len().next_multiple_of(BLOCK).max(BLOCK), 0);
    let blocks = data.len() / BLOCK;
    let at = |i: usize| FREE + (64 << 10) + (i * BLOCK) as u64;
    let pointers = (0..128).map(|i| match i < blocks {
        true => pointer(UINT64_METADATA, 0, at(i), BLOCK as u64),
        false => BlkPtr::default(),
    });
    let indirect: Vec<u8> = pointers.flat_map(|bp| bp.to_bytes(Order::Little)).collect();
    let object = DnodeFields {
        kind: UINT64_METADATA,
        bonustype: UINT64_METADATA,
        levels: 2,
        indblkshift: 14,
        sectors: 1,
        maxblkid: blocks as u64 - 1,
        pointers: vec![pointer(UINT64_METADATA, 1, FREE, 16 << 10)],
        bonus,
        spill,
    };
    let parts = [(FREE, &indirect[..]), (SPILL, spilled), (at(0), &data)];
    RedactionList::open(&made::objset(&[object], &[], &parts), 1)
}

/// All runs, or what ended them.
fn runs(mut list: RedactionList) -> Result<Vec<BlockRun>> {
    std::iter::from_fn(|| list.next_run().transpose()).collect()
}

fn corrupt<T: std::fmt::Debug>(result: Result<T>) -> String {
    match result {
        Err(e @ PoolError::Corrupt { .. }) => e.to_string(),
        other => panic!("{other:?}"),
    }
}

const DONE: [u64; 2] = [u64::MAX; 2];

#[test]
fn a_run_ends_with_its_last_block() {
    let found = list(&phys(DONE, 2, &[7, 8]), &[entry(3, 1, 3, 256), entry(3, 9, 1, 1)], false);
    let found = found.unwrap();
    assert_eq!(found.guids(), [7, 8]);
    let want =
        [BlockRun { object: 3, first: 1, end: 4 }, BlockRun { object: 3, first: 9, end: 10 }];
    assert_eq!(runs(found).unwrap(), want);
}

/// A spill pointer with these words inside.
fn embedded(kind: EmbeddedType, words: &[u64]) -> BlkPtr {
    let bp = BlkPtr::builder().object_type(DmuType(UINT64_METADATA)).logical_birth(1);
    let payload = bytes(words);
    bp.lsize(payload.len() as u64).embedded(kind, &payload).build().unwrap()
}

#[test]
fn a_header_may_lie_in_the_spill_pointer_itself() {
    let one = [entry(3, 1, 3, 256)];
    let words = phys(DONE, 1, &[7, 8]);
    let spill = embedded(EmbeddedType::DATA, &words);
    let found = list_of(Vec::new(), Some(spill), &[], &one).unwrap();
    assert_eq!(found.guids(), [7, 8]);
    assert_eq!(runs(found).unwrap(), [BlockRun { object: 3, first: 1, end: 4 }]);
}

#[test]
fn what_was_redacted_is_no_data() {
    let one = [entry(3, 1, 3, 256)];
    let spill = embedded(EmbeddedType::REDACTED, &phys(DONE, 1, &[]));
    let refused = corrupt(list_of(Vec::new(), Some(spill), &[], &one));
    assert!(refused.contains("<1,1,0,spill>: block is redacted, expected data"), "{refused}");
}

#[test]
fn what_is_no_list_is_refused_by_name() {
    let one = [entry(3, 1, 3, 256)];
    let open = |words: &[u64]| list(words, &one, false);
    assert!(corrupt(open(&DONE)).contains("header"));
    assert!(corrupt(open(&phys([9, 4], 1, &[]))).contains("made up to object 9, block 4"));
    assert!(corrupt(open(&phys([u64::MAX, 4], 1, &[]))).contains("made up to object"));
    assert!(corrupt(open(&phys(DONE, 17, &[]))).contains("entries"));
    assert!(corrupt(open(&[&DONE[..], &[1, 2, 5]].concat())).contains("snapshots"));
    assert!(corrupt(open(&[&DONE[..], &[1, u64::MAX]].concat())).contains("snapshots"));
    // Backwards, twice the same, an object that none has, a block number that none has.
    let last = u64::MAX;
    for second in [
        [3, 0, 0, 0],
        [3, 3, 0, 0],
        [2, 50, 0, 0],
        [0, 0, 0, 0],
        [4, 1 << 63, 0, 0],
        [4, last, 0, 0],
    ] {
        let found = list(&phys(DONE, 2, &[]), &[one[0], second], false).unwrap();
        assert!(corrupt(runs(found)).contains("entry 1 of object"), "{second:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
    #[test]
    fn what_a_model_writes_is_read_back(
        steps in prop::collection::vec(
            (0..3u64, 0..1u64 << 20, prop_oneof![1..5u64, Just(1 << 48)], 1..0x1_0000u64),
            0..300,
        ),
        guids in prop::collection::vec(any::<u64>(), 0..32),
        in_spill in any::<bool>(),
    ) {
        let (mut entries, mut want) = (Vec::new(), Vec::new());
        let (mut object, mut next) = (1, 0);
        for (objects, gap, count, sectors) in steps {
            if objects > 0 {
                (object, next) = (object + objects, 0);
            }
            let first = next + gap;
            next = first + count;
            entries.push(entry(object, first, count, sectors));
            want.push(BlockRun { object, first, end: next });
        }
        let words = phys(DONE, entries.len() as u64, &guids);
        let found = list(&words, &entries, in_spill).unwrap();
        prop_assert_eq!(found.guids(), &guids[..]);
        prop_assert_eq!(runs(found).unwrap(), want);
    }
}
