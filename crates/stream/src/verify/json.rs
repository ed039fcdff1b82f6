//! Faults and verdicts as JSON: one object each, on one line. docs/verify.md has the names of the fields.

use super::fault::Fault;
use super::verdict::{Outcome, Verdict};
use serde_json::{Map, Value, json};

/// A fault as a JSON object, without the end of a line.
pub fn fault_json(fault: &Fault) -> String {
    let mut object = Map::new();
    object.insert("kind".into(), "fault".into());
    object.insert("file".into(), (*fault.file).into());
    object.insert("record".into(), fault.record.into());
    object.insert("byte".into(), fault.byte.into());
    object.insert("type".into(), fault.record_type.map(|kind| kind.to_string()).into());
    object.insert("object".into(), fault.object.into());
    object.insert("offset".into(), fault.offset.into());
    object.insert("rule".into(), fault.rule.name.into());
    object.insert("what".into(), fault.wrong.what.into());
    object.insert("found".into(), fault.wrong.found.to_string().into());
    object.insert("expected".into(), fault.wrong.expected.to_string().into());
    Value::Object(object).to_string()
}

/// A verdict as a JSON object, without the end of a line. It has no token where none can be written.
pub fn outcome_json(file: &str, outcome: &Outcome) -> String {
    let Outcome { verdict, records, bytes, streams, opened, faults } = outcome;
    let cut = match verdict {
        Verdict::Cut(cut) => json!({
            "length": cut.length,
            "part": cut.part.map(|part| part.what),
            "have": cut.part.map(|part| part.have),
            "need": cut.part.map(|part| part.need),
            "toname": cut.toname,
            "token": cut.token.as_ref().and_then(|token| token.encode().ok()),
        }),
        Verdict::Whole | Verdict::Damaged | Verdict::ChainBroken => Value::Null,
    };
    json!({
        "kind": "verdict",
        "file": file,
        "verdict": verdict.word(),
        "records": records,
        "bytes": bytes,
        "streams": streams,
        "opened": opened,
        "faults": faults,
        "cut": cut,
    })
    .to_string()
}
