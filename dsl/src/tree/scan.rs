//! One pass over a field's text that finds every literal and every pattern any rule looks for in it.

use std::fmt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use regex_automata::meta::{self, Regex};
use regex_automata::{Input, PatternSet};

use super::limits::Limits;
use super::num::{at, small};

/// A field's needles: its literals, then its patterns, numbered from `first`.
pub(super) struct Scan {
    first: u32,
    literals: Option<AhoCorasick>,
    patterns: Option<Regex>,
}

/// Memory for the hits of one evaluation, reused by the next without being cleared.
#[derive(Debug, Default)]
pub(super) struct Hits {
    /// By needle: the epoch in which it was last found.
    found: Vec<u32>,
    /// The needles found in this evaluation.
    list: Vec<u32>,
    patterns: PatternSetSlot,
}

/// A pattern set that is made when the first pattern is searched for.
#[derive(Debug, Default)]
struct PatternSetSlot(Option<PatternSet>);

/// Why a [`Scan`] could not be built.
pub(super) enum ScanError {
    /// The literals' automaton is larger than its numbers can count.
    Literals,
    /// The patterns' automaton is larger than the limit.
    Patterns,
}

// === impl Scan ===

impl Scan {
    /// Compiles the needles of one field. Every pattern was compiled by itself before.
    pub(super) fn new(
        first: u32,
        literals: &[Arc<str>],
        patterns: &[Arc<str>],
        limits: &Limits,
    ) -> Result<Self, ScanError> {
        let literals = (!literals.is_empty())
            .then(|| {
                AhoCorasickBuilder::new()
                    .match_kind(MatchKind::Standard)
                    .build(literals.iter().map(|text| text.as_bytes()))
            })
            .transpose()
            .map_err(|_| ScanError::Literals)?;
        let config = meta::Config::new()
            .match_kind(regex_automata::MatchKind::All)
            .nfa_size_limit(Some(limits.regex_bytes_per_field))
            .which_captures(regex_automata::nfa::thompson::WhichCaptures::None);
        let patterns = match patterns {
            [] => None,
            some => Some(Regex::builder().configure(config).build_many(some).map_err(|_| ScanError::Patterns)?),
        };
        Ok(Self { first, literals, patterns })
    }

    /// How many needles there are.
    pub(super) fn len(&self) -> u32 {
        small(self.literal_count() + self.patterns.as_ref().map_or(0, Regex::pattern_len))
    }

    fn literal_count(&self) -> usize {
        self.literals.as_ref().map_or(0, AhoCorasick::patterns_len)
    }

    /// The number of its first needle.
    pub(super) fn first(&self) -> u32 {
        self.first
    }

    /// Marks every needle that is in `text` as found in this epoch.
    pub(super) fn run(&self, text: &str, epoch: u32, hits: &mut Hits) {
        if let Some(literals) = &self.literals {
            for found in literals.find_overlapping_iter(text) {
                hits.mark(self.first + found.pattern().as_u32(), epoch);
            }
        }
        if let Some(patterns) = &self.patterns {
            let set = hits.patterns.cleared(patterns.pattern_len());
            patterns.which_overlapping_matches(&Input::new(text), set);
            let first = self.first + small(self.literal_count());
            let (found, list) = (&mut hits.found, &mut hits.list);
            set.iter().for_each(|pattern| mark(found, list, first + pattern.as_u32(), epoch));
        }
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("first", &self.first).field("needles", &self.len()).finish_non_exhaustive()
    }
}

// === impl Hits ===

impl Hits {
    /// Forgets what was found and makes room for the needles of a tree.
    pub(super) fn begin(&mut self, needles: u32) {
        self.list.clear();
        if self.found.len() < at(needles) {
            self.found.resize(at(needles), 0);
        }
    }

    /// Whether the needle was found in this epoch.
    pub(super) fn has(&self, needle: u32, epoch: u32) -> bool {
        self.found.get(at(needle)) == Some(&epoch)
    }

    /// The needles found in this evaluation, each once.
    pub(super) fn list(&self) -> &[u32] {
        &self.list
    }

    /// Makes every epoch unused again.
    pub(super) fn clear(&mut self) {
        self.found.fill(0);
    }

    fn mark(&mut self, needle: u32, epoch: u32) {
        mark(&mut self.found, &mut self.list, needle, epoch);
    }
}

fn mark(found: &mut [u32], list: &mut Vec<u32>, needle: u32, epoch: u32) {
    if found.get_mut(at(needle)).is_some_and(|last| std::mem::replace(last, epoch) != epoch) {
        list.push(needle);
    }
}

// === impl PatternSetSlot ===

impl PatternSetSlot {
    /// An empty set for at least `count` patterns.
    fn cleared(&mut self, count: usize) -> &mut PatternSet {
        match &mut self.0 {
            Some(set) if set.capacity() >= count => set.clear(),
            slot => *slot = Some(PatternSet::new(count)),
        }
        self.0.get_or_insert_with(|| PatternSet::new(count))
    }
}
