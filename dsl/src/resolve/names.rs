//! What is declared: every name of the files with its place, before anything is read in depth.
//!
//! Endpoints and pools share one space of names because they stand in the same places; so do the right sides of
//! `in`. A name whose declaration is broken, or is of a word that this build cannot run, stays known, so that
//! whoever uses it is not blamed.

use std::collections::{HashMap, HashSet};

use crate::diag::{Code, Diagnostic};
use crate::hir::{EndpointId, PoolId};
use crate::resolve::{suggest, value};
use crate::span::Span;
use crate::syntax::ast::{File, Node, Path, Segment, StmtKind, TermKind};
use crate::words::{self, Availability, Place, Refers, Word};

/// Look-ups that may search for the nearest name in one compilation; after that, help lines stay away.
const SUGGESTIONS_MAX: u32 = 200;

/// A declared thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decl<'a> {
    /// Its row.
    pub(crate) word: &'static Word,
    /// Where its name stands.
    pub(crate) span: Span,
    /// The statement's parts.
    pub(crate) node: &'a Node,
    /// What it became.
    pub(crate) entity: Entity,
}

/// What a declaration stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Entity {
    /// An endpoint.
    Endpoint(EndpointId),
    /// A declared pool.
    Pool(PoolId),
    /// A list; the index is that of the declaration among lists.
    List(usize),
    /// A `let`, by index among them.
    Condition(usize),
    /// A `bundle`, by index among them.
    Bundle(usize),
    /// Nothing to refer to: a policy, or a word that this build only knows.
    Other,
}

/// All names of a compilation.
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    spaces: HashMap<Refers, HashMap<&'a str, Decl<'a>>>,
    /// Names of declarations that could not be understood: they may be anything.
    broken: HashSet<&'a str>,
    /// Something at the top could not be read at all, so any name may be declared there.
    uncertain: bool,
    /// Declarations in written order.
    pub(crate) order: Vec<(Refers, &'a str)>,
    searches: std::cell::Cell<u32>,
}

/// What a name turned out to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'n, 'a> {
    /// It is declared.
    Decl(&'n Decl<'a>),
    /// Its declaration is broken or not runnable: say nothing.
    Silent,
    /// There is none.
    Unknown,
}

/// The space in which a reference is looked up.
fn space(of: Refers) -> Refers {
    if of == Refers::Endpoint { Refers::Pool } else { of }
}

/// The space that a declaring word fills; `None` for words that declare no name.
fn declares(word: &str) -> Option<Refers> {
    Some(match word {
        "endpoint" | "pool" => Refers::Pool,
        "list" | "table" | "schedule" => Refers::Set,
        "let" => Refers::Condition,
        "bundle" => Refers::Bundle,
        "policy" => Refers::Policy,
        "auth" => Refers::Auth,
        "limit" => Refers::Limit,
        "budget" => Refers::Budget,
        "redaction" => Refers::Redaction,
        "cache" => Refers::Cache,
        "classifier" => Refers::Classifier,
        "delegate" => Refers::Delegate,
        _ => return None,
    })
}

// === impl Names ===

impl<'a> Names<'a> {
    /// Notes every name at the top of a file. Doubles are reported once, at the later place.
    pub(crate) fn collect(&mut self, file: &'a File, problems: &mut Vec<Diagnostic>) {
        for stmt in &file.stmts {
            match &stmt.kind {
                StmtKind::Error => self.uncertain = true,
                StmtKind::Node(node) => self.declare(node, problems),
            }
        }
    }

    fn declare(&mut self, node: &'a Node, problems: &mut Vec<Diagnostic>) {
        let word = value::single(&node.word);
        if word == Some("import") {
            self.declare_import(node);
            return;
        }
        let name = node.args.first().and_then(|t| value::name(t).ok().map(|n| (n, t.span)));
        let row = word.and_then(|w| words::find(Place::Top, w));
        let space = word.and_then(declares);
        match (row, space, name) {
            (Some(row), Some(space), Some((name, span))) => {
                self.add(Decl { word: row, span, node, entity: Entity::Other }, space, name, problems);
            }
            (None, _, Some((name, _))) => {
                self.broken.insert(name);
            }
            (Some(_) | None, _, _) => {}
        }
    }

    fn declare_import(&mut self, node: &'a Node) {
        let alias = node.args.last().and_then(|t| value::name(t).ok());
        match alias {
            Some(alias) => {
                self.broken.insert(alias);
            }
            None => self.uncertain = true,
        }
    }

