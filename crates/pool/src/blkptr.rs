//! Block pointers: their layout is [`zsend_ondisk::blkptr`]'s; here a place is put to what is wrong.

use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};
pub use zsend_ondisk::blkptr::{
    BLKPTR_SHIFT, BLKPTR_SIZE, BlkPtr, BlkPtrBuilder, Dva, EmbeddedType, MAX_BLOCK_SIZE,
    MINBLOCK_SHIFT,
};

/// Refuses a pointer whose sizes or ids no writer could have written, before anything is
/// allocated or read by them.
///
/// # Errors
/// [`PoolError::Corrupt`] names the field; [`PoolError::Unsupported`] an unknown algorithm.
pub fn check(bp: &BlkPtr, at: &Zbookmark) -> Result<()> {
    bp.check().map_err(|e| PoolError::layout(*at, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zsend_records::types::{Checksum, Compress};

    #[test]
    fn what_is_wrong_has_a_place() {
        let at = Zbookmark::new(1, 2, 0, 3);
        let dva = Dva::new(0, 0, 512).unwrap();
        let build = |bp: BlkPtrBuilder| check(&bp.dva(0, dva).build().unwrap(), &at);
        let builder = BlkPtr::builder();
        assert!(build(builder).is_ok());
        let error = build(builder.lsize(32 << 20)).unwrap_err();
        assert!(matches!(&error, PoolError::Corrupt { what: "lsize", .. }));
        assert_eq!(error.to_string(), format!("{at}: lsize is 33554432, expected at most 16 MiB"));
        let error = build(builder.lsize(1024)).unwrap_err();
        assert_eq!(error.to_string(), format!("{at}: psize is 512, expected 1024"));
        let unknown = builder.compress(Compress(99));
        for bp in [unknown, builder.checksum_type(Checksum(99))] {
            let error = build(bp).unwrap_err();
            assert!(
                matches!(&error, PoolError::Unsupported(what) if what.to_string().contains("99")),
                "{error}"
            );
            assert!(error.to_string().starts_with(&format!("not supported: {at}: ")), "{error}");
        }
    }
}
