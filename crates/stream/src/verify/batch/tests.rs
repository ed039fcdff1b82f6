use super::OneByOne;
use crate::verify::checker::Checker;
use crate::verify::framer::Framer;
use crate::verify::tee::Tee;
use crate::verify::{Fault, Outcome, VerifyOptions, verify};
use std::io::Cursor;
use std::sync::Arc;
use zsend_records::Order;
use zsend_records::drr::{Begin, Body, End, Free, FreeObjects, MAGIC, Object, ReplayRecord, Write};
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::types::Checksum;
use zsend_records::writer::{OutHeader, Payload, RecordSink, StreamWriter};
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;

const GUID: u64 = 42;

/// A stream of two objects with three blocks each, and a list behind its BEGIN.
fn stream(order: Order) -> Vec<u8> {
    let mut list = NvList::new();
    list.insert("one", NvValue::Uint64(1));
    let list = list.encode(Encoding::Native).unwrap();
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.toguid) = (MAGIC.into(), GUID.into());
    (begin.versioninfo, begin.objset_type) = (1.into(), 2.into());
    begin.toname[..6].copy_from_slice(b"tank@a");
    let mut writer = StreamWriter::in_order(Vec::new(), order);
    let mut put = |record: ReplayRecord<LE>, payload: Vec<u8>| {
        writer.take(OutHeader::new(record).unwrap(), &Payload::new(payload)).unwrap();
    };
    let mut header = ReplayRecord::new(&begin);
    header.payloadlen = u32::try_from(list.len()).unwrap().into();
    put(header, list);
    for object in [1_u64, 2] {
        let mut made = Object::<LE>::new_zeroed();
        (made.object, made.object_type, made.toguid) = (object.into(), 19.into(), GUID.into());
        (made.blksz, made.dn_slots) = (512.into(), 1);
        put(record(&made), Vec::new());
        let mut free = Free::<LE>::new_zeroed();
        (free.object, free.toguid) = (object.into(), GUID.into());
        (free.offset, free.length) = (1536.into(), u64::MAX.into());
        put(record(&free), Vec::new());
        for block in 0..3_u8 {
            let mut write = Write::<LE>::new_zeroed();
            (write.object, write.object_type, write.toguid) =
                (object.into(), 19.into(), GUID.into());
            (write.offset, write.logical_size) = ((512 * u64::from(block)).into(), 512.into());
            write.checksumtype = Checksum::FLETCHER_4.0;
            put(record(&write), vec![block + 1; 512]);
        }
    }
    let mut none = FreeObjects::<LE>::new_zeroed();
    (none.firstobj, none.numobjs, none.toguid) = (3.into(), 29.into(), GUID.into());
    put(record(&none), Vec::new());
    let mut end = End::<LE>::new_zeroed();
    end.toguid = GUID.into();
    put(record(&end), Vec::new());
    writer.into_inner().unwrap()
}

fn record<B: Body<LE>>(body: &B) -> ReplayRecord<LE> {
    ReplayRecord::new(body)
}

/// The faults and the outcome of a stream that comes in pieces of this size.
fn in_pieces(stream: &[u8], size: usize, options: &VerifyOptions) -> (Vec<Fault>, Outcome) {
    let mut faults = Vec::new();
    let mut checker = Checker::new("a".into(), options, &mut faults, Tee::new(None));
    let mut records = OneByOne::new(Framer::new(Arc::default()), &mut checker);
    let _ = stream.chunks(size).all(|piece| records.goes_on(piece));
    records.finish(Ok(())).unwrap();
    let outcome = checker.outcome();
    (faults, outcome)
}

/// The same of a stream in batches, which look at payloads too.
fn in_batches(stream: &[u8], options: &VerifyOptions) -> (Vec<Fault>, Outcome) {
    let mut faults = Vec::new();
    let options = options.clone().with_quick(false);
    let outcome = verify("a", Cursor::new(stream.to_vec()), &options, &mut faults).unwrap();
    (faults, outcome)
}

/// The stream whole, cut, with a byte changed, and with bytes between its records.
fn damaged(whole: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![whole.to_vec()];
    all.extend((0..whole.len()).step_by(37).map(|len| whole[..len].to_vec()));
    all.extend((0..whole.len()).step_by(31).map(|at| {
        let mut changed = whole.to_vec();
        changed[at] ^= 0x81;
        changed
    }));
    for junk in [1, 8, 311, 312, 313, 4095, 4096, 4096 - 312, 9000] {
        // Behind the first OBJECT, and before END.
        for at in [whole.len() - 312, 312 + (whole.len() - 312) / 2 / 8 * 8] {
            let (head, tail) = whole.split_at(at);
            all.push([head, &vec![0xa5; junk], tail].concat());
        }
    }
    all
}

#[test]
fn where_a_piece_ends_is_of_no_matter() {
    for order in [Order::Little, Order::Big] {
        let whole = stream(order);
        let options = VerifyOptions::default().with_quick(true).with_all_faults(true);
        let (faults, outcome) = in_pieces(&whole, whole.len(), &options);
        assert_eq!((faults.len(), outcome.records), (0, 13), "{faults:?}");
        for stream in damaged(&whole) {
            for all_faults in [true, false] {
                let options = options.clone().with_all_faults(all_faults);
                let right = in_pieces(&stream, usize::MAX, &options);
                for size in [1, 7, 313, 4095] {
                    let found = in_pieces(&stream, size, &options);
                    assert_eq!(found, right, "{order:?}, {} bytes by {size}", stream.len());
                }
                assert_eq!(in_batches(&stream, &options), right, "{order:?}, {}", stream.len());
            }
        }
    }
}
