//! The catalogue of diagnostic codes. The doc comment of a code is what `weir explain` prints.

use super::Severity;

/// Declares the codes: name, and the text of `weir explain` as its doc comment.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $code:ident,)+) => {
        /// A stable diagnostic code. Codes are never reused and never vanish.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Code { $($(#[doc = $doc])+ $code,)+ }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$code,)+];

            /// The code as printed, `E0201`.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$code => stringify!($code),)+ }
            }

            /// What `weir explain` prints: cause, a wrong example, the right one, when to allow it.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$code => concat!($($doc, "\n"),+),)+ }
            }
        }
    };
}

codes! {
    /// the file is not valid UTF-8
    E0001,
    /// the file is too large
    E0002,
}

impl Code {
    /// Errors start with `E`, warnings with `W`.
    #[must_use]
    pub fn severity(self) -> Severity {
        if self.text().starts_with('E') { Severity::Error } else { Severity::Warning }
    }

    /// The code of a text, in any case; `None` if there is no such code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.text().eq_ignore_ascii_case(text))
    }
}
