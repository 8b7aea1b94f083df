//! What to say about a statement that does not parse.
//!
//! Each function answers one question of somebody at three in the morning: what is wrong, and what do I write.
//! It refuses to know how parsing goes on.

#![expect(clippy::wildcard_enum_match_arm, reason = "every kind of token that is not named is handled alike")]

use super::{Tokens, Want};
use crate::diag::{Code, Diagnostic};
use crate::span::Span;
use crate::syntax::ast::{Joined, Node, Term};
use crate::syntax::layout::Tok;
use crate::syntax::lex::TokenKind;
use crate::syntax::problem::excerpt;

/// Longest help that repeats the user's condition, in bytes.
const REPEATED_MAX: usize = 160;

/// Words that begin a conditional statement elsewhere.
const CONDITIONALS: &[&str] =
    &["if", "else", "elif", "elsif", "elseif", "unless", "switch", "while", "for", "foreach"];

/// What people write for an operator, lower case, and what it is here.
const OPERATORS: &[(&str, &str)] = &[
    ("and", "and"),
    ("or", "or"),
    ("in", "in"),
    ("not", "not"),
    ("is", "is"),
    ("like", "like"),
    ("matches", "matches"),
    ("contains", "contains"),
    ("match", "matches"),
    ("regex", "matches"),
    ("regexp", "matches"),
    ("rlike", "matches"),
    ("glob", "like"),
    ("ilike", "like"),
    ("eq", "=="),
    ("equals", "=="),
    ("ne", "!="),
    ("neq", "!="),
    ("lt", "<"),
    ("le", "<="),
    ("lte", "<="),
    ("gt", ">"),
    ("ge", ">="),
    ("gte", ">="),
    ("startswith", "starts_with"),
    ("starts-with", "starts_with"),
    ("beg", "starts_with"),
    ("prefix", "starts_with"),
    ("begins_with", "starts_with"),
    ("endswith", "ends_with"),
    ("ends-with", "ends_with"),
    ("suffix", "ends_with"),
    ("has", "contains"),
    ("includes", "contains"),
    ("contain", "contains"),
    ("within", "in"),
    ("one_of", "in"),
    ("exists", "is present"),
    ("exist", "is present"),
];

/// The text under a span, short enough for a message.
pub(super) fn shown(i: Tokens<'_>, span: Span) -> String {
    excerpt(i.text(span))
}

/// The general case: something was expected, something else stands there.
pub(super) fn unexpected(start: Tokens<'_>, at: Tokens<'_>) -> Diagnostic {
    let token = at.peek();
    if let Some(problem) = known_mistake(start, at, token) {
        return problem;
    }
    if let Some(problem) = missing(start, at, token) {
        return problem;
    }
    let expected = at.session.expected.get();
    let wants = if expected.left == at.rest.len() { expected.wants } else { 0 };
    let list: Vec<&str> = Want::ALL.into_iter().filter(|w| wants & w.bit() != 0).map(Want::text).collect();
    let found = found(at, token);
    if wants & Want::Word.bit() != 0 {
        let problem =
            Diagnostic::new(Code::E0102, token.span, format!("a statement begins with a word, not with {found}"));
        return match token.kind {
            TokenKind::Str => problem.help(format!("without quotes: `{}`", shown(at, token.span).trim_matches('"'))),
            TokenKind::OpenBrace => problem.help("put the word of the block before `{`: `policy main {`"),
            _ => problem,
        };
    }
    Diagnostic::new(Code::E0102, token.span, format!("expected {}, found {found}", alternatives(&list)))
}

