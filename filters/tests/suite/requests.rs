//! Requests as clients send them: what a policy is told about each, and what its actions make of each.
//!
//! `corpus/requests/DIALECT/NAME.json` is a body, `NAME.out` what is seen and done.

use std::fmt::Write as _;
use std::fs;

use bytes::Bytes;
use serde_json::Value;
use weir_filters::format::body::{Body, Found, PathStep};
use weir_filters::format::peek::peek;
use weir_filters::format::splice::Edits;
use weir_filters::format::{Dialect, shape};

use crate::golden;

#[test]
fn what_is_seen_and_done() {
    for dialect in Dialect::ALL {
        let paths = golden::files(&format!("requests/{}", dialect.name()), "json");
        assert!(paths.len() >= 7, "{dialect}: {} requests", paths.len());
        for path in paths {
            let bytes = Bytes::from(fs::read(&path).unwrap());
            let mut out = String::new();
            let seen = peek(&bytes).unwrap();
            writeln!(out, "model {:?} stream {}", seen.model(), seen.stream()).unwrap();
            match Body::read(dialect, bytes.clone(), &seen) {
                Ok(body) => facts(&body, &mut out),
                Err(error) => writeln!(out, "refused: {error}").unwrap(),
            }
            actions(dialect, &bytes, &mut out);
            golden::check(&path.with_extension("out"), &out);
        }
    }
}

fn facts(body: &Body, out: &mut String) {
    for (name, text) in [("system", body.system()), ("user", body.user()), ("last", body.last()), ("all", body.all())]
    {
        writeln!(out, "prompt.{name} {text:?}").unwrap();
    }
    writeln!(out, "prompt.prefix {:?}", body.prefix(8)).unwrap();
    writeln!(out, "prompt.turns {} prompt.roles {:?}", body.turns(), body.roles()).unwrap();
    for name in ["max_tokens", "temperature", "n", "stop", "user"] {
        writeln!(out, "param.{name} {:?}", body.param(name)).unwrap();
    }
    writeln!(
        out,
        "uses tools {} images {} audio {} json_schema {}",
        body.uses_tools(),
        body.uses_images(),
        body.uses_audio(),
        body.uses_json_schema()
    )
    .unwrap();
    writeln!(out, "tool.names {:?} meta.team {:?}", body.tool_names(), body.meta("team")).unwrap();
    let types = body.lookup(&[PathStep::Key("tools"), PathStep::Each, PathStep::Key("type")]);
    writeln!(out, "body.tools[*].type {types:?}").unwrap();
    writeln!(out, "tokens.input {} tokens.wanted {}", body.tokens_input(), body.tokens_wanted()).unwrap();
}

/// Every action by itself, shown by what is different.
fn actions(dialect: Dialect, bytes: &Bytes, out: &mut String) {
    let seen = peek(bytes).unwrap();
    let mut act = |name: &str, edit: &mut dyn FnMut(&mut Edits) -> String| {
        let mut edits = Edits::default();
        let said = edit(&mut edits);
        let rope = edits.apply(&seen, bytes).unwrap();
        let edited = rope.to_bytes();
        peek(&edited).unwrap();
        serde_json::from_slice::<Value>(&edited).unwrap();
        let difference = difference(bytes, &edited);
        writeln!(out, "{name}:{said} {difference}").unwrap();
    };
    act("set model", &mut |edits| {
        shape::set_model(edits, "a\"b");
        String::new()
    });
    act("ask usage", &mut |edits| format!(" {:?}", shape::ask_usage(edits, dialect, &seen)));
    act("set param.max_tokens 7", &mut |edits| {
        shape::set_param(edits, dialect, &seen, bytes, "max_tokens", "7");
        String::new()
    });
    for (name, cap) in [("max_tokens", 100.0), ("temperature", 0.5), ("n", 2.0)] {
        act(&format!("cap param.{name} {cap}"), &mut |edits| {
            shape::cap_param(edits, dialect, &seen, bytes, name, cap);
            String::new()
        });
    }
    act("inject system", &mut |edits| {
        let said = shape::inject_system(edits, dialect, &seen, bytes, &["Be \"brief\".", "Be kind."]);
        said.err().map_or(String::new(), |error| format!(" {error}"))
    });
}

/// The middle of both, without the front and the back that they share.
fn difference(old: &[u8], new: &[u8]) -> String {
    if old == new {
        return "nothing".to_owned();
    }
    let front = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let back =
        old[front..].iter().rev().zip(new[front..].iter().rev()).take_while(|(one, other)| one == other).count();
    let middle = |text: &[u8]| String::from_utf8_lossy(&text[front..text.len() - back]).into_owned();
    format!("{:?} -> {:?}", middle(old), middle(new))
}

