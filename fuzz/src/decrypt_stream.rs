//! Raw streams to be decrypted: any bytes, as they are and with every checksum mended; and a stream of a fixture whose
//! records are changed, doubled and left out, as the bytes say.
//!
//! There is an answer, the same each time. What comes out is read again, has nothing that only raw streams have, and
//! decrypting it changes nothing.

use std::io::Cursor;
use std::sync::OnceLock;
use zerocopy::IntoBytes;
use zerocopy::byteorder::LE;
use zsend_records::drr::{Begin, RecordType};
use zsend_records::flags::Features;
use zsend_records::nvlist::NvList;
use zsend_records::reader::{Options, SliceReader, StreamRecord};
use zsend_stream::change::{Given, Source, Verb, change};
use zsend_testkit::damage::{reseal, stamp};

/// The stream that is changed, and the encryption root that its key is of.
const STREAM: &str = "becrypt-full-root-zpl-c-w-xdr.zsend.zst";
const ROOT: &str = "becrypt/root";
const KEY: &str = "keys/raw";
/// Most iterations of PBKDF2 that an input may ask for: more only take time.
const ITERATIONS: u64 = 1000;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    judge(bytes);
    if let Ok(mended) = reseal(bytes) {
        judge(&mended);
    }
    judge(&edited(bytes));
}

fn judge(stream: &[u8]) {
    if asks_for_too_much(stream) {
        return;
    }
    let (out, error) = decrypted(stream);
    let (again, same) = decrypted(stream);
    assert_eq!((&out, &error), (&again, &same));
    let records = read(&out);
    for record in &records {
        assert_ne!(record.header.record_type(), RecordType::OBJECT_RANGE);
        if let Some(begin) = record.header.body_as::<Begin<LE>>() {
            assert!(!begin.features().contains(Features::RAW));
        }
    }
    if error.is_none() {
        assert_eq!(decrypted(&out), (out, None));
    }
}

/// The stream that comes of one, and the error behind it.
fn decrypted(stream: &[u8]) -> (Vec<u8>, Option<String>) {
    let mut given = Given::default();
    given.keys.push((ROOT.to_owned(), seed().1.clone().into()));
    let verb = Verb::named("decrypt").expect("it is in the table");
    let step = (verb.make)(&given).expect("a key is given");
    let source = Source::of_reader("in", Cursor::new(stream.to_vec())).expect("threads start");
    let mut out = Vec::new();
    let done = change(vec![source], vec![step], &mut out, |_| {});
    (out, done.err().map(|error| error.to_string()))
}

fn read(stream: &[u8]) -> Vec<StreamRecord> {
    // No bytes at all are no stream.
    if stream.is_empty() {
        return Vec::new();
    }
    let options = Options::new().with_missing_end(true).with_concatenated(true);
    let records = SliceReader::with_options(stream.to_vec().into(), options);
    records.map(|record| record.expect("what was written is a stream")).collect()
}

/// Records of the stream that is changed, and the key.
fn seed() -> &'static (Vec<StreamRecord>, Vec<u8>) {
    static SEED: OnceLock<(Vec<StreamRecord>, Vec<u8>)> = OnceLock::new();
    SEED.get_or_init(|| {
        let mut stream = Vec::new();
        let folder = zsend_testkit::fixture("streams");
        zsend_testkit::stored::each(&folder, |name, source| {
            if name == STREAM {
                source.read_to_end(&mut stream).map_err(|e| e.to_string())?;
            }
            Ok(())
        })
        .expect("the fixture is there");
        let key = std::fs::read(zsend_testkit::fixture("becrypt").join(KEY));
        (read(&stream), key.expect("the fixture is there"))
    })
}

/// The stream of the fixture, changed by six bytes at a time: what is done to which record, where, and with what.
fn edited(bytes: &[u8]) -> Vec<u8> {
    let mut records = seed().0.clone();
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

/// Returns true if a BEGIN asks for more iterations of PBKDF2 than a fuzzer has time for.
fn asks_for_too_much(stream: &[u8]) -> bool {
    let options = Options::new().with_verify(false).with_missing_end(true).with_concatenated(true);
    let records = SliceReader::with_options(stream.to_vec().into(), options).map_while(Result::ok);
    let mut lists = records
        .filter(|record| record.frame.record_type() == RecordType::BEGIN)
        .filter_map(|record| NvList::decode_prefix(&record.payload).ok());
    lists.any(|(list, ..)| {
        let keys = list.list("crypt_keydata");
        keys.and_then(|keys| keys.u64("pbkdf2iters")).is_some_and(|found| found > ITERATIONS)
    })
}
