//! The table of `docs/compat.md`: every flag of `zfs send`, `zstream` and `zdb -B` with our answer. Each
//! row is run, and the file must be what the rows say. `ZSEND_WRITE_COMPAT=1 cargo test -p zsend-cli
//! --test command compat` writes it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, stderr, zsend};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// A flag of another program, and ours.
struct Row {
    /// The flag, as its manual has it.
    flag: &'static str,
    /// A command line with it, as somebody would type it here. `{pool}`, `{stream}`, `{token}`, `{id}`,
    /// `{key}` and `{out}` stand for files and names.
    line: &'static str,
    /// Its exit code.
    code: i32,
    /// Text on either output.
    says: &'static str,
    /// Answer for a user.
    answer: &'static str,
}

const fn row(
    flag: &'static str,
    line: &'static str,
    code: i32,
    says: &'static str,
    answer: &'static str,
) -> Row {
    Row { flag, line, code, says, answer }
}

const SAME: &str = "the same";

/// `zfs-send(8)` of OpenZFS master, August 2026.
const ZFS_SEND: &[Row] = &[
    row("-D, --dedup", "send -d {pool} -D -o {out} basic/fs@b", 0, "no longer supported", SAME),
    row("-I SNAP", "send -d {pool} -n -v -I @a basic/fs@c", 0, "send from @b to", SAME),
    row("-L, --large-block", "send -d {pool} -L -o {out} basic/fs@b", 0, "", SAME),
    row("-P, --parsable", "send -d {pool} -n -P basic/fs@b", 0, "size\t", SAME),
    row("-R, --replicate", "send -d {pool} -R -o {out} basic/fs@b", 0, "", SAME),
    row(
        "-S, --saved",
        "send -d {pool} -S basic/fs",
        1,
        "there is no receive into it that has not ended",
        "the same, with a reason where zfs gives none",
    ),
    row(
        "-U, --no-preserve-encryption",
        "send -d {pool} -U -o {out} basic/fs@b",
        0,
        "",
        "the same; for a single stream it changes nothing there either",
    ),
    row(
        "-V, --proctitle",
        "send -d {pool} -V -o {out} basic/fs@b",
        0,
        "estimated size",
        "the name that `ps -o comm` shows, of 15 bytes, not the whole command line",
    ),
    row(
        "-X DS, --exclude",
        "send -d {pool} -n -v -R -X basic/vol,basic/cl basic@all",
        0,
        "full send of basic/empty@e",
        SAME,
    ),
    row("-b, --backup", "send -d {pool} -b -o {out} basic/fs@b", 0, "", SAME),
    row("-c, --compressed", "send -d {pool} -c -o {out} basic/fs@b", 0, "", SAME),
    row("-e, --embed", "send -d {pool} -e -o {out} basic/fs@b", 0, "", SAME),
    row(
        "-h, --holds",
        "send -d {pool} -h -o {out} basic/fs@b",
        0,
        "",
        "the same; help is `--help`",
    ),
    row("-i SNAP", "send -d {pool} -i @a -o {out} basic/fs@b", 0, "", SAME),
    row("-i BOOKMARK", "send -d {pool} -i #a -o {out} basic/fs@b", 0, "", SAME),
    row("-n, --dryrun", "send -d {pool} -n -v basic/fs@b", 0, "total estimated size is", SAME),
    row("-p, --props", "send -d {pool} -p -o {out} basic/fs@b", 0, "", SAME),
    row("-s, --skip-missing", "send -d {pool} -R -s -o {out} basic/fs@b", 0, "", SAME),
    row("-t, --resume TOKEN", "send -d {resume} -nvt {token}", 0, "resume token contents:", SAME),
    row(
        "-v, --verbose",
        "send -d {pool} -v -o {out} basic/fs@b",
        0,
        "estimated size is",
        "the same, and a line at the end; on a terminal a bar",
    ),
    row(
        "-vv",
        "send -d {pool} -vv -o {out} basic/fs@b",
        0,
        "RECORDS",
        "records, where zfs shows blocks",
    ),
    row("-w, --raw", "send -d {pool} -w -o {out} basic/fs@b", 0, "", SAME),
    row(
        "--redact BOOK",
        "send -d {pool} --redact a basic/fs@b",
        1,
        "not a redaction bookmark",
        SAME,
    ),
    row("SIGINFO, SIGUSR1", "send --help", 0, "SIGUSR1 shows how far", "the same"),
];

