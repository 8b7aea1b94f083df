//! Statements against their rows: which words stand in a block, how often, in which form.

use std::collections::HashMap;

use super::Checker;
use crate::diag::{Code, Diagnostic};
use crate::resolve::args::{self, Args};
use crate::resolve::value;
use crate::span::Span;
use crate::syntax::ast::{Block, ExprKind, Node, Stmt, StmtKind, TermKind};
use crate::words::{self, Assigned, Availability, Body, Place, Word, kinds};

/// One statement that this build understands.
pub(super) struct Entry<'a> {
    pub(super) word: &'static Word,
    pub(super) stmt: &'a Stmt,
    pub(super) node: &'a Node,
    pub(super) args: Args<'a>,
    /// Its head, form and word were all right.
    pub(super) sound: bool,
}

/// The statements of a block.
pub(super) struct Opened<'a> {
    pub(super) entries: Vec<Entry<'a>>,
    /// Every statement was understood, so what is missing is really missing.
    pub(super) sound: bool,
}

// === impl Entry ===

impl<'a> Entry<'a> {
    /// The name it declares.
    pub(super) fn name(&self) -> Option<&'a str> {
        self.args.at(0).and_then(|v| v.path()).and_then(value::single)
    }

    /// The place of its name, or of its word.
    pub(super) fn name_span(&self) -> Span {
        self.args.span_at(0).unwrap_or(self.node.word.span)
    }

    /// The statements of its block.
    pub(super) fn stmts(&self) -> &'a [Stmt] {
        self.node.block.as_ref().map_or(&[], |b| &b.stmts)
    }
}

// === impl Opened ===

impl<'a> Opened<'a> {
    /// The statements of one word.
    pub(super) fn of(&self, word: &'static str) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter().filter(move |e| e.word.name == word)
    }

    /// The first statement of one word.
    pub(super) fn one(&self, word: &'static str) -> Option<&Entry<'a>> {
        self.of(word).next()
    }
}

// === impl Checker ===

impl<'a> Checker<'a, '_, '_> {
    /// Checks the statements of a block. `owner` is the statement that opens it: where missing things are reported.
    pub(super) fn open(&mut self, stmts: &'a [Stmt], place: Place, owner: Option<&'a Node>) -> Opened<'a> {
        let mut opened = Opened { entries: Vec::with_capacity(stmts.len()), sound: true };
        let mut first: HashMap<&'static str, Span> = HashMap::new();
        for stmt in stmts {
            let StmtKind::Node(node) = &stmt.kind else {
                opened.sound = false;
                continue;
            };
            let Some(word) = self.row(node, place) else {
                opened.sound = false;
                continue;
            };
            if word.availability == Availability::Later {
                self.refuse(word.name, node.word.span);
                opened.sound = false;
                continue;
            }
            if !word.repeats
                && let Some(before) = first.insert(word.name, node.word.span)
            {
                self.twice(word, node.word.span, before);
            }
            let args = args::matched(word, node, &mut self.problems);
            let sound = self.form(word, node, &args) && args.sound;
            opened.entries.push(Entry { word, stmt, node, args, sound });
        }
        if let (true, Some(owner)) = (opened.sound, owner) {
            self.required(&opened, place, owner);
        }
        opened
    }

