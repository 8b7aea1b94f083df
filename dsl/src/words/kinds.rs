//! Closed sets of words: provider kinds, balances, APIs, functions, operators, reserved words, and the words of
//! other languages that people bring along.

use super::Availability;

/// A member of a closed set.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The word.
    pub name: &'static str,
    /// Whether this build runs it.
    pub availability: Availability,
    /// One line.
    pub doc: &'static str,
}

/// A provider kind: which vendor's rules for paths and credentials apply.
#[derive(Clone, Copy, Debug)]
pub struct Provider {
    /// Name, availability, one line.
    pub kind: Kind,
    /// Base URL when the endpoint states none; `None`: the endpoint must state one, unless `in_process`.
    pub url: Option<&'static str>,
    /// Needs no network at all.
    pub in_process: bool,
    /// Answers without a credential: a server that people run themselves.
    pub keyless: bool,
}

const fn now(name: &'static str, doc: &'static str) -> Kind {
    Kind { name, availability: Availability::Now, doc }
}

const fn later(name: &'static str, doc: &'static str) -> Kind {
    Kind { name, availability: Availability::Later, doc }
}

const fn provider(kind: Kind, url: Option<&'static str>) -> Provider {
    Provider { kind, url, in_process: false, keyless: false }
}

const fn own_server(kind: Kind, url: &'static str) -> Provider {
    Provider { kind, url: Some(url), in_process: false, keyless: true }
}

/// Provider kinds. The proxy's table of the same names (`proxy/src/provider/table.rs`) says how each is called.
pub const PROVIDERS: &[Provider] = &[
    provider(now("openai", "OpenAI"), Some("https://api.openai.com/v1")),
    provider(now("anthropic", "Anthropic"), Some("https://api.anthropic.com")),
    provider(now("compatible", "any server that speaks OpenAI's API; needs `url`"), None),
    provider(now("vllm", "a vLLM server; needs `url`"), None),
    Provider {
        kind: now("sim", "answers by itself, in this process, without network or key"),
        url: None,
        in_process: true,
        keyless: true,
    },
    provider(now("azure-openai", "OpenAI models on Azure; needs `url`"), None),
    provider(now("deepseek", "DeepSeek"), Some("https://api.deepseek.com/v1")),
    provider(now("fireworks", "Fireworks AI"), Some("https://api.fireworks.ai/inference/v1")),
    provider(now("groq", "Groq"), Some("https://api.groq.com/openai/v1")),
    own_server(now("llama-cpp", "a llama.cpp server"), "http://127.0.0.1:8080/v1"),
    own_server(now("lmstudio", "an LM Studio server"), "http://127.0.0.1:1234/v1"),
    provider(now("mistral", "Mistral AI"), Some("https://api.mistral.ai/v1")),
    provider(now("nvidia-nim", "NVIDIA NIM"), Some("https://integrate.api.nvidia.com/v1")),
    own_server(now("ollama", "an Ollama server"), "http://127.0.0.1:11434/v1"),
    provider(now("openrouter", "OpenRouter"), Some("https://openrouter.ai/api/v1")),
    provider(now("perplexity", "Perplexity"), Some("https://api.perplexity.ai")),
    own_server(now("sglang", "an SGLang server"), "http://127.0.0.1:30000/v1"),
    provider(now("tgi", "a Text Generation Inference server; needs `url`"), None),
    provider(now("together", "Together AI"), Some("https://api.together.xyz/v1")),
    provider(now("xai", "xAI"), Some("https://api.x.ai/v1")),
    provider(later("bedrock", "Amazon Bedrock"), Some("https://bedrock-runtime.amazonaws.com")),
    provider(later("gemini", "Google Gemini API"), Some("https://generativelanguage.googleapis.com")),
    provider(later("vertex", "Google Vertex AI"), Some("https://aiplatform.googleapis.com")),
];

/// The names of [`PROVIDERS`].
pub const PROVIDER_NAMES: &[&str] = &[
    "openai",
    "anthropic",
    "compatible",
    "vllm",
    "sim",
    "azure-openai",
    "deepseek",
    "fireworks",
    "groq",
    "llama-cpp",
    "lmstudio",
    "mistral",
    "nvidia-nim",
    "ollama",
    "openrouter",
    "perplexity",
    "sglang",
    "tgi",
    "together",
    "xai",
    "bedrock",
    "gemini",
    "vertex",
];

/// How a pool chooses a member.
pub const BALANCES: &[Kind] = &[
    now("round_robin", "in turn"),
    now("weighted", "in turn, by weight"),
    now("least_request", "fewest requests in flight, by weight"),
    now("p2c", "the better of two random ones, by requests in flight"),
    later("ewma", "the better of two random ones, by recent latency and requests in flight"),
    later("hash", "by a field's value, so that equal values meet the same member"),
];

/// The names of [`BALANCES`].
pub const BALANCE_NAMES: &[&str] = &["round_robin", "weighted", "least_request", "p2c", "ewma", "hash"];