/// `zstream(8)` of the same.
const ZSTREAM: &[Row] = &[
    row(
        "dump FILE",
        "dump {stream}",
        0,
        "SUMMARY:",
        "the same text as 2.3.2; `--like master` as master",
    ),
    row("dump -v", "dump -v {stream}", 0, "OBJECT object", SAME),
    row("dump -vv", "dump -vv {stream}", 0, "    checksum =", SAME),
    row("dump -d", "dump -d {stream}", 0, "    checksum =", SAME),
    row("dump -C", "dump -C {stream}", 0, "SUMMARY:", SAME),
    row(
        "dump FILE, for its exit code",
        "verify {stream}",
        0,
        ": whole: ",
        "`zsend verify`, which knows a cut stream from a whole one",
    ),
    row("token TOKEN", "token {token}", 0, "toguid", SAME),
    row(
        "decompress -v OBJECT,OFFSET[,TYPE]",
        "decompress -v 1,0 {stream} -o {out}",
        0,
        "",
        "the same bytes as 2.3.2; of a file too; all blocks if none is named",
    ),
    row(
        "drop_record -v OBJECT,OFFSET",
        "drop_record -v 1,0 {stream} -o {out}",
        0,
        "object 1, offset 0: WRITE left out",
        "also `drop-record`",
    ),
    row(
        "redup -v FILE",
        "redup -v {stream} -o {out}",
        0,
        "records so far",
        "the same bytes as 2.3.2, of single streams; from standard input too; in bounded memory",
    ),
    row(
        "recompress ALGORITHM",
        "recompress zstd-10 {stream} -o {out}",
        0,
        "",
        "also with the level in the name; BEGIN says what the blocks are then; raw streams are refused, not passed on",
    ),
    row("recompress -l LEVEL", "recompress -l 3 zstd {stream} -o {out}", 0, "", SAME),
    row(
        "recompress off",
        "recompress off {stream} -o {out}",
        0,
        "",
        "the same bytes as 2.3.2, of plain single streams",
    ),
    row(
        "recompress -t N",
        "recompress -t 2 lz4 {stream}",
        2,
        "unexpected argument '-t'",
        "all cores are used; `RAYON_NUM_THREADS` bounds them",
    ),
    row(
        "raw IMAGE",
        "raw {out} {stream}",
        4,
        "not the stream of a volume",
        "the same; an increment needs `-g`",
    ),
    row("raw -g GUID", "raw -g 7 {out} {stream}", 4, "not the stream of a volume", SAME),
    row(
        "raw -b MAXBUFS",
        "raw -b 2 {out} {stream}",
        2,
        "unexpected argument '-b'",
        "writes are joined up to 1 MiB",
    ),
];

/// `zdb -B` of `zdb(8)` of the same.
const ZDB: &[Row] = &[
    row("-B POOL/ID", "send -d {pool} -o {out} {id}", 0, "", "`zsend send POOL/ID`, or the name"),
    row(
        "-B POOL/ID eLcw",
        "send -d {pool} -eLcw -o {out} {id}",
        0,
        "",
        "`-e -L -c -w`, as `zfs send`",
    ),
    row("-e -p PATH", "send -p {pool} {id}", 2, "-p PATH is -d PATH", "`-d PATH`"),
    row(
        "-U CACHE",
        "send -U {stream} {id}",
        2,
        "no counterpart",
        "`-d PATH`: no cache file is read",
    ),
    row("-K KEY", "send -K secret {id}", 2, "--key DATASET=FILE", "`--key DATASET=FILE`"),
    row(
        "-o VAR=VALUE",
        "send -d {pool} -o zfs_send_corrupt_data=1 {id}",
        2,
        "--tunable",
        "`--tunable NAME=VALUE`, for the tunables of sends",
    ),
    row(
        "-t TXG",
        "send -d {pool} --list-txgs {id}",
        0,
        "TXG",
        "`--txg N`; `--list-txgs` shows them",
    ),
    row("-V", "send -d {pool} -V -o {out} {id}", 0, "", "not needed: missing devices are no error"),
];

