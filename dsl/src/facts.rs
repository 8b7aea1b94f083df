//! What a policy may look at: the port through which the evaluator reads a request.
//!
//! The proxy implements [`Facts`] over a live exchange; tests, `weir test` and `weir why` implement it over a
//! map. This module refuses to know what a request is.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use crate::hir::{Field, Tier};

/// The value of a field for one request. `Absent` makes every positive test false.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// There is none.
    Absent,
    /// Bool.
    Bool(bool),
    /// Int; sizes in bytes, durations in milliseconds, money in millionths of a dollar.
    Int(i64),
    /// Float; per cent as 95.0.
    Float(f64),
    /// Text or label.
    Text(Cow<'a, str>),
    /// List of text that has to be put together for this reading.
    TextList(Vec<Cow<'a, str>>),
    /// List of text that the facts already hold: read without an allocation.
    Texts(&'a [Arc<str>]),
    /// Address.
    Ip(IpAddr),
    /// Minutes of the day.
    Clock(u16),
    /// 0 is Monday.
    Weekday(u8),
}

/// One request as a policy sees it: as it arrived, never half rewritten.
///
/// Reading is pure: the same field gives the same value during one evaluation. An IPv4 address mapped into IPv6
/// (`::ffff:10.0.0.1`) is taken for the IPv4 address it stands for, whichever of the two is handed in.
pub trait Facts {
    /// Whether fields of this tier can be read now. The evaluator reads a field only when its tier is ready;
    /// otherwise it stops with `Step::Need(tier)` and is resumed after the caller has paid for it.
    fn ready(&self, tier: Tier) -> bool;

    /// The value of a field whose tier is ready. `lower` and `count` of the field are applied by the
    /// evaluator, not here.
    fn read<'a>(&'a self, field: &'a Field) -> Value<'a>;
}

/// What `lower(…)` makes of a text: every character by itself, so that no character depends on its neighbours.
/// `out` is overwritten.
pub fn lower_into(text: &str, out: &mut String) {
    out.clear();
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_lowercase();
    } else {
        out.extend(text.chars().flat_map(char::to_lowercase));
    }
}
