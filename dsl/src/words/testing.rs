//! Statements of `test` blocks, which this build knows and cannot run yet.

use super::{Place, Shape, Word, pos, word};

const ANY: &[super::Arg] = &[pos(Shape::Any), pos(Shape::Any).optional(), pos(Shape::Any).optional()];

const fn later(place: Place, name: &'static str, doc: &'static str, example: &'static str) -> Word {
    word(place, name, doc, example).args(ANY).repeats().later()
}

/// The rows. `given` also takes every field of the request as a word.
pub(crate) const WORDS: &[Word] = &[
    word(Place::Test, "given", "the request", "given { model \"gpt-4o\" }").body(Place::Given).later(),
    word(Place::Test, "expect", "what must happen", "expect { rule default }").body(Place::Expect).later(),
    word(
        Place::Test,
        "case",
        "a variant with its own `given` and `expect`",
        "case \"late\" { expect { rule default } }",
    )
    .args(&[pos(Shape::Text)])
    .body(Place::Case)
    .repeats()
    .later(),
    word(Place::Case, "given", "what differs in the request", "given { model \"x\" }").body(Place::Given).later(),
    word(Place::Case, "expect", "what must happen", "expect { rule default }").body(Place::Expect).later(),
    later(Place::Given, "fail", "an endpoint that fails", "fail gpu-eu timeout"),
    later(Place::Given, "list", "items of a list from a file", "list revoked [\"vk-7\"]"),
    later(Place::Given, "table", "a row of a table", "table tenants \"acme\" { tier \"gold\" }"),
    later(Place::Given, "auth", "who is known", "auth corp-sso"),
    later(Place::Given, "time", "day and hour", "time mon 23:10"),
    later(Place::Expect, "rule", "the rule that decides", "rule code"),
    later(Place::Expect, "route", "the pool", "route gpu-code"),
    later(Place::Expect, "split", "a share", "split m.chat 95%"),
    later(Place::Expect, "deny", "the status", "deny 404"),
    later(Place::Expect, "model", "the model asked for", "model \"coder-32b\""),
    later(Place::Expect, "redacted", "kinds of data found", "redacted [email]"),
    later(Place::Expect, "redacted_with", "the redaction", "redacted_with base"),
    later(Place::Expect, "cached", "the cache", "cached answers"),
    later(Place::Expect, "tag", "a tag", "tag lane \"code\""),
    later(Place::Expect, "header", "a header to the upstream", "header x-a \"b\""),
    later(Place::Expect, "status", "the status of the answer", "status 200"),
    later(Place::Expect, "attempts", "endpoints in order", "attempts [a, b]"),
    later(Place::Expect, "attempts_end", "the last endpoint", "attempts_end b"),
    later(Place::Expect, "same_for", "stays the same for one value", "same_for client.user"),
    later(Place::Expect, "untouched", "a field that was never read", "untouched prompt.all"),
];
