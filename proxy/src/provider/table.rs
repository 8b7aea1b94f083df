//! The providers that this build can reach.
//!
//! Sources: each vendor's API reference, section "authentication" and "base URL".

use weir_filters::format::Dialect;

use super::{Auth, Provider};

const OPENAI: &[Dialect] =
    &[Dialect::OpenAiChat, Dialect::OpenAiCompletions, Dialect::OpenAiResponses, Dialect::OpenAiEmbeddings];
const MESSAGES: &[Dialect] = &[Dialect::AnthropicMessages];
const CHAT: &[Dialect] = &[Dialect::OpenAiChat];
const CHAT_AND_EMBEDDINGS: &[Dialect] = &[Dialect::OpenAiChat, Dialect::OpenAiCompletions, Dialect::OpenAiEmbeddings];
const CHAT_AND_RESPONSES: &[Dialect] = &[Dialect::OpenAiChat, Dialect::OpenAiResponses];
/// Servers that people run themselves differ by version: what one of them lacks, it says itself.
const EVERY: &[Dialect] = &Dialect::ALL;

/// A vendor that speaks OpenAI's API with a bearer key.
const fn like_openai(name: &'static str, url: Option<&'static str>, dialects: &'static [Dialect]) -> Provider {
    Provider { name, url, path: "", dialects, auth: Auth::Bearer, headers: &[] }
}

/// Every provider of this build.
pub const PROVIDERS: &[Provider] = &[
    like_openai("openai", Some("https://api.openai.com/v1"), OPENAI),
    Provider {
        name: "anthropic",
        url: Some("https://api.anthropic.com"),
        path: "",
        dialects: MESSAGES,
        auth: Auth::Header("x-api-key"),
        // https://docs.anthropic.com/en/api/versioning
        headers: &[("anthropic-version", "2023-06-01")],
    },
    like_openai("compatible", None, EVERY),
    like_openai("vllm", None, EVERY),
    Provider { path: "/v1", ..like_openai("sim", None, EVERY) },
    Provider {
        name: "azure-openai",
        url: None,
        // The surface without deployments in the path:
        // https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle
        path: "/openai/v1",
        dialects: OPENAI,
        auth: Auth::Header("api-key"),
        headers: &[],
    },
    like_openai("deepseek", Some("https://api.deepseek.com/v1"), CHAT),
    like_openai("fireworks", Some("https://api.fireworks.ai/inference/v1"), OPENAI),
    like_openai("groq", Some("https://api.groq.com/openai/v1"), CHAT_AND_RESPONSES),
    like_openai("llama-cpp", Some("http://127.0.0.1:8080/v1"), EVERY),
    like_openai("lmstudio", Some("http://127.0.0.1:1234/v1"), EVERY),
    like_openai("mistral", Some("https://api.mistral.ai/v1"), CHAT_AND_EMBEDDINGS),
    like_openai("nvidia-nim", Some("https://integrate.api.nvidia.com/v1"), CHAT_AND_EMBEDDINGS),
    like_openai("ollama", Some("http://127.0.0.1:11434/v1"), EVERY),
    like_openai("openrouter", Some("https://openrouter.ai/api/v1"), OPENAI),
    // Its base has no version: https://docs.perplexity.ai/guides/chat-completions-guide
    like_openai("perplexity", Some("https://api.perplexity.ai"), CHAT),
    like_openai("sglang", Some("http://127.0.0.1:30000/v1"), EVERY),
    like_openai("tgi", None, EVERY),
    like_openai("together", Some("https://api.together.xyz/v1"), CHAT_AND_EMBEDDINGS),
    like_openai("xai", Some("https://api.x.ai/v1"), CHAT_AND_RESPONSES),
];

/// Providers that the language knows and this build cannot sign for.
pub const LATER: &[&str] = &["bedrock", "gemini", "vertex"];
