//! `zsend keys`: pools and streams without a key, copies that do not fit.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, send, stderr, zsend};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;
use zsend_pool::Zbookmark;
use zsend_pool::zap;
use zsend_pool::{OpenOptions, Pool};
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::reader::SliceReader;
use zsend_testkit::damage::stamp;
use zsend_testkit::pool::MendedPool;

fn keys(args: &[&str], targets: &[&str]) -> Output {
    let dir = pool_dir("crypt");
    let pool = ["keys", "-q", "-d", dir.to_str().unwrap()];
    zsend(&[&pool[..], args, targets].concat())
}

fn lines(out: &Output) -> Vec<Value> {
    let text = String::from_utf8(out.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn raw(dir: &Path, name: &str, args: &[&str]) -> String {
    let path = dir.join(name).to_str().unwrap().to_owned();
    let out = send(&pool_dir("crypt"), &[&["-q", "-w", "-o", &path], args].concat());
    assert!(out.status.success(), "{}", stderr(&out));
    path
}

/// Changes a number of a stream's `crypt_keydata`.
fn changed(path: &str, name: &str) -> String {
    let stream = fs::read(path).unwrap();
    let mut records: Vec<_> = SliceReader::new(stream.into()).map(Result::unwrap).collect();
    let (list, _) = NvList::decode(&records[0].payload).unwrap();
    let mut data = list.list("crypt_keydata").unwrap().clone();
    data.insert(name, NvValue::Uint64(data.u64(name).unwrap() ^ 1));
    let mut changed = NvList::new();
    changed.insert("crypt_keydata", NvValue::List(data));
    let payload = changed.encode(Encoding::Native).unwrap();
    assert_eq!(payload.len(), records[0].payload.len());
    records[0].payload = payload.into();
    let path = format!("{path}.changed");
    fs::write(&path, stamp(&records, false)).unwrap();
    path
}

#[test]
fn pools_and_streams_say_the_same() {
    let out = keys(&["--json"], &["crypt"]);
    assert!(out.status.success(), "{}", stderr(&out));
    let of_pool = lines(&out);
    let named = |kind: &str, name: &str| {
        let mut of = of_pool.iter().filter(|line| line["kind"] == kind && line["name"] == name);
        of.next().unwrap_or_else(|| panic!("no {kind} {name}")).clone()
    };
    let dir = TempDir::new().unwrap();
    for (dataset, root) in [
        ("crypt/raw/child", "crypt/raw"),
        ("crypt/hex/child", "crypt/hex"),
        ("crypt/aes-128-ccm", "crypt/aes-128-ccm"),
    ] {
        let full = raw(dir.path(), "full", &[&format!("{dataset}@a")]);
        let increment = raw(dir.path(), "increment", &["-i", "@a", &format!("{dataset}@b")]);
        let out = zsend(&["keys", "--json", &full, &increment]);
        assert!(out.status.success(), "{}", stderr(&out));
        let streams = lines(&out);
        let [full, increment] = &streams[..] else { panic!("{streams:?}") };
        let head = named("dataset", dataset);
        let (a, b) = (format!("{dataset}@a"), format!("{dataset}@b"));
        let (a, b) = (named("snapshot", &a), named("snapshot", &b));
        assert_eq!(
            (&head["encryptionroot"], &full["encryptionroot"]),
            (&root.into(), &Value::Null)
        );
        for field in ["encryption", "keyformat", "pbkdf2iters", "pbkdf2salt", "keyguid", "wrapped"]
        {
            assert_eq!((&full[field], &increment[field]), (&head[field], &head[field]), "{field}");
        }
        assert!(head["wrapped"]["DSL_CRYPTO_MASTER_KEY_1"].as_str().is_some_and(|k| k.len() == 64));
        for field in ["guid", "ivset"] {
            assert_eq!((&full[field], &increment[field]), (&a[field], &b[field]), "{field}");
        }
        assert_eq!((&increment["from_ivset"], &increment["fromguid"]), (&a["ivset"], &a["guid"]));
    }
    // A stream that is sent decrypted says nothing of keys, and differs from nothing.
    let full = raw(dir.path(), "full", &["crypt/raw@a"]);
    let key = zsend_testkit::fixture("crypt").join("keys/raw");
    let plain = dir.path().join("plain").to_str().unwrap().to_owned();
    let key = format!("crypt/raw={}", key.display());
    let out = send(&pool_dir("crypt"), &["-q", "-o", &plain, "--key", &key, "crypt/raw@a"]);
    assert!(out.status.success(), "{}", stderr(&out));
    let out = zsend(&["keys", "--json", &full, &plain]);
    assert!(out.status.success(), "{}", stderr(&out));
    assert_eq!(lines(&out)[1]["keyguid"], Value::Null);

    // A bookmark keeps the set of IVs of its snapshot.
    let book = named("bookmark", "crypt/raw/child#a");
    assert_eq!(book["ivset"], named("snapshot", "crypt/raw/child@a")["ivset"]);
}

#[test]
fn streams_that_do_not_fit_the_pool_are_named() {
    let dir = TempDir::new().unwrap();
    let increment = raw(dir.path(), "increment", &["-i", "@a", "crypt/raw/child@b"]);
    let out = keys(&[], &["crypt/raw", &increment]);
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    for (name, what) in [
        ("from_ivset_guid", "the set of IVs of crypt/raw/child@a in "),
        ("to_ivset_guid", "the set of IVs of crypt/raw/child@b in "),
        ("DSL_CRYPTO_GUID", "the key of crypt/raw/child@"),
    ] {
        let other = changed(&increment, name);
        let out = keys(&[], &["crypt/raw", &other]);
        let text = String::from_utf8(out.stdout.clone()).unwrap();
        assert_eq!(out.status.code(), Some(11), "{name}: {text}");
        assert!(text.contains(what), "{name}: {text}");
    }
}

/// A folder with the pool `crypt`, in which `crypt/raw/child` has the encryption root `crypt/aes-256-gcm`: its keys
/// stay wrapped with that of another, as a raw receive leaves them (openzfs #12614).
fn with_another_root() -> TempDir {
    let dir = TempDir::new().unwrap();
    let pool = Pool::open(&[pool_dir("crypt")], "crypt", &OpenOptions::default()).unwrap();
    let root = |name: &str| {
        let head = pool.head(name).unwrap();
        pool.encryption(&head).unwrap().unwrap().root_dir
    };
    // An array begins behind its type, ZAP_CHUNK_ARRAY of `include/sys/zap_leaf.h`.
    let array = |number: u64| [&[251], &number.to_be_bytes()[..]].concat();
    let (old, new) = (array(root("crypt/raw/child")), array(root("crypt/aes-256-gcm")));
    let child = pool.dir("crypt/raw/child").unwrap();
    let object = zap::lookup_u64(pool.mos(), child.object, "com.datto:crypto_key_obj");
    let leaf = Zbookmark::new(pool.mos().id(), object.unwrap().unwrap(), 0, 1);
    let mut mended = MendedPool::fixture("crypt").unwrap();
    let mut changed = 0;
    mended
        .change_block(leaf, |block| {
            for at in 0..block.len() - old.len() {
                if block[at..].starts_with(&old) {
                    block[at..at + old.len()].copy_from_slice(&new);
                    changed += 1;
                }
            }
        })
        .unwrap();
    assert_eq!(changed, 1);
    mended.save(dir.path()).unwrap();
    dir
}

#[test]
fn keys_that_their_root_does_not_open_are_named() {
    let dir = with_another_root();
    let out = zsend(&["keys", "-q", "-d", dir.path().to_str().unwrap(), "crypt/raw/child"]);
    let text = String::from_utf8(out.stdout.clone()).unwrap();
    assert_eq!(out.status.code(), Some(11), "{text}{}", stderr(&out));
    let why = "crypt/raw/child: its keys are wrapped with another key than that of its encryption root \
               crypt/aes-256-gcm: raw with 0 iterations";
    assert!(text.contains(why), "{text}");
    let out = keys(&[], &["crypt/raw/child"]);
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
}

#[test]
fn packages_name_their_encryption_roots() {
    let dir = TempDir::new().unwrap();
    let package = raw(dir.path(), "package", &["-R", "crypt/raw@b"]);
    let out = zsend(&["keys", "-H", &package]);
    let text = String::from_utf8(out.stdout).unwrap();
    let roots: Vec<_> = text.lines().map(|line| line.split('\t').nth(1).unwrap()).collect();
    assert!(roots.len() >= 4 && roots.iter().all(|root| *root == "crypt/raw"), "{text}");
}

#[test]
fn what_cannot_be_looked_at_fails() {
    let dir = TempDir::new().unwrap();
    let junk = dir.path().join("junk");
    fs::write(&junk, [7; 400]).unwrap();
    assert_eq!(zsend(&["keys", junk.to_str().unwrap()]).status.code(), Some(1));
    assert_eq!(keys(&[], &["crypt/none"]).status.code(), Some(1));
    assert_eq!(keys(&[], &["crypt/raw@a"]).status.code(), Some(2));
    // What is not encrypted is no fault, and has no row.
    let out = zsend(&["keys", "-q", "-d", pool_dir("basic").to_str().unwrap(), "basic"]);
    assert_eq!((out.status.code(), out.stdout), (Some(0), Vec::new()));
}

#[cfg(unix)]
#[test]
fn a_stream_has_whatever_name_a_file_can_have() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let dir = TempDir::new().unwrap();
    let stream = raw(dir.path(), "raw", &["crypt/raw@a"]);
    let strange = dir.path().join(OsStr::from_bytes(b"n\xff.zsend"));
    fs::rename(stream, &strange).unwrap();
    let keys = |path: &Path| {
        Command::new(env!("CARGO_BIN_EXE_zsend")).arg("keys").arg(path).output().unwrap()
    };
    let out = keys(&strange);
    assert!(out.status.success(), "{}", stderr(&out));
    // The name that is told of is the one that is no file.
    let mut both = Command::new(env!("CARGO_BIN_EXE_zsend"));
    let out = both.arg("keys").arg(&strange).arg("none.zsend").output().unwrap();
    assert!(stderr(&out).contains("There is no file 'none.zsend'"), "{}", stderr(&out));
    fs::remove_file(&strange).unwrap();
    let out = keys(&strange);
    assert_eq!(out.status.code(), Some(1));
    assert!(stderr(&out).contains("There is no file"), "{}", stderr(&out));
}