    /// The row of a statement's word, or a diagnostic.
    fn row(&mut self, node: &Node, place: Place) -> Option<&'static Word> {
        let said = value::path_text(&node.word);
        let row = words::find(place, &said);
        if row.is_none() {
            let problem = self.unknown_word(&said, node.word.span, place);
            self.problems.push(problem);
        }
        row
    }

    fn unknown_word(&self, said: &str, span: Span, place: Place) -> Diagnostic {
        let here = || words::at(place).map(|w| w.name);
        let mut homes: Vec<&str> = Vec::new();
        for home in words::all().filter(|w| w.name == said).map(|w| w.place) {
            let opener = if home == Place::Top { "the top of the file" } else { home.opener() };
            if !homes.contains(&opener) {
                homes.push(opener);
            }
        }
        if !homes.is_empty() {
            let homes: Vec<_> =
                homes.iter().map(|h| if h.contains(' ') { (*h).to_owned() } else { format!("`{h}`") }).collect();
            let here_is =
                if place == Place::Top { "at the top of a file".into() } else { format!("in `{}`", place.opener()) };
            return Diagnostic::new(Code::E0207, span, format!("`{said}` cannot stand {here_is}"))
                .help(format!("it belongs in {}", homes.join(", ")));
        }
        let message = match place {
            Place::Top | Place::Actions | Place::Policy => format!("unknown {} `{said}`", place.noun()),
            Place::Endpoint
            | Place::Model
            | Place::Pool
            | Place::Route
            | Place::Split
            | Place::Table
            | Place::Schedule
            | Place::Auth
            | Place::Limit
            | Place::Budget
            | Place::Redaction
            | Place::Cache
            | Place::Classifier
            | Place::Delegate
            | Place::Overlay
            | Place::Test
            | Place::Case
            | Place::Given
            | Place::Expect => format!("`{}` has no setting `{said}`", place.opener()),
        };
        let problem = Diagnostic::new(Code::E0207, span, message);
        if let Some(help) = kinds::foreign(said) {
            return problem.help(help);
        }
        if let Some(near) = self.names.nearest(said, here()) {
            return problem.help(format!("did you mean `{near}`?")).fix(span, near);
        }
        let known: Vec<_> = here().collect();
        problem.help(format!("known here: {}", known.join(", ")))
    }

    /// The one answer to a word that the language has and this build has not: said once for each word.
    pub(super) fn refuse(&mut self, word: &'static str, span: Span) {
        if let Some(problem) = self.refused.get(word).and_then(|i| self.problems.get_mut(*i)) {
            if problem.secondary.len() < 3 {
                *problem = problem.clone().also(span, "also here");
            }
            return;
        }
        self.refused.insert(word, self.problems.len());
        self.problems.push(
            Diagnostic::new(
                Code::E0210,
                span,
                format!("`{word}` is part of the language but this build of weir cannot run it yet"),
            )
            .label("nothing is ignored, so the policy is refused")
            .help("take it out, or use a build of weir that runs it"),
        );
    }

    fn twice(&mut self, word: &Word, span: Span, before: Span) {
        self.problems.push(
            Diagnostic::new(Code::E0209, span, format!("`{}` stands twice", word.name))
                .label("the second one")
                .also(before, "the first one")
                .help("keep one of them"),
        );
    }

    /// `=`, `when` and the block against the row.
    fn form(&mut self, word: &'static Word, node: &'a Node, args: &Args<'a>) -> bool {
        let before = self.problems.len();
        let hole = node.args.iter().any(|t| matches!(t.kind, TermKind::Error))
            || node.value.iter().chain(node.when.iter().map(|w| &w.expr)).any(|e| matches!(e.kind, ExprKind::Error));
        let name = word.name;
        match (&node.value, word.assigned) {
            (Some(value), Assigned::No) => self.problems.push(
                Diagnostic::new(Code::E0207, value.span, format!("`{name}` takes no `=`"))
                    .help(format!("for example `{}`", word.example)),
            ),
            (None, Assigned::Condition | Assigned::Text) if !hole && args.sound => self.lacks(word, node, "`= …`"),
            (None, Assigned::List) if !hole && args.sound && args.of("from").is_none() => {
                self.lacks(word, node, "`= […]`")
            }
            (Some(_), Assigned::List) if args.of("from").is_some() => self.problems.push(
                Diagnostic::new(
                    Code::E0207,
                    node.span_of_head(),
                    format!("`{name}` takes its items from a file or from `= […]`"),
                )
                .help("keep one of the two"),
            ),
            (Some(_) | None, Assigned::No | Assigned::Condition | Assigned::Text | Assigned::List) => {}
        }
        if let (Some(when), false) = (&node.when, word.when) {
            self.problems.push(no_when(word, when.keyword));
        }
        match (&node.block, word.body) {
            (Some(block), Body::No) => self.problems.push(
                Diagnostic::new(Code::E0207, opening(block), format!("`{name}` takes no block"))
                    .help(format!("for example `{}`", word.example)),
            ),
            (None, Body::Required(_)) if !hole && args.sound && self.problems.len() == before => {
                self.lacks(word, node, "its block `{ … }`")
            }
            (Some(_) | None, Body::No | Body::Optional(_) | Body::Required(_)) => {}
        }
        !hole && self.problems.len() == before
    }

    fn lacks(&mut self, word: &Word, node: &Node, what: &str) {
        self.problems.push(
            Diagnostic::new(Code::E0208, node.span_of_head(), format!("`{}` lacks {what}", word.name))
                .help(format!("for example `{}`", word.example)),
        );
    }

    fn required(&mut self, opened: &Opened<'a>, place: Place, owner: &Node) {
        // A policy without `default` and a split without branches have codes of their own.
        if matches!(place, Place::Policy | Place::Split) {
            return;
        }
        for word in words::at(place).filter(|w| w.required && opened.one(w.name).is_none()) {
            self.problems.push(
                Diagnostic::new(
                    Code::E0208,
                    owner.span_of_head(),
                    format!("`{}` lacks `{}`", place.opener(), word.name),
                )
                .label(word.doc)
                .help(format!("for example `{}`", word.example)),
            );
        }
    }
}

fn no_when(word: &Word, keyword: Span) -> Diagnostic {
    let problem = Diagnostic::new(Code::E0207, keyword, format!("`{}` takes no `when`", word.name));
    match word.place {
        Place::Actions | Place::Route | Place::Split => {
            problem.help("the condition belongs on the rule: `rule NAME when … { … }`")
        }
        Place::Policy if word.name == "default" => {
            problem.help("`default` takes what is left; write `rule NAME when … { … }` above it")
        }
        Place::Top
        | Place::Endpoint
        | Place::Model
        | Place::Pool
        | Place::Policy
        | Place::Table
        | Place::Schedule
        | Place::Auth
        | Place::Limit
        | Place::Budget
        | Place::Redaction
        | Place::Cache
        | Place::Classifier
        | Place::Delegate
        | Place::Overlay
        | Place::Test
        | Place::Case
        | Place::Given
        | Place::Expect => problem.help(format!("for example `{}`", word.example)),
    }
}

fn opening(block: &Block) -> Span {
    Span { end: block.span.start.saturating_add(1).min(block.span.end), ..block.span }
}
