//! What happened, for people and machines: one stream of [`Event`]s, many listeners.
//!
//! Stations emit events; metrics, access log, decision records and test recorders subscribe. This module
//! refuses to influence what it sees.

pub mod event;

pub use event::{Event, Observer};
