//! Properties of lexer, parser and formatter over generated trees and over texts with comments everywhere.
#![expect(clippy::unwrap_used, clippy::string_slice, clippy::as_conversions, reason = "a test may panic")]

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use weir_dsl::diag::Diagnostic;
use weir_dsl::span::{SourceId, Span};
use weir_dsl::syntax;
use weir_dsl::syntax::ast::{
    Block, Expr, ExprKind, File, Joined, List, Literal, Node, Number, Op, Path, Segment, Stmt, StmtKind, Term,
    TermKind, Test, Unit, When,
};
use weir_dsl::syntax::{TokenKind, lex, parse, print, shape};

const NOWHERE: Span = Span::new(SourceId(0), 0, 0);

fn parsed(text: &str) -> (File, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    (parse(SourceId(0), text, &mut problems), problems)
}

fn words(problems: &[Diagnostic]) -> Vec<String> {
    problems.iter().map(|p| format!("{} {:?} {}", p.code.text(), p.primary.span, p.message)).collect()
}

fn comments(text: &str) -> Vec<String> {
    let tokens = lex(SourceId(0), text, &mut Vec::new());
    let comments = tokens.iter().filter(|t| t.kind == TokenKind::Comment);
    comments.map(|t| text[t.span.start as usize..t.span.end as usize].trim_end().to_owned()).collect()
}

/// Formats a good text and checks everything that formatting promises.
fn check_format(text: &str) -> Result<String, TestCaseError> {
    let (file, problems) = parsed(text);
    prop_assert!(problems.is_empty(), "{text}\n{:?}", words(&problems));
    let once = syntax::format(&file, text).unwrap();
    let (again, problems) = parsed(&once);
    prop_assert!(problems.is_empty(), "{text}\n---\n{once}\n{:?}", words(&problems));
    prop_assert_eq!(shape(&file), shape(&again), "{}\n---\n{}", text, once);
    let twice = syntax::format(&again, &once).unwrap();
    prop_assert_eq!(&once, &twice, "{}", text);
    prop_assert_eq!(comments(text), comments(&once), "{}\n---\n{}", text, once);
    Ok(once)
}

// --- trees --------------------------------------------------------------------------------------------------

fn name() -> impl Strategy<Value = String> {
    let any = "[a-z_][a-z0-9_-]{0,8}".prop_map(|name| if lex_as_path(&name) { name } else { format!("{name}0") });
    prop_oneof![4 => any, 1 => Just("header".to_owned()), 1 => Just("X-Debug".to_owned())]
}

fn lex_as_path(name: &str) -> bool {
    lex(SourceId(0), name, &mut Vec::new()).first().is_some_and(|t| t.kind == TokenKind::Path)
}

fn segment() -> impl Strategy<Value = Segment> {
    let leaf = prop_oneof![
        4 => name().prop_map(Segment::Name),
        1 => Just(Segment::Star),
        1 => "[ -~]{0,6}".prop_map(Segment::Key),
        1 => any::<u32>().prop_map(Segment::Index),
        1 => Just(Segment::EachIndex),
    ];
    leaf.prop_recursive(2, 4, 3, |inner| {
        (name(), vec(inner, 0..2)).prop_map(|(first, more)| {
            let mut segments = vec![Segment::Name(first)];
            segments.extend(more);
            Segment::PathKey(segments)
        })
    })
}

fn path() -> impl Strategy<Value = Path> {
    (name(), vec(segment(), 0..3)).prop_map(|(first, more)| {
        let mut segments = vec![Segment::Name(first)];
        segments.extend(more);
        Path { span: NOWHERE, segments }
    })
}

fn unit() -> impl Strategy<Value = Unit> {
    use Unit::*;
    prop::sample::select(vec![
        Millisecond,
        Second,
        Minute,
        Hour,
        Day,
        Week,
        Kilo,
        Mega,
        Giga,
        Byte,
        KiB,
        MiB,
        GiB,
        Percent,
    ])
}

