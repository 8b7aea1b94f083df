//! Our request as pingora's head, or as bytes for the wire.

use bytes::Bytes;
use http::{Method, Uri, Version};
use pingora::http::RequestHeader;

use crate::exchange::port::{Fault, UpstreamRequest};

/// Bytes in the body.
pub(super) fn body_len(request: &UpstreamRequest) -> usize {
    request.body.iter().map(Bytes::len).sum()
}

/// Whether a method is sent with `content-length: 0` when there is no body (RFC 9110 §8.6).
fn expects_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

/// The head in HTTP/1.1's wire form, with room for a body of `room` bytes behind it.
///
/// Header names and values come as typed values that cannot hold CR, LF or NUL; the target was checked when the
/// client's request was accepted.
pub(super) fn head_bytes(request: &UpstreamRequest, room: usize) -> Vec<u8> {
    let size: usize = request.headers.iter().map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
    let mut out = Vec::with_capacity(request.target.len() + size + 64 + room);
    out.extend_from_slice(request.method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(request.target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in &request.headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let length = body_len(request);
    if length > 0 || expects_body(&request.method) {
        out.extend_from_slice(b"content-length: ");
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(digits.format(length).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// The head as pingora writes it on HTTP/1.1.
pub(super) fn h1_head(request: &UpstreamRequest) -> Result<Box<RequestHeader>, Fault> {
    let mut head = RequestHeader::build_no_case(
        request.method.clone(),
        request.target.as_bytes(),
        Some(request.headers.len() + 1),
    )
    .map_err(|_| Fault::Garbled)?;
    for (name, value) in &request.headers {
        head.append_header(name.clone(), value.clone()).map_err(|_| Fault::Garbled)?;
    }
    let length = body_len(request);
    if length > 0 || expects_body(&request.method) {
        head.insert_header(http::header::CONTENT_LENGTH, length).map_err(|_| Fault::Garbled)?;
    }
    Ok(Box::new(head))
}

/// The head for HTTP/2: scheme and authority in the URI, no `host` (RFC 9113 §8.3.1).
pub(super) fn h2_head(request: &UpstreamRequest, tls: bool) -> Result<Box<RequestHeader>, Fault> {
    let mut head = h1_head(request)?;
    let host = head.headers.get(http::header::HOST).cloned().ok_or(Fault::Garbled)?;
    let uri = Uri::builder()
        .scheme(if tls { "https" } else { "http" })
        .authority(host.as_bytes())
        .path_and_query(request.target.as_str())
        .build()
        .map_err(|_| Fault::Garbled)?;
    head.remove_header(&http::header::HOST);
    head.set_uri(uri);
    head.set_version(Version::HTTP_2);
    Ok(head)
}
