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
    E0201
    E0202
    E0204
    E0205
    E0206
    E0207
    E0208
    E0209
    E0210
    E0301
    E0302
    E0303
    E0304
    E0305
    E0306
    E0307
    E0308
    E0309
    E0310
    W0301
    W0302
    W0303
    W0304
    W0305
    W0306
    E0401
    E0402
    E0403
    E0404
    E0405
    E0406
    W0401
    W0402
    W0403
    E0501
    E0502
    E0503
    E0504
    E0505
    E0506
    E0507
    W0501
    W0502
    W0503
    W0504
    W0505
    W0506
    W0507
    E0601
    E0901
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
