//! Settings of the declarations that this build knows and cannot run yet.

use super::{Place, Shape, Word, kinds, pos, word};

const ANY: &[super::Arg] = &[pos(Shape::Any), pos(Shape::Any).optional(), pos(Shape::Any).optional()];

const fn later(place: Place, name: &'static str, doc: &'static str, example: &'static str) -> Word {
    word(place, name, doc, example).args(ANY).later()
}

/// The rows.
pub(crate) const WORDS: &[Word] = &[
    later(Place::Table, "key", "the column to look up by", "key tenant string").required(),
    later(Place::Table, "column", "another column and its type", "column tier string one_of [\"gold\", \"trial\"]")
        .repeats(),
    later(Place::Schedule, "zone", "the time zone", "zone \"Europe/Madrid\"").required(),
    later(Place::Schedule, "open", "days and hours", "open mon..fri 08:00..18:30").repeats(),
    later(Place::Schedule, "except", "a day that is closed", "except \"2026-12-25\"").repeats(),
    later(Place::Auth, "jwt", "tokens of an issuer", "jwt issuer \"https://sso.example.com\" audience \"llm\""),
    later(Place::Auth, "jwks", "where the issuer's keys are", "jwks \"https://sso.example.com/keys\""),
    later(Place::Auth, "claim", "the field that a claim fills", "claim client.user \"sub\"").repeats(),
    later(Place::Auth, "virtual_keys", "keys that this gateway gives out", "virtual_keys secret(\"env:KEYS\")"),
    later(Place::Auth, "mtls", "client certificates", "mtls \"file:/etc/weir/clients.pem\""),
    later(Place::Limit, "by", "one counter for each value", "by client.team").required(),
    later(Place::Limit, "rate", "requests or tokens per time", "rate 600 requests per 1m burst 100")
        .required()
        .repeats(),
    later(Place::Limit, "over", "what happens above it", "over deny 429 \"team limit reached\""),
    later(Place::Budget, "by", "one counter for each value", "by client.team").required(),
    later(Place::Budget, "spend", "money per period", "spend $4000 per month").required(),
    later(Place::Budget, "warn", "share at which to warn", "warn 80%"),
    later(Place::Budget, "over", "what happens above it", "over deny 402 \"the budget is spent\""),
    later(Place::Redaction, "find", "kinds of personal data", "find [email, phone]").required(),
    later(
        Place::Redaction,
        "pattern",
        "an own kind, as a regular expression",
        "pattern employee_id `\\bEMP-\\d{6}\\b`",
    )
    .repeats(),
    word(Place::Redaction, "mode", "what happens with a find", "mode token")
        .args(&[pos(Shape::Choice(kinds::REDACTION_MODES))])
        .required()
        .later(),
    later(Place::Redaction, "on", "request, response or both", "on [request, response]"),
    later(Place::Redaction, "restore", "puts the data back into the answer", "restore true"),
    later(Place::Redaction, "fail", "closed or open", "fail closed"),
    later(Place::Cache, "kind", "exact or semantic", "kind exact").required(),
    later(Place::Cache, "ttl", "how long an answer is good", "ttl 10m").required(),
    later(Place::Cache, "key", "fields that must be equal", "key [model, prompt.all]").required(),
    later(Place::Cache, "text", "the text that must be alike", "text prompt.last"),
    later(Place::Cache, "similarity", "how alike", "similarity 0.95"),
    later(Place::Cache, "scope", "who shares answers", "scope client.user"),
    later(Place::Cache, "max_entry", "largest answer that is kept", "max_entry 64KiB"),
    later(Place::Cache, "skip", "requests that pass it by", "skip when uses.tools").when().repeats(),
    later(Place::Classifier, "builtin", "the embedded model", "builtin"),
    later(Place::Classifier, "onnx", "a model file", "onnx \"models/intent.onnx\""),
    later(Place::Classifier, "tokenizer", "its tokenizer", "tokenizer \"models/intent.json\""),
    later(Place::Classifier, "input", "the text it reads", "input prompt.last").required(),
    later(Place::Classifier, "max_input", "tokens it reads at most", "max_input 512"),
    later(Place::Classifier, "labels", "its answers", "labels [\"code\", \"chat\"]"),
    later(Place::Classifier, "examples", "texts that teach a label", "examples \"code\" [\"fix this bug\"]")
        .repeats(),
    later(Place::Classifier, "threshold", "score below which it is unsure", "threshold 0.70"),
    later(Place::Classifier, "deadline", "time after which it is late", "deadline 15ms"),
    later(Place::Classifier, "otherwise", "the label when it is late, unsure or broken", "otherwise \"chat\"")
        .required(),
    later(Place::Classifier, "execution", "where it runs", "execution [cpu]"),
    later(Place::Classifier, "require", "refuse to start without it", "require true"),
    later(Place::Delegate, "may", "kinds of actions it may use", "may [route, tag]").required(),
    later(Place::Delegate, "use", "names it may mention", "use [m.chat]"),
    later(Place::Delegate, "max_rules", "rules it may have", "max_rules 200"),
    later(Place::Delegate, "on_error", "what runs when its file is broken", "on_error keep"),
];
