use super::*;
use proptest::prelude::*;

fn manifest(lengths: &[u64]) -> Manifest {
    let mut parts = Vec::new();
    let mut offset = 0;
    for (record, &length) in (0..).zip(lengths) {
        let chain = Chain::from_sum(Fletcher4 { a: offset, b: 2, c: u64::MAX, d: 0 }, Order::Big);
        let hash = blake3::hash(&offset.to_le_bytes());
        parts.push(Part { offset, length, record, chain, hash });
        offset += length;
    }
    let hash = blake3::hash(b"whole");
    Manifest { size: 1000, length: offset, records: 500, hash, parts }
}

/// The list with one text in place of another, and a last line that fits.
fn changed(list: &Manifest, from: &str, to: &str) -> Result<Manifest, ManifestError> {
    let text = list.to_text();
    let body = &text[..text.trim_end().rfind('\n').unwrap() + 1];
    assert!(body.contains(from), "{from}");
    let mut body = body.replace(from, to);
    let hash = blake3::hash(body.as_bytes()).to_hex().to_string();
    add_line(&mut body, &EndLine { kind: END.into(), blake3: hash });
    Manifest::parse(body.as_bytes())
}

#[test]
fn what_is_written_is_read() {
    let list = manifest(&[1000, 312, 1, 999]);
    assert_eq!(Manifest::parse(list.to_text().as_bytes()), Ok(list));
}

#[test]
fn hostile_lists_are_refused() {
    let list = manifest(&[1000, 312, 999]);
    for (from, to) in [
        ("000002.zpart", "../000002.zpart"),
        ("000002.zpart", "/etc/passwd"),
        ("000002.zpart", "000001.zpart"),
        ("\"part\":2", "\"part\":1"),
        ("\"parts\":3", "\"parts\":4000000000"),
        ("\"parts\":3", "\"parts\":0"),
        ("\"parts\":3", "\"parts\":2"),
        ("\"parts\":3", "\"parts\":4"),
        ("\"length\":312", "\"length\":18446744073709551615"),
        ("\"length\":312", "\"length\":0"),
        ("\"length\":312", "\"length\":313"),
        ("\"offset\":1000", "\"offset\":999"),
        ("\"offset\":1000", "\"offset\":-1"),
        ("\"length\":2311", "\"length\":2312"),
        ("\"record\":1", "\"record\":0"),
        ("\"record\":1", "\"record\":500"),
        ("\"order\":\"big\"", "\"order\":\"middle\""),
        ("ffffffffffffffff/0", "10000000000000000/0"),
        ("ffffffffffffffff/0", "ffffffffffffffff/0/0"),
        ("ffffffffffffffff/0", "ffffffffffffffff/+0"),
        ("\"version\":1", "\"version\":2"),
        ("\"blake3\":\"", "\"blake3\":\"0"),
        ("\"size\":1000", "\"size\":1000,\"more\":1"),
    ] {
        assert!(changed(&list, from, to).is_err(), "{from} -> {to}");
    }
    assert!(changed(&list, "\"size\":1000", "\"size\":1001").is_ok());
    let text = list.to_text();
    assert!(matches!(
        Manifest::parse(text.replace("\"size\":1000", "\"size\":1001").as_bytes()),
        Err(ManifestError::Changed { .. })
    ));
    for at in 0..text.len() {
        assert!(Manifest::parse(&text.as_bytes()[..at]).is_err(), "{at}");
    }
    assert!(Manifest::parse(format!("{text}\n").as_bytes()).is_err());
    assert!(Manifest::parse(&vec![b' '; usize::try_from(MAX_FILE).unwrap() + 1]).is_err());
    assert!(Manifest::parse(&vec![b' '; 4096]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
    #[test]
    fn lists_go_there_and_back(lengths in prop::collection::vec(1..=1000u64, 1..40)) {
        let list = manifest(&lengths);
        prop_assert_eq!(Manifest::parse(list.to_text().as_bytes()), Ok(list));
    }
}
