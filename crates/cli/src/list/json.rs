//! JSON in the shape of `zfs list -j` and `zfs get -j`, 2.3.
//!
//! Follows `fill_dataset_info()` and `zprop_nvlist_one_property()`, OpenZFS `cmd/zfs/zfs_main.c` and
//! `lib/libzfs/libzfs_util.c`, zfs-2.3.2.

use serde_json::{Map, Value as Json, json};
use zsend_props::{Item, Native, Property, PropertySource, Value};

/// A whole answer of a command.
pub(crate) fn answer(command: &str, datasets: Map<String, Json>) -> String {
    let version = json!({ "command": command, "vers_major": 0, "vers_minor": 1 });
    format!("{}\n", json!({ "output_version": version, "datasets": datasets }))
}

/// A dataset with its properties.
pub(crate) fn dataset(
    name: &str,
    item: &Item<'_>,
    as_number: bool,
    properties: Map<String, Json>,
) -> Json {
    // What cannot be read has no txg; the properties that are asked for tell why.
    let txg = Native::by_name("createtxg").and_then(|txg| item.native(txg).ok().flatten());
    let txg = txg.map(|txg| value(&txg.value, true, as_number));
    let mut object = Map::new();
    let mut add = |key: &str, value: Json| object.insert(key.to_owned(), value);
    add("name", name.into());
    add("type", item.kind().name().to_uppercase().into());
    add("pool", name.split(['/', '@', '#']).next().into());
    add("createtxg", txg.into());
    if let Some((dataset, short)) = name.split_once('@') {
        add("dataset", dataset.into());
        add("snapshot_name", short.into());
    }
    add("properties", properties.into());
    object.into()
}

/// A value, as a number if that is wanted and it is one that is shown as digits.
pub(crate) fn value(value: &Value, exact: bool, as_number: bool) -> Json {
    let text = value.shown(exact);
    match text.parse::<u64>() {
        Ok(number) if as_number => number.into(),
        _ => text.into(),
    }
}

/// A property that a dataset has, or has not.
pub(crate) fn property(property: Option<&Property>, exact: bool, as_number: bool) -> Json {
    let shown = property.map_or_else(|| "-".into(), |p| value(&p.value, exact, as_number));
    let (kind, data) = match property.map(|p| &p.source) {
        None | Some(PropertySource::None) => ("NONE", "-"),
        Some(PropertySource::Default) => ("DEFAULT", "-"),
        Some(PropertySource::Local) => ("LOCAL", "-"),
        Some(PropertySource::Inherited(name)) => ("INHERITED", name.as_str()),
        Some(PropertySource::Received) => ("RECEIVED", "-"),
    };
    json!({ "value": shown, "source": { "type": kind, "data": data } })
}
