//! Just enough JSON for bodies that are skimmed, not built: a validating pull scanner, escapes both ways.
//!
//! No tree is ever made here. [`scan::Scanner`] walks a text once, validates what it passes over exactly as strictly
//! as `serde_json` does for a `Value`, and gives spans of what the caller stopped at.

mod plain;
pub mod scan;
pub mod text;
pub mod unique;
