//! The programs in `examples/`, run on fixtures.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "../examples/cancel.rs"]
mod cancel;
#[path = "../../pool/examples/http.rs"]
mod http;
#[path = "../../stream/examples/mutate.rs"]
mod mutate;
#[path = "../../stream/examples/receive.rs"]
mod receive;
mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zsend_pool::{Device, Name, OpenOptions, Pool};
use zsend_records::types::DmuType;
use zsend_traverse::{CancelToken, SendError, SendOptions, SendPlan};

fn stream(pool: &Pool, to: &str, from: Option<&str>, options: SendOptions) -> Vec<u8> {
    let mut out = Vec::new();
    let plan = SendPlan::by_name(pool, to, from, options).unwrap();
    plan.write(&mut out, &CancelToken::default(), |_| {}).unwrap();
    out
}

/// Compares every file of a snapshot with what was received, and returns their number.
fn compare(pool: &Pool, snapshot: &str, dir: &Path) -> usize {
    let dataset = pool.dataset(&Name::parse(snapshot).unwrap()).unwrap();
    let objset = pool.objset(&dataset).unwrap();
    let mut files = 0;
    for object in 1..512 {
        let Ok(dnode) = objset.dnode(object) else { continue };
        let path = dir.join(object.to_string());
        if dnode.object_type == DmuType::NONE {
            assert!(!path.exists(), "object {object} is free");
            continue;
        }
        let mut got = std::fs::read(&path).unwrap();
        let size = usize::try_from(dnode.blocks() * dnode.datablksz()).unwrap();
        let mut want = objset.read(&dnode, object, 0, size).unwrap();
        // What no record fills is a hole, and so is what was freed at the end.
        let longest = got.len().max(want.len());
        got.resize(longest, 0);
        want.resize(longest, 0);
        assert!(got == want, "object {object}");
        files += usize::from(dnode.object_type == DmuType::PLAIN_FILE_CONTENTS);
    }
    files
}

#[test]
fn what_is_received_is_what_the_pool_has() {
    let pool = support::pool("basic");
    let (from, to) = ("basic/fs@a", "basic/fs@c");
    for (compress, embed) in [(false, false), (true, false), (true, true)] {
        let dir = tempfile::tempdir().unwrap();
        let options = SendOptions::default().with_embed(embed).with_compress(compress);
        let full = stream(&pool, from, None, options.clone());
        receive::receive(&full[..], dir.path()).unwrap();
        assert!(compare(&pool, from, dir.path()) > 0);
        let increment = stream(&pool, to, Some(from), options);
        receive::receive(&increment[..], dir.path()).unwrap();
        assert!(compare(&pool, to, dir.path()) > 0);
        assert!(receive::receive(&full[..full.len() / 2], dir.path()).is_err());
    }
}

/// Answers ranges of a file, one request a connection, until the program ends.
fn serve(file: Vec<u8>) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let served = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&served);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(answer(&stream.unwrap(), &file), Ordering::Relaxed);
        }
    });
    (host, served)
}

/// Answers one request, and returns the bytes that it asked for.
fn answer(mut stream: &TcpStream, file: &[u8]) -> u64 {
    let mut range = None;
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if line.is_empty() {
            break;
        }
        if let Some(bytes) = line.strip_prefix("Range: bytes=") {
            let (first, last) = bytes.split_once('-').unwrap();
            range = Some(first.parse::<usize>().unwrap()..=last.parse::<usize>().unwrap());
        }
    }
    let range = range.unwrap();
    let (first, last, size) = (range.start(), range.end(), file.len());
    let head =
        format!("HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {first}-{last}/{size}");
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
    stream.write_all(&file[range.clone()]).unwrap();
    (last - first + 1) as u64
}

#[test]
fn a_pool_behind_a_web_server_sends_the_same() {
    let local = support::pool("basic");
    let images = support::images("basic");
    let image = std::fs::read(images.join("d0.img")).unwrap();
    let size = image.len() as u64;
    let (host, served) = serve(image);
    let source = http::Http::open(&host, "/d0.img").unwrap();
    let device = Device::new(host.as_str(), Arc::new(source));
    let remote = Pool::open_devices(&[device], "basic", &OpenOptions::default()).unwrap();
    let options = SendOptions::default();
    let want = stream(&local, "basic/fs@a", None, options.clone());
    assert!(stream(&remote, "basic/fs@a", None, options) == want);
    let served = served.load(Ordering::Relaxed);
    assert!(served < size, "{served} of {size} bytes were fetched");
    let gone = http::Http::open("127.0.0.1:1", "/d0.img");
    assert!(gone.is_err());
}

#[tokio::test]
async fn a_receiver_that_goes_away_ends_the_send() {
    let pool = Arc::new(support::pool("basic"));
    let want = stream(&pool, "basic/fs@c", None, SendOptions::default());
    let (mut pieces, sent) = cancel::send(Arc::clone(&pool), "basic/fs@c".into());
    let mut got = Vec::new();
    while let Some(piece) = pieces.next().await {
        got.extend_from_slice(&piece);
    }
    assert_eq!(sent.await.unwrap().unwrap().bytes(), want.len() as u64);
    assert!(got == want);

    let (pieces, sent) = cancel::send(pool, "basic/fs@c".into());
    drop(pieces);
    let ended = sent.await.unwrap().unwrap_err();
    assert!(matches!(ended, SendError::Cancelled | SendError::Output(_)), "{ended}");
}

#[test]
fn damage_is_refused_or_shown() {
    let pool = support::pool("basic");
    let whole = stream(&pool, "basic/fs@a", None, SendOptions::default());
    let head = whole[..whole.len().min(64 << 10)].to_vec();
    for stream in [&whole, &head] {
        let tally = mutate::mutate(stream, 20, 7);
        assert_eq!(tally.refused + tally.shown, 20);
        assert_eq!(mutate::mutate(stream, 20, 7), tally, "a seed gives the same again");
    }
    // Sums that are mended let damage through, which the parser alone would have refused.
    assert!(mutate::mutate(&whole, 20, 7).shown > 0);
}
