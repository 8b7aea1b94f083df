"""The official `openai` package for Python drives weir."""

import asyncio
import ssl
import time

import httpx
import openai

from checks import CA, TLS_URL, URL, check, hits, raises, run, stats

TEXT = "Paris is a city."
ASK = [{"role": "user", "content": "Where is Paris?"}]
TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": {}, "additionalProperties": True}},
    }
    for name in ("get_weather", "get_time")
]
client = openai.OpenAI(base_url=URL + "/v1", api_key="the-clients-key", max_retries=0, timeout=30)


@check
def plain():
    answer = client.chat.completions.create(model="words", messages=ASK)
    assert answer.choices[0].message.content == TEXT, answer
    assert answer.choices[0].finish_reason == "stop", answer
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (12, 4), answer.usage


@check
def built_in_vendor():
    answer = client.chat.completions.create(model="inside", messages=ASK)
    assert "inside" in answer.choices[0].message.content, answer


@check
def limit_reached():
    assert client.chat.completions.create(model="length", messages=ASK).choices[0].finish_reason == "length"


@check
def streaming():
    chunks = list(client.chat.completions.create(model="words", messages=ASK, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == TEXT
    assert [c.choices[0].finish_reason for c in chunks][-1] == "stop"
    assert all(c.usage is None for c in chunks), "usage was not asked for"


@check
def streaming_with_usage():
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="words", messages=ASK, stream=True, stream_options=options))
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 16, chunks[-1]


@check
def stream_helper():
    with client.chat.completions.stream(model="words", messages=ASK) as stream:
        kinds = {event.type for event in stream}
        assert stream.get_final_completion().choices[0].message.content == TEXT
    assert "content.delta" in kinds and "content.done" in kinds, kinds


@check
def tools():
    answer = client.chat.completions.create(model="tools", messages=ASK, tools=TOOLS)
    calls = answer.choices[0].message.tool_calls
    assert [c.function.name for c in calls] == ["get_weather", "get_time"], calls
    assert calls[0].function.arguments == '{"city":"Paris","unit":"celsius"}', calls
    assert answer.choices[0].finish_reason == "tool_calls"


@check
def streamed_tool_arguments():
    with client.chat.completions.stream(model="tools", messages=ASK, tools=TOOLS) as stream:
        pieces = [e.arguments_delta for e in stream if e.type == "tool_calls.function.arguments.delta"]
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert len([p for p in pieces if p]) > 2, pieces
    assert [c.function.arguments for c in calls] == [
        '{"city":"Paris","unit":"celsius"}',
        '{"zone":"Europe/Paris"}',
    ], calls
    assert all(c.id for c in calls) and calls[0].id != calls[1].id


@check
def completions():
    assert client.completions.create(model="words", prompt="Where?").choices[0].text == TEXT
    chunks = client.completions.create(model="words", prompt="Where?", stream=True)
    assert "".join(c.choices[0].text for c in chunks if c.choices) == TEXT


@check
def embeddings():
    answer = client.embeddings.create(model="words", input=["one", "two"], dimensions=4)
    assert [d.embedding for d in answer.data] == [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]], answer
    answer = client.embeddings.create(model="words", input="one", encoding_format="float")
    assert len(answer.data) == 1 and answer.usage.prompt_tokens > 0, answer


@check
def responses():
    answer = client.responses.create(model="words", input="Where is Paris?")
    assert answer.output_text == TEXT and answer.status == "completed", answer
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (12, 4), answer.usage


@check
def responses_streaming():
    events = list(client.responses.create(model="words", input="Where is Paris?", stream=True))
    kinds = [e.type for e in events]
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == TEXT
    numbers = [e.sequence_number for e in events]
    assert numbers == sorted(set(numbers)), numbers
    assert events[-1].response.output_text == TEXT


@check
def responses_stream_helper():
    with client.responses.stream(model="words", input="Where is Paris?") as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == TEXT


@check
def responses_tools():
    tools = [{"type": "function", "name": "get_weather", "parameters": {"type": "object"}, "strict": False}]
    answer = client.responses.create(model="tools", input="Weather?", tools=tools)
    calls = [item for item in answer.output if item.type == "function_call"]
    assert [c.name for c in calls] == ["get_weather", "get_time"], calls
    events = list(client.responses.create(model="tools", input="Weather?", tools=tools, stream=True))
    pieces = [e.delta for e in events if e.type == "response.function_call_arguments.delta" and e.output_index == calls_at(events)]
    assert "".join(pieces) == calls[0].arguments and len(pieces) > 2, pieces


def calls_at(events):
    """The place of the first function call in the output."""
    return next(
        e.output_index for e in events if e.type == "response.output_item.added" and e.item.type == "function_call"
    )


@check
def models():
    names = [m.id for m in client.models.list()]
    assert "inside" in names, names
    assert client.models.retrieve("inside").id == "inside"
    raises(openai.NotFoundError, lambda: client.models.retrieve("no-such-model"))


@check
def error_types():
    def ask(model):
        return lambda: client.chat.completions.create(model=model, messages=ASK)

    for model, kind, status in [
        ("stranger", openai.AuthenticationError, 401),
        ("forbidden", openai.PermissionDeniedError, 403),
        ("unknown", openai.NotFoundError, 404),
        ("bad", openai.BadRequestError, 400),
        ("busy", openai.RateLimitError, 429),
        ("broken", openai.InternalServerError, None),
    ]:
        error = raises(kind, ask(model))
        assert status in (None, error.status_code), (model, error.status_code)
        assert error.body and error.body.get("message") and error.code, (model, error.body)
        assert error.response.headers["x-weir-request-id"], model


