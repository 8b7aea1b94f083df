//! A model API that answers without a model: for the quickstart, for tests, demos and benchmarks.
//!
//! [`Script`] says how to behave, [`play`](play::play) turns one request into a list of [`Step`](play::Step)s, and
//! two actors perform them: [`Sim`] in process behind the `Dial` port, [`server`] on a socket where it can also
//! break the framing, cut at a byte and reset connections. The default script answers every request with a short
//! text that names the model and the length of what it was sent.
//!
//! This module refuses to know policies, pools and anything else of a gateway: it plays the vendor.

mod asked;
mod dial;
mod echo;
mod play;
mod say;
mod script;
mod script_file;
pub mod server;

pub use dial::{Sim, SimAnswer};
pub use script::{Flaw, RULES_MAX, SCRIPT_BYTES_MAX, Script, ScriptError, WAIT_MS_MAX};
