//! Encryption of the datasets of pools.

use super::Found;
use super::row::{EncryptionRow, Keys, Kind};
use crate::args::PoolArgs;
use crate::exit::{CommandResult, Failure};
use crate::list::pools::Pools;
use zsend_pool::Pool;
use zsend_pool::PoolError;
use zsend_pool::dsl::crypt::Encryption;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::dsl::tree::Datasets;

/// Adds rows for every encrypted dataset that is named, or below one that is; for all if none is named.
pub(super) fn collect(args: &PoolArgs, targets: &[String], found: &mut Found) -> CommandResult {
    let (pools, targets, failures) = Pools::open(args, targets)?.into_parts();
    found.failures = failures;
    for target in &targets {
        if target.suffix != Suffix::None {
            return Err(Failure::usage(format!("'{target}' is no pool or dataset")));
        }
    }
    for pool in &pools {
        if targets.is_empty() {
            tree(pool, pool.datasets(), found);
        }
        for target in &targets {
            let named = Name::parse(&pool.full_name(&target.to_string()))?;
            if named.pool() == pool.name() {
                match pool.dir(&named.dataset) {
                    Ok(dir) => {
                        let below = Datasets::new(pool.mos(), &named.dataset, dir.object);
                        tree(pool, below, found);
                    }
                    Err(e) => found.failures.add(format!("cannot open '{named}'"), e),
                }
            }
        }
    }
    Ok(())
}

fn tree(pool: &Pool, datasets: Datasets<'_>, found: &mut Found) {
    for (name, head) in datasets {
        if let Err(e) = head.and_then(|head| dataset(pool, &name, &head, found)) {
            found.failures.add(format!("cannot read '{name}'"), e);
        }
    }
}

/// Adds a dataset, its snapshots and its bookmarks.
fn dataset(pool: &Pool, name: &str, head: &Dataset, found: &mut Found) -> Result<(), PoolError> {
    let Some(encryption) = pool.encryption(head)? else { return Ok(()) };
    let root = pool.encryption_root(&encryption)?;
    if let Some(own) = encryption.own.filter(|_| encryption.is_orphaned()) {
        found.faults.push(format!(
            "{name}: its keys are wrapped with another key than that of its encryption root {root}: {} with {} \
             iterations and the salt {}, as a raw receive leaves it; the key of the sender opens it (openzfs #12614)",
            own.format, own.iterations, own.salt
        ));
    }
    let row = |kind, name: String, guid, ivset| EncryptionRow {
        kind,
        name,
        place: pool.label().pool_guid.to_string().into(),
        guid,
        fromguid: 0,
        root: Some(root.clone()),
        keys: Some(keys(&encryption, kind == Kind::Dataset)),
        ivset,
        from_ivset: 0,
    };
    found.rows.push(row(Kind::Dataset, name.to_owned(), 0, 0));
    let mut snapshots = pool.snapshots(head)?;
    // As `zfs list` has them: by their age.
    snapshots.items.sort_by_key(|(_, s)| s.as_ref().map_or(u64::MAX, |s| s.creation_txg));
    for (short, snapshot) in snapshots.items {
        let name = format!("{name}@{short}");
        match snapshot.and_then(|snapshot| Ok((snapshot.guid, snapshot.ivset_guid()?))) {
            Ok((guid, ivset)) => found.rows.push(row(Kind::Snapshot, name, guid, ivset)),
            Err(e) => found.failures.add(format!("cannot read '{name}'"), e),
        }
    }
    let bookmarks = pool.bookmarks(head)?;
    for (short, bookmark) in bookmarks.items {
        let name = format!("{name}#{short}");
        match bookmark {
            Ok(bookmark) => {
                found.rows.push(row(Kind::Bookmark, name, bookmark.guid, bookmark.ivset_guid));
            }
            Err(e) => found.failures.add(format!("cannot read '{name}'"), e),
        }
    }
    for e in snapshots.lost.into_iter().chain(bookmarks.lost) {
        found.failures.add(format!("cannot read all snapshots and bookmarks of '{name}'"), e);
    }
    Ok(())
}

fn keys(encryption: &Encryption, is_wrapped: bool) -> Keys {
    let Encryption { key_object, format, iterations, salt, .. } = encryption;
    // What wraps them is told by the dataset's own key object, not by its root's.
    let (format, iterations, salt) = match encryption.own {
        Some(own) => (own.format, own.iterations, own.salt),
        None => (*format, *iterations, *salt),
    };
    Keys {
        suite: key_object.suite,
        key_guid: key_object.guid,
        format,
        iterations,
        salt,
        wrapped: is_wrapped.then(|| key_object.clone()),
    }
}
