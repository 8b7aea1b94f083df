//! `pool` lines and their settings.

use super::Checker;
use super::endpoint::{small, timeouts};
use super::statements::{Entry, Opened};
use crate::diag::{Code, Diagnostic};
use crate::hir::{Balance, Eject, EndpointId, Member, Pool, PoolId, Retry, Timeouts};
use crate::resolve::args::{Args, Val};
use crate::resolve::names::Entity;
use crate::words::{Availability, Place, Refers, kinds};

// === impl Checker ===

impl<'a> Checker<'a, '_, '_> {
    pub(super) fn pool_lines(&mut self, top: &Opened<'a>) {
        // Every pool has its place before members and live fields ask for implicit ones.
        for entry in top.of("pool") {
            self.hir.pools.push(blank(entry));
        }
        for (index, entry) in top.of("pool").enumerate() {
            let before = self.problems.len();
            let pool = self.pool(entry);
            if let Some(slot) = self.hir.pools.get_mut(index) {
                *slot = pool;
            }
            if !entry.sound || self.problems.len() > before {
                self.broken_pools.insert(PoolId(u32::try_from(index).unwrap_or(u32::MAX)));
            }
        }
    }

    fn pool(&mut self, entry: &Entry<'a>) -> Pool {
        let opened = self.open(entry.stmts(), Place::Pool, entry.node.block.is_some().then_some(entry.node));
        let mut pool = blank(entry);
        for line in opened.of("member") {
            self.member_line(&mut pool, line);
        }
        if pool.members.is_empty()
            && opened.of("member").next().is_none()
            && opened.sound
            && entry.node.block.is_some()
        {
            self.problems.push(
                Diagnostic::new(Code::E0501, entry.name_span(), format!("pool `{}` has no members", pool.name))
                    .help("name an endpoint: `member NAME`"),
            );
        }
        if let Some(line) = opened.one("balance").filter(|e| e.sound) {
            pool.balance = self.balance(line);
        }
        if let Some(line) = opened.one("eject").filter(|e| e.sound) {
            pool.eject = eject(&line.args);
        }
        if let Some(line) = opened.one("retry").filter(|e| e.sound) {
            pool.retry = self.retry(line);
        }
        if let Some(line) = opened.one("timeout").filter(|e| e.sound) {
            self.some_timer(line);
            pool.timeouts = timeouts(&line.args);
        }
        pool
    }

    fn member_line(&mut self, pool: &mut Pool, line: &Entry<'a>) {
        let Some(path) = line.args.at(0).and_then(Val::path) else { return };
        let span = line.name_span();
        match self.refer(Refers::Endpoint, path) {
            Some(Entity::Endpoint(endpoint)) => {
                if pool
                    .members
                    .iter()
                    .any(|m| m.endpoint == endpoint && m.as_model == line.args.of("as").and_then(Val::text))
                {
                    let name = crate::resolve::value::path_text(path);
                    self.problems.push(
                        Diagnostic::new(Code::E0202, span, format!("`{name}` is a member of `{}` twice", pool.name))
                            .help("give it a `weight` instead"),
                    );
                    return;
                }
                let weight = line.args.of("weight").and_then(Val::int);
                if weight == Some(0) {
                    let at = line.args.span_of("weight").unwrap_or(span);
                    self.problems.push(
                        Diagnostic::new(Code::E0301, at, "`weight` must be above zero")
                            .help("take the member out to send it nothing"),
                    );
                }
                let default = self.endpoint_of(endpoint).map_or(1, |e| e.weight);
                pool.members.push(Member {
                    endpoint,
                    weight: weight.map_or(default, small),
                    tier: line.args.of("tier").and_then(Val::int).map_or(1, small),
                    as_model: line.args.of("as").and_then(Val::text).map(|m| self.unaliased(&m)),
                });
            }
            Some(Entity::Pool(_)) => {
                let name = crate::resolve::value::path_text(path);
                self.problems.push(
                    Diagnostic::new(Code::E0201, span, format!("`{name}` is a pool; members are endpoints")).help(
                        format!("name the endpoints of `{name}`, or use `fallback {name} on […]` in the route"),
                    ),
                );
            }
            Some(Entity::List(_) | Entity::Condition(_) | Entity::Bundle(_) | Entity::Other) | None => {}
        }
    }

