//! Which headers cross the proxy, and the credentials that are put on.
//!
//! Requests and answers are built from allow-lists: what is not named here stays on its side, so a client's
//! credential, a spoofed `x-forwarded-for` or a hop-by-hop header cannot reach an upstream by being new. Tunnels,
//! whose headers we do not know, use the deny-list [`may_tunnel`]. This module refuses to know bodies and policies.

mod answer;
mod request;

pub use answer::{Origin, answer_headers};
pub use request::{
    RequestHeaders, forward_headers, is_credential, is_credential_pair, is_framing, may_tunnel, request_headers,
};
