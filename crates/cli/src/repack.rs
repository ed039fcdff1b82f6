//! `zsend package` and `zsend unpackage`: single streams in and out of packages.

use crate::args::{PackArgs, UnpackArgs};
use crate::change;
use crate::exit::{CommandResult, Failure};
use crate::output::{Guard, Output, make_folder};
use crate::progress::Gauge;
use crate::stdin;
use std::fmt;
use std::fs;
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zsend_pool::ErrorClass;
use zsend_stream::Segment;
use zsend_stream::change::{Apart, ChangeInput, Destinations, Packager, change as run_steps};
use zsend_stream::outline::{Outline, OutlineEnd, outline_file};

/// Runs `zsend package`.
pub(crate) fn package(args: &PackArgs) -> CommandResult {
    let mut segments = Vec::new();
    for path in &args.files {
        if path == Path::new("-") {
            return Err(Failure::usage(
                "the streams of a package are read twice: each is a file, not -",
            ));
        }
        let (name, file) = stdin::open(Some(path))?;
        let outline = outline_file(&name, file).map_err(|e| Failure::io("read", path, &e))?;
        check_whole(&name, &outline)?;
        segments.extend(outline.streams.into_iter().map(|stream| stream.segment));
    }
    let package = Packager::new(&segments);
    let package =
        package.map_err(|e| Failure::new(ErrorClass::Unsupported, format!("no package: {e}")))?;
    let mut sources = Vec::new();
    for path in &args.files {
        let (name, file) = stdin::open(Some(path))?;
        sources.push(ChangeInput::of_file(&name, file));
    }
    let names: Vec<String> =
        args.files.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let gauge = Arc::new(Gauge::new());
    let mut output = Output::open(args.output.as_deref(), true, &Guard::new(&names), &gauge)?;
    match run_steps(sources, vec![Box::new(package)], &mut output, |_| {}) {
        Ok(_) => output.commit(),
        Err(error) => {
            output.discard();
            Err(change::failed(&error, "not changed"))
        }
    }
}

/// Refuses a stream that is not whole: a package has no end for it.
fn check_whole(name: &str, outline: &Outline) -> CommandResult {
    let is_cut = match &outline.end {
        OutlineEnd::Whole => outline.streams.iter().any(|stream| !stream.is_whole),
        OutlineEnd::Damaged(error) => {
            return Err(Failure::new(ErrorClass::Damaged, format!("{name}: {error}")));
        }
        _ => true,
    };
    if is_cut {
        return Err(Failure::new(ErrorClass::Damaged, format!("{name}: the stream is cut")));
    }
    Ok(())
}

/// A folder of streams.
struct RepackFolder {
    path: PathBuf,
    guard: Guard,
    gauge: Arc<Gauge>,
}

impl fmt::Debug for RepackFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RepackFolder").field(&self.path).finish()
    }
}

/// A stream on its way to its name.
struct RepackStream(Option<Output>);

impl fmt::Debug for RepackStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RepackStream")
    }
}

impl Drop for RepackStream {
    fn drop(&mut self) {
        // It is not whole.
        if let Some(output) = self.0.take() {
            output.discard();
        }
    }
}

impl Write for RepackStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |mut output| output.write(buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |mut output| output.write_vectored(bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Destinations for RepackFolder {
    type Stream = RepackStream;

    fn open(&mut self, segment: &Segment) -> io::Result<RepackStream> {
        let (dataset, snapshot) = segment.toname.split_once('@').unwrap_or((&segment.toname, ""));
        let path = self.path.join(zsend_catalogue::file_name_of(dataset, snapshot, segment.toguid));
        if fs::symlink_metadata(&path).is_ok() {
            let why = format!("{} is there already", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        let output = Output::open(Some(&path), true, &self.guard, &self.gauge);
        output.map(|output| RepackStream(Some(output))).map_err(|e| io::Error::other(e.text()))
    }

    fn close(&mut self, mut stream: RepackStream) -> io::Result<()> {
        let done = stream.0.take().map_or(Ok(()), Output::commit);
        done.map_err(|e| io::Error::other(e.text()))
    }
}

/// Runs `zsend unpackage`.
pub(crate) fn unpackage(args: &UnpackArgs) -> CommandResult {
    let (name, file) = stdin::open(args.file.as_deref())?;
    let mut guard = Guard::default();
    guard.add(&file);
    let source = ChangeInput::of_file(&name, file);
    make_folder(&args.output).map_err(|e| match e.kind() {
        io::ErrorKind::NotADirectory => {
            Failure::usage(format!("{} is no folder", args.output.display()))
        }
        _ => Failure::io("make", &args.output, &e),
    })?;
    let folder = RepackFolder { path: args.output.clone(), guard, gauge: Arc::new(Gauge::new()) };
    let apart = Apart::new(folder);
    let done = run_steps(vec![source], vec![Box::new(apart)], io::sink(), |_| {});
    done.map_err(|error| change::failed(&error, "not changed"))?;
    Ok(())
}
