//! Keys of encrypted datasets: from files named on the command line, or typed without echo.

use crate::args::SendArgs;
use crate::exit::{Done, Failure};
use std::io::IsTerminal;
use zeroize::Zeroizing;
use zsend_crypto::KeyFormat;
use zsend_pool::ErrorClass;
use zsend_pool::dsl::name::Name;
use zsend_pool::pool::Pool;

/// Loads every key that was given, and asks for the one that a send of `target` needs if `needed`.
pub(crate) fn load(pool: &Pool, args: &SendArgs, target: &Name, needed: bool) -> Done {
    for key in &args.keys {
        let (dataset, file) = key
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--key takes DATASET=FILE, not '{key}'")))?;
        let material = std::fs::read(file).map(Zeroizing::new);
        let material =
            material.map_err(|e| Failure::new(ErrorClass::Device, format!("{file}: {e}")))?;
        let head = pool.head(&Name::parse(dataset)?.dataset)?;
        pool.load_key(&head, &material)
            .map_err(|e| Failure::from(e).context(format!("key of '{dataset}' in {file}")))?;
    }
    // A target that does not exist is refused where it is opened, in the words for that.
    let Ok(head) = pool.head(&target.dataset) else { return Ok(()) };
    let Some(encryption) = pool.encryption(&head)? else { return Ok(()) };
    if !needed || pool.has_key(&encryption) || !std::io::stdin().is_terminal() {
        return Ok(());
    }
    if encryption.format == KeyFormat::RAW {
        return Err(Failure::usage("a raw key cannot be typed; give its file with --key"));
    }
    let root = pool.encryption_root(&encryption)?;
    let typed = rpassword::prompt_password(format!("Enter key for '{root}': ")).map(Zeroizing::new);
    let typed = typed.map_err(|e| Failure::new(ErrorClass::Device, format!("terminal: {e}")))?;
    pool.load_key(&head, typed.as_bytes())
        .map_err(|e| Failure::from(e).context(format!("key of '{root}'")))
}
