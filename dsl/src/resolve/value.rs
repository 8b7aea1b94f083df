//! Literals in their units. One function for each kind of value; each says what it wants when it gets another one.

use std::sync::Arc;
use std::time::Duration;

use crate::hir::SecretRef;
use crate::syntax::ast::{Literal, Number, Path, Segment, Term, TermKind, Unit};

/// The value is something else; the caller says what was expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mismatch;

/// Whole number with `k`, `M`, `G`.
pub(crate) fn int(term: &Term) -> Result<i64, Mismatch> {
    let number = number(term)?;
    let scale = match number.unit {
        None => 1,
        Some(Unit::Kilo) => 1_000,
        Some(Unit::Mega) => 1_000_000,
        Some(Unit::Giga) => 1_000_000_000,
        Some(_) => return Err(Mismatch),
    };
    scaled(number, scale)
}

/// Number with an optional `k`, `M`, `G`.
pub(crate) fn float(term: &Term) -> Result<f64, Mismatch> {
    let number = number(term)?;
    match number.unit {
        None => Ok(number.value),
        Some(Unit::Kilo) => Ok(number.value * 1e3),
        Some(Unit::Mega) => Ok(number.value * 1e6),
        Some(Unit::Giga) => Ok(number.value * 1e9),
        Some(_) => Err(Mismatch),
    }
}

/// Bytes: `64KiB`, `1k`, `4096`.
pub(crate) fn size(term: &Term) -> Result<i64, Mismatch> {
    let number = number(term)?;
    let scale = match number.unit {
        Some(Unit::Byte) => 1,
        Some(Unit::KiB) => 1 << 10,
        Some(Unit::MiB) => 1 << 20,
        Some(Unit::GiB) => 1 << 30,
        None | Some(_) => return int(term),
    };
    scaled(number, scale)
}

/// Milliseconds of `250ms`, `1.5s`, `2h`.
pub(crate) fn millis(term: &Term) -> Result<i64, Mismatch> {
    let number = number(term)?;
    let scale = match number.unit {
        Some(Unit::Millisecond) => 1,
        Some(Unit::Second) => 1_000,
        Some(Unit::Minute) => 60_000,
        Some(Unit::Hour) => 3_600_000,
        Some(Unit::Day) => 86_400_000,
        Some(Unit::Week) => 604_800_000,
        None | Some(_) => return Err(Mismatch),
    };
    scaled(number, scale)
}

/// A length of time above zero.
pub(crate) fn duration(term: &Term) -> Result<Duration, Mismatch> {
    match u64::try_from(millis(term)?) {
        Ok(ms) if ms > 0 => Ok(Duration::from_millis(ms)),
        Ok(_) | Err(_) => Err(Mismatch),
    }
}

/// `95%` as 95.0.
pub(crate) fn percent(term: &Term) -> Result<f64, Mismatch> {
    let number = number(term)?;
    if number.unit == Some(Unit::Percent) { Ok(number.value) } else { Err(Mismatch) }
}

/// Millionths of a dollar.
pub(crate) fn money(term: &Term) -> Result<i64, Mismatch> {
    let TermKind::Literal(Literal::Money(millionths)) = &term.kind else { return Err(Mismatch) };
    Ok(*millionths)
}

/// `"text"` or raw text.
pub(crate) fn text(term: &Term) -> Result<&str, Mismatch> {
    let TermKind::Literal(Literal::Str(text) | Literal::Raw(text)) = &term.kind else { return Err(Mismatch) };
    Ok(text)
}

/// A path of one plain name.
pub(crate) fn name(term: &Term) -> Result<&str, Mismatch> {
    let TermKind::Path(path) = &term.kind else { return Err(Mismatch) };
    single(path).ok_or(Mismatch)
}

/// The only segment of a path that is one plain name.
pub(crate) fn single(path: &Path) -> Option<&str> {
    match path.segments.as_slice() {
        [Segment::Name(name)] => Some(name),
        _ => None,
    }
}

/// The reference inside `secret("env:NAME")`. The inner error says what is wrong with the text.
pub(crate) fn secret(term: &Term) -> Result<Result<SecretRef, &'static str>, Mismatch> {
    let TermKind::Call(function, args) = &term.kind else { return Err(Mismatch) };
    if single(function) != Some("secret") {
        return Err(Mismatch);
    }
    let [arg] = args.as_slice() else {
        return Ok(Err("`secret` takes one text"));
    };
    Ok(text(arg).map_err(|_| "`secret` takes a text").and_then(secret_ref))
}

