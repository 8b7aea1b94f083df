//! The shapes of a `like` text: `*` is any run of characters, `?` is one character, the whole text must fit.

use std::sync::Arc;

/// A glob by the structure that answers it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Glob {
    /// Only stars.
    Any,
    /// No star and no question mark.
    Exact(Arc<str>),
    /// `x*`
    Prefix(Arc<str>),
    /// `*x`
    Suffix(Arc<str>),
    /// `*x*`
    Contains(Arc<str>),
    /// Anything else, as a regular expression.
    Other {
        /// Its source.
        pattern: Arc<str>,
        /// Runs of stars.
        stars: u32,
    },
}

// === impl Glob ===

impl Glob {
    pub(super) fn parse(glob: &str) -> Self {
        let inner = glob.trim_matches('*');
        if inner.contains(['*', '?']) {
            return Self::pattern(glob);
        }
        match (inner.is_empty(), glob.starts_with('*'), glob.ends_with('*')) {
            (true, true, _) => Self::Any,
            (_, false, false) => Self::Exact(inner.into()),
            (_, false, true) => Self::Prefix(inner.into()),
            (_, true, false) => Self::Suffix(inner.into()),
            (false, true, true) => Self::Contains(inner.into()),
        }
    }

    /// How many runs of stars have to be searched for.
    pub(super) fn stars(&self) -> u32 {
        match self {
            Self::Other { stars, .. } => *stars,
            Self::Any | Self::Exact(_) | Self::Prefix(_) | Self::Suffix(_) | Self::Contains(_) => 0,
        }
    }

    fn pattern(glob: &str) -> Self {
        let mut pattern = String::with_capacity(glob.len() + 16);
        let mut stars = 0;
        let mut after_star = false;
        pattern.push_str(r"(?s)\A");
        for c in glob.chars() {
            match c {
                '*' if after_star => {}
                '*' => {
                    stars += 1;
                    pattern.push_str(".*");
                }
                '?' => pattern.push('.'),
                c => {
                    if is_meta(c) {
                        pattern.push('\\');
                    }
                    pattern.push(c);
                }
            }
            after_star = c == '*';
        }
        pattern.push_str(r"\z");
        Self::Other { pattern: pattern.into(), stars }
    }
}

/// What means something in a regular expression: <https://docs.rs/regex-syntax/latest/regex_syntax/fn.is_meta_character.html>.
fn is_meta(c: char) -> bool {
    matches!(
        c,
        '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' | '#' | '&' | '-' | '~'
    )
}
