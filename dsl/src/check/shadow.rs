//! Rules that can never decide because an earlier one takes all their requests.
//!
//! A rule is compared with few earlier ones: those filed under a value that one of its own tests asks for. Take a
//! request that just meets the rule, every other field absent: an earlier rule that takes all requests of the rule
//! takes this one too, so its own tests are on the same fields and meet the same values.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ipnet::IpNet;

use super::clause::{Clause, Literal, clauses};
use super::cond::Checked;
use super::domain::Domains;
use super::policy::{PolicyFacts, StmtFacts};
use super::text::glob_only_prefix;
use crate::diag::{Code, Diagnostic};
use crate::hir::{AtomId, Constant, FieldId, ListItems, PolicyStmtKind, Test};
use crate::span::Sources;

/// Pairs of rules compared in one policy; beyond it only rules under the same value are.
const PAIRS_MAX: usize = 100_000;
/// Rules compared under one value.
const BUCKET_MAX: usize = 64;
/// Items of a list under each of which its rule is filed.
const ITEMS_MAX: usize = 256;

/// Where an earlier rule is filed.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Anchor {
    /// A value of a field.
    Value(FieldId, Arc<str>),
    /// A prefix of a field's text.
    Prefix(FieldId, Arc<str>),
    /// A network.
    Net(FieldId, IpNet),
    /// The very same test.
    Atom(AtomId),
    /// Any other test of a field.
    Field(FieldId),
    /// No positive test at all.
    Nothing,
}

/// An earlier rule.
struct Earlier<'p> {
    fact: &'p StmtFacts,
    cond: &'p Checked,
    /// Clauses of the complement, made when they are first needed.
    complement: std::cell::OnceCell<Option<Vec<Clause>>>,
}

/// W0401: everything below a rule without condition.
pub(super) fn unreachable(facts: &PolicyFacts, found: &mut Vec<Diagnostic>) {
    let takes_all = |f: &&StmtFacts| f.kind == PolicyStmtKind::Rule && super::Checker::is_always(f.cond.as_ref());
    let Some(at) = facts.stmts.iter().position(|f| takes_all(&f)) else { return };
    let (Some(all), Some(next)) = (facts.stmts.get(at), facts.stmts.get(at + 1)) else { return };
    let what = match next.kind {
        PolicyStmtKind::Rule => format!("rule `{}` is never reached", next.name),
        PolicyStmtKind::Apply => "this `apply` is never reached".to_owned(),
        PolicyStmtKind::Default => "`default` is never reached".to_owned(),
    };
    let problem =
        Diagnostic::new(Code::W0401, next.span, format!("{what}: rule `{}` above takes every request", all.name))
            .also(all.span, "this rule has no `when`");
    found.push(if next.kind == PolicyStmtKind::Default {
        problem.help(format!("write what `{}` does into `default` and take the rule out", all.name))
    } else {
        problem.help(format!("give `{}` a condition, or move it below", all.name))
    });
}

/// W0301: exact for one earlier rule.
pub(super) fn shadowed(facts: &PolicyFacts, domains: &Domains<'_>, sources: &Sources, found: &mut Vec<Diagnostic>) {
    let mut index: HashMap<Anchor, Vec<usize>> = HashMap::new();
    let mut earlier: Vec<Earlier<'_>> = Vec::new();
    let mut pairs = 0_usize;
    for fact in facts.stmts.iter().filter(|f| f.kind == PolicyStmtKind::Rule) {
        let Some(cond) = fact.cond.as_ref().filter(|c| c.is_sound()) else { continue };
        let Some(mut own) = clauses(cond, true) else { continue };
        own.retain(|clause| domains.contradiction(clause).is_none());
        if own.is_empty() {
            continue;
        }
        let taken = candidates(&own, &index, domains).into_iter().find(|at| {
            pairs += 1;
            pairs <= PAIRS_MAX && earlier.get(*at).is_some_and(|e| e.covers(&own, domains))
        });
        if let Some(by) = taken.and_then(|at| earlier.get(at)) {
            found.push(report(fact, cond, by, sources));
            continue;
        }
        let at = earlier.len();
        earlier.push(Earlier { fact, cond, complement: std::cell::OnceCell::new() });
        for anchor in own.iter().flat_map(|clause| anchors(clause, domains)).collect::<HashSet<_>>() {
            index.entry(anchor).or_default().push(at);
        }
    }
}

fn report(fact: &StmtFacts, cond: &Checked, by: &Earlier<'_>, sources: &Sources) -> Diagnostic {
    let (name, other) = (&fact.name, &by.fact.name);
    let line = sources.file(by.fact.span.source).map_or(0, |f| f.line_col(by.fact.span.start).line);
    Diagnostic::new(
        Code::W0301,
        fact.span,
        format!("rule `{name}` can never decide: `{other}` takes all its requests"),
    )
    .also(by.cond.span, "every request for which this holds is taken here")
    .also(cond.span, "and this holds for no others")
    .help(format!("move `{name}` above line {line}, or make its condition wider"))
}

