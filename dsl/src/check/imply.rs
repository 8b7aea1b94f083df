//! Tests on texts and lists by pairs: one makes another certain, or impossible.
//!
//! Both answers are sound and not complete: "not known" is `false`.

use std::sync::Arc;

use super::text::{glob_only_prefix, glob_prefix};
use crate::hir::{Constant, Test};

/// Whether these tests (and complements) of one present value contradict each other.
pub(super) fn contradict(tests: &[(&Test, bool)]) -> bool {
    let positives = || tests.iter().filter(|(_, positive)| *positive).map(|(test, _)| *test);
    let negatives = || tests.iter().filter(|(_, positive)| !positive).map(|(test, _)| *test);
    if negatives().any(is_certain) || positives().any(is_impossible) {
        return true;
    }
    positives().any(|p| negatives().any(|n| implies(p, n)))
        || positives().enumerate().any(|(i, p)| positives().skip(i + 1).any(|q| disjoint(p, q)))
}

/// Holds for every text.
fn is_certain(test: &Test) -> bool {
    match test {
        Test::Present => true,
        Test::Like(glob) => !glob.is_empty() && glob.chars().all(|c| c == '*'),
        Test::Matches(pattern) => pattern.is_empty(),
        Test::StartsWith(parts) | Test::EndsWith(parts) | Test::ContainsText(parts) => {
            parts.iter().any(|p| p.is_empty())
        }
        Test::ContainsAllText(parts) => parts.iter().all(|p| p.is_empty()),
        Test::HasAll(members) => members.is_empty(),
        Test::IsTrue | Test::Eq(_) | Test::Order(..) | Test::Within(..) | Test::In(_) | Test::HasAny(_) => false,
    }
}

/// Holds for no text.
fn is_impossible(test: &Test) -> bool {
    match test {
        Test::StartsWith(parts) | Test::EndsWith(parts) | Test::ContainsText(parts) => parts.is_empty(),
        Test::HasAny(members) => members.is_empty(),
        Test::Present
        | Test::IsTrue
        | Test::Eq(_)
        | Test::Order(..)
        | Test::Within(..)
        | Test::In(_)
        | Test::Like(_)
        | Test::Matches(_)
        | Test::ContainsAllText(_)
        | Test::HasAll(_) => false,
    }
}

/// Whether every value that meets `p` meets `q`.
fn implies(p: &Test, q: &Test) -> bool {
    if p == q || *q == Test::Present {
        return true;
    }
    if let (Test::HasAny(_) | Test::HasAll(_), Test::HasAny(_) | Test::HasAll(_)) = (p, q) {
        return members_imply(p, q);
    }
    match q {
        Test::StartsWith(texts) => starts(p).is_some_and(|own| own.iter().all(|s| any(texts, |t| s.starts_with(t)))),
        Test::EndsWith(texts) => ends(p).is_some_and(|own| own.iter().all(|s| any(texts, |t| s.ends_with(t)))),
        Test::ContainsText(texts) => contains(p, texts),
        Test::ContainsAllText(texts) => texts.iter().all(|t| contains(p, std::slice::from_ref(t))),
        Test::Like(glob) => {
            let prefix = glob_only_prefix(glob);
            let by_prefix =
                prefix.is_some_and(|prefix| starts(p).is_some_and(|own| own.iter().all(|s| s.starts_with(prefix))));
            let suffix = glob.strip_prefix('*').filter(|s| !s.contains(['*', '?']));
            by_prefix
                || suffix.is_some_and(|suffix| ends(p).is_some_and(|own| own.iter().all(|s| s.ends_with(suffix))))
        }
        Test::Present
        | Test::IsTrue
        | Test::Eq(_)
        | Test::Order(..)
        | Test::Within(..)
        | Test::In(_)
        | Test::Matches(_)
        | Test::HasAny(_)
        | Test::HasAll(_) => false,
    }
}

fn any(texts: &[Arc<str>], hit: impl Fn(&str) -> bool) -> bool {
    texts.iter().any(|t| hit(t))
}

