//! One error of ours, vendor-free, and one error of theirs: what dialects render and read.

use std::borrow::Cow;

/// What kind of failure a client is told about. Dialects have their own word for each.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ErrorKind {
    /// The request is wrong: 400, 422.
    InvalidRequest,
    /// No or wrong credentials: 401.
    Authentication,
    /// Not allowed: 403.
    Permission,
    /// No such path or model: 404.
    NotFound,
    /// The body is too large: 413.
    TooLarge,
    /// Too many requests, tokens or money: 429.
    RateLimited,
    /// No capacity: 503, 529.
    Overloaded,
    /// The upstream was too slow: 504.
    Timeout,
    /// The upstream failed: 502.
    Upstream,
    /// We failed: 500.
    Internal,
}

/// An error of ours on its way to a client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApiError {
    /// What kind.
    pub kind: ErrorKind,
    /// Our stable code, such as `upstream.timeout.first_byte`.
    pub code: Cow<'static, str>,
    /// For people.
    pub message: String,
    /// The request's member at fault.
    pub param: Option<String>,
    /// The HTTP status it goes (or would have gone) out with.
    pub status: u16,
    /// Our id of the exchange.
    pub request_id: Option<String>,
}

/// Why an upstream's answer is not a good one. `connect`, `timeout` and the like never get as far as this crate.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Failure {
    /// 429.
    RateLimited,
    /// 5xx.
    ServerError,
    /// Any other 4xx.
    ClientError,
    /// The vendor says that it is overloaded: 529, `overloaded_error`, a 503 that says so.
    Overloaded,
    /// The prompt does not fit the model's context.
    ContextExceeded,
    /// The vendor's content filter.
    ContentFilter,
    /// 401 or 403.
    Auth,
    /// Not what the protocol says: HTML where JSON is due, an `error` in a 200 that tells no class.
    BadResponse,
}

/// An error that a vendor sent, as status and body or inside a stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VendorError {
    /// What it amounts to.
    pub failure: Failure,
    /// The HTTP status: the one it came with or, inside a 200, the one that its type or code stands for.
    pub status: Option<u16>,
    /// `error.type`.
    pub kind: Option<Box<str>>,
    /// `error.code`, also if it is a number.
    pub code: Option<Box<str>>,
    /// `error.message`, at most [`MESSAGE_BYTES_MAX`] of it.
    pub message: Option<Box<str>>,
}

/// Most bytes that are kept of a vendor's message.
pub const MESSAGE_BYTES_MAX: usize = 2048;
