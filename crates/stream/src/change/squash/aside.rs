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
