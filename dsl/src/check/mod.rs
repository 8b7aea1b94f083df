//! From the tree to the typed policy: every statement is checked against its row, typed and lowered to
//! [`crate::hir`]; then the analyses look for what is legal and still wrong.
//!
//! Everything is reported at once and nothing twice: a part that could not be understood becomes a hole, and whatever
//! depends on a hole stays silent. This module refuses to know how rules are evaluated.

mod actions;
mod aliases;
mod allow;
mod clause;
mod cond;
mod domain;
mod endpoint;
mod failover;
mod field;
mod imply;
mod intern;
mod list;
mod models;
mod patterns;
mod policy;
mod pool;
mod route;
mod shadow;
mod statements;
mod test;
mod text;
mod truth;
mod unused;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::compile::Limits;
use crate::diag::{Code, Diagnostic, Severity};
use crate::hir::{EndpointId, Hir, PoolId};
use crate::resolve::files::Files;
use crate::resolve::names::{Entity, Found, Names};
use crate::span::Span;
use crate::syntax::ast::{File, Path};
use crate::words::{Place, Refers};

use cond::LetState;
use intern::Interner;
use list::DeclaredList;
use policy::PolicyFacts;

/// One compilation at work.
struct Checker<'a, 'f, 'l> {
    files: &'f mut Files<'l>,
    limits: Limits,
    names: Names<'a>,
    problems: Vec<Diagnostic>,
    hir: Hir,
    interner: Interner,
    lists: Vec<DeclaredList>,
    lets: Vec<LetState<'a>>,
    bundles: Vec<actions::BundleState<'a>>,
    /// Model names that stand for others.
    aliases: HashMap<Arc<str>, Arc<str>>,
    /// Names that something refers to.
    used: HashSet<(Refers, &'a str)>,
    implicit_pools: HashMap<EndpointId, PoolId>,
    /// Endpoints and pools whose declaration holds an error.
    broken_endpoints: HashSet<EndpointId>,
    broken_pools: HashSet<PoolId>,
    /// What the analyses need beside the lowered policies.
    policies: Vec<PolicyFacts>,
    /// Words that this build cannot run: where the first diagnostic stands.
    refused: HashMap<&'static str, usize>,
}

/// Checks one parsed policy. The result is complete only if no problem is an error.
pub(crate) fn check(file: &File, files: &mut Files<'_>, limits: Limits) -> (Hir, Vec<Diagnostic>) {
    let mut checker = Checker {
        files,
        limits,
        names: Names::default(),
        problems: Vec::new(),
        hir: Hir::default(),
        interner: Interner::default(),
        lists: Vec::new(),
        lets: Vec::new(),
        bundles: Vec::new(),
        aliases: HashMap::new(),
        used: HashSet::new(),
        implicit_pools: HashMap::new(),
        broken_endpoints: HashSet::new(),
        broken_pools: HashSet::new(),
        policies: Vec::new(),
        refused: HashMap::new(),
    };
    checker.run(file);
    let Checker { mut hir, mut problems, interner, .. } = checker;
    interner.finish(&mut hir);
    allow::apply(file, &mut problems);
    (hir, problems)
}

// === impl Checker ===

impl<'a> Checker<'a, '_, '_> {
    fn run(&mut self, file: &'a File) {
        self.names.collect(file, &mut self.problems);
        let top = self.open(&file.stmts, Place::Top, None);
        self.edition(&top);
        self.number(&top);
        self.alias_lines(&top);
        self.list_lines(&top);
        self.endpoint_lines(&top);
        self.pool_lines(&top);
        self.let_lines(&top);
        self.bundle_lines(&top);
        self.policy_lines(&top);
        self.need_policy(file, &top);
        self.analyse_rules();
        if !file.broken && !self.has_errors() {
            self.analyse_models();
            self.analyse_unused();
        }
    }

    fn has_errors(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Error)
    }

    fn edition(&mut self, top: &statements::Opened<'a>) {
        for entry in top.of("weir") {
            let edition = entry.args.at(0).and_then(|v| v.int());
            if let (Some(span), true) = (entry.args.span_at(0), edition.is_some_and(|e| e != 1)) {
                self.problems.push(
                    Diagnostic::new(Code::E0301, span, "this build knows edition 1 of the language")
                        .help("write `weir 1`")
                        .fix(span, "1"),
                );
            }
        }
    }

    /// Gives ids to everything that can be referred to, so that order in the file does not matter.
    fn number(&mut self, top: &statements::Opened<'a>) {
        let (mut endpoints, mut pools, mut lists, mut lets, mut bundles) = (0, 0, 0, 0, 0);
        for entry in &top.entries {
            let Some(name) = entry.name() else { continue };
            let (of, entity) = match entry.word.name {
                "endpoint" => (Refers::Pool, Entity::Endpoint(EndpointId(step(&mut endpoints)))),
                "pool" => (Refers::Pool, Entity::Pool(PoolId(step(&mut pools)))),
                "list" => (Refers::Set, Entity::List(step_usize(&mut lists))),
                "let" => (Refers::Condition, Entity::Condition(step_usize(&mut lets))),
                "bundle" => (Refers::Bundle, Entity::Bundle(step_usize(&mut bundles))),
                _ => continue,
            };
            let first = self.names.decl(of, name).is_some_and(|d| d.node.word.span == entry.node.word.span);
            if first {
                self.names.bind(of, name, entity);
            }
        }
    }

    fn need_policy(&mut self, file: &File, top: &statements::Opened<'a>) {
        if !top.sound || file.broken || top.of("policy").next().is_some() {
            return;
        }
        let end = file.stmts.last().map_or(Span::default(), |s| Span { start: s.span.end, ..s.span });
        self.problems.push(
            Diagnostic::new(Code::E0208, end, "this file has no `policy`")
                .label("a policy says what happens with a request")
                .help("write for example `policy main { default { deny 404 \"nothing here\" } }`"),
        );
    }

    /// Looks a reference up, notes its use, reports it if there is none.
    fn refer(&mut self, of: Refers, path: &'a Path) -> Option<Entity> {
        match self.names.find(of, path) {
            Found::Decl(decl) => {
                let entity = decl.entity;
                let space = if of == Refers::Endpoint { Refers::Pool } else { of };
                if let Some(name) = crate::resolve::value::single(path) {
                    self.used.insert((space, name));
                }
                Some(entity)
            }
            Found::Silent => None,
            Found::Unknown => {
                let problem = self.names.unknown(of, path);
                self.problems.push(problem);
                None
            }
        }
    }
}

fn step(counter: &mut u32) -> u32 {
    let now = *counter;
    *counter = counter.saturating_add(1);
    now
}

fn step_usize(counter: &mut usize) -> usize {
    let now = *counter;
    *counter = counter.saturating_add(1);
    now
}
