//! Random tests and conditions, mostly of the right type for their field.

use std::sync::Arc;

use ipnet::IpNet;

use crate::hir::{
    Action, ActionKind, Atom, AtomId, Cond, Constant, FieldId, Hir, ListId, ListItems, ListSet, OrderOp, Policy,
    PolicyStmt, PolicyStmtKind, Test, Type,
};
use crate::span::Span;

use super::Choices;

const PATTERNS: [&str; 8] = ["^a", "b$", "a.b", "[ab]{2,3}", "^/a|b/", "é|A", "^$", "(?i)ab*a"];
const GLOBS: [&str; 10] = ["*", "a*", "*b", "*ab*", "ab", "a*b", "?b*", "*a?b*", "", "/*/a"];

pub(super) fn policy(choices: &mut Choices<'_>) -> Hir {
    let mut hir = Hir { fields: Choices::fields(), ..Hir::default() };
    for _ in 0..=choices.below(16) {
        let atom = atom(choices, &mut hir);
        hir.atoms.push(atom);
    }
    let mut stmts: Vec<PolicyStmt> = (0..choices.below(40)).map(|_| stmt(choices, &hir)).collect();
    stmts.push(PolicyStmt {
        kind: PolicyStmtKind::Default,
        name: "default".into(),
        span: Span::default(),
        cond: Cond::Const(true),
        actions: vec![deny()],
    });
    hir.policies.push(Policy { name: "main".into(), span: Span::default(), stmts });
    hir
}

fn deny() -> Action {
    Action { kind: ActionKind::Deny { status: 403, message: "no".into() }, span: Span::default() }
}

fn stmt(choices: &mut Choices<'_>, hir: &Hir) -> PolicyStmt {
    let cond = cond(choices, hir, 3);
    let (kind, actions) = if choices.below(2) == 0 {
        (
            PolicyStmtKind::Apply,
            vec![Action { kind: ActionKind::Tag("k".into(), choices.text()), span: Span::default() }],
        )
    } else {
        (PolicyStmtKind::Rule, vec![deny()])
    };
    PolicyStmt { kind, name: "r".into(), span: Span::default(), cond, actions }
}

fn cond(choices: &mut Choices<'_>, hir: &Hir, depth: u8) -> Cond {
    let parts = |choices: &mut Choices<'_>| (0..choices.below(4)).map(|_| cond(choices, hir, depth - 1)).collect();
    match choices.below(if depth == 0 { 4 } else { 9 }) {
        0..=2 => Cond::Atom(AtomId(u32::from(choices.below(u8::try_from(hir.atoms.len()).unwrap_or(u8::MAX))))),
        3 => Cond::Const(choices.below(4) > 0),
        4 | 5 => Cond::And(parts(choices)),
        6 | 7 => Cond::Or(parts(choices)),
        _ => Cond::Not(Box::new(cond(choices, hir, depth - 1))),
    }
}

fn atom(choices: &mut Choices<'_>, hir: &mut Hir) -> Atom {
    let count = u8::try_from(hir.fields.len()).unwrap_or(u8::MAX);
    let field = choices.below(count);
    let ty = hir.fields.get(usize::from(field)).map_or(Type::Text, |field| field.ty);
    // Now and then a test that the checker would refuse: it is false, and nothing else.
    let ty = if choices.once_in(12) {
        choices.of(&[Type::Bool, Type::Int, Type::Text, Type::TextList, Type::Ip]).unwrap_or(ty)
    } else {
        ty
    };
    let test = test(choices, ty, hir);
    let text = format!("f{field} {test:?}").into();
    Atom { field: FieldId(u32::from(field)), test, span: Span::default(), text }
}

