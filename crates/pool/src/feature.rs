//! Feature flags: which must be understood to read a pool, and which of those are.

/// Features that change how blocks or objects are read, and that this reader understands.
///
/// Source: OpenZFS `module/zcommon/zfeature_common.c`, zfs-2.4.0, the features that lack
/// `ZFEATURE_FLAG_READONLY_COMPAT`. Of those, `com.seagate:draid_failure_domains` is not here: its
/// permutations are not read. A feature that has the flag is never listed as needed for reading.
const UNDERSTOOD: [&str; 25] = [
    LZ4_COMPRESS,
    "com.joyent:multi_vdev_crash_dump",
    "com.delphix:hole_birth",
    "com.delphix:extensible_dataset",
    EMBEDDED_DATA,
    LARGE_BLOCKS,
    LARGE_DNODE,
    "org.illumos:sha512",
    "org.illumos:skein",
    "org.illumos:edonr",
    "com.delphix:redaction_bookmarks",
    REDACTED_DATASETS,
    "com.delphix:bookmark_written",
    ENCRYPTION,
    "com.datto:bookmark_v2",
    ZSTD_COMPRESS,
    "com.delphix:head_errlog",
    "org.openzfs:blake3",
    "com.klarasystems:vdev_zaps_v2",
    "com.delphix:redaction_list_spill",
    LONGNAME,
    "com.delphix:device_removal",
    "org.openzfs:draid",
    "org.openzfs:raidz_expansion",
    "com.klarasystems:dynamic_gang_header",
];

/// LZ4 compression.
pub const LZ4_COMPRESS: &str = "org.illumos:lz4_compress";
/// Small blocks inside their block pointers.
pub const EMBEDDED_DATA: &str = "com.delphix:embedded_data";
/// Blocks over 128 KiB.
pub const LARGE_BLOCKS: &str = "org.open-zfs:large_blocks";
/// Dnodes of several slots.
pub const LARGE_DNODE: &str = "org.zfsonlinux:large_dnode";
/// Redacted datasets.
pub const REDACTED_DATASETS: &str = "com.delphix:redacted_datasets";
/// Native encryption.
pub const ENCRYPTION: &str = "com.datto:encryption";
/// Zstandard compression.
pub const ZSTD_COMPRESS: &str = "org.freebsd:zstd_compress";
/// Directory entries over 255 bytes.
pub const LONGNAME: &str = "org.zfsonlinux:longname";
/// Micro ZAPs over 128 KiB.
pub const LARGE_MICROZAP: &str = "com.klarasystems:large_microzap";

/// Returns true if a pool that needs this feature for reading can be read.
pub fn is_understood(guid: &str) -> bool {
    UNDERSTOOD.contains(&guid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_that_is_not_known_is_not_understood() {
        assert!(is_understood("org.illumos:lz4_compress"));
        assert!(!is_understood("com.seagate:draid_failure_domains"));
        assert!(!is_understood("org.example:tomorrow"));
    }
}
