//! `bench`: how fast, beside the reference, in one run.

mod against;
mod make;
mod micro;
mod one;
mod slow;

use serde_json::{Value, json};
use xtask::run::target;

/// Runs of each side; the median counts.
const RUNS: usize = 5;

/// What the verb was asked for.
struct Options {
    against: Vec<String>,
    json: bool,
    make: bool,
}

fn options(args: &[String]) -> Result<Options, String> {
    let mut options = Options { against: Vec::new(), json: false, make: false };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().cloned().ok_or(format!("{arg} takes a value"));
        match arg.as_str() {
            "--against" => options.against.push(value()?),
            "--json" => options.json = true,
            "--make" => options.make = true,
            other => {
                return Err(format!(
                    "no option is called {other}; there are --against, --json, --make"
                ));
            }
        }
    }
    if let Some(other) = options.against.iter().find(|a| !matches!(a.as_str(), "zdb" | "cat")) {
        return Err(format!("--against takes zdb or cat, not {other}"));
    }
    Ok(options)
}

/// Runs the verb: `[--against zdb|cat]... [--json] [--make]`.
///
/// The pools are in `target/perf`, where `--make` puts them; a row whose pool is not there is left
/// out.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    if args.first().is_some_and(|a| a == "--one") {
        return one::run(&args[1..]);
    }
    let options = options(args)?;
    let dir = target().join("perf");
    if options.make {
        make::run(&dir)?;
    }
    let mut rows = micro::rows();
    rows.extend(against::rows(&dir, &options.against)?);
    rows.extend(slow::rows(&dir.join("perf.img"))?);
    if options.json {
        println!("{:#}", Value::Array(rows));
    } else {
        print_table(&rows);
    }
    Ok(())
}

/// One result: what was measured, our figure, and the other side's if there is one.
fn row(what: &str, unit: &str, ours: f64, other: Option<(&str, f64)>) -> Value {
    json!({
        "what": what,
        "unit": unit,
        "zsend": ours,
        "against": other.map(|(name, _)| name),
        "other": other.map(|(_, value)| value),
        "ratio": other.map(|(_, value)| ours / value),
    })
}

fn print_table(rows: &[Value]) {
    println!("{:<44} {:>10} {:>10} {:>7}  unit", "what", "zsend", "other", "ratio");
    for row in rows {
        let number = |key: &str| row[key].as_f64().map_or(String::new(), |v| format!("{v:.2}"));
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        println!(
            "{:<44} {:>10} {:>10} {:>7}  {} {}",
            text("what"),
            number("zsend"),
            number("other"),
            number("ratio"),
            text("unit"),
            text("against"),
        );
    }
}

/// The median of some runs.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
