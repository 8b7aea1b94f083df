//! Text to tree and back: lexer, layout, recovering parser, formatter.
//!
//! [`decode`] bytes, [`parse`] text, [`format()`] the tree. [`lex`] is public for editors and for fuzzing. Nothing
//! here fails: problems are [`Diagnostic`]s, and whatever could be read is in the tree. All of it is linear in
//! the size of the text, and the stack is bounded by [`DEPTH_MAX`]. This module refuses to know what words mean.

pub mod ast;
mod fmt;
mod layout;

mod lex;
mod literal;
mod parse;
mod problem;

use crate::diag::{Code, Diagnostic};
use crate::span::{SourceId, Span};

pub use fmt::{FormatError, format, print, shape};
pub use lex::{Token, TokenKind, lex};
use parse::expr_has_negation;
pub use parse::parse;

/// Deepest nesting of blocks, brackets and `not` together.
pub const DEPTH_MAX: u32 = 32;
/// Most diagnostics that one file can give; further ones are dropped.
pub const DIAGNOSTICS_MAX: usize = 500;

/// Bytes of a file as text, with the problem if they are not fit to be parsed.
///
/// The text is always good to be shown: bytes that are no UTF-8 are replaced, and of a file that is too large
/// only the first lines are kept. Do not parse it when there is a problem.
#[must_use]
pub fn decode(source: SourceId, bytes: &[u8], bytes_max: usize) -> (String, Option<Diagnostic>) {
    if bytes.len() > bytes_max {
        let shown = bytes.get(..1024).unwrap_or_default();
        let message = format!("the file has {} bytes, more than the {bytes_max} that are read", bytes.len());
        let problem = Diagnostic::new(Code::E0002, Span::new(source, 0, 0), message)
            .help("move rows into a `list … from` or `table … from` file, or split the policy with `import`");
        return (String::from_utf8_lossy(shown).into_owned(), Some(problem));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(e) => {
            let at = u32::try_from(e.valid_up_to()).unwrap_or(u32::MAX);
            let byte = bytes.get(e.valid_up_to()).copied().unwrap_or_default();
            let shown = char::REPLACEMENT_CHARACTER.len_utf8();
            let end = at.saturating_add(u32::try_from(shown).unwrap_or(0));
            let message = format!("byte 0x{byte:02x} at offset {at} is not valid UTF-8");
            let problem = Diagnostic::new(Code::E0001, Span::new(source, at, end), message)
                .help("save the file as UTF-8; `iconv -f latin1 -t utf-8` converts an old one");
            (String::from_utf8_lossy(bytes).into_owned(), Some(problem))
        }
    }
}
