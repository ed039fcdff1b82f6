//! The cases of a pool: arguments to `zfs send`, and what the references gave.

use serde_json::Value;
use std::path::Path;

/// The dialects that a case may have a reference for.
pub const DIALECTS: [&str; 3] = ["openzfs", "illumos", "openzfs-xdr"];

/// Cases whose reference shows another state of the pool than its newest, with the txg of that: pool,
/// case, txg. The hold that `h-c` lists was released before the image was closed, as the pool's history
/// tells (`zdb -h`).
const OLDER: [(&str, &str, u64); 1] = [("basic", "h-c", 94)];

/// Cases whose reference has a record that damages the receiver, with the size and digest of the
/// reference in which that record is corrected: pool, case, bytes, SHA-256, reason.
///
/// `src/bin/corrected.rs` makes them of the reference's stream.
const CORRECTED: [(&str, &str, u64, &str, &str); 1] = [(
    "redact",
    "redacted-Lec",
    900_272,
    "e23e894118867cb60431aeb489f74edf5a482e6a44b307d289f330d3a4e65ec1",
    "the reference sends an embedded spill block as WRITE_EMBEDDED, which no dialect here does",
)];

/// Result of a reference sender.
#[derive(Debug)]
pub struct Reference {
    /// Reference sender.
    pub dialect: &'static str,
    /// Exit code of `zfs send`.
    pub rc: i64,
    /// Bytes of the stream.
    pub bytes: Option<u64>,
    /// Digest of the stream.
    pub sha256: Option<String>,
    /// Text of a dry run.
    pub stdout: Option<String>,
    /// Text of a refusal.
    pub stderr: Option<String>,
}

/// One case.
#[derive(Debug)]
pub struct Case {
    /// Its name in the pool.
    pub id: String,
    /// Arguments to `zfs send`.
    pub args: Vec<String>,
    /// Reason that the references are corrected ones, if they are.
    pub corrected: Option<&'static str>,
    /// State of the pool that the reference shows; `None` for the newest.
    pub txg: Option<u64>,
    /// Encryption root and key file, beside `cases.json`.
    pub key: Option<(String, String)>,
    /// Result of each dialect's reference.
    pub references: Vec<Reference>,
}

impl Case {
    /// Value of `--key` for a pool's folder, if the case needs one.
    pub fn key_value(&self, fixture: &Path) -> Option<String> {
        let (dataset, file) = self.key.as_ref()?;
        Some(format!("{dataset}={}", fixture.join(file).display()))
    }
}

/// Reads `cases.json` of a folder.
///
/// # Errors
/// Fault of the file.
pub fn read(dir: &Path) -> Result<Vec<Case>, String> {
    let path = dir.join("cases.json");
    let tell = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let text = std::fs::read_to_string(&path).map_err(|e| tell(&e))?;
    let json: Value = serde_json::from_str(&text).map_err(|e| tell(&e))?;
    let cases = json["cases"].as_array().ok_or_else(|| tell(&"no list of cases"))?;
    let pool = json["pool"].as_str().unwrap_or_default();
    cases.iter().map(|c| case(pool, c).ok_or_else(|| tell(&format!("not a case: {c}")))).collect()
}

fn case(pool: &str, json: &Value) -> Option<Case> {
    let text = |v: &Value| v.as_str().map(str::to_owned);
    let mut references = DIALECTS
        .into_iter()
        .filter(|d| json[d].is_object())
        .map(|dialect| {
            let r = &json[dialect];
            Some(Reference {
                dialect,
                rc: r["rc"].as_i64()?,
                bytes: r["bytes"].as_u64(),
                sha256: text(&r["sha256"]),
                stdout: text(&r["stdout"]),
                stderr: text(&r["stderr"]),
            })
        })
        .collect::<Option<Vec<_>>>()?;
    let key = &json["key"];
    let id = text(&json["id"])?;
    let corrected = CORRECTED.iter().find(|(p, c, ..)| *p == pool && *c == id);
    if let Some((_, _, bytes, sha256, _)) = corrected {
        for reference in &mut references {
            reference.bytes = Some(*bytes);
            reference.sha256 = Some((*sha256).to_owned());
        }
    }
    Some(Case {
        corrected: corrected.map(|(.., why)| *why),
        txg: OLDER.iter().find(|(p, c, _)| *p == pool && *c == id).map(|(_, _, txg)| *txg),
        id,
        args: json["args"].as_array()?.iter().map(text).collect::<Option<_>>()?,
        key: text(&key["dataset"]).zip(text(&key["file"])),
        references,
    })
}
