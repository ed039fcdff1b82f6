//! Sends from redaction bookmarks that are cut and gone on with.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

use support::Cut;
use zsend_encoder::encoder::Encoder;
use zsend_pool::Pool;
use zsend_records::drr::RecordType;
use zsend_records::flags::Features;
use zsend_records::reader::StreamReader;
use zsend_traverse::{
    CancelToken, Notice, Progress, ResumePosition, ResumeRefusal, SendError, SendOptions, SendPlan,
};

fn pool() -> Pool {
    support::pool("bredact")
}

/// Progress to the start of object 2.
fn at_object_2() -> Progress {
    let mut progress = Progress::default();
    progress.position = ResumePosition::new(2, 0);
    progress
}

/// The records of a stream: their types, and the bytes of their payloads.
fn records(stream: &[u8]) -> Vec<(RecordType, Vec<u8>)> {
    let records = StreamReader::new(stream).map(Result::unwrap);
    records.map(|r| (r.frame.record_type(), r.payload.to_vec())).collect()
}

/// The records from the first block of data on.
fn data(stream: &[u8]) -> Vec<(RecordType, Vec<u8>)> {
    records(stream).into_iter().skip_while(|(kind, _)| *kind != RecordType::WRITE).collect()
}

fn written(plan: &SendPlan<'_>) -> Vec<u8> {
    let mut stream = Vec::new();
    plan.write(&mut stream, &CancelToken::default(), |_| {}).unwrap();
    assert_eq!(plan.exact_size(&CancelToken::default()).unwrap().bytes(), stream.len() as u64);
    stream
}

/// The token that a cut leaves, wherever it is, finds the same bookmark among those of one snapshot, and
/// what it brings is the rest: no listed block twice, none lost.
#[test]
fn a_send_from_a_redaction_bookmark_goes_on_where_it_was_cut() {
    let pool = pool();
    for (book, to) in [("book", "b"), ("book", "a"), ("book2", "b"), ("book2", "a"), ("plain", "b")]
    {
        let (book, to) = (format!("bredact/fs#{book}"), format!("bredact/fs@{to}"));
        let Ok(plan) = SendPlan::by_name(&pool, &to, Some(&book), SendOptions::default()) else {
            panic!("{book} to {to}");
        };
        let whole = written(&plan);
        let rest_of_whole = data(&whole);
        let count = records(&whole).len() as u64;
        for cut in 3..count {
            let (mut last, cancel) = (Progress::default(), CancelToken::default());
            let mut stream = Vec::new();
            let sink = Cut::after(cut, &mut stream, &cancel);
            let ended = plan.write_to(Encoder::new(plan.params(), sink), &cancel, |notice| {
                if let Notice::Progress(progress) = notice {
                    last = progress;
                }
            });
            assert!(ended.is_ok() || matches!(ended, Err(SendError::Cancelled)));
            assert!(whole.starts_with(&stream));
            if last.position.is_none() {
                continue;
            }
            let token = plan.token_at(&last);
            let resumed = SendPlan::by_token(&pool, &token, SendOptions::default()).unwrap();
            // Of two bookmarks that are not redacted either will do.
            if !book.ends_with("plain") {
                assert_eq!(resumed.incremental_source().unwrap().name, book);
            }
            let rest = data(&written(&resumed));
            assert!(rest_of_whole.ends_with(&rest), "{book} to {to}, cut after {cut} records");
        }
    }
}

#[test]
fn the_redacted_go_on_as_they_are() {
    let pool = pool();
    let plan =
        SendPlan::by_name(&pool, "bredact/rx@b", Some("bredact/rx@a"), SendOptions::default());
    let plan = plan.unwrap();
    let token = plan.token_at(&at_object_2());
    assert!(token.redact_snaps.is_none() && token.book_redact_snaps.is_some());
    let resumed = SendPlan::by_token(&pool, &token, SendOptions::default()).unwrap();
    assert_eq!(resumed.incremental_source().unwrap().name, "bredact/rx@a");
    let plan = SendPlan::by_name(&pool, "bredact/rx@a", None, SendOptions::default()).unwrap();
    let mut token = plan.token_at(&at_object_2());
    assert!(SendPlan::by_token(&pool, &token, SendOptions::default()).is_ok());
    token.redact_snaps = Some(vec![1]);
    let refused = SendPlan::by_token(&pool, &token, SendOptions::default());
    assert!(matches!(refused, Err(SendError::CannotResume(ResumeRefusal::NoRedactBook))));
}

/// A send that a bookmark redacts is gone on with by the bookmark that was made for the same snapshots.
#[test]
fn a_redacted_send_is_gone_on_with() {
    let pool = pool();
    let head = pool.head("bredact/fs").unwrap();
    let snapshots = pool.snapshots(&head).unwrap().split().0;
    let mut resumed_by = 0;
    for (name, book) in pool.bookmarks(&head).unwrap().split().0 {
        let of = snapshots.iter().find(|(_, s)| s.guid == book.guid);
        let (Some((short, _)), true) = (of, book.redaction_obj != 0) else { continue };
        let to = format!("bredact/fs@{short}");
        let plan = SendPlan::by_name(&pool, &to, None, SendOptions::default()).unwrap();
        let all = written(&plan);
        let plan = plan.redacted(&format!("any#{name}")).unwrap();
        let (whole, token) = (written(&plan), plan.token_at(&at_object_2()));
        assert!(records(&whole).iter().any(|(kind, _)| *kind == RecordType::REDACT), "{name}");
        assert!(whole.len() < all.len());
        let resumed = SendPlan::by_token(&pool, &token, SendOptions::default()).unwrap();
        assert!(resumed.features().contains(Features::REDACTED));
        let rest = records(&written(&resumed));
        // Behind BEGIN, and before END, whose payload is empty too.
        assert!(records(&whole).ends_with(&rest[1..]), "{name}");
        resumed_by += 1;
    }
    assert!(resumed_by > 1, "{resumed_by}");
}

#[test]
fn a_snapshot_is_found_by_its_guid_under_another_name() {
    let pool = pool();
    let plan = SendPlan::by_name(&pool, "bredact/fs@b", None, SendOptions::default()).unwrap();
    let mut token = plan.token_at(&at_object_2());
    for name in ["bredact/fs@renamed", "bredact/gone@b", "bredact/fs@a"] {
        token.toname = name.into();
        let found = SendPlan::by_token(&pool, &token, SendOptions::default()).unwrap();
        assert_eq!(found.target().to_string(), "bredact/fs@b", "{name}");
    }
    token.toguid = 1;
    let refused = SendPlan::by_token(&pool, &token, SendOptions::default()).unwrap_err();
    assert!(refused.to_string().contains("is no longer the same snapshot"), "{refused}");
    token.toname = "bredact/gone@b".into();
    let refused = SendPlan::by_token(&pool, &token, SendOptions::default()).unwrap_err();
    assert!(refused.to_string().contains("no longer exists"), "{refused}");
}
