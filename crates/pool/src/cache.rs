//! A small cache of metadata blocks, so that walking names and objects reads each block once.

use crate::Result;
use crate::blkptr::BlkPtr;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Mutex;

/// Bytes that the cache may hold.
const CAPACITY: usize = 8 << 20;

/// First DVA, birth, and whether the block was decrypted.
type Key = ([u64; 2], u64, bool);

/// Decompressed blocks by where they lie and when they were born.
#[derive(Debug, Default)]
pub struct BlockCache {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    blocks: HashMap<Key, Bytes>,
    held: usize,
}

impl BlockCache {
    /// The block from the cache, or from `read`, which gives it decrypted or not.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn get(
        &self,
        bp: &BlkPtr,
        decrypted: bool,
        read: impl FnOnce() -> Result<Bytes>,
    ) -> Result<Bytes> {
        if bp.is_embedded() {
            return read();
        }
        let w = bp.words();
        let key = ([w[0], w[1]], bp.physical_birth(), decrypted);
        if let Ok(inner) = self.inner.lock()
            && let Some(data) = inner.blocks.get(&key)
        {
            return Ok(data.clone());
        }
        // No lock is held across the read: two threads may read one block, none waits for a disk.
        let data = read()?;
        if let Ok(mut inner) = self.inner.lock() {
            if inner.held + data.len() > CAPACITY {
                inner.blocks.clear();
                inner.held = 0;
            }
            inner.held += data.len();
            inner.blocks.insert(key, data.clone());
        }
        Ok(data)
    }
}
