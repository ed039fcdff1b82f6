//! `zsend get`: properties with their sources.

use crate::args::GetArgs;
use crate::exit::{CommandResult, Failure, be_quiet};
use crate::list::collect::Scope;
use crate::list::column::Column;
use crate::list::json;
use crate::list::pools::Pools;
use crate::stdout;
use crate::text::{Head, table};
use crate::txgs::{self, Style};
use serde_json::Map;
use zsend_pool::{PoolError, Result};
use zsend_props::{Item, Property, PropertySource};

/// Columns of the table: `name`, `property`, `value`, `received`, `source`.
const FIELDS: [&str; 5] = ["name", "property", "value", "received", "source"];
/// Those that are shown unless others are asked for.
const DEFAULT_FIELDS: [&str; 4] = ["name", "property", "value", "source"];
/// Kinds of sources, as `-s` names them. No property is temporary without an import.
const SOURCES: [&str; 6] = ["local", "default", "inherited", "received", "temporary", "none"];

/// A property of an item that is shown.
struct FoundProperty {
    property: String,
    /// `None` if the item has not got it.
    value: Option<Property>,
    received: Option<Property>,
}

/// Runs the subcommand.
pub(crate) fn run(args: &GetArgs) -> CommandResult {
    be_quiet(args.pool.quiet);
    if args.pool.list_txgs {
        let named: Vec<String> = args.properties.iter().chain(&args.targets).cloned().collect();
        return txgs::list(&args.pool.devices, &named, Style::default());
    }
    let fields = fields(args)?;
    if let Some(source) = args.sources.iter().find(|s| !SOURCES.contains(&s.as_str())) {
        let known = SOURCES.join(", ");
        return Err(Failure::usage(format!("no source is called '{source}'; there are {known}")));
    }
    // `all` is every property that an item has; no list is kept for it.
    let columns = match args.properties.as_deref() {
        None | Some("all") => None,
        Some(named) => {
            let named = named.split(',').map(Column::named);
            Some(named.collect::<std::result::Result<Vec<_>, Failure>>()?)
        }
    };
    let pools = Pools::open(&args.pool, &args.targets)?;
    // A dataset that is named is shown alone; all that is below it, with its snapshots.
    let is_alone =
        !args.targets.is_empty() && !args.choice.recursive && args.choice.depth.is_none();
    let scope = if is_alone { Scope::Heads } else { Scope::All };
    pools.show(&args.choice, scope, |rows, failures| {
        let mut items = Vec::new();
        for row in rows {
            let Some(item) = row.item else { continue };
            match found(&row.name, &item, columns.as_deref(), fields.contains(&"received")) {
                Ok(mut found) => {
                    found.retain(|found| is_wanted(found, &args.sources));
                    items.push((row.name, item, found));
                }
                Err(e) => failures.add(format!("cannot read the properties of '{}'", row.name), e),
            }
        }
        let text =
            if args.choice.json { as_json(&items, args) } else { as_table(&items, &fields, args) };
        stdout::print(text.as_bytes())
    })
}

fn fields(args: &GetArgs) -> std::result::Result<Vec<&'static str>, Failure> {
    if args.columns.is_empty() {
        return Ok(DEFAULT_FIELDS.to_vec());
    }
    let mut fields = Vec::new();
    for name in &args.columns {
        match FIELDS.iter().find(|field| *field == name) {
            Some(field) => fields.push(*field),
            None if name == "all" => fields.extend(FIELDS),
            None => {
                let known = FIELDS.join(", ");
                let why = format!("no column is called '{name}'; there are {known}, all");
                return Err(Failure::usage(why));
            }
        }
    }
    Ok(fields)
}

/// The properties of an item that were asked for; all that it has, if none were named.
fn found(
    name: &str,
    item: &Item<'_>,
    columns: Option<&[Column]>,
    received: bool,
) -> Result<Vec<FoundProperty>> {
    let mut found = Vec::new();
    let mut add = |property: &str, value| {
        let received = if received { item.received(property)? } else { None };
        found.push(FoundProperty { property: property.to_owned(), value, received });
        Ok::<_, PoolError>(())
    };
    match columns {
        Some(columns) => {
            for column in columns {
                add(column.name(), column.of(name, item)?)?;
            }
        }
        None => {
            for (native, property) in item.natives()? {
                add(native.name, Some(property))?;
            }
            for (name, property) in item.user()? {
                add(&name, Some(property))?;
            }
        }
    }
    Ok(found)
}

fn is_wanted(found: &FoundProperty, sources: &[String]) -> bool {
    let source = match found.value.as_ref().map(|property| &property.source) {
        None | Some(PropertySource::None) => "none",
        Some(PropertySource::Default) => "default",
        Some(PropertySource::Local) => "local",
        Some(PropertySource::Inherited(_)) => "inherited",
        Some(PropertySource::Received) => "received",
    };
    sources.is_empty() || sources.iter().any(|wanted| wanted == source)
}

fn as_table(
    items: &[(String, Item<'_>, Vec<FoundProperty>)],
    fields: &[&str],
    args: &GetArgs,
) -> String {
    let exact = args.choice.is_exact();
    let shown = |property: &Option<Property>| {
        property.as_ref().map_or_else(|| "-".to_owned(), |p| p.value.shown(exact))
    };
    let heads = fields.iter().map(|field| Head::of(&field.to_uppercase()));
    let rows = items.iter().flat_map(|(name, _, found)| found.iter().map(move |f| (name, f)));
    let cells = rows.map(|(name, found)| {
        let cell = |field: &&str| match *field {
            "name" => name.clone(),
            "property" => found.property.clone(),
            "value" => shown(&found.value),
            "received" => shown(&found.received),
            _ => found.value.as_ref().map_or_else(|| "-".to_owned(), |p| p.source.to_string()),
        };
        fields.iter().map(cell).collect()
    });
    table(heads.collect(), cells, args.choice.scripted)
}

fn as_json(items: &[(String, Item<'_>, Vec<FoundProperty>)], args: &GetArgs) -> String {
    let (exact, as_number) = (args.choice.is_exact(), args.choice.json_int);
    let mut datasets = Map::new();
    for (name, item, found) in items {
        let properties = found
            .iter()
            .map(|found| {
                let json = json::property(found.value.as_ref(), exact, as_number);
                (found.property.clone(), json)
            })
            .collect();
        let dataset = json::dataset(name, item, as_number, properties);
        datasets.insert(name.clone(), dataset);
    }
    json::answer("zfs get", datasets)
}
