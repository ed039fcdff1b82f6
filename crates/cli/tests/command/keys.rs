//! Keys: typed on a terminal, given in files, wrong and missing ones. The terminal is that of
//! `script`, which every Debian has.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, send, stderr};
use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

const DATASET: &str = "crypt/aes-256-gcm";
const SNAPSHOT: &str = "crypt/aes-256-gcm@b";
const PROMPT: &str = "Enter key for 'crypt/aes-256-gcm': ";

/// Runs a shell command on a terminal, and types each answer when the prompt has come once more.
/// Gives all that the terminal showed.
fn on_a_terminal(command: &str, answers: &[&str]) -> String {
    let mut child = Command::new("script")
        .args(["-qefc", command, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    for (i, answer) in answers.iter().enumerate() {
        let mut byte = [0];
        while String::from_utf8_lossy(&shown).matches(PROMPT).count() <= i {
            assert!(screen.read(&mut byte).unwrap() > 0, "{}", String::from_utf8_lossy(&shown));
            shown.push(byte[0]);
        }
        keyboard.write_all(answer.as_bytes()).unwrap();
    }
    screen.read_to_end(&mut shown).unwrap();
    drop(keyboard);
    child.wait().unwrap();
    String::from_utf8(shown).unwrap()
}

fn line(end: &str) -> String {
    let pool = pool_dir("crypt");
    // The terminal interrupts the shell too, which must live to say how the program ended; what
    // it ignores, the program would ignore.
    let program = format!("env --default-signal=INT,QUIT {}", env!("CARGO_BIN_EXE_zsend"));
    format!("trap '' INT QUIT; {program} send -d {} {end}", pool.display())
}

fn passphrase() -> String {
    let file = zsend_testkit::fixture("crypt").join("keys/pass");
    fs::read_to_string(file).unwrap().trim_end().to_owned()
}

#[test]
fn a_passphrase_gets_three_tries() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out.zsend");
    let file = file.to_str().unwrap();
    let right = format!("{}\n", passphrase());
    let shown = on_a_terminal(
        &line(&format!("-o {file} {SNAPSHOT}")),
        &["wrong wrong\n", "short\n", &right],
    );
    assert!(!shown.contains("wrong") && !shown.contains(&passphrase()), "{shown}");
    let refused = "Key load error: Incorrect key provided for 'crypt/aes-256-gcm'.";
    assert_eq!(shown.matches(refused).count(), 1, "{shown}");
    assert!(shown.contains("Key load error: passphrase is 5 bytes, expected 8 to 512"), "{shown}");
    let key = zsend_testkit::fixture("crypt").join("keys/pass");
    let key = format!("{DATASET}={}", key.display());
    let given = send(&pool_dir("crypt"), &["--key", &key, SNAPSHOT]);
    assert!(given.status.success(), "{}", stderr(&given));
    assert_eq!(fs::read(file).unwrap(), given.stdout);

    let wrong = "wrong wrong\n";
    let end = line(&format!("-o {file}.2 {SNAPSHOT}; echo code $?"));
    let shown = on_a_terminal(&end, &[wrong, wrong, wrong]);
    assert!(shown.contains("3 keys were typed for 'crypt/aes-256-gcm'"), "{shown}");
    assert!(shown.contains("code 1") && shown.matches(PROMPT).count() == 3, "{shown}");
    assert!(!std::path::Path::new(&format!("{file}.2")).exists());
}

#[test]
fn signals_at_the_prompt_leave_the_terminal_with_its_echo() {
    let end = line(&format!("-o /dev/null {SNAPSHOT}; echo code $?; stty -a"));
    // ^C and ^\.
    for (typed, code) in [("\u{3}", "code 130"), ("\u{1c}", "code 131")] {
        let shown = on_a_terminal(&end, &[typed]);
        assert!(shown.contains(code), "{shown}");
        let words: Vec<&str> = shown.split_whitespace().collect();
        assert!(words.contains(&"echo") && !words.contains(&"-echo"), "{shown}");
    }
}

#[test]
fn what_lacks_a_key_says_which_and_what_to_type() {
    let pool = pool_dir("crypt");
    let dir = tempfile::tempdir().unwrap();
    let short = dir.path().join("short");
    fs::write(&short, "x").unwrap();
    let of_short = format!("{DATASET}={}", short.display());
    let hex = zsend_testkit::fixture("crypt").join("keys/hex");
    let of_hex = format!("crypt/hex={}", hex.display());
    let wrong = dir.path().join("wrong");
    fs::write(&wrong, "wrong wrong").unwrap();
    let of_wrong = format!("{DATASET}={}", wrong.display());
    let cases: [(&[&str], i32, &[&str]); 6] = [
        (
            &[SNAPSHOT],
            1,
            &[
                "warning: cannot send 'crypt/aes-256-gcm@b': dataset key must be loaded",
                "encryption root 'crypt/aes-256-gcm', which takes a passphrase",
                "no key was given",
                "--key crypt/aes-256-gcm=FILE",
                "-w",
            ],
        ),
        (&["--key", &of_hex, SNAPSHOT], 1, &["keys were given for: crypt/hex"]),
        (&["--key", &of_short, SNAPSHOT], 1, &["passphrase is 1 bytes, expected 8 to 512"]),
        (
            &["--key", &of_wrong, SNAPSHOT],
            1,
            &[
                "Key load error: Incorrect key provided for 'crypt/aes-256-gcm'.\n",
                "was tried for 'crypt/aes-256-gcm', of encryption root 'crypt/aes-256-gcm', which takes a passphrase",
            ],
        ),
        (
            &["--key", "crypt/hex=/nonexistent", SNAPSHOT],
            3,
            &["zsend: cannot read the key in /nonexistent: No such file or directory\n"],
        ),
        (&["--key", "crypt/hex", SNAPSHOT], 2, &["--key takes DATASET=FILE"]),
    ];
    for (args, code, texts) in cases {
        let out = send(&pool, args);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {}", stderr(&out));
        for text in texts {
            assert!(stderr(&out).contains(text), "{args:?}: {}", stderr(&out));
        }
        assert!(out.stdout.is_empty());
    }
}
