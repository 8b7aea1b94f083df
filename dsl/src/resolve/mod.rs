//! From words to meaning without types: which file, which name, which argument.
//!
//! [`names`] knows what is declared, [`args`] matches what stands behind a word with its row in [`crate::words`],
//! [`value`] turns literals into units, [`suggest`] finds what was probably meant, [`files`] fetches texts.

pub(crate) mod args;
pub(crate) mod files;
pub(crate) mod names;
pub(crate) mod suggest;
pub(crate) mod value;
