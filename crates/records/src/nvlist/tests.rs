//! Lists that libnvpair packed, the format's odd rules, and properties over arbitrary lists.

mod memory;
mod packed;
mod visit;

use super::*;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use proptest::prelude::*;

const NATIVE: &[u8] = include_bytes!("../../tests/data/nvlist-all-native.bin");
const XDR: &[u8] = include_bytes!("../../tests/data/nvlist-all-xdr.bin");

fn hex(s: &str) -> Vec<u8> {
    let digits: Vec<u8> = s.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// List that `tests/data/make-nvlists.py` packs.
fn every_type() -> NvList {
    let mut inner = NvList::new();
    inner.insert("x", NvValue::Uint64(0x1122_3344_5566_7788));
    let mut list = NvList::new();
    for (name, value) in [
        ("boolean", NvValue::Boolean),
        ("byte", NvValue::Byte(0x7e)),
        ("int16", NvValue::Int16(-2)),
        ("uint16", NvValue::Uint16(0xfffe)),
        ("int32", NvValue::Int32(-3)),
        ("uint32", NvValue::Uint32(0xffff_fffd)),
        ("int64", NvValue::Int64(-4)),
        ("uint64", NvValue::Uint64(u64::MAX - 3)),
        ("string", NvValue::String("hello".into())),
        ("byte_array", NvValue::ByteArray(vec![1, 2, 0xff])),
        ("int16_array", NvValue::Int16Array(vec![1, -2, 3])),
        ("uint16_array", NvValue::Uint16Array(vec![1, 0xfffe, 3])),
        ("int32_array", NvValue::Int32Array(vec![1, -2, 3])),
        ("uint32_array", NvValue::Uint32Array(vec![1, 0xffff_fffe, 3])),
        ("int64_array", NvValue::Int64Array(vec![1, -2])),
        ("uint64_array", NvValue::Uint64Array(vec![1, u64::MAX - 1])),
        ("string_array", NvValue::StringArray(vec!["a".into(), "".into(), "four".into()])),
        ("hrtime", NvValue::HrTime(5)),
        ("nvlist", NvValue::List(inner.clone())),
        ("nvlist_array", NvValue::ListArray(vec![inner, NvList::new()])),
        ("boolean_value", NvValue::BooleanValue(true)),
        ("int8", NvValue::Int8(1)),
        ("uint8", NvValue::Uint8(0x7f)),
        ("boolean_array", NvValue::BooleanArray(vec![true, false])),
        ("int8_array", NvValue::Int8Array(vec![1, 2, 3])),
        ("uint8_array", NvValue::Uint8Array(vec![1, 2, 3])),
        ("double", NvValue::Double(1.5)),
        ("empty_byte", NvValue::ByteArray(vec![])),
        ("empty_uint64", NvValue::Uint64Array(vec![])),
        ("empty_uint8", NvValue::Uint8Array(vec![])),
        ("empty_boolean", NvValue::BooleanArray(vec![])),
        ("empty_string", NvValue::StringArray(vec![])),
        ("empty_nvlist", NvValue::ListArray(vec![])),
    ] {
        list.insert(name, value);
    }
    list
}

#[test]
fn libnvpair_packs_every_type_the_same() {
    let list = every_type();
    assert_eq!(NvList::decode(NATIVE), Ok((list.clone(), Encoding::Native)));
    assert_eq!(NvList::decode(XDR), Ok((list.clone(), Encoding::Xdr)));
    assert_eq!(list.encode(Encoding::Native).unwrap(), NATIVE);
    assert_eq!(list.encode(Encoding::Xdr).unwrap(), XDR);
    let types: Vec<u32> = list.iter().take(27).map(|(_, v)| v.nv_type().0).collect();
    assert_eq!(types, (1..=27).collect::<Vec<_>>());
}

#[test]
fn native_list_of_the_format_description() {
    let mut list = NvList::new();
    list.insert("resume_object", NvValue::Uint64(0x1122_3344_5566_7788));
    list.insert("raw", NvValue::Boolean);
    let packed = hex("00010000 00000000 01000000
        28000000 0e00 0000 01000000 08000000 726573756d655f6f626a65637400 0000 8877665544332211
        18000000 0400 0000 00000000 01000000 72617700 00000000 00000000");
    assert_eq!(list.encode(Encoding::Native).unwrap(), packed);
    let mut padded = packed.clone();
    padded.extend_from_slice(&[0; 7]);
    assert_eq!(NvList::decode(&padded), Ok((list.clone(), Encoding::Native)));
    assert_eq!(NvList::decode_prefix(&padded), Ok((list, Encoding::Native, packed.len())));
    padded.push(1);
    let error = NvList::decode(&padded).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("nvlist@{:#x}: byte after the list is 0x1, expected zero", packed.len() + 7)
    );
}

#[test]
fn xdr_bytes_are_written_with_zeros_and_read_with_either_extension() {
    let mut list = NvList::new();
    list.insert("k", NvValue::Uint8Array(vec![0xff]));
    let packed = list.encode(Encoding::Xdr).unwrap();
    assert_eq!(packed[packed.len() - 12..], hex("000000ff 0000000000000000"));
    assert_eq!(NvList::decode(&packed), Ok((list.clone(), Encoding::Xdr)));
    let mut signed = list.encode(Encoding::XdrSigned).unwrap();
    let at = packed.len() - 12;
    assert_eq!(signed[at..], hex("ffffffff 0000000000000000"));
    assert_eq!(NvList::decode(&signed), Ok((list.clone(), Encoding::XdrSigned)));
    signed[at] = 0;
    assert!(NvList::decode(&signed).is_err());
}

#[test]
fn inserting_a_name_again_moves_it_to_the_end() {
    let mut list = NvList::new();
    for n in 0..20u64 {
        list.insert(format!("n{n}"), NvValue::Uint64(n));
    }
    list.insert("n3", NvValue::Uint64(33));
    list.insert("n19", NvValue::Boolean);
    assert_eq!(list.len(), 20);
    let names: Vec<&str> = list.iter().map(|(name, _)| name).collect();
    assert_eq!((names[3], names[18], names[19]), ("n4", "n3", "n19"));
    assert_eq!(list.u64("n3"), Some(33));
    assert_eq!((list.u64("n19"), list.u64("n4"), list.u64("no")), (None, Some(4), None));
}

#[test]
fn of_two_pairs_with_one_name_the_later_stays() {
    let mut list = NvList::new();
    list.insert("aa", NvValue::Uint64(1));
    list.insert("ab", NvValue::Uint64(2));
    let mut packed = list.encode(Encoding::Native).unwrap();
    let at = packed.iter().rposition(|&b| b == b'b').unwrap();
    packed[at] = b'a';
    let (read, _) = NvList::decode(&packed).unwrap();
    assert_eq!(read.iter().collect::<Vec<_>>(), [("aa", &NvValue::Uint64(2))]);
}

#[test]
fn a_string_may_hold_any_bytes_but_nul() {
    let mut list = NvList::new();
    list.insert("latin1", NvValue::String(NvString::from(&b"caf\xe9\0cut"[..])));
    for encoding in [Encoding::Native, Encoding::Xdr] {
        let (read, _) = NvList::decode(&list.encode(encoding).unwrap()).unwrap();
        assert_eq!(read, list);
        assert_eq!(read.str("latin1"), None);
        let Some(NvValue::String(value)) = read.get("latin1") else { panic!("no string") };
        assert_eq!(value.as_bytes(), b"caf\xe9");
    }
}

#[test]
fn lists_too_deep_are_refused_and_lists_just_not_too_deep_are_read() {
    let mut list = NvList::new();
    for _ in 1..MAX_DEPTH {
        let mut outer = NvList::new();
        outer.insert("l", NvValue::List(list));
        list = outer;
    }
    let mut deeper = NvList::new();
    deeper.insert("l", NvValue::List(list.clone()));
    for encoding in [Encoding::Native, Encoding::NativeBig, Encoding::Xdr] {
        assert_eq!(NvList::decode(&list.encode(encoding).unwrap()), Ok((list.clone(), encoding)));
        let error = deeper.encode(encoding).unwrap_err();
        assert!(matches!(error, NvError::TooDeep { limit: MAX_DEPTH, .. }), "{error}");
        let packed = packed_deep(encoding, MAX_DEPTH + 1);
        let error = NvList::decode(&packed).unwrap_err();
        assert!(matches!(error, NvError::TooDeep { limit: MAX_DEPTH, .. }), "{error}");
        assert_eq!(packed_deep(encoding, MAX_DEPTH), list.encode(encoding).unwrap());
    }
}

/// Lists in lists, this many in all, packed by hand.
fn packed_deep(encoding: Encoding, levels: usize) -> Vec<u8> {
    let word = |v: u32| match encoding {
        Encoding::Native => v.to_le_bytes().to_vec(),
        _ => v.to_be_bytes().to_vec(),
    };
    let words = |all: &[u32]| all.iter().flat_map(|&v| word(v)).collect::<Vec<_>>();
    let head = words(&[0, UNIQUE_NAME]);
    let mut packed;
    if encoding.is_xdr() {
        packed = [head.clone(), words(&[0, 0])].concat();
        for _ in 1..levels {
            let size = u32::try_from(24 + packed.len()).unwrap();
            let pair = [words(&[size, 48, 1]), b"l\0\0\0".to_vec(), words(&[19, 1])].concat();
            packed = [head.clone(), pair, packed, words(&[0, 0])].concat();
        }
    } else {
        let name_size = if encoding == Encoding::Native { [2, 0, 0, 0] } else { [0, 2, 0, 0] };
        let name = b"l\0\0\0\0\0\0\0".to_vec();
        let list = [head.clone(), vec![0; 16]].concat();
        let pair = [word(48), name_size.to_vec(), words(&[1, 19]), name, list].concat();
        packed = [head, pair.repeat(levels - 1), word(0).repeat(levels)].concat();
    }
    [encoding.header().to_vec(), packed].concat()
}

/// Each malformed list, and how its error begins.
#[test]
fn errors_tell_where_and_what() {
    for (packed, message) in [
        ("", "nvlist@0x0: nvlist header needs 4 bytes, 0 are left"),
        ("02010000", "nvlist@0x0: nvlist encoding is 0x2, expected 0 (native) or 1 (XDR)"),
        ("00070000", "nvlist@0x1: nvlist byte order is 0x7,"),
        ("00010000 05000000", "nvlist@0x4: nvlist version is 0x5, expected 0"),
        ("00010000 00000000 01000000", "nvlist@0xc: pair size needs 4 bytes, 0 are left"),
        ("00010000 00000000 01000000 ffffffff", "nvlist@0xc: pair size is 0xffffffff, expected a"),
        ("00010000 00000000 01000000 18000000", "nvlist@0xc: pair needs 24 bytes, 4 are left"),
        (
            "00010000 00000000 01000000 18000000 0000 0000 00000000 01000000 0000000000000000",
            "nvlist@0x10: name size is 0x0, expected 1 to 32767",
        ),
        (
            "00010000 00000000 01000000 18000000 0200 0000 00000000 01000000 6162000000000000",
            "nvlist@0x1d: last byte of name is 0x62, expected 0",
        ),
        (
            "00010000 00000000 01000000 18000000 0300 0000 00000000 01000000 ff62000000000000",
            "nvlist@0x1c: byte in a name is 0xff, expected UTF-8",
        ),
        (
            "00010000 00000000 01000000 18000000 0200 0000 01000000 01000000 6100000000000000",
            "nvlist@0x14: number of elements is 0x1, expected 0",
        ),
        (
            "00010000 00000000 01000000 18000000 0200 0000 01000000 1c000000 6100000000000000",
            "nvlist@0x24: type of the pair with its value here is 0x1c, expected 1 to 27",
        ),
        (
            "00010000 00000000 01000000 18000000 0200 0000 01000000 08000000 6100000000000000",
            "nvlist@0x24: uint64 needs 8 bytes, 0 are left",
        ),
        (
            "00010000 00000000 01000000 20000000 0200 0000 00000000 01000000 6100000000000000
             0000000000000000",
            "nvlist@0xc: pair size is 32, expected 24",
        ),
        (
            "00010000 00000000 01000000 18000000 0200 0000 ffffff7f 10000000 6100000000000000",
            "nvlist@0x24: uint64 needs 17179869176 bytes, 0 are left",
        ),
        (
            "01010000 00000000 00000001 00000018 00000020 00000001 61000000 00000015 00000001",
            "nvlist@0x24: boolean needs 4 bytes, 0 are left",
        ),
        (
            "01010000 00000000 00000001 0000001c 00000020 00000001 61000000 00000015 00000001
             00000002",
            "nvlist@0x24: boolean is 0x2, expected 0 or 1",
        ),
        (
            "01010000 00000000 00000001 00000018 00000000 00000001 61000000 00000001 00000000",
            "nvlist@0x10: decoded pair size is 0x0, expected not zero",
        ),
    ] {
        let error = NvList::decode(&hex(packed)).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}\n{message}");
    }
}

