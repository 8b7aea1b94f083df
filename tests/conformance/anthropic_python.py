"""The official `anthropic` package for Python drives weir."""

import ssl

import anthropic
import httpx2

from checks import CA, TLS_URL, URL, check, hits, raises, run

TEXT = "Paris is a city."
ASK = {"max_tokens": 64, "messages": [{"role": "user", "content": "Where is Paris?"}]}
TOOLS = [{"name": name, "input_schema": {"type": "object"}} for name in ("get_weather", "get_time")]
client = anthropic.Anthropic(base_url=URL, api_key="the-clients-key", max_retries=0, timeout=30)


@check
def plain():
    answer = client.messages.create(model="words", **ASK)
    assert answer.content[0].text == TEXT and answer.stop_reason == "end_turn", answer
    assert answer.usage.output_tokens == 4, answer.usage


@check
def limit_reached():
    assert client.messages.create(model="length", **ASK).stop_reason == "max_tokens"


@check
def streaming():
    kinds = [e.type for e in client.messages.create(model="words", stream=True, **ASK)]
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
    with client.messages.stream(model="words", **ASK) as stream:
        assert "".join(stream.text_stream) == TEXT
        final = stream.get_final_message()
    assert final.content[0].text == TEXT and final.usage.output_tokens == 4, final


@check
def tools():
    answer = client.messages.create(model="tools", tools=TOOLS, **ASK)
    calls = [b for b in answer.content if b.type == "tool_use"]
    assert [c.name for c in calls] == ["get_weather", "get_time"], calls
    assert calls[0].input == {"city": "Paris", "unit": "celsius"} and answer.stop_reason == "tool_use", answer


@check
def streamed_tool_arguments():
    with client.messages.stream(model="tools", tools=TOOLS, **ASK) as stream:
        pieces = [e.partial_json for e in stream if e.type == "input_json"]
        calls = [b for b in stream.get_final_message().content if b.type == "tool_use"]
    assert len([p for p in pieces if p]) > 2, pieces
    assert [c.input for c in calls] == [{"city": "Paris", "unit": "celsius"}, {"zone": "Europe/Paris"}], calls


@check
def count_tokens():
    counted = client.messages.count_tokens(model="words", messages=ASK["messages"])
    assert counted.input_tokens > 0, counted


@check
def error_types():
    for model, kind, status in [
        ("stranger", anthropic.AuthenticationError, 401),
        ("forbidden", anthropic.PermissionDeniedError, 403),
        ("unknown", anthropic.NotFoundError, 404),
        ("bad", anthropic.BadRequestError, 400),
        ("busy", anthropic.RateLimitError, 429),
        ("broken", anthropic.InternalServerError, None),
    ]:
        error = raises(kind, lambda: client.messages.create(model=model, **ASK))
        assert status in (None, error.status_code), (model, error.status_code)
        assert error.body["type"] == "error" and error.body["error"]["message"], (model, error.body)


@check
def an_error_inside_a_stream():
    for model in ("cut", "error-event"):
        got = []
        raises(anthropic.APIError, lambda: got.extend(client.messages.create(model=model, stream=True, **ASK)))
        assert got, f"{model}: the first tokens came before"


@check
def retries_after_429():
    before = hits("busy")
    raises(anthropic.RateLimitError, lambda: client.with_options(max_retries=1).messages.create(model="busy", **ASK))
    assert hits("busy") == before + 2, "the SDK was told that it may try again"


@check
def timeouts():
    impatient = client.with_options(timeout=0.5)
    raises(anthropic.APITimeoutError, lambda: impatient.messages.create(model="stall", **ASK))


@check
def http_2():
    with httpx2.Client(http2=True, verify=ssl.create_default_context(cafile=CA)) as http:
        over = anthropic.Anthropic(base_url=TLS_URL, api_key="x", http_client=http, max_retries=0)
        answer = over.messages.with_raw_response.create(model="words", **ASK)
        assert answer.http_response.http_version == "HTTP/2", answer.http_response.http_version
        assert answer.parse().content[0].text == TEXT
        with over.messages.stream(model="words", **ASK) as stream:
            assert "".join(stream.text_stream) == TEXT


run()
