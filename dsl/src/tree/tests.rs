//! What the property test does not reach: refusals, traces, what is read, and how the index is filled.

use super::arbitrary::workload::{Kind, Workload};
use super::arbitrary::{Choices, Held, Table};
use super::*;
use crate::hir::{
    Action, ActionKind, Atom, AtomId, Cond, Constant, ListId, ListItems, ListSet, Policy, PolicyStmt, PolicyStmtKind,
    Test,
};
use crate::span::Span;

/// Places in [`Choices::fields`].
const TEXT: u32 = 0;
const IP: u32 = 3;
const PEEK: u32 = 11;
const BODY: u32 = 13;
const TOKENS: u32 = 16;

#[derive(Default)]
struct Made {
    hir: Hir,
    stmts: Vec<PolicyStmt>,
}

impl Made {
    fn new() -> Self {
        Self { hir: Hir { fields: Choices::fields(), ..Hir::default() }, stmts: Vec::new() }
    }

    fn atom(&mut self, field: u32, test: Test) -> Cond {
        let span = Span { start: u32::try_from(self.hir.atoms.len()).unwrap(), ..Span::default() };
        let text = format!("atom {}", self.hir.atoms.len()).into();
        self.hir.atoms.push(Atom { field: FieldId(field), test, span, text });
        Cond::Atom(AtomId(u32::try_from(self.hir.atoms.len() - 1).unwrap()))
    }

    fn rule(&mut self, cond: Cond) -> &mut Self {
        self.stmt(PolicyStmtKind::Rule, cond)
    }

    fn stmt(&mut self, kind: PolicyStmtKind, cond: Cond) -> &mut Self {
        let deny = ActionKind::Deny { status: 403, message: "no".into() };
        let actions = vec![Action { kind: deny, span: Span::default() }];
        let name = format!("s{}", self.stmts.len()).into();
        self.stmts.push(PolicyStmt { kind, name, span: Span::default(), cond, actions });
        self
    }

    fn build(mut self, limits: &Limits) -> Result<RuleTree, BuildError> {
        self.stmt(PolicyStmtKind::Default, Cond::Const(true));
        let stmts = self.stmts;
        self.hir.policies.push(Policy { name: "main".into(), span: Span::default(), stmts });
        RuleTree::build(&self.hir, 0, limits)
    }
}

fn text(wanted: &str) -> Test {
    Test::Eq(Constant::Text(wanted.into()))
}

fn table() -> Table {
    Choices::new(&[]).table()
}

fn patterns(patterns: &[&str], limits: &Limits) -> String {
    let mut made = Made::new();
    for pattern in patterns {
        let atom = made.atom(TEXT, Test::Matches((*pattern).into()));
        made.rule(atom);
    }
    made.build(limits).map_or_else(|error| error.to_string(), |_| "builds".into())
}

#[test]
fn too_large_is_refused_with_the_test_that_is() {
    let limits = Limits::default();
    assert_eq!(patterns(&["a", "^x{3}$"], &limits), "builds");
    let large = patterns(&["a", r"(\w{50}){50}"], &limits);
    assert!(large.starts_with("the pattern of `atom 1` is larger than 1048576 bytes"), "{large}");
    let long = patterns(&[&"a".repeat(2_049)], &limits);
    assert!(long.starts_with("the pattern of `atom 0` is larger than 2048 bytes"), "{long}");
    let bad = patterns(&["a(?=b)"], &limits);
    assert!(bad.starts_with("`atom 0` is not a regular expression that can be searched in linear time: "), "{bad}");
    assert!(bad.contains("look-around"), "{bad}");
    let small_field = Limits { regex_bytes_per_field: 100_000, ..limits };
    let many = patterns(&[r"\w{3}a", r"\w{3}b", r"\w{3}c", r"\w{3}d"], &small_field);
    assert!(many.contains("4 patterns on `f0` together are larger than 100000 bytes"), "{many}");
    assert!(many.contains("(`atom 1` is the first too many)"), "{many}");

    let mut made = Made::new();
    let stars = made.atom(TEXT, Test::Like("*a*b*c*d*e*f*g*h*i".into()));
    made.rule(stars);
    assert!(matches!(made.build(&limits), Err(BuildError::TooManyStars { limit: 8, .. })));

    let mut made = Made::new();
    let atom = made.atom(TEXT, Test::Present);
    made.rule(Cond::And(vec![atom; 65]));
    assert!(matches!(made.build(&limits), Err(BuildError::TooManyAtoms { limit: 64, .. })));

    let mut made = Made::new();
    made.rule(Cond::Const(false)).rule(Cond::Const(false));
    let few = Limits { rules: 2, ..limits };
    assert!(matches!(made.build(&few), Err(BuildError::TooManyRules { count: 3, limit: 2, .. })));
}

