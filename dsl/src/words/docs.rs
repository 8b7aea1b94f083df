//! The generated pages: `docs/language.md` and `docs/errors.md`.
//!
//! A test fails when the checked-in pages are not what these functions give; `UPDATE=1 cargo test -p weir-dsl`
//! rewrites them.

use std::fmt::Write as _;

use super::{Arg, Assigned, Availability, Body, Place, Word, fields, kinds};
use crate::compile::Limits;
use crate::diag::Code;
use crate::hir::{FailureClass, Tier, Type};

/// `docs/language.md`: every word, field, operator and limit.
#[must_use]
pub fn language() -> String {
    let mut out = String::from(INTRO);
    section(&mut out, "Declarations", "At the top of a file.", Place::Top);
    section(
        &mut out,
        "Statements of a policy",
        "Read from top to bottom; the first `rule` that holds decides.",
        Place::Policy,
    );
    section(&mut out, "Actions", ACTIONS, Place::Actions);
    for place in SETTINGS {
        let intro = format!("Inside `{} {{ … }}`.", place.opener());
        section(&mut out, &format!("Settings of `{}`", place.opener()), &intro, *place);
    }
    field_section(&mut out);
    kind_section(&mut out, "Operators", kinds::OPERATORS.iter());
    kind_section(&mut out, "Functions", kinds::FUNCTIONS.iter());
    kind_section(&mut out, "Provider kinds", kinds::PROVIDERS.iter().map(|p| &p.kind));
    kind_section(&mut out, "Balances", kinds::BALANCES.iter());
    kind_section(&mut out, "Labels of `api`", kinds::APIS.iter());
    classes(&mut out);
    limits(&mut out);
    let _ = writeln!(out, "## Reserved words\n\nNever names: `{}`.", kinds::RESERVED.join("` `"));
    out
}

