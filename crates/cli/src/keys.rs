//! Keys of encrypted datasets: from files named on the command line, or typed without echo.

use crate::args::SendArgs;
use crate::exit::{Done, Failure, code_of_signal, warn};
use crate::signals;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;
use zsend_crypto::KeyFormat;
use zsend_pool::dsl::crypt::Encryption;
use zsend_pool::dsl::name::Name;
use zsend_pool::pool::Pool;
use zsend_pool::{ErrorClass, PoolError};

/// Times that a key may be typed, as `zfs load-key` asks.
const TRIES: usize = 3;

/// The terminal and its state while a key is typed.
static TERMINAL: Mutex<Option<(File, Termios)>> = Mutex::new(None);

/// Gives the terminal its echo back for a while, if a key is being typed.
pub(crate) fn show_terminal() {
    if let Some((file, state)) = &*TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) {
        let _ = tcsetattr(file, OptionalActions::Now, state);
    }
}

/// Takes the echo again.
pub(crate) fn hide_terminal() {
    if let Some((file, state)) = &*TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) {
        let _ = tcsetattr(file, OptionalActions::Now, &silent(state));
    }
}

/// A state of the terminal without echo, but for the end of the line.
fn silent(state: &Termios) -> Termios {
    let mut silent = state.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    silent
}

/// Gives the terminal its echo back, if a key is being typed; says whether one is.
pub(crate) fn restore_terminal() -> bool {
    // Under the lock, so that nobody ends the program before the echo is back.
    let mut terminal = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((file, state)) = terminal.take() else { return false };
    let _ = tcsetattr(&file, OptionalActions::Now, &state);
    true
}

/// Loads every key that was given, and asks for the one that a send of `target` needs if `needed`.
pub(crate) fn load(pool: &Pool, args: &SendArgs, target: &Name, needed: bool) -> Done {
    for key in &args.keys {
        from_file(pool, key)?;
    }
    // A target that does not exist is refused where it is opened, in the words for that.
    let Ok(head) = pool.head(&target.dataset) else { return Ok(()) };
    let Some(encryption) = pool.encryption(&head)? else { return Ok(()) };
    if !needed || pool.has_key(&encryption) || !std::io::stdin().is_terminal() {
        return Ok(());
    }
    let root = pool.encryption_root(&encryption)?;
    if encryption.format == KeyFormat::RAW {
        let why = format!("the key of '{root}' is raw and cannot be typed");
        return Err(Failure::new(ErrorClass::Usage, why).and(advice(target, &root)));
    }
    for _ in 0..TRIES {
        let typed = prompt(&root)?;
        match pool.load_key(&head, typed.as_bytes()) {
            Ok(()) => return Ok(()),
            Err(e @ PoolError::Crypto { .. }) => warn(format!("key of '{root}': {e}")),
            Err(e) => return Err(Failure::from(e).context(format!("key of '{root}'"))),
        }
    }
    let why = format!("{TRIES} keys were typed for '{root}', and none is its key");
    Err(Failure::new(ErrorClass::Damaged, why).and(advice(target, &root)))
}

/// Loads a key given as `DATASET=FILE`.
fn from_file(pool: &Pool, key: &str) -> Done {
    let (dataset, file) = split(key)?;
    let material = read(file)?;
    let name = Name::parse(&pool.full_name(dataset))?;
    let head = pool.head(&name.dataset)?;
    pool.load_key(&head, &material).map_err(|e| {
        let root = pool.encryption(&head).ok().flatten();
        let root = root.and_then(|encryption| described_root(pool, &encryption));
        let of = match root {
            Some(root) => format!("cannot load the key of '{dataset}' ({root}) from {file}"),
            None => format!("cannot load the key of '{dataset}' from {file}"),
        };
        let is_wrong = matches!(e, PoolError::Crypto { .. });
        let failure = Failure::from(e).context(of);
        if is_wrong {
            return failure
                .and("The key may be of another encryption root. A raw send needs none: -w.");
        }
        failure
    })
}

