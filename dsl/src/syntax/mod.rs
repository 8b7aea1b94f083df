//! Text to tree and back: lexer, layout, recovering parser, formatter.

pub mod ast;
