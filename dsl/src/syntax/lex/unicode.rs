//! Characters beyond ASCII: ones that turn the direction of text, look like others, or cannot be seen.
//!
//! A policy is reviewed by people. What they see has to be what the compiler reads:
//! <https://trojansource.codes>, <https://www.unicode.org/reports/tr39/>.

use super::{Lexeme, TokenKind, strange};
use crate::diag::Code;
use crate::syntax::problem::{Problem, excerpt};

/// Letters that look like ASCII ones in common fonts: Cyrillic and Greek, from the confusables of UTS 39.
const LOOKALIKES: &str = "аa еe оo рp сc уy хx іi ѕs јj һh ԁd ԛq ԝw ӏl АA ВB ЕE КK МM НH ОO РP СC ТT ХX ІI ЅS ЈJ \
    ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX οo νv ɑa ɡg ıi";

/// Full-width forms that input methods leave behind.
const FULL_WIDTH_FIRST: u32 = 0xFF01;
const FULL_WIDTH_LAST: u32 = 0xFF5E;
const FULL_WIDTH_DISTANCE: u32 = 0xFEE0;

/// Whether a string literal should hold this character as `\u{…}`.
pub(in crate::syntax) fn needs_escape(c: char) -> bool {
    c.is_control() || turns_text(c) || invisible(c) || lookalike(c).is_some()
}

/// The first problem of a comment.
pub(super) fn in_comment(text: &str) -> Option<Problem> {
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return None;
    }
    text.char_indices().find_map(|(at, c)| turning(at, c).or_else(|| control(at, c)))
}

/// The first problem of a text in double quotes, without them.
pub(super) fn in_string(text: &str) -> Option<Problem> {
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return None;
    }
    let single = text.char_indices().find_map(|(at, c)| {
        let unseen = invisible(c) && !matches!(c, '\u{200c}' | '\u{200d}');
        let hidden = unseen.then(|| hidden(at, c));
        turning(at, c).or_else(|| control(at, c)).or(hidden).map(|p| p.replace(format!("\\u{{{:x}}}", u32::from(c))))
    });
    single.or_else(|| mixed_word(text))
}

/// The first problem of a raw text. Look-alikes are let through: a pattern may name ranges of any script.
pub(in crate::syntax) fn in_raw(text: &str) -> Option<Problem> {
    let breaks = |c: char| matches!(c, '\n' | '\r' | '\t');
    text.char_indices().find_map(|(at, c)| turning(at, c).or_else(|| (!breaks(c)).then(|| control(at, c)).flatten()))
}

/// A name that goes on with a letter that is not ASCII.
pub(super) fn name(rest: &str, c: char) -> (&str, Lexeme) {
    let len = strange::word_len(rest).max(c.len_utf8());
    let word = rest.get(..len).unwrap_or_default();
    let ascii: String = word.chars().map(|c| lookalike(c).unwrap_or(c)).collect();
    let at = word.find(|c: char| !c.is_ascii()).unwrap_or(0);
    let odd = word.get(at..).and_then(|w| w.chars().next()).unwrap_or(c);
    let problem = if let Some(twin) = lookalike(odd).filter(|_| ascii.is_ascii()) {
        let message = format!("`{odd}` (U+{:04X}) only looks like `{twin}`", u32::from(odd));
        Problem::new(Code::E0005, at..at + odd.len_utf8(), message)
            .help(format!("write `{}` in plain ASCII", excerpt(&ascii)))
            .fix(0..len, ascii)
    } else {
        let message = format!("names are of ASCII letters, digits, `_` and `-`: `{}`", excerpt(word));
        Problem::new(Code::E0114, at..at + odd.len_utf8(), message).help("texts in quotes may hold any letter")
    };
    (rest.get(len..).unwrap_or_default(), Lexeme { kind: TokenKind::Bad, problem: Some(problem) })
}

