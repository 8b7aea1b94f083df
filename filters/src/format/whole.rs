//! A whole answer, read for what the gateway accounts: usage, and why it stopped.

use super::error::{Failure, VendorError};
use super::stream::FinishReason;
use super::usage::Usage;
use super::{Format, failure};

/// What a whole answer says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Whole {
    /// What it cost, if it says so.
    pub usage: Option<Usage>,
    /// Why it stopped, if it says so.
    pub finish: Option<FinishReason>,
}

/// What a dialect found in a body that may be an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) whole: Whole,
    /// It has the member that only answers have (`choices`, `output`, `content`, `data`).
    pub(crate) is_answer: bool,
    /// It has an `error` that is not null, or says that it failed.
    pub(crate) is_error: bool,
}

/// Reads the body of an answer with a status of 2xx.
pub(crate) fn read(format: &dyn Format, body: &[u8]) -> Result<Whole, Box<VendorError>> {
    match format.read_whole(body) {
        Ok(reading) if reading.is_error => Err(failure::read(None, body)),
        Ok(reading) if reading.is_answer => Ok(reading.whole),
        // Some tell an error without an `error` member.
        Ok(_) => Err(Some(failure::read(None, body))
            .filter(|error| error.message.is_some())
            .unwrap_or_else(|| bad("the answer has not the shape of this API"))),
        Err(_) => Err(bad("the answer is not a JSON object")),
    }
}

fn bad(message: &str) -> Box<VendorError> {
    Box::new(VendorError {
        failure: Failure::BadResponse,
        status: None,
        kind: None,
        code: None,
        message: Some(message.into()),
    })
}
