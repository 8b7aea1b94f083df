//! Rule sets of any size for measurements, with requests that hit the first, the middle, the last rule or none.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::IpNet;

use crate::hir::{
    Action, ActionKind, Atom, AtomId, BodyStep, Cond, Constant, Field, FieldId, FieldKind, Hir, ListId, ListItems,
    ListSet, OrderOp, Policy, PolicyStmt, PolicyStmtKind, Test, Tier, Type,
};
use crate::span::Span;

use super::{Held, Table};

/// What the rules look at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// One tenant each, and a method.
    Tenant,
    /// One path prefix each.
    Path,
    /// One network each; every sixteenth rule has a wider one around its neighbours'.
    Network,
    /// One regular expression on the path each.
    Regex,
    /// Conditions that only say what must not be: every rule down to the deciding one is visited.
    Adversarial,
}

/// A rule set with requests.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The set; its only policy has `rules` rules between an unconditional `apply` and the default.
    pub hir: Hir,
    /// For the first, the middle and the last rule: its rank and a request that it decides.
    pub hits: [(u32, Table); 3],
    /// A request that only the default decides.
    pub miss: Table,
}

const TENANT: FieldId = FieldId(0);
const PATH: FieldId = FieldId(1);
const IP: FieldId = FieldId(2);
const METHOD: FieldId = FieldId(3);
const AUTHENTICATED: FieldId = FieldId(4);
const LOAD: FieldId = FieldId(5);

// === impl Kind ===

impl Kind {
    /// Every kind with its name.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Tenant, "tenant"),
        (Self::Path, "path"),
        (Self::Network, "network"),
        (Self::Regex, "regex"),
        (Self::Adversarial, "adversarial"),
    ];
}

// === impl Workload ===

impl Workload {
    /// A set of `rules` rules of one kind, at least one.
    #[must_use]
    pub fn new(kind: Kind, rules: u32) -> Self {
        let rules = rules.max(1);
        let mut hir = Hir { fields: fields(), ..Hir::default() };
        let post = atom(&mut hir, METHOD, Test::Eq(Constant::Text("POST".into())));
        let known = atom(&mut hir, AUTHENTICATED, Test::IsTrue);
        let mut stmts = vec![stmt(PolicyStmtKind::Apply, "", Cond::Const(true))];
        for n in 0..rules {
            let mut parts = vec![Cond::Atom(rule_test(&mut hir, kind, n))];
            match kind {
                Kind::Tenant => parts.push(Cond::Atom(post)),
                Kind::Adversarial => {
                    parts = vec![Cond::Atom(known), Cond::Not(Box::new(Cond::And(parts)))];
                }
                Kind::Path | Kind::Network | Kind::Regex => {}
            }
            stmts.push(stmt(PolicyStmtKind::Rule, &format!("rule-{n}"), Cond::And(parts)));
        }
        stmts.push(stmt(PolicyStmtKind::Default, "default", Cond::Const(true)));
        hir.policies.push(Policy { name: "main".into(), span: Span::default(), stmts });
        let hit = |n: u32| (n + 1, request(n));
        let hits = [hit(0), hit(rules / 2), hit(rules - 1)];
        Self { hir, hits, miss: request(rules) }
    }
}

fn fields() -> Vec<Field> {
    let fields = [
        ("client.tenant", Type::Text),
        ("path", Type::Text),
        ("client.ip", Type::Ip),
        ("method", Type::Text),
        ("client.authenticated", Type::Bool),
        ("live.pool.main.in_flight", Type::Int),
    ];
    let field = |(place, (name, ty)): (u32, (&str, Type))| Field {
        kind: FieldKind::Body(vec![BodyStep::Index(place)]),
        name: name.into(),
        lower: false,
        count: false,
        ty,
        tier: Tier::Head,
        optional: true,
    };
    (0..).zip(fields).map(field).collect()
}

fn rule_test(hir: &mut Hir, kind: Kind, n: u32) -> AtomId {
    let (field, test) = match kind {
        Kind::Tenant => (TENANT, Test::Eq(Constant::Text(tenant(n)))),
        Kind::Path => (PATH, Test::StartsWith(vec![format!("/v1/team-{n}/").into()])),
        Kind::Network => {
            let items = ListItems::Net(vec![network(n)]);
            hir.lists.push(ListSet { name: None, items, span: Span::default() });
            (IP, Test::In(ListId(u32::try_from(hir.lists.len() - 1).unwrap_or(u32::MAX))))
        }
        Kind::Regex => (PATH, Test::Matches(format!("^/v1/team-{n}/[a-z]+/(chat|embeddings)$").into())),
        // Negated below: false for every request that an earlier rule has not decided, but this rule's own.
        Kind::Adversarial => (LOAD, Test::Order(OrderOp::Gt, Constant::Int(i64::from(n)))),
    };
    atom(hir, field, test)
}

fn tenant(n: u32) -> Arc<str> {
    format!("tenant-{n:06}").into()
}

/// Rule `n`'s /28; every sixteenth is the /24 around the fifteen before it.
fn network(n: u32) -> IpNet {
    let length = if n % 16 == 15 { 24 } else { 28 };
    let ip = IpAddr::V4(address(n));
    IpNet::new(ip, length).map_or_else(|_| IpNet::from(ip), |net| net.trunc())
}

fn address(n: u32) -> Ipv4Addr {
    Ipv4Addr::from((10 << 24) + n * 16)
}

/// The request that rule `n` decides; of no rule when there is none with that number.
fn request(n: u32) -> Table {
    Table {
        values: vec![
            Held::Text(tenant(n)),
            Held::Text(format!("/v1/team-{n}/models/chat").into()),
            Held::Ip(IpAddr::V4(address(n))),
            Held::Text("POST".into()),
            Held::Bool(true),
            Held::Int(i64::from(n)),
        ],
        ready: BTreeSet::from([Tier::Head]),
    }
}

fn atom(hir: &mut Hir, field: FieldId, test: Test) -> AtomId {
    let text = format!("{test:?}").into();
    hir.atoms.push(Atom { field, test, span: Span::default(), text });
    AtomId(u32::try_from(hir.atoms.len() - 1).unwrap_or(u32::MAX))
}

fn stmt(kind: PolicyStmtKind, name: &str, cond: Cond) -> PolicyStmt {
    let action = match kind {
        PolicyStmtKind::Apply => ActionKind::Tag("source".into(), "bench".into()),
        PolicyStmtKind::Rule | PolicyStmtKind::Default => ActionKind::Deny { status: 403, message: "no".into() },
    };
    let actions = vec![Action { kind: action, span: Span::default() }];
    PolicyStmt { kind, name: name.into(), span: Span::default(), cond, actions }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle;
    use crate::tree::{Limits, RuleTree, Scratch, Step};

    #[test]
    fn requests_hit_the_rules_they_are_made_for() {
        for (kind, name) in Kind::ALL {
            for rules in [1, 10, 300] {
                let workload = Workload::new(kind, rules);
                let tree = RuleTree::build(&workload.hir, 0, &Limits::default()).unwrap();
                let misses = [(rules + 1, workload.miss)];
                for (rank, request) in workload.hits.into_iter().chain(misses) {
                    let mut scratch = Scratch::new();
                    let Step::Decided(decision) = tree.step(&mut scratch, &request) else {
                        panic!("{name} is cheap")
                    };
                    assert_eq!(decision.deciding.0, rank, "{name} {rules}");
                    let linear = oracle::decide(&workload.hir, &workload.hir.policies[0], &request);
                    assert_eq!(linear.deciding, Some(decision.deciding), "{name} {rules}");
                }
            }
        }
    }
}
