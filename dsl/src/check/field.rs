//! Paths to fields: which field of the request a dotted name reads.

use std::sync::Arc;

use super::Checker;
use crate::diag::{Code, Diagnostic};
use crate::hir::{BodyStep, Field, FieldKind, LiveMetric, Tier, Type};
use crate::resolve::names::Entity;
use crate::resolve::value;
use crate::syntax::ast::{Path, Segment};
use crate::words::fields::{self, FieldWord, Key};
use crate::words::{Availability, Refers};

// === impl Checker ===

impl<'a> Checker<'a, '_, '_> {
    /// The field that a path reads; `None` after a diagnostic, or where another diagnostic has said enough.
    pub(super) fn field(&mut self, path: &'a Path) -> Option<Field> {
        let Some((word, rest)) = row(path) else {
            if !self.is_table(path) && !self.names.doubtful(path) {
                let problem = self.unknown_field(path);
                self.problems.push(problem);
            }
            return None;
        };
        if word.availability == Availability::Later {
            self.refuse(word.name, path.span);
            return None;
        }
        let mut name = value::path_text(path);
        if word.key == Key::Header {
            name.make_ascii_lowercase();
        }
        let name: Arc<str> = name.into();
        let (kind, ty) = match word.key {
            Key::None if rest.is_empty() => (plain(word.name)?, word.ty),
            Key::Name | Key::Header | Key::Param => {
                let Some(key) = one_key(rest) else {
                    self.bad_key(word, path);
                    return None;
                };
                keyed(word, key)
            }
            Key::Body => {
                let Some(steps) = body_steps(rest) else {
                    self.bad_key(word, path);
                    return None;
                };
                (FieldKind::Body(steps), Type::Json)
            }
            Key::Live => return self.live(word, path, rest, name),
            Key::None | Key::Declared => {
                let problem = self.unknown_field(path);
                self.problems.push(problem);
                return None;
            }
        };
        let (tier, optional) = (word.tier, word.optional);
        Some(Field { kind, name, lower: false, count: false, ty, tier, optional })
    }

    /// `tenants[client.tenant].tier`: the table's own declaration has been refused.
    pub(super) fn is_table(&self, path: &Path) -> bool {
        let Some(Segment::Name(first)) = path.segments.first() else { return false };
        self.names.decl(Refers::Set, first).is_some_and(|d| d.word.availability == Availability::Later)
    }

    fn live(&mut self, word: &FieldWord, path: &'a Path, rest: &[Segment], name: Arc<str>) -> Option<Field> {
        let names: Option<Vec<&str>> =
            rest.iter().map(|s| if let Segment::Name(n) = s { Some(n.as_str()) } else { None }).collect();
        let Some((metric, of)) = names.as_deref().and_then(|n| n.split_last()).filter(|(_, of)| !of.is_empty())
        else {
            self.bad_key(word, path);
            return None;
        };
        let Some((_, metric, ty, _)) = fields::LIVE_METRICS.iter().find(|(m, ..)| m == metric) else {
            self.bad_metric(metric, path);
            return None;
        };
        let kind = self.live_kind(word, &of.join("."), path, *metric)?;
        Some(Field { kind, name, lower: false, count: false, ty: *ty, tier: Tier::Head, optional: false })
    }

    fn live_kind(&mut self, word: &FieldWord, of: &str, path: &'a Path, metric: LiveMetric) -> Option<FieldKind> {
        let refers = if word.name == "live.pool" { Refers::Pool } else { Refers::Endpoint };
        let segments: Vec<_> = of.split('.').map(|s| Segment::Name(s.to_owned())).collect();
        let name = Path { span: path.span, segments };
        let entity = match self.names.find(refers, &name) {
            crate::resolve::names::Found::Decl(decl) => {
                if let Some((_, known)) = self.names.order.iter().find(|(k, n)| *k == Refers::Pool && *n == of) {
                    self.used.insert((Refers::Pool, known));
                }
                decl.entity
            }
            crate::resolve::names::Found::Silent => return None,
            crate::resolve::names::Found::Unknown => {
                let mut problem = self.names.unknown(refers, &name);
                problem.fixes.clear();
                self.problems.push(problem);
                return None;
            }
        };
        match (entity, refers) {
            (Entity::Endpoint(id), Refers::Endpoint) => Some(FieldKind::LiveEndpoint(id, metric)),
            (Entity::Endpoint(id), _) => Some(FieldKind::LivePool(self.implicit_pool(id), metric)),
            (Entity::Pool(id), Refers::Pool) => Some(FieldKind::LivePool(id, metric)),
            (Entity::Pool(_), _) => {
                self.problems.push(
                    Diagnostic::new(Code::E0201, path.span, format!("`{of}` is a pool, not an endpoint"))
                        .help(format!("write `live.pool.{of}.…`")),
                );
                None
            }
            (Entity::List(_) | Entity::Condition(_) | Entity::Bundle(_) | Entity::Other, _) => None,
        }
    }

