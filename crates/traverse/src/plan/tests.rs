//! Refusals of a send, whether it is written or counted.

use super::*;
use zsend_crypto::KeyVersion;
use zsend_encoder::dialect::Dialect;
use zsend_pool::CancelToken;
use zsend_pool::OpenOptions;

fn pool(fixture: &str) -> Pool {
    let dir = zsend_testkit::images::unpack(&zsend_testkit::fixture(fixture)).unwrap();
    Pool::open(&[dir], fixture, &OpenOptions::default()).unwrap()
}

/// The reason for which a plan is refused, however it is asked.
fn refused(plan: &SendPlan<'_>) -> String {
    let cancel = CancelToken::default();
    let mut out = Vec::new();
    let said = [
        plan.check().map_err(|e| e.to_string()),
        plan.exact_size(&cancel).map(|_| ()).map_err(|e| e.to_string()),
        plan.write(&mut out, &cancel, |_| {}).map(|_| ()).map_err(|e| e.to_string()),
    ];
    assert!(out.is_empty());
    assert_eq!(said[0], said[1]);
    assert_eq!(said[0], said[2]);
    said.into_iter().next().unwrap().unwrap_err()
}

/// The estimate of the whole stream, which no refusal keeps from being made.
fn estimate(plan: &SendPlan<'_>) -> u64 {
    plan.estimate(&CancelToken::default()).unwrap()
}

#[test]
fn the_head_of_a_receive_that_has_not_ended_is_busy() {
    let pool = pool("basic");
    let mut plan = SendPlan::by_name(&pool, "basic/fs", None, SendOptions::default()).unwrap();
    assert!(plan.check().is_ok() && plan.warnings().is_empty() && estimate(&plan) > 0);
    plan.dataset.is_inconsistent = true;
    let busy = "cannot send 'basic/fs': target is busy; if a filesystem, it must not be mounted";
    assert_eq!(refused(&plan).lines().next(), Some(busy));
    let estimate = plan.estimate(&CancelToken::default()).unwrap_err().to_string();
    assert_eq!(estimate.lines().next(), Some(busy));
    // A snapshot that was taken of one is sent, as the reference does, and told of.
    let mut plan = SendPlan::by_name(&pool, "basic/fs@c", None, SendOptions::default()).unwrap();
    plan.dataset.is_inconsistent = true;
    assert!(plan.check().is_ok());
    assert!(plan.warnings()[0].contains("'basic/fs@c' was taken of a receive that had not ended"));
}

#[test]
fn large_micro_zaps_need_large_blocks_to_be_sent_not_to_be_estimated() {
    let pool = pool("basic");
    let mut plan = SendPlan::by_name(&pool, "basic/fs@c", None, SendOptions::default()).unwrap();
    let whole = estimate(&plan);
    plan.features |= Features::LARGE_MICROZAP;
    assert!(refused(&plan).contains("need -L (--large-block) or -w (--raw)"));
    assert_eq!(estimate(&plan), whole);
    plan.features |= Features::LARGE_BLOCKS;
    assert!(plan.check().is_ok());
}

#[test]
fn a_key_is_needed_to_send_not_to_estimate() {
    let pool = pool("crypt");
    let name = "crypt/aes-256-gcm@b";
    let plan = SendPlan::by_name(&pool, name, None, SendOptions::default()).unwrap();
    assert_eq!(refused(&plan), format!("cannot send '{name}': dataset key must be loaded"));
    let without = estimate(&plan);
    let raw = SendOptions::default().with_raw(true);
    let mut raw = SendPlan::by_name(&pool, name, None, raw).unwrap();
    assert!(raw.check().is_ok());
    raw.encryption.as_mut().unwrap().key_object.version = KeyVersion::V0;
    assert!(refused(&raw).contains("encryption key version 0"));
    let key = std::fs::read(zsend_testkit::fixture("crypt").join("keys/pass")).unwrap();
    pool.load_key(&plan.dataset, &key).unwrap();
    let plan = SendPlan::by_name(&pool, name, None, SendOptions::default()).unwrap();
    assert_eq!(estimate(&plan), without);
}

#[test]
fn illumos_has_no_record_for_redacted_blocks() {
    let pool = pool("bredact");
    let options = SendOptions::default().with_dialect(Dialect::Illumos);
    let plan = SendPlan::by_name(&pool, "bredact/rx@a", None, options).unwrap();
    assert!(refused(&plan).contains("'bredact/rx@a' in dialect illumos"));
}