    fn add(&mut self, decl: Decl<'a>, space: Refers, name: &'a str, problems: &mut Vec<Diagnostic>) {
        let names = self.spaces.entry(space).or_default();
        if let Some(first) = names.get(name) {
            let message = format!("the name `{name}` is declared twice");
            problems.push(
                Diagnostic::new(Code::E0202, decl.span, message)
                    .label(format!("a second {} `{name}`", decl.word.name))
                    .also(first.span, format!("the {} `{name}` is here", first.word.name))
                    .help("give one of them another name"),
            );
            return;
        }
        names.insert(name, decl);
        self.order.push((space, name));
    }

    /// Sets what a declaration became.
    pub(crate) fn bind(&mut self, of: Refers, name: &str, entity: Entity) {
        if let Some(decl) = self.spaces.get_mut(&of).and_then(|names| names.get_mut(name)) {
            decl.entity = entity;
        }
    }

    /// The declaration of exactly this name.
    pub(crate) fn decl(&self, of: Refers, name: &str) -> Option<&Decl<'a>> {
        self.spaces.get(&space(of)).and_then(|names| names.get(name))
    }

    /// Looks a name up.
    pub(crate) fn find(&self, of: Refers, path: &Path) -> Found<'_, 'a> {
        let first = path.segments.first();
        if let Some(Segment::Name(first)) = first
            && self.broken.contains(first.as_str())
        {
            return Found::Silent;
        }
        match value::single(path).and_then(|name| self.decl(of, name)) {
            Some(decl) if decl.word.availability == Availability::Later => Found::Silent,
            Some(decl) => Found::Decl(decl),
            None if self.uncertain => Found::Silent,
            None => Found::Unknown,
        }
    }

    /// Whether a declaration that could not be read may have declared this path.
    pub(crate) fn doubtful(&self, path: &Path) -> bool {
        self.uncertain
            || matches!(path.segments.first(), Some(Segment::Name(first)) if self.broken.contains(first.as_str()))
    }

    /// `E0201` for a name that is nowhere, with what was probably meant: same kind first, then any kind.
    pub(crate) fn unknown(&self, of: Refers, path: &Path) -> Diagnostic {
        let said = value::path_text(path);
        let problem = Diagnostic::new(Code::E0201, path.span, format!("no {} is named `{said}`", of.noun()));
        if let Some(other) = self.elsewhere(of, path) {
            return problem
                .label(format!("`{said}` is a {}", other.word.name))
                .also(other.span, "declared here")
                .help(format!("name a {} here", of.noun()));
        }
        let problem = problem.label("not declared in this file");
        if let Some(near) = self.nearest(&said, self.all(of)) {
            let fix = near.to_owned();
            return problem.help(format!("did you mean `{near}`?")).fix(path.span, fix);
        }
        let known: Vec<&str> = self.all(of).take(8).collect();
        if known.is_empty() {
            problem.help(declare_help(of, &said))
        } else {
            problem.help(format!("known: {}", known.join(", ")))
        }
    }

    /// Names of a kind, in written order.
    pub(crate) fn all(&self, of: Refers) -> impl Iterator<Item = &'a str> {
        let of = space(of);
        self.order.iter().filter(move |(kind, _)| *kind == of).map(|(_, name)| *name)
    }

    /// The nearest of some names, while searches are left.
    pub(crate) fn nearest<'n>(&self, said: &str, among: impl Iterator<Item = &'n str>) -> Option<&'n str> {
        let done = self.searches.get();
        if done >= SUGGESTIONS_MAX {
            return None;
        }
        self.searches.set(done + 1);
        suggest::nearest(said, among)
    }

    fn elsewhere(&self, of: Refers, path: &Path) -> Option<&Decl<'a>> {
        let name = value::single(path)?;
        let of = space(of);
        self.spaces.iter().filter(|(kind, _)| **kind != of).find_map(|(_, names)| names.get(name))
    }
}

fn declare_help(of: Refers, name: &str) -> String {
    match of {
        Refers::Pool | Refers::Endpoint => {
            format!("declare it: `endpoint {name} {{ provider openai; key secret(\"env:KEY\") }}`")
        }
        Refers::Set => format!("declare it: `list {name} = [\"a\", \"b\"]`"),
        Refers::Condition => format!("declare it: `let {name} = header.x-a is present`"),
        Refers::Bundle => format!("declare it: `bundle {name} {{ log meta }}`"),
        Refers::Policy
        | Refers::Auth
        | Refers::Limit
        | Refers::Budget
        | Refers::Redaction
        | Refers::Cache
        | Refers::Classifier
        | Refers::Delegate
        | Refers::Import => format!("declare it: `{} {name} {{ … }}`", of.noun()),
    }
}

/// The path of a term, if it is one.
pub(crate) fn path_of(term: &crate::syntax::ast::Term) -> Option<&Path> {
    if let TermKind::Path(path) = &term.kind { Some(path) } else { None }
}