fn number() -> impl Strategy<Value = Literal> {
    let int = (any::<i64>(), of(unit())).prop_map(|(n, unit)| Number { value: n as f64, int: Some(n), unit });
    let float =
        (0..100_000_i32, of(unit())).prop_map(|(n, unit)| Number { value: f64::from(n) / 64.0, int: None, unit });
    prop_oneof![int, float].prop_map(Literal::Number)
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<String>().prop_map(Literal::Str),
        "[ -_a-~\n]{0,20}".prop_map(Literal::Raw),
        number(),
        (0..i64::MAX).prop_map(Literal::Money),
        (any::<u32>(), of(0..=32_u8)).prop_map(|(ip, bits)| Literal::Ip(Ipv4Addr::from(ip).into(), bits)),
        (any::<u128>(), of(0..=128_u8)).prop_map(|(ip, bits)| Literal::Ip(Ipv6Addr::from(ip).into(), bits)),
        (0..1440_u16).prop_map(Literal::Clock),
        (1..=5_u8).prop_map(Literal::StatusClass),
        any::<bool>().prop_map(Literal::Bool),
    ]
}

fn term_of(kind: TermKind) -> Term {
    Term { leading: Vec::new(), kind, trailing: None, span: NOWHERE }
}

fn bound() -> impl Strategy<Value = Term> {
    prop_oneof![literal().prop_map(TermKind::Literal), path().prop_map(TermKind::Path)].prop_map(term_of)
}

fn arg() -> impl Strategy<Value = Term> {
    let leaf = prop_oneof![
        6 => bound(),
        1 => (bound(), bound()).prop_map(|(a, b)| term_of(TermKind::Range(Box::new(a), Box::new(b)))),
        1 => Just(term_of(TermKind::Any)),
        1 => Just(term_of(TermKind::All)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            (path(), vec(inner.clone(), 0..4)).prop_map(|(p, args)| term_of(TermKind::Call(p, args))),
            vec(inner, 0..5).prop_map(|items| term_of(TermKind::List(List { items, inner_end: Vec::new() }))),
        ]
    })
}

/// An operand that is no group; groups come from [`expr`].
fn operand() -> impl Strategy<Value = Term> {
    arg().prop_map(|t| {
        if matches!(t.kind, TermKind::Any | TermKind::All) {
            term_of(TermKind::Literal(Literal::Bool(true)))
        } else {
            t
        }
    })
}

fn expr_of(kind: ExprKind) -> Expr {
    Expr { kind, span: NOWHERE }
}

fn test() -> impl Strategy<Value = Expr> {
    use Op::*;
    let ops =
        vec![Eq, Ne, Lt, Le, Gt, Ge, In, Like, Matches, StartsWith, EndsWith, Contains, ContainsAny, ContainsAll];
    (operand(), prop::sample::select(ops), any::<bool>(), operand()).prop_map(|(left, op, negated, right)| {
        let negated = negated && !matches!(op, Eq | Ne | Lt | Le | Gt | Ge);
        expr_of(ExprKind::Test(Box::new(Test { left, op, negated, op_span: NOWHERE, right })))
    })
}

/// A member of a chain: anything but a chain.
fn member() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        3 => test(),
        1 => operand().prop_map(|t| expr_of(ExprKind::Term(t))),
        1 => (operand(), any::<bool>()).prop_map(|(of, present)| expr_of(ExprKind::Presence { of, present })),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|e| expr_of(ExprKind::Not(Box::new(e)))),
            chain(inner).prop_map(|e| expr_of(ExprKind::Term(term_of(TermKind::Group(Box::new(e)))))),
        ]
    })
}

/// One member, or several joined by one operator.
fn chain(member: impl Strategy<Value = Expr>) -> impl Strategy<Value = Expr> {
    (vec(member, 1..4), any::<bool>()).prop_map(|(mut members, and)| {
        if members.len() == 1 {
            return members.remove(0);
        }
        let join = |expr| Joined { leading: Vec::new(), expr, trailing: None };
        let members: Vec<Joined> = members.into_iter().map(join).collect();
        expr_of(if and { ExprKind::And(members) } else { ExprKind::Or(members) })
    })
}

fn stmt() -> impl Strategy<Value = Stmt> {
    let head = || (path(), vec(arg(), 0..4), of(chain(member())), of(chain(member())));
    let leaf = head().prop_map(|(word, args, value, when)| stmt_of(word, args, value, when, None));
    leaf.prop_recursive(3, 16, 4, move |inner| {
        (head(), vec(inner, 0..4), any::<bool>()).prop_map(|((word, args, value, when), stmts, one_line)| {
            let block = Block { span: NOWHERE, one_line, opening: None, stmts, inner_end: Vec::new() };
            stmt_of(word, args, value, when, Some(block))
        })
    })
}

