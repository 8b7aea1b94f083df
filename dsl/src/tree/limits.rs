//! What a policy may cost to compile, and how it is said that one costs more.

use std::sync::Arc;

use crate::span::Span;

/// Bounds on one compiled policy (`language.md` §16). Every one has a key of the same name in the configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Statements of a policy.
    pub rules: u32,
    /// Atoms of one condition, after `let` and `use` are expanded.
    pub atoms_per_condition: u32,
    /// Conjunctive clauses of one condition; beyond it the condition is kept whole and visited unindexed.
    pub clauses_per_rule: u32,
    /// Source of one regular expression, in bytes.
    pub regex_source_bytes: u32,
    /// One compiled regular expression, in bytes.
    pub regex_bytes: usize,
    /// All compiled regular expressions on one field together, in bytes.
    pub regex_bytes_per_field: usize,
    /// Stars of one glob.
    pub glob_stars: u32,
    /// Policies with fewer clauses than this are read from top to bottom: faster than any index.
    pub linear_below: u32,
}

/// Why a policy cannot be compiled.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The index given for the policy.
    #[error("there is no policy number {index}")]
    NoPolicy {
        /// As asked for.
        index: usize,
    },
    /// Nothing decides when no rule holds.
    #[error("policy `{policy}` has no `default`: add one as its last statement")]
    NoDefault {
        /// Its name.
        policy: Arc<str>,
        /// Its declaration.
        span: Span,
    },
    /// An id without a target: the set was put together by hand, and wrongly.
    #[error("{what} number {id} is used but not part of the set")]
    Dangling {
        /// Kind of thing.
        what: &'static str,
        /// As used.
        id: u32,
    },
    /// Too many statements.
    #[error("policy `{policy}` has {count} statements, more than {limit}: split it into delegated policies")]
    TooManyRules {
        /// Its name.
        policy: Arc<str>,
        /// Statements.
        count: usize,
        /// [`Limits::rules`].
        limit: u32,
        /// Its declaration.
        span: Span,
    },
    /// Too many tests in one condition.
    #[error("a condition has more than {limit} tests: move some into a `list`")]
    TooManyAtoms {
        /// [`Limits::atoms_per_condition`].
        limit: u32,
        /// The statement's head.
        span: Span,
    },
    /// Not a regular expression.
    #[error("`{atom}` is not a regular expression that can be searched in linear time: {reason}")]
    BadRegex {
        /// The test as written.
        atom: Arc<str>,
        /// Where.
        span: Span,
        /// What the engine says.
        reason: Arc<str>,
    },
    /// One pattern is too large.
    #[error("the pattern of `{atom}` is larger than {limit} bytes: shorten it or lower its repetition counts")]
    RegexTooLarge {
        /// The test as written.
        atom: Arc<str>,
        /// Where.
        span: Span,
        /// [`Limits::regex_source_bytes`] or [`Limits::regex_bytes`].
        limit: usize,
    },
    /// All patterns on one field together are too large.
    #[error(
        "the {count} patterns on `{field}` together are larger than {limit} bytes when compiled (`{atom}` is the \
         first too many): use `==`, `starts_with` or a `list` where a pattern is not needed"
    )]
    FieldRegexesTooLarge {
        /// The field as written.
        field: Arc<str>,
        /// How many patterns it has.
        count: usize,
        /// The test with which the bound is passed.
        atom: Arc<str>,
        /// Where that test is.
        span: Span,
        /// [`Limits::regex_bytes_per_field`].
        limit: usize,
    },
    /// A glob with too many stars.
    #[error("the glob of `{atom}` has more than {limit} stars: use `matches`")]
    TooManyStars {
        /// The test as written.
        atom: Arc<str>,
        /// Where.
        span: Span,
        /// [`Limits::glob_stars`].
        limit: u32,
    },
    /// The texts searched for in one field are too many or too long together.
    #[error("the {count} texts that `{field}` is searched for are too large together: use a `list` and `in`")]
    SearchTooLarge {
        /// The field as written.
        field: Arc<str>,
        /// How many texts.
        count: usize,
    },
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            rules: 100_000,
            atoms_per_condition: 64,
            clauses_per_rule: 16,
            regex_source_bytes: 2 << 10,
            regex_bytes: 1 << 20,
            regex_bytes_per_field: 64 << 20,
            glob_stars: 8,
            linear_below: 16,
        }
    }
}
