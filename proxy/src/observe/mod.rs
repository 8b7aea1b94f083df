//! What happened, for people and machines: one stream of [`Event`]s, many listeners.
//!
//! Stations emit events; metrics, access log and test recorders listen. Nothing here blocks, and nothing here can
//! influence what it sees. This module refuses to know prompts, answers and secrets: no event carries them.

mod access;
pub mod event;
mod line;
mod metrics;
mod recorder;
mod series;
mod table;

pub use access::{AccessLog, LINES_MAX};
pub use event::{Event, Observer};
pub use line::LineFormat;
pub use metrics::{Metrics, MetricsError};
pub use recorder::{Recorder, Recording, Seen};

use std::sync::Arc;

/// Everybody who listens. A struct rather than a list: who listens is decided once, and an event costs no dynamic
/// call.
#[derive(Clone, Debug, Default)]
pub struct Observers {
    /// Counters for Prometheus.
    pub metrics: Option<Arc<Metrics>>,
    /// One line for each exchange.
    pub access: Option<Arc<AccessLog>>,
    /// A test that looks on.
    pub recorder: Option<Recorder>,
}

impl Observer for Observers {
    fn on(&self, event: &Event<'_>) {
        if let Some(metrics) = &self.metrics {
            metrics.on(event);
        }
        if let Some(access) = &self.access {
            access.on(event);
        }
        if let Some(recorder) = &self.recorder {
            recorder.on(event);
        }
        if let Event::Endpoint { endpoint, up, reason } = event {
            log::log!(
                target: "weir::pool",
                if *up { log::Level::Info } else { log::Level::Warn },
                "endpoint `{endpoint}` is {}: {reason}", if *up { "up" } else { "out" }
            );
        }
    }
}
