//! The rules: one function and one row each, by record type.

mod begin;
mod byref;
mod common;
mod cover;
mod embedded;
mod end;
mod free;
mod key_data;
mod object;
mod range;
pub(super) mod shape;
mod spill;
mod write;

use super::fault::{About, Check, Wrong};
use super::frame::PlacedFrame;
use super::state::StreamState;
use super::work::Worked;
use zsend_records::reader::{Record, Role};

/// A record, and what its rules look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    pub(super) frame: &'a PlacedFrame,
    pub(super) record: &'a Record<'a>,
    pub(super) role: Role,
    pub(super) state: &'a StreamState,
    pub(super) worked: &'a Worked,
}

/// A rule of records whose body is `B`.
pub(super) struct Rule<B: 'static> {
    pub(super) about: About,
    pub(super) check: fn(&At<'_>, &B) -> Check,
}

impl<B> Rule<B> {
    const fn new(
        name: &'static str,
        says: &'static str,
        source: &'static str,
        check: fn(&At<'_>, &B) -> Check,
    ) -> Self {
        Self { about: About { name, says, source }, check }
    }
}

/// Gives every rule that the record breaks to `broken`.
pub(super) fn check(at: &At<'_>, mut broken: impl FnMut(&'static About, Wrong)) {
    run(common::RULES, at, &(), &mut broken);
    run(cover::RULES, at, &(), &mut broken);
    match at.record {
        Record::Begin(body) => {
            run(begin::RULES, at, body, &mut broken);
            run(key_data::RULES, at, body, &mut broken);
        }
        Record::Object(body) => run(object::RULES, at, body, &mut broken),
        Record::FreeObjects(body) => run(free::FREEOBJECTS, at, body, &mut broken),
        Record::Write(body) => run(write::RULES, at, body, &mut broken),
        Record::Free(body) => run(free::FREE, at, body, &mut broken),
        Record::End(body) => run(end::RULES, at, body, &mut broken),
        Record::WriteByref(body) => run(byref::RULES, at, body, &mut broken),
        Record::Spill(body) => run(spill::RULES, at, body, &mut broken),
        Record::WriteEmbedded(body) => run(embedded::RULES, at, body, &mut broken),
        Record::ObjectRange(body) => run(range::RULES, at, body, &mut broken),
        Record::Redact(body) => run(free::REDACT, at, body, &mut broken),
        // The framer hands out none.
        Record::Unknown(_) => {}
    }
}

fn run<B>(
    rules: &'static [Rule<B>],
    at: &At<'_>,
    body: &B,
    broken: &mut impl FnMut(&'static About, Wrong),
) {
    for rule in rules {
        if let Err(wrong) = (rule.check)(at, body) {
            broken(&rule.about, *wrong);
        }
    }
}

/// Every rule, by the part of a stream that it is of.
pub(super) fn all() -> Vec<(&'static str, Vec<&'static About>)> {
    fn of<B>(rules: &'static [Rule<B>]) -> Vec<&'static About> {
        rules.iter().map(|rule| &rule.about).collect()
    }
    vec![
        ("The stream", shape::ALL.to_vec()),
        ("Every record", of(common::RULES)),
        ("What must not be missing", of(cover::RULES)),
        ("BEGIN", of(begin::RULES)),
        ("BEGIN of a raw stream", of(key_data::RULES)),
        ("OBJECT", of(object::RULES)),
        ("FREEOBJECTS", of(free::FREEOBJECTS)),
        ("WRITE", of(write::RULES)),
        ("FREE", of(free::FREE)),
        ("END", of(end::RULES)),
        ("WRITE_BYREF", of(byref::RULES)),
        ("SPILL", of(spill::RULES)),
        ("WRITE_EMBEDDED", of(embedded::RULES)),
        ("OBJECT_RANGE", of(range::RULES)),
        ("REDACT", of(free::REDACT)),
    ]
}
