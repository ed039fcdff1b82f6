//! Encrypted datasets: a flipped bit in any kind of block ends the send before that block, and keys
//! are needed, asked for and refused by name.

use crate::support::{Copy, blocks, pool_dir, send, stderr};
use zsend_records::types::DmuType;

const DATASET: &str = "crypt/aes-256-gcm@b";

fn key(file: &str) -> String {
    format!(
        "crypt/aes-256-gcm={}",
        zsend_testkit::fixture("crypt").join("keys").join(file).display()
    )
}

#[test]
fn a_flipped_bit_in_each_kind_of_block_sends_nothing_of_it() {
    let dir = pool_dir("crypt");
    let whole = send(&dir, &["--key", &key("pass"), DATASET]);
    assert!(whole.status.success(), "{}", stderr(&whole));
    let all = blocks(&dir, DATASET);
    let mut kinds = 0;
    let mut try_one = |what: &str, found: Option<&(_, zsend_pool::blkptr::BlkPtr)>| {
        let Some((at, bp)) = found else { panic!("the fixture has no {what}") };
        let at: &zsend_pool::Zbookmark = at;
        let copy = Copy::of("crypt");
        copy.flip_block(bp);
        let out = send(copy.path(), &["--key", &key("pass"), DATASET]);
        assert_eq!(out.status.code(), Some(1), "{what}");
        assert!(stderr(&out).contains(&at.to_string()), "{what} {at}: {}", stderr(&out));
        // What came before is the true beginning of the stream, and it stops before the block.
        assert!(whole.stdout.starts_with(&out.stdout), "{what}");
        assert!(out.stdout.len() < whole.stdout.len(), "{what}");
        kinds += 1;
    };
    try_one("objset", all.iter().find(|(at, _)| at.level == -1));
    try_one("indirect block", all.iter().find(|(at, _)| at.level > 0));
    try_one("dnode block", all.iter().find(|(at, _)| at.object == 0 && at.level == 0));
    try_one("encrypted block", all.iter().find(|(at, bp)| at.object > 0 && bp.is_encrypted()));
    let authenticated = |bp: &zsend_pool::blkptr::BlkPtr| {
        bp.is_authenticated() && bp.object_type() != DmuType::OBJSET
    };
    try_one("authenticated block", all.iter().find(|(_, bp)| authenticated(bp)));
    assert_eq!(kinds, 5);
}

#[test]
fn keys_are_needed_and_refused_by_name() {
    let dir = pool_dir("crypt");
    let out = send(&dir, &[DATASET]);
    assert_eq!(out.status.code(), Some(1));
    assert!(stderr(&out).contains("cannot send 'crypt/aes-256-gcm@b': dataset key must be loaded"));
    assert!(out.stdout.is_empty());

    let out = send(&dir, &["--key", &key("hex"), DATASET]);
    assert_eq!(out.status.code(), Some(1));
    assert!(stderr(&out).contains("Incorrect key provided for"), "{}", stderr(&out));
    assert!(out.stdout.is_empty());

    let out = send(&dir, &["--key", &key("nope"), DATASET]);
    assert_eq!(out.status.code(), Some(3));
    assert!(send(&dir, &["-w", DATASET]).status.success(), "a raw send needs no key");
}
