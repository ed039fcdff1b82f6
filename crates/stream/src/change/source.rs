//! The inputs of a change: records, each whole and with its payload, in batches that memory has room for.

use super::error::ChangeError;
use super::packet::Packet;
use super::parse::Parse;
use crate::in_turn::{Pieces, ReadableInput};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::{self, JoinHandle};

/// Bytes of payloads, and of what they decompress to, that are changed together.
pub(super) const BATCH_BYTES: u64 = 4 << 20;
/// Records that are changed together.
pub(super) const BATCH_RECORDS: usize = 256;

/// An input: a stream, or a package of streams, or several, one behind the other.
#[derive(Debug)]
pub struct ChangeInput(Box<dyn Batches>);

/// Records in batches.
pub(super) trait Batches: fmt::Debug + Send {
    /// The next records, as far as they are right, and the fault behind them.
    fn next_batch(&mut self) -> Batch;

    /// Makes batches smaller, for memory that is shared by so many. It is called before the first is asked for.
    fn share(&mut self, inputs: u64);
}

/// Records that are changed together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) packets: Vec<Packet>,
    /// Reason that there are no more, if it is not the end of a whole stream.
    pub(super) fault: Option<ChangeError>,
    /// True if nothing is behind it.
    pub(super) is_last: bool,
    /// True if it takes so much memory that no other is read until it is done with: until the next is asked for.
    pub(super) is_large: bool,
}

impl ChangeInput {
    /// A file, or whatever else a descriptor has. `name` is for messages. Reading begins with the first record that is
    /// asked for, from where the file stands by then, on two threads of its own, which end with the read that is under way
    /// when nobody wants more.
    pub fn of_file(name: &str, file: File) -> Self {
        Self::new(name, ReadableInput::File(file))
    }

    /// Anything that can be read. `name` is for messages. It is read as a file is.
    pub fn of_reader(name: &str, reader: impl Read + Send + 'static) -> Self {
        Self::new(name, ReadableInput::Reader(Box::new(reader)))
    }

    fn new(name: &str, input: ReadableInput) -> Self {
        let (file, state) = (name.into(), ReadingState::Rests(input));
        Self::of(Records { file, most: BATCH_BYTES, is_shared: false, state })
    }

    /// Records that come from somewhere else.
    pub(super) fn of(batches: impl Batches + 'static) -> Self {
        Self(Box::new(batches))
    }

    /// The next records: see [`Batches::next_batch`].
    pub(super) fn next_batch(&mut self) -> Batch {
        self.0.next_batch()
    }

    /// Makes batches smaller: see [`Batches::share`].
    pub(super) fn share(&mut self, inputs: u64) {
        self.0.share(inputs);
    }
}

/// An input that is read on threads of its own.
struct Records {
    file: Arc<str>,
    /// Bytes of payloads, and of what they decompress to, that are given together.
    most: u64,
    /// Others are read beside it.
    is_shared: bool,
    state: ReadingState,
}

enum ReadingState {
    Rests(ReadableInput),
    Runs(Running),
    Over,
}

/// Reading that is under way. It ends when nobody asks any more, once the read that it is at returns.
struct Running {
    batches: Receiver<Batch>,
    /// A word for each batch that is done with, if nothing is read before.
    go_on: Sender<()>,
    /// The reader waits for that.
    waits: bool,
    thread: JoinHandle<()>,
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Batches for Records {
    fn next_batch(&mut self) -> Batch {
        let nothing = Batch { is_last: true, ..Batch::default() };
        let mut running = match std::mem::replace(&mut self.state, ReadingState::Over) {
            ReadingState::Over => return nothing,
            ReadingState::Runs(running) => running,
            ReadingState::Rests(input) => match self.start(input) {
                Ok(running) => running,
                Err(e) => return Batch { fault: Some(ChangeError::Thread(e)), ..nothing },
            },
        };
        if running.waits {
            // A reader that is done does not wait.
            let _ = running.go_on.send(());
        }
        match running.batches.recv() {
            Ok(batch) => {
                running.waits = batch.is_large || self.is_shared;
                if !batch.is_last {
                    self.state = ReadingState::Runs(running);
                }
                batch
            }
            // A reader that does not panic gives a last batch.
            Err(_) => {
                running.thread.join().unwrap_or_else(|panic| resume_unwind(panic));
                let (file, source) = (Arc::clone(&self.file), io::ErrorKind::UnexpectedEof.into());
                Batch { fault: Some(ChangeError::Read { file, byte: 0, source }), ..nothing }
            }
        }
    }

    fn share(&mut self, inputs: u64) {
        self.most = BATCH_BYTES / inputs.max(1);
        self.is_shared = true;
    }
}

impl Records {
    fn start(&self, input: ReadableInput) -> io::Result<Running> {
        // A batch waits with whoever has read it: more of them in memory would take one another's place in the caches.
        let (to, batches) = sync_channel(0);
        let (go_on, may_go_on) = channel();
        let mut parse =
            Parse::new(Arc::clone(&self.file), (self.most, self.is_shared), to, may_go_on);
        let pieces = if self.is_shared { Pieces::SHARED } else { Pieces::LARGE };
        let read = move || {
            let read = input.each(pieces, |piece| parse.piece(piece));
            parse.end(read);
        };
        let thread = thread::Builder::new().name("read".into()).spawn(read)?;
        Ok(Running { batches, go_on, waits: false, thread })
    }
}