/// Any value; lists up to three deep.
fn values() -> impl Strategy<Value = NvValue> {
    use prop::collection::vec;
    let text = || "[a-z]{0,12}".prop_map(NvString::from);
    let leaf = prop_oneof![
        Just(NvValue::Boolean),
        any::<u8>().prop_map(NvValue::Byte),
        any::<i16>().prop_map(NvValue::Int16),
        any::<u16>().prop_map(NvValue::Uint16),
        any::<i32>().prop_map(NvValue::Int32),
        any::<u32>().prop_map(NvValue::Uint32),
        any::<i64>().prop_map(NvValue::Int64),
        any::<u64>().prop_map(NvValue::Uint64),
        text().prop_map(NvValue::String),
        vec(any::<u8>(), 0..20).prop_map(NvValue::ByteArray),
        vec(any::<i16>(), 0..5).prop_map(NvValue::Int16Array),
        vec(any::<u16>(), 0..5).prop_map(NvValue::Uint16Array),
        vec(any::<i32>(), 0..5).prop_map(NvValue::Int32Array),
        vec(any::<u32>(), 0..5).prop_map(NvValue::Uint32Array),
        vec(any::<i64>(), 0..5).prop_map(NvValue::Int64Array),
        vec(any::<u64>(), 0..5).prop_map(NvValue::Uint64Array),
        vec(text(), 0..5).prop_map(NvValue::StringArray),
        any::<i64>().prop_map(NvValue::HrTime),
        any::<bool>().prop_map(NvValue::BooleanValue),
        any::<i8>().prop_map(NvValue::Int8),
        any::<u8>().prop_map(NvValue::Uint8),
        vec(any::<bool>(), 0..5).prop_map(NvValue::BooleanArray),
        vec(any::<i8>(), 0..20).prop_map(NvValue::Int8Array),
        vec(any::<u8>(), 0..20).prop_map(NvValue::Uint8Array),
        any::<i32>().prop_map(|v| NvValue::Double(v.into())),
    ];
    leaf.prop_recursive(3, 40, 6, |inner| {
        let list = || vec(("[a-zé]{0,9}", inner.clone()), 0..6).prop_map(of_pairs);
        prop_oneof![list().prop_map(NvValue::List), vec(list(), 0..4).prop_map(NvValue::ListArray),]
    })
}