/// Mistakes that have a better name than "unexpected".
fn known_mistake(start: Tokens<'_>, at: Tokens<'_>, token: Tok) -> Option<Diagnostic> {
    let span = token.span;
    let in_condition = in_condition(start, at);
    let word = shown(at, span);
    Some(match token.kind {
        TokenKind::When if in_condition => Diagnostic::new(Code::E0102, span, "a second `when`")
            .help("a statement has one condition: join the two with `and`"),
        TokenKind::Comma if !in_condition && !in_group(start, at) => {
            Diagnostic::new(Code::E0102, span, "values are separated by spaces, not by commas")
                .help("delete the `,`; several values of one setting stand in `[ ]`")
                .fix(span, "")
        }
        TokenKind::OpenParen if !in_condition => parentheses(start, at, token),
        kind if compares_values(kind) && !in_condition && start.rest.len() > at.rest.len() + 1 => {
            without_when(start, at, &word)
        }
        kind if is_reserved(kind) && !in_condition => {
            Diagnostic::new(Code::E0116, span, format!("`{word}` is a reserved word"))
                .label("it has its meaning in conditions only")
                .help("choose another name, or put the whole text into quotes")
        }
        TokenKind::Any | TokenKind::All | TokenKind::When if !in_condition && start.rest.len() == at.rest.len() => {
            Diagnostic::new(Code::E0116, span, format!("`{word}` is a reserved word and begins no statement"))
        }
        _ => return None,
    })
}

/// Operators with two sides.
fn compares_values(kind: TokenKind) -> bool {
    let signs = [TokenKind::Eq, TokenKind::Ne, TokenKind::Lt, TokenKind::Le, TokenKind::Gt, TokenKind::Ge];
    let words = [TokenKind::In, TokenKind::Like, TokenKind::Matches, TokenKind::Contains, TokenKind::Is];
    let more = [TokenKind::StartsWith, TokenKind::EndsWith];
    signs.contains(&kind) || words.contains(&kind) || more.contains(&kind)
}

/// Words of conditions.
fn is_reserved(kind: TokenKind) -> bool {
    let signs = [TokenKind::Eq, TokenKind::Ne, TokenKind::Lt, TokenKind::Le, TokenKind::Gt, TokenKind::Ge];
    let more = [TokenKind::And, TokenKind::Or, TokenKind::Not, TokenKind::Present, TokenKind::Absent];
    more.contains(&kind) || (compares_values(kind) && !signs.contains(&kind))
}

/// A line, block or file that ends where the right side of something has to follow.
fn missing(start: Tokens<'_>, at: Tokens<'_>, token: Tok) -> Option<Diagnostic> {
    let taken = start.rest.len().saturating_sub(at.rest.len());
    let before = start.rest.get(taken.checked_sub(1)?)?;
    let what = match before.kind {
        TokenKind::When | TokenKind::And | TokenKind::Or | TokenKind::Not => "a condition",
        TokenKind::Assign | TokenKind::DotDot | TokenKind::Any | TokenKind::All => "a value",
        kind if compares_values(kind) => "a value",
        _ => return None,
    };
    let ends = matches!(
        token.kind,
        TokenKind::OpenBrace
            | TokenKind::CloseBrace
            | TokenKind::CloseParen
            | TokenKind::Newline
            | TokenKind::Semicolon
            | TokenKind::End
    );
    let word = shown(at, before.span);
    let problem = Diagnostic::new(Code::E0102, before.span, format!("{what} is missing behind `{word}`"));
    let help = match before.kind {
        TokenKind::When => "write one, for example `when model == \"gpt-4o\"`; what always holds needs no `when`",
        TokenKind::And | TokenKind::Or => "a line may begin with `and` or `or`, but not end with it",
        _ => "write it on the same line",
    };
    ends.then(|| problem.help(help))
}

/// `deny(404, "no")`
fn parentheses(start: Tokens<'_>, at: Tokens<'_>, token: Tok) -> Diagnostic {
    let problem =
        Diagnostic::new(Code::E0102, token.span, "parentheses stand only in conditions and behind function names");
    let close = at.peek_at(usize::try_from(token.partner).unwrap_or(0)).span;
    let inner = Span::new(token.span.source, token.span.end, close.start);
    let values: Vec<&str> = at.text(inner).split(", ").map(str::trim).collect();
    let call = format!("{} {}", shown(at, start.peek().span), values.join(" "));
    let first = start.rest.len() == at.rest.len() + 1;
    if first && !call.contains('\n') && call.len() <= REPEATED_MAX {
        return problem.help(format!("write `{}`", call.trim_end()));
    }
    problem.help("a condition begins with `when`; other values stand there without parentheses")
}

