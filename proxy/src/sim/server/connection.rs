//! One connection: reads requests, performs the steps of their answers, byte by byte.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{BufMut, Bytes, BytesMut};
use http::{Method, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::super::asked::Asked;
use super::super::echo;
use super::super::play::{self, Head, Step};
use super::super::script::After;
use super::Vendor;
use super::wire::{NoRequest, RequestHead, Wire};

/// What happens to the connection after an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Then {
    /// The next request may come.
    Keep,
    /// The next request is answered by a reset.
    Dead,
    /// Closed.
    Close,
    /// Closed once the client, which may still be sending, has had a chance to read the answer.
    Linger,
    /// Reset.
    Reset,
}

/// The client left.
struct Left;

/// What was prepared to answer one request.
struct Part {
    steps: Vec<Step>,
    digest: String,
    number: u64,
    then: Then,
    /// The answer to `HEAD` has no body.
    bodiless: bool,
}

/// How a body is framed on the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Framing {
    Plain,
    Chunked,
}

/// Serves one connection until it ends.
pub(super) async fn serve(vendor: Arc<Vendor>, stream: TcpStream, connection: u64) {
    // A small answer must not wait for the acknowledgement of the one before.
    drop(stream.set_nodelay(true));
    let mut wire = Wire::new(stream);
    let mut then = Then::Keep;
    loop {
        if wire.first_byte().await.is_err() {
            return;
        }
        if then == Then::Dead {
            return reset(&wire);
        }
        then = match answer(&vendor, &mut wire, connection).await {
            Ok(then) => then,
            Err(Left) => {
                vendor.left.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        match then {
            Then::Keep | Then::Dead => {}
            Then::Close => return close(&mut wire).await,
            Then::Linger => {
                close(&mut wire).await;
                return wire.drain().await;
            }
            Then::Reset => return reset(&wire),
        }
    }
}

/// Ends the connection in order.
async fn close(wire: &mut Wire) {
    drop(wire.stream.shutdown().await);
}

/// Makes the kernel send `RST` once the socket is dropped.
fn reset(wire: &Wire) {
    drop(wire.stream.set_zero_linger());
}

/// Reads a request and answers it.
async fn answer(vendor: &Vendor, wire: &mut Wire, connection: u64) -> Result<Then, Left> {
    let part = match prepare(vendor, wire).await {
        Ok(part) => part,
        Err(NoRequest::Gone) => return Err(Left),
        Err(NoRequest::Refused(status)) => return refuse(wire, status).await,
    };
    perform(wire, part, connection).await
}

async fn prepare(vendor: &Vendor, wire: &mut Wire) -> Result<Part, NoRequest> {
    let head = wire.head().await?;
    let number = vendor.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let bodiless = head.method == Method::HEAD;
    let kept = if head.keep_alive { Then::Keep } else { Then::Close };
    if head.target == super::STATS_PATH {
        let steps = play::told(vendor.stats());
        return Ok(Part { steps, digest: echo::sha256(&[]), number, then: kept, bodiless });
    }
    // A rule may want to answer before the body; such a rule sees the head alone.
    let early = play::early(&vendor.script, &Asked::new(&head.method, &head.target, &head.headers, &[], &[]), number);
    if let Some(steps) = early {
        return Ok(Part { steps, digest: echo::sha256(&[]), number, then: Then::Linger, bodiless });
    }
    let body = wire.body(&head).await?;
    let body = [body];
    let (steps, after) = played(vendor, &head, &body, number);
    let then = match (kept, after) {
        (Then::Keep, After::Keep) => Then::Keep,
        (Then::Keep, After::Dead) => Then::Dead,
        (_, _) => Then::Close,
    };
    Ok(Part { steps, digest: echo::sha256(&body), number, then, bodiless })
}

fn played(vendor: &Vendor, head: &RequestHead, body: &[Bytes; 1], number: u64) -> (Vec<Step>, After) {
    let [joined] = body;
    play::play(&vendor.script, &Asked::new(&head.method, &head.target, &head.headers, body, joined), number)
}

/// Answers what is no request, and closes.
async fn refuse(wire: &mut Wire, status: u16) -> Result<Then, Left> {
    let text = format!("HTTP/1.1 {status} \r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    wire.stream.write_all(text.as_bytes()).await.map_err(|_| Left)?;
    Ok(Then::Close)
}

// === the answer ===

async fn perform(wire: &mut Wire, part: Part, connection: u64) -> Result<Then, Left> {
    let mut out = BytesMut::new();
    let mut framing = Framing::Plain;
    let mut steps = part.steps.iter().peekable();
    while let Some(step) = steps.next() {
        match step {
            Step::Wait(time) => {
                flush(wire, &mut out).await?;
                tokio::select! {
                    () = sleep(*time) => {}
                    () = wire.gone() => return Err(Left),
                }
            }
            Step::Head(head) => framing = write_head(&mut out, head, &part, connection),
            Step::Body(_) if part.bodiless => {}
            Step::Body(bytes) => {
                write_body(&mut out, framing, bytes);
                // The last piece goes out together with the end.
                if steps.peek() != Some(&&Step::End) {
                    flush(wire, &mut out).await?;
                }
            }
            Step::Garble => {
                out.put_slice(b"not-a-size\r\n");
                flush(wire, &mut out).await?;
                return Ok(Then::Close);
            }
            Step::Refuse | Step::Reset => {
                flush(wire, &mut out).await?;
                return Ok(Then::Reset);
            }
            Step::Close => {
                flush(wire, &mut out).await?;
                return Ok(Then::Close);
            }
            Step::Stall => {
                flush(wire, &mut out).await?;
                wire.gone().await;
                return Err(Left);
            }
            Step::End => {
                if framing == Framing::Chunked && !part.bodiless {
                    out.put_slice(b"0\r\n\r\n");
                }
                flush(wire, &mut out).await?;
            }
        }
    }
    Ok(part.then)
}

async fn flush(wire: &mut Wire, out: &mut BytesMut) -> Result<(), Left> {
    if out.is_empty() {
        return Ok(());
    }
    let sent = wire.stream.write_all(out).await;
    out.clear();
    sent.map_err(|_| Left)
}

fn write_head(out: &mut BytesMut, head: &Head, part: &Part, connection: u64) -> Framing {
    let status = head.status;
    let mut text = format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default());
    // INVARIANT: writing to a `String` cannot fail.
    let _ = write!(
        text,
        "x-sim-connection: {connection}\r\nx-sim-request: {}\r\nx-sim-body-sha256: {}\r\n",
        part.number, part.digest
    );
    if matches!(part.then, Then::Close | Then::Linger) {
        text.push_str("connection: close\r\n");
    }
    let bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let framing = match head.length {
        _ if bodiless => Framing::Plain,
        Some(length) => {
            let _ = write!(text, "content-length: {length}\r\n");
            Framing::Plain
        }
        None => {
            text.push_str("transfer-encoding: chunked\r\n");
            Framing::Chunked
        }
    };
    out.put_slice(text.as_bytes());
    for (name, value) in &head.headers {
        out.put_slice(name.as_str().as_bytes());
        out.put_slice(b": ");
        out.put_slice(value.as_bytes());
        out.put_slice(b"\r\n");
    }
    out.put_slice(b"\r\n");
    framing
}

fn write_body(out: &mut BytesMut, framing: Framing, bytes: &Bytes) {
    match framing {
        Framing::Plain => out.put_slice(bytes),
        Framing::Chunked => {
            out.put_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
            out.put_slice(bytes);
            out.put_slice(b"\r\n");
        }
    }
}
