//! The resolved, typed policy: names are ids, conditions are interned atoms, actions are data.
//!
//! `resolve`/`check` write it, `tree`, `plan` and `failover` read it, and so do the proxy's pools. Nothing here
//! can fail: whatever could go wrong was a diagnostic. Every item keeps the span that put it there.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::span::Span;

/// Index of a [`Field`] in [`Hir::fields`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FieldId(pub u32);
/// Index of an [`Atom`] in [`Hir::atoms`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AtomId(pub u32);
/// Index of an [`Endpoint`] in [`Hir::endpoints`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EndpointId(pub u32);
/// Index of a [`Pool`] in [`Hir::pools`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PoolId(pub u32);
/// Index of a [`ListSet`] in [`Hir::lists`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ListId(pub u32);
/// Written order of a statement inside its policy; the rank by which first match is decided.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Rank(pub u32);

/// One compiled set of files.
#[derive(Clone, Debug, Default)]
pub struct Hir {
    /// Declared endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Declared pools, then one implicit pool for each endpoint that is used as a pool.
    pub pools: Vec<Pool>,
    /// Public model names that stand for others; applied before the rules.
    pub aliases: Vec<Alias>,
    /// Named lists, and the literal lists of `in [...]` that are worth a set of their own.
    pub lists: Vec<ListSet>,
    /// Distinct fields that some condition reads.
    pub fields: Vec<Field>,
    /// Distinct tests.
    pub atoms: Vec<Atom>,
    /// Policies in written order.
    pub policies: Vec<Policy>,
}

// --- values -------------------------------------------------------------------------------------------------

/// What a field may hold (`language.md` §5).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Type {
    /// true or false
    Bool,
    /// whole number
    Int,
    /// number
    Float,
    /// text
    Text,
    /// list of text
    TextList,
    /// bytes
    Size,
    /// length of time
    Duration,
    /// millionths of a dollar
    Money,
    /// per cent
    Percent,
    /// address
    Ip,
    /// minutes of the day
    Clock,
    /// day of the week
    Weekday,
    /// instant, only usable with `in schedule`
    Time,
    /// one of a closed set of labels
    Class,
    /// a JSON value: takes the type of the literal beside it
    Json,
}

/// A constant of a condition, in canonical units.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// Bool.
    Bool(bool),
    /// Int; also sizes in bytes, durations in milliseconds, money in millionths of a dollar.
    Int(i64),
    /// Float; also per cent as written (95% is 95.0).
    Float(f64),
    /// Text or label.
    Text(Arc<str>),
    /// One address.
    Ip(IpAddr),
    /// Minutes of the day.
    Clock(u16),
    /// 0 is Monday.
    Weekday(u8),
}

/// What it costs before a value exists (`language.md` §6).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Tier {
    /// Head, identity, live counters.
    #[default]
    Head,
    /// `model` and `stream` of the body.
    Peek,
    /// The whole body parsed.
    Body,
    /// Tokens counted.
    Tokens,
    /// A classifier ran.
    Classifier,
}

/// Something a condition can read.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Field {
    /// Which one.
    pub kind: FieldKind,
    /// As written, for traces: `header.x-team`.
    pub name: Arc<str>,
    /// Read through `lower(…)`.
    pub lower: bool,
    /// Read through `count(…)`; the value is then an int.
    pub count: bool,
    /// Its type, after `count`.
    pub ty: Type,
    /// Its cost.
    pub tier: Tier,
    /// Whether it can be absent.
    pub optional: bool,
}