/// `rule a model == "x" { … }`
fn without_when(start: Tokens<'_>, at: Tokens<'_>, op: &str) -> Diagnostic {
    let taken = start.rest.len() - at.rest.len();
    let left = start.peek_at(taken.saturating_sub(1));
    let before = Span::new(left.span.source, left.span.start, left.span.start);
    Diagnostic::new(Code::E0102, at.peek().span, format!("`{op}` compares, and conditions begin with `when`"))
        .also(left.span, "the condition seems to begin here")
        .help(format!("write `when {} {op} …`", shown(at, left.span)))
        .fix(before, "when ")
}

/// Whether the statement has its `=` or `when` before this place.
fn in_condition(start: Tokens<'_>, at: Tokens<'_>) -> bool {
    let taken = start.rest.len().saturating_sub(at.rest.len());
    start.rest.iter().take(taken).any(|t| matches!(t.kind, TokenKind::When | TokenKind::Assign))
}

/// Whether this place is inside of `( )` or `[ ]` of its statement.
fn in_group(start: Tokens<'_>, at: Tokens<'_>) -> bool {
    let taken = start.rest.len().saturating_sub(at.rest.len());
    let reach = |(n, t): (usize, &Tok)| n + usize::try_from(t.partner).unwrap_or(0);
    start.rest.iter().take(taken).enumerate().any(|pair| pair.1.partner > 0 && reach(pair) >= taken)
}

/// How the token that was found is called.
fn found(at: Tokens<'_>, token: Tok) -> String {
    match token.kind {
        TokenKind::End => "the end of the file".to_owned(),
        TokenKind::Newline => "the end of the line".to_owned(),
        _ => format!("`{}`", shown(at, token.span)),
    }
}

