use super::*;
use crate::outline::outline;
use zsend_records::drr::{Begin, MAGIC, ReplayRecord};
use zsend_records::flags::{BeginFlags, Features, HeaderType, VersionInfo};
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::writer::StreamWriter;
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;

/// A stream to be made.
#[derive(Clone)]
struct Made {
    name: &'static str,
    from: u64,
    to: u64,
    features: Features,
    flags: BeginFlags,
    list: NvList,
    is_cut: bool,
}

fn made(name: &'static str, from: u64, to: u64) -> Made {
    let (features, flags) = (Features::empty(), BeginFlags::empty());
    Made { name, from, to, features, flags, list: NvList::new(), is_cut: false }
}

impl Made {
    fn raw(mut self, key: u64, from_ivset: u64, to_ivset: u64) -> Self {
        let mut keys = NvList::new();
        let mut add = |name: &str, value| keys.insert(name, NvValue::Uint64(value));
        add("DSL_CRYPTO_GUID", key);
        add("from_ivset_guid", from_ivset);
        add("to_ivset_guid", to_ivset);
        self.list.insert("crypt_keydata", NvValue::List(keys));
        self.features |= Features::RAW;
        self
    }

    fn resumed(self) -> Self {
        self.resumed_at(1, 0)
    }

    fn resumed_at(mut self, object: u64, offset: u64) -> Self {
        self.list.insert("resume_object", NvValue::Uint64(object));
        self.list.insert("resume_offset", NvValue::Uint64(offset));
        self.features |= Features::RESUMING;
        self
    }

    /// Redacted by snapshots.
    fn redacted(mut self, by: &[u64]) -> Self {
        self.list.insert("redact_snaps", NvValue::Uint64Array(by.to_vec()));
        self.features |= Features::REDACTED;
        self
    }

    /// From a bookmark of a redaction.
    fn starting_from_redaction(mut self, by: &[u64]) -> Self {
        self.list.insert("redact_from_snaps", NvValue::Uint64Array(by.to_vec()));
        self
    }

    fn cut(self) -> Self {
        Self { is_cut: true, ..self }
    }

    fn large(mut self) -> Self {
        self.features |= Features::LARGE_BLOCKS;
        self
    }

    fn clone_of(mut self) -> Self {
        self.flags |= BeginFlags::CLONE;
        self
    }

    fn read(&self) -> Outline {
        let mut begin = Begin::<LE>::new_zeroed();
        begin.magic = MAGIC.into();
        begin.versioninfo = VersionInfo::new(HeaderType::SUBSTREAM, self.features).0.into();
        begin.flags = self.flags.bits().into();
        (begin.fromguid, begin.toguid) = (self.from.into(), self.to.into());
        begin.toname[..self.name.len()].copy_from_slice(self.name.as_bytes());
        let mut payload = Vec::new();
        if !self.list.is_empty() {
            payload = self.list.encode(Encoding::Native).unwrap();
        }
        let mut record = ReplayRecord::new(&begin);
        record.payloadlen = u32::try_from(payload.len()).unwrap().into();
        let mut writer = StreamWriter::new(Vec::new());
        writer.record(record, &payload).unwrap();
        if !self.is_cut {
            writer.end(self.to).unwrap();
        }
        outline(self.name, &writer.into_inner().unwrap()[..]).unwrap()
    }
}

fn chain(made: &[Made]) -> ChainReport {
    ChainReport::of(made.iter().map(Made::read).collect(), &[], &BTreeMap::new())
}

/// Snapshots that are received, in order.
fn received(chain: &ChainReport) -> Vec<&str> {
    let taken = chain.steps.iter().filter(|step| matches!(step.fate, Fate::Received | Fate::Cut));
    taken.map(|step| &*step.file).collect()
}

fn rules(chain: &ChainReport) -> Vec<(&str, &str)> {
    chain.faults.iter().map(|fault| (&*fault.file, fault.wrong.rule())).collect()
}

#[test]
fn streams_are_put_behind_what_they_start_from() {
    let all = [made("t/a@3", 2, 3), made("t/a@2", 1, 2), made("t/a@1", 0, 1)];
    let found = chain(&all);
    assert_eq!(received(&found), ["t/a@1", "t/a@2", "t/a@3"]);
    assert_eq!((found.verdict(), found.faults.len()), (ChainVerdict::Whole, 0));
}

