//! The syntax tree: exactly what was written, comments included, meaning unknown.
//!
//! One shape serves every statement (`language.md` §3); which words exist is the business of [`crate::words`].
//! Every place where a comment or a blank line can stand has a slot here, so the formatter loses nothing.
//! Error nodes keep their span: the formatter refuses files that hold one, the language server does not.

use std::net::IpAddr;

use crate::span::Span;

/// One parsed file.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// Statements in written order, broken ones included.
    pub stmts: Vec<Stmt>,
    /// Comments and blank lines after the last statement.
    pub end: Vec<Trivia>,
    /// Set when parsing gave at least one error. The tree is then good for an editor, not for the formatter.
    pub broken: bool,
}

/// A comment or a blank line, kept beside the code.
#[derive(Clone, Debug)]
pub enum Trivia {
    /// `# …` or `## …` (doc), text as written, without the line break.
    Comment(Comment),
    /// One or more blank lines, kept as one.
    Blank,
}

/// One comment.
#[derive(Clone, Debug)]
pub struct Comment {
    /// From `#` to the last character of the line.
    pub span: Span,
    /// The text with its leading `#`, trailing white space removed.
    pub text: String,
}

/// `word args… [= expr] [when expr] [{ block }]`, or the span of what could not be parsed.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// Comments and blank lines above.
    pub leading: Vec<Trivia>,
    /// The statement or an error node.
    pub kind: StmtKind,
    /// Comment on the last line of the statement.
    pub trailing: Option<Comment>,
    /// Without comments.
    pub span: Span,
}

/// A statement that parsed, or the mark of one that did not.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// A well-formed statement.
    Node(Box<Node>),
    /// A statement that was skipped after a diagnostic, because not even its word could be read. A statement
    /// that went wrong later is a [`Node`] with a hole in it, so that the name it declares stays known.
    Error,
}

/// The one shape of a statement.
#[derive(Clone, Debug)]
pub struct Node {
    /// The keyword or the field path it begins with.
    pub word: Path,
    /// Everything between the word and `=`, `when`, `{`.
    pub args: Vec<Term>,
    /// After `=`.
    pub value: Option<Expr>,
    /// After `when`, with the span of that keyword.
    pub when: Option<When>,
    /// `{ … }`.
    pub block: Option<Block>,
}

/// A `when` clause.
#[derive(Clone, Debug)]
pub struct When {
    /// The keyword.
    pub keyword: Span,
    /// Comments on lines of their own between the head and `when`.
    pub leading: Vec<Trivia>,
    /// The condition.
    pub expr: Expr,
}

/// A braced list of statements.
#[derive(Clone, Debug)]
pub struct Block {
    /// From `{` to `}`.
    pub span: Span,
    /// Whether the author wrote it on one line; such a block stays on one line if it fits.
    pub one_line: bool,
    /// Comment on the line of `{`.
    pub opening: Option<Comment>,
    /// The statements.
    pub stmts: Vec<Stmt>,
    /// Comments and blank lines before `}`.
    pub inner_end: Vec<Trivia>,
}

/// A dotted name, one token: `seg { "." seg | "[" key "]" }`.
#[derive(Clone, Debug)]
pub struct Path {
    /// Its place.
    pub span: Span,
    /// At least one.
    pub segments: Vec<Segment>,
}

/// One part of a [`Path`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Segment {
    /// `name` (also after a dot).
    Name(String),
    /// `*`.
    Star,
    /// `["key"]`.
    Key(String),
    /// `[3]`.
    Index(u32),
    /// `[*]`.
    EachIndex,
    /// `[client.tenant]`: a path as key, used for table look-ups.
    PathKey(Vec<Segment>),
}

/// An argument or operand.
#[derive(Clone, Debug)]
pub struct Term {
    /// Comments above it; only list items on lines of their own have them.
    pub leading: Vec<Trivia>,
    /// What it is.
    pub kind: TermKind,
    /// Comment behind it; only list items have one.
    pub trailing: Option<Comment>,
    /// Its place.
    pub span: Span,
}