/// The fields of `language.md` §6. Text keys are lower case where the protocol ignores case.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum FieldKind {
    /// `method`
    Method,
    /// `host`
    Host,
    /// `path`
    Path,
    /// `query.K`
    Query(Arc<str>),
    /// `header.K`
    Header(Arc<str>),
    /// `client.ip`
    ClientIp,
    /// `client.key`
    ClientKey,
    /// `client.user`
    ClientUser,
    /// `client.team`
    ClientTeam,
    /// `client.tenant`
    ClientTenant,
    /// `client.groups`
    ClientGroups,
    /// `client.tags.K`
    ClientTag(Arc<str>),
    /// `client.jwt.K`
    ClientJwt(Arc<str>),
    /// `client.authenticated`
    ClientAuthenticated,
    /// `time`
    Time,
    /// `time.clock`
    TimeClock,
    /// `time.weekday`
    TimeWeekday,
    /// `api`
    Api,
    /// `model`, after `alias`
    Model,
    /// `model.requested`
    ModelRequested,
    /// `stream`
    Stream,
    /// `param.K`
    Param(Arc<str>),
    /// `prompt.system`
    PromptSystem,
    /// `prompt.user`
    PromptUser,
    /// `prompt.last`
    PromptLast,
    /// `prompt.all`
    PromptAll,
    /// `prompt.turns`
    PromptTurns,
    /// `prompt.roles`
    PromptRoles,
    /// `prompt.prefix`
    PromptPrefix,
    /// `uses.tools`
    UsesTools,
    /// `uses.images`
    UsesImages,
    /// `uses.audio`
    UsesAudio,
    /// `uses.json_schema`
    UsesJsonSchema,
    /// `tool.names`
    ToolNames,
    /// `meta.K`
    Meta(Arc<str>),
    /// `body.<path>`
    Body(Vec<BodyStep>),
    /// `tokens.input`
    TokensInput,
    /// `tokens.wanted`
    TokensWanted,
    /// `live.pool.N.M`
    LivePool(PoolId, LiveMetric),
    /// `live.endpoint.N.M`
    LiveEndpoint(EndpointId, LiveMetric),
}

/// One step of a `body.` path.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum BodyStep {
    /// Member of an object.
    Key(Arc<str>),
    /// Element of an array.
    Index(u32),
    /// Every element of an array: the value is then a list.
    Each,
}

/// What `live.pool.N` and `live.endpoint.N` offer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LiveMetric {
    /// Usable members (int).
    Healthy,
    /// Requests in flight (int).
    InFlight,
    /// Median latency (duration).
    LatencyP50,
    /// 95th percentile (duration).
    LatencyP95,
    /// Failures (per cent).
    ErrorRate,
}

// --- conditions ---------------------------------------------------------------------------------------------

/// One distinct test of one field. `!=`, `not in` and the like are [`Cond::Not`] around it: exact complements.
#[derive(Clone, Debug)]
pub struct Atom {
    /// What is read.
    pub field: FieldId,
    /// What is asked. An absent field makes every test false.
    pub test: Test,
    /// First place where it is written.
    pub span: Span,
    /// As written, for traces.
    pub text: Arc<str>,
}

/// What an [`Atom`] asks of its field's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// `is present`
    Present,
    /// A bool field that stands alone.
    IsTrue,
    /// `==`
    Eq(Constant),
    /// `< <= > >=`
    Order(OrderOp, Constant),
    /// `in a..b`, both ends included
    Within(Constant, Constant),
    /// `in [..]` or `in NAME`
    In(ListId),
    /// `like`
    Like(Arc<str>),
    /// `matches`; the source was compiled once by the checker within its limits
    Matches(Arc<str>),
    /// `starts_with`, any of these
    StartsWith(Vec<Arc<str>>),
    /// `ends_with`, any of these
    EndsWith(Vec<Arc<str>>),
    /// `contains`, `contains any` on text: any of these is a substring
    ContainsText(Vec<Arc<str>>),
    /// `contains all` on text
    ContainsAllText(Vec<Arc<str>>),
    /// `contains`, `contains any` on a list: any of these is a member
    HasAny(Vec<Constant>),
    /// `contains all` on a list
    HasAll(Vec<Constant>),
}

/// Order comparisons.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OrderOp {
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// A condition over atoms. Two-valued; `let` names are expanded.
#[derive(Clone, Debug, PartialEq)]
pub enum Cond {
    /// Constant.
    Const(bool),
    /// One test.
    Atom(AtomId),
    /// Complement.
    Not(Box<Cond>),
    /// All hold.
    And(Vec<Cond>),
    /// One holds.
    Or(Vec<Cond>),
}

/// A set of constants of one type.
#[derive(Clone, Debug)]
pub struct ListSet {
    /// The name of a declared list; `None` for a literal list.
    pub name: Option<Arc<str>>,
    /// Members.
    pub items: ListItems,
    /// Its declaration.
    pub span: Span,
}