    fn balance(&mut self, line: &Entry<'a>) -> Balance {
        let kind = line.args.at(0).and_then(Val::choice).unwrap_or_default();
        if let Some(row) = kinds::balance_of(kind).filter(|k| k.availability == Availability::Later) {
            self.refuse(row.name, line.name_span());
            return Balance::RoundRobin;
        }
        if let Some(extra) = line.args.span_at(1) {
            self.problems.push(
                Diagnostic::new(Code::E0207, extra, format!("`balance {kind}` takes nothing more"))
                    .help("only `balance hash FIELD` takes a field"),
            );
        }
        match kind {
            "weighted" => Balance::Weighted,
            "least_request" => Balance::LeastRequest,
            "p2c" => Balance::P2c,
            _ => Balance::RoundRobin,
        }
    }

    /// A `retry` line of a pool or a route.
    pub(super) fn retry(&mut self, line: &Entry<'a>) -> Option<Retry> {
        let attempts = line.args.at(0).and_then(Val::int).map(small)?;
        let on = line.args.of("on").and_then(Val::classes)?;
        let span = line.args.span_at(0).unwrap_or(line.node.word.span);
        if attempts >= self.limits.attempts {
            let max = self.limits.attempts;
            self.problems.push(
                Diagnostic::new(
                    Code::E0506,
                    span,
                    format!("{attempts} retries are too many: a request is tried {max} times at most"),
                )
                .help("2 or 3 are usual"),
            );
        }
        super::route::unsafe_retry(on, line, &mut self.problems);
        Some(Retry {
            attempts,
            on,
            backoff: line.args.of("backoff").and_then(Val::durations),
            budget: line.args.of("budget").and_then(Val::percent).map(percent_u8),
        })
    }

    pub(super) fn endpoint_of(&self, id: EndpointId) -> Option<&crate::hir::Endpoint> {
        usize::try_from(id.0).ok().and_then(|i| self.hir.endpoints.get(i))
    }

    pub(super) fn pool_of(&self, id: PoolId) -> Option<&Pool> {
        usize::try_from(id.0).ok().and_then(|i| self.hir.pools.get(i))
    }

    /// The pool that stands for an endpoint where a pool is expected.
    pub(super) fn implicit_pool(&mut self, endpoint: EndpointId) -> PoolId {
        if let Some(id) = self.implicit_pools.get(&endpoint) {
            return *id;
        }
        let id = PoolId(u32::try_from(self.hir.pools.len()).unwrap_or(u32::MAX));
        let (name, span) = self.endpoint_of(endpoint).map(|e| (e.name.clone(), e.span)).unwrap_or_default();
        self.hir.pools.push(Pool {
            name,
            span,
            implicit: true,
            members: vec![Member { endpoint, weight: 1, tier: 1, as_model: None }],
            ..empty()
        });
        self.implicit_pools.insert(endpoint, id);
        if self.broken_endpoints.contains(&endpoint) {
            self.broken_pools.insert(id);
        }
        id
    }
}

fn blank(entry: &Entry<'_>) -> Pool {
    Pool { name: entry.name().unwrap_or_default().into(), span: entry.name_span(), ..empty() }
}

fn empty() -> Pool {
    Pool {
        name: "".into(),
        span: crate::span::Span::default(),
        implicit: false,
        balance: Balance::RoundRobin,
        members: Vec::new(),
        retry: None,
        eject: None,
        breaker: None,
        hedge: None,
        overflow: None,
        timeouts: Timeouts::default(),
    }
}

fn eject(args: &Args<'_>) -> Option<Eject> {
    Some(Eject {
        after: args.of("after").and_then(Val::int).map(small)?.max(1),
        hold: args.of("for").and_then(Val::duration)?,
        max_percent: args.of("max").and_then(Val::percent).map(percent_u8)?,
    })
}

/// Per cent as a small whole number; fractions are rounded up, so that `0.5%` is not nothing.
pub(super) fn percent_u8(percent: f64) -> u8 {
    (0..=100_u8).find(|p| f64::from(*p) >= percent).unwrap_or(100)
}
