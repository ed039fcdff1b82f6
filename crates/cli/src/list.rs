//! `zsend list`: pools, datasets, snapshots and bookmarks.

use crate::args::{ListArgs, ListType};
use crate::exit::{Done, Failure, warn};
use crate::text::{aligned, creation, nice_bytes};
use crate::txgs::{self, Style};
use std::io::Write;
use zsend_pool::discover::discover;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::pool::Pool;
use zsend_pool::{ErrorClass, zap};
use zsend_records::types::ObjsetType;

/// One line of the list.
struct Row {
    name: String,
    kind: &'static str,
    guid: u64,
    createtxg: u64,
    creation: u64,
    used: Option<u64>,
    refer: Option<u64>,
    origin: Option<String>,
    object: Option<u64>,
    encrypted: bool,
}

/// A column: its name, and how a row fills it.
type Column = (&'static str, fn(&Row, bool) -> String);

const COLUMNS: [Column; 10] = [
    ("name", |r, _| r.name.clone()),
    ("type", |r, _| r.kind.to_owned()),
    ("guid", |r, _| r.guid.to_string()),
    ("createtxg", |r, _| r.createtxg.to_string()),
    ("creation", |r, exact| creation(r.creation, exact)),
    ("used", |r, exact| size(r.used, exact)),
    ("refer", |r, exact| size(r.refer, exact)),
    ("origin", |r, _| r.origin.clone().unwrap_or_else(|| "-".into())),
    ("objsetid", |r, _| r.object.map_or_else(|| "-".into(), |o| o.to_string())),
    ("encryption", |r, _| if r.encrypted { "on" } else { "off" }.to_owned()),
];
const DEFAULT_COLUMNS: [&str; 5] = ["name", "type", "used", "refer", "guid"];

fn size(bytes: Option<u64>, exact: bool) -> String {
    match bytes {
        None => "-".into(),
        Some(bytes) if exact => bytes.to_string(),
        Some(bytes) => nice_bytes(bytes),
    }
}

/// Runs the subcommand.
pub(crate) fn run(args: &ListArgs) -> Done {
    let columns = columns(args)?;
    let target = args.target.as_deref().map(Name::parse).transpose()?;
    if args.pool.list_txgs {
        let style = Style { scripted: args.scripted, exact: args.exact, json: args.json };
        return txgs::list(&args.pool.devices, target.as_ref().map(Name::pool), style);
    }
    let mut rows = Vec::new();
    let found = discover(&args.pool.devices)?;
    let options = args.pool.options();
    let total = found.len();
    let mut failed = None;
    let mut matched = false;
    for found in found {
        let name = found.config.name.clone();
        let guid = found.config.pool_guid.to_string();
        if target.as_ref().is_some_and(|t| t.pool() != name && t.pool() != guid) {
            continue;
        }
        matched = true;
        let listed = Pool::open_found(&found, &options).map_err(Failure::from).and_then(|pool| {
            for warning in pool.warnings() {
                warn(warning);
            }
            let target = target.as_ref().map(|t| Name::parse(&pool.full_name(&t.to_string())));
            list_pool(&pool, target.transpose()?.as_ref(), args, &mut rows)
        });
        // One pool that cannot be read hides no other.
        if let Err(e) = listed {
            let e = e.context(format!("pool '{name}' ({guid})"));
            if let Some(previous) = failed.replace(e) {
                let _ = previous.report();
            }
        }
    }
    if !matched && failed.is_none() {
        let what = target.map_or_else(|| "a pool".to_owned(), |t| format!("pool '{}'", t.pool()));
        let why = format!("{what} was not found; {total} pools are on the given devices");
        return Err(Failure::new(ErrorClass::Damaged, why));
    }
    let text = if args.json { json(&rows, &columns) } else { table(&rows, &columns, args) };
    // A reader that has gone away has seen what it wanted.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    failed.map_or(Ok(()), Err)
}

fn columns(args: &ListArgs) -> Result<Vec<Column>, Failure> {
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

fn list_pool(pool: &Pool, target: Option<&Name>, args: &ListArgs, rows: &mut Vec<Row>) -> Done {
    let Some(target) = target else {
        return tree(pool, pool.name(), args, true, rows);
    };
    if target.suffix != Suffix::None {
        // A snapshot or bookmark that is named is listed whatever -t says.
        let mut all = Vec::new();
        dataset(pool, &target.dataset, &[ListType::All], &mut all)?;
        let wanted = target.to_string();
        let row = all.into_iter().find(|r| r.name == wanted).ok_or_else(|| {
            Failure::new(
                ErrorClass::Damaged,
                format!("cannot open '{wanted}': dataset does not exist"),
            )
        })?;
        rows.push(row);
        return Ok(());
    }
    tree(pool, &target.dataset, args, args.recursive, rows)
}

fn tree(pool: &Pool, name: &str, args: &ListArgs, recursive: bool, rows: &mut Vec<Row>) -> Done {
    let default = [ListType::Filesystem, ListType::Volume];
    let types = if args.types.is_empty() { &default[..] } else { &args.types };
    dataset(pool, name, types, rows)?;
    // Names of at most 255 bytes end the recursion in any pool, looping ones too.
    if recursive && name.len() < 256 {
        for (child, _) in pool.dir(name)?.children(pool.mos())? {
            if !child.starts_with(['$', '%']) {
                tree(pool, &format!("{name}/{child}"), args, true, rows)?;
            }
        }
    }
    Ok(())
}

fn dataset(pool: &Pool, name: &str, types: &[ListType], rows: &mut Vec<Row>) -> Done {
    let wants = |t| types.contains(&ListType::All) || types.contains(&t);
    let dir = pool.dir(name)?;
    let head = Dataset::open(pool.mos(), dir.head_dataset)?;
    let encrypted =
        dir.zapified && zap::lookup(pool.mos(), dir.object, "com.datto:crypto_key_obj")?.is_some();
    let is_volume = !head.bp.is_hole() && pool.objset(&head)?.kind() == ObjsetType::ZVOL;
    let (kind, wanted) = if is_volume {
        ("volume", wants(ListType::Volume))
    } else {
        ("filesystem", wants(ListType::Filesystem))
    };
    let row = |name: String, kind, d: &Dataset, used, origin| Row {
        name,
        kind,
        guid: d.guid,
        createtxg: d.creation_txg,
        creation: d.creation_time,
        used: Some(used),
        refer: Some(d.referenced_bytes),
        origin,
        object: Some(d.object),
        encrypted,
    };
    if wanted {
        let origin = match dir.origin {
            0 => None,
            object => {
                let name = pool.dataset_name(&Dataset::open(pool.mos(), object)?)?;
                (!name.contains("/$ORIGIN")).then_some(name)
            }
        };
        rows.push(row(name.to_owned(), kind, &head, dir.used_bytes, origin));
    }
    if wants(ListType::Snapshot) {
        for (short, snap) in pool.snapshots(&head)? {
            rows.push(row(format!("{name}@{short}"), "snapshot", &snap, snap.unique_bytes, None));
        }
    }
    if wants(ListType::Bookmark) {
        for (short, b) in pool.bookmarks(&head)? {
            rows.push(Row {
                name: format!("{name}#{short}"),
                kind: "bookmark",
                guid: b.guid,
                createtxg: b.creation_txg,
                creation: b.creation_time,
                used: None,
                refer: b.has_freed_before_next().then_some(b.referenced[0]),
                origin: None,
                object: None,
                encrypted,
            });
        }
    }
    Ok(())
}

fn table(rows: &[Row], columns: &[Column], args: &ListArgs) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    if !args.scripted {
        lines.push(columns.iter().map(|(name, _)| name.to_uppercase()).collect());
    }
    lines.extend(rows.iter().map(|r| columns.iter().map(|(_, f)| f(r, args.exact)).collect()));
    aligned(&lines, args.scripted)
}

fn json(rows: &[Row], columns: &[Column]) -> String {
    let rows: Vec<serde_json::Value> = rows
        .iter()
        .map(|r| columns.iter().map(|(name, f)| ((*name).to_owned(), f(r, true).into())).collect())
        .map(serde_json::Value::Object)
        .collect();
    format!("{:#}\n", serde_json::Value::Array(rows))
}
