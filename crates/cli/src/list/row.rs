//! The rows of `zsend list`, and how they are shown.

use crate::args::ListArgs;
use crate::exit::Failure;
use crate::text::{aligned, creation, nice_bytes};

/// One line of the list. What is not known of it is `None`.
#[derive(Default)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) guid: Option<u64>,
    pub(super) createtxg: Option<u64>,
    pub(super) creation: Option<u64>,
    pub(super) used: Option<u64>,
    pub(super) refer: Option<u64>,
    pub(super) origin: Option<String>,
    pub(super) object: Option<u64>,
    pub(super) encrypted: Option<bool>,
}

/// The kind of a row that stands for something that cannot be read.
pub(super) const UNREADABLE: &str = "unreadable";

/// A column: its name, and how a row fills it.
pub(super) type Column = (&'static str, fn(&Row, bool) -> String);

const COLUMNS: [Column; 10] = [
    ("name", |r, _| r.name.clone()),
    ("type", |r, _| r.kind.to_owned()),
    ("guid", |r, _| known(r.guid)),
    ("createtxg", |r, _| known(r.createtxg)),
    ("creation", |r, exact| r.creation.map_or_else(|| "-".into(), |c| creation(c, exact))),
    ("used", |r, exact| size(r.used, exact)),
    ("refer", |r, exact| size(r.refer, exact)),
    ("origin", |r, _| r.origin.clone().unwrap_or_else(|| "-".into())),
    ("objsetid", |r, _| known(r.object)),
    ("encryption", |r, _| known(r.encrypted.map(|e| if e { "on" } else { "off" }))),
];
const DEFAULT_COLUMNS: [&str; 5] = ["name", "type", "used", "refer", "guid"];

fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".into(), |value| value.to_string())
}

fn size(bytes: Option<u64>, exact: bool) -> String {
    match bytes {
        None => "-".into(),
        Some(bytes) if exact => bytes.to_string(),
        Some(bytes) => nice_bytes(bytes),
    }
}

pub(super) fn columns(args: &ListArgs) -> Result<Vec<Column>, Failure> {
    let wanted: Vec<&str> = if args.columns.is_empty() {
        DEFAULT_COLUMNS.to_vec()
    } else {
        args.columns.iter().map(String::as_str).collect()
    };
    wanted
        .into_iter()
        .map(|name| {
            COLUMNS.iter().copied().find(|(n, _)| *n == name).ok_or_else(|| {
                let known: Vec<_> = COLUMNS.iter().map(|(n, _)| *n).collect();
                Failure::usage(format!(
                    "no column is called '{name}'; there are {}",
                    known.join(", ")
                ))
            })
        })
        .collect()
}

pub(super) fn table(rows: &[Row], columns: &[Column], args: &ListArgs) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    if !args.scripted {
        lines.push(columns.iter().map(|(name, _)| name.to_uppercase()).collect());
    }
    lines.extend(rows.iter().map(|r| columns.iter().map(|(_, f)| f(r, args.exact)).collect()));
    aligned(&lines, args.scripted)
}

pub(super) fn json(rows: &[Row], columns: &[Column]) -> String {
    let rows: Vec<serde_json::Value> = rows
        .iter()
        .map(|r| columns.iter().map(|(name, f)| ((*name).to_owned(), f(r, true).into())).collect())
        .map(serde_json::Value::Object)
        .collect();
    format!("{:#}\n", serde_json::Value::Array(rows))
}