#[test]
fn what_is_missing_is_named_and_so_is_what_stands_on_it() {
    let found = chain(&[made("t/a@1", 0, 1), made("t/a@3", 2, 3), made("t/a@4", 3, 4)]);
    assert_eq!(received(&found), ["t/a@1"]);
    assert_eq!(rules(&found), [("t/a@3", "no-base"), ("t/a@4", "broken-base")]);
    assert_eq!(found.verdict(), ChainVerdict::Broken);
    let wrong = &found.faults[0].wrong;
    assert!(
        wrong.to_string().contains("guid 2), which no stream")
            || wrong.to_string().contains("of guid 2,")
    );
    // What the receiver has is not missing, and a name that is known is told.
    let outlines = || vec![made("t/a@3", 2, 3).read()];
    let names = BTreeMap::from([(2, "t/a@2".to_owned())]);
    assert_eq!(ChainReport::of(outlines(), &[2], &names).verdict(), ChainVerdict::Whole);
    let found = ChainReport::of(outlines(), &[], &names);
    let text = found.faults[0].to_string();
    assert_eq!(
        text,
        "t/a@3: byte 0, t/a@3: no-base: it starts from t/a@2 (guid 2), which no stream brings"
    );
}

#[test]
fn a_fork_is_broken_and_a_clone_is_none() {
    let base = made("t/a@1", 0, 1);
    let found = chain(&[base.clone(), made("t/a@2", 1, 2), made("t/a@x", 1, 9)]);
    assert_eq!(rules(&found), [("t/a@x", "fork")]);
    assert!(found.faults[0].wrong.to_string().contains("from t/a@1, as the stream of t/a@2"));
    let found = chain(&[base, made("t/a@2", 1, 2), made("t/c@x", 1, 9).clone_of()]);
    assert_eq!(found.verdict(), ChainVerdict::Whole);
    assert_eq!(received(&found).len(), 3);
}

#[test]
fn what_comes_twice_is_taken_once_and_an_increment_goes_before_a_full_stream() {
    let full = made("t/a@2", 0, 2);
    let found = chain(&[full, made("t/a@1", 0, 1), made("t/a@2", 1, 2), made("t/a@3", 2, 3)]);
    let fates: Vec<_> = found.steps.iter().map(|step| step.fate.word()).collect();
    assert_eq!(fates, ["received", "received", "received", "again"]);
    assert_eq!(found.steps[1].streams[0].fromguid, 1);
    assert_eq!(found.verdict(), ChainVerdict::Whole);
}

#[test]
fn an_increment_without_its_base_is_not_missed_if_a_full_stream_has_its_snapshot() {
    let found = chain(&[made("t/a@2", 1, 2), made("t/a@2", 0, 2), made("t/a@3", 2, 3)]);
    let fates: Vec<_> = found.steps.iter().map(|step| step.fate.word()).collect();
    assert_eq!(
        (fates, found.verdict()),
        (vec!["received", "received", "again"], ChainVerdict::Whole)
    );
}

#[test]
fn raw_streams_hold_together_by_keys_and_sets_of_ivs() {
    let base = made("t/a@1", 0, 1).raw(7, 0, 11);
    let next = |made: Made| chain(&[base.clone(), made]);
    let right = made("t/a@2", 1, 2);
    assert_eq!(next(right.clone().raw(7, 11, 12)).verdict(), ChainVerdict::Whole);
    assert_eq!(rules(&next(right.clone().raw(7, 10, 12))), [("t/a@2", "ivset")]);
    assert_eq!(rules(&next(right.clone().raw(8, 11, 12))), [("t/a@2", "key-guid")]);
    assert_eq!(rules(&next(right.clone())), [("t/a@2", "plain-on-raw")]);
    let found = chain(&[made("t/a@1", 0, 1), right.raw(7, 11, 12)]);
    assert_eq!(rules(&found), [("t/a@2", "raw-on-plain")]);
}

#[test]
fn large_blocks_are_not_split_by_an_increment() {
    let found = chain(&[made("t/a@1", 0, 1).large(), made("t/a@2", 1, 2)]);
    assert_eq!(rules(&found), [("t/a@2", "large-blocks")]);
    let found = chain(&[made("t/a@1", 0, 1), made("t/a@2", 1, 2).large()]);
    assert_eq!(found.verdict(), ChainVerdict::Whole);
}

