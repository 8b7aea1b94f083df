//! The value of one token: texts, numbers with units, money, addresses, times, names.
//!
//! The lexer calls [`check`] and reports; the parser calls [`literal`] on tokens that passed.

#![expect(clippy::wildcard_enum_match_arm, reason = "every kind of token that is not named is handled alike")]

use std::net::IpAddr;

use super::ast::{Literal, Number, Segment, Unit};
use super::lex::{TokenKind, needs_escape, path_end};
use super::problem::{Problem, excerpt};
use crate::diag::Code;

/// Units as written, in the order in which they are listed for people.
const UNITS: &[(&str, Unit)] = &[
    ("ms", Unit::Millisecond),
    ("s", Unit::Second),
    ("m", Unit::Minute),
    ("h", Unit::Hour),
    ("d", Unit::Day),
    ("w", Unit::Week),
    ("k", Unit::Kilo),
    ("M", Unit::Mega),
    ("G", Unit::Giga),
    ("B", Unit::Byte),
    ("KiB", Unit::KiB),
    ("MiB", Unit::MiB),
    ("GiB", Unit::GiB),
    ("%", Unit::Percent),
];

/// Millionths in a dollar.
const MICROS: i64 = 1_000_000;

/// What people write for a unit, lower case, and what it is here.
const UNIT_HINTS: &[(&[&str], &str)] = &[
    (&["msec", "msecs", "millis", "milliseconds", "millisecond"], "ms"),
    (&["sec", "secs", "second", "seconds"], "s"),
    (&["min", "mins", "minute", "minutes"], "m"),
    (&["hr", "hrs", "hour", "hours"], "h"),
    (&["day", "days"], "d"),
    (&["week", "weeks"], "w"),
    (&["kb", "kib", "ki"], "KiB"),
    (&["mb", "mib", "mi"], "MiB"),
    (&["gb", "gib", "gi", "g"], "GiB"),
    (&["b", "byte", "bytes"], "B"),
    (&["k", "thousand"], "k"),
    (&["mio", "million"], "M"),
    (&["percent", "pct"], "%"),
];

/// Whether a token of this kind and text has a value.
pub(super) fn check(kind: TokenKind, text: &str) -> Result<(), Problem> {
    value(kind, text).map(|_| ())
}

/// The value of a literal token; `None` for tokens of other kinds and for ones that [`check`] refused.
pub(super) fn literal(kind: TokenKind, text: &str) -> Option<Literal> {
    value(kind, text).ok().flatten()
}

fn value(kind: TokenKind, text: &str) -> Result<Option<Literal>, Problem> {
    let inner = || text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    Ok(Some(match kind {
        TokenKind::Str => Literal::Str(unescape(inner())?),
        TokenKind::Raw => Literal::Raw(inner().to_owned()),
        TokenKind::Number => Literal::Number(number(text)?),
        TokenKind::Money => Literal::Money(money(text)?),
        TokenKind::Ip => address(text)?,
        TokenKind::Clock => Literal::Clock(clock(text)?),
        TokenKind::Status => Literal::StatusClass(status(text)?),
        TokenKind::True => Literal::Bool(true),
        TokenKind::False => Literal::Bool(false),
        _ => return Ok(None),
    }))
}

// --- texts --------------------------------------------------------------------------------------------------

/// Resolves `\" \\ \n \t \u{…}`; the problem counts bytes from the first byte of `inner`.
pub(super) fn unescape(inner: &str) -> Result<String, Problem> {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let at = inner.len() - escape.len() - 1;
        let taken = match escape.chars().next() {
            Some(c @ ('"' | '\\')) => {
                out.push(c);
                1
            }
            Some('n') => {
                out.push('\n');
                1
            }
            Some('t') => {
                out.push('\t');
                1
            }
            Some('u') => {
                let tail = escape.get(1..).unwrap_or_default();
                let (c, len) = code_point(tail).ok_or_else(|| bad_code_point(at, tail))?;
                out.push(c);
                len + 1
            }
            other => return Err(bad_escape(inner, at, other)),
        };
        rest = escape.get(taken..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(out)
}

/// `{1F600}` at the start of a text: the character and the bytes taken.
fn code_point(tail: &str) -> Option<(char, usize)> {
    let digits = tail.strip_prefix('{')?;
    let end = digits.find('}')?;
    let hex = digits.get(..end)?;
    let plain = (1..=6).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit());
    let c = char::from_u32(u32::from_str_radix(hex, 16).ok()?)?;
    plain.then_some((c, end + 2))
}

fn bad_code_point(at: usize, tail: &str) -> Problem {
    let braces = tail.find('}').filter(|_| tail.starts_with('{')).map_or(0, |end| end + 1);
    Problem::new(Code::E0107, at..at + 2 + braces, "a code point is written `\\u{…}` with 1 to 6 hexadecimal digits")
        .help("for example `\\u{e9}` for é")
}