fn secret_ref(text: &str) -> Result<SecretRef, &'static str> {
    let Some((store, place)) = text.split_once(':').filter(|(_, place)| !place.is_empty()) else {
        return Err("a secret is named by its store: `env:NAME`, `file:PATH` or `vault:PATH#KEY`");
    };
    let place: Arc<str> = place.into();
    match store {
        "env" if is_env_name(&place) => Ok(SecretRef::Env(place)),
        "env" => Err("an environment variable has letters, digits and `_`"),
        "file" => Ok(SecretRef::File(place)),
        "vault" => Ok(SecretRef::Vault(place)),
        _ => Err("known stores are `env:`, `file:` and `vault:`"),
    }
}

fn is_env_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// How a path is written, `header["X"].a[*]`.
pub(crate) fn path_text(path: &Path) -> String {
    segments_text(&path.segments)
}

/// How segments are written.
pub(crate) fn segments_text(segments: &[Segment]) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for (i, segment) in segments.iter().enumerate() {
        if i > 0 && matches!(segment, Segment::Name(_) | Segment::Star) {
            out.push('.');
        }
        let _ = match segment {
            Segment::Name(name) => write!(out, "{name}"),
            Segment::Star => write!(out, "*"),
            Segment::Key(key) => write!(out, "[\"{key}\"]"),
            Segment::Index(index) => write!(out, "[{index}]"),
            Segment::EachIndex => write!(out, "[*]"),
            Segment::PathKey(inner) => write!(out, "[{}]", segments_text(inner)),
        };
    }
    out
}

/// What a term is, for "expected …, found …".
pub(crate) fn found(term: &Term) -> String {
    match &term.kind {
        TermKind::Literal(literal) => found_literal(literal).into(),
        TermKind::Range(..) => "a range".into(),
        TermKind::Path(path) => format!("the name `{}`", path_text(path)),
        TermKind::Call(function, _) => format!("`{}(…)`", path_text(function)),
        TermKind::List(_) => "a list".into(),
        TermKind::Any => "`any`".into(),
        TermKind::All => "`all`".into(),
        TermKind::Group(_) => "a condition".into(),
        TermKind::Error => "something that could not be read".into(),
    }
}

fn found_literal(literal: &Literal) -> &'static str {
    match literal {
        Literal::Str(_) | Literal::Raw(_) => "a text",
        Literal::Number(number) => match number.unit {
            None if number.int.is_none() => "a number with a fraction",
            None | Some(Unit::Kilo | Unit::Mega | Unit::Giga) => "a number",
            Some(Unit::Percent) => "per cent",
            Some(Unit::Byte | Unit::KiB | Unit::MiB | Unit::GiB) => "a size in bytes",
            Some(Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour | Unit::Day | Unit::Week) => {
                "a length of time"
            }
        },
        Literal::Money(_) => "an amount of money",
        Literal::Ip(_, None) => "an address",
        Literal::Ip(_, Some(_)) => "a network",
        Literal::Clock(_) => "a time of the day",
        Literal::StatusClass(_) => "a class of statuses",
        Literal::Bool(_) => "`true` or `false`",
    }
}

fn number(term: &Term) -> Result<Number, Mismatch> {
    let TermKind::Literal(Literal::Number(number)) = &term.kind else { return Err(Mismatch) };
    Ok(*number)
}

/// Exact for whole numbers; a fraction is accepted when the result is whole (`1.5k`).
fn scaled(number: Number, scale: i64) -> Result<i64, Mismatch> {
    if let Some(int) = number.int {
        return int.checked_mul(scale).ok_or(Mismatch);
    }
    whole(number.value * nearest_float(scale))
}

/// The nearest float: exact up to 2^53, which scales and sensible policies stay below.
pub(crate) fn nearest_float(int: i64) -> f64 {
    #[expect(clippy::as_conversions, reason = "there is no lossless conversion, and the nearest float is wanted")]
    let float = int as f64;
    float
}

/// A float that is a whole number in the range where floats are exact.
pub(crate) fn whole(value: f64) -> Result<i64, Mismatch> {
    if value.fract() != 0.0 || value.abs() > 9.0e15 {
        return Err(Mismatch);
    }
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "checked: whole and below 2^53")]
    let int = value as i64;
    Ok(int)
}
