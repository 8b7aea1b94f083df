//! Why a policy decided as it did: every statement above the decision, every test that was needed, what was not.
//!
//! A trace is made after the fact: the policy is decided once more and then read from top to bottom, also where the
//! index skipped statements. Deciding itself pays nothing for it.

use std::sync::Arc;

use crate::facts::{Facts, Value};
use crate::hir::{AtomId, FieldId, Rank, Tier};
use crate::span::Span;

use super::atom::{AtomIndex, SlotIndex};
use super::formula::Verdict;
use super::known::{Known, TierSet};
use super::num::{at, small};
use super::value::with_value;
use super::{Decision, RuleTree, Scratch, Step, Stmt};

/// Texts longer than this are not shown: a trace is not a place for prompts.
const SHOWN_CHARS_MAX: usize = 64;

/// What led to a decision.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The statements from the top to the deciding one, at most as many as asked for: the deciding one and those
    /// that hold are always there.
    pub visited: Vec<Visited>,
    /// Statements that were visited and are left out of `visited`: none of them holds.
    pub left_out: u32,
    /// The deciding statement; `None` when a tier that is needed is not ready.
    pub deciding: Option<Rank>,
    /// Tiers that had to be paid for, cheapest first.
    pub paid: Vec<Tier>,
    /// Fields of the policy that were not needed.
    pub not_read: Vec<FieldId>,
    /// Statements below the deciding one.
    pub not_visited: u32,
}

/// A statement that was visited.
#[derive(Clone, Debug)]
pub struct Visited {
    /// Which one.
    pub rank: Rank,
    /// Whether its condition holds.
    pub holds: bool,
    /// The tests that settled it, in the order in which they were tried.
    pub atoms: Vec<TracedAtom>,
}

/// A test that was tried.
#[derive(Clone, Debug)]
pub struct TracedAtom {
    /// Which one.
    pub atom: AtomId,
    /// As written.
    pub text: Arc<str>,
    /// Its first place.
    pub span: Span,
    /// What it cost.
    pub tier: Tier,
    /// The field's value, for people; long texts only by their length.
    pub value: String,
    /// Whether the test holds; a condition that says `not` needs it not to.
    pub holds: bool,
}

// === impl RuleTree ===

impl RuleTree {
    /// Explains the decision on these facts. They must be those of the decision, with the same tiers ready.
    #[must_use]
    pub fn trace(&self, facts: &dyn Facts, visited_max: usize) -> Trace {
        let mut trace = Trace::default();
        let mut scratch = Scratch::new();
        let Step::Decided(Decision { deciding, applied }) = self.step(&mut scratch, facts) else { return trace };
        let applied = applied.to_vec();
        let mut known = Known::default();
        known.begin(&self.atoms);
        let mut read = vec![false; self.atoms.slots.len()];
        for (rank, stmt) in (0..=deciding.0).map(Rank).zip(&self.stmts) {
            let holds = rank == deciding || applied.binary_search(&rank).is_ok();
            let atoms = self.tried(stmt, &mut known, scratch.paid(), facts, &mut read);
            if holds || trace.visited.len() < visited_max {
                trace.visited.push(Visited { rank, holds, atoms });
            } else {
                trace.left_out += 1;
            }
        }
        trace.deciding = Some(deciding);
        trace.paid = Tier::ALL.into_iter().filter(|tier| *tier != Tier::Head && scratch.paid().has(*tier)).collect();
        let unread = self.atoms.slots.iter().zip(&read).filter(|(_, read)| !**read);
        trace.not_read = unread.map(|(slot, _)| slot.id).collect();
        trace.not_visited = small(self.stmts.len().saturating_sub(at(deciding.0) + 1));
        trace
    }

    /// The tests that settle a statement, cheapest tier first. No tier is read that deciding did not need.
    fn tried(
        &self,
        stmt: &Stmt,
        known: &mut Known,
        paid: TierSet,
        facts: &dyn Facts,
        read: &mut [bool],
    ) -> Vec<TracedAtom> {
        let mut atoms = Vec::new();
        let mut readable = TierSet::default();
        for tier in Tier::ALL.into_iter().filter(|tier| paid.has(*tier)) {
            readable = readable.with(tier);
            let verdict = stmt.when.verdict(&mut |literal| {
                let verdict = known.literal(&self.atoms, literal, readable, facts);
                if let Verdict::Known(value) = verdict {
                    self.note(&mut atoms, read, literal.atom, value != literal.negated, facts);
                }
                verdict
            });
            if matches!(verdict, Verdict::Known(_)) {
                break;
            }
        }
        atoms
    }

    fn note(&self, atoms: &mut Vec<TracedAtom>, read: &mut [bool], index: AtomIndex, holds: bool, facts: &dyn Facts) {
        let Some(atom) = self.atoms.atom(index) else { return };
        if atoms.iter().any(|known| known.atom == atom.id) {
            return;
        }
        read.get_mut(at(atom.slot.0)).into_iter().for_each(|read| *read = true);
        let (text, value) = (Arc::clone(&atom.text), self.shown(atom.slot, facts));
        atoms.push(TracedAtom { atom: atom.id, text, span: atom.span, tier: atom.tier, value, holds });
    }

    fn shown(&self, slot: SlotIndex, facts: &dyn Facts) -> String {
        let Some(slot) = self.atoms.slot(slot) else { return String::new() };
        with_value(&slot.field, facts, &mut String::new(), shown)
    }
}

fn shown(value: &Value<'_>) -> String {
    let list = |items: &mut dyn Iterator<Item = &str>| {
        let shown: Vec<String> = items.take(8).map(quoted).collect();
        format!("[{}]", shown.join(", "))
    };
    match value {
        Value::Absent => "absent".into(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => quoted(text),
        Value::TextList(items) => list(&mut items.iter().map(|item| &**item)),
        Value::Texts(items) => list(&mut items.iter().map(|item| &**item)),
        Value::Ip(ip) => ip.to_string(),
        Value::Clock(minutes) => format!("{:02}:{:02}", minutes / 60, minutes % 60),
        Value::Weekday(day) => {
            let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
            days.get(usize::from(*day)).map_or_else(|| day.to_string(), |day| (*day).into())
        }
    }
}

fn quoted(text: &str) -> String {
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        format!("a text of {} bytes", text.len())
    } else {
        format!("{text:?}")
    }
}
