//! Settings of `endpoint`, its `model` lines, `pool`, `route` and `split`.

use super::{Arg, Place, Refers, Shape, Word, key, kinds, pos, word};

const TIMEOUT: &[Arg] = &[
    key("connect", Shape::Duration),
    key("first_byte", Shape::Duration),
    key("idle", Shape::Duration),
    key("total", Shape::Duration),
];
const RETRY: &[Arg] = &[
    pos(Shape::Int),
    key("on", Shape::Classes).needed(),
    key("backoff", Shape::Durations),
    key("budget", Shape::Percent),
];
const HEDGE: &[Arg] = &[key("after", Shape::Duration).needed(), key("max", Shape::Int).needed()];
const HEALTH: &[Arg] = &[
    pos(Shape::Choice(&["get"])),
    pos(Shape::Text),
    key("every", Shape::Duration).needed(),
    key("timeout", Shape::Duration).needed(),
    key("up", Shape::Int).needed(),
    key("down", Shape::Int).needed(),
];
const TIMEOUT_DOC: &str = "timers: to connect, to the first byte of the answer, between two reads, for everything";
const TIMEOUT_EXAMPLE: &str = "timeout connect 300ms first_byte 5s idle 10s total 60s";
const RETRY_EXAMPLE: &str = "retry 2 on [connect, 429, 5xx] backoff 100ms..2s budget 20%";
const HEALTH_EXAMPLE: &str = "health get \"/health\" every 5s timeout 1s up 2 down 2";

