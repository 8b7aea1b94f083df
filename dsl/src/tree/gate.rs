//! Patterns that can only match where one of a few literals stands: searched one by one, after the literal.
//!
//! One automaton over thousands of patterns needs states as large as their number. Most patterns people write
//! begin with a literal (`^/v1/team-7/…`), and one pass for all literals leaves few patterns to try.

use std::fmt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use regex_automata::Input;
use regex_automata::nfa::thompson::backtrack::{self, BoundedBacktracker};
use regex_automata::nfa::thompson::pikevm::{self, PikeVM};
use regex_automata::nfa::thompson::{Compiler, Config, NFA, WhichCaptures};
use regex_automata::util::syntax;
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, Look};

use super::groups::Groups;
use super::num::{at, small};

/// Literals of one pattern at most; more say too little.
const LITERALS_MAX: usize = 16;

/// Bytes of a literal that may stand anywhere, at least: shorter ones are in every text.
const FLOATING_MIN: usize = 3;

/// Some of a field's patterns.
pub(super) struct Gate {
    literals: AhoCorasick,
    /// By literal: the patterns, by their place in `gated`, that can match where it stands.
    behind: Groups,
    gated: Box<[Gated]>,
}

/// A pattern behind the gate.
struct Gated {
    /// Its place among the field's patterns.
    pattern: u32,
    backtracker: BoundedBacktracker,
    /// For texts that are too long for the backtracker.
    pikevm: PikeVM,
}

/// Memory for one search, reused by the next.
#[derive(Debug, Default)]
pub(super) struct GateMemory {
    backtracker: Option<backtrack::Cache>,
    pikevm: Option<pikevm::Cache>,
    /// Patterns behind the literals found.
    candidates: Vec<u32>,
}

/// A field's patterns, divided.
pub(super) struct Divided {
    pub(super) gate: Option<Gate>,
    /// The patterns without a literal, by their place.
    pub(super) rest: Vec<u32>,
}

// === impl Gate ===

impl Gate {
    /// Takes the patterns with literals out of all; `None` when together they are larger than `limit` bytes.
    pub(super) fn divide(patterns: &[Arc<str>], limit: usize) -> Option<Divided> {
        let (mut texts, mut behind, mut gated, mut rest) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut bytes = 0_usize;
        for (place, source) in (0..).zip(patterns) {
            let hir = syntax::parse(source).ok()?;
            let Some(literals) = literals(&hir) else {
                rest.push(place);
                continue;
            };
            let nfa = compile(&hir, limit)?;
            bytes = bytes.saturating_add(nfa.memory_usage());
            if bytes > limit {
                return None;
            }
            for literal in literals {
                texts.push(literal);
                behind.push(vec![small(gated.len())]);
            }
            gated.push(Gated {
                pattern: place,
                backtracker: BoundedBacktracker::builder().build_from_nfa(nfa.clone()).ok()?,
                pikevm: PikeVM::builder().build_from_nfa(nfa).ok()?,
            });
        }
        if gated.is_empty() {
            return Some(Divided { gate: None, rest });
        }
        let literals = AhoCorasickBuilder::new().match_kind(MatchKind::Standard).build(&texts).ok()?;
        let gate = Self { literals, behind: Groups::new(behind), gated: gated.into() };
        Some(Divided { gate: Some(gate), rest })
    }

    /// Calls `hit` with the place of every pattern that matches, once.
    pub(super) fn search(&self, text: &str, memory: &mut GateMemory, mut hit: impl FnMut(u32)) {
        let GateMemory { backtracker, pikevm, candidates } = memory;
        candidates.clear();
        for found in self.literals.find_overlapping_iter(text) {
            candidates.extend(self.behind.list(found.pattern().as_u32()));
            // A text may repeat literals over and over; at least half of the list is dropped each time.
            if candidates.len() > self.gated.len() * 2 {
                candidates.sort_unstable();
                candidates.dedup();
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        for gated in candidates.iter().filter_map(|place| self.gated.get(at(*place))) {
            if gated.matches(text, backtracker, pikevm) {
                hit(gated.pattern);
            }
        }
    }
}

/// The literals with which every match of a pattern begins, where there are few and they say enough.
fn literals(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let anchored = hir.properties().look_set_prefix().contains(Look::Start);
    let shortest = if anchored { 1 } else { FLOATING_MIN };
    let found = Extractor::new().extract(hir);
    let literals: Vec<Vec<u8>> = found.literals()?.iter().map(|literal| literal.as_bytes().to_vec()).collect();
    let selective = !literals.is_empty() && literals.iter().all(|literal| literal.len() >= shortest);
    (selective && literals.len() <= LITERALS_MAX).then_some(literals)
}

fn compile(hir: &Hir, limit: usize) -> Option<NFA> {
    let config = Config::new().nfa_size_limit(Some(limit)).which_captures(WhichCaptures::None);
    Compiler::new().configure(config).build_from_hir(hir).ok()
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("patterns", &self.gated.len()).finish_non_exhaustive()
    }
}

// === impl Gated ===

impl Gated {
    fn matches(
        &self,
        text: &str,
        backtracker: &mut Option<backtrack::Cache>,
        pikevm: &mut Option<pikevm::Cache>,
    ) -> bool {
        if text.len() <= self.backtracker.max_haystack_len() {
            let cache = backtracker.get_or_insert_with(|| self.backtracker.create_cache());
            cache.reset(&self.backtracker);
            if let Ok(matches) = self.backtracker.try_is_match(cache, Input::new(text)) {
                return matches;
            }
        }
        let cache = pikevm.get_or_insert_with(|| self.pikevm.create_cache());
        cache.reset(&self.pikevm);
        self.pikevm.is_match(cache, Input::new(text))
    }
}