fn stmt_of(word: Path, args: Vec<Term>, value: Option<Expr>, when: Option<Expr>, block: Option<Block>) -> Stmt {
    let when = when.map(|expr| When { keyword: NOWHERE, leading: Vec::new(), expr });
    let node = Node { word, args, value, when, block };
    Stmt { leading: Vec::new(), kind: StmtKind::Node(Box::new(node)), trailing: None, span: NOWHERE }
}

fn file() -> impl Strategy<Value = File> {
    vec(stmt(), 0..5).prop_map(|mut stmts| {
        let one = Literal::Number(Number { value: 1.0, int: Some(1), unit: None });
        let word = Path { span: NOWHERE, segments: vec![Segment::Name("weir".to_owned())] };
        stmts.insert(0, stmt_of(word, vec![term_of(TermKind::Literal(one))], None, None, None));
        File { stmts, ..File::default() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_tree_parses_to_itself(file in file()) {
        let text = print(&file);
        let (read, problems) = parsed(&text);
        prop_assert!(problems.is_empty(), "{text}\n{:?}", words(&problems));
        prop_assert_eq!(shape(&file), shape(&read), "{}", text);
        let formatted = check_format(&text)?;
        prop_assert_eq!(text, formatted);
    }

    #[test]
    fn comments_survive_everywhere(file in file(), seed in any::<u64>(), every in 2..12_u64) {
        scatter(&print(&file), seed, every)?;
    }

    #[test]
    fn tokens_hold_every_byte_and_nothing_panics(text in any::<String>()) {
        total(&text)?;
    }

    #[test]
    fn near_misses_do_not_panic(pieces in vec(piece(), 0..40)) {
        total(&pieces.concat())?;
    }
}

/// Words and signs that mean something, good and bad, in any order.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "weir 1\n",
        "policy main {\n",
        "rule a ",
        "when ",
        "and ",
        "or ",
        "not ",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ";",
        ",",
        "\n",
        "\r\n",
        " ",
        "\t",
        "# c\n",
        "## d\n",
        "\"x\"",
        "\"x",
        "`r`",
        "`",
        "=",
        "==",
        "!",
        "&&",
        "||",
        "..",
        ".",
        "a.b",
        "a[",
        "a[1]",
        "a[\"k\"].c",
        "header.X-Y ",
        "1",
        "10m",
        "10minutes",
        "10.0.0.0/8",
        "fe80::1",
        ":",
        "08:30",
        "5xx",
        "$1.50",
        "$x",
        "95%",
        "in ",
        "is present",
        "like ",
        "if ",
        "else ",
        "'x'",
        "“x”",
        "\u{202e}",
        "\u{a0}",
        "рol",
        "/v1",
        "//x\n",
        "/* x",
        "*/",
        "import \"b\" as b\n",
        "import \"a\" as a\n",
        "mon..fri",
        "-",
        "->",
        "\u{0}",
        "é",
        "contains any ",
    ];
    prop::sample::select(pieces.to_vec()).prop_map(str::to_owned)
}

/// What holds for any text at all.
fn total(text: &str) -> Result<(), TestCaseError> {
    let mut problems = Vec::new();
    let tokens = lex(SourceId(0), text, &mut problems);
    let mut at = 0;
    for token in &tokens {
        prop_assert_eq!(token.span.start, at);
        prop_assert!(token.span.end > at);
        prop_assert!(text.is_char_boundary(token.span.end as usize));
        at = token.span.end;
    }
    prop_assert_eq!(at as usize, text.len());
    let (file, problems) = parsed(text);
    for problem in &problems {
        let spans = problem.secondary.iter().map(|l| l.span).chain(problem.fixes.iter().map(|f| f.span));
        for span in spans.chain([problem.primary.span]) {
            prop_assert!(
                text.get(span.start as usize..span.end as usize).is_some(),
                "{:?} {}",
                span,
                problem.message
            );
        }
    }
    if syntax::format(&file, text).is_ok() {
        check_format(text)?;
    }
    Ok(())
}

/// Puts comments at random places between tokens; where the result still parses, no comment may get lost.
fn scatter(text: &str, seed: u64, every: u64) -> Result<(), TestCaseError> {
    let tokens = lex(SourceId(0), text, &mut Vec::new());
    let mut state = seed | 1;
    let mut random = move |n: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % n
    };
    let (mut out, mut number) = (String::new(), 0);
    for token in tokens {
        let piece = &text[token.span.start as usize..token.span.end as usize];
        if random(every) == 0 {
            let with = format!("{out}{} # c{number}\n", if random(2) == 0 { "" } else { "\n" });
            let rest = &text[token.span.start as usize..];
            if parsed(&format!("{with}{rest}")).1.is_empty() {
                out = with;
                number += 1;
            }
        }
        out.push_str(piece);
    }
    check_format(&out).map(|_| ())
}

