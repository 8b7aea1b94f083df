//! Patterns on texts: regular expressions within their limits, globs.

use regex_automata::nfa::thompson;
use regex_automata::util::syntax;

use crate::compile::Limits;
use crate::diag::{Code, Diagnostic};
use crate::span::Span;

/// What is known about a regular expression that compiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct RegexFacts {
    /// It can match only at the beginning of the text.
    pub(super) anchored: bool,
    /// It matches every text.
    pub(super) matches_empty: bool,
}

/// Compiles a pattern within its limits; `span` is the literal.
pub(super) fn regex(pattern: &str, span: Span, limits: &Limits) -> Result<RegexFacts, Box<Diagnostic>> {
    if pattern.len() > limits.regex_bytes {
        let message = format!("this pattern has {} bytes, more than {}", pattern.len(), limits.regex_bytes);
        let problem = Diagnostic::new(Code::E0306, span, message);
        return Err(Box::new(problem.help("use a `list` with `contains any` for many words")));
    }
    let tree = syntax::parse(pattern).map_err(|e| Box::new(bad_regex(&e, pattern, span)))?;
    let config = thompson::Config::new().nfa_size_limit(Some(limits.regex_compiled_bytes));
    let built = thompson::Compiler::new().configure(config).build_from_hir(&tree);
    if let Err(e) = built {
        let problem = Diagnostic::new(Code::E0306, span, "this pattern is too large when compiled");
        return Err(Box::new(match e.size_limit() {
            Some(limit) => problem.label(format!("more than {limit} bytes")).help("lower the counts in `{…}`"),
            None => problem.help("make it simpler"),
        }));
    }
    let looks = tree.properties().look_set_prefix();
    // `\A`, also written `^` without `(?m)`.
    let anchored = looks.contains(regex_syntax::hir::Look::Start);
    Ok(RegexFacts { anchored, matches_empty: pattern.is_empty() })
}

fn bad_regex(error: &regex_syntax::Error, pattern: &str, span: Span) -> Diagnostic {
    let why = match error {
        regex_syntax::Error::Parse(e) => e.kind().to_string(),
        regex_syntax::Error::Translate(e) => e.kind().to_string(),
        _ => "it cannot be read".to_owned(),
    };
    let problem = Diagnostic::new(Code::E0305, span, format!("bad regular expression: {why}"));
    let around = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|look| pattern.contains(look));
    if around {
        return problem
            .help("there is no look-around: patterns run in linear time; use `and not … matches …` instead");
    }
    problem.help("syntax: https://docs.rs/regex/latest/regex/#syntax")
}

/// Glob on the whole text: `*` any run, `?` one character. Quadratic at worst, on short constants only.
pub(super) fn glob_matches(glob: &str, text: &str) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut g, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, t));
                g += 1;
            }
            Some(c) if *c == '?' || Some(c) == text.get(t) => {
                g += 1;
                t += 1;
            }
            Some(_) | None => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    g = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    glob.iter().skip(g).all(|c| *c == '*')
}

/// The literal text before the first wildcard.
pub(super) fn glob_prefix(glob: &str) -> &str {
    glob.split(['*', '?']).next().unwrap_or_default()
}

/// `prefix*` and nothing else: the prefix.
pub(super) fn glob_only_prefix(glob: &str) -> Option<&str> {
    glob.strip_suffix('*').filter(|p| !p.contains(['*', '?']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (glob, text, hit) in [
            ("gpt-*", "gpt-4o", true),
            ("gpt-*", "gpt", false),
            ("*-mini", "gpt-4o-mini", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "ba", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(glob_matches(glob, text), hit, "{glob} {text}");
        }
    }

    #[test]
    fn anchors_are_seen() {
        let limits = Limits::default();
        let facts = |p| regex(p, Span::default(), &limits).unwrap();
        assert!(facts("^/v1").anchored);
        assert!(facts("(?i)^/v1").anchored);
        assert!(!facts("/v1|^/v2").anchored);
        assert!(regex("(?=a)", Span::default(), &limits).is_err());
        assert_eq!(regex("(a{1000}){1000}", Span::default(), &limits).unwrap_err().code, Code::E0306);
    }
}
