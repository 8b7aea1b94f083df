//! No false alarm: what the checker calls never, always or shadowed is contradicted by no request.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

use std::borrow::Cow;
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;
use weir_dsl::diag::Code;
use weir_dsl::facts::{Facts, Value};
use weir_dsl::hir::{Field, FieldKind, Tier};
use weir_dsl::{Compilation, MemoryLoader, Options, compile, oracle};

/// Tests that meet each other on a few fields, with bounds that touch.
const TESTS: &[&str] = &[
    "model == \"a\"",
    "model == \"ab\"",
    "model != \"a\"",
    "model in [\"a\", \"b\"]",
    "model not in [\"a\", \"ab\", \"b\"]",
    "model like \"a*\"",
    "model like \"*b\"",
    "model like \"*\"",
    "model starts_with \"a\"",
    "model starts_with [\"ab\", \"b\"]",
    "model ends_with \"b\"",
    "model contains \"b\"",
    "model contains all [\"a\", \"b\"]",
    "model matches `^a`",
    "model is present",
    "model is absent",
    "lower(model) == \"a\"",
    "path starts_with \"/v\"",
    "path starts_with \"/v1\"",
    "path == \"/v1\"",
    "path not like \"/v*\"",
    "path is present",
    "stream",
    "stream == false",
    "prompt.turns > 2",
    "prompt.turns >= 3",
    "prompt.turns < 3",
    "prompt.turns <= 0",
    "prompt.turns == 3",
    "prompt.turns in 1..3",
    "prompt.turns in [0, 3, 5]",
    "prompt.turns >= 0",
    "param.temperature > 0.5",
    "param.temperature <= 0.5",
    "param.temperature in 0.5..1",
    "client.ip in [10.0.0.0/8]",
    "client.ip in [10.0.0.0/9, 10.128.0.0/9]",
    "client.ip in [10.1.0.0/16, 2001:db8::/32]",
    "client.ip == 10.1.2.3",
    "client.ip not in [0.0.0.0/0]",
    "time.weekday in mon..fri",
    "time.weekday in [sat, sun]",
    "time.clock >= 22:00",
    "time.clock in 00:00..23:59",
    "time.clock < 08:00",
    "api == \"chat\"",
    "api in [\"chat\", \"other\"]",
    "client.groups contains \"x\"",
    "client.groups contains any [\"x\", \"y\"]",
    "client.groups contains all [\"x\", \"y\"]",
    "count(client.groups) > 1",
    "header.x-a == \"1\"",
    "header.x-a is present",
];

/// One request.
#[derive(Clone, Debug)]
struct Request {
    model: Option<&'static str>,
    path: &'static str,
    stream: bool,
    turns: i64,
    temperature: Option<f64>,
    ip: &'static str,
    weekday: u8,
    clock: u16,
    api: &'static str,
    groups: Option<&'static [&'static str]>,
    header: Option<&'static str>,
}

impl Facts for Request {
    fn ready(&self, _tier: Tier) -> bool {
        true
    }

    fn read<'a>(&'a self, field: &'a Field) -> Value<'a> {
        let text = |text: Option<&'static str>| text.map_or(Value::Absent, |t| Value::Text(Cow::Borrowed(t)));
        match field.name.trim_start_matches("lower(").trim_start_matches("count(").trim_end_matches(')') {
            "model" => text(self.model),
            "path" => text(Some(self.path)),
            "stream" => Value::Bool(self.stream),
            "prompt.turns" => Value::Int(self.turns),
            "param.temperature" => self.temperature.map_or(Value::Absent, Value::Float),
            "client.ip" => Value::Ip(self.ip.parse().unwrap()),
            "time.weekday" => Value::Weekday(self.weekday),
            "time.clock" => Value::Clock(self.clock),
            "api" => text(Some(self.api)),
            "client.groups" => {
                let list = |groups: &'static [&'static str]| {
                    Value::TextList(groups.iter().map(|g| Cow::Borrowed(*g)).collect())
                };
                self.groups.map_or(Value::Absent, list)
            }
            "header.x-a" => text(self.header),
            other => panic!("{other} {:?}", matches!(field.kind, FieldKind::Host)),
        }
    }
}