/// Reads a key given as `DATASET=FILE`, for streams: the dataset's name, and what the file holds.
pub(crate) fn of_stream(key: &str) -> Result<(String, Zeroizing<Vec<u8>>), Failure> {
    let (dataset, file) = split(key)?;
    Ok((dataset.to_owned(), read(file)?))
}

fn split(key: &str) -> Result<(&str, &str), Failure> {
    let parts = key.split_once('=');
    parts.ok_or_else(|| Failure::usage(format!("--key takes DATASET=FILE, not '{key}'")))
}

fn read(file: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let path = Path::new(file);
    read_key(path).map_err(|e| Failure::io("read the key in", path, &e))
}

/// Bytes of a key file that are read: more than any form of key has, and no more than fit anywhere.
const LONGEST_FILE: u64 = 64 << 10;

fn read_key(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut material = Zeroizing::new(Vec::with_capacity(LONGEST));
    File::open(path)?.take(LONGEST_FILE + 1).read_to_end(&mut material)?;
    if material.len() as u64 > LONGEST_FILE {
        return Err(io::Error::other("it is too long to be a key"));
    }
    Ok(material)
}

/// The encryption root and the form of its key, in words.
fn described_root(pool: &Pool, encryption: &Encryption) -> Option<String> {
    let root = pool.encryption_root(encryption).ok()?;
    let form = match encryption.format {
        KeyFormat::RAW => "32 raw bytes",
        KeyFormat::HEX => "64 hexadecimal digits",
        KeyFormat::PASSPHRASE => "a passphrase",
        _ => "a key of an unknown form",
    };
    Some(format!("encryption root '{root}', which takes {form}"))
}

/// Advice for a send that lacks its key: what was tried, and what to type.
pub(crate) fn how_to_go_on(pool: &Pool, args: &SendArgs, target: &Name) -> Option<String> {
    let head = pool.head(&target.dataset).ok()?;
    let encryption = pool.encryption(&head).ok()??;
    let root = pool.encryption_root(&encryption).ok()?;
    let tried = match args.keys.len() {
        0 => "no key was given".to_owned(),
        _ => {
            let given: Vec<_> = args.keys.iter().filter_map(|k| k.split('=').next()).collect();
            format!("keys were given for: {}", given.join(", "))
        }
    };
    let described = described_root(pool, &encryption)?;
    Some(format!("'{}' has the {described}; {tried}.\n{}", target.dataset, advice(target, &root)))
}

fn advice(target: &Name, root: &str) -> String {
    format!(
        "To send '{}' decrypted: --key {root}=FILE. To send it encrypted, without a key: -w.",
        target.dataset
    )
}

/// Asks for a key without echo, which is off before the prompt is shown: what is typed at once is not
/// seen either. A signal finds the terminal in [`TERMINAL`] and restores it.
fn prompt(root: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |e| Failure::io("read a key from", Path::new("the terminal"), &e);
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(failed)?;
    let state = tcgetattr(&terminal).map_err(|e| failed(e.into()))?;
    let kept = terminal.try_clone().map_err(failed)?;
    signals::take_at_prompt().map_err(failed)?;
    {
        // Under the lock, so that no signal comes between the two.
        let mut shared = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner);
        tcsetattr(&terminal, OptionalActions::Now, &silent(&state))
            .map_err(|e| failed(e.into()))?;
        *shared = Some((kept, state));
    }
    // A signal that came before was told of no terminal: nobody would be left to heed it.
    let typed = if code_of_signal().is_some() {
        Err(io::ErrorKind::Interrupted.into())
    } else {
        (&terminal)
            .write_all(format!("Enter key for '{root}': ").as_bytes())
            .and_then(|()| read_line(&terminal))
    };
    restore_terminal();
    typed.map_err(failed)
}

/// Longest line of a key that is read: ten times the longest passphrase.
const LONGEST: usize = 5120;

/// A line, without its end. It is never in a buffer that is not wiped.
fn read_line(mut terminal: &File) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut byte = Zeroizing::new([0]);
    while terminal.read(&mut *byte)? > 0 && byte[0] != b'\n' && line.len() < LONGEST {
        line.push(byte[0]);
    }
    let text = std::str::from_utf8(&line).map_err(|_| io::Error::other("it is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}
