//! Published vectors of both modes at every key length, and what is tampered with.

use super::*;
use crate::test_keys::seal;
use proptest::prelude::*;

struct Vector {
    mode: Mode,
    key: &'static str,
    iv: &'static str,
    aad: &'static str,
    plain: &'static str,
    cipher: &'static str,
    tag: &'static str,
}

/// GCM: McGrew and Viega, "The Galois/Counter Mode of Operation", the test cases 2, 4, 10 and 16
/// that NIST SP 800-38D refers to. CCM: Wycheproof `aes_ccm_test.json`, cases 13, 50, 91, 128, 169
/// and 206.
const VECTORS: &[Vector] = &[
    Vector {
        mode: Mode::Gcm,
        key: "00000000000000000000000000000000",
        iv: "000000000000000000000000",
        aad: "",
        plain: "00000000000000000000000000000000",
        cipher: "0388dace60b6a392f328c2b971b2fe78",
        tag: "ab6e47d42cec13bdf53a67b21257bddf",
    },
    Vector {
        mode: Mode::Gcm,
        key: "feffe9928665731c6d6a8f9467308308",
        iv: "cafebabefacedbaddecaf888",
        aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plain: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        cipher: "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e\
                 21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
        tag: "5bc94fbc3221a5db94fae95ae7121a47",
    },
    Vector {
        mode: Mode::Gcm,
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c",
        iv: "cafebabefacedbaddecaf888",
        aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plain: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        cipher: "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c\
                 7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710",
        tag: "2519498e80f1478f37ba55bd6d27618c",
    },
    Vector {
        mode: Mode::Gcm,
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        iv: "cafebabefacedbaddecaf888",
        aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plain: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        cipher: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                 8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        tag: "76fc6ece0f4e1768cddf8853bb2d551b",
    },
    Vector {
        mode: Mode::Ccm,
        key: "d97c9b043bdccfd59491a995e78f1696",
        iv: "ef423240358830df915506a3",
        aad: "3ddba7b3ab69c8b2",
        plain: "f047594a5cffda64303a80b2fa6a957169",
        cipher: "e0caf2a9d50f70ecaa43b4a287c3b34a99",
        tag: "cff4c61882b413b686ff35b63a3a73de",
    },
    Vector {
        mode: Mode::Ccm,
        key: "faf36a66f8e54f2fb2a02f3a30f0180b",
        iv: "2ffa982a4784797cf46b07ab",
        aad: "",
        plain: "50a59edc01b7bd0db6ec43fe23f72e70ed4d42337ab1926cc6956aa44dbebf",
        cipher: "a789907aeb2344f025b1b426c9dee52b106ff2110cb200cfb85aea60fddf6a",
        tag: "722e5c450c5ed9492859a3236a220f76",
    },
    Vector {
        mode: Mode::Ccm,
        key: "e258b117c2fdd75587f07b400ae4af3e673a51dcf761e4ca",
        iv: "5ead03aa8c720d21b77075db",
        aad: "27702950960b9c79",
        plain: "afe96113a684bc52a6d962cf2724f6791d",
        cipher: "7830446f333057d996a1a79b21c68d8b43",
        tag: "72ac478a66f5637563f1f12c1d0267ca",
    },
    Vector {
        mode: Mode::Ccm,
        key: "a61ed3b81d78560602777407759b1f2ca34cd70c6b57791b",
        iv: "07b82497b815d16182481045",
        aad: "",
        plain: "ddc1862e3531622e698322f0b1ca6d222231ef14dbeea33679d31c48777c88",
        cipher: "a0c1526c88dcc265f75d4ef9b2a000fb3cce9e5d994c472c46bfac3821d611",
        tag: "9aa6cdb85b126e1f21d066a3c05e82f6",
    },
    Vector {
        mode: Mode::Ccm,
        key: "f60c6a1b625725f76c7037b48fe3577fa7f7b87b1bd5a982176d182306ffb870",
        iv: "f0384fb876121410633d993d",
        aad: "9aaf299eeea78f79",
        plain: "63858ca3e2ce69887b578a3c167b421c9c",
        cipher: "f05e290bbbc61927fa65760648dcca88b0",
        tag: "b721be96a6b95c0931fb243dd1287c70",
    },
    Vector {
        mode: Mode::Ccm,
        key: "bc536d8d9b4340cd14147fca7ca36573ba45bff5b0a7cb8091a550cf2b4bb945",
        iv: "178694eb62d7773b0f0fbe8b",
        aad: "",
        plain: "fb822033c4437680301f72ffc74ba3bd467a9ab7465ae45ec87ab4befd7cc9",
        cipher: "b6ce6d86ab7eee1fdd7dcb955b8324360839eb2bddd821ecc1efe129182689",
        tag: "72fd997bf0589aa2d60721654f552e3a",
    },
];

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