#[test]
fn a_comment_survives_at_every_legal_place_of_the_examples() {
    let sources = [
        include_str!("../../conf/examples/1-simple.weir"),
        "weir 1\n\nlet x = (a == 1 and (b or f(c, [1, 2]))) or not (d in [\"x\", 3..4])\n\npolicy main {\n  rule r when a\n   and b { deny 404 \"n\"; tag x y }\n}\n",
        "weir 1\nimport \"b.weir\" as b\nimport \"a.weir\" as a\nendpoint e { provider openai; key secret(\"env:X\") }\n",
    ];
    for text in sources {
        let tokens = lex(SourceId(0), text, &mut Vec::new());
        let mut legal = 0;
        for at in tokens.iter().map(|t| t.span.end as usize) {
            for comment in [" # unique\n", "\n# unique\n", " # unique\n\n# second\n\n"] {
                let with = format!("{}{comment}{}", &text[..at], &text[at..]);
                if parsed(&with).1.is_empty() {
                    legal += 1;
                    check_format(&with).unwrap();
                }
            }
        }
        assert!(legal > 30, "{legal}");
    }
}

#[test]
fn comments_scattered_over_the_large_examples_survive() {
    let sources = [
        include_str!("../../conf/examples/2-sidecar.weir"),
        include_str!("../../conf/examples/3-enterprise/main.weir"),
    ];
    for text in sources {
        for seed in 1..4 {
            scatter(text, seed * 7919, 40).unwrap();
        }
    }
}

#[test]
fn files_of_other_editors_come_out_canonical() {
    let text = "\u{feff}weir 1\r\n\r\n\r\n# c\r\npolicy main {\r\n\r\n    default { route x }   # d\r\n\r\n}\r\n\r\n";
    let (file, problems) = parsed(text);
    assert!(problems.is_empty(), "{:?}", words(&problems));
    let canonical = "weir 1\n\n# c\npolicy main {\n  default { route x } # d\n}\n";
    assert_eq!(syntax::format(&file, text).unwrap(), canonical);
}

#[test]
fn the_style_is_that_of_the_specification() {
    let cases = [
        ("let x = not (a in b)", "let x = a not in b"),
        ("let x = not (a == b)", "let x = not (a == b)"),
        ("let x = header.X-Debug is present", "let x = header.x-debug is present"),
        ("let x = header[\"X.Y\"] is absent", "let x = header[\"x.y\"] is absent"),
        (
            "limit   l{by  client.ip;rate 1_000 requests  per 1m}",
            "limit l { by client.ip; rate 1_000 requests per 1m }",
        ),
        ("list l = [\n  1,\n  2,\n]", "list l = [1, 2]"),
        ("pool p {\n}", "pool p {}"),
        ("price input $2.50", "price input $2.50"),
        ("import \"b\" as b\nlet x = 1\nimport \"a\" as a", "\nimport \"a\" as a\nimport \"b\" as b\n\nlet x = 1"),
        ("import \"b\" as b # c\nimport \"a\" as a # d", "import \"b\" as b # c\nimport \"a\" as a # d"),
        ("pool p {\n  member a\n}\nlet x = 1\nlet y = 2", "\npool p {\n  member a\n}\n\nlet x = 1\nlet y = 2"),
        (
            "rule a-name-that-is-long when this.is.a.long.field == \"value\" or that.is.another.field == \"other\" { deny 404 \"n\" }",
            "\nrule a-name-that-is-long\n  when this.is.a.long.field == \"value\"\n    or that.is.another.field == \"other\" {\n  deny 404 \"n\"\n}",
        ),
        (
            "let some-long-name = this.is.a.long.field == \"value\" and that.is.another.field == \"other\"",
            "let some-long-name = this.is.a.long.field == \"value\"\n  and that.is.another.field == \"other\"",
        ),
    ];
    for (written, canonical) in cases {
        let text = format!("weir 1\n{written}\n");
        assert_eq!(check_format(&text).unwrap(), format!("weir 1\n{canonical}\n"));
    }
}
