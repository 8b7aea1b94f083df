//! Request bodies: what the one-pass reader accepts is what a JSON parser accepts, it names the same members, and an
//! edit changes its span and nothing else.

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use weir_filters::format::peek::{Peek, peek};
use weir_filters::format::splice::Edits;

/// Compares the reader and the editor with serde_json.
pub fn peek_splice(input: &[u8]) {
    let body = Bytes::copy_from_slice(input);
    let seen = match peek(&body) {
        Ok(seen) => seen,
        Err(error) => {
            assert!(error.offset() as usize <= body.len(), "the error points behind the body");
            return;
        }
    };
    serde_json::from_slice::<IgnoredAny>(&body).expect("what was accepted is not JSON");
    // Numbers beyond f64 are JSON, but no serde_json value: such bodies are only read, not compared.
    let Ok(Value::Object(parsed)) = serde_json::from_slice::<Value>(&body) else { return };
    same_members(&seen, &body, &parsed);
    untouched(&seen, &body);
    set(&seen, &body, &parsed);
    dropped(&seen, &body, &parsed);
}

fn same_members(seen: &Peek, body: &[u8], parsed: &Map<String, Value>) {
    assert_eq!(seen.members().len(), parsed.len(), "a different number of members");
    for (member, (key, value)) in seen.members().iter().zip(parsed) {
        let read =
            |span: weir_filters::Span| serde_json::from_slice::<Value>(span.of(body)).expect("a member's span");
        assert_eq!(read(member.key.span), Value::String(key.clone()));
        assert_eq!(&read(member.value.span), value);
        assert!(seen.member(body, key).is_some(), "`{key}` is not found by name");
    }
    assert_eq!(seen.model(), parsed.get("model").and_then(Value::as_str));
    assert_eq!(seen.stream(), parsed.get("stream") == Some(&Value::Bool(true)));
    let usage = parsed.get("stream_options").and_then(|options| options.get("include_usage"));
    assert_eq!(seen.include_usage(), usage == Some(&Value::Bool(true)));
}

fn untouched(seen: &Peek, body: &Bytes) {
    let same = Edits::default().apply(seen, body).expect("no edit cannot overlap");
    assert_eq!(same.to_bytes(), body, "no edit changes nothing");
    assert_eq!(same.len(), body.len());
}

/// Sets a member that is there or not; everything else stays, in its order and to the byte.
fn set(seen: &Peek, body: &Bytes, parsed: &Map<String, Value>) {
    let mut edits = Edits::default();
    edits.set_member("model", r#""other""#);
    let edited = edits.apply(seen, body).expect("one edit cannot overlap").to_bytes();
    let mut expected = parsed.clone();
    expected.insert("model".to_owned(), Value::String("other".to_owned()));
    assert_eq!(serde_json::from_slice::<Value>(&edited).expect("the edited body is JSON"), Value::Object(expected));
    if let Some(member) = seen.member(body, "model") {
        let range = member.value.span.range();
        assert!(edited.starts_with(&body[..range.start]), "bytes before the span changed");
        assert!(edited.ends_with(&body[range.end..]), "bytes behind the span changed");
    }
}

/// Drops every other member; the rest is what a parser would have left.
fn dropped(seen: &Peek, body: &Bytes, parsed: &Map<String, Value>) {
    let mut edits = Edits::default();
    let mut expected = parsed.clone();
    for key in parsed.keys().step_by(2) {
        edits.drop_member(key);
        expected.shift_remove(key);
    }
    let edited = edits.apply(seen, body).expect("members do not overlap").to_bytes();
    assert_eq!(serde_json::from_slice::<Value>(&edited).expect("the edited body is JSON"), Value::Object(expected));
}