    fn bad_metric(&mut self, metric: &str, path: &Path) {
        let all = || fields::LIVE_METRICS.iter().map(|(m, ..)| *m);
        let problem = Diagnostic::new(Code::E0303, path.span, format!("`live` has no figure `{metric}`"));
        let problem = match self.names.nearest(metric, all()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!("figures: {}", all().collect::<Vec<_>>().join(", "))),
        };
        self.problems.push(problem);
    }

    fn bad_key(&mut self, word: &FieldWord, path: &Path) {
        let said = value::path_text(path);
        let problem = Diagnostic::new(Code::E0303, path.span, format!("`{said}` is no field"))
            .label(format!("fields of this family are written `{}`", word.sketch()));
        let rest = said.get(word.name.len()..).unwrap_or_default().trim_start_matches('.');
        let problem = match word.key {
            Key::Name | Key::Header if rest.contains('.') => {
                problem.help(format!("put a name with dots in brackets: `{}[\"{rest}\"]`", word.name))
            }
            Key::None | Key::Name | Key::Header | Key::Param | Key::Body | Key::Live | Key::Declared => {
                problem.help(format!("for example `{}`", word.example))
            }
        };
        self.problems.push(problem);
    }

    fn unknown_field(&self, path: &Path) -> Diagnostic {
        let said = value::path_text(path);
        let first = match path.segments.first() {
            Some(Segment::Name(first)) => first.as_str(),
            Some(_) | None => "",
        };
        if fields::OF_THE_ANSWER.contains(&first) {
            return Diagnostic::new(
                Code::E0308,
                path.span,
                format!("`{said}` belongs to the answer; rules see the request only"),
            )
            .help("react to answers with failure classes: `fallback POOL on [5xx, timeout]` or `retry 1 on [429]`");
        }
        let problem = Diagnostic::new(Code::E0303, path.span, format!("no field or `let` is named `{said}`"));
        let known = fields::names().map(|n| -> &'a str { n }).chain(self.names.all(Refers::Condition));
        if let Some(near) = self.names.nearest(&said, known) {
            return problem.label("unknown field").help(format!("did you mean `{near}`?")).fix(path.span, near);
        }
        let families = fields::FIELDS.iter().map(|f| f.name.split('.').next().unwrap_or(f.name));
        match said.split_once('.').and_then(|(_, rest)| Some((self.names.nearest(first, families)?, rest))) {
            Some((family, rest)) if family != first => {
                let whole = format!("{family}.{rest}");
                problem.label("unknown field").help(format!("did you mean `{whole}`?")).fix(path.span, whole)
            }
            Some((family, rest)) => {
                let inside = |n: &'static str| n.strip_prefix(family).and_then(|n| n.strip_prefix('.'));
                let all: Vec<_> = fields::names().filter_map(inside).collect();
                match self.names.nearest(rest, all.iter().copied()) {
                    Some(near) => {
                        let whole = format!("{family}.{near}");
                        problem.label("unknown field").help(format!("did you mean `{whole}`?")).fix(path.span, whole)
                    }
                    None => problem.label("unknown field").help(format!("`{family}.` has: {}", all.join(", "))),
                }
            }
            None => {
                let inside: Vec<_> =
                    fields::names().filter_map(|n| n.strip_prefix(&said).and_then(|n| n.strip_prefix('.'))).collect();
                let problem = problem.label("unknown field");
                if inside.is_empty() {
                    problem.help("`docs/language.md` lists the fields; a header is `header.NAME`")
                } else {
                    problem.help(format!("`{said}.` has: {}", inside.join(", ")))
                }
            }
        }
    }
}

