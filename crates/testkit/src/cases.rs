//! The cases of a pool: arguments to `zfs send`, and what the references gave.

use serde_json::Value;
use std::path::Path;

/// The dialects that a case may have a reference for.
pub const DIALECTS: [&str; 3] = ["openzfs", "illumos", "openzfs-xdr"];

/// Flags of packages, redacted and saved sends, which are not made yet.
const NOT_YET: [&str; 8] = ["-R", "-I", "-p", "-h", "-b", "-S", "--redact", "-s"];

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
    /// Encryption root and key file, beside `cases.json`.
    pub key: Option<(String, String)>,
    /// Result of each dialect's reference.
    pub references: Vec<Reference>,
}

impl Case {
    /// Reason that the case is not tried, if it is not.
    pub fn out_of_scope(&self) -> Option<&str> {
        self.args.iter().map(String::as_str).find(|a| NOT_YET.contains(a))
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
    cases.iter().map(|c| case(c).ok_or_else(|| tell(&format!("not a case: {c}")))).collect()
}

fn case(json: &Value) -> Option<Case> {
    let text = |v: &Value| v.as_str().map(str::to_owned);
    let references = DIALECTS
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
    Some(Case {
        id: text(&json["id"])?,
        args: json["args"].as_array()?.iter().map(text).collect::<Option<_>>()?,
        key: text(&key["dataset"]).zip(text(&key["file"])),
        references,
    })
}
