// The official `@anthropic-ai/sdk` package for Node drives weir.

import { TLS_URL, URL, check, fetchOverHttp2, hits, holds, load, rejects, run, same } from "./checks.mjs";

const Anthropic = load("@anthropic-ai/sdk").Anthropic;
const TEXT = "Paris is a city.";
const ask = { max_tokens: 64, messages: [{ role: "user", content: "Where is Paris?" }] };
const tools = ["get_weather", "get_time"].map((name) => ({ name, input_schema: { type: "object" } }));
const client = new Anthropic({ baseURL: URL, apiKey: "the-clients-key", maxRetries: 0, timeout: 30_000 });

check("plain", async () => {
  const answer = await client.messages.create({ model: "words", ...ask });
  same([answer.content[0].text, answer.stop_reason], [TEXT, "end_turn"]);
});

check("streaming", async () => {
  const final = await client.messages.stream({ model: "words", ...ask }).finalMessage();
  same(final.content[0].text, TEXT);
  same(final.usage.output_tokens, 4);
});

check("tools", async () => {
  const answer = await client.messages.create({ model: "tools", tools, ...ask });
  same(answer.content.filter((b) => b.type === "tool_use").map((b) => b.name), ["get_weather", "get_time"]);
});

check("streamed tool arguments", async () => {
  const final = await client.messages.stream({ model: "tools", tools, ...ask }).finalMessage();
  same(final.content.filter((b) => b.type === "tool_use").map((b) => b.input), [
    { city: "Paris", unit: "celsius" },
    { zone: "Europe/Paris" },
  ]);
});

check("error types", async () => {
  for (const [model, kind, status] of [
    ["stranger", Anthropic.AuthenticationError, 401],
    ["forbidden", Anthropic.PermissionDeniedError, 403],
    ["unknown", Anthropic.NotFoundError, 404],
    ["bad", Anthropic.BadRequestError, 400],
    ["busy", Anthropic.RateLimitError, 429],
    ["broken", Anthropic.InternalServerError, undefined],
  ]) {
    const error = await rejects(kind, client.messages.create({ model, ...ask }));
    holds(status === undefined || error.status === status, `${model}: ${error.status}`);
    same(error.error?.type, "error");
  }
});

check("an error inside a stream", async () => {
  for (const model of ["cut", "error-event"]) {
    await rejects(Anthropic.APIError, client.messages.stream({ model, ...ask }).finalMessage());
  }
});

check("retries after 429", async () => {
  const before = await hits("busy");
  const patient = client.withOptions({ maxRetries: 1 });
  await rejects(Anthropic.RateLimitError, patient.messages.create({ model: "busy", ...ask }));
  same(await hits("busy"), before + 2);
});

check("timeouts", async () => {
  const impatient = client.withOptions({ timeout: 500 });
  await rejects(Anthropic.APIConnectionTimeoutError, impatient.messages.create({ model: "stall", ...ask }));
});

check("HTTP/2", async () => {
  const over = new Anthropic({ baseURL: TLS_URL, apiKey: "x", maxRetries: 0, fetch: fetchOverHttp2() });
  same((await over.messages.create({ model: "words", ...ask })).content[0].text, TEXT);
  same((await over.messages.stream({ model: "words", ...ask }).finalMessage()).content[0].text, TEXT);
});

await run();