fn bad_escape(inner: &str, at: usize, escaped: Option<char>) -> Problem {
    let c = escaped.unwrap_or(' ');
    let problem = Problem::new(Code::E0107, at..at + 1 + c.len_utf8(), format!("unknown escape `\\{c}`"))
        .label("known are `\\\"` `\\\\` `\\n` `\\t` `\\u{…}`");
    if inner.contains('`') || inner.contains("\\\"") {
        problem.help(format!("for a backslash write `\\\\{c}`")).fix(at..at + 1, "\\\\")
    } else {
        let raw = format!("`{inner}`");
        problem.help(format!("a regular expression stands in back-ticks, without escapes: {}", excerpt(&raw)))
    }
}

/// A text as a string literal.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if needs_escape(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

// --- numbers ------------------------------------------------------------------------------------------------

/// The unit as written.
pub(super) fn unit_text(unit: Unit) -> &'static str {
    UNITS.iter().find(|(_, u)| *u == unit).map_or("", |(text, _)| *text)
}

fn number(text: &str) -> Result<Number, Problem> {
    let split = text.find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(split).unwrap_or((text, ""));
    let unit = match unit {
        "" => None,
        unit => Some(find_unit(unit).ok_or_else(|| unknown_unit(digits, unit))?),
    };
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    let value = plain.parse::<f64>().unwrap_or(f64::NAN);
    Ok(Number { value, int: plain.parse().ok(), unit })
}

fn find_unit(text: &str) -> Option<Unit> {
    UNITS.iter().find(|(t, _)| *t == text).map(|(_, unit)| *unit)
}

fn unknown_unit(digits: &str, unit: &str) -> Problem {
    let lower = unit.to_ascii_lowercase();
    let place = digits.len()..digits.len() + unit.len();
    let shown = excerpt(&format!("{digits}{unit}"));
    let problem = Problem::new(Code::E0103, place, format!("unknown unit `{}` in `{shown}`", excerpt(unit)));
    if lower == "xx" {
        return problem.help(format!("a status class is written `{digits}xx`")).replace("xx");
    }
    match UNIT_HINTS.iter().find(|(words, _)| words.contains(&lower.as_str())) {
        Some((_, right)) => problem.help(format!("write `{digits}{right}`")).replace(*right),
        None => {
            let known: Vec<&str> = UNITS.iter().map(|(text, _)| *text).collect();
            problem.label(format!("units are {}", known.join(" ")))
        }
    }
}

fn money(text: &str) -> Result<i64, Problem> {
    let whole = || 0..text.len();
    let amount = text.trim_start_matches('$');
    let (amount, factor) = match amount.chars().last() {
        Some('k') => (amount.trim_end_matches('k'), 1_000),
        Some('M') => (amount.trim_end_matches('M'), 1_000_000),
        Some('G') => (amount.trim_end_matches('G'), 1_000_000_000),
        _ => (amount, 1),
    };
    let plain: String = amount.chars().filter(|c| *c != '_').collect();
    let (dollars, cents) = plain.split_once('.').unwrap_or((&plain, ""));
    let too_large = || Problem::new(Code::E0108, whole(), format!("the amount `{}` is too large", excerpt(text)));
    if cents.len() > 6 {
        let message = format!("`{}` is finer than a millionth of a dollar", excerpt(text));
        return Err(Problem::new(Code::E0108, whole(), message));
    }
    let dollars: i64 = dollars.parse().map_err(|_| too_large())?;
    let fraction: i64 = format!("{cents:0<6}").parse().map_err(|_| too_large())?;
    let micros = dollars.checked_mul(MICROS).and_then(|d| d.checked_add(fraction));
    micros.and_then(|m| m.checked_mul(factor)).ok_or_else(too_large)
}

/// An amount as a literal: at least two digits behind the point if there is a point.
pub(super) fn money_text(micros: i64) -> String {
    let (dollars, fraction) = (micros / MICROS, micros % MICROS);
    if fraction == 0 {
        return format!("${dollars}");
    }
    let digits = format!("{fraction:06}");
    let keep = digits.trim_end_matches('0').len().max(2);
    format!("${dollars}.{}", digits.get(..keep).unwrap_or(&digits))
}

// --- addresses, times, classes ------------------------------------------------------------------------------

fn address(text: &str) -> Result<Literal, Problem> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let ip: IpAddr = address.parse().map_err(|_| bad_address(text, address))?;
    let bits = if ip.is_ipv4() { 32 } else { 128 };
    let Some(prefix) = prefix else { return Ok(Literal::Ip(ip, None)) };
    match prefix.parse::<u8>() {
        Ok(n) if n <= bits => Ok(Literal::Ip(ip, Some(n))),
        _ => {
            let place = address.len() + 1..text.len();
            let message = format!("prefix length `{}` is more than {bits}", excerpt(prefix));
            Err(Problem::new(Code::E0108, place, message).help(format!("a single address is `{address}/{bits}`")))
        }
    }
}

