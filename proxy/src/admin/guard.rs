//! Who may speak to the admin listener.
//!
//! A browser on the operator's machine can reach loopback: any page can send it a request (CSRF), and a name that
//! resolves to 127.0.0.1 makes it same-origin (DNS rebinding). So a request must name the listener by an address
//! or `localhost`, and a browser's must come from the listener's own pages; a token makes the name free.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, StatusCode};

use super::{AdminResponse, AdminState};
use crate::secret::Secret;

static FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses who may not.
pub(super) fn check(state: &AdminState, headers: &HeaderMap) -> Result<(), AdminResponse> {
    if is_foreign_page(headers) {
        return Err(AdminResponse::error(
            StatusCode::FORBIDDEN,
            "admin.origin",
            "pages of other origins may not call the admin listener",
        ));
    }
    match &state.token {
        Some(token) if presents(headers, token) => Ok(()),
        Some(_) => {
            let message = "send the admin token as `Authorization: Bearer …`";
            let refused = AdminResponse::error(StatusCode::UNAUTHORIZED, "admin.token", message);
            Err(AdminResponse { extra: Some(("www-authenticate", "Bearer")), ..refused })
        }
        None if names_us(state, headers) => Ok(()),
        None => Err(AdminResponse::error(
            StatusCode::FORBIDDEN,
            "admin.host",
            "the `host` header must be `localhost` or the listener's own address",
        )),
    }
}

fn presents(headers: &HeaderMap, token: &Secret) -> bool {
    let sent = headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let (scheme, guess) = sent.split_at_checked(7).unwrap_or_default();
    scheme.eq_ignore_ascii_case(b"bearer ") && token.is(guess)
}

/// Whether a browser says that the request was made by a page that is not ours.
fn is_foreign_page(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).map(http::HeaderValue::as_bytes);
    let foreign_origin = headers.get_all(ORIGIN).iter().any(|origin| {
        let authority = origin.as_bytes().strip_prefix(b"http://").or(origin.as_bytes().strip_prefix(b"https://"));
        authority.is_none() || authority != host
    });
    let site = headers.get(&FETCH_SITE).map(http::HeaderValue::as_bytes);
    foreign_origin || !matches!(site, None | Some(b"same-origin" | b"none"))
}

/// Whether `host` is an address of ours or `localhost`: names that no stranger can make resolve to us.
fn names_us(state: &AdminState, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(authority) = Authority::try_from(host.as_bytes()) else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host();
    let ip = name.trim_matches(['[', ']']).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback() || ip == state.own.ip())
}