/// Labels of the field `api`.
pub const APIS: &[Kind] = &[
    now("chat", "`/v1/chat/completions`"),
    now("completions", "`/v1/completions`"),
    now("responses", "`/v1/responses`"),
    now("messages", "`/v1/messages`"),
    now("embeddings", "`/v1/embeddings`"),
    now("images", "`/v1/images/…`"),
    now("audio", "`/v1/audio/…`"),
    now("models", "`/v1/models`"),
    now("generate", "Google's `…:generateContent`"),
    now("realtime", "`/v1/realtime`"),
    now("files", "`/v1/files`"),
    now("batches", "`/v1/batches`"),
    now("moderations", "`/v1/moderations`"),
    now("other", "every other path"),
];

/// Functions. `secret` is for settings only.
pub const FUNCTIONS: &[Kind] = &[
    now("lower", "a text in lower case: `lower(header.x-team)`"),
    now("count", "how many items a list has: `count(tool.names)`"),
    now("secret", "where a credential is found: `secret(\"env:NAME\")`; only in settings"),
];

/// Operators.
pub const OPERATORS: &[Kind] = &[
    now("==", "equal; `!=` is its exact complement"),
    now("<", "order of numbers, times, money, per cent; also `<= > >=`"),
    now("in", "member of a list, a range or a named list; `not in` is its exact complement"),
    now("like", "glob on the whole text: `*` any run, `?` one character"),
    now("matches", "regular expression, searched anywhere; anchor it with `^`"),
    now("starts_with", "begins with a text, or with one of a list"),
    now("ends_with", "ends with a text, or with one of a list"),
    now("contains", "has a part; `contains any` and `contains all` take a list"),
    now("is present", "the field exists; `is absent` is its exact complement"),
];

/// Types of `list N of TYPE from "file"`.
pub const LIST_TYPES: &[&str] = &["string", "cidr", "int"];

/// What a redaction does with a find, weakest first.
pub const REDACTION_MODES: &[&str] = &["token", "hash", "mask", "block"];

/// Days, Monday first.
pub const WEEKDAYS: &[&str] = &["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Words that are never names (`language.md` §2).
pub const RESERVED: &[&str] = &[
    "when",
    "and",
    "or",
    "not",
    "in",
    "like",
    "matches",
    "contains",
    "starts_with",
    "ends_with",
    "is",
    "present",
    "absent",
    "any",
    "all",
    "true",
    "false",
];

/// Words of nginx, HAProxy, Envoy, Varnish and LiteLLM, and what to write here.
pub const FOREIGN: &[(&str, &str)] = &[
    ("acl", "name a condition with `let NAME = …`"),
    ("allow", "there is no `allow`; `route` the request, or `deny` the others"),
    ("backend", "a set of endpoints is a `pool`"),
    ("backends", "a set of endpoints is a `pool`"),
    ("bind", "listeners belong to the process configuration (`gateway.toml`)"),
    ("cluster", "a set of endpoints is a `pool`"),
    ("frontend", "rules stand in a `policy`"),
    ("listen", "listeners belong to the process configuration (`gateway.toml`)"),
    ("location", "write `rule NAME when path starts_with \"…\" { … }`"),
    ("match", "write `rule NAME when … { … }`"),
    ("permit", "there is no `permit`; `route` the request, or `deny` the others"),
    ("proxy_pass", "write `route POOL`"),
    ("redirect", "write `respond` or `deny`; weir sends no redirects"),
    ("return", "write `respond STATUS text \"…\"` or `deny STATUS \"…\"`"),
    ("reject", "write `deny STATUS \"…\"`"),
    ("block", "write `deny STATUS \"…\"`"),
    ("server", "inside a `pool` write `member ENDPOINT`; at the top of the file write `endpoint NAME { … }`"),
    ("upstream", "a single upstream is an `endpoint`, a set of them a `pool`"),
    ("use_backend", "write `route POOL`"),
    ("else", "the next `rule` is the else: the first rule that holds decides"),
    ("then", "write `rule NAME when … { … }`"),
    ("set_header", "write `set header.NAME \"value\"`"),
    ("include", "write `import \"file.weir\" as NAME`"),
    ("var", "name a condition with `let NAME = …`"),
];

/// The provider kind of a name.
#[must_use]
pub fn provider_of(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|p| p.kind.name == name)
}

/// The row of a balance.
#[must_use]
pub fn balance_of(name: &str) -> Option<&'static Kind> {
    BALANCES.iter().find(|k| k.name == name)
}

/// What to write instead of a word of another language.
#[must_use]
pub fn foreign(word: &str) -> Option<&'static str> {
    FOREIGN.iter().find(|(w, _)| *w == word).map(|(_, help)| *help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_lists_are_those_of_the_tables() {
        assert!(PROVIDERS.iter().map(|p| p.kind.name).eq(PROVIDER_NAMES.iter().copied()));
        assert!(BALANCES.iter().map(|k| k.name).eq(BALANCE_NAMES.iter().copied()));
    }
}
