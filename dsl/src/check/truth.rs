//! Conditions that are never or always true, doubled parts, and negated tests on fields that may be absent.

use super::Checker;
use super::clause::{Clause, Literal, clauses};
use super::cond::{Checked, CheckedKind};
use super::domain::{Contradiction, Domains};
use crate::diag::{Code, Diagnostic};
use crate::hir::{ActionKind, PolicyStmtKind, Test};
use crate::span::{Sources, Span};

/// What an analysis of one condition reads and writes.
struct Judge<'d, 'i> {
    domains: &'d Domains<'i>,
    sources: &'d Sources,
    /// Places of which has been said, while they were read, that they are never true.
    known: Vec<Span>,
    found: Vec<Diagnostic>,
}

// === impl Checker ===

impl Checker<'_, '_, '_> {
    /// W0301 to W0305 and W0401, for every policy.
    pub(super) fn analyse_rules(&mut self) {
        let domains = Domains::new(&self.interner);
        let known = self.problems.iter().filter(|p| p.code == Code::W0302).map(|p| p.primary.span).collect();
        let mut judge = Judge { domains: &domains, sources: &self.files.sources, known, found: Vec::new() };
        for (facts, policy) in self.policies.iter().zip(&self.hir.policies) {
            for (fact, stmt) in facts.stmts.iter().zip(&policy.stmts) {
                let Some(cond) = fact.cond.as_ref().filter(|c| c.is_sound()) else { continue };
                judge.truth(cond);
                let sends =
                    stmt.actions.iter().any(|a| matches!(a.kind, ActionKind::Route(_) | ActionKind::Split(_)));
                if fact.kind == PolicyStmtKind::Rule && sends {
                    judge.negated_optional(cond);
                }
            }
            super::shadow::unreachable(facts, &mut judge.found);
            super::shadow::shadowed(facts, &domains, &self.files.sources, &mut judge.found);
        }
        let found = judge.found;
        self.problems.extend(found);
    }
}

// === impl Judge ===

impl Judge<'_, '_> {
    /// Judges the parts before the whole; returns whether something was found inside, which says enough.
    fn truth(&mut self, cond: &Checked) -> bool {
        let inside = match &cond.kind {
            CheckedKind::Hole => return true,
            CheckedKind::Const(_) | CheckedKind::Atom(_) => false,
            CheckedKind::Not(inner) => self.truth(inner),
            CheckedKind::And(parts) | CheckedKind::Or(parts) => {
                let doubled = self.doubled(parts);
                parts.iter().fold(doubled, |found, part| self.truth(part) || found)
            }
        };
        inside || self.never(cond) || self.always(cond)
    }

    fn never(&mut self, cond: &Checked) -> bool {
        let Some(clauses) = clauses(cond, true) else { return false };
        let Some(why) = self.all_contradict(&clauses) else { return false };
        if self.known.iter().any(|k| k.source == cond.span.source && cond.span.to(*k) == cond.span) {
            return true;
        }
        let problem = Diagnostic::new(Code::W0302, cond.span, "this is never true");
        self.found.push(match why {
            Some(pair) => self.explain(problem, pair, cond).help("take the rule or the test out, or correct it"),
            None => problem.help("take the statement out"),
        });
        true
    }

    fn always(&mut self, cond: &Checked) -> bool {
        let Some(clauses) = clauses(cond, false) else { return false };
        if self.all_contradict(&clauses).is_none() {
            return false;
        }
        self.found.push(
            Diagnostic::new(Code::W0304, cond.span, "this is always true")
                .label("there is no request for which it does not hold")
                .help("take the test out, or correct it"),
        );
        true
    }

    /// `Some` if no clause can hold, with a pair that shows it where there is one.
    fn all_contradict(&self, clauses: &[Clause]) -> Option<Option<Contradiction>> {
        let mut pair = None;
        for clause in clauses {
            let why = self.domains.contradiction(clause)?;
            pair.get_or_insert(why);
        }
        Some(pair)
    }

    fn explain(&self, problem: Diagnostic, pair: Contradiction, cond: &Checked) -> Diagnostic {
        let (first, second) = (pair.first, pair.second);
        if first.span == second.span {
            return if first.span == cond.span {
                problem.label("no value meets it")
            } else {
                problem.also(first.span, "no value meets this")
            };
        }
        let text = self.sources.text(first.span);
        problem.also(first.span, "if this holds …").also(second.span, format!("… this cannot: `{text}` excludes it"))
    }

    /// W0305: the same part twice in one chain.
    fn doubled(&mut self, parts: &[Checked]) -> bool {
        let mut found = false;
        for (i, part) in parts.iter().enumerate() {
            let Some(first) = parts.iter().take(i).find(|other| same(other, part)) else { continue };
            found = true;
            self.found.push(
                Diagnostic::new(Code::W0305, part.span, "the same test stands twice")
                    .also(first.span, "the first one")
                    .help("one of them was probably meant to be another test"),
            );
        }
        found
    }

    /// W0303: a request without the field passes `!=` and `not …`.
    fn negated_optional(&mut self, cond: &Checked) {
        let Some(clauses) = clauses(cond, true) else { return };
        for clause in &clauses {
            for literal in clause.iter().filter(|l| !l.positive) {
                let Some((test, id, field)) = self.domains.test_of(*literal) else { continue };
                let sure =
                    |l: &&Literal| l.positive && self.domains.test_of(**l).is_some_and(|(_, other, _)| other == id);
                if !field.optional || *test == Test::Present || clause.iter().any(|l| sure(&l)) {
                    continue;
                }
                let name = &field.name;
                self.found.push(
                    Diagnostic::new(Code::W0303, literal.span, format!("this also holds when `{name}` is absent"))
                        .label("a negated test on a field that may be absent, in a rule that lets requests through")
                        .help(format!("write `{name} is present and …`, or `# allow W0303: reason` above the rule")),
                );
            }
        }
    }
}

/// Whether two conditions are the same in form.
fn same(a: &Checked, b: &Checked) -> bool {
    match (&a.kind, &b.kind) {
        (CheckedKind::Atom(x), CheckedKind::Atom(y)) => x == y,
        (CheckedKind::Const(x), CheckedKind::Const(y)) => x == y,
        (CheckedKind::Not(x), CheckedKind::Not(y)) => same(x, y),
        (CheckedKind::And(x), CheckedKind::And(y)) | (CheckedKind::Or(x), CheckedKind::Or(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y))
        }
        (_, _) => false,
    }
}
