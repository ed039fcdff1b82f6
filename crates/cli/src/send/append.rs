//! `zsend send --append`: the rest of a stream, written behind what a file has of it.

use super::common::{options, refused};
use super::{send, without_key};
use crate::args::SendArgs;
use crate::exit::{CommandResult, Failure, be_quiet, warn, warn_of};
use crate::output::{Guard, Output, open_to_append};
use crate::progress::Gauge;
use crate::resume_point::{checked, damaged, none_there, refuse_package};
use crate::{keys, signals, token};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use zsend_encoder::dialect::Dialect;
use zsend_encoder::encoder::Encoder;
use zsend_encoder::event::Event;
use zsend_pool::Pool;
use zsend_pool::dsl::name::Name;
use zsend_pool::{CancelToken, ErrorClass};
use zsend_records::Order;
use zsend_records::token::ResumeToken;
use zsend_records::writer::StreamWriter;
use zsend_stream::resume::{Seam, SeamError};
use zsend_stream::verify::{Cut, Verdict};
use zsend_traverse::{SendError, SendPlan};

/// Goes on in a file.
pub(super) fn run(args: &SendArgs, path: &Path) -> CommandResult {
    be_quiet(args.pool.quiet);
    let given = args.token.as_deref().map(token::decode).transpose()?;
    let name = path.display().to_string();
    let failed = |e: io::Error| Failure::io("read", path, &e);
    let mut file = open_to_append(path, &Guard::default())?;
    let Some(cut) = what_is_there(&name, &file, failed)? else { return Ok(()) };
    // Where not even BEGIN is there, the token alone tells what is sent.
    let token = match (cut.token, given) {
        (Some(own), Some(given)) => {
            same_stream(&name, &own, &given)?;
            own
        }
        (Some(own), None) => own,
        (None, Some(given)) => given,
        (None, None) => {
            let failure = none_there(&name);
            return Err(failure.and("Send it anew, or say with -t TOKEN of which stream it is."));
        }
    };
    let seam = cut.seam.as_deref();
    if seam.is_some_and(|seam| seam.order() == Order::Big) {
        let why =
            format!("{name} was written by a big-endian host, and no such stream is sent here");
        return Err(Failure::new(ErrorClass::Unsupported, why));
    }
    let options = options(args)?;
    same_order(&name, seam, options.dialect)?;
    let gauge = Arc::new(Gauge::new());
    let cancel = CancelToken::default();
    signals::take(cancel.clone(), Arc::clone(&gauge), token.toname.clone())?;
    let target = Name::parse(&token.toname)?;
    let pool = Pool::open(&args.pool.devices, target.pool(), &args.pool.options(&cancel))?;
    warn_of(&pool);
    // What is read is not written to, though it was looked at before it was known.
    Guard::new(&pool.devices()).check_file(path, &file)?;
    if !(args.raw || token.rawok) {
        keys::load(&pool, args, &target, true)?;
    }
    let plan_at = |at: Option<(u64, u64)>, bytes: u64| {
        let (object, offset) = at.unwrap_or_default();
        let token = ResumeToken { object, offset, bytes, ..token.clone() };
        SendPlan::by_token(&pool, &token, options.clone()).map_err(refused)
    };
    let whole = plan_at(seam.and_then(Seam::resumed_at), 0)?;
    check_begin(&name, &mut file, seam, &whole, failed)?;
    let position = seam.and_then(Seam::position);
    let kept = seam.map_or(0, Seam::end);
    let plan = plan_at(position, kept)?;
    plan.check().map_err(|e| without_key(refused(e), args, &plan, &target))?;
    for warning in plan.warnings() {
        warn(warning);
    }
    let output = Output::behind(file, kept, &gauge);
    send(args, &plan, &cancel, output, seam, &gauge)
}

/// The cut stream in a file; `None` if it is whole.
fn what_is_there(
    name: &str,
    file: &File,
    failed: impl Fn(io::Error) -> Failure,
) -> Result<Option<Cut>, Failure> {
    if file.metadata().map_err(&failed)?.len() == 0 {
        return Ok(Some(Cut::default()));
    }
    let outcome = checked(name, file.try_clone().map_err(failed)?)?;
    match outcome.verdict {
        Verdict::Whole => {
            warn(format!("{name} is whole already"));
            Ok(None)
        }
        Verdict::Cut(cut) => {
            refuse_package(name, &cut)?;
            Ok(Some(*cut))
        }
        _ => Err(damaged(name, &outcome)),
    }
}

