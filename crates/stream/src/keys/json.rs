//! Wrapped keys as JSON, for a backup.

use crate::dump::hex;
use serde_json::{Value, json};
use zsend_crypto::key_data::names;
use zsend_crypto::{KeyFormat, KeyObject};

/// Wrapped keys as a JSON object, with all that makes the wrapping key of a user's key. Names are those of the
/// key object's entries; guids and the salt are strings of decimal digits, since many readers of JSON take no
/// number above 2^53 as it is; keys are hexadecimal digits.
pub fn key_object_json(keys: &KeyObject, format: KeyFormat, iterations: u64, salt: u64) -> Value {
    json!({
        names::SUITE: keys.suite.to_string(),
        names::GUID: keys.guid.to_string(),
        names::VERSION: keys.version.0,
        names::MASTER_KEY: hex(&keys.master_key),
        names::HMAC_KEY: hex(&keys.hmac_key),
        names::IV: hex(&keys.iv),
        names::MAC: hex(&keys.mac),
        names::FORMAT: format.to_string(),
        names::ITERATIONS: iterations,
        names::SALT: salt.to_string(),
    })
}