@check
def malformed_bodies():
    def send(content):
        headers = {"content-type": "application/json", "authorization": "Bearer x"}
        return httpx.post(URL + "/v1/chat/completions", content=content, headers=headers)

    for content in (b"{", b'{"model":"a","model":"b"}', b'{"model":"\xff"}', b"[" * 200):
        answer = send(content)
        assert answer.status_code == 400 and answer.json()["error"]["message"], answer.text


@check
def an_error_inside_a_stream():
    for model in ("cut", "error-event"):
        stream = client.chat.completions.create(model=model, messages=ASK, stream=True)
        got = []
        raises(openai.APIError, lambda: got.extend(stream))
        assert got, f"{model}: the first tokens came before"
        events = client.responses.create(model=model, input="Where?", stream=True)
        error = None
        try:
            error = next((e for e in events if e.type in ("error", "response.failed")), None)
        except openai.APIError as raised:
            error = raised
        assert error is not None, f"{model}: no error in the responses stream"


@check
def retries_after_429():
    before = hits("busy-once")
    answer = client.with_options(max_retries=2).chat.completions.create(model="busy-once", messages=ASK)
    assert answer.choices and hits("busy-once") == before + 1, hits("busy-once")


@check
def retries_do_not_multiply():
    before = hits("broken")
    patient = client.with_options(max_retries=3)
    error = raises(openai.InternalServerError, lambda: patient.chat.completions.create(model="broken", messages=ASK))
    assert error.response.headers.get("x-should-retry") == "false", error.response.headers
    assert hits("broken") == before + 2, "weir tried both endpoints once, and the SDK believed it"


@check
def timeouts():
    left = stats()["left"]
    for call in (
        lambda c: c.chat.completions.create(model="stall", messages=ASK),
        lambda c: list(c.chat.completions.create(model="stall-in-stream", messages=ASK, stream=True)),
    ):
        began = time.monotonic()
        raises((openai.APITimeoutError, httpx.ReadTimeout), lambda: call(client.with_options(timeout=0.5)))
        assert time.monotonic() - began < 5
    deadline = time.monotonic() + 5
    while stats()["left"] < left + 2:
        assert time.monotonic() < deadline, "the vendor is still waited for"
        time.sleep(0.02)


@check
def closing_a_stream_cancels_the_vendor():
    left = stats()["left"]
    stream = client.chat.completions.create(model="stall-in-stream", messages=ASK, stream=True)
    next(iter(stream))
    stream.close()
    deadline = time.monotonic() + 5
    while stats()["left"] < left + 1:
        assert time.monotonic() < deadline, "the vendor is still waited for"
        time.sleep(0.02)


@check
def raw_responses():
    answer = client.chat.completions.with_raw_response.create(model="words", messages=ASK)
    assert answer.headers["x-weir-request-id"] and answer.headers["x-weir-endpoint"] == "openai", answer.headers
    assert answer.headers["content-type"] == "application/json"
    assert answer.parse().choices[0].message.content == TEXT


@check
def large_prompt():
    text = "word " * 1_000_000
    answer = client.chat.completions.create(model="large", messages=[{"role": "user", "content": text}])
    assert "50000" in answer.choices[0].message.content, answer


@check
def http_2():
    context = ssl.create_default_context(cafile=CA)
    with httpx.Client(http2=True, verify=context) as http:
        over = openai.OpenAI(base_url=TLS_URL + "/v1", api_key="x", http_client=http, max_retries=0)
        answer = over.chat.completions.with_raw_response.create(model="words", messages=ASK)
        assert answer.http_response.http_version == "HTTP/2", answer.http_response.http_version
        assert answer.parse().choices[0].message.content == TEXT
        chunks = list(over.chat.completions.create(model="words", messages=ASK, stream=True))
        assert "".join(c.choices[0].delta.content or "" for c in chunks) == TEXT
        assert over.responses.create(model="words", input="Where?").output_text == TEXT
        assert len(over.embeddings.create(model="words", input="a").data) == 1
        stream = over.chat.completions.create(model="cut", messages=ASK, stream=True)
        raises(openai.APIError, lambda: list(stream))
        raises(openai.NotFoundError, lambda: over.chat.completions.create(model="unknown", messages=ASK))


@check
def many_at_once_over_http_2():
    async def all_of_them():
        context = ssl.create_default_context(cafile=CA)
        async with httpx.AsyncClient(http2=True, verify=context) as http:
            over = openai.AsyncOpenAI(base_url=TLS_URL + "/v1", api_key="x", http_client=http, max_retries=0)

            async def one(streamed):
                if not streamed:
                    answer = await over.chat.completions.create(model="words", messages=ASK)
                    return answer.choices[0].message.content
                stream = await over.chat.completions.create(model="words", messages=ASK, stream=True)
                return "".join([c.choices[0].delta.content or "" async for c in stream])

            return await asyncio.gather(*(one(n % 2 == 0) for n in range(40)))

    assert asyncio.run(all_of_them()) == [TEXT] * 40


run()