/// Members of a list.
#[derive(Clone, Debug, PartialEq)]
pub enum ListItems {
    /// Texts or labels.
    Text(Vec<Arc<str>>),
    /// Networks; a lone address is a full-length prefix.
    Net(Vec<ipnet::IpNet>),
    /// Whole numbers (also sizes, durations in ms, clock minutes, weekdays).
    Int(Vec<i64>),
    /// Numbers.
    Float(Vec<f64>),
}

// --- upstream side ------------------------------------------------------------------------------------------

/// Provider + base URL + models + credential.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its name, with the import alias where it has one: `m.gpu-eu`.
    pub name: Arc<str>,
    /// Declaration.
    pub span: Span,
    /// Provider kind: `openai`, `compatible`, `sim` …; one of `words`' table.
    pub provider: Arc<str>,
    /// Base URL as the vendor's SDK writes it.
    pub url: Option<Arc<str>>,
    /// Credential.
    pub key: Option<SecretRef>,
    /// Models it serves; empty: any name.
    pub models: Vec<Model>,
    /// Region.
    pub region: Option<Arc<str>>,
    /// Zone.
    pub zone: Option<Arc<str>>,
    /// Weight inside a pool that does not say its own.
    pub weight: u32,
    /// Requests in flight at most.
    pub capacity: Option<u32>,
    /// Timers.
    pub timeouts: Timeouts,
    /// Extra request headers.
    pub headers: Vec<(Arc<str>, HeaderValue)>,
    /// TLS towards it.
    pub tls: Tls,
    /// Active health check.
    pub health: Option<Health>,
}

/// A model that an endpoint serves.
#[derive(Clone, Debug)]
pub struct Model {
    /// The name that policies and clients use.
    pub public: Arc<str>,
    /// The name the endpoint wants.
    pub upstream: Arc<str>,
    /// Context window in tokens.
    pub context: Option<u64>,
    /// Longest answer in tokens.
    pub max_output: Option<u64>,
    /// Price of a million input tokens, in millionths of a dollar.
    pub price_input: Option<i64>,
    /// Price of a million output tokens, in millionths of a dollar.
    pub price_output: Option<i64>,
    /// Capabilities; empty: not stated.
    pub supports: Vec<Arc<str>>,
}

/// Where a secret is found; never the secret.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum SecretRef {
    /// `env:NAME`
    Env(Arc<str>),
    /// `file:PATH`
    File(Arc<str>),
    /// `vault:PATH#KEY`
    Vault(Arc<str>),
}

/// A header's value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderValue {
    /// As written.
    Text(Arc<str>),
    /// From a secret.
    Secret(SecretRef),
}

/// Timers; `None` means the process default.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Timeouts {
    /// Until the connection (and TLS) stands.
    pub connect: Option<Duration>,
    /// From the request sent to the first meaningful byte of the answer.
    pub first_byte: Option<Duration>,
    /// Between two reads of the answer.
    pub idle: Option<Duration>,
    /// The whole exchange, over all attempts.
    pub total: Option<Duration>,
}

/// TLS settings towards an endpoint.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tls {
    /// CA bundle.
    pub ca: Option<SecretRef>,
    /// Client certificate chain and key.
    pub client_cert: Option<(SecretRef, SecretRef)>,
    /// Name to expect instead of the host.
    pub server_name: Option<Arc<str>>,
}

/// `health get P every d timeout d up n down n`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Health {
    /// Path.
    pub path: Arc<str>,
    /// Period.
    pub every: Duration,
    /// Time for one probe.
    pub timeout: Duration,
    /// Good probes until it is up.
    pub up: u32,
    /// Bad probes until it is down.
    pub down: u32,
}

/// A set of endpoints that serve one purpose.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Its name; an implicit pool has its endpoint's name.
    pub name: Arc<str>,
    /// Declaration.
    pub span: Span,
    /// Made for an endpoint that stands where a pool is expected.
    pub implicit: bool,
    /// How a member is chosen inside a tier.
    pub balance: Balance,
    /// Members in written order.
    pub members: Vec<Member>,
    /// Retry on another member.
    pub retry: Option<Retry>,
    /// Passive ejection.
    pub eject: Option<Eject>,
    /// Error-rate breaker.
    pub breaker: Option<Breaker>,
    /// A second try beside a slow first one.
    pub hedge: Option<Hedge>,
    /// Where to go when this share of capacity is used.
    pub overflow: Option<(u8, PoolId)>,
    /// Timers.
    pub timeouts: Timeouts,
}