/// Refuses a token of another stream than the file's; where it goes on does not matter.
fn same_stream(name: &str, own: &ResumeToken, given: &ResumeToken) -> CommandResult {
    // A token may have what was asked for, and a file has what came of it.
    let lacks = |own: bool, given: bool| own && !given;
    let has_form = !lacks(own.rawok, given.rawok)
        && !lacks(own.largeblockok, given.largeblockok || given.rawok)
        && !lacks(own.embedok, given.embedok || given.rawok)
        && own.compressok == (given.compressok || given.rawok);
    let is_same = (own.toguid, own.fromguid) == (given.toguid, given.fromguid)
        && own.redact_snaps == given.redact_snaps
        && own.book_redact_snaps == given.book_redact_snaps
        && has_form;
    if is_same {
        return Ok(());
    }
    let described = |token: &ResumeToken| {
        let forms = [
            (token.largeblockok, "L"),
            (token.embedok, "e"),
            (token.compressok, "c"),
            (token.rawok, "w"),
        ];
        let forms: String = forms.iter().filter(|(has, _)| *has).map(|(_, flag)| *flag).collect();
        format!(
            "{} (guid {}, from {}, flags -{forms})",
            token.toname,
            token.toguid,
            token.fromguid.unwrap_or_default()
        )
    };
    let why = format!(
        "{name} is no beginning of the stream that the token names: the file is of {}, the token of {}",
        described(own),
        described(given)
    );
    Err(Failure::new(ErrorClass::Damaged, why))
}

/// Refuses a dialect whose records come in another order than those of the file.
fn same_order(name: &str, seam: Option<&Seam>, dialect: Dialect) -> CommandResult {
    let Some(is_by_block) = seam.and_then(Seam::is_by_block) else { return Ok(()) };
    if is_by_block == dialect.is_illumos() {
        return Ok(());
    }
    let (order, of) = match is_by_block {
        true => ("objects before the data of those beside them", "illumos"),
        false => ("the data of each object behind it", "openzfs, or openzfs-xdr"),
    };
    let why = format!(
        "{name} has {order}, as a sender of dialect {of}: a stream of dialect {dialect} does not go on so"
    );
    Err(Failure::new(ErrorClass::Damaged, why).and("Say with --dialect which one it is of."))
}

/// Failure of a send into a file that ended early, with the way to go on; a record that is not what the file has
/// ends it before anything was written.
pub(super) fn unfinished(args: &SendArgs, path: &Path, e: SendError) -> Failure {
    let name = path.display();
    if let SendError::Output(e) = &e
        && let Some(seam) = e.get_ref().and_then(|e| e.downcast_ref::<SeamError>())
    {
        let why = format!("{name} is no beginning of the stream, and is left as it is: {seam}");
        return Failure::new(ErrorClass::Damaged, why);
    }
    let more = format!("zsend send {}--append {name}", args.pool.as_typed());
    let failure = Failure::from(e).context(format!("{name} is not whole"));
    failure.and(format!("What is there is a beginning of the stream. Go on with:\n  {more}"))
}

/// Refuses a file whose BEGIN is not that of the stream that would be sent.
fn check_begin(
    name: &str,
    file: &mut File,
    seam: Option<&Seam>,
    whole: &SendPlan<'_>,
    failed: impl Fn(io::Error) -> Failure,
) -> CommandResult {
    let mut begin = Vec::new();
    let mut encoder = Encoder::new(whole.params(), StreamWriter::new(&mut begin));
    let event = Event::Begin(whole.begin().map_err(refused)?);
    let made = encoder.event(&event).and_then(|()| encoder.abandon());
    made.map_err(|e| Failure::from(SendError::Output(e)))?;
    let other = |why: &dyn std::fmt::Display| {
        let why = format!("{name} is no beginning of the stream of {}: {why}", whole.target());
        Failure::new(ErrorClass::Damaged, why)
    };
    if let Some(seam) = seam {
        return seam.check_begin(&begin).map_err(|e| other(&e));
    }
    let mut there = Vec::new();
    file.seek(SeekFrom::Start(0)).map_err(&failed)?;
    (&mut *file).take(begin.len() as u64).read_to_end(&mut there).map_err(&failed)?;
    if begin.starts_with(&there) { Ok(()) } else { Err(other(&"it begins with other bytes")) }
}
