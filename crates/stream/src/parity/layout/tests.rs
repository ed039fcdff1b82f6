#![allow(clippy::cast_possible_truncation, reason = "a test makes small lists only")]

use super::*;
use crate::split::Part;
use proptest::prelude::*;
use zsend_records::chain::Chain;

fn list(lengths: &[u64]) -> Manifest {
    let mut offset = 0;
    let mut parts = Vec::new();
    for (record, &length) in (0..).zip(lengths) {
        let hash = blake3::hash(b"");
        parts.push(Part { offset, length, record, chain: Chain::new(), hash });
        offset += length;
    }
    let size = lengths.iter().copied().max().unwrap();
    Manifest { size, length: offset, records: offset, hash: blake3::hash(b""), parts }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
    #[test]
    fn every_block_has_one_place_in_one_set(
        lengths in prop::collection::vec(1..3_000_000u64, 1..60),
        percent in 1..=100u64,
    ) {
        let list = list(&lengths);
        let layout = Layout::choose(&list, percent).unwrap();
        let again = Layout::of(&list, layout.block, layout.recovery, layout.volumes);
        prop_assert_eq!(again.as_ref(), Some(&layout));
        let mut seen: Vec<u64> = (0..layout.sets()).flat_map(|set| layout.set(set)).collect();
        for set in 0..layout.sets() {
            prop_assert!(layout.set_length(set) <= MAX_SET);
            prop_assert!(layout.recovery * 100 >= layout.set_length(set) * percent.min(100));
        }
        seen.sort_unstable();
        prop_assert!(seen.iter().copied().eq(0..layout.blocks()));
        let mut bytes = 0;
        for block in 0..layout.blocks() {
            let spot = layout.spot(block).unwrap();
            prop_assert!(layout.of_part(spot.part).contains(&block));
            prop_assert!(spot.length >= 1 && spot.length <= layout.block);
            prop_assert_eq!(list.parts[spot.part as usize - 1].offset + spot.offset, bytes);
            bytes += spot.length;
        }
        prop_assert_eq!(bytes, list.length);
        prop_assert_eq!(layout.spot(layout.blocks()), None);
        let mut volumes = vec![0; layout.volumes as usize];
        for recovery in 0..layout.all_recovery() {
            let (volume, before) = layout.volume_of(recovery);
            prop_assert_eq!(volumes[volume as usize - 1], before);
            volumes[volume as usize - 1] += 1;
        }
        for volume in 1..=layout.volumes {
            prop_assert_eq!(layout.in_volume(volume), volumes[volume as usize - 1]);
        }
    }
}

#[test]
fn what_no_parity_file_says_is_refused() {
    let list = list(&[100_000; 10]);
    assert!(Layout::of(&list, 65536, 5, 1).is_some());
    for (block, recovery, volumes) in [
        (0, 5, 1),
        (65535, 5, 1),
        (32, 5, 1),
        (1 << 31, 5, 1),
        (u64::MAX, 5, 1),
        (65536, 0, 1),
        (65536, 257, 1),
        (65536, u64::MAX, 1),
        (65536, 5, 0),
        (65536, 5, 100),
    ] {
        assert_eq!(
            Layout::of(&list, block, recovery, volumes),
            None,
            "{block} {recovery} {volumes}"
        );
    }
    let long = self::list(&[MAX_BYTES, 1]);
    assert_eq!(Layout::choose(&long, 1), None);
    // As many hashes as would not have room.
    assert_eq!(Layout::of(&self::list(&[1 << 40]), 64, 1, 1), None);
}

#[test]
fn a_tenth_bears_one_part_of_ten() {
    let layout = Layout::choose(&list(&[1 << 20; 10]), 10).unwrap();
    assert_eq!(layout.bearable(), 1);
    assert_eq!(Layout::choose(&list(&[1 << 20; 10]), 30).unwrap().bearable(), 3);
    assert_eq!(Layout::choose(&list(&[1 << 20; 10]), 100).unwrap().bearable(), 10);
    assert_eq!(Layout::choose(&list(&[1 << 20; 10]), 1).unwrap().bearable(), 0);
}
