//! `route` and `split`: where requests go, and where they go next.

use std::sync::Arc;

use super::Checker;
use super::endpoint::timeouts;
use super::statements::{Entry, Opened};
use crate::diag::{Code, Diagnostic};
use crate::hir::{ClassSet, FailureClass, Fallback, PoolId, Route, Split, Target, Timeouts};
use crate::resolve::args::Val;
use crate::resolve::names::Entity;
use crate::resolve::value::whole;
use crate::span::Span;
use crate::syntax::ast::{Node, Path};
use crate::words::{Place, Refers};

/// A whole, in the unit of [`Split::branches`].
const WHOLE: u32 = 10_000;

// === impl Checker ===

impl<'a> Checker<'a, '_, '_> {
    pub(super) fn route(&mut self, entry: &Entry<'a>) -> Option<Route> {
        let pool = entry.args.at(0).and_then(Val::path).and_then(|p| self.target(p));
        let or_else = match entry.args.of("else").and_then(Val::path) {
            Some(path) => Some(self.target(path)?),
            None => None,
        };
        let as_model = entry.args.of("as").and_then(Val::text).map(|m| self.unaliased(&m));
        let settings = self.route_block(entry.node)?;
        Some(Route { to: Target { pool: pool?, as_model }, or_else, ..settings })
    }

    /// The pool of a reference; an endpoint gets one of its own.
    fn target(&mut self, path: &'a Path) -> Option<PoolId> {
        if self.is_table(path) {
            return None;
        }
        match self.refer(Refers::Pool, path)? {
            Entity::Pool(id) => Some(id),
            Entity::Endpoint(id) => Some(self.implicit_pool(id)),
            Entity::List(_) | Entity::Condition(_) | Entity::Bundle(_) | Entity::Other => None,
        }
    }

    /// The settings of a route's block; `to` is filled by the caller.
    fn route_block(&mut self, node: &'a Node) -> Option<Route> {
        let blank = Route {
            to: Target { pool: PoolId(0), as_model: None },
            or_else: None,
            timeouts: Timeouts::default(),
            retry: None,
            hedge: None,
            fallbacks: Vec::new(),
        };
        let Some(block) = &node.block else { return Some(blank) };
        let opened = self.open(&block.stmts, Place::Route, None);
        let mut route = blank;
        let mut sound = opened.sound && opened.entries.iter().all(|e| e.sound);
        if let Some(line) = opened.one("timeout").filter(|e| e.sound) {
            self.some_timer(line);
            route.timeouts = timeouts(&line.args);
        }
        if let Some(line) = opened.one("retry").filter(|e| e.sound) {
            route.retry = self.retry(line);
        }
        for line in opened.of("fallback").filter(|e| e.sound) {
            match self.fallback(line) {
                Some(fallback) => route.fallbacks.push(fallback),
                None => sound = false,
            }
        }
        sound.then_some(route)
    }

    fn fallback(&mut self, line: &Entry<'a>) -> Option<Fallback> {
        let pool = line.args.at(0).and_then(Val::path).and_then(|p| self.target(p))?;
        let on = line.args.of("on").and_then(Val::classes)?;
        let as_model = line.args.of("as").and_then(Val::text).map(|m| self.unaliased(&m));
        if on == ClassSet::EMPTY {
            let span = line.args.span_of("on").unwrap_or(line.node.word.span);
            self.problems.push(
                Diagnostic::new(Code::E0505, span, "this fallback names no failures, so it is never used")
                    .help("for example `on [timeout, 5xx, 429]`"),
            );
        }
        Some(Fallback { to: Target { pool, as_model }, on, span: line.name_span() })
    }