fn request() -> impl Strategy<Value = Request> {
    let texts = (
        select(vec![
            None,
            Some("a"),
            Some("ab"),
            Some("b"),
            Some("A"),
            Some("xab"),
            Some("ba"),
            Some(""),
            Some("zz"),
        ]),
        select(vec!["/", "/v", "/v1", "/v1/chat", "/w"]),
        select(vec!["chat", "other", "messages"]),
        select(vec![None, Some("1"), Some("2")]),
    );
    let numbers = (
        any::<bool>(),
        0..7_i64,
        select(vec![None, Some(0.0), Some(0.4), Some(0.5), Some(0.6), Some(1.0), Some(2.0)]),
        0..7_u8,
        select(vec![0_u16, 1, 479, 480, 1319, 1320, 1439]),
    );
    let rest = (
        select(vec![
            "10.1.2.3",
            "10.200.0.1",
            "10.0.0.0",
            "11.0.0.0",
            "9.255.255.255",
            "2001:db8::1",
            "2001:db9::",
            "0.0.0.0",
        ]),
        select(vec![
            None,
            Some(&[][..]),
            Some(&["x"][..]),
            Some(&["y"][..]),
            Some(&["x", "y"][..]),
            Some(&["z", "w"][..]),
        ]),
    );
    (texts, numbers, rest).prop_map(
        |((model, path, api, header), (stream, turns, temperature, weekday, clock), (ip, groups))| Request {
            model,
            path,
            stream,
            turns,
            temperature,
            ip,
            weekday,
            clock,
            api,
            groups,
            header,
        },
    )
}

/// A condition of up to three tests.
fn condition() -> impl Strategy<Value = String> {
    let test =
        || (select(TESTS), any::<bool>()).prop_map(|(t, not)| if not { format!("not ({t})") } else { t.to_owned() });
    let join = select(vec![" and ", " or "]);
    (prop::collection::vec(test(), 1..4), join).prop_map(|(tests, join)| tests.join(join))
}

fn check(conditions: &[String]) -> Compilation {
    let mut policy = String::from("weir 1\nendpoint a { provider sim }\npolicy p {\n");
    for (i, condition) in conditions.iter().enumerate() {
        let _ = writeln!(policy, "  rule r{i} when {condition} {{ deny 403 \"no\" }}");
    }
    policy.push_str("  default { route a }\n}\n");
    compile("main.weir", &MemoryLoader::one("main.weir", policy), &Options::default())
}

/// The name of the rule that decides.
fn decides(compiled: &Compilation, request: &Request) -> String {
    let hir = compiled.hir.as_ref().unwrap();
    let policy = &hir.policies[0];
    let outcome = oracle::decide(hir, policy, request);
    let rank = usize::try_from(outcome.deciding.unwrap().0).unwrap();
    policy.stmts[rank].name.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_request_contradicts_a_warning(
        conditions in prop::collection::vec(condition(), 1..6),
        requests in prop::collection::vec(request(), 60),
    ) {
        let compiled = check(&conditions);
        prop_assert!(compiled.hir.is_some(), "{:?}", compiled.diagnostics);
        for d in &compiled.diagnostics {
            let part = compiled.sources.text(d.primary.span).to_owned();
            for request in &requests {
                if d.code == Code::W0301 {
                    prop_assert_ne!(decides(&compiled, request), part.clone(), "{:?} {}", request, conditions.join("\n"));
                }
                if let Code::W0302 | Code::W0304 = d.code {
                    let expected = if d.code == Code::W0302 { "default" } else { "r0" };
                    prop_assert_eq!(decides(&check(std::slice::from_ref(&part)), request), expected, "{:?} {}", request, part);
                }
            }
        }
    }
}

/// The test above is not empty: these are found.
#[test]
fn plain_cases_are_found() {
    let found = |conditions: &[&str], code: Code| {
        let conditions: Vec<String> = conditions.iter().map(|c| (*c).to_owned()).collect();
        check(&conditions).diagnostics.iter().any(|d| d.code == code)
    };
    assert!(found(&["model like \"a*\"", "model == \"ab\" and stream"], Code::W0301));
    assert!(found(&["model == \"a\" or model == \"b\"", "model in [\"a\", \"b\"]"], Code::W0301));
    assert!(found(&["prompt.turns >= 3", "prompt.turns > 2"], Code::W0301));
    assert!(found(&["client.ip in [10.0.0.0/9, 10.128.0.0/9]", "client.ip in [10.0.0.0/8]"], Code::W0301));
    assert!(!found(&["client.ip in [10.0.0.0/9]", "client.ip in [10.0.0.0/8]"], Code::W0301));
    assert!(!found(&["model == \"a\"", "model like \"a*\""], Code::W0301));
    assert!(found(&["path starts_with \"/a\" and path starts_with \"/b\""], Code::W0302));
    assert!(found(&["prompt.turns > 2 and prompt.turns < 3"], Code::W0302));
    assert!(found(&["client.ip == 10.1.2.3 and client.ip not in [10.0.0.0/8]"], Code::W0302));
    assert!(found(&["stream or not stream"], Code::W0304));
    assert!(found(&["time.clock in 00:00..23:59"], Code::W0304));
    assert!(!found(&["model == \"a\" or stream"], Code::W0304));
}
