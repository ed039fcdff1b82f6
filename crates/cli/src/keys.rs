//! Keys of encrypted datasets: from files named on the command line, or typed without echo.

use crate::args::SendArgs;
use crate::exit::{CommandResult, Failure};
use crate::prompt;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use zeroize::Zeroizing;
use zsend_crypto::{CryptoError, KeyFormat};
use zsend_pool::Pool;
use zsend_pool::dsl::crypt::Encryption;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::name::Name;
use zsend_pool::{ErrorClass, PoolError};

/// Times that a key may be typed, as `zfs load-key` asks.
const TRIES: usize = 3;

/// Loads every key that was given, and asks for the one that a send of `target` needs if `needed`.
pub(crate) fn load(pool: &Pool, args: &SendArgs, target: &Name, needed: bool) -> CommandResult {
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
        let typed = prompt::ask(&root)?;
        match pool.load_key(&head, typed.as_bytes()) {
            Ok(()) => return Ok(()),
            Err(PoolError::Crypto { source, .. }) => {
                let _ = not_loaded(&root, &source).report();
            }
            Err(e) => return Err(Failure::from(e).context(format!("key of '{root}'"))),
        }
    }
    let why = format!("{TRIES} keys were typed for '{root}', and none is its key");
    Err(Failure::new(ErrorClass::Damaged, why).and(advice(target, &root)))
}

/// Failure of a key that is not the one of an encryption root, in the words of `zfs load-key`:
/// `zfs_crypto_load_key()`, OpenZFS `lib/libzfs/libzfs_crypto.c`, zfs-2.3.2. Of a key that cannot be one,
/// the words are our own: they give its length.
fn not_loaded(root: &str, e: &CryptoError) -> Failure {
    let why = match e {
        CryptoError::WrongKey { .. } => format!("Incorrect key provided for '{root}'."),
        other => other.to_string(),
    };
    Failure::verbatim(ErrorClass::Damaged, format!("Key load error: {why}"))
}

/// Loads a key given as `DATASET=FILE`.
pub(crate) fn from_file(pool: &Pool, key: &str) -> CommandResult {
    let (dataset, file) = split(key)?;
    let material = read(file)?;
    let name = Name::parse(&pool.full_name(dataset))?;
    let head = pool.head(&name.dataset)?;
    pool.load_key(&head, &material).map_err(|e| {
        match (e, root_of(pool, &head)) {
            (PoolError::Crypto { source, .. }, Some((encryption, root))) => {
                let described = described_root(&encryption, &root);
                not_loaded(&root, &source).and(format!(
                    "The key in {file} was tried for '{dataset}', of {described}.\nIt may be of another \
                     encryption root. A raw send needs none: -w."
                ))
            }
            (e, _) => {
                Failure::from(e).context(format!("cannot load the key of '{dataset}' from {file}"))
            }
        }
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
    let mut material = Zeroizing::new(Vec::with_capacity(prompt::LONGEST));
    File::open(path)?.take(LONGEST_FILE + 1).read_to_end(&mut material)?;
    if material.len() as u64 > LONGEST_FILE {
        return Err(io::Error::other("it is too long to be a key"));
    }
    Ok(material)
}

/// Encryption of a dataset, with its root, where both can be read.
fn root_of(pool: &Pool, head: &Dataset) -> Option<(Encryption, String)> {
    let encryption = pool.encryption(head).ok()??;
    let root = pool.encryption_root(&encryption).ok()?;
    Some((encryption, root))
}

/// The encryption root and the form of its key, in words.
fn described_root(encryption: &Encryption, root: &str) -> String {
    let form = match encryption.format {
        KeyFormat::RAW => "32 raw bytes",
        KeyFormat::HEX => "64 hexadecimal digits",
        KeyFormat::PASSPHRASE => "a passphrase",
        _ => "a key of an unknown form",
    };
    format!("encryption root '{root}', which takes {form}")
}

/// Advice for the encryption root of a dataset of which streams were left out for want of its key.
pub(crate) fn how_to_send(pool: &Pool, dataset: &str) -> Option<String> {
    let (_, root) = root_of(pool, &pool.head(dataset).ok()?)?;
    Some(format!("what '{root}' has the key of was left out: --key {root}=FILE, or -w"))
}

/// Advice for a send that lacks its key: what was tried, and what to type.
pub(crate) fn how_to_go_on(pool: &Pool, args: &SendArgs, target: &Name) -> Option<String> {
    let (encryption, root) = root_of(pool, &pool.head(&target.dataset).ok()?)?;
    let tried = match args.keys.len() {
        0 => "no key was given".to_owned(),
        _ => {
            let given: Vec<_> = args.keys.iter().filter_map(|k| k.split('=').next()).collect();
            format!("keys were given for: {}", given.join(", "))
        }
    };
    let described = described_root(&encryption, &root);
    Some(format!("'{}' has the {described}; {tried}.\n{}", target.dataset, advice(target, &root)))
}

fn advice(target: &Name, root: &str) -> String {
    format!(
        "To send '{}' decrypted: --key {root}=FILE. To send it encrypted, without a key: -w.",
        target.dataset
    )
}
