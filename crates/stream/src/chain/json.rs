//! A chain as JSON: one object for each step, fault and verdict, each on one line. docs/chain.md has the names of
//! the fields.

use super::{ChainFault, ChainReport, ChainStep, Fate};
use serde_json::{Value, json};

/// A step as a JSON object, without the end of a line. Guids are strings of decimal digits.
pub fn step_json(step: &ChainStep) -> String {
    let guid = |guid: u64| (guid != 0).then(|| guid.to_string());
    let streams: Vec<Value> = step
        .streams
        .iter()
        .map(|stream| {
            json!({
                "snapshot": stream.toname,
                "guid": stream.toguid.to_string(),
                "fromguid": guid(stream.fromguid),
                "byte": stream.byte,
                "features": stream.features.to_string(),
                "raw": stream.is_raw(),
                "clone": stream.is_clone(),
                "resumed": stream.resumed_at.is_some(),
                "keyguid": stream.keys.as_ref().and_then(|keys| guid(keys.key_guid)),
                "ivset": stream.keys.as_ref().and_then(|keys| guid(keys.to_ivset)),
                "from_ivset": stream.keys.as_ref().and_then(|keys| guid(keys.from_ivset)),
            })
        })
        .collect();
    let why = match &step.fate {
        Fate::Damaged(error) => Value::String(error.to_string()),
        Fate::Received | Fate::Cut | Fate::Again | Fate::Broken | Fate::NoStream => Value::Null,
    };
    json!({
        "kind": "step",
        "file": &*step.file,
        "fate": step.fate.word(),
        "damage": why,
        "package": step.is_package,
        "streams": streams,
    })
    .to_string()
}

/// A fault as a JSON object, without the end of a line.
pub fn fault_json(fault: &ChainFault) -> String {
    json!({
        "kind": "fault",
        "file": &*fault.file,
        "byte": fault.byte,
        "snapshot": fault.toname,
        "rule": fault.wrong.rule(),
        "why": fault.wrong.to_string(),
    })
    .to_string()
}

/// The verdict on a chain as a JSON object, without the end of a line. `unread` is the number of inputs that could not
/// be read: without them there is no other verdict.
pub fn verdict_json(chain: &ChainReport, unread: usize) -> String {
    json!({
        "kind": "verdict",
        "verdict": if unread == 0 { chain.verdict().word() } else { "unread" },
        "files": chain.steps.len(),
        "unread": unread,
        "faults": chain.faults.len(),
        "notes": chain.notes,
    })
    .to_string()
}

impl Fate {
    /// The fate in one word, as in JSON.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Cut => "cut",
            Self::Again => "again",
            Self::Broken => "broken",
            Self::NoStream => "no-stream",
            Self::Damaged(_) => "damaged",
        }
    }
}