/// Fates of all inputs, in the order of their steps.
fn fates(chain: &ChainReport) -> Vec<(&str, &str)> {
    chain.steps.iter().map(|step| (&*step.file, step.fate.word())).collect()
}

#[test]
fn a_redacted_stream_is_less_than_a_whole_one() {
    let whole = made("t/a@1", 0, 1);
    let redacted = whole.clone().redacted(&[7]);
    for all in [[redacted.clone(), whole.clone()], [whole, redacted.clone()]] {
        let found = chain(&all);
        let is_redacted: Vec<_> = found.steps.iter().map(|s| s.streams[0].is_redacted()).collect();
        assert_eq!(is_redacted, [false, true]);
        assert_eq!(fates(&found), [("t/a@1", "received"), ("t/a@1", "again")]);
    }
    // A whole increment is not again because a redacted one was received.
    let base = made("t/a@1", 0, 1);
    let package = made("t/a@2", 1, 2);
    let found = chain(&[base, package.clone().redacted(&[7]), package]);
    assert_eq!(found.verdict(), ChainVerdict::Whole);
    assert!(!found.steps[1].streams[0].is_redacted());
}

#[test]
fn a_dataset_is_begun_once() {
    let (first, second) = (made("t/a@1", 0, 1), made("t/a@2", 0, 2));
    let found = chain(&[first.clone(), second, made("t/b@2", 0, 3)]);
    assert_eq!(rules(&found), [("t/a@2", "second-full")]);
    assert_eq!((received(&found), found.verdict()), (vec!["t/a@1", "t/b@2"], ChainVerdict::Broken));
    // The same snapshot once more is not needed, and a clone begins a dataset, too.
    let found = chain(&[first.clone(), first.clone(), made("t/a@9", 1, 9).clone_of()]);
    assert_eq!(rules(&found), [("t/a@9", "second-full")]);
    assert!(fates(&found).contains(&("t/a@1", "again")));
}

/// Every order of four streams or less.
fn orders(all: &[Made]) -> Vec<Vec<Made>> {
    if all.is_empty() {
        return vec![Vec::new()];
    }
    let without = |at: usize| [&all[..at], &all[at + 1..]].concat();
    let with = |at: usize| orders(&without(at)).into_iter().map(move |rest| (at, rest));
    let longer = |(at, rest): (usize, Vec<Made>)| [vec![all[at].clone()], rest].concat();
    (0..all.len()).flat_map(with).map(longer).collect()
}

#[test]
fn a_whole_stream_goes_before_a_cut_one_in_any_order() {
    let full = made("t/a@1", 0, 1);
    for all in orders(&[full.clone(), full.cut(), made("t/a@2", 1, 2)]) {
        let found = chain(&all);
        let expected = [("t/a@1", "received"), ("t/a@2", "received"), ("t/a@1", "again")];
        assert_eq!((&fates(&found)[..], found.verdict()), (&expected[..], ChainVerdict::Whole));
    }
}

#[test]
fn of_several_streams_of_a_snapshot_the_one_that_others_fit_is_taken() {
    let full = made("t/a@1", 0, 1);
    let large = full.clone().large();
    let next = [made("t/a@2", 1, 2), made("t/a@2", 1, 2).raw(7, 11, 12)];
    let all = [
        [full.clone(), large, next[0].clone()],
        [full.clone(), full.raw(7, 0, 11), next[1].clone()],
    ];
    for all in all.iter().flat_map(|all| orders(all)) {
        let found = chain(&all);
        assert_eq!(received(&found), ["t/a@1", "t/a@2"]);
        assert_eq!(found.verdict(), ChainVerdict::Whole, "{:?}", found.faults);
    }
}

#[test]
fn a_fork_goes_where_most_snapshots_are() {
    let all = [made("t/a@1", 0, 1), made("t/a@2", 1, 2), made("t/a@3", 2, 3), made("t/a@4", 1, 3)];
    for all in orders(&all) {
        let found = chain(&all);
        assert_eq!(received(&found), ["t/a@1", "t/a@2", "t/a@3"]);
        assert_eq!((found.verdict(), found.faults.len()), (ChainVerdict::Whole, 0));
        assert_eq!(fates(&found)[3], ("t/a@4", "again"));
    }
    // Guids in a circle end.
    let found = chain(&[made("t/a@1", 2, 1), made("t/a@2", 1, 2)]);
    assert_eq!(rules(&found), [("t/a@1", "broken-base"), ("t/a@2", "broken-base")]);
}

