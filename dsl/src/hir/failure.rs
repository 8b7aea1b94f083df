//! Why an attempt can fail, as the policy names it.

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
