//! The feature word of a stream: what was asked for, as far as the dataset and the pool use it.

use super::SendOptions;
use crate::error::{Result, SendError};
use zsend_pool::Pool;
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::feature;
use zsend_pool::{PoolError, zap};
use zsend_records::flags::Features;
use zsend_records::types::ObjsetType;

/// The ZPL's master node: `MASTER_NODE_OBJ`.
const MASTER_NODE: u64 = 1;
/// The ZPL version that put attributes into SA bonuses and spill blocks: `ZPL_VERSION_SA`.
const ZPL_VERSION_SA: u64 = 5;

/// Chooses the features, as `dmu_send_impl()` of the dialect's lineage does.
///
/// # Errors
/// Those of reading the ZPL version.
pub(crate) fn choose(
    pool: &Pool,
    dataset: &Dataset,
    objset: &Objset,
    encrypted: bool,
    options: &SendOptions,
) -> Result<Features> {
    let mut features = Features::empty();
    if objset.kind() == ObjsetType::ZFS && zpl_version(objset)? >= ZPL_VERSION_SA {
        features |= Features::SA_SPILL;
    }
    features.set(
        Features::LARGE_BLOCKS,
        (options.large_block || options.raw) && dataset.uses(feature::LARGE_BLOCKS)?,
    );
    features.set(Features::LARGE_DNODE, dataset.uses(feature::LARGE_DNODE)?);
    // Encrypted datasets have no embedded blocks.
    features.set(
        Features::EMBED_DATA,
        (options.embed || options.raw) && !encrypted && pool.is_active(feature::EMBEDDED_DATA),
    );
    features.set(Features::COMPRESSED, options.compress || options.raw);
    features.set(Features::RAW, options.raw && encrypted);
    features.set(
        Features::LZ4,
        features.intersects(Features::EMBED_DATA | Features::COMPRESSED | Features::RAW)
            && pool.is_active(feature::LZ4_COMPRESS),
    );
    features.set(Features::RESUMING, options.resume.is_some());
    if !options.dialect.is_illumos() {
        features.set(
            Features::ZSTD,
            features.intersects(Features::COMPRESSED | Features::RAW)
                && dataset.uses(feature::ZSTD_COMPRESS)?,
        );
        features.set(Features::LONGNAME, dataset.uses(feature::LONGNAME)?);
        features.set(Features::LARGE_MICROZAP, dataset.uses(feature::LARGE_MICROZAP)?);
    }
    Ok(features)
}

/// Refuses features that do not go together.
///
/// # Errors
/// [`SendError::LargeMicrozap`].
pub(crate) fn check(features: Features) -> Result<()> {
    if features.contains(Features::LARGE_MICROZAP) && !features.contains(Features::LARGE_BLOCKS) {
        return Err(SendError::LargeMicrozap);
    }
    Ok(())
}

/// The ZPL version; a master node without one counts as the current version.
fn zpl_version(objset: &Objset) -> Result<u64> {
    match zap::lookup_u64(objset, MASTER_NODE, "VERSION") {
        Ok(version) => Ok(version.unwrap_or(ZPL_VERSION_SA)),
        Err(PoolError::NotFound { .. }) => Ok(ZPL_VERSION_SA),
        Err(e) => Err(e.into()),
    }
}
