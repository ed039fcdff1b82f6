//! The tables of `docs/verify.md`, made of the rules and of the kinds that the tests know.
//! `ZSEND_WRITE_VERIFY=1 cargo test -p zsend-stream --test stored verify_doc` writes them.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::support::kinds::{FREE_FIELDS, FREE_KINDS};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use zsend_stream::verify::rules;

fn rules_table() -> String {
    let mut text = String::new();
    let mut names = BTreeSet::new();
    for (group, rules) in rules() {
        let _ = write!(
            text,
            "### {group}\n\n| rule | what a right sender writes | source |\n|---|---|---|\n"
        );
        for about in rules {
            assert!(names.insert(about.name), "{} is there once", about.name);
            let _ = writeln!(text, "| `{}` | {} | `{}` |", about.name, about.says, about.source);
        }
        text.push('\n');
    }
    text
}

fn kinds_table(heading: &str, rows: &[(&str, &str)]) -> String {
    let mut text = format!("| {heading} | why it passes |\n|---|---|\n");
    for (kind, why) in rows {
        let _ = writeln!(text, "| {kind} | {why} |");
    }
    text.push('\n');
    text
}

/// The page with what stands between two marks replaced.
fn replaced(page: &str, mark: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- end of {mark} -->"));
    let (before, rest) = page.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{begin}\n{table}{end}{after}")
}

#[test]
fn the_page_has_what_the_code_has() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verify.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let mut right = replaced(&page, "rules", &rules_table());
    right = replaced(&right, "free fields", &kinds_table("field", FREE_FIELDS));
    right = replaced(&right, "free kinds", &kinds_table("damage", FREE_KINDS));
    if std::env::var_os("ZSEND_WRITE_VERIFY").is_some() {
        std::fs::write(&path, &right).unwrap();
    }
    assert!(
        page == right,
        "docs/verify.md is not what the code says; ZSEND_WRITE_VERIFY=1 writes it"
    );
}
