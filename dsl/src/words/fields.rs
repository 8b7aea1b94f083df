//! What a condition can read (`language.md` §6).

use super::Availability;
use crate::hir::{Tier, Type};

/// How the part of a field's path behind its fixed words is read.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Key {
    /// There is none: `client.ip`.
    None,
    /// One name of any kind: `query.page`, `meta.app`.
    Name,
    /// A header's name; case does not matter.
    Header,
    /// A parameter of the request body: `param.max_tokens`.
    Param,
    /// A path into the request body: `body.tools[*].type`.
    Body,
    /// The name of a pool or endpoint and a metric: `live.pool.chat.healthy`.
    Live,
    /// The name of a declaration and a metric, of words that come later: `live.limit.N.left`, `classify.N`.
    Declared,
}

/// One row: a field or a family of fields.
#[derive(Clone, Copy, Debug)]
pub struct FieldWord {
    /// The fixed part: `client.ip`, `header`.
    pub name: &'static str,
    /// What follows it.
    pub key: Key,
    /// Type of its value.
    pub ty: Type,
    /// What it costs.
    pub tier: Tier,
    /// Whether it can be absent.
    pub optional: bool,
    /// Whether this build reads it.
    pub availability: Availability,
    /// One line.
    pub doc: &'static str,
    /// A condition that uses it.
    pub example: &'static str,
}

const fn field(name: &'static str, ty: Type, tier: Tier, doc: &'static str, example: &'static str) -> FieldWord {
    FieldWord { name, key: Key::None, ty, tier, optional: false, availability: Availability::Now, doc, example }
}

/// The rows, in the order of the manual.
pub const FIELDS: &[FieldWord] = &[
    field("method", Type::Text, Tier::Head, "request method, upper case", "method == \"POST\""),
    field(
        "host",
        Type::Text,
        Tier::Head,
        "host the client asked for, lower case, without port",
        "host == \"llm.example.com\"",
    ),
    field("path", Type::Text, Tier::Head, "path without query", "path starts_with \"/v1/\""),
    field("query", Type::Text, Tier::Head, "a query parameter", "query.debug is present").keyed(Key::Name),
    field("header", Type::Text, Tier::Head, "a request header", "header.x-team == \"red\"").keyed(Key::Header),
    field("client.ip", Type::Ip, Tier::Head, "address of the client", "client.ip in [10.0.0.0/8]"),
    field("client.key", Type::Text, Tier::Head, "id of the client's key", "client.key == \"vk-7\"").optional(),
    field("client.user", Type::Text, Tier::Head, "user", "client.user is present").optional(),
    field("client.team", Type::Text, Tier::Head, "team", "client.team == \"payments\"").optional(),
    field("client.tenant", Type::Text, Tier::Head, "tenant", "client.tenant in [\"acme\", \"beta\"]").optional(),
    field("client.groups", Type::TextList, Tier::Head, "groups", "client.groups contains \"admins\"").optional(),
    field("client.tags", Type::Text, Tier::Head, "a tag of the client's key", "client.tags.stage == \"prod\"")
        .keyed(Key::Name),
    field(
        "client.jwt",
        Type::Text,
        Tier::Head,
        "a claim of the client's token",
        "client.jwt.iss ends_with \".corp\"",
    )
    .keyed(Key::Name),
    field(
        "client.authenticated",
        Type::Bool,
        Tier::Head,
        "whether an `auth` knows the client",
        "client.authenticated",
    ),
    field("time", Type::Time, Tier::Head, "now; only with `in SCHEDULE`", "time in office").later(),
    field("time.clock", Type::Clock, Tier::Head, "time of the day", "time.clock in 08:00..18:30"),
    field("time.weekday", Type::Weekday, Tier::Head, "day of the week", "time.weekday in mon..fri"),
    field("api", Type::Class, Tier::Head, "which API the path belongs to", "api == \"chat\""),
    field("model", Type::Text, Tier::Peek, "model asked for, after `alias`", "model like \"gpt-*\"").optional(),
    field("model.requested", Type::Text, Tier::Peek, "model as the client wrote it", "model.requested == \"fast\"")
        .optional(),
    field("stream", Type::Bool, Tier::Peek, "whether a stream is asked for", "stream"),
    field("param", Type::Json, Tier::Body, "a parameter of the request body", "param.max_tokens > 4096")
        .keyed(Key::Param),
    field("prompt.system", Type::Text, Tier::Body, "system texts", "prompt.system contains \"pirate\"").optional(),
    field("prompt.user", Type::Text, Tier::Body, "all texts of the user", "prompt.user contains \"secret\"")
        .optional(),
    field("prompt.last", Type::Text, Tier::Body, "last text of the user", "prompt.last starts_with \"/\"").optional(),
    field("prompt.all", Type::Text, Tier::Body, "every text", "prompt.all contains any [\"password\", \"api key\"]")
        .optional(),
    field("prompt.turns", Type::Int, Tier::Body, "number of messages", "prompt.turns > 20"),
    field("prompt.roles", Type::TextList, Tier::Body, "roles in order", "prompt.roles contains \"tool\""),
    field(
        "prompt.prefix",
        Type::Text,
        Tier::Body,
        "the prompt's first bytes, for `balance hash`",
        "prompt.prefix is present",
    )
    .later(),
    field("uses.tools", Type::Bool, Tier::Body, "tools are offered", "uses.tools"),
    field("uses.images", Type::Bool, Tier::Body, "an image is in the prompt", "not uses.images"),
    field("uses.audio", Type::Bool, Tier::Body, "sound is in the prompt", "uses.audio"),
    field("uses.json_schema", Type::Bool, Tier::Body, "an answer by schema is asked for", "uses.json_schema"),
    field("tool.names", Type::TextList, Tier::Body, "names of the offered tools", "tool.names contains \"shell\"")
        .optional(),
    field("meta", Type::Text, Tier::Body, "a member of the body's `metadata`", "meta.app == \"bot\"")
        .keyed(Key::Name),
    field(
        "body",
        Type::Json,
        Tier::Body,
        "anything in the body; takes the type of the value beside it",
        "body.tools[*].type contains \"mcp\"",
    )
    .keyed(Key::Body),
    field("tokens.input", Type::Int, Tier::Tokens, "estimated tokens of the prompt", "tokens.input > 48k").later(),
    field("tokens.wanted", Type::Int, Tier::Tokens, "input and `max_tokens` together", "tokens.wanted > 100k")
        .later(),
    field(
        "classify",
        Type::Class,
        Tier::Classifier,
        "label, `.score` and `.sure` of a classifier",
        "classify.intent == \"code\"",
    )
    .keyed(Key::Declared)
    .later(),
    field("live.pool", Type::Int, Tier::Head, "health and load of a pool", "live.pool.chat.healthy == 0")
        .keyed(Key::Live),
    field(
        "live.endpoint",
        Type::Int,
        Tier::Head,
        "health and load of an endpoint",
        "live.endpoint.spare.latency_p95 > 4s",
    )
    .keyed(Key::Live),
    field("live.limit", Type::Int, Tier::Head, "what is left of a limit", "live.limit.team-rate.left < 10")
        .keyed(Key::Declared)
        .later(),
    field("live.budget", Type::Percent, Tier::Head, "what is left of a budget", "live.budget.team-month.used >= 95%")
        .keyed(Key::Declared)
        .later(),
];

