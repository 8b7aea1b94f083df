//! What a condition can read: values, their types, and what reading them costs.

use std::net::IpAddr;
use std::sync::Arc;

use super::{EndpointId, PoolId};

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
