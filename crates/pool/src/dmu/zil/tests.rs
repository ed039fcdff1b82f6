//! Logs of both kinds and byte orders, made in memory.

use super::*;
use crate::dmu::made::{self, FREE, bytes};
use proptest::prelude::*;
use zsend_ondisk::Order;
use zsend_ondisk::zil::HEADER_SIZE;

/// Bytes of the blocks, and the last transaction group of the pool.
const SIZE: usize = 8192;
const TXG: u64 = 100;

#[derive(Clone, Copy, Debug)]
struct Form {
    newer: bool,
    big: bool,
    encrypted: bool,
}

const FORMS: [Form; 5] = [
    Form { newer: true, big: false, encrypted: false },
    Form { newer: true, big: true, encrypted: false },
    Form { newer: false, big: false, encrypted: false },
    Form { newer: false, big: true, encrypted: false },
    Form { newer: true, big: false, encrypted: true },
];

/// The pointer to block `seq` of a log.
fn log(form: Form, seq: u64) -> [u64; 16] {
    let bp = made::builder(9, 0, FREE + seq * SIZE as u64, SIZE as u64)
        .checksum_type(if form.newer { Checksum::ZILOG2 } else { Checksum::ZILOG })
        .checksum([11, 22, 1, seq])
        .order(Order::from_big_endian(form.big))
        .uses_crypt(form.encrypted);
    *bp.build().unwrap().words()
}

/// A block of records of these txgs, in the writer's byte order, with its sum.
fn block(form: Form, seq: u64, txgs: &[u64]) -> Vec<u8> {
    let records: Vec<u64> = txgs
        .iter()
        .enumerate()
        .flat_map(|(i, txg)| [1, 48, *txg, seq * 100 + i as u64 + 1, 0, 0])
        .collect();
    let chain = |used: usize, sum: &[u64]| {
        let mut chain = vec![0];
        chain.extend(log(form, seq + 1));
        chain.extend([used as u64, MAGIC]);
        chain.extend(sum);
        chain
    };
    let whole = |sum: &[u64]| {
        let mut words = if form.newer {
            [chain(CHAIN_SIZE + records.len() * 8, sum), records.clone()].concat()
        } else {
            records.clone()
        };
        let rest = SIZE / 8 - if form.newer { 0 } else { CHAIN_SIZE / 8 };
        words.resize(rest, 0);
        if !form.newer {
            words.extend(chain(records.len() * 8, sum));
        }
        let mut bytes = bytes(&words);
        if form.big {
            byteswap::u64s(&mut bytes);
        }
        bytes
    };
    let unsummed = whole(&[11, 22, 1, seq]);
    let sum = if form.newer {
        checksum::compute(Checksum::FLETCHER_4, &unsummed[..SUM_UNIT], form.big, None)
    } else {
        checksum::compute(Checksum::FLETCHER_2, &unsummed, form.big, None)
    };
    let [a, b, c, d] = sum.unwrap();
    // The last two words are a MAC, which nobody checks here.
    if form.encrypted { whole(&[a ^ c, b ^ d, 77, 88]) } else { whole(&[a, b, c, d]) }
}

/// The header of a log that nobody claimed, or that was claimed in a txg.
fn header(form: Form, claimed: Option<(u64, u64, u64)>) -> Vec<u8> {
    let (txg, block, replayed) = claimed.unwrap_or_default();
    let mut words = vec![txg, replayed];
    words.extend(log(form, 1));
    words.extend([block, u64::from(claimed.is_some()) * REPLAY_NEEDED, 0, 0, 0, 0]);
    bytes(&words)
}

fn count(header: &[u8], blocks: &[Vec<u8>]) -> Unreplayed {
    let place = |i: usize| FREE + (i + 1) as u64 * SIZE as u64;
    let parts: Vec<_> = blocks.iter().enumerate().map(|(i, b)| (place(i), &b[..])).collect();
    unreplayed(&made::objset(&[], header, &parts), TXG)
}

#[test]
fn what_is_newer_than_the_last_txg_is_counted() {
    for form in FORMS {
        let blocks =
            [block(form, 1, &[99, 100]), block(form, 2, &[100, 101, 101]), block(form, 3, &[102])];
        let found = count(&header(form, None), &blocks);
        assert_eq!((found.blocks, found.records, found.more), (2, 3, false), "{form:?}");
        let told = found.told("tank/fs").unwrap();
        assert!(told.contains("of 'tank/fs' was not replayed: 3 records in 2 blocks"), "{told}");
    }
}

#[test]
fn an_empty_log_and_one_that_is_all_in_the_pool_say_nothing() {
    let empty = Unreplayed::default();
    assert_eq!(count(&[0; HEADER_SIZE], &[]).told("fs"), empty.told("fs"));
    for form in FORMS {
        // Set aside, never written; written before the last transaction group.
        assert_eq!(count(&header(form, None), &[]).told("fs"), None);
        assert_eq!(count(&header(form, None), &[block(form, 1, &[99, 100])]).told("fs"), None);
    }
}

#[test]
fn of_a_claimed_log_only_what_was_claimed_and_not_replayed_counts() {
    let form = FORMS[0];
    let blocks = [block(form, 1, &[90, 91]), block(form, 2, &[91]), block(form, 3, &[92])];
    // Claimed in txg 91 up to the second block; of the first block's records, one was replayed.
    let found = count(&header(form, Some((91, 2, 101))), &blocks);
    assert_eq!((found.blocks, found.records), (2, 2));
    assert_eq!(count(&header(form, Some((91, 2, 102))), &blocks).records, 1);
    let mut replayed = header(form, Some((91, 2, 0)));
    replayed[152] = 0;
    assert_eq!(count(&replayed, &blocks).records, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]
    /// A chain is counted up to the first block that is not what it was written as.
    #[test]
    fn a_damaged_block_ends_the_chain(
        form in 0..FORMS.len(),
        txgs in prop::collection::vec(prop::collection::vec(101..110u64, 1..40), 1..5),
        damaged in 0..5usize,
        at in 0..SIZE,
    ) {
        let form = FORMS[form];
        let mut blocks: Vec<_> =
            txgs.iter().zip(1..).map(|(txgs, seq)| block(form, seq, txgs)).collect();
        let whole = txgs.iter().map(|t| t.len() as u64).collect::<Vec<_>>();
        let mut intact = blocks.len();
        if let Some(block) = blocks.get_mut(damaged) {
            block[at] ^= 0x40;
            let sum = offset_of!(ChainPhys, sum);
            let mac = sum + 16..sum + 32;
            if form.encrypted && mac.contains(&at) {
                return Ok(());
            }
            // The newer kind has no sum over what it does not use.
            if !form.newer || at < SUM_UNIT {
                intact = damaged;
            }
        }
        let found = count(&header(form, None), &blocks);
        prop_assert_eq!(found.records, whole[..intact].iter().sum::<u64>());
        prop_assert_eq!(found.blocks, intact as u64);
    }
}
