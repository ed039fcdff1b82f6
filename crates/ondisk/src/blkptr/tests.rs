//! Block pointers against words written by hand, and against themselves.

use super::*;
use crate::LayoutError;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use proptest::prelude::*;

fn with_prop(prop: u64) -> BlkPtr {
    let mut words = [0; 16];
    words[6] = prop;
    words[0] = 1;
    BlkPtr::from_words(words)
}

#[test]
fn sizes_are_biased_sectors_and_embedded_sizes_biased_bytes() {
    let bp = with_prop((255) | (7 << 16) | (15 << 32) | (19 << 48) | (1 << 63));
    assert_eq!((bp.lsize(), bp.psize()), (131_072, 4096));
    assert_eq!((bp.compress(), bp.object_type()), (Compress::LZ4, DmuType(19)));
    assert!(!bp.is_big_endian());
    let bp = with_prop(511 | (65 << 25) | (1 << 39));
    assert_eq!((bp.lsize(), bp.psize()), (512, 66));
    assert_eq!(bp.dvas().count(), 0);
}

fn field_of(bp: BlkPtr) -> Option<&'static str> {
    use LayoutError::{Conflict, Embedded, Field, Repeated, Unknown};
    match bp.check() {
        Err(Field { what, .. }) => Some(what),
        Ok(()) | Err(Unknown(_) | Conflict { .. } | Embedded(_) | Repeated(_)) => None,
    }
}

#[test]
fn impossible_sizes_are_refused_before_use() {
    assert_eq!(field_of(with_prop(0xffff | (0xffff << 16) | (2 << 32) | (7 << 40))), Some("lsize"));
    assert_eq!(field_of(with_prop(1 | (2 << 32) | (7 << 40))), Some("psize"));
    let bp = with_prop(511 | (65 << 25) | (2 << 32) | (1 << 39));
    assert_eq!(field_of(bp), Some("embedded psize"));
    let bp = with_prop((2 << 32) | (99 << 40));
    assert_eq!(bp.check(), Err(LayoutError::Unknown("checksum 99".into())));
}

#[test]
fn a_hole_has_a_birth_and_no_copies() {
    let mut words = [0; 16];
    words[10] = 9;
    let bp = BlkPtr::from_words(words);
    assert!(bp.is_hole());
    assert_eq!(bp.logical_birth(), 9);
    assert_eq!(bp.dvas().count(), 0);
}

#[test]
fn every_field_is_built_at_its_bits() {
    let bp = BlkPtr::builder()
        .lsize(131_072)
        .psize(4096)
        .compress(Compress::LZ4)
        .checksum_type(Checksum::FLETCHER_4)
        .checksum([1, 2, 3, 4])
        .object_type(DmuType(19))
        .level(3)
        .dedup(true)
        .uses_crypt(true)
        .order(Order::Big)
        .dva(0, Dva::new(5, 1 << 20, 1024).unwrap())
        .dva(1, Dva::new(6, 512, 512).unwrap().gang())
        .physical_birth(8)
        .logical_birth(7)
        .fill(9)
        .build()
        .unwrap();
    let prop = 255 | 7 << 16 | 15 << 32 | 7 << 40 | 19 << 48 | 3 << 56 | 1 << 61 | 1 << 62;
    let wanted =
        [5 << 32 | 2, 2048, 6 << 32 | 1, 1 << 63 | 1, 0, 0, prop, 0, 0, 8, 7, 9, 1, 2, 3, 4];
    assert_eq!(bp.words(), &wanted);
    let bp = BlkPtr::builder().lsize(600).embedded(EmbeddedType(2), &[1; 9]).build().unwrap();
    assert_eq!(bp.words()[6], 599 | 8 << 25 | 2 << 32 | 1 << 39 | 2 << 40 | 1 << 63);
    assert_eq!(bp.words()[..2], [0x0101_0101_0101_0101, 1]);
    let full = BlkPtr::builder().lsize(600).embedded(EmbeddedType::DATA, &[0xff; EMBEDDED_MAX]);
    let full = full.build().unwrap();
    assert_eq!((full.fill(), full.physical_birth()), (1, 0), "no words of the payload");
}