/// A character beyond ASCII, or a control character, outside of texts and comments.
pub(super) fn strange(rest: &str, c: char) -> (&str, Lexeme) {
    if c.is_alphabetic() && full_width(c).is_none() {
        return name(rest, c);
    }
    let after = rest.get(c.len_utf8()..).unwrap_or_default();
    let junk = |problem| (after, Lexeme { kind: TokenKind::Junk, problem: Some(problem) });
    if let Some(problem) = turning(0, c) {
        return junk(problem.replace(""));
    }
    if c.is_whitespace() && !c.is_control() {
        let message = format!("this space is no plain one (U+{:04X})", u32::from(c));
        return junk(
            Problem::new(Code::E0006, 0..c.len_utf8(), message).help("replace it with a space").replace(" "),
        );
    }
    if c == '\r' {
        let message = "a carriage return without a line feed";
        return junk(Problem::new(Code::E0006, 0..1, message).help("end lines with a line feed").replace("\n"));
    }
    if let Some(problem) = control(0, c) {
        return junk(problem.replace(""));
    }
    if invisible(c) {
        return junk(hidden(0, c).replace(""));
    }
    let code = u32::from(c);
    let (kind, problem) = match full_width(c) {
        Some(ascii) => {
            let message = format!("`{c}` (U+{code:04X}) is not `{ascii}`");
            let problem = Problem::new(Code::E0005, 0..c.len_utf8(), message).help(format!("write `{ascii}`"));
            (strange::sign_kind(ascii), problem.replace(ascii.to_string()))
        }
        None => {
            let message = format!("`{c}` (U+{code:04X}) means nothing here");
            (TokenKind::Bad, Problem::new(Code::E0114, 0..c.len_utf8(), message))
        }
    };
    (after, Lexeme { kind, problem: Some(problem) })
}

/// A word of a text that mixes ASCII letters with letters that look like them.
fn mixed_word(text: &str) -> Option<Problem> {
    let mut start = 0;
    for word in text.split_inclusive(|c: char| !c.is_alphabetic()) {
        let found = word.char_indices().find_map(|(at, c)| lookalike(c).map(|twin| (at, c, twin)));
        if let Some((at, c, twin)) = found.filter(|_| word.contains(|c: char| c.is_ascii_alphabetic())) {
            let place = start + at..start + at + c.len_utf8();
            let message = format!("`{c}` (U+{:04X}) only looks like `{twin}`", u32::from(c));
            let problem = Problem::new(Code::E0005, place, message).replace(twin.to_string());
            return Some(problem.help(format!("write `{twin}`, or `\\u{{{:x}}}` if it is meant", u32::from(c))));
        }
        start += word.len();
    }
    None
}

fn turning(at: usize, c: char) -> Option<Problem> {
    turns_text(c).then(|| {
        let message =
            format!("the invisible character U+{:04X} changes the direction of the text around it", u32::from(c));
        Problem::new(Code::E0004, at..at + c.len_utf8(), message)
            .help(format!("delete it; inside of a text write `\\u{{{:x}}}`", u32::from(c)))
    })
}

fn control(at: usize, c: char) -> Option<Problem> {
    (c.is_control() && c != '\t').then(|| {
        let message = format!("control character U+{:04X}", u32::from(c));
        Problem::new(Code::E0006, at..at + c.len_utf8(), message)
            .help(format!("delete it; inside of a text write `\\u{{{:x}}}`", u32::from(c)))
    })
}

fn hidden(at: usize, c: char) -> Problem {
    Problem::new(Code::E0006, at..at + c.len_utf8(), format!("invisible character U+{:04X}", u32::from(c)))
        .help(format!("delete it; inside of a text write `\\u{{{:x}}}`", u32::from(c)))
}

fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200d}'
        | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2064}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{e0000}'..='\u{e007f}')
}

fn lookalike(c: char) -> Option<char> {
    if c.is_ascii() {
        return None;
    }
    let table =
        LOOKALIKES.split_ascii_whitespace().find_map(|pair| pair.strip_prefix(c).and_then(|a| a.chars().next()));
    table.or_else(|| full_width(c))
}

fn full_width(c: char) -> Option<char> {
    let code = u32::from(c);
    let inside = (FULL_WIDTH_FIRST..=FULL_WIDTH_LAST).contains(&code);
    inside.then(|| char::from_u32(code - FULL_WIDTH_DISTANCE)).flatten()
}
