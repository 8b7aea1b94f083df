//! Turns the set's tests into compiled ones: picks the form that can be indexed and checks the limits.

use std::collections::HashMap;
use std::sync::Arc;

use regex_automata::nfa::thompson;
use regex_automata::util::syntax;

use crate::hir::{self, AtomId, Constant, FieldId, Hir, ListId, ListItems, Tier};

use super::atom::{Atom, AtomIndex, Atoms, Set, SetIndex, Slot, SlotIndex, Test};
use super::glob::Glob;
use super::limits::{BuildError, Limits};
use super::networks::Networks;
use super::num::{at, small};
use super::scan::{GATED_ABOVE, Scan, ScanError};
use super::value::{Number, Range};

/// A pattern this short without counted repetition cannot pass any sensible limit: the largest class of a
/// character or two compiles to some twenty kilobytes.
const SURELY_SMALL: usize = 48;

/// Collects the tests that a policy's conditions mention.
#[derive(Debug)]
pub(super) struct AtomsBuilder<'h> {
    hir: &'h Hir,
    limits: &'h Limits,
    by_id: HashMap<AtomId, AtomIndex>,
    atoms: Vec<Atom>,
    slot_by_id: HashMap<FieldId, SlotIndex>,
    slots: Vec<Slot>,
    needles: Vec<Needles>,
    set_by_id: HashMap<ListId, SetIndex>,
    sets: Vec<Set>,
}

/// What is looked for in one field.
#[derive(Debug, Default)]
struct Needles {
    literals: Distinct,
    patterns: Distinct,
    /// By pattern: the test that asked for it first.
    asked_by: Vec<AtomIndex>,
}

#[derive(Debug, Default)]
struct Distinct {
    index: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

// === impl AtomsBuilder ===

impl<'h> AtomsBuilder<'h> {
    pub(super) fn new(hir: &'h Hir, limits: &'h Limits) -> Self {
        Self {
            hir,
            limits,
            by_id: HashMap::new(),
            atoms: Vec::new(),
            slot_by_id: HashMap::new(),
            slots: Vec::new(),
            needles: Vec::new(),
            set_by_id: HashMap::new(),
            sets: Vec::new(),
        }
    }

    /// The compiled form of a test, made at its first mention.
    pub(super) fn intern(&mut self, id: AtomId) -> Result<AtomIndex, BuildError> {
        if let Some(known) = self.by_id.get(&id) {
            return Ok(*known);
        }
        let hir = self.hir;
        let source = hir.atoms.get(at(id.0)).ok_or(BuildError::Dangling { what: "atom", id: id.0 })?;
        let slot = self.slot(source.field)?;
        let index = AtomIndex(small(self.atoms.len()));
        let test = self.test(source, slot, index)?;
        let tier = self.slots.get(at(slot.0)).map_or(Tier::Head, |slot| slot.field.tier);
        self.atoms.push(Atom {
            slot,
            tier,
            test,
            filed: false,
            id,
            text: Arc::clone(&source.text),
            span: source.span,
        });
        self.by_id.insert(id, index);
        Ok(index)
    }

    /// The order in which tests of one condition are tried.
    pub(super) fn cost(&self, atom: AtomIndex) -> (Tier, u32) {
        self.atoms.get(at(atom.0)).map_or((Tier::Head, 0), |atom| {
            let cost = match &atom.test {
                Test::Never | Test::Present | Test::AnyText | Test::Bool(_) => 1,
                Test::Text(_) | Test::Address(_) | Test::Number(_) => 2,
                Test::In(_) | Test::Prefix(_) | Test::Suffix(_) => 3,
                Test::HasAny(_) | Test::HasAll(_) => 4,
                Test::Needles { .. } => 16,
            };
            (atom.tier, cost)
        })
    }

    fn slot(&mut self, id: FieldId) -> Result<SlotIndex, BuildError> {
        if let Some(known) = self.slot_by_id.get(&id) {
            return Ok(*known);
        }
        let field = self.hir.fields.get(at(id.0)).ok_or(BuildError::Dangling { what: "field", id: id.0 })?;
        let slot = SlotIndex(small(self.slots.len()));
        self.slots.push(Slot { id, field: field.clone(), scan: None });
        self.needles.push(Needles::default());
        self.slot_by_id.insert(id, slot);
        Ok(slot)
    }

    fn set(&mut self, id: ListId) -> Result<SetIndex, BuildError> {
        if let Some(known) = self.set_by_id.get(&id) {
            return Ok(*known);
        }
        let list = self.hir.lists.get(at(id.0)).ok_or(BuildError::Dangling { what: "list", id: id.0 })?;
        let index = SetIndex(small(self.sets.len()));
        self.sets.push(Set::new(&list.items));
        self.set_by_id.insert(id, index);
        Ok(index)
    }

