//! The admin page on pingora's small HTTP server.
//!
//! What it says is [`crate::admin`]'s business; here are only its socket and its headers.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Response, StatusCode, header};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;

use crate::admin::{self, AdminResponse, AdminState};

/// Hosts [`admin::respond`].
pub(super) struct AdminApp {
    state: Arc<AdminState>,
}

impl AdminApp {
    pub(super) fn new(state: Arc<AdminState>) -> Self {
        Self { state }
    }
}

#[async_trait]
impl ServeHttp for AdminApp {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let state = Arc::clone(&self.state);
        let head = session.req_header();
        let (method, path, headers) = (head.method.clone(), head.uri.path().to_owned(), head.headers.clone());
        // A reload compiles: never on a worker.
        let answered = tokio::task::spawn_blocking(move || admin::respond(&state, &method, &path, &headers)).await;
        answered.map_or_else(|_| bare(StatusCode::INTERNAL_SERVER_ERROR), |answer| page(&answer))
    }
}

fn page(answer: &AdminResponse) -> Response<Vec<u8>> {
    let mut page = Response::builder()
        .status(answer.status)
        .header(header::CONTENT_TYPE, answer.content_type)
        .header(header::CONTENT_LENGTH, answer.body.len());
    for (name, value) in AdminResponse::HEADERS.iter().chain(&answer.extra) {
        page = page.header(*name, *value);
    }
    page.body(answer.body.to_vec()).unwrap_or_else(|_| bare(StatusCode::INTERNAL_SERVER_ERROR))
}

/// A status and nothing else: typed parts cannot fail.
fn bare(status: StatusCode) -> Response<Vec<u8>> {
    let mut page = Response::new(Vec::new());
    *page.status_mut() = status;
    page
}
