//! Any changes of the objects that properties are read from, with every checksum mended: the bytes of
//! [`crate::pool`], of which all change the MOS.
//!
//! Whatever the ZAPs hold, every property of every dataset and snapshot ends in a value or an error, and is
//! shown in both ways. Values that the bytes are taken for are shown, too.

use crate::pool::changed;
use zsend_pool::{Pool, Result};
use zsend_props::{Item, NATIVE, date, nice_bytes, nice_number};

/// Datasets that are asked for.
const DATASETS: usize = 12;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    for word in bytes.as_chunks::<8>().0 {
        let number = u64::from_le_bytes(*word);
        let shown =
            [nice_number(number), nice_bytes(number), date(number, true), date(number, false)];
        assert!(shown.iter().all(|text| !text.is_empty()));
    }
    let Some((pool, _)) = changed(bytes, Some(0)) else { return };
    let Ok(pool) = pool.open() else { return };
    for (name, head) in pool.datasets().take(DATASETS) {
        let snapshot = head.ok().and_then(|head| {
            let mut all = pool.snapshots(&head).ok()?.items;
            Some(format!("{name}@{}", all.pop()?.0))
        });
        for name in [Some(name), snapshot].into_iter().flatten() {
            let _ = ask(&pool, &name);
        }
    }
}

fn ask(pool: &Pool, name: &str) -> Result<()> {
    let item = Item::open(pool, name)?;
    for native in NATIVE {
        if let Ok(Some(property)) = item.native(native) {
            let _ = (
                property.value.shown(true),
                property.value.shown(false),
                property.source.to_string(),
            );
        }
        let _ = item.received(native.name);
    }
    for (name, property) in item.user()? {
        assert!(name.contains(':'), "{name}");
        assert!(item.user_property(&name).is_ok_and(|found| found == Some(property)));
    }
    Ok(())
}