/// How a member is chosen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Balance {
    /// In turn.
    RoundRobin,
    /// In turn, by weight.
    Weighted,
    /// Fewest in flight by weight.
    LeastRequest,
    /// The better of two random ones, by in-flight.
    P2c,
    /// The better of two random ones, by peak-EWMA latency times in-flight.
    Ewma,
    /// By a field's hash, optionally of its first bytes.
    Hash(FieldId, Option<u32>),
}

/// One member of a pool.
#[derive(Clone, Debug)]
pub struct Member {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Share.
    pub weight: u32,
    /// Lower tiers are used first.
    pub tier: u32,
    /// Public model name to ask this member for.
    pub as_model: Option<Arc<str>>,
}

/// `retry n on [..] backoff a..b budget %`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// More attempts at most.
    pub attempts: u32,
    /// Which failures.
    pub on: ClassSet,
    /// First and longest pause.
    pub backoff: Option<(Duration, Duration)>,
    /// Retries as a share of requests, in per cent.
    pub budget: Option<u8>,
}

/// `eject after n errors for d max %`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Eject {
    /// Consecutive failures.
    pub after: u32,
    /// For how long.
    pub hold: Duration,
    /// Share of members that may be out, in per cent.
    pub max_percent: u8,
}

/// `breaker errors % over d min n open d probes n`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Breaker {
    /// Failing share that opens it, in per cent.
    pub errors_percent: u8,
    /// Window.
    pub over: Duration,
    /// Requests needed to judge.
    pub min: u32,
    /// How long it stays open.
    pub open: Duration,
    /// Trial requests when half open.
    pub probes: u32,
}

/// `hedge after d max n`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hedge {
    /// Silence before the second try.
    pub after: Duration,
    /// More tries at most.
    pub max: u32,
}

/// `alias "a" = "b"`.
#[derive(Clone, Debug)]
pub struct Alias {
    /// What clients may say.
    pub name: Arc<str>,
    /// What it means.
    pub target: Arc<str>,
    /// Declaration.
    pub span: Span,
}

/// Why an attempt failed (`language.md` §9).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum FailureClass {
    /// No connection.
    Connect,
    /// A timer ran out.
    Timeout,
    /// 5xx.
    ServerError,
    /// 429.
    RateLimited,
    /// Any other 4xx.
    ClientError,
    /// The vendor says that it is overloaded (529, some 503).
    Overloaded,
    /// The prompt does not fit.
    ContextExceeded,
    /// The vendor's content filter.
    ContentFilter,
    /// The model refused.
    Refused,
    /// Not what the protocol says.
    BadResponse,
    /// The answer broke after it began.
    StreamBroken,
    /// 401 or 403 from the vendor.
    Auth,
}

/// A set of failure classes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct ClassSet(pub u16);

// --- rules --------------------------------------------------------------------------------------------------

/// `policy N { … }`, flattened.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: Arc<str>,
    /// Declaration.
    pub span: Span,
    /// Statements by rank; the last one is the default.
    pub stmts: Vec<PolicyStmt>,
}

/// `apply`, `rule` or `default`.
#[derive(Clone, Debug)]
pub struct PolicyStmt {
    /// What it is.
    pub kind: PolicyStmtKind,
    /// Rule name, `default`, or empty for an `apply`.
    pub name: Arc<str>,
    /// The head.
    pub span: Span,
    /// `Const(true)` without `when`.
    pub cond: Cond,
    /// In written order, `use` expanded.
    pub actions: Vec<Action>,
}

/// Whether a statement decides.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PolicyStmtKind {
    /// Adds and goes on.
    Apply,
    /// Decides and stops.
    Rule,
    /// Decides when nothing else did.
    Default,
}

/// An action with its place.
#[derive(Clone, Debug)]
pub struct Action {
    /// What it does.
    pub kind: ActionKind,
    /// Where it is written.
    pub span: Span,
}