fn of_pairs(pairs: Vec<(String, NvValue)>) -> NvList {
    let mut list = NvList::new();
    for (name, value) in pairs {
        list.insert(name, value);
    }
    list
}

fn lists() -> impl Strategy<Value = NvList> {
    prop::collection::vec(("[a-z]{0,9}", values()), 0..16).prop_map(of_pairs)
}

fn encodings() -> impl Strategy<Value = Encoding> {
    prop::sample::select(Encoding::ALL.to_vec())
}

proptest! {
    #[test]
    fn what_is_packed_is_read(list in lists(), encoding in encodings()) {
        let packed = list.encode(encoding).unwrap();
        prop_assert_eq!(packed.len() % 4, 0);
        let (read, found) = NvList::decode(&packed)?;
        prop_assert_eq!(&read, &list);
        prop_assert_eq!(read.encode(found).unwrap(), packed);
        // Without a byte over 127 there is only one XDR of a host.
        prop_assert!(found == encoding || found.signed() == encoding);
    }

    #[test]
    fn a_list_cut_short_is_an_error(
        list in lists(),
        encoding in encodings(),
        cut in any::<prop::sample::Index>(),
    ) {
        let packed = list.encode(encoding).unwrap();
        let cut = cut.index(packed.len());
        prop_assert!(NvList::decode_prefix(&packed[..cut]).is_err());
    }

    #[test]
    fn a_flipped_bit_never_panics(
        list in lists(),
        encoding in encodings(),
        bits in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let mut packed = list.encode(encoding).unwrap();
        for bit in bits {
            let bit = bit.index(packed.len() * 8);
            packed[bit / 8] ^= 1 << (bit % 8);
        }
        if let Ok((read, _)) = NvList::decode(&packed) {
            let _ = read.encode(encoding);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        head in prop_oneof![
            Just(vec![0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
            Just(vec![1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            Just(vec![]),
        ],
        tail in prop::collection::vec(prop_oneof![3 => 0u8..28, 1 => any::<u8>()], 0..200),
    ) {
        let _ = NvList::decode(&[head, tail].concat());
    }
}