#[test]
fn byte_strings_are_words_in_the_writer_s_order() {
    let built = |order| {
        BlkPtr::builder()
            .object_type(DmuType(19))
            .uses_crypt(true)
            .order(order)
            .fill(0x99)
            .salt_iv([0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
            .mac([20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35])
            .build()
            .unwrap()
    };
    let little = built(Order::Little);
    let strings = [4, 5, 14, 15].map(|i: usize| little.words()[i]);
    let wanted = [
        0x0706_0504_0302_0100,
        0x0f0e_0d0c_0b0a_0908,
        0x1b1a_1918_1716_1514,
        0x2322_2120_1f1e_1d1c,
    ];
    assert_eq!(strings, wanted);
    assert_eq!(little.words()[11], 0x1312_1110 << 32 | 0x99);
    let big = built(Order::Big);
    let strings = [4, 5, 14, 15].map(|i: usize| big.words()[i]);
    assert_eq!(strings, wanted.map(u64::swap_bytes));
    assert_eq!(big.words()[11], 0x1011_1213 << 32 | 0x99);
}

#[test]
fn what_no_field_can_hold_is_refused() {
    let refused = |builder: BlkPtrBuilder, what: &str| {
        let found = builder.build().unwrap_err().to_string();
        assert!(found.starts_with(what), "{found}");
    };
    let new = BlkPtr::builder;
    refused(new().size(0), "lsize is 0");
    refused(new().psize(513), "psize is 513, expected a multiple of 512");
    refused(new().lsize(65_537 * 512), "lsize is 65536, expected at most 65535");
    refused(new().level(32), "level is 32, expected at most 31");
    refused(new().compress(Compress(128)), "compress is 128");
    refused(new().embedded(EmbeddedType::DATA, &[0; 129]), "psize is 128");
    refused(new().embedded(EmbeddedType::DATA, &[]), "psize is 0");
    refused(new().fill(1 << 32).salt_iv([0; 8], [0; 12]), "fill is");
    let encrypted = new().object_type(DmuType::PLAIN_FILE_CONTENTS).uses_crypt(true);
    refused(encrypted.fill(1 << 32), "fill is 4294967296, expected at most 4294967295");
    let dva = Dva::new(1, 512, 512).unwrap();
    refused(encrypted.dva(2, dva), "third DVA and salt lie in one place");
    refused(new().dva(2, dva).salt_iv([0; 8], [0; 12]), "third DVA and salt");
    refused(new().dva(3, dva), "index of a DVA is 3");
    refused(new().checksum([0, 0, 1, 0]).mac([0; 16]), "checksum and MAC");
    let embedded = new().embedded(EmbeddedType::DATA, &[1; 512]).psize(1);
    for (builder, what) in [
        (embedded.dva(0, dva), "DVA"),
        (embedded.physical_birth(1), "physical birth"),
        (embedded.checksum_type(Checksum::FLETCHER_4), "checksum"),
        (embedded.checksum([1, 0, 0, 0]), "checksum"),
        (embedded.fill(1), "fill"),
        (embedded.salt_iv([0; 8], [0; 12]), "salt"),
        (embedded.mac([0; 16]), "MAC"),
    ] {
        refused(builder, &format!("{what} and embedded payload lie in one place"));
    }
    assert!(Dva::new(1 << 24, 0, 512).is_err());
    assert!(Dva::new(0, 1, 512).is_err());
    assert!(Dva::new(0, 0, 1 << 33).is_err());
}

fn dva() -> impl Strategy<Value = Dva> {
    (0..1u64 << 24, 0..1u64 << 55, 1..1u64 << 24, any::<bool>()).prop_map(
        |(vdev, at, size, gang)| {
            let dva = Dva::new(vdev, at * 512, size * 512).unwrap();
            assert_eq!((dva.vdev(), dva.offset(), dva.asize()), (vdev, at * 512, size * 512));
            if gang { dva.gang() } else { dva }
        },
    )
}

fn order() -> impl Strategy<Value = Order> {
    prop::sample::select(vec![Order::Little, Order::Big])
}

proptest! {
    #[test]
    fn what_is_built_reads_back(
        (lsize, psize) in (1..=1u64 << 16, 1..=1u64 << 16),
        (compress, checksum, kind, level) in (0..128u8, any::<u8>(), any::<u8>(), 0..32u32),
        (dedup, crypt) in (any::<bool>(), any::<bool>()),
        order in order(),
        dvas in prop::array::uniform3(dva()),
        (logical, physical, fill) in (any::<u64>(), 1..=u64::MAX, any::<u64>()),
        sum in any::<[u64; 4]>(),
    ) {
        let mut builder = BlkPtr::builder()
            .lsize(lsize * 512)
            .psize(psize * 512)
            .compress(Compress(compress))
            .checksum_type(Checksum(checksum))
            .checksum(sum)
            .object_type(DmuType(kind))
            .level(level)
            .dedup(dedup)
            .uses_crypt(crypt)
            .order(order)
            .logical_birth(logical)
            .physical_birth(physical)
            .fill(fill);
        for (i, dva) in dvas.into_iter().enumerate() {
            builder = builder.dva(i, dva);
        }
        // An encrypted block has a salt in the place of its third copy, and a shorter count.
        if crypt && level == 0 && DmuType(kind).is_encrypted() {
            prop_assert!(builder.build().is_err());
            let (salt, iv) = ([7; 8], [8; 12]);
            prop_assert!(builder.fill(0).salt_iv(salt, iv).build().is_err());
            let bp = builder.dva(2, Dva::default()).fill(fill >> 32).build().unwrap();
            prop_assert_eq!((bp.fill(), bp.dvas().count()), (fill >> 32, 2));
            return Ok(());
        }
        let bp = builder.build().unwrap();
        prop_assert_eq!((bp.lsize(), bp.psize()), (lsize * 512, psize * 512));
        prop_assert_eq!((bp.compress().0, bp.checksum_type().0), (compress, checksum));
        prop_assert_eq!((bp.object_type().0, bp.level()), (kind, level));
        prop_assert_eq!((bp.is_dedup(), bp.uses_crypt(), bp.order()), (dedup, crypt, order));
        prop_assert_eq!((bp.logical_birth(), bp.physical_birth()), (logical, physical));
        prop_assert_eq!(bp.fill(), fill);
        prop_assert_eq!(bp.checksum(), sum);
        prop_assert_eq!([0, 1, 2].map(|i| bp.dva(i).unwrap()), dvas);
        prop_assert_eq!((bp.dva(3), bp.dva(8)), (None, None));
        prop_assert_eq!(bp.is_gang(), dvas[0].is_gang());
        prop_assert!(!bp.is_embedded() && !bp.is_hole());
    }

    #[test]
    fn what_is_embedded_or_encrypted_reads_back(
        payload in prop::collection::vec(any::<u8>(), 1..=EMBEDDED_MAX),
        (kind, lsize, birth) in (any::<u8>(), 1..=1u64 << 25, any::<u64>()),
        order in order(),
        (salt, iv, mac) in (any::<[u8; 8]>(), any::<[u8; 12]>(), any::<[u8; 16]>()),
        fill in any::<u32>(),
    ) {
        let builder = BlkPtr::builder().order(order).logical_birth(birth);
        let bp = builder.lsize(lsize).embedded(EmbeddedType(kind), &payload).build().unwrap();
        let (bytes, len) = bp.embedded_payload();
        prop_assert_eq!(&bytes[..len], &payload[..]);
        prop_assert_eq!((bp.lsize(), bp.embedded_type().0), (lsize, kind));
        prop_assert_eq!((bp.logical_birth(), bp.is_hole()), (birth, false));
        let builder = builder.uses_crypt(true).object_type(DmuType::PLAIN_FILE_CONTENTS);
        let bp = builder.salt_iv(salt, iv).mac(mac).fill(fill.into()).build().unwrap();
        prop_assert!(bp.is_encrypted() && bp.has_mac());
        prop_assert_eq!((bp.salt(), bp.iv(), bp.mac()), (salt, iv, mac));
        prop_assert_eq!(bp.fill(), u64::from(fill));
        // An object set's own MACs are elsewhere.
        let root = builder.object_type(DmuType::OBJSET).mac(mac).build().unwrap();
        prop_assert_eq!((root.mac(), root.has_mac()), ([0; 16], false));
    }

    #[test]
    fn bytes_of_either_order_read_back(words in any::<[u64; 16]>(), order in order()) {
        let bp = BlkPtr::from_words(words);
        prop_assert_eq!(BlkPtr::parse_in(&bp.to_bytes(order), order), bp);
        prop_assert_eq!(BlkPtr::parse(&bp.to_bytes(Order::Little)), bp);
        let block = [bp.to_bytes(Order::Big), bp.to_bytes(Order::Little)].concat();
        prop_assert_eq!(BlkPtr::at(&block, 1), Some(bp));
        prop_assert_eq!(BlkPtr::at(&block, 2), None);
        let _ = bp.check();
    }
}

#[test]
fn a_listed_pointer_says_where_and_when() {
    let all: [u64; 16] = core::array::from_fn(|i| i as u64 + 1);
    let of = |prop: u64| {
        let mut words = all;
        words[word::PROP] = prop;
        (words, *BlkPtr::from_words(words).listed().words())
    };
    let (mut want, found) = of(0);
    want[word::FILL] = 0;
    want[word::CHECKSUM..].fill(0);
    assert_eq!(found, want);
    let (mut want, found) = of(field::DEDUP.mask());
    want[word::FILL] = 0;
    assert_eq!(found, want);
    let (_, found) = of(field::EMBEDDED.mask());
    let mut want = [0; 16];
    (want[word::PROP], want[word::LOGICAL_BIRTH]) = (field::EMBEDDED.mask(), 11);
    assert_eq!(found, want);
}
