// The official `openai` package for Node drives weir.

import { TLS_URL, URL, check, fetchOverHttp2, hits, holds, load, rejects, run, same, stats } from "./checks.mjs";

const OpenAI = load("openai").OpenAI;
const TEXT = "Paris is a city.";
const messages = [{ role: "user", content: "Where is Paris?" }];
const tools = ["get_weather", "get_time"].map((name) => ({
  type: "function",
  function: { name, parameters: { type: "object" } },
}));
const client = new OpenAI({ baseURL: `${URL}/v1`, apiKey: "the-clients-key", maxRetries: 0, timeout: 30_000 });

async function all(stream) {
  const got = [];
  for await (const item of stream) got.push(item);
  return got;
}

const text = (chunks) => chunks.map((c) => c.choices[0]?.delta?.content ?? "").join("");

check("plain", async () => {
  const answer = await client.chat.completions.create({ model: "words", messages });
  same(answer.choices[0].message.content, TEXT);
  same(answer.usage.total_tokens, 16);
});

check("streaming", async () => {
  const chunks = await all(await client.chat.completions.create({ model: "words", messages, stream: true }));
  same(text(chunks), TEXT);
  same(chunks.at(-1).choices[0].finish_reason, "stop");
});

check("stream helper with usage", async () => {
  const stream = client.chat.completions.stream({
    model: "words", messages, stream_options: { include_usage: true },
  });
  same(await stream.finalContent(), TEXT);
  same((await stream.totalUsage()).total_tokens, 16);
});

check("tools", async () => {
  const answer = await client.chat.completions.create({ model: "tools", messages, tools });
  same(answer.choices[0].message.tool_calls.map((c) => c.function.name), ["get_weather", "get_time"]);
});

check("streamed tool arguments", async () => {
  const stream = client.chat.completions.stream({ model: "tools", messages, tools });
  const calls = (await stream.finalMessage()).tool_calls;
  same(calls.map((c) => c.function.arguments), ['{"city":"Paris","unit":"celsius"}', '{"zone":"Europe/Paris"}']);
});

check("embeddings", async () => {
  const answer = await client.embeddings.create({ model: "words", input: ["one", "two"], dimensions: 4 });
  same(answer.data.map((d) => Array.from(d.embedding)), [[1, 0, 0, 0], [0, 1, 0, 0]]);
});

check("completions", async () => {
  same((await client.completions.create({ model: "words", prompt: "Where?" })).choices[0].text, TEXT);
});

check("responses", async () => {
  const answer = await client.responses.create({ model: "words", input: "Where is Paris?" });
  same([answer.output_text, answer.status], [TEXT, "completed"]);
});

check("responses streaming", async () => {
  const events = await all(await client.responses.create({ model: "words", input: "Where?", stream: true }));
  same(events.filter((e) => e.type === "response.output_text.delta").map((e) => e.delta).join(""), TEXT);
  same(events.at(-1).type, "response.completed");
  const final = await client.responses.stream({ model: "words", input: "Where?" }).finalResponse();
  same(final.output[0].content[0].text, TEXT);
});

check("models", async () => {
  const names = (await all(await client.models.list())).map((m) => m.id);
  holds(names.includes("inside"), names.join());
});

check("error types", async () => {
  for (const [model, kind, status] of [
    ["stranger", OpenAI.AuthenticationError, 401],
    ["forbidden", OpenAI.PermissionDeniedError, 403],
    ["unknown", OpenAI.NotFoundError, 404],
    ["bad", OpenAI.BadRequestError, 400],
    ["busy", OpenAI.RateLimitError, 429],
    ["broken", OpenAI.InternalServerError, undefined],
  ]) {
    const error = await rejects(kind, client.chat.completions.create({ model, messages }));
    holds(status === undefined || error.status === status, `${model}: ${error.status}`);
    holds(error.error?.message && error.code, `${model}: ${JSON.stringify(error.error)}`);
  }
});

check("an error inside a stream", async () => {
  for (const model of ["cut", "error-event"]) {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    await rejects(OpenAI.APIError, all(stream));
  }
});

check("retries after 429", async () => {
  const before = await hits("busy");
  const patient = client.withOptions({ maxRetries: 1 });
  await rejects(OpenAI.RateLimitError, patient.chat.completions.create({ model: "busy", messages }));
  same(await hits("busy"), before + 2);
});

check("retries do not multiply", async () => {
  const before = await hits("broken");
  const patient = client.withOptions({ maxRetries: 3 });
  await rejects(OpenAI.InternalServerError, patient.chat.completions.create({ model: "broken", messages }));
  same(await hits("broken"), before + 2);
});

check("timeouts", async () => {
  const impatient = client.withOptions({ timeout: 500 });
  await rejects(OpenAI.APIConnectionTimeoutError, impatient.chat.completions.create({ model: "stall", messages }));
});

check("aborting a stream cancels the vendor", async () => {
  const { left } = await stats();
  const stream = await client.chat.completions.create({ model: "stall-in-stream", messages, stream: true });
  for await (const _ of stream) break;
  stream.controller.abort();
  const deadline = Date.now() + 5_000;
  while ((await stats()).left < left + 1) holds(Date.now() < deadline, "the vendor is still waited for");
});

check("HTTP/2", async () => {
  const over = new OpenAI({ baseURL: `${TLS_URL}/v1`, apiKey: "x", maxRetries: 0, fetch: fetchOverHttp2() });
  same((await over.chat.completions.create({ model: "words", messages })).choices[0].message.content, TEXT);
  same(text(await all(await over.chat.completions.create({ model: "words", messages, stream: true }))), TEXT);
  await rejects(OpenAI.NotFoundError, over.chat.completions.create({ model: "unknown", messages }));
});

await run();
