//! Edits change their spans and nothing else, and leave valid JSON.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value};
use weir_filters::Span;
use weir_filters::format::peek::peek;
use weir_filters::format::splice::{Edits, SpliceError};

fn spliced(body: &str, edit: impl FnOnce(&mut Edits)) -> String {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let mut edits = Edits::default();
    edit(&mut edits);
    let rope = edits.apply(&peek(&body).unwrap(), &body).unwrap();
    let whole = rope.to_bytes();
    assert_eq!(rope.len(), whole.len());
    assert!(rope.parts().iter().all(|part| !part.is_empty()));
    String::from_utf8(whole.to_vec()).unwrap()
}

#[test]
fn members_come_and_go_with_their_commas() {
    let body = r#" { "a" : 1 , "b":[2] ,"c": "x"  } "#;
    let drop = |names: &[&str]| spliced(body, |edits| names.iter().for_each(|name| edits.drop_member(name)));
    assert_eq!(drop(&["a"]), r#" { "b":[2] ,"c": "x"  } "#);
    assert_eq!(drop(&["b"]), r#" { "a" : 1 ,"c": "x"  } "#);
    assert_eq!(drop(&["c"]), r#" { "a" : 1 , "b":[2]  } "#);
    assert_eq!(drop(&["a", "b"]), r#" { "c": "x"  } "#);
    assert_eq!(drop(&["a", "c"]), r#" { "b":[2]  } "#);
    assert_eq!(drop(&["b", "c"]), r#" { "a" : 1  } "#);
    assert_eq!(drop(&["a", "b", "c"]), r#" {   } "#);
    assert_eq!(drop(&["none"]), body);

    assert_eq!(spliced(body, |edits| edits.set_member("b", "null")), r#" { "a" : 1 , "b":null ,"c": "x"  } "#);
    assert_eq!(spliced(body, |edits| edits.set_member("d\"", "4")), r#" { "a" : 1 , "b":[2] ,"c": "x","d\"":4  } "#);
    assert_eq!(spliced("{}", |edits| edits.set_member("a", "1")), r#"{"a":1}"#);
    assert_eq!(spliced("{ }", |edits| edits.set_member("a", "1")), r#"{"a":1 }"#);
    let swapped = spliced(r#"{"a":1}"#, |edits| {
        edits.drop_member("a");
        edits.set_member("b", "2");
        edits.set_member("c", "3");
    });
    assert_eq!(swapped, r#"{"b":2,"c":3}"#);
    let last_word = spliced(r#"{"a":1}"#, |edits| {
        edits.set_member("a", "2");
        edits.set_member("a", "3");
    });
    assert_eq!(last_word, r#"{"a":3}"#);
}

#[test]
fn nothing_of_the_body_is_copied() {
    let body = Bytes::from(format!(r#"{{"model":"a","messages":["{}"]}}"#, "x".repeat(100_000)));
    let mut edits = Edits::default();
    edits.set_member("model", r#""b""#);
    let rope = edits.apply(&peek(&body).unwrap(), &body).unwrap();
    let [front, _new, back] = rope.parts() else { panic!("{} parts", rope.parts().len()) };
    assert_eq!(front.as_ptr(), body.as_ptr());
    assert_eq!(back.as_ptr(), body.slice(12..).as_ptr());
    let untouched = Edits::default().apply(&peek(&body).unwrap(), &body).unwrap().to_bytes();
    assert_eq!(untouched.as_ptr(), body.as_ptr());
}

#[test]
fn mistakes_are_told() {
    let body = Bytes::from_static(br#"{"a":1}"#);
    let seen = peek(&body).unwrap();
    let mut edits = Edits::default();
    edits.replace(Span { start: 5, end: 6 }, "2");
    edits.set_member("a", "3");
    assert_eq!(edits.apply(&seen, &body).unwrap_err(), SpliceError::Overlap { offset: 5 });
    let mut edits = Edits::default();
    edits.replace(Span { start: 5, end: 99 }, "2");
    assert_eq!(edits.apply(&seen, &body).unwrap_err(), SpliceError::Outside { end: 99 });
}

#[derive(Clone, Debug)]
enum Change {
    Set(String, Value),
    Drop(String),
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i32>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        Just(serde_json::json!({"x": [1, {"y": null}]})),
        Just(Value::Array(Vec::new())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    /// Against a tree that is edited the same way.
    #[test]
    fn edits_are_what_they_say(
        members in prop::collection::btree_map("[a-f]", value(), 0..6),
        changes in prop::collection::vec(prop_oneof![
            ("[a-h]", value()).prop_map(|(name, value)| Change::Set(name, value)),
            "[a-h]".prop_map(Change::Drop),
        ], 0..6),
        pretty: bool,
    ) {
        let mut tree: Map<String, Value> = members.into_iter().collect();
        let body = if pretty { serde_json::to_string_pretty(&tree) } else { serde_json::to_string(&tree) }.unwrap();
        let edited = spliced(&body, |edits| {
            for change in &changes {
                match change {
                    Change::Set(name, value) => edits.set_member(name, value.to_string()),
                    Change::Drop(name) => edits.drop_member(name),
                }
            }
        });
        for change in changes {
            match change {
                Change::Set(name, value) => drop(tree.insert(name, value)),
                Change::Drop(name) => drop(tree.remove(&name)),
            }
        }
        prop_assert!(peek(edited.as_bytes()).is_ok(), "{}", edited);
        prop_assert_eq!(serde_json::from_str::<Value>(&edited).unwrap(), Value::Object(tree), "{} -> {}", body, edited);
    }

    /// Every byte outside of the spans stays, in its order.
    #[test]
    fn bytes_outside_of_spans_stay(
        text in "[ -~]{40}",
        cuts in prop::collection::btree_set(0..40_u32, 0..8),
        new in "[A-Z]{0,3}",
    ) {
        let body = Bytes::from(serde_json::json!({"t": text.replace(['"', '\\'], "_")}).to_string());
        let mut edits = Edits::default();
        let cuts: Vec<u32> = cuts.into_iter().map(|at| at + 6).collect();
        let mut expected = String::new();
        let mut done = 0;
        for pair in cuts.chunks_exact(2) {
            let &[start, end] = pair else { panic!("chunks of two") };
            let span = Span { start, end };
            edits.replace(span, new.clone());
            expected.push_str(std::str::from_utf8(&body[done..span.range().start]).unwrap());
            expected.push_str(&new);
            done = span.range().end;
        }
        expected.push_str(std::str::from_utf8(&body[done..]).unwrap());
        let rope = edits.apply(&peek(&body).unwrap(), &body).unwrap();
        prop_assert_eq!(rope.to_bytes(), expected);
    }
}