/// Earlier rules that may take all requests of these clauses, the first one first.
fn candidates(own: &[Clause], index: &HashMap<Anchor, Vec<usize>>, domains: &Domains<'_>) -> Vec<usize> {
    // INVARIANT: whoever takes all clauses takes the first one, so looking there is enough.
    let Some(clause) = own.first() else { return Vec::new() };
    let mut hits: Vec<usize> = Vec::new();
    let mut look = |anchor: &Anchor| {
        if let Some(found) = index.get(anchor) {
            hits.extend(found.iter().take(BUCKET_MAX));
        }
    };
    look(&Anchor::Nothing);
    for literal in clause.iter().filter(|l| l.positive) {
        look(&Anchor::Atom(literal.atom));
        for anchor in met_by(*literal, domains) {
            look(&anchor);
        }
    }
    hits.sort_unstable();
    hits.dedup();
    hits
}

/// Where rules are filed that the first value of a test can meet.
fn met_by(literal: Literal, domains: &Domains<'_>) -> Vec<Anchor> {
    let Some((test, field, _)) = domains.test_of(literal) else { return Vec::new() };
    let mut out = vec![Anchor::Field(field)];
    let prefixes = |text: &str| -> Vec<Anchor> {
        let ends = text.char_indices().map(|(i, _)| i).chain(std::iter::once(text.len()));
        ends.filter_map(|end| text.get(..end)).map(|p| Anchor::Prefix(field, p.into())).collect()
    };
    match (test, domains.items_of(test)) {
        (Test::Eq(Constant::Text(text)), _) => {
            out.push(Anchor::Value(field, Arc::clone(text)));
            out.extend(prefixes(text));
        }
        (_, Some(ListItems::Text(texts))) => {
            if let Some(text) = texts.first() {
                out.push(Anchor::Value(field, Arc::clone(text)));
                out.extend(prefixes(text));
            }
        }
        (Test::StartsWith(texts), _) => out.extend(texts.first().map(|t| prefixes(t)).unwrap_or_default()),
        (Test::Like(glob), _) => out.extend(prefixes(super::text::glob_prefix(glob))),
        (Test::Eq(Constant::Ip(ip)), _) => out.extend(networks(field, IpNet::from(*ip))),
        (_, Some(ListItems::Net(nets))) => {
            out.extend(nets.first().map(|net| networks(field, IpNet::from(net.network()))).unwrap_or_default());
        }
        (_, _) => {}
    }
    out
}

/// Every network that holds an address.
fn networks(field: FieldId, address: IpNet) -> Vec<Anchor> {
    std::iter::successors(Some(address), IpNet::supernet).map(|net| Anchor::Net(field, net)).collect()
}

/// Where a rule is filed for one of its clauses: under the values of its most telling positive test.
fn anchors(clause: &[Literal], domains: &Domains<'_>) -> Vec<Anchor> {
    let mut best: (u8, Vec<Anchor>) = (0, vec![Anchor::Nothing]);
    for literal in clause.iter().filter(|l| l.positive) {
        let Some((test, field, _)) = domains.test_of(*literal) else { continue };
        let (rank, found) = match (test, domains.items_of(test)) {
            (Test::Eq(Constant::Text(text)), _) => (5, vec![Anchor::Value(field, Arc::clone(text))]),
            (_, Some(ListItems::Text(texts))) if texts.len() <= ITEMS_MAX => {
                (4, texts.iter().map(|t| Anchor::Value(field, Arc::clone(t))).collect())
            }
            (_, Some(ListItems::Net(nets))) if nets.len() <= ITEMS_MAX => {
                (4, nets.iter().map(|n| Anchor::Net(field, *n)).collect())
            }
            (Test::StartsWith(texts), _) => (3, texts.iter().map(|t| Anchor::Prefix(field, Arc::clone(t))).collect()),
            (Test::Like(glob), _) if glob_only_prefix(glob).is_some() => {
                (3, glob_only_prefix(glob).map(|p| Anchor::Prefix(field, p.into())).into_iter().collect())
            }
            (_, _) => (1, vec![Anchor::Field(field), Anchor::Atom(literal.atom)]),
        };
        if rank > best.0 {
            best = (rank, found);
        }
    }
    best.1
}

// === impl Earlier ===

impl Earlier<'_> {
    /// Whether every request of these clauses meets this rule's condition.
    fn covers(&self, own: &[Clause], domains: &Domains<'_>) -> bool {
        let complement = self.complement.get_or_init(|| clauses(self.cond, false));
        let Some(complement) = complement else { return false };
        own.iter().all(|clause| {
            complement.iter().all(|outside| {
                let both: Clause = clause.iter().chain(outside).copied().collect();
                domains.contradiction(&both).is_some()
            })
        })
    }
}