fn bad_address(text: &str, address: &str) -> Problem {
    let parts: Vec<&str> = address.split(':').collect();
    let shown = excerpt(text);
    let problem = |message: String| Problem::new(Code::E0108, 0..text.len(), message);
    if parts.len() == 3 && parts.iter().all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_digit())) {
        let minutes = address.get(..5).unwrap_or_default();
        return problem(format!("clock times have no seconds: `{shown}`"))
            .replace(minutes)
            .help(format!("write `{minutes}`"));
    }
    let leading_zero = address.split('.').any(|part| part.len() > 1 && part.starts_with('0'));
    if !address.contains(':') && leading_zero {
        return problem(format!("`{shown}` is no address: a part with a leading zero could be octal"));
    }
    problem(format!("`{shown}` is no address"))
        .help("addresses are `10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`; other texts stand in quotes")
}

fn clock(text: &str) -> Result<u16, Problem> {
    let (hours, minutes) = text.split_once(':').unwrap_or_default();
    let problem = |message: String| Problem::new(Code::E0108, 0..text.len(), message);
    let (Ok(h), Ok(m)) = (hours.parse::<u16>(), minutes.parse::<u16>()) else {
        return Err(
            problem(format!("`{}` is no clock time", excerpt(text))).help("clock times are `00:00` to `23:59`")
        );
    };
    if h == 24 && m == 0 {
        let problem =
            problem("the last minute of a day is `23:59`".to_owned()).label("both ends of a range belong to it");
        return Err(problem.replace("23:59").help("write `23:59`"));
    }
    if h > 23 || m > 59 {
        return Err(problem(format!("`{text}` is no clock time")).help("clock times are `00:00` to `23:59`"));
    }
    if hours.len() != 2 || minutes.len() != 2 {
        let right = format!("{h:02}:{m:02}");
        return Err(problem(format!("a clock time has four digits: `{right}`"))
            .help(format!("write `{right}`"))
            .replace(right));
    }
    Ok(h * 60 + m)
}

fn status(text: &str) -> Result<u8, Problem> {
    match text.bytes().next() {
        Some(digit @ b'1'..=b'5') => Ok(digit - b'0'),
        _ => Err(Problem::new(Code::E0108, 0..text.len(), format!("`{text}` is no status class"))
            .help("status classes are `1xx` to `5xx`")),
    }
}

// --- names --------------------------------------------------------------------------------------------------

/// Whether the texts used as keys in a name are well formed.
pub(super) fn check_keys(text: &str, look: fn(&str) -> Option<Problem>) -> Result<(), Problem> {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (_, taken) = next_segment(rest);
        if let Some(end) = rest.strip_prefix('[').and_then(closing_quote) {
            let inner = rest.get(2..=end).unwrap_or_default();
            if let Some(problem) = unescape(inner).err().or_else(|| look(inner)) {
                return Err(problem.shift(at + 2));
            }
        }
        at += taken.max(1);
    }
    Ok(())
}

/// The parts of a name that the lexer recognised.
pub(super) fn segments(text: &str) -> Vec<Segment> {
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (segment, taken) = next_segment(rest);
        out.push(segment);
        // INVARIANT: a segment takes at least one byte, so the loop ends.
        rest = rest.get(taken.max(1)..).unwrap_or_default();
    }
    out
}

/// One segment with the dot before it or the brackets around it, and the bytes it takes.
fn next_segment(rest: &str) -> (Segment, usize) {
    let Some(inside) = rest.strip_prefix('[') else {
        let dot = usize::from(rest.starts_with('.'));
        let name = rest.get(dot..).unwrap_or_default();
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let name = name.get(..end).unwrap_or_default();
        let segment = if name == "*" { Segment::Star } else { Segment::Name(name.to_owned()) };
        return (segment, dot + end);
    };
    if inside.starts_with("*]") {
        return (Segment::EachIndex, 3);
    }
    if let Some(end) = closing_quote(inside) {
        let inner = inside.get(1..end).unwrap_or_default();
        // INVARIANT: an escape that cannot be resolved stays as written, so that nothing is lost.
        let key = unescape(inner).unwrap_or_else(|_| inner.to_owned());
        return (Segment::Key(key), end + 3);
    }
    let digits = inside.find(|c: char| !c.is_ascii_digit()).unwrap_or(inside.len());
    if let Ok(index) = inside.get(..digits).unwrap_or_default().parse() {
        return (Segment::Index(index), digits + 2);
    }
    let end = path_end(inside).unwrap_or(inside.len());
    (Segment::PathKey(segments(inside.get(..end).unwrap_or_default())), end + 2)
}

/// The place of the quote that ends the string at the start of a text.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    let mut inside = text.strip_prefix('"')?.char_indices();
    inside.find_map(|(at, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at + 1)
    })
}
