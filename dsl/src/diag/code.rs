//! The catalogue of diagnostic codes: one line here and one page under `explain/`.
//!
//! The page `explain/E0201.md` is the doc comment of the code and what `weir explain E0201` prints, so the binary,
//! the web page and this list cannot drift. Its first line is the title; then the cause, a wrong file and the
//! right one in blocks fenced as `weir wrong` and `weir right` (a test compiles both), and when to allow it.

use super::Severity;

/// Declares the codes in order.
macro_rules! codes {
    ($($code:ident)+) => {
        /// A stable diagnostic code. Codes are never reused and never vanish.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Code { $(
            #[doc = include_str!(concat!("explain/", stringify!($code), ".md"))]
            $code,
        )+ }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$code,)+];

            /// The code as printed, `E0201`.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$code => stringify!($code),)+ }
            }

            /// What `weir explain` prints: title, cause, a wrong example, the right one, when to allow it.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$code => include_str!(concat!("explain/", stringify!($code), ".md")),)+ }
            }
        }
    };
}

codes! {
    E0001
    E0002
    E0003
    E0004
    E0005
    E0006
    W0009
    E0101
    E0102
    E0103
    E0104
    E0105
    E0106
    E0107
    E0108
    E0109
    E0110
    E0111
    E0112
    E0113
    E0114
    E0115
    E0116
    E0117
    E0118
    E0119
    W0101
}

impl Code {
    /// Errors start with `E`, warnings with `W`.
    #[must_use]
    pub fn severity(self) -> Severity {
        if self.text().starts_with('E') { Severity::Error } else { Severity::Warning }
    }

    /// First line of the explanation: what the code means in a few words.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.explanation().lines().next().unwrap_or_default()
    }

    /// The code of a text, in any case; `None` if there is no such code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.text().eq_ignore_ascii_case(text))
    }
}
