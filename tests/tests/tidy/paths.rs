//! Every path that a Rust file names, with its line: in `use` trees (spelled out), in types and expressions, and
//! inside macro calls. Comments and strings name nothing.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::str::FromStr;

/// `a::b::c` as its segments.
#[derive(Debug, Eq, PartialEq)]
pub struct Named {
    pub line: usize,
    pub segments: Vec<String>,
}

/// All paths named in `text`; none where it does not lex.
pub fn named(text: &str) -> Vec<Named> {
    let mut found = Vec::new();
    if let Ok(tokens) = TokenStream::from_str(text) {
        walk(tokens, &mut found);
    }
    found
}

impl Named {
    pub fn starts_with(&self, prefix: &str) -> bool {
        let wanted: Vec<&str> = prefix.split("::").collect();
        self.segments.len() >= wanted.len() && self.segments.iter().zip(&wanted).all(|(have, want)| have == want)
    }

    pub fn root(&self) -> &str {
        &self.segments[0]
    }
}

fn walk(tokens: TokenStream, found: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        at = match &tokens[at] {
            TokenTree::Group(group) => {
                walk(group.stream(), found);
                at + 1
            }
            TokenTree::Ident(word) if word == "use" => {
                // `use` also opens a precise capture, `impl Trait + use<'a>`, which names no path.
                if colon_free_use(&tokens, at) { at + 1 } else { tree(&tokens, at + 1, &[], found) }
            }
            TokenTree::Ident(_) => path(&tokens, at, found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => at + 1,
        };
    }
}

fn colon_free_use(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at + 1), Some(TokenTree::Punct(next)) if next.as_char() == '<')
}

/// A path in an expression, a type or a macro: `ident (:: ident)*`.
fn path(tokens: &[TokenTree], start: usize, found: &mut Vec<Named>) -> usize {
    let (segments, mut at) = segments(tokens, start);
    if segments.len() > 1 {
        found.push(Named { line: tokens[start].span().start().line, segments });
    }
    // A generic argument list (`::<`) or a glob stays with its path; what follows is scanned on its own.
    while is_colons(tokens, at) {
        at += 2;
    }
    at
}

/// One branch of a `use` tree, below `prefix`, up to and with its `,` or `;`.
fn tree(tokens: &[TokenTree], start: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let start = if is_colons(tokens, start) { start + 2 } else { start };
    let (tail, mut at) = segments(tokens, start);
    let mut whole = prefix.to_vec();
    whole.extend(tail);
    if is_colons(tokens, at) {
        at += 2;
    }
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let mut branch = 0;
            while branch < inner.len() {
                branch = tree(&inner, branch, &whole, found);
            }
            at += 1;
        }
        _ if !whole.is_empty() => {
            let line = tokens.get(start).map_or(0, |token| token.span().start().line);
            found.push(Named { line, segments: whole });
        }
        _ => {}
    }
    while at < tokens.len() {
        let ends = matches!(&tokens[at], TokenTree::Punct(end) if matches!(end.as_char(), ',' | ';'));
        at += 1;
        if ends {
            break;
        }
    }
    at
}

fn segments(tokens: &[TokenTree], start: usize) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    let mut at = start;
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        segments.push(word.to_string());
        at += 1;
        if is_colons(tokens, at) && matches!(tokens.get(at + 2), Some(TokenTree::Ident(_))) {
            at += 2;
        } else {
            break;
        }
    }
    (segments, at)
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
    colon(at) && colon(at + 1)
}

#[test]
fn paths_are_found_wherever_they_hide() {
    let text = "
use std::{fs, net::{self, TcpStream as T}};
use ::pingora::http::*;
fn f<'a>() -> impl Sized + use<'a> { tokio::spawn(async { log::info!(\"serde_json::no\") }) } // http::no
";
    let all: Vec<(usize, String)> = named(text).into_iter().map(|n| (n.line, n.segments.join("::"))).collect();
    let expected = [
        (2, "std::fs"),
        (2, "std::net::self"),
        (2, "std::net::TcpStream"),
        (3, "pingora::http"),
        (4, "tokio::spawn"),
        (4, "log::info"),
    ];
    assert_eq!(all, expected.map(|(line, path)| (line, path.to_owned())));
}

#[test]
fn a_prefix_is_whole_segments() {
    let path = &named("use std::fs_extra::x;")[0];
    assert!(path.starts_with("std"));
    assert!(!path.starts_with("std::fs"));
}
