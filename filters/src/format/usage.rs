//! What an answer cost, in tokens, normalised over vendors.

use crate::json::scan::{JsonError, Kind, Scanner};

/// Tokens of one exchange.
///
/// `input` always means *everything that was sent in*, cached or not: OpenAI's `prompt_tokens` counts so; for Anthropic
/// it is the sum of `input_tokens`, `cache_read_input_tokens` and `cache_creation_input_tokens`
/// (<https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching>). `output` always includes `reasoning`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Usage {
    /// Tokens sent in, all of them.
    pub input: u64,
    /// Tokens that came out, reasoning included.
    pub output: u64,
    /// Of `input`: read from the vendor's prompt cache.
    pub cached: u64,
    /// Of `input`: written to the vendor's prompt cache.
    pub cache_written: u64,
    /// Of `output`: spent on reasoning that is not in the answer's text.
    pub reasoning: u64,
}

impl Usage {
    /// Input and output together.
    pub fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// The counts as a vendor wrote them; a later report overwrites what it names and keeps the rest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    cached: Option<u64>,
    cache_read: Option<u64>,
    cache_creation: Option<u64>,
    /// Part of the input, where `cache_creation` is not.
    cache_write: Option<u64>,
    reasoning: Option<u64>,
}

// === impl Counts ===

impl Counts {
    /// Reads the value that comes next: an object updates the counts, anything else is passed over. Tells whether it
    /// was an object.
    pub(crate) fn read(&mut self, scan: &mut Scanner<'_>) -> Result<bool, JsonError> {
        if scan.kind()? != Kind::Object {
            scan.skip()?;
            return Ok(false);
        }
        scan.members(|scan, key| {
            let place = match key {
                b"prompt_tokens" | b"input_tokens" => &mut self.input,
                b"completion_tokens" | b"output_tokens" => &mut self.output,
                b"prompt_cache_hit_tokens" => &mut self.cached,
                b"cache_read_input_tokens" => &mut self.cache_read,
                b"cache_creation_input_tokens" => &mut self.cache_creation,
                b"prompt_tokens_details"
                | b"input_tokens_details"
                | b"completion_tokens_details"
                | b"output_tokens_details" => return self.read_details(scan),
                _other => return scan.skip().map(drop),
            };
            read_count(scan, place)
        })?;
        Ok(true)
    }

    fn read_details(&mut self, scan: &mut Scanner<'_>) -> Result<(), JsonError> {
        if scan.kind()? != Kind::Object {
            return scan.skip().map(drop);
        }
        scan.members(|scan, key| match key {
            b"cached_tokens" => read_count(scan, &mut self.cached),
            b"cache_write_tokens" => read_count(scan, &mut self.cache_write),
            b"reasoning_tokens" | b"thinking_tokens" => read_count(scan, &mut self.reasoning),
            _other => scan.skip().map(drop),
        })
    }

    /// Normalised; see [`Usage`]. `cache_read` and `cache_creation` come only from vendors whose input leaves them out.
    pub(crate) fn usage(self) -> Usage {
        let cache_read = self.cache_read.unwrap_or(0);
        let cache_creation = self.cache_creation.unwrap_or(0);
        Usage {
            input: self.input.unwrap_or(0).saturating_add(cache_read).saturating_add(cache_creation),
            output: self.output.unwrap_or(0),
            cached: self.cached.unwrap_or(cache_read),
            cache_written: self.cache_write.unwrap_or(cache_creation),
            reasoning: self.reasoning.unwrap_or(0),
        }
    }
}

/// A count that comes next. What is no number (`null`) leaves the place as it was.
fn read_count(scan: &mut Scanner<'_>, place: &mut Option<u64>) -> Result<(), JsonError> {
    let value = scan.skip()?;
    if value.kind == Kind::Number
        && let Ok(text) = std::str::from_utf8(value.span.of(scan.bytes()))
    {
        // Some compatible vendors write counts as floats; below zero or above 2^64 there is no count.
        let whole = text.split(['.', 'e', 'E']).next().unwrap_or_default();
        *place = text.parse().or_else(|_| whole.parse()).ok().or(*place);
    }
    Ok(())
}
