//! Records that are worked on, on all cores, while those before them are written and those behind them are read.

use super::error::ChangeError;
use super::packet::{Packet, logical};
use super::transform::Work;
use rayon::prelude::*;
use std::mem::take;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Bytes of payloads, or of the blocks that they hold, that are one task: to hand over less takes longer than to work on it.
const TASK: u64 = 128 << 10;

/// Records in order, and the fault behind them; work on them may be under way.
pub(super) struct Group {
    /// They come once all work is done.
    tasks: Receiver<Vec<Task>>,
    fault: Option<ChangeError>,
}

/// Result of a task: its records, each with what came of the work.
type Task = thread::Result<Vec<Result<Packet, ChangeError>>>;

/// Tasks of a group: their results, and how many are not done. They are counted here, not left to rayon to join: a thread that
/// waits in a join takes up work of the next group, and the writer waits for this one meanwhile (`recompress lz4`: a tenth).
struct Tasks {
    results: Vec<Option<Task>>,
    left: usize,
}

impl Group {
    /// Begins the work on records, or does it, if this is a thread of rayon's. If they are the `last` step's, whoever works on
    /// them sums them up for the writer, which does it itself where there is no work.
    pub(super) fn start(
        records: Vec<(Packet, Option<Work>)>,
        fault: Option<ChangeError>,
        last: bool,
    ) -> Self {
        // There is room for what comes, and nobody may wait for it any more.
        let (to, tasks) = sync_channel(1);
        if records.iter().all(|(_, work)| work.is_none()) {
            let packets = records.into_iter().map(|(packet, _)| Ok(packet)).collect();
            let _ = to.send(vec![Ok(packets)]);
            return Self { tasks, fault };
        }
        let parts = parts(records);
        if rayon::current_thread_index().is_some() {
            // All of a pool's threads may be at this: nobody but them would do the work.
            let done = parts.into_par_iter().map(|part| run(part, last)).collect();
            let _ = to.send(done);
            return Self { tasks, fault };
        }
        let (results, left) = (parts.iter().map(|_| None).collect(), parts.len());
        let state = Arc::new(Mutex::new(Tasks { results, left }));
        for (at, part) in parts.into_iter().enumerate() {
            let (state, to) = (Arc::clone(&state), to.clone());
            rayon::spawn(move || done(&state, &to, at, run(part, last)));
        }
        Self { tasks, fault }
    }

    /// Returns true if there is a fault behind the records.
    pub(super) const fn has_fault(&self) -> bool {
        self.fault.is_some()
    }

    /// Waits for the work: the records before the first fault, and the fault.
    pub(super) fn wait(self) -> (Vec<Packet>, Option<ChangeError>) {
        let mut packets = Vec::new();
        for task in self.tasks.recv().into_iter().flatten() {
            for packet in task.unwrap_or_else(|panic| resume_unwind(panic)) {
                match packet {
                    Ok(packet) => packets.push(packet),
                    Err(fault) => return (packets, Some(fault)),
                }
            }
        }
        (packets, self.fault)
    }
}

/// Records, cut into tasks.
fn parts(records: Vec<(Packet, Option<Work>)>) -> Vec<Vec<(Packet, Option<Work>)>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0_u64);
    for record in records {
        let (packet, _) = &record;
        bytes += logical(&packet.header).max(packet.payload().len() as u64);
        part.push(record);
        if bytes >= TASK {
            parts.push(take(&mut part));
            bytes = 0;
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Works on records. A panic is that of whoever waits.
fn run(part: Vec<(Packet, Option<Work>)>, last: bool) -> Task {
    let work = |(packet, work): (Packet, Option<Work>)| {
        let mut packet = match work {
            Some(work) => work(packet)?,
            None => packet,
        };
        if last {
            packet.sum();
        }
        Ok(packet)
    };
    catch_unwind(AssertUnwindSafe(|| part.into_iter().map(work).collect()))
}

/// Takes the result of a task. The last one gives all of them.
fn done(state: &Mutex<Tasks>, to: &SyncSender<Vec<Task>>, at: usize, task: Task) {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    state.results[at] = Some(task);
    state.left -= 1;
    if state.left == 0 {
        // Nobody may wait for them any more.
        let _ = to.send(take(&mut state.results).into_iter().flatten().collect());
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet::RecordOrigin;
    use super::*;
    use zsend_records::Order;
    use zsend_records::bytes::Bytes;
    use zsend_records::drr::{ReplayRecord, Write};
    use zsend_records::reader::Role;
    use zsend_records::zerocopy::FromZeros;
    use zsend_records::zerocopy::byteorder::LE;

    /// Bytes that are a task by themselves.
    const LEN: usize = 128 << 10;

    /// A record by number, with as many bytes.
    fn packet(number: u64, len: usize) -> Packet {
        let mut write = Write::<LE>::new_zeroed();
        write.object = number.into();
        let origin = RecordOrigin { file: "in".into(), record: number, byte: 0 };
        let header = ReplayRecord::new(&write);
        Packet::new(origin, Order::Little, Role::Stream, header, Bytes::from(vec![1; len]))
    }

    fn numbers(packets: &[Packet]) -> Vec<u64> {
        packets.iter().map(|packet| packet.origin.record).collect()
    }

    #[test]
    fn records_stay_in_order_whoever_is_done_first() {
        // Some tasks of one record, some of several.
        let len = |number| if number % 3 == 0 { LEN } else { 1000 };
        let records = (0..40).map(|number| {
            let work: Work = Box::new(move |mut packet: Packet| {
                packet.set_payload(vec![7; len(number)]);
                Ok(packet)
            });
            (packet(number, len(number)), (number % 2 == 0).then_some(work))
        });
        let (packets, fault) = Group::start(records.collect(), None, true).wait();
        assert!(fault.is_none());
        assert_eq!(numbers(&packets), (0..40).collect::<Vec<_>>());
        for (number, packet) in packets.iter().enumerate() {
            assert_eq!(packet.payload()[0], if number % 2 == 0 { 7 } else { 1 });
            assert!(packet.known_sum().is_some());
        }
    }

    #[test]
    fn nothing_comes_behind_the_first_fault() {
        let records = (0..9).map(|number| {
            let work: Work = Box::new(move |packet: Packet| match number {
                4 | 6 => Err(ChangeError::refused(&packet.origin, "not this one")),
                _ => Ok(packet),
            });
            (packet(number, LEN / 2), Some(work))
        });
        let behind = ChangeError::refused(&packet(99, 0).origin, "behind all");
        let (packets, fault) = Group::start(records.collect(), Some(behind), false).wait();
        assert_eq!(numbers(&packets), [0, 1, 2, 3]);
        assert_eq!(fault.unwrap().to_string(), "in: byte 0, record 4: not this one");
    }

    #[test]
    #[should_panic(expected = "worked on")]
    fn a_panic_is_that_of_whoever_waits() {
        let work: Work = Box::new(|_| panic!("worked on"));
        Group::start(vec![(packet(0, 1), Some(work))], None, false).wait();
    }
}