#[test]
fn sets_that_do_not_hang_together_are_refused() {
    let mut made = Made::new();
    made.rule(Cond::Atom(AtomId(7)));
    assert_eq!(made.build(&Limits::default()).unwrap_err(), BuildError::Dangling { what: "atom", id: 7 });
    let mut made = Made::new();
    let atom = made.atom(TEXT, Test::In(ListId(3)));
    made.rule(atom);
    assert_eq!(made.build(&Limits::default()).unwrap_err(), BuildError::Dangling { what: "list", id: 3 });
    let hir = Hir {
        policies: vec![Policy { name: "p".into(), span: Span::default(), stmts: Vec::new() }],
        ..Hir::default()
    };
    assert!(matches!(RuleTree::build(&hir, 0, &Limits::default()), Err(BuildError::NoDefault { .. })));
    assert!(matches!(RuleTree::build(&hir, 1, &Limits::default()), Err(BuildError::NoPolicy { index: 1 })));
}

#[test]
fn a_costly_field_is_paid_for_only_at_a_rule_that_nothing_cheaper_settles() {
    let mut made = Made::new();
    let cheap = made.atom(TEXT, text("a"));
    let peek = made.atom(PEEK, text("m"));
    let body = made.atom(BODY, Test::ContainsText(vec!["secret".into()]));
    let tokens = made.atom(TOKENS, Test::Order(crate::hir::OrderOp::Gt, Constant::Int(5)));
    made.rule(cheap.clone());
    made.rule(Cond::And(vec![body, Cond::Not(Box::new(peek))]));
    made.rule(Cond::And(vec![tokens, cheap]));
    let tree = made.build(&Limits { linear_below: 0, ..Limits::default() }).unwrap();
    assert_eq!(tree.max_tier(), Tier::Tokens);

    let mut scratch = Scratch::new();
    let mut request = table();
    request.values[0] = Held::Text("a".into());
    assert!(matches!(tree.step(&mut scratch, &request), Step::Decided(Decision { deciding: Rank(0), .. })));

    scratch.reset();
    request.values[0] = Held::Absent;
    request.values[11] = Held::Text("m".into());
    assert_eq!(tree.step(&mut scratch, &request), Step::Need(Tier::Peek));
    assert_eq!(tree.step(&mut scratch, &request), Step::Need(Tier::Peek), "until it is ready");
    request.ready.insert(Tier::Peek);
    // `model` refutes the second rule and `path` the third: neither body nor tokens.
    assert!(matches!(tree.step(&mut scratch, &request), Step::Decided(Decision { deciding: Rank(3), .. })));
}

#[test]
fn a_trace_shows_what_was_tried_and_what_was_not() {
    let mut made = Made::new();
    let cheap = made.atom(TEXT, text("a"));
    let peek = made.atom(PEEK, text("m"));
    let body = made.atom(BODY, Test::Present);
    made.rule(Cond::And(vec![cheap.clone(), body]));
    made.stmt(PolicyStmtKind::Apply, Cond::Not(Box::new(cheap)));
    made.rule(peek.clone());
    made.rule(peek);
    let tree = made.build(&Limits::default()).unwrap();
    let mut request = table();
    request.values[0] = Held::Text("b".into());
    request.values[11] = Held::Text("m".into());
    assert_eq!(tree.trace(&request, 10).deciding, None, "not before the tier is ready");
    request.ready.insert(Tier::Peek);
    let trace = tree.trace(&request, 10);
    assert_eq!((trace.deciding, trace.not_visited, trace.left_out), (Some(Rank(2)), 2, 0));
    assert_eq!(trace.paid, [Tier::Peek]);
    assert_eq!(trace.not_read, [FieldId(BODY)]);
    let shown: Vec<String> = trace
        .visited
        .iter()
        .map(|stmt| {
            let atoms: Vec<String> =
                stmt.atoms.iter().map(|atom| format!("{} {} {}", atom.text, atom.value, atom.holds)).collect();
            format!("{} {}: {}", stmt.rank.0, stmt.holds, atoms.join(", "))
        })
        .collect();
    assert_eq!(shown, ["0 false: atom 0 \"b\" false", "1 true: atom 0 \"b\" false", "2 true: atom 1 \"m\" true"]);
    let short = tree.trace(&request, 0);
    assert_eq!((short.visited.len(), short.left_out), (2, 1), "what holds is always shown");
    request.values[0] = Held::Text("é".repeat(100).into());
    assert_eq!(tree.trace(&request, 1).visited[0].atoms[0].value, "a text of 200 bytes", "prompts are not");
}

