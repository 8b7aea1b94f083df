//! The merge rules, and which plans are shared.

use std::sync::Arc;

use super::*;
use crate::facts::{Facts, Value};
use crate::hir::{
    Action, ActionKind, Alias, Atom, AtomId, BodyStep, Cond, Field, FieldId, FieldKind, Hir, LogLevel, Policy,
    PolicyStmt, PolicyStmtKind, Target, Test, Tier, Timeouts, Type,
};
use crate::tree::Limits;

/// Bool fields: the bits of a number.
struct Bits(u32);

impl Facts for Bits {
    fn ready(&self, tier: Tier) -> bool {
        tier == Tier::Head
    }

    fn read<'a>(&'a self, field: &'a Field) -> Value<'a> {
        let FieldKind::Body(steps) = &field.kind else { return Value::Absent };
        let Some(BodyStep::Index(bit)) = steps.first() else { return Value::Absent };
        Value::Bool(self.0 >> bit & 1 == 1)
    }
}

fn deny(status: u16) -> ActionKind {
    ActionKind::Deny { status, message: "no".into() }
}

fn tag(key: &str, value: &str) -> ActionKind {
    ActionKind::Tag(key.into(), value.into())
}

/// A policy of bool conditions: `None` always holds, `Some(n)` when bit `n` is set. The last one is the default.
fn policy(stmts: Vec<(Option<u32>, Vec<ActionKind>)>) -> Hir {
    let mut hir = Hir::default();
    for bit in 0..8 {
        hir.fields.push(Field {
            kind: FieldKind::Body(vec![BodyStep::Index(bit)]),
            name: format!("bit{bit}").into(),
            lower: false,
            count: false,
            ty: Type::Bool,
            tier: Tier::Head,
            optional: false,
        });
        let text = format!("bit{bit}").into();
        hir.atoms.push(Atom { field: FieldId(bit), test: Test::IsTrue, span: Span::default(), text });
    }
    let last = stmts.len() - 1;
    let stmts = stmts.into_iter().zip(0_u32..).map(|((when, actions), rank)| {
        let decides = actions.iter().any(|action| matches!(action, ActionKind::Deny { .. } | ActionKind::Route(_)));
        let kind = match (usize::try_from(rank).unwrap() == last, decides) {
            (true, _) => PolicyStmtKind::Default,
            (false, true) => PolicyStmtKind::Rule,
            (false, false) => PolicyStmtKind::Apply,
        };
        let place = |n: usize| Span { start: rank * 100 + u32::try_from(n).unwrap(), ..Span::default() };
        let actions = actions.into_iter().enumerate().map(|(n, kind)| Action { kind, span: place(n) }).collect();
        let cond = when.map_or(Cond::Const(true), |bit| Cond::Atom(AtomId(bit)));
        PolicyStmt { kind, name: format!("s{rank}").into(), span: place(99), cond, actions }
    });
    let stmts = stmts.collect();
    hir.policies.push(Policy { name: "main".into(), span: Span::default(), stmts });
    hir
}

fn compiled(hir: Hir) -> CompiledPolicy {
    CompiledPolicy::build(Arc::new(hir), 0, &Limits::default()).unwrap()
}

fn decide(policy: &CompiledPolicy, memory: &mut Evaluation, bits: u32) -> Arc<Plan> {
    memory.reset();
    match policy.step(memory, &Bits(bits)) {
        Deciding::Decided(plan) => plan,
        Deciding::Need(tier) => panic!("nothing here costs {tier:?}"),
    }
}

fn plan(stmts: Vec<(Option<u32>, Vec<ActionKind>)>, bits: u32) -> Arc<Plan> {
    decide(&compiled(policy(stmts)), &mut Evaluation::new(), bits)
}

fn pairs(placed: &[Placed<Pair>]) -> Vec<(&str, &str)> {
    placed.iter().map(|pair| (&*pair.value.key, &*pair.value.value)).collect()
}

#[test]
fn cosmetic_actions_last_wins() {
    use ActionKind::{SetHeader, SetModel, SetParam};
    let plan = plan(
        vec![
            (None, vec![tag("a", "1"), tag("b", "1"), SetModel("first".into()), SetHeader("x".into(), "1".into())]),
            (None, vec![tag("a", "2"), SetParam("top_p".into(), "0.1".into())]),
            (None, vec![deny(403), SetModel("last".into()), SetParam("top_p".into(), "0.2".into())]),
        ],
        0,
    );
    assert_eq!(pairs(&plan.tags), [("a", "2"), ("b", "1")]);
    assert_eq!(pairs(&plan.shape.headers), [("x", "1")]);
    assert_eq!(pairs(&plan.shape.params), [("top_p", "0.2")]);
    let model = plan.shape.model.as_ref().unwrap();
    assert_eq!((&*model.value, model.by, model.span.start), ("last", Rank(2), 201), "with the place that won");
}

#[test]
fn protective_actions_go_towards_tighter() {
    use ActionKind::{Cap, Log, RemoveHeader};
    let plan = plan(
        vec![
            (None, vec![Cap("max_tokens".into(), 100), Log(LogLevel::Meta, Some(10.0)), RemoveHeader("x".into())]),
            (None, vec![Cap("max_tokens".into(), 50), Cap("n".into(), 2), RemoveHeader("y".into())]),
            (
                None,
                vec![deny(403), Cap("max_tokens".into(), 80), Log(LogLevel::Full, None), RemoveHeader("x".into())],
            ),
        ],
        0,
    );
    let caps: Vec<_> = plan.shape.caps.iter().map(|c| (&*c.value.param, c.value.at_most, c.by.0)).collect();
    assert_eq!(caps, [("max_tokens", 50, 1), ("n", 2, 1)]);
    let removed: Vec<_> = plan.shape.remove_headers.iter().map(|header| (&*header.value, header.by.0)).collect();
    assert_eq!(removed, [("x", 0), ("y", 1)]);
    let log = plan.log.as_ref().unwrap();
    assert_eq!((log.value, log.by), (super::Log { level: LogLevel::Meta, sample: 10.0 }, Rank(0)));
}