/// Parameters with a fixed type; every other one takes the type of the value beside it.
pub const PARAMS: &[(&str, Type)] = &[
    ("max_tokens", Type::Int),
    ("max_completion_tokens", Type::Int),
    ("max_output_tokens", Type::Int),
    ("temperature", Type::Float),
    ("top_p", Type::Float),
    ("top_k", Type::Int),
    ("n", Type::Int),
    ("seed", Type::Int),
    ("presence_penalty", Type::Float),
    ("frequency_penalty", Type::Float),
];

/// What `live.pool.N` and `live.endpoint.N` offer.
pub const LIVE_METRICS: &[(&str, crate::hir::LiveMetric, Type, &str)] = &[
    ("healthy", crate::hir::LiveMetric::Healthy, Type::Int, "usable members"),
    ("in_flight", crate::hir::LiveMetric::InFlight, Type::Int, "requests in flight"),
    ("latency_p50", crate::hir::LiveMetric::LatencyP50, Type::Duration, "median time to the first byte"),
    ("latency_p95", crate::hir::LiveMetric::LatencyP95, Type::Duration, "95th percentile of it"),
    ("error_rate", crate::hir::LiveMetric::ErrorRate, Type::Percent, "share of failed attempts"),
];

/// The first words of fields that belong to the answer, which no condition can read.
pub const OF_THE_ANSWER: &[&str] = &["response", "answer", "status", "upstream", "usage", "resp", "beresp"];

/// Every fixed field name, for "did you mean".
pub fn names() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().map(|f| f.name)
}

// === impl FieldWord ===

impl FieldWord {
    /// A family of fields; keyed ones can be absent.
    const fn keyed(mut self, key: Key) -> Self {
        self.key = key;
        self.optional = !matches!(key, Key::Live | Key::Declared);
        self
    }

    const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    const fn later(mut self) -> Self {
        self.availability = Availability::Later;
        self
    }

    /// How the manual writes it: `header.K`.
    #[must_use]
    pub fn sketch(&self) -> String {
        let rest = match self.key {
            Key::None => "",
            Key::Name | Key::Header | Key::Param => ".K",
            Key::Body => ".PATH",
            Key::Live => ".NAME.METRIC",
            Key::Declared => ".NAME…",
        };
        format!("{}{rest}", self.name)
    }
}