/// Texts with one of which every value that meets `p` begins.
fn starts(p: &Test) -> Option<Vec<&str>> {
    match p {
        Test::StartsWith(texts) => Some(texts.iter().map(AsRef::as_ref).collect()),
        Test::Like(glob) => Some(vec![glob_prefix(glob)]),
        Test::Present
        | Test::IsTrue
        | Test::Eq(_)
        | Test::Order(..)
        | Test::Within(..)
        | Test::In(_)
        | Test::Matches(_)
        | Test::EndsWith(_)
        | Test::ContainsText(_)
        | Test::ContainsAllText(_)
        | Test::HasAny(_)
        | Test::HasAll(_) => None,
    }
}

/// Texts with one of which every value that meets `p` ends.
fn ends(p: &Test) -> Option<Vec<&str>> {
    match p {
        Test::EndsWith(texts) => Some(texts.iter().map(AsRef::as_ref).collect()),
        Test::Like(glob) => Some(vec![glob.rsplit(['*', '?']).next().unwrap_or_default()]),
        Test::Present
        | Test::IsTrue
        | Test::Eq(_)
        | Test::Order(..)
        | Test::Within(..)
        | Test::In(_)
        | Test::Matches(_)
        | Test::StartsWith(_)
        | Test::ContainsText(_)
        | Test::ContainsAllText(_)
        | Test::HasAny(_)
        | Test::HasAll(_) => None,
    }
}

/// Whether every value that meets `p` contains one of the texts.
fn contains(p: &Test, texts: &[Arc<str>]) -> bool {
    let has = |s: &str| any(texts, |t| s.contains(t));
    match p {
        Test::StartsWith(own) | Test::EndsWith(own) | Test::ContainsText(own) => own.iter().all(|s| has(s)),
        Test::ContainsAllText(own) => own.iter().any(|s| has(s)),
        Test::Like(glob) => glob.split(['*', '?']).any(has),
        Test::Present
        | Test::IsTrue
        | Test::Eq(_)
        | Test::Order(..)
        | Test::Within(..)
        | Test::In(_)
        | Test::Matches(_)
        | Test::HasAny(_)
        | Test::HasAll(_) => false,
    }
}

fn members_imply(p: &Test, q: &Test) -> bool {
    let within = |few: &[Constant], many: &[Constant]| few.iter().all(|m| many.contains(m));
    match (p, q) {
        (Test::HasAny(own), Test::HasAny(wanted)) => within(own, wanted),
        (Test::HasAll(own), Test::HasAny(wanted)) => own.iter().any(|m| wanted.contains(m)),
        (Test::HasAll(own), Test::HasAll(wanted)) => within(wanted, own),
        (Test::HasAny(own), Test::HasAll(wanted)) => own.len() == 1 && within(wanted, own),
        (_, _) => false,
    }
}

/// Whether no value meets both.
fn disjoint(p: &Test, q: &Test) -> bool {
    let apart = |a: &[&str], b: &[&str], fit: fn(&str, &str) -> bool| {
        a.iter().all(|x| b.iter().all(|y| !fit(x, y) && !fit(y, x)))
    };
    let by_start = match (starts(p), starts(q)) {
        (Some(a), Some(b)) => apart(&a, &b, |x, y| x.starts_with(y)),
        (_, _) => false,
    };
    let by_end = match (ends(p), ends(q)) {
        (Some(a), Some(b)) => apart(&a, &b, |x, y| x.ends_with(y)),
        (_, _) => false,
    };
    by_start || by_end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts_with(text: &str) -> Test {
        Test::StartsWith(vec![text.into()])
    }

    #[test]
    fn prefixes() {
        assert!(implies(&starts_with("/v1/chat"), &starts_with("/v1/")));
        assert!(!implies(&starts_with("/v1/"), &starts_with("/v1/chat")));
        assert!(implies(&starts_with("gpt-4"), &Test::Like("gpt-*".into())));
        assert!(disjoint(&starts_with("/a"), &starts_with("/b")));
        assert!(!disjoint(&starts_with("/a"), &starts_with("/ab")));
        assert!(disjoint(&Test::Like("*-mini".into()), &Test::EndsWith(vec!["-large".into()])));
    }

    #[test]
    fn certain_and_impossible() {
        assert!(contradict(&[(&Test::Like("*".into()), false)]));
        assert!(!contradict(&[(&Test::Like("".into()), false)]));
        assert!(contradict(&[(&Test::HasAny(Vec::new()), true)]));
    }
}
