//! Model-API bodies and streams: bytes and JSON in, bytes and JSON out.
//!
//! This crate knows what the bytes of a model API mean: where a request names its model, what a policy may want to
//! see of it, how a stream is cut into frames, what each frame says, how an error is told in the client's own
//! grammar. It refuses to know HTTP, sockets, clocks, files and the policy language: times, ids and limits are
//! passed in as values.
//!
//! Traffic that keeps its format is never re-encoded. [`format::peek`] finds the members of a request in one pass,
//! [`format::splice`] replaces only the spans that a policy changes, [`frame::sse`] hands every frame of a stream on
//! as the bytes that came:
//!
//! ```
//! use bytes::Bytes;
//! use weir_filters::format::{peek, splice::Edits};
//!
//! let body = Bytes::from_static(br#"{"model":"fast", "messages":[],  "x_new":1.50}"#);
//! let seen = peek::peek(&body)?;
//! assert_eq!(seen.model(), Some("fast"));
//!
//! let mut edits = Edits::default();
//! edits.set_member("model", r#""gpt-4o-mini""#);
//! let sent = edits.apply(&seen, &body)?.to_bytes();
//! assert_eq!(sent, r#"{"model":"gpt-4o-mini", "messages":[],  "x_new":1.50}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod format;
pub mod frame;
pub mod json;
mod span;
pub mod tokens;

pub use span::Span;
