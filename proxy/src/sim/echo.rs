//! What came in, as JSON: the answer to paths that are no model API, so that a test sees what an upstream sees.

use std::fmt::Write as _;

use bytes::Bytes;
use ring::digest;
use serde_json::{Value, json};

use super::asked::Asked;

/// `{"method","path","headers":[[name,value],…],"body_bytes","body_sha256"}`; `path` holds the query.
pub(super) fn echo(asked: &Asked<'_>) -> Bytes {
    let headers: Vec<Value> = asked
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let told = json!({
        "method": asked.method.as_str(),
        "path": asked.target,
        "headers": headers,
        "body_bytes": asked.body_bytes(),
        "body_sha256": sha256(asked.body),
    });
    Bytes::from(told.to_string())
}

/// SHA-256 of slices that follow each other, in hexadecimal.
pub(super) fn sha256(slices: &[Bytes]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for slice in slices {
        hash.update(slice);
    }
    hash.finish().as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        // INVARIANT: writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_does_not_depend_on_slices() {
        let whole = sha256(&[Bytes::from_static(b"abc")]);
        assert_eq!(whole, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(sha256(&[Bytes::from_static(b"a"), Bytes::from_static(b"bc")]), whole);
    }
}
