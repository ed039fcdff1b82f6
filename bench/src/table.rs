//! Rows of results: printed as they come, or kept to be printed as JSON.

use crate::options::Options;
use serde_json::{Value, json};

/// The name that every row has.
pub(super) const WHAT: &str = "what";

/// Destination of rows.
pub(super) struct Table<'a> {
    options: &'a Options,
    line: fn(&Value) -> String,
    rows: Vec<Value>,
}

impl<'a> Table<'a> {
    /// An empty table, whose rows `line` turns into text. Prints the heading.
    pub(super) fn new(options: &'a Options, heading: &str, line: fn(&Value) -> String) -> Self {
        if !options.json {
            println!("{heading}");
        }
        Self { options, line, rows: Vec::new() }
    }

    /// Takes a row, unless its name was not asked for.
    pub(super) fn push(&mut self, row: Value) {
        if !self.options.wants(&[row[WHAT].as_str().unwrap_or_default()]) {
            return;
        }
        if self.options.json {
            self.rows.push(row);
        } else {
            println!("{}", (self.line)(&row));
        }
    }

    /// Prints what was kept.
    pub(super) fn end(self) {
        if self.options.json {
            println!("{:#}", Value::Array(self.rows));
        }
    }
}

/// One result: what was measured, our figure, and the other side's if there is one.
pub(super) fn row(what: &str, unit: &str, ours: f64, other: Option<(&str, f64)>) -> Value {
    json!({
        WHAT: what,
        "unit": unit,
        "zsend": ours,
        "against": other.map(|(name, _)| name),
        "other": other.map(|(_, value)| value),
        "ratio": other.map(|(_, value)| ours / value),
    })
}

/// The heading over lines of [`line()`].
pub(super) fn heading() -> String {
    format!("{:<50} {:>10} {:>10} {:>7}  unit", WHAT, "zsend", "other", "ratio")
}

/// A [`row`] as text.
pub(super) fn line(row: &Value) -> String {
    let text = |key: &str| row[key].as_str().unwrap_or_default();
    let line = format!(
        "{:<50} {:>10} {:>10} {:>7}  {} {}",
        text(WHAT),
        number(row, "zsend", 2),
        number(row, "other", 2),
        number(row, "ratio", 2),
        text("unit"),
        text("against"),
    );
    line.trim_end().to_owned()
}

/// A figure of a row with `places` digits after the point; nothing if the row lacks it.
pub(super) fn number(row: &Value, key: &str, places: usize) -> String {
    row[key].as_f64().map_or(String::new(), |v| format!("{v:.places$}"))
}