/// What a [`Term`] is.
#[derive(Clone, Debug)]
pub enum TermKind {
    /// A literal.
    Literal(Literal),
    /// `a..b`, both ends included; each end is a literal or a path.
    Range(Box<Term>, Box<Term>),
    /// A name.
    Path(Path),
    /// `name(args)`.
    Call(Path, Vec<Term>),
    /// `[ … ]`.
    List(List),
    /// The word `any` as an argument.
    Any,
    /// The word `all` as an argument.
    All,
    /// `( expr )`; only in expressions.
    Group(Box<Expr>),
    /// A hole left by a diagnostic: what stands here, and what follows it in the head, is unknown. Checks that
    /// depend on it stay silent.
    Error,
}

/// `[a, b]`.
#[derive(Clone, Debug)]
pub struct List {
    /// The items.
    pub items: Vec<Term>,
    /// Comments before `]`.
    pub inner_end: Vec<Trivia>,
}

/// A literal value with its unit as written.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `"…"`, escapes resolved.
    Str(String),
    /// `` `…` ``, verbatim.
    Raw(String),
    /// A number with an optional unit.
    Number(Number),
    /// `$0.15`, in millionths of a dollar.
    Money(i64),
    /// An address, or a network with its prefix length.
    Ip(IpAddr, Option<u8>),
    /// `HH:MM`, in minutes of the day.
    Clock(u16),
    /// `5xx`, the hundreds digit.
    StatusClass(u8),
    /// `true` or `false`.
    Bool(bool),
}

/// `-12.5k`: the number before its unit is applied, and the unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// The digits as a value, before the unit.
    pub value: f64,
    /// Set when there was no decimal point and it fits.
    pub int: Option<i64>,
    /// The unit, if any.
    pub unit: Option<Unit>,
}

/// Units of `language.md` §2.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Unit {
    /// Milliseconds.
    Millisecond,
    /// Seconds.
    Second,
    /// Minutes (`m`).
    Minute,
    /// Hours.
    Hour,
    /// Days.
    Day,
    /// Weeks.
    Week,
    /// Thousand (`k`).
    Kilo,
    /// Million (`M`).
    Mega,
    /// Thousand million (`G`).
    Giga,
    /// Bytes (`B`).
    Byte,
    /// 1024 bytes.
    KiB,
    /// 1024 KiB.
    MiB,
    /// 1024 MiB.
    GiB,
    /// Per cent.
    Percent,
}

/// A condition.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its place.
    pub span: Span,
}

/// What an [`Expr`] is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// Two or more joined by `and`; each carries comments above its line.
    And(Vec<Joined>),
    /// Two or more joined by `or`.
    Or(Vec<Joined>),
    /// `not e`.
    Not(Box<Expr>),
    /// A lone operand: a boolean field, a `let` name, a call, a group, or the value of `list N = […]`.
    Term(Term),
    /// `left OP right`.
    Test(Box<Test>),
    /// `left is present` / `left is absent`.
    Presence {
        /// The operand.
        of: Term,
        /// `true` for `present`.
        present: bool,
    },
    /// A hole left by a diagnostic.
    Error,
}

/// One member of an `and`/`or` chain.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Comments above the line it starts on.
    pub leading: Vec<Trivia>,
    /// The member.
    pub expr: Expr,
    /// Comment behind it on its line.
    pub trailing: Option<Comment>,
}

/// A binary test.
#[derive(Clone, Debug)]
pub struct Test {
    /// Left operand.
    pub left: Term,
    /// The operator.
    pub op: Op,
    /// `not` before the operator.
    pub negated: bool,
    /// Place of the operator with its `not`.
    pub op_span: Span,
    /// Right operand.
    pub right: Term,
}

/// Operators of `language.md` §5.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Op {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `in`
    In,
    /// `like`
    Like,
    /// `matches`
    Matches,
    /// `starts_with`
    StartsWith,
    /// `ends_with`
    EndsWith,
    /// `contains`
    Contains,
    /// `contains any`
    ContainsAny,
    /// `contains all`
    ContainsAll,
}
