//! Lists that are read are packed again to the same bytes, and those that nobody could read are not packed.

use super::*;

const FLAGS: [u32; 5] = [0, 1, 2, 3, 0x8000_0010];

/// Lists in every place that one can lie in, each with other flags.
fn with_flags() -> NvList {
    let list = |at: usize| NvList::with_flags(FLAGS[at]);
    let mut inner = list(0);
    inner.insert("x", NvValue::Uint64(1));
    inner.insert("deeper", NvValue::List(list(2)));
    let mut outer = list(4);
    outer.insert("one", NvValue::List(inner.clone()));
    outer.insert("all", NvValue::ListArray(vec![list(3), inner, list(1)]));
    outer
}

#[test]
fn flags_of_every_list_are_read_and_packed() {
    let list = with_flags();
    for encoding in [Encoding::Native, Encoding::NativeBig, Encoding::Xdr, Encoding::XdrBig] {
        let packed = list.encode(encoding).unwrap();
        let (read, found) = NvList::decode(&packed).unwrap();
        assert_eq!((&read, found), (&list, encoding));
        assert_eq!(read.flags(), FLAGS[4]);
        let lists = read.list_array("all").unwrap();
        assert_eq!(lists.iter().map(NvList::flags).collect::<Vec<_>>(), [3, 0, 1]);
        assert_eq!(lists[1].list("deeper").map(NvList::flags), Some(2));
        assert_eq!(read.encode(encoding).unwrap(), packed);
    }
}

#[test]
fn a_list_in_an_array_of_another_version_is_refused() {
    let mut list = NvList::new();
    list.insert("a", NvValue::ListArray(vec![NvList::new()]));
    for encoding in [Encoding::Native, Encoding::Xdr] {
        let mut packed = list.encode(encoding).unwrap();
        // The head of the list that lies in the array: behind it is its end, and that of the other.
        let ends = if encoding.is_xdr() { 8 + 8 } else { 16 + 4 + 4 };
        let at = packed.len() - ends - 8;
        assert_eq!(packed[at..at + 8].iter().sum::<u8>(), 1);
        packed[at] = 1;
        let error = NvList::decode(&packed).unwrap_err().to_string();
        assert!(error.contains("nvlist version is"), "{error}");
    }
}

#[test]
fn what_nobody_could_read_is_not_packed() {
    for encoding in Encoding::ALL {
        let mut list = NvList::new();
        list.insert("n".repeat(MAX_NAME), NvValue::Boolean);
        let packed = list.encode(encoding).unwrap();
        assert_eq!(NvList::decode(&packed).unwrap().0, list);
        let mut outer = NvList::new();
        outer.insert("n".repeat(MAX_NAME + 1), NvValue::Boolean);
        outer.insert("other", NvValue::List(list));
        let error = outer.encode(encoding).unwrap_err().to_string();
        let expected = "nvlist: length of a name is 32767, expected at most 32766, so the list cannot be packed";
        assert_eq!(error, expected);
    }
}

#[test]
fn sizes_end_where_a_c_int_does() {
    let mut packed = Packed { bytes: Vec::new(), fault: None };
    assert_eq!((packed.int(i32::MAX as usize, "size"), &packed.fault), (i32::MAX, &None));
    packed.int(i32::MAX as usize + 1, "size of a pair");
    packed.int(usize::MAX, "later");
    let fault = packed.fault.unwrap().to_string();
    let expected = "nvlist: size of a pair is 2147483648, expected at most 2147483647, so the list cannot be packed";
    assert_eq!(fault, expected);
}
