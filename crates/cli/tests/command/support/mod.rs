//! Common parts of the program's tests: pools that may be damaged, and runs of `zsend`.

#![allow(unreachable_pub, reason = "all tests may use it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use sha2::{Digest, Sha256};
use std::fs::OpenOptions;
use std::io::{Cursor, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use zsend_pool::CancelToken;
use zsend_pool::Pool;
use zsend_pool::Zbookmark;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dsl::name::Name;
use zsend_records::reader::{SliceReader, StreamRecord};
use zsend_stream::change::{ChangeError, ChangeInput, Given, Verb, change};
use zsend_traverse::Blocks;

/// Offset of a leaf's data.
const DATA_START: u64 = 4 << 20;

/// A private copy of a fixture's images.
pub struct Copy {
    pub dir: TempDir,
}

impl Copy {
    pub fn of(fixture: &str) -> Self {
        let dir = TempDir::new().unwrap();
        zsend_testkit::images::unpack_to(&zsend_testkit::fixture(fixture), dir.path()).unwrap();
        Self { dir }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn image(&self, i: usize) -> PathBuf {
        self.path().join(format!("d{i}.img"))
    }

    /// Flips one bit at a byte offset of an image.
    pub fn flip(&self, i: usize, offset: u64) {
        let path = self.image(i);
        let mut perms = std::fs::metadata(&path).unwrap().permissions();
        #[expect(clippy::permissions_set_readonly_false, reason = "a file of this test alone")]
        perms.set_readonly(false);
        std::fs::set_permissions(&path, perms).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
    }

    /// Flips one bit in every copy of a block of a pool with one device, in the middle of it.
    pub fn flip_block(&self, bp: &BlkPtr) {
        for dva in bp.dvas() {
            self.flip(0, DATA_START + dva.offset() + bp.psize() / 2);
        }
    }
}

/// A fixture's images, shared by tests that only read.
pub fn pool_dir(fixture: &str) -> PathBuf {
    zsend_testkit::images::unpack(&zsend_testkit::fixture(fixture)).unwrap()
}

/// Runs `zsend` with its output captured.
pub fn zsend(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zsend")).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Runs `zsend` with these bytes on its standard input.
pub fn piped(args: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zsend"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // While one thread gives, this one takes: a pipe has room for little.
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let giver = std::thread::spawn(move || {
        // A program that has seen enough reads no further.
        let _ = stdin.write_all(&input);
    });
    let out = child.wait_with_output().unwrap();
    giver.join().unwrap();
    out
}

/// Takes a stream through a step.
pub fn through(step: &str, given: &Given, stream: &[u8]) -> Result<Vec<u8>, ChangeError> {
    let step = (Verb::named(step).unwrap().make)(given).unwrap();
    let source = ChangeInput::of_reader("in", Cursor::new(stream.to_vec()));
    let mut out = Vec::new();
    change(vec![source], vec![step], &mut out, |_| {}).map(|_| out)
}

/// The records of a stream.
pub fn records(stream: &[u8]) -> Vec<StreamRecord> {
    SliceReader::new(stream.to_vec().into()).map(Result::unwrap).collect()
}

/// Runs `zsend send -d DIR` and more.
pub fn send(dir: &Path, args: &[&str]) -> Output {
    let mut all = vec!["send", "-d", dir.to_str().unwrap()];
    all.extend(args);
    zsend(&all)
}

/// Standard error as text.
pub fn stderr(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// SHA-256 of a file.
pub fn digest(path: &Path) -> Vec<u8> {
    Sha256::digest(std::fs::read(path).unwrap()).to_vec()
}

/// Every block of a dataset that is not a hole, indirect blocks and dnode blocks too.
pub fn blocks(dir: &Path, dataset: &str) -> Vec<(Zbookmark, BlkPtr)> {
    let name = Name::parse(dataset).unwrap();
    let pool = Pool::open(&[dir.to_owned()], name.pool(), &Default::default()).unwrap();
    let dataset = pool.dataset(&name).unwrap();
    let objset = pool.raw_objset(&dataset).unwrap();
    let root = (Zbookmark::root(objset.id()), *objset.root());
    let blocks = Blocks::new(objset.into(), 0, 1, &CancelToken::default()).unwrap();
    std::iter::once(root).chain(blocks.map(Result::unwrap)).collect()
}