/// Actions of `language.md` §8.
#[derive(Clone, Debug)]
pub enum ActionKind {
    /// `deny STATUS "msg"`
    Deny {
        /// HTTP status.
        status: u16,
        /// Text for the client.
        message: Arc<str>,
    },
    /// `respond STATUS json|text "…"`
    Respond {
        /// HTTP status.
        status: u16,
        /// `application/json` or plain text.
        json: bool,
        /// The body.
        body: Arc<str>,
    },
    /// `route …`
    Route(Arc<Route>),
    /// `split by FIELD { … }`
    Split(Arc<Split>),
    /// `set model "…"`
    SetModel(Arc<str>),
    /// `set param.K v`: the value as JSON text
    SetParam(Arc<str>, Arc<str>),
    /// `set header.K "v"`, towards the upstream
    SetHeader(Arc<str>, Arc<str>),
    /// `remove header.K`
    RemoveHeader(Arc<str>),
    /// `cap param.K n`
    Cap(Arc<str>, i64),
    /// `inject system "…"` or `from "f"`
    InjectSystem(Arc<str>),
    /// `tag K v`
    Tag(Arc<str>, Arc<str>),
    /// `log off|meta|full [sample n%]`
    Log(LogLevel, Option<f64>),
}

/// How much of a request is recorded; smaller is stricter.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Names, numbers, times.
    #[default]
    Meta,
    /// Texts too.
    Full,
}

/// `route P [as M] [else P] { … }`.
#[derive(Clone, Debug)]
pub struct Route {
    /// First target.
    pub to: Target,
    /// Used when the pool has no usable member at all.
    pub or_else: Option<PoolId>,
    /// Timers; tighter than those of the pool and endpoint.
    pub timeouts: Timeouts,
    /// Overrides the pool's.
    pub retry: Option<Retry>,
    /// Overrides the pool's.
    pub hedge: Option<Hedge>,
    /// In written order.
    pub fallbacks: Vec<Fallback>,
}

/// A pool, and the public model name to ask it for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Target {
    /// The pool.
    pub pool: PoolId,
    /// `as "model"`.
    pub as_model: Option<Arc<str>>,
}

/// `fallback P [as M] on [F…]`.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// Where to.
    pub to: Target,
    /// For which failures.
    pub on: ClassSet,
    /// Its place.
    pub span: Span,
}

/// `split by FIELD { to P n% [as M] … }`.
#[derive(Clone, Debug)]
pub struct Split {
    /// The key; absent values hash as the request id.
    pub by: Option<FieldId>,
    /// The rule's name: salt of the hash.
    pub salt: Arc<str>,
    /// Branches with cumulative shares in 1/10,000; the last is 10,000.
    pub branches: Vec<(u32, Arc<Route>)>,
}

// === impl Tier ===

impl Tier {
    /// Every tier, cheapest first.
    pub const ALL: [Self; 5] = [Self::Head, Self::Peek, Self::Body, Self::Tokens, Self::Classifier];
}

// === impl ClassSet ===

impl ClassSet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// This set and one more class.
    #[must_use]
    pub fn with(self, class: FailureClass) -> Self {
        Self(self.0 | class.bit())
    }

    /// Membership.
    #[must_use]
    pub fn has(self, class: FailureClass) -> bool {
        self.0 & class.bit() != 0
    }
}

// === impl FailureClass ===

impl FailureClass {
    /// Every class with its word in the language.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Connect, "connect"),
        (Self::Timeout, "timeout"),
        (Self::ServerError, "5xx"),
        (Self::RateLimited, "429"),
        (Self::ClientError, "4xx"),
        (Self::Overloaded, "overloaded"),
        (Self::ContextExceeded, "context_exceeded"),
        (Self::ContentFilter, "content_filter"),
        (Self::Refused, "refused"),
        (Self::BadResponse, "bad_response"),
        (Self::StreamBroken, "stream_broken"),
        (Self::Auth, "auth"),
    ];

    /// The word of the language.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(c, _)| *c == self).map_or("", |(_, w)| w)
    }

    fn bit(self) -> u16 {
        match self {
            Self::Connect => 1,
            Self::Timeout => 1 << 1,
            Self::ServerError => 1 << 2,
            Self::RateLimited => 1 << 3,
            Self::ClientError => 1 << 4,
            Self::Overloaded => 1 << 5,
            Self::ContextExceeded => 1 << 6,
            Self::ContentFilter => 1 << 7,
            Self::Refused => 1 << 8,
            Self::BadResponse => 1 << 9,
            Self::StreamBroken => 1 << 10,
            Self::Auth => 1 << 11,
        }
    }
}
