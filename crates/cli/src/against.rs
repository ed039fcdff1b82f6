//! `zsend verify --against`: a stored stream beside what would be sent now.

use crate::args::{PoolArgs, VerifyArgs};
use crate::exit::{CUT, CommandResult, Failure, be_quiet, warn_of};
use crate::progress::Gauge;
use crate::text::{count, one_line};
use crate::{keys, signals, stdin, stdout};
use serde_json::json;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use zsend_encoder::dialect::Dialect;
use zsend_pool::Pool;
use zsend_pool::dsl::name::Name;
use zsend_pool::{CancelToken, ErrorClass};
use zsend_records::flags::Features;
use zsend_records::nvlist::Encoding;
use zsend_records::reader::{ReadError, StreamError, StreamErrorKind};
use zsend_stream::Segment;
use zsend_stream::compare::{CompareError, Comparison, Difference};
use zsend_traverse::{IncrementalSource, ResumePosition, SendError, SendOptions, SendPlan};

/// Compares a stored stream with the one of `target`.
pub(crate) fn run(args: &VerifyArgs, target: &str) -> CommandResult {
    be_quiet(false);
    let path = match args.files.as_slice() {
        [] => None,
        [path] => Some(path.as_path()),
        _ => return Err(Failure::usage("--against compares one stream, not several")),
    };
    let named = Name::parse(target)?;
    let (name, mut file) = stdin::open(path)?;
    let unread = |e: io::Error| Failure::io("read", Path::new(&name), &e);
    // A pipe cannot be read again; standard input may be a file, too.
    let again = match file.metadata().is_ok_and(|found| found.is_file()) {
        true => Some((file.try_clone().map_err(unread)?, file.stream_position().map_err(unread)?)),
        false => None,
    };
    let cancel = CancelToken::default();
    signals::take(cancel.clone(), Arc::new(Gauge::new()), name.clone())?;
    let pool_args = PoolArgs::of_devices(&args.devices);
    let pool = Pool::open(&pool_args.devices, named.pool(), &pool_args.options(&cancel))?;
    warn_of(&pool);
    for key in &args.keys {
        keys::from_file(&pool, key)?;
    }
    let target = pool.full_name(target);
    let Some(stored) = open(&name, file)? else { return cut(&name, &target, 0, args.json) };
    let mut dialects = vec![match stored.encoding() {
        Some(Encoding::Native | Encoding::NativeBig) | None => Dialect::default(),
        Some(_) => Dialect::OpenZfsXdr,
    }];
    // BEGIN does not tell these two apart.
    if again.is_some() && dialects == [Dialect::default()] {
        dialects.push(Dialect::Illumos);
    }
    let print = |text: String| stdout::print((text + "\n").as_bytes());
    let mut found: Option<Difference> = None;
    let mut next = Some(stored);
    for dialect in dialects {
        let stored = match (next.take(), &again) {
            (Some(stored), _) => stored,
            (None, Some((file, start))) => {
                let mut file = file.try_clone().map_err(unread)?;
                file.seek(SeekFrom::Start(*start)).map_err(unread)?;
                match open(&name, file)? {
                    Some(stored) => stored,
                    None => return cut(&name, &target, 0, args.json),
                }
            }
            (None, None) => break,
        };
        let difference = match compared(&pool, &target, stored, dialect, &cancel, &name)? {
            Compared::Same => {
                let same = json!({ "kind": "verdict", "file": name, "verdict": "same" });
                return print(match args.json {
                    true => same.to_string(),
                    false => format!("{}: the same as {target}", one_line(&name)),
                });
            }
            Compared::Cut { records } => return cut(&name, &target, records, args.json),
            Compared::Differs(difference) => difference,
        };
        // The sender that comes farther is the one that the stream is of.
        if found.as_ref().is_none_or(|found| found.record < difference.record) {
            found = Some(difference);
        }
    }
    let Some(found) = found else { return Ok(()) };
    let text =
        if args.json { as_json(&name, &found) } else { one_line(&format!("{name}: {found}")) };
    print(text)?;
    Err(Failure::new(ErrorClass::Damaged, format!("{name} is not the stream of {target}")))
}

/// Says that a stream is cut, and that what it has whole is the same.
fn cut(name: &str, target: &str, records: u64, is_json: bool) -> CommandResult {
    let seen = count(records, "record");
    let text = match is_json {
        true => json!({ "kind": "verdict", "file": name, "verdict": "cut", "records": records })
            .to_string(),
        false => format!("{}: cut, the same as {target} so far: {seen}", one_line(name)),
    };
    stdout::print((text + "\n").as_bytes())?;
    Err(Failure::with_code(CUT, format!("{name} is cut, and the same so far")))
}

