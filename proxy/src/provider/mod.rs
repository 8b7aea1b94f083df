//! How each vendor is addressed: base URL, credential, the APIs it speaks. Data, one row each.
//!
//! A vendor that speaks OpenAI's API needs no row: `provider compatible` with a `url` reaches it. The policy
//! language has a table of the same names (`weir_dsl::words`) for its checker. This module refuses to know
//! bodies: what an API looks like belongs to `weir_filters::format`.

mod base;
mod table;
mod target;
mod tls;

use weir_filters::format::Dialect;

pub use base::BaseUrlError;
pub use table::{LATER, PROVIDERS};
pub use target::{Target, TargetError};

/// How one vendor is addressed.
#[derive(Debug)]
pub struct Provider {
    /// Its word in the policy language.
    pub name: &'static str,
    /// Base URL, as the vendor's SDK writes it, where the endpoint states none.
    pub url: Option<&'static str>,
    /// Path of the base where the endpoint's `url` has none: for vendors whose SDK is given a host only.
    pub path: &'static str,
    /// APIs it answers without translation.
    pub dialects: &'static [Dialect],
    /// How it wants its credential.
    pub auth: Auth,
    /// Headers it wants on every request that does not bring its own.
    pub headers: &'static [(&'static str, &'static str)],
}

/// How a credential is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Auth {
    /// `Authorization: Bearer KEY` (RFC 6750).
    Bearer,
    /// A header of its own that holds the bare key.
    Header(&'static str),
}

/// The provider of a name; `None` for names that are unknown or in [`LATER`].
#[must_use]
pub fn find(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|p| p.name == name)
}
