//! A raw stream of a fixture with its key, and streams of which records are changed, doubled and left out.

use std::io::Cursor;
use std::sync::OnceLock;
use zerocopy::IntoBytes;
use zsend_records::reader::{ReaderOptions, SliceReader, StreamRecord};
use zsend_stream::change::{ChangeInput, Given, Verb, change};
use zsend_testkit::damage::stamp;

/// The stream that is changed, and the encryption root that its key is of.
const STREAM: &str = "becrypt-full-root-zpl-c-w-xdr.zsend.zst";
const ROOT: &str = "becrypt/root";
const KEY: &str = "keys/raw";

/// Stream that a step with the key makes of one, and the error behind it.
pub(crate) fn with_key(step: &str, stream: &[u8]) -> (Vec<u8>, Option<String>) {
    let mut given = Given::default();
    given.keys.push((ROOT.to_owned(), seed().1.clone().into()));
    let verb = Verb::named(step).expect("it is in the table");
    let step = (verb.make)(&given).expect("a key is given");
    let source = ChangeInput::of_reader("in", Cursor::new(stream.to_vec()));
    let mut out = Vec::new();
    let done = change(vec![source], vec![step], &mut out, |_| {});
    (out, done.err().map(|error| error.to_string()))
}

/// Records of a stream that we wrote.
pub(crate) fn read(stream: &[u8]) -> Vec<StreamRecord> {
    // No bytes at all are no stream.
    if stream.is_empty() {
        return Vec::new();
    }
    let options = ReaderOptions::new().with_missing_end(true).with_concatenated(true);
    let records = SliceReader::with_options(stream.to_vec().into(), options);
    records.map(|record| record.expect("what was written is a stream")).collect()
}

/// Records of the raw stream, and its key.
pub(crate) fn seed() -> &'static (Vec<StreamRecord>, Vec<u8>) {
    static SEED: OnceLock<(Vec<StreamRecord>, Vec<u8>)> = OnceLock::new();
    SEED.get_or_init(|| {
        let key = std::fs::read(zsend_testkit::fixture("becrypt").join(KEY));
        (fixture(STREAM), key.expect("the fixture is there"))
    })
}

/// Records of the stream that the raw one decrypts to.
pub(crate) fn decrypted() -> Vec<StreamRecord> {
    let (out, error) = with_key("decrypt", &stamp(&seed().0, false));
    assert_eq!(error, None);
    read(&out)
}

/// Records of a stream among the fixtures.
pub(crate) fn fixture(wanted: &str) -> Vec<StreamRecord> {
    let mut stream = Vec::new();
    let folder = zsend_testkit::fixture("streams");
    zsend_testkit::stored::each(&folder, |name, source| {
        if name == wanted {
            source.read_to_end(&mut stream).map_err(|e| e.to_string())?;
        }
        Ok(())
    })
    .expect("the fixtures are there");
    assert!(!stream.is_empty(), "{wanted} is there");
    read(&stream)
}

/// Records of a stream, changed by six bytes at a time: what is done to which record, where, and with what.
pub(crate) fn edited(records: &[StreamRecord], bytes: &[u8]) -> Vec<u8> {
    let mut records = records.to_vec();
    for edit in bytes.as_chunks::<6>().0.iter().take(32) {
        let [what, record, low, high, value, _] = *edit;
        let at = usize::from(record) % records.len();
        let place = usize::from(u16::from_le_bytes([low, high]));
        match what % 8 {
            0..=3 => {
                let field = &records[at].frame.description.fields;
                let field = &field[place % field.len()];
                let byte = field.offset + usize::from(value >> 3) % field.width.max(1);
                records[at].header.as_mut_bytes()[byte] ^= 1 << (value & 7);
            }
            4 | 5 => {
                let mut payload = records[at].payload.to_vec();
                if let Some(byte) = payload.get_mut(place) {
                    *byte ^= value | 1;
                }
                records[at].payload = payload.into();
            }
            6 => {
                if records.len() > 1 {
                    records.remove(at);
                }
            }
            _ => {
                let record = records[at].clone();
                let to = place % records.len();
                records.insert(to, record);
            }
        }
    }
    stamp(&records, false)
}
