//! Memory that reading a list takes.

use super::*;

/// Bytes of memory that a list takes, its own struct not counted.
fn memory(list: &NvList) -> usize {
    let pair = |(name, value): (&str, &NvValue)| {
        size_of::<(Arc<str>, NvValue)>() + 2 * size_of::<usize>() + name.len() + heap(value)
    };
    list.iter().map(pair).sum()
}

/// Bytes of memory that a value points to.
fn heap(value: &NvValue) -> usize {
    match value {
        NvValue::Boolean
        | NvValue::Byte(_)
        | NvValue::Int16(_)
        | NvValue::Uint16(_)
        | NvValue::Int32(_)
        | NvValue::Uint32(_)
        | NvValue::Int64(_)
        | NvValue::Uint64(_)
        | NvValue::HrTime(_)
        | NvValue::BooleanValue(_)
        | NvValue::Int8(_)
        | NvValue::Uint8(_)
        | NvValue::Double(_) => 0,
        NvValue::String(s) => s.as_bytes().len(),
        NvValue::ByteArray(v) | NvValue::Uint8Array(v) => v.len(),
        NvValue::Int8Array(v) => v.len(),
        NvValue::BooleanArray(v) => v.len(),
        NvValue::Int16Array(v) => 2 * v.len(),
        NvValue::Uint16Array(v) => 2 * v.len(),
        NvValue::Int32Array(v) => 4 * v.len(),
        NvValue::Uint32Array(v) => 4 * v.len(),
        NvValue::Int64Array(v) => 8 * v.len(),
        NvValue::Uint64Array(v) => 8 * v.len(),
        NvValue::StringArray(v) => {
            v.iter().map(|s| size_of::<NvString>() + s.as_bytes().len()).sum()
        }
        NvValue::List(list) => memory(list),
        NvValue::ListArray(v) => v.iter().map(|list| size_of::<NvList>() + memory(list)).sum(),
    }
}

proptest! {
    /// A list that would take more memory than it may is refused.
    #[test]
    fn memory_is_bounded(list in lists(), encoding in encodings()) {
        let packed = list.encode(encoding).unwrap();
        if let Some(less) = memory(&list).checked_sub(1) {
            let refused = NvList::decode_within(&packed, less);
            prop_assert!(matches!(refused, Err(NvError::TooLarge { .. })), "{refused:?}");
        }
        prop_assert!(NvList::decode_within(&packed, 64 << 10).is_ok());
    }
}

#[test]
fn the_least_pairs_and_strings_cannot_fill_the_memory() {
    let strings = NvValue::StringArray(vec!["".into(); 300_000]);
    let lists = NvValue::ListArray(vec![NvList::new(); 300_000]);
    for value in [strings, lists] {
        let list = of_pairs(vec![("a".into(), value)]);
        for encoding in [Encoding::Native, Encoding::Xdr] {
            let packed = list.encode(encoding).unwrap();
            let refused = NvList::decode_within(&packed, 2 * packed.len());
            // A native list is larger packed than in memory.
            if encoding == Encoding::Xdr {
                assert!(matches!(refused, Err(NvError::TooLarge { .. })));
            }
            assert_eq!(NvList::decode(&packed).unwrap().0, list);
        }
    }
}
