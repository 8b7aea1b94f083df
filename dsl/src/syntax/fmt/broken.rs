//! What does not fit on one line.

use super::flat::{Line, negation, operator, path};
use super::{Blanks, Printer, STEP, WIDTH};
use crate::syntax::ast::{Block, Comment, Expr, ExprKind, Joined, List, Node, Path, Term, TermKind, Test, Trivia};

/// How the lines of a chain are joined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Align {
    /// `and` and `or` end where the `when` above them ends.
    Right,
    /// They begin where the line begins.
    Left,
}

/// Characters of `when `, ` and `, `  or `.
const JOINT: usize = 5;

impl Printer<'_> {
    /// A statement that does not fit on one line; the cursor is at its indentation.
    pub(super) fn broken_node(&mut self, node: &Node, indent: usize) {
        let tail = if node.block.is_some() { 2 } else { 0 };
        match self.line(WIDTH.saturating_sub(indent + tail)).fit(|l| l.head(node)) {
            Some(line) => self.out.push_str(&line),
            None => self.broken_head(node, indent, tail),
        }
        if let Some(block) = &node.block {
            self.broken_block(block, indent);
        }
    }

    fn broken_head(&mut self, node: &Node, indent: usize, tail: usize) {
        let last = if node.when.is_some() { 0 } else { tail };
        self.out.push_str(&path(&node.word));
        for arg in &node.args {
            self.out.push(' ');
            self.term(arg, indent, last);
        }
        if let Some(value) = &node.value {
            self.out.push_str(" = ");
            self.value(value, indent, last);
        }
        if let Some(when) = &node.when {
            let indent = indent + STEP;
            self.out.push('\n');
            self.leading(&when.leading, indent, Blanks::Between);
            self.pad(indent);
            self.out.push_str("when ");
            match &when.expr.kind {
                ExprKind::And(members) => self.chain(members, "and ", Align::Right, indent, tail),
                ExprKind::Or(members) => self.chain(members, "or ", Align::Right, indent, tail),
                ExprKind::Not(_)
                | ExprKind::Term(_)
                | ExprKind::Test(_)
                | ExprKind::Presence { .. }
                | ExprKind::Error => {
                    self.expr_broken(&when.expr, indent, tail);
                }
            }
        }
    }

    /// What stands behind `=`: a chain goes on below, one step further in.
    fn value(&mut self, expr: &Expr, indent: usize, tail: usize) {
        match &expr.kind {
            ExprKind::And(members) if !self.fits(expr, tail) => {
                self.chain(members, "and ", Align::Left, indent + STEP, tail);
            }
            ExprKind::Or(members) if !self.fits(expr, tail) => {
                self.chain(members, "or ", Align::Left, indent + STEP, tail);
            }
            ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) | ExprKind::Term(_) | ExprKind::Test(_) => {
                self.expr_broken(expr, indent, tail);
            }
            ExprKind::Presence { .. } | ExprKind::Error => self.expr_broken(expr, indent, tail),
        }
    }

    fn line(&self, room: usize) -> Line<'_> {
        Line::new(self.text, room)
    }

    /// Room up to the edge, less `tail` characters that have to follow.
    fn rest_of_line(&self, tail: usize) -> Line<'_> {
        self.line(WIDTH.saturating_sub(self.column() + tail))
    }

    /// Whether an expression fits on the rest of the line.
    fn fits(&self, expr: &Expr, tail: usize) -> bool {
        self.rest_of_line(tail).fit(|l| l.expr(expr)).is_some()
    }

    /// The members of a chain, each on its line; the cursor is where the first one begins.
    fn chain(&mut self, members: &[Joined], op: &str, align: Align, indent: usize, tail: usize) {
        let inner = if align == Align::Right { indent + STEP } else { indent };
        for (n, member) in members.iter().enumerate() {
            if n > 0 {
                self.out.push('\n');
                self.leading(&member.leading, indent, Blanks::Between);
                self.pad(if align == Align::Right { indent + JOINT - op.len() } else { indent });
                self.out.push_str(op);
            }
            let last = n + 1 == members.len();
            self.expr_broken(&member.expr, inner, if last { tail } else { 0 });
            self.behind(member.trailing.as_ref());
        }
    }

    /// An expression from the cursor on; what has to be closed is closed at `indent`.
    fn expr_broken(&mut self, expr: &Expr, indent: usize, tail: usize) {
        if let Some(line) = self.rest_of_line(tail).fit(|l| l.expr(expr)) {
            self.out.push_str(&line);
            return;
        }
        match &expr.kind {
            ExprKind::And(members) => self.chain(members, "and ", Align::Left, indent, tail),
            ExprKind::Or(members) => self.chain(members, "or ", Align::Left, indent, tail),
            ExprKind::Not(inner) => match negation(expr) {
                Some(test) => self.test_broken(test, true, indent, tail),
                None => {
                    self.out.push_str("not ");
                    self.expr_broken(inner, indent, tail);
                }
            },
            ExprKind::Term(term) => self.term(term, indent, tail),
            ExprKind::Test(test) => self.test_broken(test, test.negated, indent, tail),
            ExprKind::Presence { of, present } => {
                self.term(of, indent, tail);
                self.out.push_str(if *present { " is present" } else { " is absent" });
            }
            ExprKind::Error => {}
        }
    }

    fn test_broken(&mut self, test: &Test, negated: bool, indent: usize, tail: usize) {
        self.term(&test.left, indent, 0);
        self.out.push_str(&operator(test.op, negated));
        self.term(&test.right, indent, tail);
    }

    /// A term from the cursor on, on this line if it fits.
    fn term(&mut self, term: &Term, indent: usize, tail: usize) {
        if let Some(line) = self.rest_of_line(tail).fit(|l| l.term(term)) {
            self.out.push_str(&line);
            return;
        }
        match &term.kind {
            TermKind::List(list) => self.list(list, indent),
            TermKind::Call(name, args) if !args.is_empty() => self.call(name, args, indent),
            TermKind::Group(inner) => self.group(inner, indent),
            TermKind::Literal(_) | TermKind::Range(..) | TermKind::Path(_) | TermKind::Call(..) => self.anyway(term),
            TermKind::Any | TermKind::All | TermKind::Error => self.anyway(term),
        }
    }

    /// What cannot be broken goes over the edge.
    fn anyway(&mut self, term: &Term) {
        if let Some(line) = self.line(usize::MAX).fit(|l| l.term(term)) {
            self.out.push_str(&line);
        }
    }

    fn list(&mut self, list: &List, indent: usize) {
        self.out.push('[');
        self.items(&list.items, indent + STEP, ",");
        self.out.push('\n');
        self.leading(
            &list.inner_end,
            indent + STEP,
            if list.items.is_empty() { Blanks::Between } else { Blanks::First },
        );
        self.pad(indent);
        self.out.push(']');
    }

    fn call(&mut self, name: &Path, args: &[Term], indent: usize) {
        self.out.push_str(&path(name));
        self.out.push('(');
        self.items(args, indent + STEP, "");
        self.new_line(indent);
        self.out.push(')');
    }

    /// One item per line, with `last` behind the last one.
    fn items(&mut self, items: &[Term], indent: usize, last: &str) {
        for (n, item) in items.iter().enumerate() {
            self.out.push('\n');
            self.leading(&item.leading, indent, if n == 0 { Blanks::Inner } else { Blanks::All });
            self.pad(indent);
            self.term(item, indent, 1);
            self.out.push_str(if n + 1 == items.len() { last } else { "," });
            self.behind(item.trailing.as_ref());
        }
    }

    fn group(&mut self, inner: &Expr, indent: usize) {
        self.out.push_str("(\n");
        let inside = indent + STEP;
        self.leading(first_leading(inner), inside, Blanks::Between);
        self.pad(inside);
        match &inner.kind {
            ExprKind::And(members) => self.chain(members, "and ", Align::Left, inside, 0),
            ExprKind::Or(members) => self.chain(members, "or ", Align::Left, inside, 0),
            ExprKind::Not(_)
            | ExprKind::Term(_)
            | ExprKind::Test(_)
            | ExprKind::Presence { .. }
            | ExprKind::Error => {
                self.expr_broken(inner, inside, 0);
            }
        }
        self.new_line(indent);
        self.out.push(')');
    }

    /// `{ … }` over several lines.
    fn broken_block(&mut self, block: &Block, indent: usize) {
        let opening: Option<&Comment> = block.opening.as_ref();
        let comments = block.inner_end.iter().any(|t| matches!(t, Trivia::Comment(_)));
        if block.stmts.is_empty() && opening.is_none() && !comments {
            self.out.push_str(" {}");
            return;
        }
        self.out.push_str(" {");
        self.behind(opening);
        self.out.push('\n');
        self.stmts(&block.stmts, indent + STEP);
        let blanks = if block.stmts.is_empty() { Blanks::Between } else { Blanks::First };
        self.leading(&block.inner_end, indent + STEP, blanks);
        self.pad(indent);
        self.out.push('}');
    }
}

/// The comments before the first word of an expression in parentheses.
fn first_leading(expr: &Expr) -> &[Trivia] {
    match &expr.kind {
        ExprKind::And(members) | ExprKind::Or(members) => members.first().map_or(&[], |m| &m.leading),
        ExprKind::Not(inner) => first_leading(inner),
        ExprKind::Term(term) | ExprKind::Presence { of: term, .. } => &term.leading,
        ExprKind::Test(test) => &test.left.leading,
        ExprKind::Error => &[],
    }
}