    fn test(&mut self, atom: &hir::Atom, slot: SlotIndex, index: AtomIndex) -> Result<Test, BuildError> {
        Ok(match &atom.test {
            hir::Test::Present => Test::Present,
            hir::Test::IsTrue => Test::Bool(true),
            hir::Test::Eq(constant) => equal(constant),
            hir::Test::Order(op, bound) => {
                Number::of(bound).map_or(Test::Never, |bound| Test::Number(Range::order(*op, bound)))
            }
            hir::Test::Within(low, high) => match (Number::of(low), Number::of(high)) {
                (Some(low), Some(high)) => Test::Number(Range { low: Some((low, true)), high: Some((high, true)) }),
                (Some(_) | None, _) => Test::Never,
            },
            hir::Test::In(list) => Test::In(self.set(*list)?),
            hir::Test::Like(glob) => self.glob(atom, glob, slot, index)?,
            hir::Test::Matches(source) => {
                self.check_pattern(atom, source)?;
                self.pattern(slot, source, index)
            }
            hir::Test::StartsWith(any) => Test::Prefix(any.iter().cloned().collect()),
            hir::Test::EndsWith(any) => Test::Suffix(any.iter().cloned().collect()),
            hir::Test::ContainsText(any) => self.literals(slot, any, false),
            hir::Test::ContainsAllText(all) => self.literals(slot, all, true),
            hir::Test::HasAny(any) => Test::HasAny(any.iter().filter_map(text_of).collect()),
            hir::Test::HasAll(all) => {
                let texts: Box<[Arc<str>]> = all.iter().filter_map(text_of).collect();
                // Lists hold texts: one that should also hold something else does not exist.
                if texts.len() == all.len() { Test::HasAll(texts) } else { Test::Never }
            }
        })
    }

    /// Prefers the indexed form of a glob; a star or question mark in its middle makes it a pattern.
    fn glob(&mut self, atom: &hir::Atom, glob: &str, slot: SlotIndex, by: AtomIndex) -> Result<Test, BuildError> {
        let glob = Glob::parse(glob);
        if glob.stars() > self.limits.glob_stars {
            let limit = self.limits.glob_stars;
            return Err(BuildError::TooManyStars { atom: Arc::clone(&atom.text), span: atom.span, limit });
        }
        Ok(match glob {
            Glob::Any => Test::AnyText,
            Glob::Exact(text) => Test::Text(text),
            Glob::Prefix(text) => Test::Prefix([text].into()),
            Glob::Suffix(text) => Test::Suffix([text].into()),
            Glob::Contains(text) => self.literals(slot, &[text], false),
            Glob::Other { pattern, .. } => {
                self.check_pattern(atom, &pattern)?;
                self.pattern(slot, &pattern, by)
            }
        })
    }

    fn literals(&mut self, slot: SlotIndex, wanted: &[Arc<str>], all: bool) -> Test {
        // The empty text is in every text.
        let empty = wanted.iter().filter(|text| text.is_empty()).count();
        if empty > 0 && (!all || empty == wanted.len()) {
            return Test::AnyText;
        }
        let Some(needles) = self.needles.get_mut(at(slot.0)) else { return Test::Never };
        if wanted.is_empty() && all {
            return Test::AnyText;
        }
        let found = wanted.iter().filter(|text| !text.is_empty()).map(|text| literal(needles.literals.add(text)));
        Test::Needles { needles: found.collect(), all }
    }

    fn pattern(&mut self, slot: SlotIndex, source: &Arc<str>, by: AtomIndex) -> Test {
        let Some(needles) = self.needles.get_mut(at(slot.0)) else { return Test::Never };
        let place = needles.patterns.add(source);
        if at(place) == needles.asked_by.len() {
            needles.asked_by.push(by);
        }
        Test::Needles { needles: [pattern(place)].into(), all: false }
    }

    fn check_pattern(&self, atom: &hir::Atom, source: &str) -> Result<(), BuildError> {
        let too_large = |limit| BuildError::RegexTooLarge { atom: Arc::clone(&atom.text), span: atom.span, limit };
        let limit = at(self.limits.regex_source_bytes);
        if source.len() > limit {
            return Err(too_large(limit));
        }
        let parsed = syntax::parse(source).map_err(|error| {
            let shown = error.to_string();
            let reason = shown.lines().last().unwrap_or_default().trim_start_matches("error: ").into();
            BuildError::BadRegex { atom: Arc::clone(&atom.text), span: atom.span, reason }
        })?;
        if source.len() <= SURELY_SMALL && !source.contains('{') {
            return Ok(());
        }
        thompson::Compiler::new()
            .configure(one_pattern(self.limits.regex_bytes))
            .build_from_hir(&parsed)
            .map(|_| ())
            .map_err(|_| too_large(self.limits.regex_bytes))
    }