/// The rows.
pub(crate) const WORDS: &[Word] = &[
    word(Place::Endpoint, "provider", "the kind of vendor", "provider openai")
        .args(&[pos(Shape::Choice(kinds::PROVIDER_NAMES))])
        .required(),
    word(Place::Endpoint, "url", "base URL as the vendor's SDK writes it", "url \"https://api.openai.com/v1\"")
        .args(&[pos(Shape::Text)]),
    word(
        Place::Endpoint,
        "key",
        "where the credential is found; never the credential itself",
        "key secret(\"env:OPENAI_API_KEY\")",
    )
    .args(&[pos(Shape::Secret)]),
    word(
        Place::Endpoint,
        "model",
        "a model it serves; without `model` lines it serves any name",
        "model \"gpt-4o\" as \"prod-4o\" { context 128k }",
    )
    .args(&[pos(Shape::Text), key("as", Shape::Text)])
    .body_optional(Place::Model)
    .repeats(),
    word(Place::Endpoint, "region", "where it runs", "region \"eu-west\"").args(&[pos(Shape::Text)]),
    word(Place::Endpoint, "zone", "the zone inside its region", "zone \"eu-west-1a\"").args(&[pos(Shape::Text)]),
    word(Place::Endpoint, "weight", "its share where a pool states none", "weight 3").args(&[pos(Shape::Int)]),
    word(Place::Endpoint, "capacity", "requests in flight at most", "capacity 64").args(&[pos(Shape::Int)]),
    word(Place::Endpoint, "rate", "requests or tokens it accepts", "rate 10k requests per 1m")
        .args(&[
            pos(Shape::Int),
            pos(Shape::Choice(&["requests", "tokens"])),
            key("per", Shape::Duration).needed(),
            key("burst", Shape::Int),
        ])
        .repeats()
        .later(),
    word(Place::Endpoint, "timeout", TIMEOUT_DOC, TIMEOUT_EXAMPLE).args(TIMEOUT),
    word(Place::Endpoint, "health", "asks it from time to time whether it is well", HEALTH_EXAMPLE)
        .args(HEALTH)
        .later(),
    word(Place::Endpoint, "tls", "certificates and the name to expect", "tls ca \"file:/etc/weir/ca.pem\"").args(&[
        key("ca", Shape::File),
        key("cert", Shape::File),
        key("key", Shape::File),
        key("server_name", Shape::Text),
    ]),
    word(Place::Endpoint, "header", "a header on every request to it", "header x-org \"netops\"")
        .args(&[pos(Shape::Header), pos(Shape::TextOrSecret)])
        .repeats(),
    word(Place::Model, "context", "its context window in tokens", "context 128k").args(&[pos(Shape::Int)]),
    word(Place::Model, "max_output", "its longest answer in tokens", "max_output 8k").args(&[pos(Shape::Int)]),
    word(Place::Model, "price", "dollars for a million tokens", "price input $2.50 output $10.00")
        .args(&[key("input", Shape::Money).needed(), key("output", Shape::Money).needed()]),
    word(Place::Model, "supports", "what it can do", "supports [tools, json]").args(&[pos(Shape::Words)]),
    word(Place::Pool, "balance", "how a member is chosen inside a tier", "balance p2c").args(&[
        pos(Shape::Choice(kinds::BALANCE_NAMES)),
        pos(Shape::Field).optional(),
        pos(Shape::Size).optional(),
    ]),
    word(
        Place::Pool,
        "member",
        "an endpoint of the pool; lower tiers are used first",
        "member spare weight 3 tier 1",
    )
    .args(&[
        pos(Shape::Ref(Refers::Endpoint)),
        key("weight", Shape::Int),
        key("tier", Shape::Int),
        key("as", Shape::Text),
    ])
    .repeats(),
    word(Place::Pool, "overflow", "where to go when this share of the capacity is used", "overflow 80% to spare")
        .args(&[pos(Shape::Percent), key("to", Shape::Ref(Refers::Pool)).needed()])
        .later(),
    word(Place::Pool, "health", "asks every member from time to time whether it is well", HEALTH_EXAMPLE)
        .args(HEALTH)
        .later(),
    word(
        Place::Pool,
        "eject",
        "leaves a member out for a while after failures in a row",
        "eject after 5 errors for 30s max 50%",
    )
    .args(&[
        key("after", Shape::Int).needed().noise("errors"),
        key("for", Shape::Duration).needed(),
        key("max", Shape::Percent).needed(),
    ]),
    word(
        Place::Pool,
        "breaker",
        "stops sending when too many requests fail",
        "breaker errors 50% over 10s min 20 open 30s probes 3",
    )
    .args(&[
        key("errors", Shape::Percent).needed(),
        key("over", Shape::Duration).needed(),
        key("min", Shape::Int).needed(),
        key("open", Shape::Duration).needed(),
        key("probes", Shape::Int).needed(),
    ])
    .later(),
    word(Place::Pool, "retry", "tries another member after these failures", RETRY_EXAMPLE).args(RETRY),
    word(Place::Pool, "hedge", "a second try beside a slow first one", "hedge after 1500ms max 1")
        .args(HEDGE)
        .later(),
    word(Place::Pool, "timeout", TIMEOUT_DOC, TIMEOUT_EXAMPLE).args(TIMEOUT),
    word(Place::Route, "timeout", TIMEOUT_DOC, TIMEOUT_EXAMPLE).args(TIMEOUT),
    word(Place::Route, "retry", "instead of the pool's own", RETRY_EXAMPLE).args(RETRY),
    word(Place::Route, "hedge", "instead of the pool's own", "hedge after 1500ms max 1").args(HEDGE).later(),
    word(
        Place::Route,
        "fallback",
        "where to go next after these failures, in written order",
        "fallback other as \"claude-sonnet\" on [timeout, 5xx, overloaded]",
    )
    .args(&[pos(Shape::Ref(Refers::Pool)), key("as", Shape::Text), key("on", Shape::Classes).needed()])
    .repeats(),
    word(Place::Split, "to", "a share of the requests", "to spare 100%")
        .args(&[pos(Shape::Ref(Refers::Pool)), pos(Shape::Percent), key("as", Shape::Text)])
        .body_optional(Place::Route)
        .required()
        .repeats(),
];