/// The row with the longest fixed part, and what follows it.
fn row(path: &Path) -> Option<(&'static FieldWord, &[Segment])> {
    let [Segment::Name(first), rest @ ..] = path.segments.as_slice() else { return None };
    if let [Segment::Name(second), after @ ..] = rest {
        let two =
            fields::FIELDS.iter().find(|f| f.name.split_once('.').is_some_and(|(a, b)| a == first && b == second));
        if let Some(row) = two {
            return Some((row, after));
        }
    }
    let row = fields::FIELDS.iter().find(|f| f.name == first)?;
    (row.key != Key::None || rest.is_empty()).then_some((row, rest))
}

fn one_key(rest: &[Segment]) -> Option<&str> {
    match rest {
        [Segment::Name(key) | Segment::Key(key)] if !key.is_empty() => Some(key),
        _ => None,
    }
}

fn body_steps(rest: &[Segment]) -> Option<Vec<BodyStep>> {
    if rest.is_empty() {
        return None;
    }
    rest.iter()
        .map(|segment| match segment {
            Segment::Name(key) | Segment::Key(key) => Some(BodyStep::Key(key.as_str().into())),
            Segment::Index(index) => Some(BodyStep::Index(*index)),
            Segment::EachIndex | Segment::Star => Some(BodyStep::Each),
            Segment::PathKey(_) => None,
        })
        .collect()
}

fn keyed(word: &FieldWord, key: &str) -> (FieldKind, Type) {
    let text: Arc<str> = key.into();
    match word.name {
        "header" => (FieldKind::Header(key.to_ascii_lowercase().into()), word.ty),
        "query" => (FieldKind::Query(text), word.ty),
        "client.tags" => (FieldKind::ClientTag(text), word.ty),
        "client.jwt" => (FieldKind::ClientJwt(text), word.ty),
        "meta" => (FieldKind::Meta(text), word.ty),
        _ => (FieldKind::Param(text), param_type(key)),
    }
}

/// The type of `param.K`.
pub(super) fn param_type(key: &str) -> Type {
    fields::PARAMS.iter().find(|(name, _)| *name == key).map_or(Type::Json, |(_, ty)| *ty)
}

fn plain(name: &str) -> Option<FieldKind> {
    Some(match name {
        "method" => FieldKind::Method,
        "host" => FieldKind::Host,
        "path" => FieldKind::Path,
        "client.ip" => FieldKind::ClientIp,
        "client.key" => FieldKind::ClientKey,
        "client.user" => FieldKind::ClientUser,
        "client.team" => FieldKind::ClientTeam,
        "client.tenant" => FieldKind::ClientTenant,
        "client.groups" => FieldKind::ClientGroups,
        "client.authenticated" => FieldKind::ClientAuthenticated,
        "time" => FieldKind::Time,
        "time.clock" => FieldKind::TimeClock,
        "time.weekday" => FieldKind::TimeWeekday,
        "api" => FieldKind::Api,
        "model" => FieldKind::Model,
        "model.requested" => FieldKind::ModelRequested,
        "stream" => FieldKind::Stream,
        "prompt.system" => FieldKind::PromptSystem,
        "prompt.user" => FieldKind::PromptUser,
        "prompt.last" => FieldKind::PromptLast,
        "prompt.all" => FieldKind::PromptAll,
        "prompt.turns" => FieldKind::PromptTurns,
        "prompt.roles" => FieldKind::PromptRoles,
        "prompt.prefix" => FieldKind::PromptPrefix,
        "uses.tools" => FieldKind::UsesTools,
        "uses.images" => FieldKind::UsesImages,
        "uses.audio" => FieldKind::UsesAudio,
        "uses.json_schema" => FieldKind::UsesJsonSchema,
        "tool.names" => FieldKind::ToolNames,
        "tokens.input" => FieldKind::TokensInput,
        "tokens.wanted" => FieldKind::TokensWanted,
        _ => return None,
    })
}
