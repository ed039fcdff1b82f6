//! Published vectors of key derivation and of the MACs, and the life of block keys.

use super::*;
use crate::test_keys::{PARAMS, dataset_key, seal_block};
use sha1::Sha1;

/// RFC 6070, "PKCS #5: Password-Based Key Derivation Function 2 (PBKDF2) Test Vectors".
#[test]
fn published_pbkdf2() {
    for (password, salt, rounds, want) in [
        ("password", "salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
        ("password", "salt", 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"),
        ("password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1"),
        (
            "passwordPASSWORDpassword",
            "saltSALTsaltSALTsaltSALTsaltSALTsalt",
            4096,
            "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038",
        ),
    ] {
        let want = hex::decode(want).unwrap();
        let mut key = vec![0; want.len()];
        pbkdf2::pbkdf2_hmac::<Sha1>(password.as_bytes(), salt.as_bytes(), rounds, &mut key);
        assert_eq!(key, want);
    }
}

/// Wycheproof `hkdf_sha512_test.json`, cases 3, 6, 49 and 52: those without a salt.
#[test]
fn published_hkdf() {
    for (master, info, want) in [
        (
            "a4748031a14d3e6aafe42aa20c568f5f",
            "",
            "62ea97e06051e40b79deb127a4da294f557cafa3d7a90a75c02064571dfbbe46\
             99129bdcec4b39eed7757ce8e3571589f7d8f5523c0dc3fd6a56b099fb4bfd51",
        ),
        (
            "55fb6dcc7802354e55a45a6e41858c05",
            "dcd590e418b259c64fb9e139b3a1280d5de8400b",
            "725ac2b568fa0308ea6baeb2175ae9a0d41f8be1af13057f0646ba56389a8f1d\
             8a783da95fc7eee4897a0b1580f7987115e03508feedc335260a293f01afdb98",
        ),
        (
            "b9da242c02bfe79364aedd7a323692191092edb2094f112675c2609a387c3b21",
            "",
            "60d935c3680451bef0b22b3f077ad4d709767dc456facbe4d2367a7e2e72d845\
             7dfd8a9f8616d3690598033e07228b3cb8cc36452a6ace25e3eb6bfa55a41167",
        ),
        (
            "cb55dbea8b91ae1ce0a07b23b1508c2a930560b8fe7255fcc3e37835803661fe",
            "b57d6aaedf30bd8e25867059761a02c5d0478f2e",
            "9493505c48e27c8a2b65595fe782c0d91641719a738f125243ef5c5fb7011343\
             2e2f66d85ec8de0949c3d2489b7ce538d0ee76c759f63a4cb447db91f4f46fcb",
        ),
    ] {
        let master = hex::decode(master).unwrap();
        let suite = if master.len() == 16 { Suite::AES_128_GCM } else { Suite::AES_256_GCM };
        let key = DatasetKey::new(suite, KeyVersion::CURRENT, &master, &[0; 64]).unwrap();
        let mut derived = [0; 64];
        key.derive.expand(&hex::decode(info).unwrap(), &mut derived).unwrap();
        assert_eq!(derived.as_slice(), hex::decode(want).unwrap());
    }
}

/// RFC 4231, test cases 1 to 3. HMAC pads a key with zeros, so that 64 bytes hold theirs.
#[test]
fn published_hmac_sha512() {
    let cases: [(&[u8], &[u8], &str); 3] = [
        (&[0x0b; 20], b"Hi There", "87aa7cdea5ef619d4ff0b4241a1d6cb0"),
        (b"Jefe", b"what do ya want for nothing?", "164b7a7bfcf819e2e395fbe73b56e0a3"),
        (&[0xaa; 20], &[0xdd; 50], "fa73b0089d56a284efb0f0756c890be9"),
    ];
    for (short, data, want) in cases {
        let mut hmac = [0; 64];
        hmac[..short.len()].copy_from_slice(short);
        let key = DatasetKey::new(Suite::AES_256_GCM, KeyVersion::CURRENT, &[0; 32], &hmac);
        assert_eq!(key.unwrap().data_mac(data).as_slice(), hex::decode(want).unwrap());
    }
}

#[test]
fn blocks_of_every_suite_decrypt() {
    for suite in (3..=8).map(Suite) {
        let key = dataset_key(suite, KeyVersion::CURRENT);
        let plain = vec![0x77; 1536];
        let mut block = plain.clone();
        let params = seal_block(suite, b"", &mut block);
        let sealed = block.clone();
        key.decrypt(&params, b"", &mut block).unwrap();
        assert_eq!(block, plain);
        assert_eq!(key.encrypt(params.salt, params.iv, b"", &mut block), Ok(params.mac));
        assert_eq!(block, sealed);

        let forged = Err(CryptoError::Mac { what: "MAC of an encrypted block" });
        for bit in [0, 8 * 700 + 3, 8 * 1536 - 1] {
            let mut block = sealed.clone();
            block[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.decrypt(&params, b"", &mut block), forged);
        }
        for wrong in [
            BlockParams { salt: [0; 8], ..params },
            BlockParams { iv: [0; 12], ..params },
            BlockParams { mac: [0; 16], ..params },
        ] {
            assert_eq!(key.decrypt(&wrong, b"", &mut sealed.clone()), forged);
        }
        assert_eq!(key.decrypt(&params, b"x", &mut sealed.clone()), forged);
    }
}

#[test]
fn ccm_has_no_block_of_sixteen_mebibytes() {
    let mut block = vec![0; 1 << 24];
    assert_eq!(
        dataset_key(Suite::AES_128_CCM, KeyVersion::CURRENT).decrypt(&PARAMS, b"", &mut block),
        Err(CryptoError::BlockLength { what: "AES-CCM", found: 1 << 24 })
    );
}

#[test]
fn block_keys_are_bounded_and_shared_between_threads() {
    let suite = Suite::AES_256_GCM;
    let key = dataset_key(suite, KeyVersion::CURRENT);
    let mut sealed = vec![0x77; 512];
    let params = seal_block(suite, b"", &mut sealed);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (key, sealed) = (&key, &sealed);
            scope.spawn(move || {
                for salt in 0..100 {
                    let salt = (thread << 32 | salt).to_le_bytes();
                    let wrong = BlockParams { salt, ..params };
                    assert!(key.decrypt(&wrong, b"", &mut sealed.clone()).is_err());
                    assert!(key.decrypt(&params, b"", &mut sealed.clone()).is_ok());
                }
            });
        }
    });
    assert_eq!(key.block_keys.read().unwrap().keys.len(), KEPT);
}

#[test]
fn authenticated_blocks_are_checked() {
    let key = dataset_key(Suite::AES_256_CCM, KeyVersion::CURRENT);
    let mut block = [3; 512];
    let mac = key.data_mac(&block);
    assert_eq!(key.verify_data(&block, &mac), Ok(()));
    block[511] ^= 0x80;
    assert_eq!(
        key.verify_data(&block, &mac),
        Err(CryptoError::Mac { what: "MAC of an authenticated block" })
    );
}

#[test]
fn debug_tells_no_secret() {
    let key = dataset_key(Suite::AES_128_GCM, KeyVersion::CURRENT);
    assert_eq!(format!("{key:?}"), "DatasetKey { suite: Suite(6), version: KeyVersion(1), .. }");
}
