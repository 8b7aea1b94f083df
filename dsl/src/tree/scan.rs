//! One pass over a field's text that finds every literal and every pattern any rule looks for in it.

use std::fmt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use regex_automata::meta::{self, Regex};
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::{Input, PatternSet};

use super::gate::{Divided, Gate, GateMemory};
use super::num::{at, small};

/// Up to this many patterns one automaton is the fastest search there is.
pub(super) const GATED_ABOVE: usize = 256;

/// A field's needles: its literals, then its patterns, numbered from `first`.
pub(super) struct Scan {
    first: u32,
    literals: Option<AhoCorasick>,
    /// How many patterns there are: those behind the gate and those of the automaton.
    patterns: u32,
    gate: Option<Gate>,
    automaton: Option<Regex>,
    /// By pattern of the automaton: its place among all patterns.
    places: Box<[u32]>,
}

/// Memory for the hits of one evaluation, reused by the next without being cleared.
#[derive(Debug, Default)]
pub(super) struct Hits {
    /// By needle: the epoch in which it was last found.
    found: Vec<u32>,
    /// The needles found in this evaluation.
    list: Vec<u32>,
    patterns: PatternSetSlot,
    gate: GateMemory,
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
    /// Compiles the needles of one field. Every pattern was compiled by itself before. With more than `gated_above`
    /// patterns, those that begin with a literal are taken out of the automaton.
    pub(super) fn new(
        first: u32,
        literals: &[Arc<str>],
        patterns: &[Arc<str>],
        gated_above: usize,
        bytes_max: usize,
    ) -> Result<Self, ScanError> {
        let literals = (!literals.is_empty())
            .then(|| {
                let texts = literals.iter().map(|text| text.as_bytes());
                AhoCorasickBuilder::new().match_kind(MatchKind::Standard).build(texts)
            })
            .transpose()
            .map_err(|_| ScanError::Literals)?;
        let count = small(patterns.len());
        let divided = if patterns.len() > gated_above {
            Gate::divide(patterns, bytes_max).ok_or(ScanError::Patterns)?
        } else {
            Divided { gate: None, rest: (0..count).collect() }
        };
        let rest: Vec<&str> =
            divided.rest.iter().filter_map(|place| patterns.get(at(*place))).map(|p| &**p).collect();
        let automaton = if rest.is_empty() { None } else { Some(automaton(&rest, bytes_max)?) };
        Ok(Self { first, literals, patterns: count, gate: divided.gate, automaton, places: divided.rest.into() })
    }

    /// How many needles there are.
    pub(super) fn len(&self) -> u32 {
        small(self.literal_count()) + self.patterns
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
        let first = self.first + small(self.literal_count());
        let Hits { found, list, patterns, gate } = hits;
        if let Some(automaton) = &self.automaton {
            let set = patterns.cleared(automaton.pattern_len());
            automaton.which_overlapping_matches(&Input::new(text), set);
            let places = set.iter().filter_map(|pattern| self.places.get(pattern.as_usize()));
            places.for_each(|place| mark(found, list, first + place, epoch));
        }
        if let Some(searched) = &self.gate {
            searched.search(text, gate, |place| mark(found, list, first + place, epoch));
        }
    }
}

fn automaton(patterns: &[&str], bytes_max: usize) -> Result<Regex, ScanError> {
    let config = meta::Config::new()
        .match_kind(regex_automata::MatchKind::All)
        .nfa_size_limit(Some(bytes_max))
        .which_captures(WhichCaptures::None);
    Regex::builder().configure(config).build_many(patterns).map_err(|_| ScanError::Patterns)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATTERNS: [&str; 16] = [
        "^ab",
        "abc",
        "ab+c",
        "^(a|b)b",
        "bc.*a",
        "c$",
        "^$",
        "a{2,3}b",
        "(?i)abc",
        r"\bab",
        "[ab]bc",
        "x*",
        "^abc$",
        "(?m)^bc",
        "(abc|bca|cab)a",
        "éab",
    ];

    proptest! {
        #[test]
        fn gated_or_not_finds_what_each_pattern_finds(
            chosen in proptest::sample::subsequence(PATTERNS.to_vec(), 0..16),
            literals in proptest::collection::hash_set("[abc]{1,3}", 0..4),
            text in "[abcé\nA]{0,12}",
            gated_above in prop_oneof![Just(0), Just(100)],
        ) {
            let literals: Vec<Arc<str>> = literals.iter().map(|text| text.as_str().into()).collect();
            let patterns: Vec<Arc<str>> = chosen.iter().map(|pattern| (*pattern).into()).collect();
            let Ok(scan) = Scan::new(7, &literals, &patterns, gated_above, 1 << 20) else { panic!("all are small") };
            let mut hits = Hits::default();
            hits.begin(7 + scan.len());
            scan.run(&text, 4, &mut hits);
            let holds = literals.iter().map(|literal| text.contains(&**literal));
            let holds = holds.chain(patterns.iter().map(|pattern| Regex::new(pattern).unwrap().is_match(&text)));
            let wanted: Vec<u32> = (7..).zip(holds).filter(|(_, holds)| *holds).map(|(needle, _)| needle).collect();
            let mut found = hits.list().to_vec();
            found.sort_unstable();
            prop_assert_eq!(found, wanted);
        }
    }
}
