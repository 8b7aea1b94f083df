//! W0503: declared and never used.

use super::Checker;
use crate::diag::{Code, Diagnostic};
use crate::words::Refers;

// === impl Checker ===

impl Checker<'_, '_, '_> {
    /// Runs only on a policy without errors: a broken rule may be the one that uses a name.
    pub(super) fn analyse_unused(&mut self) {
        for (of, name) in &self.names.order {
            // A policy is named by the listeners of the process configuration.
            if *of == Refers::Policy || self.used.contains(&(*of, *name)) {
                continue;
            }
            let Some(decl) = self.names.decl(*of, name) else { continue };
            let word = decl.word.name;
            let problem = Diagnostic::new(Code::W0503, decl.span, format!("{word} `{name}` is never used"));
            self.problems.push(match word {
                "endpoint" => {
                    problem.help(format!("route to it, make it a `member` of a pool, or take it out: `route {name}`"))
                }
                "pool" => problem.help(format!("route to it, or take it out: `route {name}`")),
                "bundle" => problem.help(format!("write `use {name}` in a rule, or take it out")),
                "list" => problem.help(format!("write `… in {name}` in a condition, or take it out")),
                _ => problem.help(format!("write `when {name}` in a rule, or take it out")),
            });
        }
    }
}
