//! A large payload that waits in a temporary file while other streams give their records.

use super::super::error::ChangeError;
use super::super::packet::Packet;
use super::super::spill::Room;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use zsend_records::bytes::Bytes;

/// Place for the payload of one record at a time: a record as large as that is alone in its batch.
#[derive(Debug)]
pub(super) struct Aside {
    room: Room,
    /// Longest payload that stays in memory, in bytes.
    most: u64,
    file: Option<File>,
    /// Number of the record in its input, and bytes of its payload.
    held: Option<(u64, usize)>,
}

impl Aside {
    /// A place for one of so many inputs: together they hold a quarter of the memory. What is read, and what is
    /// written, takes as much as the rest at the same time.
    pub(super) fn new(room: Room, inputs: u64) -> Self {
        let most = room.memory() / 4 / inputs.max(1);
        Self { room, most, file: None, held: None }
    }

    /// Takes the payload out of a record, if it is large and there is room: see [`Self::give_back`].
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn put(&mut self, packet: &mut Packet) -> Result<(), ChangeError> {
        if self.held.is_some() || packet.payload().len() as u64 <= self.most {
            return Ok(());
        }
        self.write(packet.payload()).map_err(ChangeError::Spill)?;
        self.held = Some((packet.origin.record, packet.payload().len()));
        packet.set_payload(Bytes::new());
        Ok(())
    }

    fn write(&mut self, payload: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(self.room.file()?),
        };
        file.seek(SeekFrom::Start(0))?;
        file.write_all(payload)
    }

    /// Puts its payload back into a record that had to wait for it.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn give_back(&mut self, packet: &mut Packet) -> Result<(), ChangeError> {
        let held = self.held.take_if(|(record, _)| *record == packet.origin.record);
        if let (Some((_, len)), Some(file)) = (held, &mut self.file) {
            let mut payload = vec![0; len];
            let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_exact(&mut payload));
            read.map_err(ChangeError::Spill)?;
            packet.set_payload(payload);
        }
        Ok(())
    }

    /// Forgets the payload of a record that nobody wants.
    pub(super) fn forget(&mut self, packet: &Packet) {
        self.held.take_if(|(record, _)| *record == packet.origin.record);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::super::super::given::Given;
    use super::super::super::source::ChangeInput;
    use super::super::side::Side;
    use super::*;
    use std::io::Cursor;
    use zsend_records::drr::{Begin, FreeObjects, MAGIC, Object};
    use zsend_records::writer::StreamWriter;
    use zsend_records::zerocopy::FromZeros;
    use zsend_records::zerocopy::byteorder::LE;

    /// Any payload may wait, that of an OBJECT too where there are many streams.
    #[test]
    fn what_was_put_aside_comes_back_with_its_record() {
        let mut writer = StreamWriter::new(Vec::new());
        let mut begin = Begin::<LE>::new_zeroed();
        (begin.magic, begin.versioninfo, begin.toguid) = (MAGIC.into(), 1.into(), 7.into());
        begin.objset_type = 2.into();
        writer.body(&begin, &[]).unwrap();
        for number in [1, 2] {
            let mut object = Object::<LE>::new_zeroed();
            (object.object, object.object_type, object.toguid) =
                (number.into(), 19.into(), 7.into());
            (object.blksz, object.dn_slots, object.bonustype) = (512.into(), 1, 44.into());
            object.bonuslen = 168.into();
            writer.body(&object, &[u8::try_from(number).unwrap(); 168]).unwrap();
        }
        let mut free = FreeObjects::<LE>::new_zeroed();
        (free.firstobj, free.numobjs, free.toguid) = (3.into(), 29.into(), 7.into());
        writer.body(&free, &[]).unwrap();
        writer.end(7).unwrap();
        let stream = writer.into_inner().unwrap();
        let room = Room::of(&Given::default()).unwrap();
        let aside = Aside::new(room, u64::MAX);
        let mut side = Side::new(ChangeInput::of_reader("in", Cursor::new(stream)), aside);
        assert!(side.pop().unwrap().is_some());
        for number in [1, 2] {
            side.told().unwrap();
            let super::super::side::Told::Object(told) = side.take_told().unwrap() else {
                panic!("no object");
            };
            assert_eq!(told.packet.payload()[..], [number; 168]);
        }
    }
}
