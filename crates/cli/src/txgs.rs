//! `--list-txgs`: the states of a pool that its devices remember, and which can still be read.

use crate::exit::{CommandResult, Failure, warn};
use crate::stdout;
use crate::text::{Head, table as as_table};
use std::path::PathBuf;
use zsend_pool::discover::{FoundPool, discover, select};
use zsend_pool::{CancelToken, ErrorClass, Listed, Name, PoolError, known_txgs};

/// Options of the list: the flags of `zsend list` of the same names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// No header, tabs between columns.
    pub(crate) scripted: bool,
    /// Times in seconds since 1970.
    pub(crate) exact: bool,
    /// One JSON array of objects.
    pub(crate) json: bool,
}

/// Prints the states of the pools of these targets, or of every pool found, newest first.
pub(crate) fn list(devices: &[PathBuf], targets: &[String], style: Style) -> CommandResult {
    // No signal is taken here: one ends the program at once.
    let cancel = CancelToken::default();
    let mut names = Vec::new();
    for target in targets {
        let name = Name::parse(target)?.pool().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let pools = if names.is_empty() {
        let discovery = discover(devices, &cancel)?;
        if discovery.pools.is_empty() {
            let looked_at = Listed(discovery.passed_over.all());
            let why = format!("no pool was found on the given devices{looked_at}");
            return Err(Failure::new(ErrorClass::Damaged, why));
        }
        discovery.refused().iter().for_each(warn);
        discovery.pools
    } else {
        let named = names.iter().map(|name| select(discover(devices, &cancel)?, name));
        named.collect::<Result<_, _>>()?
    };
    let text = if style.json { json(&pools, &cancel)? } else { table(&pools, style, &cancel)? };
    stdout::print(text.as_bytes())
}

fn table(pools: &[FoundPool], style: Style, cancel: &CancelToken) -> Result<String, PoolError> {
    let mut lines = Vec::new();
    let head = ["POOL", "TXG", "TIME", "USABLE"];
    let head = head.map(Head::of);
    for pool in pools {
        for warning in &pool.warnings {
            warn(warning);
        }
        for known in known_txgs(pool, cancel)? {
            lines.push(vec![
                pool.config.name.clone(),
                known.uberblock.txg.to_string(),
                time(known.uberblock.timestamp, style.exact),
                known.problem.map_or_else(|| "yes".to_owned(), |e| format!("no: {e}")),
            ]);
        }
    }
    Ok(as_table(head.into(), lines, style.scripted))
}

/// A time in the words of `zfs list`, or with `exact` in seconds since 1970.
fn time(seconds: u64, exact: bool) -> String {
    if exact { seconds.to_string() } else { zsend_props::date(seconds, false) }
}

fn json(pools: &[FoundPool], cancel: &CancelToken) -> Result<String, PoolError> {
    let mut rows = Vec::new();
    for pool in pools {
        for known in known_txgs(pool, cancel)? {
            rows.push(serde_json::json!({
                "pool": pool.config.name,
                "guid": pool.config.pool_guid.to_string(),
                "txg": known.uberblock.txg.to_string(),
                "time": known.uberblock.timestamp.to_string(),
                "usable": known.problem.is_none(),
                "why": known.problem.map(|e| e.to_string()),
            }));
        }
    }
    Ok(format!("{:#}\n", serde_json::Value::Array(rows)))
}