/// The stored stream; `None` if it ends before its BEGIN does.
fn open(name: &str, file: File) -> Result<Option<Comparison<File>>, Failure> {
    match Comparison::new(name, file) {
        Ok(stored) => Ok(Some(stored)),
        Err(CompareError::Stored(e)) if cut_at(&e).is_some() => Ok(None),
        Err(e) => Err(failure(name, &e)),
    }
}

fn failure(name: &str, e: &CompareError) -> Failure {
    let class = match e {
        CompareError::Unsupported(_) => ErrorClass::Unsupported,
        CompareError::Stored(e) if e.stream().is_none() => ErrorClass::Device,
        _ => ErrorClass::Damaged,
    };
    Failure::caused(class, name, e)
}

/// A stored stream beside one that is sent.
enum Compared {
    Same,
    /// The stored one ends early, and is the same up to there, in this many whole records.
    Cut {
        records: u64,
    },
    Differs(Difference),
}

impl Compared {
    fn of(compared: Result<Option<Difference>, CompareError>) -> Result<Self, CompareError> {
        match compared {
            Ok(None) => Ok(Self::Same),
            Ok(Some(found)) if found.record_type.is_none() => {
                Ok(Self::Cut { records: found.record })
            }
            Ok(Some(found)) => Ok(Self::Differs(found)),
            Err(CompareError::Stored(e)) => match cut_at(&e) {
                Some(records) => Ok(Self::Cut { records }),
                None => Err(CompareError::Stored(e)),
            },
            Err(e) => Err(e),
        }
    }
}

/// Records before the one that a stream ends in.
fn cut_at(e: &ReadError) -> Option<u64> {
    let StreamError { index, kind, .. } = e.stream()?;
    matches!(kind, StreamErrorKind::Truncated { .. }).then_some(*index)
}

/// The comparison with what a sender of this dialect sends.
fn compared(
    pool: &Pool,
    target: &str,
    stored: Comparison<File>,
    dialect: Dialect,
    cancel: &CancelToken,
    name: &str,
) -> Result<Compared, Failure> {
    let segment = stored.segment();
    let has = |features| segment.features.contains(features);
    let resume =
        segment.resumed_at.and_then(|(object, offset)| ResumePosition::new(object, offset));
    let options = SendOptions::default()
        .with_dialect(dialect)
        .with_embed(has(Features::EMBED_DATA))
        .with_large_block(has(Features::LARGE_BLOCKS))
        .with_compress(has(Features::COMPRESSED))
        .with_raw(has(Features::RAW))
        .with_resume(resume);
    let from = source(pool, target, segment)?;
    let plan = SendPlan::by_name(pool, target, from.as_deref(), options)?;
    plan.check()?;
    let pipe = || io::pipe().map_err(|e| Failure::io("make", Path::new("a pipe"), &e));
    let (from_plan, to_comparison) = pipe()?;
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| plan.write(to_comparison, cancel, |_| {}));
        // Whoever sends ends with the pipe, which is closed when the comparison is done with it.
        let compared = stored.with(from_plan);
        let sent = sent.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match sent {
            // The comparison had ended before.
            Ok(_) => {}
            Err(SendError::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => {}
            // What is short because of that is no difference.
            Err(e) => return Err(Failure::from(e).context(format!("cannot send '{target}'"))),
        }
        Compared::of(compared).map_err(|e| failure(name, &e))
    })
}

/// Full name of the snapshot or bookmark that a stream starts from.
fn source(pool: &Pool, target: &str, segment: &Segment) -> Result<Option<String>, Failure> {
    let guid = segment.fromguid;
    if guid == 0 {
        return Ok(None);
    }
    let found = IncrementalSource::find(pool, &Name::parse(target)?.dataset, guid)?;
    found.map(|name| Some(name.to_string())).ok_or_else(|| {
        let why =
            format!("the stream starts from the snapshot of guid {guid}, which the pool has not");
        Failure::new(ErrorClass::Damaged, why)
    })
}

fn as_json(name: &str, difference: &Difference) -> String {
    json!({
        "kind": "difference",
        "file": name,
        "record": difference.record,
        "byte": difference.byte,
        "type": difference.record_type.map(|kind| kind.to_string()),
        "object": difference.object,
        "offset": difference.offset,
        "what": difference.what,
        "stored": difference.stored,
        "other": difference.other,
    })
    .to_string()
}