    /// Builds the scans, now that every needle is known.
    pub(super) fn finish(mut self) -> Result<Atoms, BuildError> {
        let mut first = 0;
        let mut bases = Vec::with_capacity(self.slots.len());
        for (slot, needles) in self.slots.iter_mut().zip(&self.needles) {
            bases.push((first, first + small(needles.literals.texts.len())));
            if needles.literals.texts.is_empty() && needles.patterns.texts.is_empty() {
                continue;
            }
            let (literals, patterns) = (&needles.literals.texts, &needles.patterns.texts);
            let scan = Scan::new(first, literals, patterns, GATED_ABOVE, self.limits.regex_bytes_per_field);
            let scan = scan.map_err(|error| match error {
                ScanError::Literals => BuildError::SearchTooLarge {
                    field: Arc::clone(&slot.field.name),
                    count: needles.literals.texts.len(),
                },
                ScanError::Patterns => needles.too_large(&slot.field.name, &self.atoms, self.limits),
            })?;
            first += scan.len();
            slot.scan = Some(scan);
        }
        for atom in &mut self.atoms {
            if let (Test::Needles { needles, .. }, Some(base)) = (&mut atom.test, bases.get(at(atom.slot.0))) {
                needles.iter_mut().for_each(|needle| *needle = global(*needle, *base));
            }
        }
        Ok(Atoms { atoms: self.atoms.into(), slots: self.slots.into(), sets: self.sets.into(), needles: first })
    }
}

/// Until the scans are built, a needle's number is twice its place, plus one for a pattern.
fn literal(place: u32) -> u32 {
    place * 2
}

fn pattern(place: u32) -> u32 {
    place * 2 + 1
}

fn global(needle: u32, (literals, patterns): (u32, u32)) -> u32 {
    let place = needle / 2;
    if needle.is_multiple_of(2) { literals + place } else { patterns + place }
}

fn one_pattern(limit: usize) -> thompson::Config {
    thompson::Config::new().nfa_size_limit(Some(limit)).which_captures(thompson::WhichCaptures::None)
}

fn equal(constant: &Constant) -> Test {
    match constant {
        Constant::Bool(wanted) => Test::Bool(*wanted),
        Constant::Text(wanted) => Test::Text(Arc::clone(wanted)),
        Constant::Ip(ip) => Test::Address(ip.to_canonical()),
        Constant::Int(_) | Constant::Float(_) | Constant::Clock(_) | Constant::Weekday(_) => {
            Number::of(constant).map_or(Test::Never, |n| Test::Number(Range::point(n)))
        }
    }
}

fn text_of(constant: &Constant) -> Option<Arc<str>> {
    match constant {
        Constant::Text(text) => Some(Arc::clone(text)),
        Constant::Bool(_)
        | Constant::Int(_)
        | Constant::Float(_)
        | Constant::Ip(_)
        | Constant::Clock(_)
        | Constant::Weekday(_) => None,
    }
}

// === impl Needles ===

impl Needles {
    /// Finds the pattern with which the bound is passed; they are compiled one by one, only to name it.
    fn too_large(&self, field: &Arc<str>, atoms: &[Atom], limits: &Limits) -> BuildError {
        let limit = limits.regex_bytes_per_field;
        let mut total = 0_usize;
        let mut culprit = self.asked_by.len().saturating_sub(1);
        for (place, source) in self.patterns.texts.iter().enumerate() {
            let nfa = thompson::Compiler::new().configure(one_pattern(limit)).build(source);
            total = nfa.map_or(usize::MAX, |nfa| total.saturating_add(nfa.memory_usage()));
            if total > limit {
                culprit = place;
                break;
            }
        }
        let atom = self.asked_by.get(culprit).and_then(|index| atoms.get(at(index.0)));
        BuildError::FieldRegexesTooLarge {
            field: Arc::clone(field),
            count: self.patterns.texts.len(),
            atom: atom.map_or_else(|| Arc::clone(field), |atom| Arc::clone(&atom.text)),
            span: atom.map(|atom| atom.span).unwrap_or_default(),
            limit,
        }
    }
}

// === impl Distinct ===

impl Distinct {
    fn add(&mut self, text: &Arc<str>) -> u32 {
        if let Some(known) = self.index.get(text) {
            return *known;
        }
        let place = small(self.texts.len());
        self.texts.push(Arc::clone(text));
        self.index.insert(Arc::clone(text), place);
        place
    }
}

// === impl Set ===

impl Set {
    fn new(items: &ListItems) -> Self {
        match items {
            ListItems::Text(items) => Self::Text(items.iter().cloned().collect()),
            ListItems::Net(nets) => {
                Self::Net { networks: Networks::number(nets).networks, nets: nets.clone().into() }
            }
            ListItems::Int(items) => {
                let mut items = items.clone();
                items.sort_unstable();
                items.dedup();
                Self::Int(items.into())
            }
            ListItems::Float(items) => {
                let mut items: Vec<f64> = items.iter().copied().filter(|n| !n.is_nan()).collect();
                items.sort_unstable_by(f64::total_cmp);
                Self::Float(items.into())
            }
        }
    }
}
