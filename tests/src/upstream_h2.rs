//! An upstream that speaks HTTP/2: over TLS with ALPN, or in clear text with prior knowledge.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::tls::Authority;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct SeenH2 {
    /// Head.
    pub head: Arc<http::request::Parts>,
    /// Body.
    pub body: Bytes,
}

/// A running upstream.
#[derive(Debug)]
pub struct UpstreamH2 {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<SeenH2>>>,
}

type Answer = dyn Fn(&SeenH2, usize) -> Response<String> + Send + Sync;

impl UpstreamH2 {
    /// In clear text. `answer` gets the request and its number from 1.
    pub async fn clear(answer: impl Fn(&SeenH2, usize) -> Response<String> + Send + Sync + 'static) -> Self {
        Self::start(None, Arc::new(answer)).await
    }

    /// Over TLS with the authority's certificate, offering `h2` only.
    pub async fn tls(
        authority: &Authority,
        answer: impl Fn(&SeenH2, usize) -> Response<String> + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(TlsAcceptor::from(authority.server(&["h2"]))), Arc::new(answer)).await
    }

    /// Requests so far.
    pub fn seen(&self) -> Vec<SeenH2> {
        self.seen.lock().expect("no test panics with it").clone()
    }

    async fn start(tls: Option<TlsAcceptor>, answer: Arc<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, seen, tls) = (Arc::clone(&answer), Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    // What a broken connection means is for the test at its other end to say.
                    match tls {
                        None => serve(TokioIo::new(stream), answer, seen).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(TokioIo::new(stream), answer, seen).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, seen }
    }
}

async fn serve<I>(io: I, answer: Arc<Answer>, seen: Arc<Mutex<Vec<SeenH2>>>)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
        async move {
            let (head, body) = request.into_parts();
            assert_eq!(head.version, Version::HTTP_2);
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let request = SeenH2 { head: Arc::new(head), body };
            let number = {
                let mut seen = seen.lock().expect("no test panics with it");
                seen.push(request.clone());
                seen.len()
            };
            Ok::<_, Infallible>(answer(&request, number).map(|text| Full::new(Bytes::from(text))))
        }
    });
    drop(http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await);
}
