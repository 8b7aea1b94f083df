//! `peek` says of every text what `serde_json` says of it, and refuses besides what two parsers could read in two ways.

use proptest::prelude::*;
use weir_filters::format::peek::{KEY_BYTES_MAX, MEMBERS_MAX, PeekError, peek};
use weir_filters::json::scan::{DEPTH_MAX, JsonErrorKind};

use crate::golden;

fn serde_accepts(text: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(text).is_ok()
}

fn peek_takes_for_json(text: &[u8]) -> bool {
    !matches!(peek(text), Err(PeekError::Json(_) | PeekError::ByteOrderMark))
}

#[test]
fn rows() {
    for (number, line) in include_str!("../corpus/json/rows.txt").lines().enumerate() {
        let Some((verdict, row)) = line.split_once(' ').filter(|(verdict, _)| *verdict != "#") else { continue };
        let text = golden::unescape(row);
        let result = peek(&text);
        let row = format!("line {}: {row}: {result:?}", number + 1);
        match verdict {
            "y" => assert!(result.is_ok(), "{row}"),
            "n" => assert!(matches!(result, Err(PeekError::Json(_))), "{row}"),
            "a" => assert!(matches!(result, Err(PeekError::NotAnObject { .. })), "{row}"),
            "d" => assert!(
                matches!(
                    result,
                    Err(PeekError::DuplicateKey { .. } | PeekError::LookalikeKey { .. } | PeekError::ByteOrderMark)
                ),
                "{row}"
            ),
            other => panic!("line {}: unknown verdict {other}", number + 1),
        }
        assert_eq!(peek_takes_for_json(&text), serde_accepts(&text), "{row}");
    }
}

#[test]
fn finds_what_the_gateway_needs() {
    let body = br#" {"messages": [], "mod\u0065l" : "gpt\u002d4o", "stream":true,
        "stream_options": {"x": 1, "include_usage" :true}} "#;
    let seen = peek(body).unwrap();
    assert_eq!(seen.model(), Some("gpt-4o"));
    assert!(seen.stream() && seen.include_usage());
    assert_eq!(seen.members().len(), 4);
    assert_eq!(seen.member(body, "model").unwrap().value.span.of(body), br#""gpt\u002d4o""#);
    assert_eq!(seen.object().of(body), body.trim_ascii());

    let body = br#"{"model":4,"stream":"true","stream_options":null}"#;
    let seen = peek(body).unwrap();
    assert_eq!((seen.model(), seen.stream(), seen.include_usage()), (None, false, false));
    assert!(seen.member(body, "model").is_some() && seen.stream_options().is_some());
}

#[test]
fn depth_ends_at_its_limit() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = |depth: usize| {
            let inner = if open == "[" { "" } else { "1" };
            format!("{{\"x\":{}{inner}{}}}", open.repeat(depth - 1), close.repeat(depth - 1))
        };
        let max = usize::try_from(DEPTH_MAX).unwrap();
        assert!(peek(deep(max).as_bytes()).is_ok());
        let Err(PeekError::Json(error)) = peek(deep(max + 1).as_bytes()) else { panic!("{open} too deep") };
        assert_eq!(error.kind, JsonErrorKind::Depth);
        let Err(PeekError::Json(error)) = peek(open.repeat(1_000_000).as_bytes()) else { panic!("{open} for ever") };
        assert_eq!(error.kind, JsonErrorKind::Depth);
    }
}

#[test]
fn limits_have_errors_of_their_own() {
    let many = |count: usize| {
        let members: Vec<String> = (0..count).map(|index| format!("\"k{index}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert!(peek(many(MEMBERS_MAX).as_bytes()).is_ok());
    assert!(matches!(peek(many(MEMBERS_MAX + 1).as_bytes()), Err(PeekError::TooManyMembers { .. })));
    let long = |length: usize| format!("{{\"{}\":0}}", "k".repeat(length));
    assert!(peek(long(KEY_BYTES_MAX - 2).as_bytes()).is_ok());
    assert!(matches!(peek(long(KEY_BYTES_MAX).as_bytes()), Err(PeekError::KeyTooLong { offset: 1 })));
}

#[test]
fn errors_say_where() {
    for (body, offset) in [
        (&br#"{"a":1,"a":2}"#[..], 7),
        (br#"{"a":tru}"#, 8),
        (br#"{"a":"x"#, 7),
        (b"{\"a\":\"xyz\xff\"}", 9),
        (br#"{"a":1} x"#, 8),
        (br#"  []"#, 2),
        (br#"{"a":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789\q"}"#, 81),
    ] {
        assert_eq!(peek(body).unwrap_err().offset(), offset, "{}", String::from_utf8_lossy(body));
    }
}

/// Texts that are JSON, or nearly.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        "\\PC{0,100}".prop_map(serde_json::Value::from),
        "[a-z\"\\\\\n\u{0}-\u{1f}é€😀]{0,40}".prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    let value = leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
            prop::collection::vec(("[a-zA-Z\"\\\\é]{0,12}", inner), 0..8)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    });
    let text = value.prop_map(|value| value.to_string().into_bytes());
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"{}[]\",:\\u0123456789abcdefDE.-+ tn\n\x80\xc3\xa9\xed\xa0".to_vec()),
    ];
    // At most four bytes put in, taken out or replaced.
    (text, prop::collection::vec((any::<prop::sample::Index>(), 0..3, byte), 0..4)).prop_map(|(mut text, edits)| {
        for (at, what, byte) in edits {
            let at = at.index(text.len() + 1);
            match what {
                0 => text.insert(at, byte),
                _ if at == text.len() => {}
                1 => text[at] = byte,
                _ => drop(text.remove(at)),
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn agrees_with_serde_json(text in nearly_json()) {
        prop_assert_eq!(peek_takes_for_json(&text), serde_accepts(&text), "{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn takes_any_bytes(text in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(peek_takes_for_json(&text), serde_accepts(&text));
    }

    #[test]
    fn spans_are_the_members(members in prop::collection::btree_map("[b-z]{1,8}", "\\PC{0,90}", 0..8)) {
        let members: serde_json::Map<String, serde_json::Value> =
            members.into_iter().map(|(key, text)| (key, text.into())).collect();
        let body = serde_json::to_vec(&members).unwrap();
        let seen = peek(&body).unwrap();
        prop_assert_eq!(seen.members().len(), members.len());
        for (key, value) in &members {
            let span = seen.member(&body, key).unwrap().value.span;
            prop_assert_eq!(&serde_json::from_slice::<serde_json::Value>(span.of(&body)).unwrap(), value);
        }
    }
}
