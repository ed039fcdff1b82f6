//! Resume tokens that OpenZFS 2.3 gave out for interrupted receives, and what malformed ones say.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use flate2::Compression;
use flate2::read::ZlibEncoder;
use proptest::prelude::*;
use std::io::Read;
use zsend_records::fletcher::Fletcher4;
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::token::{ResumeToken, TokenError, unpack};

/// Each token with what `zfs receive` had got: full and incremental, plain, `-c`, `-e`, raw.
fn tokens() -> Vec<(&'static str, ResumeToken)> {
    vec![
        (
            "1-b45ff5d89-b8-789c636064000310a500c4ec50360710e72765a526973030f0409460caa7a515a79630c\
             001489e0d493ea9b224b51848375c62c2aabf243fbd34338581c16abddd7b99dd1ed11a48f29c60f9bcc4d\
             c540686a2d4e2d2dc54fdb4628724b85d000b89165b",
            ResumeToken {
                object: 12,
                offset: 0,
                bytes: 184_960,
                toguid: 6_577_712_988_721_950_522,
                toname: "resume/fs@b".into(),
                ..Default::default()
            },
        ),
        (
            "1-aee510ef1-b8-789c636064000310a500c4ec50360710e72765a52697303028429460caa7a515a79630c\
             001489e0d493ea9b224b5182471570cabfe92fcf4d2cc140606abf576ef65767b446b20c97382e5f312735\
             319188a528b4b7353f5d38a1d92e0760100f797160f",
            ResumeToken {
                object: 33,
                offset: 0,
                bytes: 1_498_368,
                toguid: 6_577_712_988_721_950_522,
                toname: "resume/fs@b".into(),
                ..Default::default()
            },
        ),
        (
            "1-b6c51af3d-b8-789c636064000310a500c4ec50360710e72765a52697303078419460caa7a515a79630c\
             001489e0d493ea9b224b5184847acb4c1aabf243fbd34338581c16abddd7b99dd1ed11a48f29c60f9bcc4d\
             c540686a2d4e2d2dc54fdb4628724b85d00278a1682",
            ResumeToken {
                object: 74,
                offset: 0,
                bytes: 3_975_512,
                toguid: 6_577_712_988_721_950_522,
                toname: "resume/fs@b".into(),
                ..Default::default()
            },
        ),
        (
            "1-c742bf63a-f0-789c636064000310a500c4ec50360710e72765a52697303028419460caa7a515a79630c\
             001489e0d493ea9b224b518481f78ce84557f497e7a69660a0383d57abbf732bb3da23590e439c1f27989b\
             9a90c0c45a9c5a5b9a9fa69c50e49607324a0fa61ee4ecd4d4a4dc9cf069bcf8d249e9c9f5b00d45b0c948\
             20300f3961e30",
            ResumeToken {
                object: 34,
                offset: 0,
                bytes: 190_400,
                toguid: 6_577_712_988_721_950_522,
                toname: "resume/fs@b".into(),
                embedok: true,
                compressok: true,
                ..Default::default()
            },
        ),
        (
            "1-cd48be2a9-f0-789c636064000310a500c4ec50360710e72765a526973030f8429460caa7a515a79630c\
             001489e0d493ea9b224b518487fb82e86557f497e7a69660a0383d57abbf732bb3da23590e439c1f27989b\
             9a90c0c45a9c5a5b9a9fa69c50e49607324a0fa61ee4ecd4d4a4dc9cf069bcf8d249e9c9f5b00d45b0c948\
             2030032411e8f",
            ResumeToken {
                object: 77,
                offset: 0,
                bytes: 1_497_072,
                toguid: 6_577_712_988_721_950_522,
                toname: "resume/fs@b".into(),
                embedok: true,
                compressok: true,
                ..Default::default()
            },
        ),
        (
            "1-c3bfea989-d8-789c636064000310a500c4ec50360710e72765a52697303028419460caa7a515a79630c\
             001489e0d493ea9b224b518484ff8c084557f497e7a69660a0383d57abbf732bb3da23590e439c1f27989b\
             9a90c0c45a9c5a5b9a9fa69c50e497073b81910ee4ececf2d00aa29cecf46b80500434c1b11",
            ResumeToken {
                object: 34,
                offset: 0,
                bytes: 192_656,
                toguid: 6_577_712_988_721_950_522,
                toname: "resume/fs@b".into(),
                compressok: true,
                ..Default::default()
            },
        ),
        (
            "1-c363d0883-d8-789c636064000310a500c4ec50360710e72765a526973030f8409460caa7a515a79630c\
             001489e0d493ea9b224b518c4be2a86557f497e7a69660a0383d57abbf732bb3da23590e439c1f27989b9a\
             90c0c45a9c5a5b9a9fa69c50e497073b81910ee4ececf2d00aa29cecf46b805001ffb1aac",
            ResumeToken {
                object: 76,
                offset: 0,
                bytes: 1_496_328,
                toguid: 6_577_712_988_721_950_522,
                toname: "resume/fs@b".into(),
                compressok: true,
                ..Default::default()
            },
        ),
        (
            "1-1046c9cb05-118-789c636064000310a501c49c50360710a715e5e7a69766a63040c19cfae5f1cb1f1e7\
             aa10064b323a9cb4fca4a4d2e61603080aac3904f4b2b4e2d618003903c1b927c5265496a31909ed1c7825\
             57f493ec41556ebeddecbecf688d64092e704cbe725e6a6323014a51697e6a6eaa7153b2481cd9180ea87f\
             92f35372935253f1b6c3e379278727e6e01506f31500a0e000e5d26a9",
            ResumeToken {
                fromguid: Some(16_772_216_071_261_749_148),
                object: 48,
                offset: 0,
                bytes: 298_648,
                toguid: 6_577_712_988_721_950_522,
                toname: "resume/fs@b".into(),
                embedok: true,
                compressok: true,
                ..Default::default()
            },
        ),
        (
            "1-dadc28b5f-f0-789c636064000310a500c4ec50360710e72765a52697303070419460caa7a515a79630c\
             001489e0d493ea9b224b51848b7f03363d55f929f5e9a99c2c0b0e6b5b5c22689d7f73490e439c1f27989b\
             9a90c0c45a9c5a5b9a946faa979c90e895073b81910ee4ececf2d00aa29cecf86884940dd01932f4a2c874\
             9310000d86f1dd3",
            ResumeToken {
                object: 10,
                offset: 0,
                bytes: 200_580,
                toguid: 16_062_959_649_271_049_132,
                toname: "resume2/enc@a".into(),
                compressok: true,
                rawok: true,
                ..Default::default()
            },
        ),
        (
            "1-bbcc584c5-f0-789c636064000310a500c4ec50360710e72765a526973030c8429460caa7a515a79630c\
             001489e0d493ea9b224b518483fe9e0c5aabf243fbd3433858161cd6b6b854d12afef6920c97382e5f3127\
             35319188a528b4b73538df453f3921d12a1e6703320dc9d9c9f5b0054539c9f0d119380ba03265f94580e9\
             362000063391ec9",
            ResumeToken {
                object: 29,
                offset: 0,
                bytes: 887_012,
                toguid: 16_062_959_649_271_049_132,
                toname: "resume2/enc@a".into(),
                compressok: true,
                rawok: true,
                ..Default::default()
            },
        ),
        (
            "1-125895e274-118-789c636064000310a501c49c50360710a715e5e7a69766a63040c19ad7d60a9b245ed\
             f5300b2d991d4e52765a5269740f48300867c5a5a716a09031c80e4d990e4932a4b528b8174c87b26acfa4\
             bf221ae3098a5aeebd7f3fc8406923c27583e2f31379581a128b5b83437d5483f352fd921096a0e3703c27\
             fc9f9b9054035c5f9d9103109a83b60f24589e5302906008d1625df",
            ResumeToken {
                fromguid: Some(16_062_959_649_271_049_132),
                object: 40,
                offset: 0,
                bytes: 192_340,
                toguid: 14_476_693_794_598_656_560,
                toname: "resume2/enc@b".into(),
                compressok: true,
                rawok: true,
                ..Default::default()
            },
        ),
    ]
}