#[test]
fn texts_are_injected_in_written_order() {
    let inject = |text: &str| ActionKind::InjectSystem(text.into());
    let plan = plan(vec![(None, vec![inject("a"), inject("b")]), (None, vec![deny(403), inject("c")])], 0);
    let texts: Vec<&str> = plan.shape.inject_system.iter().map(|text| &*text.value).collect();
    assert_eq!(texts, ["a", "b", "c"]);
}

#[test]
fn what_stands_below_the_decision_has_no_effect() {
    let policy = compiled(policy(vec![
        (Some(0), vec![tag("a", "1")]),
        (Some(1), vec![deny(401)]),
        (None, vec![tag("b", "1")]),
        (None, vec![deny(404)]),
    ]));
    let mut memory = Evaluation::new();
    let plan = decide(&policy, &mut memory, 0b11);
    assert_eq!((&*plan.rule, plan.deciding, &*plan.applied), ("s1", Rank(1), &[Rank(0)][..]));
    assert_eq!(pairs(&plan.tags), [("a", "1")]);
    assert!(matches!(plan.terminal.value, Terminal::Deny { status: 401, .. }));
    let plan = decide(&policy, &mut memory, 0);
    assert_eq!((&*plan.rule, &*plan.applied), ("s3", &[Rank(2)][..]));
    assert_eq!(pairs(&plan.tags), [("b", "1")]);
}

#[test]
fn plans_of_the_same_statements_are_one_value() {
    let stmts: Vec<_> = (0..8).map(|bit| (Some(bit), vec![tag("k", &bit.to_string())])).collect();
    let policy = compiled(policy(stmts.into_iter().chain([(None, vec![deny(403)])]).collect()));
    let mut memory = Evaluation::new();
    for bits in 0..256 {
        let first = decide(&policy, &mut memory, bits);
        assert_eq!(first.applied.len(), usize::try_from(bits.count_ones()).unwrap());
        assert!(Arc::ptr_eq(&first, &decide(&policy, &mut memory, bits)));
    }
    // Merged at load where nothing conditional stands above: shared by all workers.
    let policy =
        compiled(self::policy(vec![(None, vec![tag("k", "v")]), (Some(0), vec![deny(1)]), (None, vec![deny(2)])]));
    let one = decide(&policy, &mut Evaluation::new(), 1);
    assert!(Arc::ptr_eq(&one, &decide(&policy, &mut Evaluation::new(), 1)));
    assert_eq!(pairs(&one.tags), [("k", "v")]);
}

#[test]
fn a_worker_keeps_the_plans_of_different_policies_apart() {
    let two = [1, 2].map(|status| compiled(policy(vec![(Some(0), vec![tag("k", "v")]), (None, vec![deny(status)])])));
    let mut memory = Evaluation::new();
    for (policy, wanted) in two.iter().chain(&two).zip([1, 2, 1, 2]) {
        let plan = decide(policy, &mut memory, 1);
        assert!(matches!(plan.terminal.value, Terminal::Deny { status, .. } if status == wanted));
    }
}

#[test]
fn aliases_lead_to_their_end() {
    let mut hir = policy(vec![(None, vec![deny(403)])]);
    let names = [("a", "b"), ("b", "c"), ("x", "y"), ("y", "x")];
    let alias =
        |(name, target): (&str, &str)| Alias { name: name.into(), target: target.into(), span: Span::default() };
    hir.aliases = names.into_iter().map(alias).collect();
    let policy = compiled(hir);
    let wanted = [("a", Some("c")), ("b", Some("c")), ("c", None), ("x", Some("y")), ("y", Some("x"))];
    for (name, target) in wanted {
        assert_eq!(policy.alias(name).map(|target| &**target), target, "{name}");
    }
}

#[test]
fn splits_fall_on_the_same_branch_for_ever() {
    let route = |pool| {
        Arc::new(Route {
            to: Target { pool: crate::hir::PoolId(pool), as_model: None },
            or_else: None,
            timeouts: Timeouts::default(),
            retry: None,
            hedge: None,
            fallbacks: Vec::new(),
        })
    };
    let split = Split { by: None, salt: "canary".into(), branches: vec![(500, route(0)), (10_000, route(1))] };
    // Places are part of the contract: a release that moves them moves users between branches.
    let places = ["", "user-1", "user-2", "é"].map(|key| share::place("canary", key));
    assert_eq!(places, [6745, 2660, 2549, 5703]);
    let first = (0..10_000).filter(|n| share::branch(&split, &format!("user-{n}")).unwrap().to.pool.0 == 0).count();
    assert!((430..570).contains(&first), "5 % of 10,000 keys: {first}");
    assert_ne!(share::place("canary", "user-1"), share::place("other", "user-1"), "the salt counts");
    assert!((0..100).all(|n| share::sampled("s", &n.to_string(), 100.0)));
    assert!(!(0..100).any(|n| share::sampled("s", &n.to_string(), 0.0)));
}
