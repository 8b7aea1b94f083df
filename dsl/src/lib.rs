//! The weir policy language: text in, checked and compiled policy out.
//!
//! ```
//! use weir_dsl::{MemoryLoader, Options, compile, diag};
//!
//! let policy = r#"
//! weir 1
//! endpoint gpt { provider openai; key secret("env:OPENAI_API_KEY") }
//! endpoint own { provider sim }
//! policy main {
//!   rule quick when model like "*-mini" { route own }
//!   default { route gpt { fallback own as "small" on [timeout, 5xx] } }
//! }
//! "#;
//! let compiled = compile("main.weir", &MemoryLoader::one("main.weir", policy), &Options::default());
//! let hir = compiled.hir.expect("the policy has no errors");
//! assert_eq!(hir.policies[0].stmts.len(), 2);
//!
//! // A slip is found, shown and repaired.
//! let slip = policy.replace("route own", "rout own");
//! let broken = compile("main.weir", &MemoryLoader::one("main.weir", slip), &Options::default());
//! assert!(broken.hir.is_none());
//! let problem = &broken.diagnostics[0];
//! assert_eq!(problem.code.text(), "E0207");
//! assert_eq!(problem.help[0], "did you mean `route`?");
//! print!("{}", diag::text(&broken.diagnostics, &broken.sources, diag::Style::Plain));
//! ```
//!
//! This crate knows strings, types and spans. It refuses to know HTTP, JSON libraries, clocks, files and the
//! network: whoever uses it hands in texts ([`compile::Loader`]) and facts ([`facts::Facts`]).

mod check;
pub mod compile;
pub mod diag;
pub mod facts;
pub mod failover;
pub mod hir;
pub mod oracle;
pub mod plan;
mod resolve;
pub mod span;
pub mod syntax;
pub mod tree;
pub mod words;

pub use compile::{Compilation, Level, Limits, LoadError, Loader, MemoryLoader, Options, compile};