#[test]
fn a_dataset_above_goes_first() {
    let found = chain(&[made("t/a/b@1", 0, 3), made("t/a@1", 0, 2), made("t@1", 0, 1)]);
    assert_eq!(received(&found), ["t@1", "t/a@1", "t/a/b@1"]);
}

#[test]
fn an_increment_fits_the_redaction_of_its_base() {
    let base = made("t/a@1", 0, 1).redacted(&[7, 8]);
    let next = |made: Made| rules(&chain(&[base.clone(), made])).len();
    let plain = made("t/a@2", 1, 2);
    assert_eq!(rules(&chain(&[base.clone(), plain.clone()])), [("t/a@2", "redacted")]);
    assert_eq!(next(plain.clone().starting_from_redaction(&[7])), 0);
    assert_eq!(next(plain.clone().starting_from_redaction(&[7, 9])), 1);
    assert_eq!(next(plain.clone().redacted(&[8])), 0);
    assert_eq!(next(plain.redacted(&[9])), 1);
    assert_eq!(next(made("t/a@7", 1, 7)), 0);
}

#[test]
fn a_cut_stream_is_gone_on_with() {
    let (cut, rest) = (made("t/a@1", 0, 1).cut(), made("t/a@1", 0, 1).resumed());
    let found = chain(&[rest.clone(), made("t/a@2", 1, 2), cut.clone()]);
    let fates: Vec<_> = found.steps.iter().map(|step| step.fate.word()).collect();
    assert_eq!(
        (fates, found.verdict()),
        (vec!["cut", "received", "received"], ChainVerdict::Whole)
    );
    assert_eq!(chain(&[cut]).verdict(), ChainVerdict::Cut);
    assert_eq!(rules(&chain(&[rest])), [("t/a@1", "no-beginning")]);
}

#[test]
fn a_rest_fits_its_beginning() {
    let cut = made("t/a@1", 0, 1).cut();
    let next = |rest: Made| rules(&chain(&[cut.clone(), rest])).len();
    assert_eq!(next(made("t/a@1", 0, 1).resumed()), 0);
    let found = chain(&[cut.clone(), made("t/a@1", 0, 1).resumed_at(5, 0)]);
    assert_eq!(rules(&found), [("t/a@1", "gap")]);
    let found = chain(&[cut.clone(), made("t/a@1", 0, 1).raw(7, 0, 11).resumed()]);
    assert_eq!(rules(&found), [("t/a@1", "other-beginning")]);
    let found = chain(&[made("t/b@0", 0, 9), cut.clone(), made("t/a@1", 9, 1).resumed()]);
    assert!(rules(&found).contains(&("t/a@1", "other-beginning")), "{:?}", found.faults);
}

#[test]
fn what_has_no_stream_is_no_cut_one() {
    for bytes in [&b""[..], b"a note"] {
        let found = ChainReport::of(vec![outline("note", bytes).unwrap()], &[], &BTreeMap::new());
        assert_eq!(fates(&found), [("note", "no-stream")]);
        assert_eq!(found.verdict(), ChainVerdict::Damaged);
    }
    // There is no verdict on what was not read.
    let found = chain(&[made("t/a@1", 0, 1)]);
    let verdict = |unread| -> serde_json::Value {
        serde_json::from_str(&verdict_json(&found, unread)).unwrap()
    };
    assert_eq!(
        (&verdict(0)["verdict"], &verdict(1)["verdict"]),
        (&"whole".into(), &"unread".into())
    );
}

#[test]
fn a_damaged_header_is_told_apart() {
    let outline = outline("junk", &[1; 400][..]).unwrap();
    let found = ChainReport::of(vec![outline, made("t/a@1", 0, 1).read()], &[], &BTreeMap::new());
    assert_eq!(found.verdict(), ChainVerdict::Damaged);
    assert_eq!(received(&found), ["t/a@1"]);
    let line: serde_json::Value = serde_json::from_str(&step_json(&found.steps[1])).unwrap();
    assert_eq!((&line["file"], &line["fate"]), (&"junk".into(), &"damaged".into()));
    assert!(line["damage"].is_string());
}
