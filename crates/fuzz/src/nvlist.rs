//! Any bytes as a packed nvlist.
//!
//! A list that is accepted can be packed in every encoding, and what was packed reads the same.

use zsend_records::nvlist::{Encoding, NvList};

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let Ok((list, _, used)) = NvList::decode_prefix(bytes) else { return };
    assert!(used <= bytes.len());
    for encoding in Encoding::ALL {
        let packed = list.encode(encoding);
        let (again, _) = NvList::decode(&packed).expect("a packed list can be read");
        assert_eq!(again.encode(encoding), packed, "{encoding:?}");
    }
    let mut text = Vec::new();
    zsend_stream::dump::nvlist_text(&mut text, &list).expect("memory does not fail");
    text.clear();
    zsend_stream::dump::nvlist_json(&mut text, &list).expect("memory does not fail");
    serde_json::from_slice::<serde_json::Value>(&text).expect("it is JSON");
}