#[test]
fn all_covering_networks_are_candidates() {
    let mut made = Made::new();
    for net in ["10.1.2.0/24", "10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0"] {
        let items = ListItems::Net(vec![net.parse().unwrap()]);
        made.hir.lists.push(ListSet { name: None, items, span: Span::default() });
        let list = ListId(u32::try_from(made.hir.lists.len() - 1).unwrap());
        let atom = made.atom(IP, Test::In(list));
        made.stmt(PolicyStmtKind::Apply, atom);
    }
    let tree = made.build(&Limits { linear_below: 0, ..Limits::default() }).unwrap();
    for (ip, wanted) in
        [("10.1.2.3", &[0, 1, 2, 3][..]), ("10.1.3.3", &[1, 2, 3]), ("::ffff:9.9.9.9", &[3]), ("::1", &[])]
    {
        let mut request = table();
        request.values[3] = Held::Ip(ip.parse().unwrap());
        let mut scratch = Scratch::new();
        let Step::Decided(decision) = tree.step(&mut scratch, &request) else { panic!("all is cheap") };
        assert_eq!(decision.applied.iter().map(|rank| rank.0).collect::<Vec<_>>(), wanted, "{ip}");
    }
}

#[test]
fn scratch_of_another_tree_begins_anew() {
    let trees = ["a", "b"].map(|wanted| {
        let mut made = Made::new();
        let atom = made.atom(TEXT, text(wanted));
        made.rule(atom).rule(Cond::Const(true));
        made.build(&Limits::default()).unwrap()
    });
    let mut request = table();
    request.values[0] = Held::Text("b".into());
    let mut scratch = Scratch::new();
    let ranks: Vec<u32> = [0, 1, 0, 1]
        .into_iter()
        .map(|tree: usize| match trees[tree].step(&mut scratch, &request) {
            Step::Decided(decision) => decision.deciding.0,
            Step::Need(tier) => panic!("{tier:?}"),
        })
        .collect();
    assert_eq!(ranks, [1, 0, 1, 0]);
}

#[test]
fn only_what_reachable_rules_read_is_gathered() {
    let mut made = Made::new();
    let cheap = made.atom(TEXT, text("a"));
    let body = made.atom(BODY, Test::Present);
    made.rule(cheap).rule(Cond::Const(true)).rule(body);
    let tree = made.build(&Limits::default()).unwrap();
    assert_eq!(tree.fields().map(|(id, _)| id).collect::<Vec<_>>(), [FieldId(TEXT)]);
    assert_eq!(tree.max_tier(), Tier::Head);
}

#[test]
fn figures_tell_what_can_be_indexed() {
    let tenants = Workload::new(Kind::Tenant, 1_000);
    let stats = RuleTree::build(&tenants.hir, 0, &Limits::default()).unwrap().stats();
    assert_eq!((stats.statements, stats.clauses, stats.anchors), (1_002, 1_002, 1_000));
    assert_eq!(stats.unfiled, [Rank(0)], "only the apply without a condition");
    assert!(stats.expected_candidates < 3.5, "{stats:?}");
    let worst = Workload::new(Kind::Adversarial, 100);
    let stats = RuleTree::build(&worst.hir, 0, &Limits::default()).unwrap().stats();
    assert!(stats.expected_candidates > 40.0, "{stats:?}");
}