fn test(choices: &mut Choices<'_>, ty: Type, hir: &mut Hir) -> Test {
    if choices.once_in(10) {
        return Test::Present;
    }
    match ty {
        Type::Bool => match choices.below(3) {
            0 => Test::Eq(Constant::Bool(choices.below(2) == 1)),
            _ => Test::IsTrue,
        },
        Type::Text | Type::Class => text_test(choices, hir),
        Type::TextList => {
            let wanted = choices.texts().into_iter().map(Constant::Text).collect();
            if choices.below(2) == 0 { Test::HasAny(wanted) } else { Test::HasAll(wanted) }
        }
        Type::Ip => match choices.below(3) {
            0 => Test::Eq(Constant::Ip(choices.ip())),
            _ => {
                let nets = (0..choices.below(5)).map(|_| net(choices)).collect();
                Test::In(list(hir, ListItems::Net(nets)))
            }
        },
        Type::Json => {
            let ty = choices.of(&[Type::Bool, Type::Int, Type::Float, Type::Text, Type::TextList]);
            test(choices, ty.unwrap_or(Type::Text), hir)
        }
        Type::Int
        | Type::Float
        | Type::Size
        | Type::Duration
        | Type::Money
        | Type::Percent
        | Type::Clock
        | Type::Weekday
        | Type::Time => number_test(choices, hir),
    }
}

fn text_test(choices: &mut Choices<'_>, hir: &mut Hir) -> Test {
    match choices.below(10) {
        0 | 1 => Test::Eq(Constant::Text(choices.text())),
        2 => {
            let mut items = choices.texts();
            if choices.once_in(4) {
                items.extend((0..80_u8).map(|n| -> Arc<str> { format!("a{n}").into() }));
            }
            Test::In(list(hir, ListItems::Text(items)))
        }
        3 => Test::Like(choices.of(&GLOBS).unwrap_or_default().into()),
        4 => Test::Matches(choices.of(&PATTERNS).unwrap_or_default().into()),
        5 => Test::StartsWith(choices.texts()),
        6 => Test::EndsWith(choices.texts()),
        7 | 8 => Test::ContainsText(choices.texts()),
        _ => Test::ContainsAllText(choices.texts()),
    }
}

fn number_test(choices: &mut Choices<'_>, hir: &mut Hir) -> Test {
    let op = choices.of(&[OrderOp::Lt, OrderOp::Le, OrderOp::Gt, OrderOp::Ge]).unwrap_or(OrderOp::Lt);
    match choices.below(6) {
        0 => Test::Eq(number(choices)),
        1 | 2 => Test::Order(op, number(choices)),
        3 => Test::Within(number(choices), number(choices)),
        4 => {
            let mut items: Vec<i64> = (0..choices.below(4)).map(|_| choices.int()).collect();
            if choices.once_in(4) {
                items.extend(5..90);
            }
            Test::In(list(hir, ListItems::Int(items)))
        }
        _ => {
            let items = (0..choices.below(4)).map(|_| choices.float()).collect();
            Test::In(list(hir, ListItems::Float(items)))
        }
    }
}

fn number(choices: &mut Choices<'_>) -> Constant {
    match choices.below(8) {
        0 => Constant::Clock(u16::from(choices.below(12))),
        1 => Constant::Weekday(choices.below(7)),
        2..=4 => Constant::Int(choices.int()),
        5 | 6 => Constant::Float(choices.float()),
        _ => Constant::Float(choices.of(&[f64::NAN, f64::INFINITY, -0.0]).unwrap_or_default()),
    }
}

fn net(choices: &mut Choices<'_>) -> IpNet {
    let ip = choices.ip().to_canonical();
    let longest = if ip.is_ipv4() { 33 } else { 129 };
    IpNet::new(ip, choices.below(longest)).unwrap_or_else(|_| IpNet::from(ip))
}

fn list(hir: &mut Hir, items: ListItems) -> ListId {
    let id = ListId(u32::try_from(hir.lists.len()).unwrap_or(u32::MAX));
    hir.lists.push(ListSet { name: None, items, span: Span::default() });
    id
}