#[test]
fn published_vectors() {
    for v in VECTORS {
        let key = Aead::new(v.mode, &hex::decode(v.key).unwrap(), Suite(0)).unwrap();
        let mut data = hex::decode(v.cipher).unwrap();
        assert!(
            key.open(&array(v.iv), &array(v.tag), &hex::decode(v.aad).unwrap(), &mut data).is_ok()
        );
        assert_eq!(data, hex::decode(v.plain).unwrap(), "{:?} {}", v.mode, v.key);
        let sealed = key.seal(&array(v.iv), &hex::decode(v.aad).unwrap(), &mut data);
        assert_eq!(sealed, Some(array(v.tag)));
        assert_eq!(data, hex::decode(v.cipher).unwrap(), "{:?} {}", v.mode, v.key);
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    for v in VECTORS {
        let key = Aead::new(v.mode, &hex::decode(v.key).unwrap(), Suite(0)).unwrap();
        let whole = [v.iv, v.tag, v.aad, v.cipher].map(|text| hex::decode(text).unwrap()).concat();
        let aad_end = 28 + hex::decode(v.aad).unwrap().len();
        for bit in 0..whole.len() * 8 {
            let mut whole = whole.clone();
            whole[bit / 8] ^= 1 << (bit % 8);
            let (iv, tag) = (whole[..12].try_into().unwrap(), whole[12..28].try_into().unwrap());
            let mut data = whole[aad_end..].to_vec();
            let opened = key.open(iv, tag, &whole[28..aad_end], &mut data);
            assert!(opened.is_err(), "{:?}: bit {bit}", v.mode);
            assert!(data.iter().all(|&byte| byte == 0), "what is forged is wiped");
        }
    }
}

#[test]
fn other_key_lengths_are_refused() {
    for mode in [Mode::Ccm, Mode::Gcm] {
        for len in [0, 8, 15, 33] {
            let refused = Aead::new(mode, &vec![0; len], Suite(3)).map(drop);
            assert_eq!(refused, Err(CryptoError::Suite(Suite(3))));
        }
    }
}

proptest! {
    #[test]
    fn opens_what_was_sealed(
        key in any::<[u8; 32]>(),
        iv in any::<[u8; 12]>(),
        aad in prop::collection::vec(any::<u8>(), 0..100),
        plain in prop::collection::vec(any::<u8>(), 0..2000),
        at in any::<prop::sample::Index>(),
    ) {
        for mode in [Mode::Ccm, Mode::Gcm] {
            for len in [16, 24, 32] {
                let mut data = plain.clone();
                let tag = seal(mode, &key[..len], &iv, &aad, &mut data);
                let sealed = data.clone();
                let key = Aead::new(mode, &key[..len], Suite(0)).unwrap();
                prop_assert!(key.open(&iv, &tag, &aad, &mut data).is_ok());
                prop_assert_eq!(&data, &plain);
                prop_assert_eq!(key.seal(&iv, &aad, &mut data), Some(tag));
                prop_assert_eq!(&data, &sealed);
                if !sealed.is_empty() {
                    let mut data = sealed;
                    let at = at.index(data.len());
                    data[at] ^= 0x40;
                    prop_assert!(key.open(&iv, &tag, &aad, &mut data).is_err());
                }
            }
        }
    }
}