/// `docs/errors.md`: every diagnostic with its explanation, then whatever `runtime` adds: the codes that clients
/// see, which the proxy knows.
#[must_use]
pub fn errors(runtime: &str) -> String {
    let mut out = String::from(ERRORS_INTRO);
    for code in Code::ALL {
        let mut lines = code.explanation().lines();
        let _ = writeln!(out, "### {}: {}\n", code.text(), lines.next().unwrap_or_default());
        for line in lines.skip_while(|l| l.is_empty()) {
            let line = line.strip_prefix("```weir").map_or_else(|| line.to_owned(), |_| "```weir".to_owned());
            let _ = writeln!(out, "{line}");
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{RUNTIME_HEADING}\n");
    out.push_str(runtime);
    out
}

/// Heading of the part of `docs/errors.md` that the proxy fills.
pub const RUNTIME_HEADING: &str = "## What clients see";

const INTRO: &str = "# The weir language

Generated from the tables in `dsl/src/words`; do not edit. `weir explain CODE` says more about a diagnostic.

A file is a list of statements: `word arguments… [= value] [when condition] [{ block }]`. `#` begins a comment, `##` one
that documents the next statement. Words marked *later* are known to the language and refused by this build.

";

const ACTIONS: &str = "What a `rule`, an `apply`, `default` or a `bundle` does. The stage says when the proxy does it, \
wherever it is written. A rule has exactly one action that decides; an `apply` has none.";

const ERRORS_INTRO: &str = "# Errors

Generated from the codes themselves; do not edit.

## What the checker says

`E` codes refuse a policy; `W` codes warn and can be allowed for one statement by `# allow CODE: reason` above it.

";

const SETTINGS: &[Place] = &[
    Place::Endpoint,
    Place::Model,
    Place::Pool,
    Place::Route,
    Place::Split,
    Place::Table,
    Place::Schedule,
    Place::Auth,
    Place::Limit,
    Place::Budget,
    Place::Redaction,
    Place::Cache,
    Place::Classifier,
    Place::Delegate,
    Place::Test,
    Place::Given,
    Place::Expect,
];

fn section(out: &mut String, title: &str, intro: &str, place: Place) {
    let _ = writeln!(out, "## {title}\n\n{intro}\n");
    for word in super::at(place) {
        let _ = writeln!(out, "### `{}`\n", sketch(word));
        let _ = writeln!(out, "{}.{}\n", capital(word.doc), marks(word));
        let _ = writeln!(out, "```weir\n{}\n```\n", word.example);
    }
}

/// How a statement is written, from its row.
#[must_use]
pub fn sketch(word: &Word) -> String {
    let mut out = String::from(word.name);
    for arg in word.args {
        let _ = write!(out, " {}", argument(arg));
    }
    match word.assigned {
        Assigned::No => {}
        Assigned::Condition => out.push_str(" = CONDITION"),
        Assigned::List => out.push_str(" [= [VALUE, …]]"),
        Assigned::Text => out.push_str(" = \"TEXT\""),
    }
    if word.when {
        out.push_str(" [when CONDITION]");
    }
    match word.body {
        Body::No => {}
        Body::Optional(_) => out.push_str(" [{ … }]"),
        Body::Required(_) => out.push_str(" { … }"),
    }
    out
}

fn argument(arg: &Arg) -> String {
    let mut text = arg.key.map_or_else(String::new, |key| format!("{key} "));
    text.push_str(&arg.shape.sketch());
    if let Some(noise) = arg.noise {
        let _ = write!(text, " {noise}");
    }
    if arg.required { text } else { format!("[{text}]") }
}

fn marks(word: &Word) -> String {
    let mut marks = Vec::new();
    if let Some(stage) = word.stage {
        marks.push(format!("stage {stage}"));
    }
    if word.terminal {
        marks.push("decides".into());
    }
    if word.required {
        marks.push("required".into());
    }
    if word.repeats && word.stage.is_none() {
        marks.push("may stand more than once".into());
    }
    if word.availability == Availability::Later {
        marks.push("*later*".into());
    }
    if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn field_section(out: &mut String) {
    out.push_str(
        "## Fields\n\nWhat a condition can read. The tier is what it costs before the value exists: 0 head and live \
         figures, 1 a glance at the body, 2 the whole body, 3 tokens counted, 4 a classifier. A field that is absent \
         makes every test false; `!=` and `not …` are exact complements.\n\n\
         | field | type | tier | absent? | meaning | example |\n|---|---|---|---|---|---|\n",
    );
    for field in fields::FIELDS {
        let later = if field.availability == Availability::Later { " (*later*)" } else { "" };
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {}{later} | `{}` |",
            field.sketch(),
            type_name(field.ty),
            tier_number(field.tier),
            if field.optional { "can be" } else { "never" },
            field.doc,
            field.example.replace('|', "\\|"),
        );
    }
    out.push('\n');
    let params: Vec<_> = fields::PARAMS.iter().map(|(name, ty)| format!("`{name}` {}", type_name(*ty))).collect();
    let _ = writeln!(out, "Parameters with a type of their own: {}.\n", params.join(", "));
    let metrics: Vec<_> = fields::LIVE_METRICS.iter().map(|(name, _, _, doc)| format!("`{name}` ({doc})")).collect();
    let _ = writeln!(out, "Figures of `live.pool.NAME` and `live.endpoint.NAME`: {}.\n", metrics.join(", "));
}

fn kind_section<'a>(out: &mut String, title: &str, rows: impl Iterator<Item = &'a kinds::Kind>) {
    let _ = writeln!(out, "## {title}\n\n| word | meaning |\n|---|---|");
    for row in rows {
        let later = if row.availability == Availability::Later { " (*later*)" } else { "" };
        let _ = writeln!(out, "| `{}` | {}{later} |", row.name, row.doc);
    }
    out.push('\n');
}

fn classes(out: &mut String) {
    out.push_str(
        "## Classes of failures\n\nWhat `retry … on` and `fallback … on` name.\n\n| class | meaning |\n|---|---|\n",
    );
    for (class, word) in FailureClass::ALL {
        let _ = writeln!(out, "| `{word}` | {} |", class_doc(*class));
    }
    out.push('\n');
}

fn class_doc(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Connect => "no connection, or TLS failed",
        FailureClass::Timeout => "a timer ran out",
        FailureClass::ServerError => "status 500 to 599",
        FailureClass::RateLimited => "status 429",
        FailureClass::ClientError => "any other status 400 to 499",
        FailureClass::Overloaded => "the vendor says that it is overloaded",
        FailureClass::ContextExceeded => "the prompt does not fit the model",
        FailureClass::ContentFilter => "the vendor's content filter",
        FailureClass::Refused => "the model refused",
        FailureClass::BadResponse => "an answer that the protocol does not know",
        FailureClass::StreamBroken => "the answer broke after it began; never retried after the first token",
        FailureClass::Auth => "status 401 or 403: the endpoint's credential is wrong",
    }
}

fn limits(out: &mut String) {
    let limits = Limits::default();
    out.push_str("## Limits\n\n| what | at most |\n|---|---|\n");
    let rows: [(&str, usize); 12] = [
        ("bytes of a policy file", limits.file_bytes),
        ("bytes of a list file", limits.data_bytes),
        ("bytes of an injected text", limits.inject_bytes),
        ("files", limits.files),
        ("rules", limits.rules),
        ("tests in a condition", limits.atoms_per_condition),
        ("items in a list", limits.list_items),
        ("bytes of a regular expression", limits.regex_bytes),
        ("bytes of a compiled regular expression", limits.regex_compiled_bytes),
        ("stars in a `like` pattern", limits.glob_stars),
        ("actions of a rule, bundles taken in", limits.actions),
        ("`let` inside `let`, `bundle` inside `bundle`", limits.let_depth),
    ];
    for (what, limit) in rows {
        let _ = writeln!(out, "| {what} | {limit} |");
    }
    let _ = writeln!(out, "| attempts of a route | {} |\n", limits.attempts);
}

fn tier_number(tier: Tier) -> u8 {
    match tier {
        Tier::Head => 0,
        Tier::Peek => 1,
        Tier::Body => 2,
        Tier::Tokens => 3,
        Tier::Classifier => 4,
    }
}

fn type_name(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::Int => "int",
        Type::Float => "float",
        Type::Text => "text",
        Type::TextList => "list of text",
        Type::Size => "size",
        Type::Duration => "duration",
        Type::Money => "money",
        Type::Percent => "percent",
        Type::Ip => "ip",
        Type::Clock => "clock",
        Type::Weekday => "weekday",
        Type::Time => "time",
        Type::Class => "label",
        Type::Json => "json",
    }
}
