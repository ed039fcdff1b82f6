//! The names that a package is of.

use crate::error::{PackageRefusal, Result};
use crate::options::PackageOptions;
use crate::tree::Scope;
use zsend_pool::Pool;
use zsend_pool::PoolError;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_traverse::SendError;

/// The names that a package is of, as `zfs_do_send()` takes its command line apart: OpenZFS
/// `cmd/zfs/zfs_main.c`, zfs-2.3.2.
pub(crate) fn scope<'o>(
    pool: &Pool,
    target: &str,
    options: &'o PackageOptions,
) -> Result<Scope<'o>> {
    if options.skip_missing && !options.replicate {
        return Err(PackageRefusal::SkipMissing.into());
    }
    if !options.excluded.is_empty() && !options.replicate {
        return Err(PackageRefusal::Exclusion.into());
    }
    if let Some(bad) = options.excluded.iter().find(|e| !may_be_excluded(e)) {
        return Err(PackageRefusal::ExcludedName(bad.clone()).into());
    }
    let source = options.source.as_deref();
    if options.is_of_many() && options.redaction.is_some() {
        return Err(PackageRefusal::Redacted.into());
    }
    if options.is_of_many() && source.is_some_and(|from| from.contains('#')) {
        return Err(PackageRefusal::FromBookmark.into());
    }
    let name = Name::parse(target).map_err(SendError::from)?;
    let Suffix::Snapshot(tosnap) = name.suffix.clone() else {
        return Err(PackageRefusal::NoSnapshot.into());
    };
    let missing = |name: String| {
        move |e| match e {
            PoolError::NotFound { .. } => SendError::NoDataset(name),
            other => other.into(),
        }
    };
    let dir = pool.dir(&name.dataset).map_err(missing(name.dataset.clone()))?;
    pool.dataset(&name).map_err(missing(name.to_string()))?;
    let mut scope = Scope {
        top: name.dataset.clone(),
        tosnap,
        fromsnap: None,
        is_doall: options.intermediate,
        from_origin: false,
        options,
    };
    if !options.is_of_many() {
        return Ok(scope);
    }
    if let Some(from) = source {
        let (dataset, short) = from.split_once('@').unwrap_or(("", from));
        if from.contains('@') && origin_name(pool, dir.origin)?.as_deref() == Some(from) {
            scope.from_origin = true;
        } else if !dataset.is_empty() && dataset != scope.top {
            return Err(PackageRefusal::OtherFilesystem.into());
        } else if short.contains(['@', '/']) {
            return Err(PackageRefusal::InvalidSource.into());
        } else {
            let full = format!("{}@{short}", scope.top);
            let from = Name::parse(&full).map_err(SendError::from)?;
            pool.dataset(&from).map_err(missing(full))?;
            scope.fromsnap = Some(short.to_owned());
        }
    }
    scope.is_doall |= options.replicate && scope.fromsnap.is_none();
    Ok(scope)
}

/// Returns true for the name of a dataset below the top one, or of a snapshot of one: what
/// `zfs_name_valid()` takes, OpenZFS `lib/libzfs/libzfs_dataset.c` and
/// `module/zcommon/zfs_namecheck.c`, zfs-2.3.2.
fn may_be_excluded(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.: ".contains(c);
    let Ok(parsed) = Name::parse(name) else { return false };
    let short = match &parsed.suffix {
        Suffix::None => None,
        Suffix::Snapshot(short) => Some(short.as_str()),
        Suffix::Bookmark(_) => return false,
    };
    let mut parts = parsed.dataset.split('/').chain(short);
    name.contains('/')
        && parts.all(|part| part != "." && part != ".." && part.chars().all(is_plain))
}

/// The full name of a clone's origin.
fn origin_name(pool: &Pool, object: u64) -> Result<Option<String>> {
    if object == 0 || object == pool.origin_snapshot()? {
        return Ok(None);
    }
    let origin = Dataset::open(pool.mos(), object)?;
    Ok(Some(pool.dataset_name(&origin)?))
}

/// The full name of the source of one stream: `@snap`, `#book` and `snap` are of the same dataset.
pub(crate) fn full_source(from: &str, dataset: &str) -> String {
    match from.find(['@', '#']) {
        Some(0) => format!("{dataset}{from}"),
        Some(_) => from.to_owned(),
        None => format!("{dataset}@{from}"),
    }
}
