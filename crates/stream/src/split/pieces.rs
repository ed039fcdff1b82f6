//! Pieces on their way to whoever writes them, on a thread of its own.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use zsend_records::bytes::Bytes;

/// Pieces that wait to be written.
const WAITING: usize = 4;

/// The way of pieces to a writer.
pub(super) fn way<T>() -> (SyncSender<T>, Receiver<T>) {
    sync_channel(WAITING)
}

/// Writes all pieces that come.
pub(super) fn write_all(
    mut out: impl Write,
    mut pieces: impl Iterator<Item = Bytes>,
) -> io::Result<()> {
    pieces.try_for_each(|piece| out.write_all(&piece))
}
