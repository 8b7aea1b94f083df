//! `weir explain CODE`: what a diagnostic means.

use weir_dsl::diag::Code;

use super::screen::Screen;
use super::{BAD, GOOD};

/// What `weir explain` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The code, such as E0201; without one, all of them with their titles
    code: Option<String>,
}

pub(super) fn run(args: &Args, screen: &mut Screen) -> u8 {
    let Some(wanted) = &args.code else {
        let lines: String = Code::ALL.iter().map(|code| format!("{}  {}\n", code.text(), code.title())).collect();
        screen.say(&lines);
        return GOOD;
    };
    match Code::parse(wanted) {
        Some(code) => {
            screen.say(&format!("{}: {}\n", code.text(), code.explanation().trim_end()));
            GOOD
        }
        None => {
            let near = nearest(wanted).map_or_else(String::new, |code| format!(" did you mean `{}`?", code.text()));
            screen.error(&format!("there is no diagnostic `{wanted}`;{near} `weir explain` lists all of them"));
            BAD
        }
    }
}

fn nearest(wanted: &str) -> Option<Code> {
    let wanted = wanted.to_ascii_uppercase();
    let distance = |code: &Code| strsim::damerau_levenshtein(code.text(), &wanted);
    Code::ALL.iter().copied().min_by_key(distance).filter(|code| distance(code) <= 1)
}
