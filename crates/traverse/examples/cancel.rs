//! Sends from an asynchronous program: a channel of `Bytes`, and whoever drops its receiver ends the send.
//!
//! `cancel IMAGE POOL SNAPSHOT BYTES` writes the first BYTES bytes of the stream to standard output.
#![allow(dead_code, reason = "a program, and a module of a test")]

use bytes::Bytes;
use std::error::Error;
use std::io::{self, Write};
use std::sync::Arc;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{JoinHandle, spawn_blocking};
use zsend_encoder::summary::Summary;
use zsend_pool::{OpenOptions, Pool};
use zsend_traverse::{CancelToken, SendError, SendOptions, SendPlan};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [image, pool, snapshot, bytes] = &args[..] else {
        return Err("usage: cancel IMAGE POOL SNAPSHOT BYTES".into());
    };
    let pool = Pool::open(&[image.into()], pool, &OpenOptions::default())?;
    let (mut stream, sent) = send(Arc::new(pool), snapshot.clone());
    let mut left: usize = bytes.parse()?;
    while left > 0 {
        let Some(piece) = stream.next().await else { break };
        let piece = &piece[..piece.len().min(left)];
        io::stdout().write_all(piece)?;
        left -= piece.len();
    }
    drop(stream);
    // A stream that was dropped is no failure here.
    match sent.await? {
        Ok(_) | Err(SendError::Cancelled | SendError::Output(_)) => Ok(()),
        Err(other) => Err(other.into()),
    }
}

/// Pieces that may be on their way at once; a sender that is faster than its receiver waits.
const PIECES: usize = 16;

/// A stream that is being sent.
pub(crate) struct Stream {
    pieces: Receiver<Bytes>,
    cancel: CancelToken,
}

impl Stream {
    /// Returns the next piece; `None` at the end, and after an error.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        self.pieces.recv().await
    }
}

impl Drop for Stream {
    /// Ends the send, whether it reads or waits for room.
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Begins a send on a thread of its own, whose result is there once the stream has ended or was dropped.
pub(crate) fn send(
    pool: Arc<Pool>,
    snapshot: String,
) -> (Stream, JoinHandle<Result<Summary, SendError>>) {
    let (sender, pieces) = channel(PIECES);
    let cancel = CancelToken::default();
    let stream = Stream { pieces, cancel: cancel.clone() };
    let sent = spawn_blocking(move || {
        let plan = SendPlan::by_name(&pool, &snapshot, None, SendOptions::default())?;
        plan.write(Pieces(sender), &cancel, |_| {})
    });
    (stream, sent)
}

/// A destination that hands each write on.
struct Pieces(Sender<Bytes>);

impl Write for Pieces {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let handed = self.0.blocking_send(Bytes::copy_from_slice(piece));
        handed.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
