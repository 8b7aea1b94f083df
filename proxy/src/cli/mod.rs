//! The command line: one file for each subcommand.
//!
//! Exit codes are a contract: 0 good, 1 the policy (or what was asked) is not good, 2 wrong usage or something
//! cannot be read, written or bound. What a program reads goes to standard output, what a person reads to
//! standard error.

mod check;
mod explain;
mod fmt;
mod run;
mod screen;

use std::process::ExitCode;

use clap::error::{ContextKind, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

use screen::Screen;

/// What was asked for is good.
pub(crate) const GOOD: u8 = 0;
/// What was asked for is not good.
pub(crate) const BAD: u8 = 1;
/// It could not be found out.
pub(crate) const BROKEN: u8 = 2;

/// A gateway and sidecar proxy for model APIs, ruled by a policy language.
#[derive(Debug, Parser)]
#[command(name = "weir", version, arg_required_else_help = true, disable_help_subcommand = true)]
struct Weir {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve; without a policy, the built-in quickstart that needs no key and no network
    Run(Box<run::Args>),
    /// Check policies: the same check that `run` and every reload do
    Check(check::Args),
    /// Write policies in the canonical style
    Fmt(fmt::Args),
    /// Say what a diagnostic means and what to do about it
    Explain(explain::Args),
    /// Play a model API on a socket, with delays, errors and faults by script
    Sim(crate::sim::server::Args),
}

/// Runs the command of the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let mut screen = Screen::standard();
    let code = match Weir::try_parse() {
        Ok(weir) => weir.command.run(&mut screen),
        Err(error) => usage(&error, &mut screen),
    };
    ExitCode::from(code)
}

/// Help, version, and mistakes on the command line.
#[expect(clippy::wildcard_enum_match_arm, reason = "clap's kinds are open; all others are plain mistakes")]
fn usage(error: &clap::Error, screen: &mut Screen) -> u8 {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            screen.say(&error.to_string());
            GOOD
        }
        ErrorKind::InvalidSubcommand => {
            let commands: Vec<String> =
                Weir::command().get_subcommands().map(|c| format!("`{}`", c.get_name())).collect();
            let named = error.get(ContextKind::InvalidSubcommand).map_or_else(String::new, |c| format!(" `{c}`"));
            screen.broken(&format!("this build has no command{named}; it has {}", commands.join(", ")))
        }
        _ => {
            screen.tell(&error.to_string());
            BROKEN
        }
    }
}

// === impl Command ===

impl Command {
    fn run(self, screen: &mut Screen) -> u8 {
        match self {
            Self::Run(args) => run::run(*args, screen),
            Self::Check(args) => check::run(&args, screen),
            Self::Fmt(args) => fmt::run(&args, screen),
            Self::Explain(args) => explain::run(&args, screen),
            Self::Sim(args) => sim(args, screen),
        }
    }
}

fn sim(args: crate::sim::server::Args, screen: &mut Screen) -> u8 {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return screen.broken(&format!("cannot start threads: {e}")),
    };
    match runtime.block_on(crate::sim::server::run(args)) {
        Ok(()) => GOOD,
        Err(e) => screen.broken(&e.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Weir::command().debug_assert();
    }
}