fn alternatives(list: &[&str]) -> String {
    match list {
        [] => "something else".to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// E0003.
pub(super) fn too_deep(span: Span) -> Diagnostic {
    let most = crate::syntax::DEPTH_MAX;
    Diagnostic::new(Code::E0003, span, format!("nested more than {most} levels deep"))
        .help("give a part of the condition a name with `let`")
}

/// E0109 with both ways to write it.
pub(super) fn mixed(i: Tokens<'_>, odd: Span, members: &[Joined], ops: &[Tok]) -> Diagnostic {
    let problem = Diagnostic::new(Code::E0109, odd, "`and` and `or` mixed without parentheses");
    let words: usize = members.iter().map(|m| i.text(m.expr.span).len() + 5).sum();
    if words > REPEATED_MAX {
        return problem.help("put parentheses around the parts that belong together");
    }
    let first = grouped(i, members, ops, TokenKind::And);
    let second = grouped(i, members, ops, TokenKind::Or);
    problem.help(format!("write `{first}`")).help(format!("or    `{second}`"))
}

/// The chain with parentheses around each run of one operator.
fn grouped(i: Tokens<'_>, members: &[Joined], ops: &[Tok], inner: TokenKind) -> String {
    let mut out = String::new();
    for (n, member) in members.iter().enumerate() {
        let before = n.checked_sub(1).and_then(|n| ops.get(n)).map(|t| t.kind);
        let after = ops.get(n).map(|t| t.kind);
        if let Some(op) = before {
            out.push_str(if op == TokenKind::And { " and " } else { " or " });
        }
        if after == Some(inner) && before != Some(inner) {
            out.push('(');
        }
        let words: Vec<&str> = i.text(member.expr.span).split_whitespace().collect();
        out.push_str(&words.join(" "));
        if before == Some(inner) && after != Some(inner) {
            out.push(')');
        }
    }
    out
}

/// E0105 in a condition.
pub(super) fn assigns(i: Tokens<'_>, left: &Term) -> Diagnostic {
    let span = i.peek().span;
    let right = i.peek_at(1);
    let right = if right.kind == TokenKind::Newline { "…".to_owned() } else { shown(i, right.span) };
    Diagnostic::new(Code::E0105, span, "`=` declares, `==` compares")
        .help(format!("write `{} == {right}`", shown(i, left.span)))
        .fix(span, "==")
}

/// E0105 in a declaration.
pub(super) fn compares(i: Tokens<'_>) -> Diagnostic {
    let span = i.peek().span;
    Diagnostic::new(Code::E0105, span, "`==` compares, `=` declares").help("replace `==` with `=`").fix(span, "=")
}

/// Whether the word of a statement is one that takes a value after `=`.
pub(super) fn declares(i: Tokens<'_>, node: &Node) -> bool {
    matches!(i.text(node.word.span), "let" | "list" | "alias")
}

/// E0119.
pub(super) fn chained(i: Tokens<'_>, left: &Term, right: &Term) -> Diagnostic {
    let (first, middle) = (shown(i, left.span), shown(i, right.span));
    let last = shown(i, i.peek_at(1).span);
    Diagnostic::new(Code::E0119, i.peek().span, "a comparison has two sides, not three").help(format!(
        "if `{middle}` has to be between the two, write `{middle} in {first}..{last}` (both ends included)"
    ))
}

/// `is` without `present` or `absent`.
pub(super) fn is_what(i: Tokens<'_>, is: Span, left: &Term) -> Diagnostic {
    let token = i.peek();
    let name = shown(i, left.span);
    let problem = Diagnostic::new(Code::E0102, token.span, "after `is` comes `present` or `absent`");
    let word = i.text(token.span);
    let next = i.text(i.peek_at(1).span);
    match (token.kind, word) {
        (TokenKind::Not, _) if next == "present" || next == "absent" => {
            let right = if next == "present" { "absent" } else { "present" };
            problem.help(format!("write `{name} is {right}`")).fix(token.span.to(i.peek_at(1).span), right)
        }
        (_, "null" | "nil" | "none" | "empty" | "missing" | "undefined" | "unset") => {
            problem.help(format!("write `{name} is absent`")).fix(token.span, "absent")
        }
        (_, "set" | "defined") => problem.help(format!("write `{name} is present`")).fix(token.span, "present"),
        (TokenKind::Newline | TokenKind::OpenBrace | TokenKind::End, _) => {
            problem.help(format!("write `{name} is present`"))
        }
        _ => problem.help(format!("to compare write `{name} == {}`", shown(i, token.span))).fix(is, "=="),
    }
}

/// `not` before something that has no negation.
pub(super) fn negated(i: Tokens<'_>) -> Diagnostic {
    let token = i.peek();
    let problem = Diagnostic::new(
        Code::E0102,
        token.span,
        "between two operands `not` stands before `in`, `like`, `matches`, `contains`, `starts_with` or `ends_with`",
    );
    match token.kind {
        TokenKind::Eq | TokenKind::Assign => problem.help("for the opposite of `==` write `!=`"),
        TokenKind::Ne => problem.help("the opposite of `!=` is `==`"),
        TokenKind::Lt => problem.help("the opposite of `<` is `>=`"),
        TokenKind::Le => problem.help("the opposite of `<=` is `>`"),
        TokenKind::Gt => problem.help("the opposite of `>` is `<=`"),
        TokenKind::Ge => problem.help("the opposite of `>=` is `<`"),
        TokenKind::Is => problem.help("the opposite of `is present` is `is absent`"),
        _ => problem.help("to negate a whole test put `not` before it"),
    }
}

/// Something behind an operand that is no operator.
pub(super) fn operator(i: Tokens<'_>, left: &Term) -> Diagnostic {
    let token = i.peek();
    let word = i.text(token.span);
    let (name, lower) = (shown(i, left.span), word.to_ascii_lowercase());
    if token.kind == TokenKind::Path {
        let exact = OPERATORS.iter().find(|(other, _)| *other == lower).map(|(_, right)| *right);
        let near =
            || OPERATORS.iter().map(|(_, r)| *r).find(|r| r.len() > 3 && strsim::damerau_levenshtein(r, &lower) <= 2);
        if let Some(right) = exact.or_else(near) {
            return Diagnostic::new(Code::E0104, token.span, format!("`{}` is written `{right}`", excerpt(word)))
                .help(format!("replace it with `{right}`"))
                .fix(token.span, right);
        }
    }
    let problem = Diagnostic::new(
        Code::E0102,
        token.span,
        format!("an operator is missing between `{name}` and `{}`", excerpt(word)),
    );
    match token.kind {
        TokenKind::OpenBracket => problem.help(format!("write `{name} in [ … ]`")),
        TokenKind::Raw => problem.help(format!("write `{name} matches {}`", excerpt(word))),
        TokenKind::Path => {
            problem.help("two conditions are joined by `and` or `or`; two values are compared by `==`")
        }
        _ => problem.help(format!("write `{name} == {}`", excerpt(word))),
    }
}

/// `if`, `else` and their kin at the start of a statement.
pub(super) fn foreign_statement(i: Tokens<'_>) -> Option<Diagnostic> {
    let token = i.peek();
    let word = i.text(token.span);
    if token.kind != TokenKind::Path || !CONDITIONALS.contains(&word) {
        return None;
    }
    let loops = matches!(word, "while" | "for" | "foreach");
    let why = if loops { "" } else { ": a policy is read from the top, and the first rule that holds decides" };
    let problem = Diagnostic::new(Code::E0115, token.span, format!("there is no `{word}`{why}"));
    Some(match word {
        "if" | "unless" => problem.help("write `rule NAME when … { … }`"),
        "else" | "elif" | "elsif" | "elseif" => {
            problem.help("write a second `rule` below the first one, or `default { … }` at the end of the policy")
        }
        "switch" => problem.help("write one `rule` for each value, or a `table` with a row for each"),
        _ => problem.help("there are no loops: `in`, `contains any` and `contains all` look at whole lists"),
    })
}

/// `if` behind an action, as in HAProxy.
pub(super) fn foreign_argument(i: Tokens<'_>, node: &Node) -> Option<Diagnostic> {
    let token = i.peek();
    let word = i.text(token.span);
    if token.kind != TokenKind::Path || node.args.is_empty() || !matches!(word, "if" | "unless") {
        return None;
    }
    let right = if word == "if" { "when" } else { "when not" };
    Some(
        Diagnostic::new(Code::E0115, token.span, format!("conditions begin with `when`, not with `{word}`"))
            .help(format!("replace `{word}` with `{right}`"))
            .fix(token.span, right),
    )
}

/// E0117: a word behind a block.
pub(super) fn same_line(i: Tokens<'_>, block: Span) -> Diagnostic {
    let token = i.peek();
    let gap = Span::new(block.source, block.end, token.span.start);
    let word = shown(i, token.span);
    Diagnostic::new(Code::E0117, token.span, format!("a new statement begins behind `}}`: `{word}`"))
        .help("begin it on a line of its own, or put `;` before it inside of a one-line block")
        .fix(gap, "\n")
}

/// Something else behind a block.
pub(super) fn behind_block(i: Tokens<'_>, block: Span) -> Diagnostic {
    let token = i.peek();
    let open = Span::new(block.source, block.start, block.start.saturating_add(1));
    let problem =
        Diagnostic::new(Code::E0102, token.span, format!("`{}` stands behind the block", shown(i, token.span)));
    match token.kind {
        TokenKind::When => problem.also(open, "its place is before this").help("write `… when CONDITION { … }`"),
        TokenKind::Comma => problem.help("blocks are not separated by commas: delete it").fix(token.span, ""),
        _ => problem.help("after `}` the line ends"),
    }
}

/// E0110 without any `weir`, or with one further down.
pub(super) fn no_edition(i: Tokens<'_>, first: Option<Span>, elsewhere: Option<Span>) -> Diagnostic {
    let start = Span::new(i.session.source, 0, 0);
    let first = first.map_or(start, |f| Span::new(f.source, f.start, f.start));
    let problem = Diagnostic::new(Code::E0110, first, "the first statement of a file is `weir 1`");
    match elsewhere {
        Some(there) => problem.also(there, "it stands here").help("move it to the top"),
        None => problem.help("put `weir 1` above this line").fix(first, "weir 1\n\n"),
    }
}
