//! Standard output and standard error, with colours only where a person reads them.

use std::io::{self, ErrorKind, IsTerminal, Write};

use weir_dsl::diag::Style;

use super::BROKEN;
use crate::secret;

/// Where a command writes.
pub(crate) struct Screen {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    style: Style,
}

// === impl Screen ===

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").field("style", &self.style).finish_non_exhaustive()
    }
}

impl Screen {
    /// The process's own. Colours need a terminal on standard error and no `NO_COLOR` (no-color.org).
    pub(crate) fn standard() -> Self {
        let colour = io::stderr().is_terminal() && secret::environment("NO_COLOR").is_none();
        let style = if colour { Style::Colour } else { Style::Plain };
        Self { out: Box::new(io::stdout()), err: Box::new(io::stderr()), style }
    }

    /// How diagnostics are dressed on standard error.
    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// Results, for programs.
    pub(crate) fn say(&mut self, text: &str) {
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Ok(()) => {}
            // The reader has seen enough: `weir explain … | head`.
            Err(e) if e.kind() == ErrorKind::BrokenPipe => {}
            Err(e) => self.error(&format!("cannot write to standard output: {e}")),
        }
    }

    /// Words, for people.
    pub(crate) fn tell(&mut self, text: &str) {
        // There is nobody to tell when standard error is closed.
        drop(self.err.write_all(text.as_bytes()));
    }

    /// One mistake, for people.
    pub(crate) fn error(&mut self, message: &str) {
        let label = match self.style {
            Style::Plain => "error:",
            Style::Colour => "\x1b[1;31merror:\x1b[0m",
        };
        self.tell(&format!("{label} {message}\n"));
    }

    /// One mistake that ends the command.
    pub(crate) fn broken(&mut self, message: &str) -> u8 {
        self.error(message);
        BROKEN
    }
}
