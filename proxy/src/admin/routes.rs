//! Every path of the admin listener, in one table.

use http::{Method, StatusCode};

use super::{AdminResponse, AdminState, show};

/// One path.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) verb: Verb,
    /// `{}` stands for one segment.
    pub(super) path: &'static str,
    /// Asked by machines that can neither present a token nor name us: says nothing but yes or no.
    pub(super) open: bool,
    pub(super) doc: &'static str,
    pub(super) answer: fn(&AdminState, &str) -> AdminResponse,
}

/// What may be done with a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verb {
    Get,
    Post,
}

/// A path that was asked for.
#[derive(Debug)]
pub(super) struct Found<'p> {
    pub(super) verb: Verb,
    pub(super) open: bool,
    pub(super) answer: fn(&AdminState, &str) -> AdminResponse,
    /// What stands for `{}`.
    pub(super) name: &'p str,
}

const fn get(path: &'static str, doc: &'static str, answer: fn(&AdminState, &str) -> AdminResponse) -> Route {
    Route { verb: Verb::Get, path, open: false, doc, answer }
}

const fn post(path: &'static str, doc: &'static str, answer: fn(&AdminState, &str) -> AdminResponse) -> Route {
    Route { verb: Verb::Post, path, open: false, doc, answer }
}

pub(super) const ROUTES: &[Route] = &[
    get("/", "this list", |_, _| index()),
    Route { open: true, ..get("/livez", "200 while the process runs", |_, _| show::live()) },
    Route {
        open: true,
        ..get("/readyz", "200 when new traffic is welcome, 503 with the reason when not", show::ready)
    },
    get("/metrics", "metrics in Prometheus's text format", show::metrics),
    get("/policy", "the policy in force, its files and warnings, the newest sets", show::policy),
    post("/policy/reload", "reads all files again; a broken file changes nothing", show::reload),
    post("/policy/rollback", "puts the set before the one in force back", show::rollback),
    get("/endpoints", "health, load and latency of every endpoint", show::endpoints),
    post("/endpoints/{}/drain", "takes an endpoint out of use; requests in flight go on", show::drain),
    post("/endpoints/{}/resume", "puts a drained endpoint back into use", show::resume),
    get("/limits", "limits and what is left of them", show::limits),
    get("/decisions/{}", "why one request was decided as it was", show::decision),
];

/// The route of a path, whatever the method.
pub(super) fn find(path: &str) -> Option<Found<'_>> {
    ROUTES.iter().find_map(|route| {
        let name = matched(route.path, path)?;
        let Route { verb, open, answer, .. } = route;
        Some(Found { verb: *verb, open: *open, answer: *answer, name })
    })
}

/// What stands for `{}` when `path` has the pattern's form; empty for a pattern without one.
fn matched<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    let Some((before, after)) = pattern.split_once("{}") else { return (pattern == path).then_some("") };
    let name = path.strip_prefix(before)?.strip_suffix(after)?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

// === impl Verb ===

impl Verb {
    pub(super) fn allows(self, method: &Method) -> bool {
        match self {
            Self::Get => *method == Method::GET || *method == Method::HEAD,
            Self::Post => *method == Method::POST,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }

    /// The value of `allow`.
    pub(super) fn allow(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
        }
    }
}

fn index() -> AdminResponse {
    let lines = ROUTES.iter().map(|r| format!("{:4} {:24} {}\n", r.verb.word(), r.path.replace("{}", "NAME"), r.doc));
    AdminResponse::text(StatusCode::OK, lines.collect::<String>())
}
