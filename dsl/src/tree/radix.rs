//! All texts of a set that an unknown text begins with, in one walk along it.
//!
//! A byte trie whose chains are one node each. Read from the end it answers what a text ends with.

use std::sync::Arc;

use super::num::{at, small};

/// Distinct texts, numbered in the order they were handed in.
#[derive(Debug, Default)]
pub(super) struct Radix {
    nodes: Box<[Node]>,
    /// By node: the first byte of its edge, by which its parent finds it.
    firsts: Box<[u8]>,
    /// The bytes of all edges.
    edges: Box<[u8]>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Where its edge is in `edges`; for every node but the root without the first byte.
    edge: (u32, u32),
    /// The text that ends here.
    text: Option<u32>,
    /// Its children: a run of nodes in ascending order of their first bytes.
    children: (u32, u32),
}

/// A run of sorted texts that share their first `depth` bytes, and the node to be made for it.
struct Run {
    from: usize,
    to: usize,
    depth: usize,
}

// === impl Radix ===

impl Radix {
    /// A trie that is read from the front; the texts must differ.
    pub(super) fn forward(texts: &[Arc<str>]) -> Self {
        Self::new(texts.iter().map(|text| text.bytes().collect()))
    }

    /// A trie that is read from the end; the texts must differ.
    pub(super) fn backward(texts: &[Arc<str>]) -> Self {
        Self::new(texts.iter().map(|text| text.bytes().rev().collect()))
    }

    fn new(texts: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut texts: Vec<(Vec<u8>, u32)> = texts.zip(0..).collect();
        if texts.is_empty() {
            return Self::default();
        }
        texts.sort_unstable();
        let (mut nodes, mut firsts, mut edges) = (Vec::new(), vec![0], Vec::new());
        // Breadth first, so that the children of a node are one run.
        let mut runs = std::collections::VecDeque::from([Run { from: 0, to: texts.len(), depth: 0 }]);
        while let Some(mut run) = runs.pop_front() {
            let end = run.shared(&texts);
            let start = small(edges.len());
            edges.extend(run.first(&texts).get(run.depth..end).unwrap_or_default());
            let text = texts.get(run.from).filter(|(text, _)| text.len() == end).map(|(_, number)| *number);
            run.from += usize::from(text.is_some());
            let first_child = firsts.len();
            while let Some(byte) = run.first(&texts).get(end).copied().filter(|_| run.from < run.to) {
                let rest = texts.get(run.from..run.to).unwrap_or_default();
                let to = run.from + rest.partition_point(|(text, _)| text.get(end).is_some_and(|b| *b <= byte));
                firsts.push(byte);
                runs.push_back(Run { from: run.from, to, depth: end + 1 });
                run.from = to;
            }
            let children = (small(first_child), small(firsts.len()));
            nodes.push(Node { edge: (start, small(edges.len())), text, children });
        }
        Self { nodes: nodes.into(), firsts: firsts.into(), edges: edges.into() }
    }

    /// Calls `hit` with the number of every text that `bytes` begins with, shortest first.
    pub(super) fn prefixes(&self, mut bytes: impl Iterator<Item = u8>, mut hit: impl FnMut(u32)) {
        let mut next = self.nodes.first();
        while let Some(node) = next {
            let edge = self.edges.get(at(node.edge.0)..at(node.edge.1)).unwrap_or_default();
            if !edge.iter().all(|byte| bytes.next() == Some(*byte)) {
                return;
            }
            if let Some(text) = node.text {
                hit(text);
            }
            let Some(byte) = bytes.next() else { return };
            let children = self.firsts.get(at(node.children.0)..at(node.children.1)).unwrap_or_default();
            let child = children.binary_search(&byte).ok();
            next = child.and_then(|child| self.nodes.get(at(node.children.0) + child));
        }
    }
}

// === impl Run ===

impl Run {
    fn first<'t>(&self, texts: &'t [(Vec<u8>, u32)]) -> &'t [u8] {
        texts.get(self.from).map_or(&[], |(text, _)| text)
    }

    /// How many first bytes all texts of the run share: as many as the first and the last do.
    fn shared(&self, texts: &[(Vec<u8>, u32)]) -> usize {
        let last = self.to.checked_sub(1).and_then(|last| texts.get(last)).map_or(&[][..], |(text, _)| text);
        self.first(texts).iter().zip(last).take_while(|(a, b)| a == b).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(trie: &Radix, bytes: impl Iterator<Item = u8>) -> Vec<u32> {
        let mut found = Vec::new();
        trie.prefixes(bytes, |text| found.push(text));
        found.sort_unstable();
        found
    }

    proptest! {
        #[test]
        fn finds_all_prefixes_and_suffixes(
            texts in proptest::collection::hash_set("[ab/é]{0,6}", 0..24),
            asked in "[ab/é]{0,10}",
        ) {
            let texts: Vec<Arc<str>> = texts.iter().map(|text| text.as_str().into()).collect();
            let naive = |holds: &dyn Fn(&str) -> bool| -> Vec<u32> {
                (0..).zip(&texts).filter(|(_, text)| holds(text)).map(|(number, _)| number).collect()
            };
            prop_assert_eq!(found(&Radix::forward(&texts), asked.bytes()), naive(&|t| asked.starts_with(t)));
            prop_assert_eq!(found(&Radix::backward(&texts), asked.bytes().rev()), naive(&|t| asked.ends_with(t)));
        }
    }
}
