//! `zsend raw`: streams of a volume, written onto an image or a device.

use crate::args::RawArgs;
use crate::exit::{CommandResult, Failure};
use crate::output::Guard;
use crate::sys::files::{open_volume, punch_hole};
use crate::{change, stdin, stdout};
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use zsend_records::sizes;
use zsend_stream::change::{
    ChangeError, ChangeInput, Given, ToVolume, Transform, Verb, Volume, change as run_steps,
};

/// Zeros that are written together where no hole can be made.
static ZEROS: [u8; 256 << 10] = [0; 256 << 10];

/// An image, or a device.
#[derive(Debug)]
struct Image {
    file: File,
    /// Bytes of it.
    len: u64,
    is_file: bool,
    punches: bool,
}

impl Image {
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = open_volume(path)?;
        let is_file = file.metadata()?.is_file();
        let len = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, len, is_file, punches: is_file })
    }

    fn zeros(&mut self, offset: u64, len: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset))?;
        let mut left = len;
        while left > 0 {
            let piece = sizes::piece(left, ZEROS.len());
            self.file.write_all(&ZEROS[..piece])?;
            left -= piece as u64;
        }
        Ok(())
    }
}

impl Volume for Image {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.write_all(bytes)?;
        if self.is_file {
            self.len = self.len.max(offset.saturating_add(bytes.len() as u64));
        }
        Ok(())
    }

    fn free(&mut self, offset: u64, len: Option<u64>) -> io::Result<()> {
        if self.is_file && len.is_none() {
            // All file systems do this at once, those without holes too.
            self.file.set_len(offset)?;
            self.len = self.len.max(offset);
            return self.file.set_len(self.len);
        }
        // Behind the end of a file there are zeros already, and of a device nothing.
        let end = len.map_or(self.len, |len| offset.saturating_add(len).min(self.len));
        let Some(len) = end.checked_sub(offset).filter(|&len| len > 0) else { return Ok(()) };
        if self.punches {
            match punch_hole(&self.file, offset, len) {
                Ok(()) => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Unsupported => self.punches = false,
                Err(e) => return Err(e),
            }
        }
        self.zeros(offset, len)
    }

    fn set_size(&mut self, size: u64) -> io::Result<()> {
        if self.is_file {
            self.len = size;
            return self.file.set_len(size);
        }
        if size > self.len {
            let why = format!("the volume has {size} bytes, and the device {}", self.len);
            return Err(io::Error::new(io::ErrorKind::StorageFull, why));
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// Runs the subcommand.
pub(crate) fn run(args: &RawArgs) -> CommandResult {
    let (name, file) = stdin::open(args.file.as_deref())?;
    let mut guard = Guard::default();
    guard.add(&file);
    let failed = |e: io::Error| Failure::io("write to", &args.volume, &e);
    let source = ChangeInput::of_file(&name, file);
    let image = Image::open(&args.volume).map_err(failed)?;
    guard.check_file(&args.volume, &image.file)?;
    let (to, guid) = ToVolume::new(image, args.guid);
    let mut steps: Vec<Box<dyn Transform>> = Vec::new();
    if let Some(verb) = Verb::named("decompress") {
        let step = (verb.make)(&Given::default());
        steps.push(step.map_err(|e| Failure::usage(format!("decompress: {e}")))?);
    }
    steps.push(Box::new(to));
    let done = run_steps(vec![source], steps, io::sink(), |_| {});
    match done {
        Ok(_) => {}
        Err(error @ ChangeError::Base { have: None, .. }) => {
            let advice = "With -g GUID: the guid of the snapshot that the volume is of, as the last run printed it.";
            return Err(change::failed(&error, "not changed").and(advice));
        }
        Err(error) => return Err(change::failed(&error, "not changed")),
    }
    match guid.get() {
        Some(guid) => stdout::print(format!("{guid}\n").as_bytes()),
        None => Ok(()),
    }
}