#[test]
fn tokens_of_openzfs_are_read() {
    let tokens = tokens();
    assert_eq!(tokens.len(), 11);
    for (text, token) in tokens {
        assert_eq!(ResumeToken::decode(text).unwrap(), token);
        assert_eq!(format!(" {text}\n").parse::<ResumeToken>().unwrap(), token);
        // The list is packed as it was: of the parts, only the deflated bytes may differ.
        let ours = token.encode().unwrap();
        assert_eq!(ours.split('-').nth(2), text.split('-').nth(2));
        assert_eq!(unpack(&ours).unwrap(), unpack(text).unwrap());
    }
}

/// A token of these bytes, sound but for what is in them.
fn token_of(packed: &[u8], size: usize) -> String {
    let mut zlib = Vec::new();
    ZlibEncoder::new(packed, Compression::fast()).read_to_end(&mut zlib).unwrap();
    let hex: String = zlib.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("1-{:x}-{size:x}-{hex}", Fletcher4::of(&zlib).a)
}

fn token_of_list(list: &NvList) -> String {
    let packed = list.encode(Encoding::Native).unwrap();
    token_of(&packed, packed.len())
}

#[test]
fn each_defect_has_its_error() {
    let (good, token) = tokens().swap_remove(0);
    let error = |text: &str| ResumeToken::decode(text).unwrap_err().to_string();
    assert_eq!(
        error(""),
        "number of parts of the token is 1, expected 4: version-checksum-size-data"
    );
    assert_eq!(
        error("1-2"),
        "number of parts of the token is 2, expected 4: version-checksum-size-data"
    );
    assert_eq!(error("x-0-0-"), "token version is \"x\", expected a decimal number");
    assert_eq!(error("1-+1-0-"), "token checksum is \"+1\", expected a hexadecimal number");
    assert_eq!(error(&good.replacen('1', "2", 1)), "token version is 2, expected 1");
    assert_eq!(
        error("1-0-0-7g"),
        "token data have 'g' at character 1, expected a hexadecimal digit"
    );
    assert!(
        error(&good[..good.len() - 1]).ends_with(", expected an even number: it may have been cut")
    );
    assert!(error(&good[..good.len() - 8]).starts_with("token checksum is b45ff5d89, expected "));
    assert_eq!(error("1-0-100001-"), "token claims 1048577 bytes, expected at most 1048576");
    assert_eq!(error("1-78787878-4-78787878"), "token data are no zlib stream");
    assert_eq!(
        error(&good.replacen("-b8-", "-b9-", 1)),
        "token data are 184 bytes when decompressed, expected 185"
    );
    assert_eq!(
        error(&good.replacen("-b8-", "-b7-", 1)),
        "token data are 184 bytes when decompressed, expected 183"
    );
    assert!(error(&token_of(&[3; 8], 8)).starts_with("nvlist@0x0: nvlist encoding is 0x3"));

    let mut list = token.to_nvlist();
    list.insert("fromguid", NvValue::Uint64(0));
    assert_eq!(ResumeToken::decode(&token_of_list(&list)).unwrap().fromguid, None);
    list.insert("offset", NvValue::Boolean);
    assert_eq!(error(&token_of_list(&list)), "token's offset is of type 1, expected 8");
    let mut list = NvList::new();
    list.insert("object", NvValue::Uint64(1));
    assert_eq!(error(&token_of_list(&list)), "token has no offset");
}

