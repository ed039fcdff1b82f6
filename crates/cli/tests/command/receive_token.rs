//! Receives that can be resumed: what `get` shows of them is what `send -t` takes.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, stderr, zsend};
use sha2::{Digest, Sha256};
use zsend_testkit::{cases, fixture};

/// The sends of the kernel's tokens have references: ours say the same, whatever the text of the token is.
#[test]
fn the_token_that_get_shows_goes_on_as_the_kernels_does() {
    let pool = pool_dir("recv");
    let pool = pool.to_str().unwrap();
    let get = |dataset: &str, value: &[&str]| {
        let line = ["get", "-d", pool, "-H", "-o"];
        let out = zsend(&[&line, value, &["receive_resume_token", dataset]].concat());
        assert!(out.status.success(), "{}", stderr(&out));
        String::from_utf8(out.stdout).unwrap().trim_end().to_owned()
    };
    let mut compared = 0;
    for case in cases::read(&fixture("recv")).unwrap() {
        let Some(kind) = case.id.strip_prefix("token-") else { continue };
        let token = get(&format!("recv/{kind}"), &["value"]);
        let contents = |token: &str| zsend(&["token", token]).stdout;
        assert_eq!(contents(&token), contents(case.args.last().unwrap()), "{kind}");
        let sent = zsend(&["send", "-d", pool, "-t", &token]);
        assert!(sent.status.success(), "{}", stderr(&sent));
        let digest: String =
            Sha256::digest(&sent.stdout).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(Some(digest), case.references[0].sha256, "{kind}");
        compared += 1;
    }
    assert_eq!(compared, 3);
    // What is whole has none, and `all` does not show it.
    assert_eq!(get("recv/src", &["property,value,source"]), "receive_resume_token\t-\t-");
    let all =
        |dataset| String::from_utf8(zsend(&["get", "-d", pool, "all", dataset]).stdout).unwrap();
    assert!(!all("recv/src").contains("receive_resume_token"));
    assert!(all("recv/inc").contains("receive_resume_token"));
}
