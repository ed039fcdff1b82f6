//! Wrapped keys as JSON, for a backup.

use crate::dump::hex;
use serde_json::{Value, json};
use zsend_crypto::{KeyFormat, KeyObject};

/// Wrapped keys as a JSON object, with all that makes the wrapping key of a user's key. Names are those of the
/// key object's entries; guids and the salt are strings of decimal digits, since many readers of JSON take no
/// number above 2^53 as it is; keys are hexadecimal digits.
pub fn key_object_json(keys: &KeyObject, format: KeyFormat, iterations: u64, salt: u64) -> Value {
    json!({
        "DSL_CRYPTO_SUITE": keys.suite.to_string(),
        "DSL_CRYPTO_GUID": keys.guid.to_string(),
        "DSL_CRYPTO_VERSION": keys.version.0,
        "DSL_CRYPTO_MASTER_KEY_1": hex(&keys.master_key),
        "DSL_CRYPTO_HMAC_KEY_1": hex(&keys.hmac_key),
        "DSL_CRYPTO_IV": hex(&keys.iv),
        "DSL_CRYPTO_MAC": hex(&keys.mac),
        "keyformat": format.to_string(),
        "pbkdf2iters": iterations,
        "pbkdf2salt": salt.to_string(),
    })
}
