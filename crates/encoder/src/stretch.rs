//! A stretch of a stream that is counted by itself, so that the sizes of many can be found side by
//! side.

use crate::emit::StreamParams;
use crate::encoder::Encoder;
use crate::encoders::Encoders;
use crate::event::Event;
use std::io;
use zsend_records::writer::{Counted, Counter};

/// Sizes that consecutive events add to a stream, whatever came before them.
///
/// Only the pending record joins an event to those before it. A stretch therefore keeps the ranges
/// that it begins with, and counts everything from the first record that nothing joins.
#[derive(Debug)]
pub struct Stretch {
    head: Vec<Event<Counted>>,
    /// Counts what follows them, once `is_sealed`.
    rest: Encoder<Counter>,
    is_sealed: bool,
}

impl Stretch {
    /// An empty stretch.
    pub fn new(params: StreamParams) -> Self {
        Self::with(Encoders::default(), params)
    }

    /// As [`Self::new`], with a table that has rows of another crate.
    pub fn with(table: Encoders<Counted>, params: StreamParams) -> Self {
        let rest = Encoder::with(table, params, Counter);
        Self { head: Vec::new(), rest, is_sealed: false }
    }

    /// Counts the next event, which is not BEGIN.
    ///
    /// # Errors
    /// [`io::Error`] for an event that no record has room for.
    pub fn event(&mut self, event: Event<Counted>) -> io::Result<()> {
        self.rest.event(&event)?;
        if !self.is_sealed {
            // What the event became says it, not what it is: its row may be of another crate.
            self.is_sealed = self.rest.is_sealed();
            if !self.is_sealed {
                self.head.push(event);
            }
        }
        Ok(())
    }

    /// The ranges that it begins with, and all that follows them, counted.
    pub(crate) fn into_parts(self) -> (Vec<Event<Counted>>, Option<Encoder<Counter>>) {
        let Self { head, rest, is_sealed } = self;
        (head, is_sealed.then_some(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::event::{FreeSlot, Hole, Object, Redact};
    use proptest::prelude::*;
    use zsend_records::flags::Features;
    use zsend_records::sizes::DNODES_PER_BLOCK;
    use zsend_records::types::DmuType;

    fn event() -> impl Strategy<Value = Event<Counted>> {
        let object = 1..4u64;
        prop_oneof![
            object.clone().prop_map(|object| Event::FreeSlot(FreeSlot { object })),
            (object.clone(), 0..4u64).prop_map(|(object, blkid)| Event::Hole(Hole {
                object,
                level: 0,
                blkid,
                indblkshift: 17,
                datablkszsec: 1,
                maxblkid: 9,
                is_metadata: false,
            })),
            (object.clone(), 0..4u64).prop_map(|(object, n)| Event::Redact(Redact {
                object,
                offset: n * 512,
                length: 512
            })),
            object.prop_map(|object| Event::Object(Object {
                object,
                object_type: DmuType::PLAIN_FILE_CONTENTS,
                bonustype: DmuType::NONE,
                blksz: 512,
                bonuslen: 8,
                checksum: 0,
                compress: 0,
                slots: 1,
                maxblkid: 3,
                indblkshift: 17,
                nlevels: 1,
                nblkptr: 1,
                has_spill: false,
                byteswap: false,
                bonus: Counted(8),
            })),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn stretches_add_up_wherever_a_stream_is_cut(
            events in prop::collection::vec(event(), 0..60),
            cuts in prop::collection::vec(0..60usize, 0..6),
            illumos in any::<bool>(),
        ) {
            let params = StreamParams {
                dialect: if illumos { Dialect::Illumos } else { Dialect::OpenZfs },
                features: Features::empty(),
                toguid: 1,
                object_limit: DNODES_PER_BLOCK,
            };
            let mut whole = Encoder::new(params, Counter);
            for event in &events {
                whole.event(event).unwrap();
            }
            let mut parts = Encoder::new(params, Counter);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(events.len())).collect();
            cuts.extend([0, events.len()]);
            cuts.sort_unstable();
            for pair in cuts.windows(2) {
                let mut stretch = Stretch::new(params);
                for event in &events[pair[0]..pair[1]] {
                    stretch.event(event.clone()).unwrap();
                }
                parts.stretch(stretch).unwrap();
            }
            prop_assert_eq!(parts.finish().unwrap(), whole.finish().unwrap());
        }
    }
}
