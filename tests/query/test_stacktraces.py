"""Stack traces of three languages, with the frame in which it was raised first."""

from coldlight_query.stacktraces import Frame, frames_of

PYTHON = """Traceback (most recent call last):
  File "/var/task/shop.py", line 3, in load
    raise KeyError("first")
KeyError: 'first'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/var/task/shop.py", line 9, in handler
    prices = load(event)
             ^^^^^^^^^^^
  File "/opt/python/lib/python3.12/site-packages/requests/api.py", line 59, in request
    return session.request(method=method, url=url)
requests.exceptions.ConnectionError: no route
"""
JAVASCRIPT = """TypeError: Cannot read properties of undefined (reading 'price')
    at priceOf (/var/task/index.js:14:22)
    at async Runtime.handler (/var/task/index.js:7:3)
    at node:internal/process/task_queues:95:5
"""
JAVA = """java.lang.IllegalStateException: no price
\tat com.shop.Prices.of(Prices.java:31)
\tat com.shop.Handler.handleRequest(Handler.java:12)
Caused by: java.io.IOException
\t... 2 more
"""


def test_python_s_last_exception_from_where_it_was_raised() -> None:
    top, below = frames_of(PYTHON)
    assert (top.function, top.line, top.is_in_app) == ("request", 59, False)
    assert below == Frame("handler", "/var/task/shop.py", 9, "prices = load(event)")


def test_javascript() -> None:
    frames = frames_of(JAVASCRIPT)
    assert [(each.function, each.file, each.line, each.is_in_app) for each in frames] == [
        ("priceOf", "/var/task/index.js", 14, True),
        ("Runtime.handler", "/var/task/index.js", 7, True),
        ("", "node:internal/process/task_queues", 95, False),
    ]


def test_java() -> None:
    assert [(each.function, each.file, each.line) for each in frames_of(JAVA)] == [
        ("com.shop.Prices.of", "Prices.java", 31),
        ("com.shop.Handler.handleRequest", "Handler.java", 12),
    ]


def test_another_text_has_no_frames() -> None:
    assert frames_of("it broke at noon") == []
