//! The pending slot against a plain model, and the corners of its arithmetic.

use super::*;
use proptest::prelude::*;

fn bytes(object: u64, offset: u64, length: u64) -> Range {
    Range::Bytes { redact: false, object, offset, length }
}

/// Feeds all ranges and returns the records.
fn run(dialect: Dialect, input: &[Range]) -> Vec<Range> {
    let mut pending = Pending::default();
    let mut out = Vec::new();
    for range in input {
        let done = match *range {
            Range::Bytes { redact: false, object, offset, length } => {
                pending.free(dialect, object, offset, length)
            }
            Range::Bytes { object, offset, length, .. } => pending.redact(object, offset, length),
            Range::Objects { first, count } => pending.free_objects(first, count),
        };
        out.extend(done.into_iter().flatten());
    }
    out.extend(pending.flush());
    out
}

#[test]
fn touching_holes_become_one_free() {
    let got = run(Dialect::OpenZfs, &[bytes(1, 0, 512), bytes(1, 512, 512), bytes(1, 2048, 512)]);
    assert_eq!(got, [bytes(1, 0, 1024), bytes(1, 2048, 512)]);
}

#[test]
fn holes_of_two_objects_stay_apart() {
    let got = run(Dialect::OpenZfs, &[bytes(1, 0, 512), bytes(2, 512, 512)]);
    assert_eq!(got.len(), 2);
}

#[test]
fn a_free_to_the_end_leaves_at_once_and_nothing_joins_it() {
    let got = run(Dialect::Illumos, &[bytes(1, 512, OBJECT_END), bytes(1, 512, 1024)]);
    assert_eq!(got, [bytes(1, 512, OBJECT_END), bytes(1, 512, 1024)]);
}

#[test]
fn an_end_past_two_to_the_sixty_four_is_the_objects_end() {
    let high = u64::MAX - 511;
    assert_eq!(run(Dialect::Illumos, &[bytes(1, high, 1024)]), [bytes(1, high, OBJECT_END)]);
    let joined = run(Dialect::Illumos, &[bytes(1, high - 512, 512), bytes(1, high, 1024)]);
    assert_eq!(joined, [bytes(1, high - 512, OBJECT_END)]);
}

#[test]
fn a_free_to_the_end_joins_the_hole_that_it_touches() {
    let input = [bytes(1, 0, 512), bytes(1, 512, OBJECT_END)];
    for dialect in Dialect::ALL {
        assert_eq!(run(dialect, &input), [bytes(1, 0, OBJECT_END)]);
    }
}

#[test]
fn wrapped_object_runs_of_length_zero_join() {
    let zero = Range::Objects { first: 0, count: 0 };
    assert_eq!(run(Dialect::Illumos, &[zero, zero]), [zero]);
}

#[test]
fn redact_and_free_never_join() {
    let redact = Range::Bytes { redact: true, object: 1, offset: 512, length: 512 };
    let got = run(Dialect::OpenZfs, &[bytes(1, 0, 512), redact, bytes(1, 1024, 512)]);
    assert_eq!(got.len(), 3);
}

/// Ranges of several kinds, ascending; most touch their neighbour.
fn ranges() -> impl Strategy<Value = Vec<Range>> {
    let gap = prop_oneof![3 => Just(0u64), 1 => 1..64u64];
    prop::collection::vec((0..4u8, gap, 1..64u64), 0..60).prop_map(|steps| {
        let (mut object, mut offset, mut first) = (1, 0, 1);
        let mut out = Vec::new();
        for (kind, gap, len) in steps {
            match kind {
                0 => {
                    first += gap;
                    out.push(Range::Objects { first, count: len });
                    first += len;
                }
                1 if gap > 32 => (object, offset) = (object + 1, 0),
                k => {
                    offset += gap * 512;
                    let (redact, length) = (k == 3, len * 512);
                    out.push(Range::Bytes { redact, object, offset, length });
                    offset += length;
                }
            }
        }
        out
    })
}

/// The plain model: join each range to the last if kind and place fit.
fn model(input: &[Range]) -> Vec<Range> {
    let mut out: Vec<Range> = Vec::new();
    for &range in input {
        match (out.last_mut(), range) {
            (
                Some(Range::Bytes { redact, object, offset, length }),
                Range::Bytes { redact: r, object: o, offset: start, length: len },
            ) if *redact == r && *object == o && *offset + *length == start => *length += len,
            (Some(Range::Objects { first, count }), Range::Objects { first: f, count: n })
                if *first + *count == f =>
            {
                *count += n;
            }
            _ => out.push(range),
        }
    }
    out
}

proptest! {
    #[test]
    fn the_slot_joins_exactly_what_the_model_joins(input in ranges()) {
        for dialect in Dialect::ALL {
            prop_assert_eq!(run(dialect, &input), model(&input));
        }
    }

    #[test]
    fn any_numbers_end_in_some_records(input in prop::collection::vec((any::<bool>(), 0..3u64, any::<u64>(), any::<u64>()), 0..40)) {
        let input: Vec<_> = input.into_iter().map(|(objects, object, a, b)| {
            if objects { Range::Objects { first: a, count: b } } else { bytes(object, a, b) }
        }).collect();
        for dialect in Dialect::ALL {
            prop_assert!(run(dialect, &input).len() <= input.len());
        }
    }
}
