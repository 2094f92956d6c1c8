//! Schemas that the types alone do not give: numbers in the formats that Kubernetes knows, and bounds.
//!
//! `schemars` calls a `u64` a `uint64`, of which the API server warns as an unrecognised format.

use schemars::{Schema, SchemaGenerator, json_schema};

/// `sha512:` and its 128 digits.
const DIGEST_LENGTH_MAX: usize = 135;

/// A count or an amount: never negative.
pub fn amount(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int64", "minimum": 0})
}

/// An RFC 3339 time.
pub fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time"})
}

/// The same, where it may be missing.
pub fn optional_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time", "nullable": true})
}

/// `sha256:` and 64 digits, or another algorithm's.
pub fn digest(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": DIGEST_LENGTH_MAX,
        "pattern": "^[a-z0-9]+([.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$",
    })
}

/// A list of digests.
pub fn digests(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": digest(generator)})
}

/// Places of layers in their image, the base at 0.
pub fn places(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "nullable": true,
        "items": {"type": "integer", "format": "int32", "minimum": 0},
    })
}