/// Values of the names in the lines.
fn places(out: &str) -> Vec<(&'static str, String)> {
    let pool = pool_dir("basic").display().to_string();
    let stream = PathBuf::from(out).with_file_name("stream");
    let made = zsend(&["send", "-d", &pool, "basic/fs@b"]);
    fs::write(&stream, made.stdout).unwrap();
    let id = zsend(&["list", "-d", &pool, "-Hp", "-o", "objsetid", "basic/fs@b"]).stdout;
    let cases = fs::read_to_string(zsend_testkit::fixture("resume").join("cases.json")).unwrap();
    let token = cases.split('"').find(|text| text.starts_with("1-")).unwrap().to_owned();
    vec![
        ("{pool}", pool),
        ("{resume}", pool_dir("resume").display().to_string()),
        ("{stream}", stream.display().to_string()),
        ("{token}", token),
        ("{id}", format!("basic/{}", String::from_utf8(id).unwrap().trim())),
        ("{out}", out.to_owned()),
    ]
}

/// Differences that `cargo xtask dumps` lets pass, behind the table of `zstream`.
const DUMPS: &str = "
`cargo xtask dumps DIR...` compares the texts and exit codes of `dump`, `dump -v`, `dump -vd` and `dump -C` with those of `zstream` 2.3.2,
over every stored stream of the given folders. They are the same, but for:

| stream | `zstream` 2.3.2 | here | why |
|---|---|---|---|
| big-endian, without `-C` | stops at the second record: `Incorrect checksum in record header.`; exit 0 | all of it | it compares the stored sum without turning it to its own byte order: `read_hdr()`, `cmd/zstream/zstream_dump.c`; up to there the texts are the same |
| big-endian with a list in the native encoding, with `-C` | leaves the list out: `Operation not supported` | shows it | its library unpacks lists of its own byte order alone: `nvlist_common()`, `nvpair.c` |
| shorter than a header | a summary of no record; exit 0 | exit 1: the stream is truncated | that is no stream |
";

#[test]
fn every_flag_has_the_answer_that_the_table_gives() {
    let dir = tempfile::tempdir().unwrap();
    let places = places(dir.path().join("out").to_str().unwrap());
    let mut page = String::from(
        "# Compatibility\n\nEvery flag of `zfs send`, `zstream` and `zdb -B` (OpenZFS master of August 2026), \
         and what `zsend`\nmakes of it. `crates/cli/tests/command/compat.rs` runs every line, and writes this file.\n",
    );
    for (program, rows) in [("zfs send", ZFS_SEND), ("zstream", ZSTREAM), ("zdb -B", ZDB)] {
        write!(page, "\n## `{program}`\n\n| flag | here | exit | tried as |\n|---|---|---|---|\n")
            .unwrap();
        for row in rows {
            let mut line = row.line.to_owned();
            for (name, place) in &places {
                line = line.replace(name, place);
            }
            let out = zsend(&line.split(' ').collect::<Vec<_>>());
            let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), stderr(&out));
            assert_eq!(out.status.code(), Some(row.code), "{}: {said}", row.line);
            assert!(said.contains(row.says), "{}: {said}", row.line);
            let Row { flag, answer, code, line, .. } = row;
            writeln!(page, "| `{flag}` | {answer} | {code} | `zsend {line}` |").unwrap();
        }
        if program == "zstream" {
            page += DUMPS;
        }
    }
    let path = zsend_testkit::fixture("").join("../docs/compat.md");
    if std::env::var_os("ZSEND_WRITE_COMPAT").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap_or_default(),
        page,
        "docs/compat.md is out of date"
    );
}
