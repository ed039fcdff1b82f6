//! Lists whose bytes are not all in memory.

use super::*;
use proptest::collection::vec as vec_of;

/// Bytes of which a copy is given, of no more than was asked for.
struct Copies {
    all: Vec<u8>,
    /// Those that were asked for last.
    copy: Vec<u8>,
    /// Bytes from this one on cannot be read.
    lost: usize,
}

impl Copies {
    fn new(all: Vec<u8>) -> Self {
        Self { lost: all.len(), all, copy: Vec::new() }
    }
}

impl NvSource for Copies {
    fn size(&self) -> usize {
        self.all.len()
    }

    fn stretch(&mut self, offset: usize, len: usize) -> Result<&[u8], NvError> {
        assert!(len <= STRETCH, "{len} bytes at once");
        if offset + len > self.lost {
            return Err(NvError::Unread { offset });
        }
        self.copy = self.all[offset..][..len].to_vec();
        Ok(&self.copy)
    }
}

/// The list that a source has.
fn read(source: &mut impl NvSource) -> Result<NvList, NvError> {
    let mut builder = Builder::within(MAX_MEMORY);
    visit(source, &mut builder)?;
    Ok(builder.finish())
}

/// A list of values that are longer than a stretch.
fn long() -> NvList {
    let bytes: Vec<u8> = (1..=251).cycle().take(3 * STRETCH + 5).collect();
    let mut list = NvList::new();
    list.insert("bytes", NvValue::ByteArray(bytes.clone()));
    list.insert("unsigned", NvValue::Uint8Array(bytes.clone()));
    list.insert("text", NvValue::String(bytes.as_slice().into()));
    let texts = [bytes.as_slice().into(), "".into(), bytes[..STRETCH].into(), "end".into()];
    list.insert("texts", NvValue::StringArray(texts.to_vec()));
    list.insert("last", NvValue::Uint64(7));
    list
}

#[test]
fn long_values_are_read_in_stretches() {
    for encoding in Encoding::ALL {
        let mut source = Copies::new(long().encode(encoding).unwrap());
        assert!(read(&mut source).unwrap() == long(), "{encoding:?}");
    }
}

#[test]
fn a_nul_is_found_wherever_it_lies_in_a_string() {
    let mut list = NvList::new();
    list.insert("a", NvValue::String(vec![b'x'; 2 * STRETCH].as_slice().into()));
    let mut packed = list.encode(Encoding::Xdr).unwrap();
    let at = packed.len() - 20;
    packed[at] = 0;
    let error = read(&mut Copies::new(packed)).unwrap_err();
    let what = "byte in a string";
    assert_eq!(error, NvError::Invalid { offset: at, what, found: 0, expected: "not zero" });
}

#[test]
fn what_lies_behind_is_looked_at_to_its_end() {
    let packed = every_type().encode(Encoding::Native).unwrap();
    let end = packed.len() + 2 * STRETCH;
    let mut source = Copies::new(packed.clone());
    source.all.resize(end, 0);
    source.lost = end;
    assert_eq!(read(&mut source).unwrap(), every_type());
    *source.all.last_mut().unwrap() = 9;
    assert!(matches!(read(&mut source), Err(NvError::Invalid { found: 9, .. })));
    source.lost = packed.len() - 4;
    assert_eq!(read(&mut source), Err(NvError::Unread { offset: packed.len() - 4 }));
}

#[test]
fn pairs_of_one_name_are_each_told() {
    struct Names(Vec<String>);
    impl NvVisitor for Names {
        type Error = NvError;
        fn list(&mut self, _: u32, _: usize) -> Result<(), NvError> {
            Ok(())
        }
        fn list_end(&mut self) -> Result<(), NvError> {
            Ok(())
        }
        fn pair(&mut self, name: &str, _: NvType, _: usize, _: usize) -> Result<(), NvError> {
            self.0.push(name.into());
            Ok(())
        }
        fn element(&mut self, _: NvElement<'_>, _: usize) -> Result<(), NvError> {
            Ok(())
        }
        fn pair_end(&mut self) -> Result<(), NvError> {
            Ok(())
        }
    }
    for encoding in [Encoding::Native, Encoding::Xdr] {
        let list = of_pairs(vec![("a".into(), NvValue::Byte(1)), ("b".into(), NvValue::Byte(2))]);
        let mut packed = list.encode(encoding).unwrap();
        let b = packed.iter().position(|&byte| byte == b'b').unwrap();
        packed[b] = b'a';
        let mut names = Names(Vec::new());
        visit(&mut packed.as_slice(), &mut names).unwrap();
        assert_eq!(names.0, ["a", "a"]);
        let (read, _) = NvList::decode(&packed).unwrap();
        assert_eq!(read, of_pairs(vec![("a".into(), NvValue::Byte(2))]));
    }
}

proptest! {
    #[test]
    fn what_a_list_tells_is_the_list(list in lists(), encoding in encodings()) {
        let mut builder = Builder::within(MAX_MEMORY);
        list.visit(&mut builder)?;
        prop_assert_eq!(&builder.finish(), &list);
        let mut source = Copies::new(list.encode(encoding).unwrap());
        prop_assert_eq!(read(&mut source)?, list);
    }

    #[test]
    fn the_check_finds_what_reading_finds(
        list in lists(),
        encoding in encodings(),
        bits in vec_of(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut packed = list.encode(encoding).unwrap();
        for bit in bits {
            let bit = bit.index(packed.len() * 8);
            packed[bit / 8] ^= 1 << (bit % 8);
        }
        let checked = visit(&mut packed.as_slice(), &mut NvCheck);
        prop_assert_eq!(checked, NvList::decode(&packed).map(|(_, encoding)| encoding));
    }
}