#[test]
fn a_set_and_a_cap_of_one_parameter_keep_the_cap() {
    let bytes = Bytes::from_static(br#"{"model":"a","max_tokens":50,"messages":[]}"#);
    let seen = peek(&bytes).unwrap();
    for (set, cap, expected) in [("1000", 100.0, "100"), ("10", 100.0, "10"), ("\"1000\"", 100.0, "100")] {
        let mut edits = Edits::default();
        shape::set_param(&mut edits, Dialect::OpenAiChat, &seen, &bytes, "max_tokens", set);
        shape::cap_param(&mut edits, Dialect::OpenAiChat, &seen, &bytes, "max_tokens", cap);
        let edited = edits.apply(&seen, &bytes).unwrap().to_bytes();
        let tree: Value = serde_json::from_slice(&edited).unwrap();
        assert_eq!(tree["max_tokens"].to_string(), expected);
    }
}

#[test]
fn all_actions_together_are_valid() {
    let bytes = Bytes::from_static(
        br#"{"messages":[{"role":"user","content":"x"}],"stream":true,"model":"a","stream_options":{}}"#,
    );
    let seen = peek(&bytes).unwrap();
    let mut edits = Edits::default();
    shape::set_model(&mut edits, "b");
    shape::ask_usage(&mut edits, Dialect::OpenAiChat, &seen);
    shape::set_param(&mut edits, Dialect::OpenAiChat, &seen, &bytes, "temperature", "0.1");
    shape::cap_param(&mut edits, Dialect::OpenAiChat, &seen, &bytes, "max_tokens", 9.0);
    shape::inject_system(&mut edits, Dialect::OpenAiChat, &seen, &bytes, &["s"]).unwrap();
    let edited = edits.apply(&seen, &bytes).unwrap().to_bytes();
    assert_eq!(
        edited,
        r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"x"}],"stream":true,"model":"b","stream_options":{"include_usage":true},"temperature":0.1,"max_completion_tokens":9}"#
    );
}

#[test]
fn paths() {
    let bytes = Bytes::from_static(
        br#"{"a":{"b":[1,2.5,"\u0078",null,{"c":[true]},{"c":[false]}]},"d\u0065":-1,"big":9223372036854775808}"#,
    );
    let body = Body::read(Dialect::OpenAiChat, bytes.clone(), &peek(&bytes).unwrap()).unwrap();
    let show = |path: &[PathStep<'_>]| format!("{:?}", body.lookup(path));
    use PathStep::{Each, Index, Key};
    assert_eq!(show(&[Key("a")]), "One(Container)");
    assert_eq!(show(&[Key("a"), Key("b"), Index(1)]), "One(Float(2.5))");
    assert_eq!(show(&[Key("a"), Key("b"), Index(2)]), "One(Text(\"x\"))");
    assert_eq!(show(&[Key("a"), Key("b"), Index(3)]), "One(Null)");
    assert_eq!(show(&[Key("a"), Key("b"), Index(9)]), "Absent");
    assert_eq!(show(&[Key("de")]), "One(Int(-1))");
    assert_eq!(show(&[Key("big")]), "One(Float(9.223372036854776e18))");
    assert_eq!(show(&[Key("a"), Key("b"), Each, Key("c"), Each]), "Many([Bool(true), Bool(false)])");
    assert_eq!(show(&[Key("a"), Each]), "Absent");
    assert_eq!(show(&[Key("a"), Key("b"), Key("c")]), "Absent");
    assert_eq!(show(&[Index(0)]), "Absent");
    assert_eq!(body.lookup(&[]), Found::Absent);
}

#[test]
fn ambiguous_bodies_are_refused_when_a_policy_looks_inside() {
    let read = |text: &'static str| {
        let bytes = Bytes::from_static(text.as_bytes());
        Body::read(Dialect::OpenAiChat, bytes.clone(), &peek(&bytes).unwrap()).map(|_| ())
    };
    for bad in [
        r#"{"messages":[{"role":"user","content":"a","content":"b"}]}"#,
        r#"{"messages":[{"role":"user","content":"a","conten\u0074":"b"}]}"#,
        r#"{"messages":[{"role":"user","content":"a","Content":"b"}]}"#,
        r#"{"messages":[{"role":"user","content":[{"type":"text","Text":"b"}]}]}"#,
        r#"{"x":[[{"a":{"b":1,"b":1}}]]}"#,
        r#"{"x":{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0,"j":0,"k":0,"l":0,"m":0,"n":0,"o":0,"p":0,"q":0,"r":0,"c":1}}"#,
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
    read(r#"{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}],"x":{"A":1,"a":2}}"#).unwrap();
}