#[test]
fn a_bomb_is_not_inflated() {
    // 64 MiB of zeros deflate to 64 KiB; a token that claims 16 bytes is read for 17.
    let text = token_of(&vec![0; 64 << 20], 16);
    let error = ResumeToken::decode(&text).unwrap_err();
    assert!(matches!(error, TokenError::Size { found: 17, expected: 16 }));
}

prop_compose! {
    fn token()(
        (fromguid, object, offset) in any::<(Option<u64>, u64, u64)>(),
        (bytes, toguid) in any::<(u64, u64)>(),
        toname in "[a-z/]{1,20}@[a-z]{1,5}",
        (largeblockok, embedok, compressok, rawok, savedok) in any::<(bool, bool, bool, bool, bool)>(),
        (redact_snaps, book_redact_snaps) in any::<(Option<Vec<u64>>, Option<Vec<u64>>)>(),
    ) -> ResumeToken {
        ResumeToken {
            fromguid: fromguid.filter(|&guid| guid != 0), object, offset, bytes, toguid, toname, largeblockok, embedok, compressok,
            rawok, savedok, redact_snaps, book_redact_snaps,
        }
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(token in token()) {
        prop_assert_eq!(ResumeToken::decode(&token.encode().unwrap()).unwrap(), token);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[0-9a-f]{0,3}-[0-9a-f]{0,9}-[0-9a-f]{0,5}-\\PC{0,40}") {
        let _ = ResumeToken::decode(&text);
    }
}
