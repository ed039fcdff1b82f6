//! `zsend list`: pools, datasets, snapshots and bookmarks.

pub(crate) mod collect;
pub(crate) mod column;
pub(crate) mod json;
pub(crate) mod pools;

use crate::args::{ListArgs, SortKey};
use crate::exit::{CommandResult, Failure, be_quiet};
use crate::stdout;
use crate::text::table;
use crate::txgs::{self, Style};
use collect::{Failures, Row, Scope};
use column::Column;
use pools::Pools;
use serde_json::Map;
use std::cmp::Ordering;
use zsend_props::{Property, Value};

/// A row with its properties: those that are shown, then those that it is sorted by.
struct Line<'p> {
    row: Row<'p>,
    shown: Vec<Option<Property>>,
    keys: Vec<Option<Property>>,
}

/// Runs the subcommand.
pub(crate) fn run(args: &ListArgs) -> CommandResult {
    be_quiet(args.pool.quiet);
    let columns = Column::all(&args.columns)?;
    let keys = sort_keys(args)?;
    if args.pool.list_txgs {
        let choice = &args.choice;
        let style = Style { scripted: choice.scripted, exact: choice.exact, json: choice.json };
        return txgs::list(&args.pool.devices, &args.targets, style);
    }
    let pools = Pools::open(&args.pool, &args.targets)?;
    pools.show(&args.choice, Scope::Heads, |rows, failures| {
        let mut lines: Vec<Line<'_>> = rows
            .into_iter()
            .map(|row| {
                let shown = columns.iter().map(|c| property(&row, c, failures)).collect();
                let keys = keys.iter().map(|(c, _)| property(&row, c, failures)).collect();
                Line { row, shown, keys }
            })
            .collect();
        // The sort keeps the order of what is equal.
        lines.sort_by(|a, b| by_keys(a, b, &keys));
        let text = if args.choice.json {
            as_json(&lines, &columns, args)
        } else {
            as_table(&lines, &columns, args)
        };
        stdout::print(text.as_bytes())
    })
}

/// Columns to sort by, and true for those with the largest first, in the order of the command line.
fn sort_keys(args: &ListArgs) -> Result<Vec<(Column, bool)>, Failure> {
    let mut keys: Vec<&SortKey> = args.ascending.iter().chain(&args.descending).collect();
    keys.sort_by_key(|key| key.place);
    keys.iter().map(|key| Ok((Column::named(&key.property)?, key.descends))).collect()
}

/// A property of a row; `None` if it has not got it, or cannot be read, which is a failure.
fn property(row: &Row<'_>, column: &Column, failures: &mut Failures) -> Option<Property> {
    match column.of(&row.name, row.item.as_ref()?) {
        Ok(property) => property,
        Err(e) => {
            failures.add(format!("cannot read {} of '{}'", column.name(), row.name), e);
            None
        }
    }
}

/// Order by the keys: numbers as such, text as bytes, and what a row has not got last, whichever way.
fn by_keys(a: &Line<'_>, b: &Line<'_>, keys: &[(Column, bool)]) -> Ordering {
    for ((a, b), (_, descends)) in a.keys.iter().zip(&b.keys).zip(keys) {
        let order = match (a, b) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => {
                let order = match (&a.value, &b.value) {
                    (Value::Index(..) | Value::Text(_), _)
                    | (_, Value::Index(..) | Value::Text(_)) => {
                        a.value.shown(true).cmp(&b.value.shown(true))
                    }
                    _ => a.value.number().cmp(&b.value.number()),
                };
                if *descends { order.reverse() } else { order }
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn as_table(lines: &[Line<'_>], columns: &[Column], args: &ListArgs) -> String {
    let cells = lines.iter().map(|line| {
        columns
            .iter()
            .zip(&line.shown)
            .map(|(column, property)| match (property, column, &line.row.item) {
                (Some(property), ..) => property.value.shown(args.choice.is_exact()),
                (None, Column::Name, None) => line.row.name.clone(),
                (None, Column::Native(native), None) if native.name == "type" => {
                    "unreadable".to_owned()
                }
                (None, ..) => "-".to_owned(),
            })
            .collect()
    });
    table(columns.iter().map(Column::head).collect(), cells, args.choice.scripted)
}

fn as_json(lines: &[Line<'_>], columns: &[Column], args: &ListArgs) -> String {
    let (exact, as_number) = (args.choice.is_exact(), args.choice.json_int);
    let mut datasets = Map::new();
    for line in lines {
        let Some(item) = &line.row.item else {
            let unreadable = serde_json::json!({ "name": line.row.name, "type": "UNREADABLE" });
            datasets.insert(line.row.name.clone(), unreadable);
            continue;
        };
        let properties = columns
            .iter()
            .zip(&line.shown)
            .filter(|(column, _)| !matches!(column, Column::Name))
            .map(|(column, property)| {
                let property = json::property(property.as_ref(), exact, as_number);
                (column.name().to_owned(), property)
            })
            .collect();
        let dataset = json::dataset(&line.row.name, item, as_number, properties);
        datasets.insert(line.row.name.clone(), dataset);
    }
    json::answer("zfs list", datasets)
}
