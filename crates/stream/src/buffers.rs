//! Buffers that are read into, and come back once nobody looks at them any more.

use std::sync::{Arc, Mutex, PoisonError};
use zsend_metal::pages::Pages;
use zsend_records::bytes::Bytes;

/// Buffers of one length, as many as are in use at a time.
#[derive(Clone, Debug)]
pub(crate) struct Buffers {
    len: usize,
    free: Arc<Mutex<Vec<Pages>>>,
}

impl Buffers {
    /// Buffers of this length; there is none yet.
    pub(crate) fn new(len: usize) -> Self {
        Self { len, free: Arc::default() }
    }

    /// A whole buffer, the one that came back last if there is one.
    pub(crate) fn take(&self) -> Pages {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = free.unwrap_or_else(|| Pages::zeroed(self.len));
        buffer.set_len(self.len);
        buffer
    }

    /// Contents of a buffer, which comes back when they are dropped.
    pub(crate) fn filled(&self, buffer: Pages) -> Bytes {
        Bytes::from_owner(Filled { buffer, home: Arc::clone(&self.free) })
    }
}

struct Filled {
    buffer: Pages,
    home: Arc<Mutex<Vec<Pages>>>,
}

impl AsRef<[u8]> for Filled {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_slice()
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        let mut free = self.home.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_whole_again_once_nobody_looks_at_what_it_held() {
        let buffers = Buffers::new(10_000);
        let mut buffer = buffers.take();
        buffer.as_mut_slice()[..3].copy_from_slice(b"abc");
        let place = buffer.as_slice().as_ptr();
        buffer.set_len(3);
        let held = buffers.filled(buffer);
        let part = held.slice(1..);
        drop(held);
        assert_ne!(buffers.take().as_slice().as_ptr(), place);
        assert_eq!(part, b"bc"[..]);
        drop(part);
        let again = buffers.take();
        assert_eq!((again.as_slice().as_ptr(), again.as_slice().len()), (place, 10_000));
    }
}