    pub(super) fn split(&mut self, entry: &Entry<'a>, salt: &str) -> Option<Split> {
        let by = match entry.args.of("by").and_then(Val::path) {
            Some(path) => {
                let field = self.field(path)?;
                Some(self.interner.field(field))
            }
            None => None,
        };
        let block = entry.node.block.as_ref()?;
        let opened = self.open(&block.stmts, Place::Split, None);
        let mut branches = Vec::new();
        let mut sound = opened.sound;
        let mut total = 0_u32;
        for line in opened.of("to") {
            let share = self.share(line);
            let route = if line.sound { self.branch(line) } else { None };
            let (Some(share), Some(route)) = (share, route) else {
                sound = false;
                continue;
            };
            total = total.saturating_add(share);
            branches.push((total, Arc::new(route)));
        }
        if sound && total != WHOLE {
            self.not_whole(&opened, entry, total);
            return None;
        }
        sound.then(|| Split { by, salt: salt.into(), branches })
    }

    fn branch(&mut self, line: &Entry<'a>) -> Option<Route> {
        let pool = line.args.at(0).and_then(Val::path).and_then(|p| self.target(p));
        let as_model = line.args.of("as").and_then(Val::text).map(|m| self.unaliased(&m));
        let settings = self.route_block(line.node)?;
        Some(Route { to: Target { pool: pool?, as_model }, ..settings })
    }

    /// A branch's part in hundredths of a per cent.
    fn share(&mut self, line: &Entry<'a>) -> Option<u32> {
        let percent = line.args.at(1).and_then(Val::percent)?;
        let span = line.args.span_at(1).unwrap_or(line.node.word.span);
        // INVARIANT: a written number of at most two decimals times 100 is within rounding of a whole one.
        let hundredths = (percent * 100.0).round();
        if (percent * 100.0 - hundredths).abs() > 1e-6 {
            self.problems.push(
                Diagnostic::new(Code::E0507, span, "shares go down to 0.01%")
                    .help(format!("write `{}%`", hundredths / 100.0)),
            );
            return None;
        }
        if hundredths == 0.0 {
            self.problems.push(
                Diagnostic::new(Code::E0507, span, "a share of nothing is never chosen").help("take the line out"),
            );
            return None;
        }
        whole(hundredths).ok().and_then(|h| u32::try_from(h).ok())
    }

    fn not_whole(&mut self, opened: &Opened<'a>, entry: &Entry<'a>, total: u32) {
        let sum = f64::from(total) / 100.0;
        let last = opened.of("to").last().and_then(|e| e.args.span_at(1));
        let span = last.unwrap_or(entry.node.word.span);
        let problem = Diagnostic::new(Code::E0507, span, format!("the shares add up to {sum}%, not to 100%"));
        let own = opened.of("to").last().and_then(|e| e.args.at(1)).and_then(Val::percent).unwrap_or_default();
        let right = 100.0 - (sum - own);
        self.problems.push(if right > 0.0 && last.is_some() {
            let right = (right * 100.0).round() / 100.0;
            problem.help(format!("with `{right}%` here they would"))
        } else {
            problem.help("change the shares so that they do")
        });
    }
}

/// W0504: failures that the same request meets again.
pub(super) fn unsafe_retry(on: ClassSet, line: &Entry<'_>, problems: &mut Vec<Diagnostic>) {
    const AGAIN: &[(FailureClass, &str)] = &[
        (FailureClass::ClientError, "the same request is wrong again"),
        (FailureClass::Auth, "the credential does not change"),
        (FailureClass::ContextExceeded, "the prompt is as long as before"),
        (FailureClass::ContentFilter, "the text is the same"),
        (FailureClass::Refused, "the text is the same"),
        (FailureClass::StreamBroken, "nothing is retried after the first byte"),
    ];
    let span: Span = line.args.span_of("on").unwrap_or(line.node.word.span);
    for (class, why) in AGAIN.iter().filter(|(class, _)| on.has(*class)) {
        problems.push(
            Diagnostic::new(Code::W0504, span, format!("a retry does not help after `{}`", class.word()))
                .label(*why)
                .help(format!("take `{}` out; a `fallback … on [{}]` may help", class.word(), class.word())),
        );
    }
}
