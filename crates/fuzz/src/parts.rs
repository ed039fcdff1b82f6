//! The list of a stream's parts. One that is taken can be written, and reads the same; so does one whose last line
//! was made to fit.

use zsend_stream::split::{MAX_PARTS, Manifest, part_name};

/// Runs one input.
pub fn check(bytes: &[u8]) {
    one(bytes);
    // What a stranger changes he can sum up again.
    let mut sealed = bytes.to_vec();
    let hash = blake3::hash(bytes).to_hex();
    sealed.extend(format!("{{\"kind\":\"end\",\"blake3\":\"{hash}\"}}\n").into_bytes());
    one(&sealed);
}

fn one(bytes: &[u8]) {
    let Ok(list) = Manifest::parse(bytes) else { return };
    assert_eq!(Manifest::parse(list.to_text().as_bytes()).as_ref(), Ok(&list));
    assert!((1..=MAX_PARTS).contains(&(list.parts.len() as u64)));
    let mut end = 0_u64;
    for (number, part) in (1..).zip(&list.parts) {
        assert!(part.offset == end && (1..=list.size).contains(&part.length));
        end = end.checked_add(part.length).expect("the length of the whole is a number");
        assert!(part_name(number).bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'));
    }
    assert_eq!(end, list.length);
}
