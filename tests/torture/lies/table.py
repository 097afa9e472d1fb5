"""The table of lies. Each row: what is answered, request by request (the last answer repeats), what
the artifact ends as, the error's words, and after how many requests.
"""

import dataclasses

from behaviours import (ETAG, another_file, drip, endless, head, honest, hops, html, json, only_ranges, openly,
                        page, part, raw, retry_after, says, serve, silence, stall, to, whole, zipped)

MANY = 1000


@dataclasses.dataclass
class Lie:
    name: str
    answers: list                # behaviours
    state: str = "archived"      # that the artifact ends or stays in
    code: str = None             # of its error
    says: str = ""               # words of its error
    requests: tuple = None       # from, to
    per_attempt: int = 1         # requests at the most, of what is tried again and again
    attempts: int = 3            # that it is watched for
    kind: str = "recording"
    declared: int = None         # bytes, in place of the true size
    disputed: bool = False
    late: bool = False           # known only after the deadline
    not_before: float = 0        # seconds that the answers ask to wait
    tls: str = "good"            # certificate of the place; "none": plain HTTP
    url: object = None           # of the event, made from the scene
    hosts: tuple = None          # of the project
    redirect_hosts: tuple = ()
    elsewhere: object = None     # behaviour of another host
    elsewhere_at_home: bool = False  # it is another port of the same host
    apart: bool = False          # needs a network of our own
    greeting: object = None      # in place of TLS
    file: bytes = None           # what is offered, where that is no video


def archived(name, *answers, requests=1, **more):
    """`requests`: exactly, or from and to."""
    if isinstance(requests, int):
        requests = (requests, requests)
    return Lie(name, list(answers), requests=requests, **more)


def waits(name, *answers, code="corrupt", says="", **more):
    """Wrong for ever: tried again and again until the end of its time."""
    return Lie(name, list(answers), "waiting", code, says, **more)


def forbidden(name, url, says, **more):
    """No request at all."""
    return Lie(name, [honest], "waiting", "invalid", says, requests=(0, 0), url=url, **more)


def expired(name, *answers, code, says="", **more):
    return Lie(name, list(answers), "expired", code, says, late=True, **more)


def quarantined(name, *answers, says="", **more):
    return Lie(name, list(answers), "quarantined", "corrupt", says, late=True, **more)


def sent_along(scene):
    return f"https://someone:secret@{scene.elsewhere_host}:{scene.elsewhere.port}/file?signature=1"


def elsewhere(scene):
    return f"https://{scene.elsewhere_host}:{scene.elsewhere.port}/file"


def at(host):
    """The file at another name of ours; `inside` tells the port of who listens there."""
    return lambda scene: f"https://{host}:{scene.inside_port(host)}/file"


def half(**more):
    return serve(cut=0.5, **more)


def chunks(scene, part_of_body=1.0):
    size = int(len(scene.file) * part_of_body)
    return head("200 OK", "Transfer-Encoding: chunked") + b"%x\r\n" % len(scene.file) + \
        scene.file[:size]


CHAT = b"".join(b"10:%02d A wrote a line\n" % (line % 60) for line in range(2000))


def no_length(part_of_body):
    return raw(lambda scene: head("200 OK") + scene.file[:int(len(scene.file) * part_of_body)],
               end="cut")


STATUSES = [
    archived("honest", honest),
    archived("403 then 200", says("403 Forbidden"), honest, requests=2),
    archived("401 then 200", says("401 Unauthorized"), honest, requests=2),
    waits("403 for ever", says("403 Forbidden"), code="unauthorized", says="the pair of the project"),
    waits("401 for ever", says("401 Unauthorized"), code="unauthorized", says="401"),
    archived("404 then 200", says("404 Not Found"), honest, requests=2),
    archived("404 twice, 410, then 200", says("404 Not Found"), says("404 Not Found"),
             says("410 Gone"), honest, requests=4),
    waits("404 for ever", says("404 Not Found"), code="not_found", says="404"),
    waits("410 for ever", says("410 Gone"), code="not_found", says="410"),
    waits("400 for ever", says("400 Bad Request"), code="unavailable", says="400"),
    waits("416 to a whole request", says("416 No"), code="unavailable", says="416"),
    archived("429, Retry-After in seconds", retry_after("429 Slow", 1), honest, requests=2,
             not_before=1),
    archived("429, Retry-After as a date", retry_after("429 Slow", 2, True), honest, requests=2,
             not_before=1),
    archived("503, Retry-After in seconds", retry_after("503 Busy", 1), honest, requests=2,
             not_before=1),
    archived("503, Retry-After as a date", retry_after("503 Busy", 2, True), honest, requests=2,
             not_before=1),
    archived("503, a date by a clock that is a day ahead",
             retry_after("503 Busy", 2, True, 86400), honest, requests=2, not_before=1),
    archived("503, Retry-After in the past", retry_after("503 Busy", -3600, True), honest,
             requests=2),
    waits("503, Retry-After is no time", says("503 Busy", "Retry-After: soon"), code="unavailable",
          says="503"),
    waits("503, Retry-After in ten years", retry_after("503 Busy", 315360000), code="unavailable",
          says="503", attempts=1, requests=(1, 1)),
    archived("500 and 502, then 200", says("500 Oops"), says("502 Gateway"), honest, requests=3),
    waits("204, there is nothing", raw(head("204 No Content")), code="unavailable", says="204"),
    waits("304, as if we had asked", raw(head("304 Not Modified")), code="unavailable", says="304"),
    waits("206 to a whole request", says("206 Partial Content", "Content-Range: bytes 0-4/5",
                                         body=b"hello"), says="206 to a request for all"),
    archived("103 before the answer", lambda wire, request, scene: (
        wire.send(head("103 Early Hints", "Link: </x>")), honest(wire, request, scene))),
    waits("no answer at all", raw(b""), code="unavailable", says="without an answer"),
    waits("no HTTP", raw(b"SSH-2.0-OpenSSH_9.2\r\n"), code="unavailable", says="not understood"),
    waits("half a head", raw(b"HTTP/1.1 200 OK\r\nContent-Le"), code="unavailable"),
]

ENDS = [
    archived("half a body, resumed", half(), honest, requests=2),
    archived("half a body three times, resumed", half(), half(), half(), honest, requests=4),
    archived("half a body, no ranges", half(ranges=False), serve(ranges=False), requests=2),
    archived("half a body, no validator", half(validator=None), serve(validator=None), requests=2),
    archived("half a body, a weak validator", half(validator='ETag: W/"v1"'),
             serve(validator='ETag: W/"v1"'), requests=2),
    waits("half a body for ever", half(ranges=False), code="unavailable",
          says="before the end of the body"),
    waits("no length, cut off", lambda wire, _, scene: (
        wire.send(head("200 OK") + scene.file[:100_000]), wire.cut()), says="truncated"),
    waits("no length, half of it, ended in order", raw(
        lambda scene: head("200 OK") + scene.file[:100_000]), says="truncated"),
    archived("no length, all of it, twice", raw(lambda scene: head("200 OK") + scene.file),
             requests=2),
    archived("no length, cut off, nothing in it tells", no_length(0.5), no_length(0.7), no_length(1),
             requests=4, kind="chatdata", file=CHAT),
    waits("chunks, cut off", raw(lambda scene: chunks(scene, 0.5)), code="unavailable"),
    waits("chunks, no last one", raw(lambda scene: chunks(scene) + b"\r\n"), code="unavailable"),
    waits("chunks, not a number", raw(lambda _: head("200 OK", "Transfer-Encoding: chunked") +
                                      b"zz\r\nhello\r\n0\r\n\r\n"), code="unavailable"),
    *[archived(f"reset at {tenth} tenths of the body", serve(cut=tenth / 10, end="reset"), honest,
               requests=2) for tenth in range(10)],
    archived("reset at every tenth, no validator",
             *[serve(validator=None, cut=tenth / 10, end="reset") for tenth in range(10)],
             serve(validator=None), requests=11),
]


def shifted(first, last, length):
    return [f"bytes {first + 1}-{last}/{length}"]


RANGES = [
    archived("200 to a range", half(), serve(ranges=False), requests=2),
    archived("another range", half(), part(shifted), honest, requests=3),
    archived("another length in Content-Range", half(),
             part(lambda a, b, n: [f"bytes {a}-{b}/{n + 1}"]), honest, requests=3),
    archived("a length of * in Content-Range", half(), part(lambda a, b, n: [f"bytes {a}-{b}/*"]),
             honest, requests=3),
    archived("no Content-Range", half(), part(lambda a, b, n: []), honest, requests=3),
    archived("two Content-Ranges", half(), part(lambda a, b, n: [f"bytes {a}-{b}/{n}"] * 2), honest,
             requests=3),
    archived("less than was asked for", half(), part(lambda a, b, n: [f"bytes {a}-{b - 1}/{n}"]),
             honest, requests=3),
    waits("another range for ever", only_ranges(part(shifted), half()), code="unavailable",
          per_attempt=2),
    archived("416 to a range", half(), says("416 No"), honest, requests=3),
    archived("a changed ETag, another file", half(), another_file(
        part(lambda a, b, n: [f"bytes {a}-{b}/{n}"], '"v2"')), serve('ETag: "v2"'), requests=3),
    archived("no ETag any more, another file", half(), another_file(
        only_ranges(part(lambda a, b, n: [f"bytes {a}-{b}/{n}"], ""), honest)),
             serve(validator=None), requests=3),
    archived("a changed ETag to all of it", half(), another_file(serve('ETag: "v2"', ranges=False)),
             requests=2),
    archived("404 to a range", half(), says("404 Not Found"), honest, requests=3),
    archived("gzip to a range", half(), zipped, honest, requests=3),
]

LENGTHS = [
    waits("a length that is too long", raw(lambda scene: whole(scene, length=len(scene.file) + 9) +
                                           scene.file), code="unavailable",
          says="before the end of the body"),
    waits("a length that is too short", raw(lambda scene: whole(scene, length=1000) + scene.file),
          says="truncated"),
    # libcurl does not take this for a length: the body ends with its connection.
    archived("a length after a space", raw(
        lambda scene: head("200 OK", "Content-Length : 9") + scene.file), requests=2),
    waits("two lengths", says("200 OK", "Content-Length: 7"), code="corrupt",
          says="contradicts itself"),
    waits("a negative length", raw(lambda scene: head("200 OK", "Content-Length: -1") + scene.file),
          code="unavailable"),
    waits("a length that is no number", raw(
        lambda scene: head("200 OK", "Content-Length: lots") + scene.file), code="unavailable"),
    archived("chunks, and a length that lies", raw(lambda scene: head(
        "200 OK", "Content-Length: 5", "Transfer-Encoding: chunked") +
        b"%x\r\n" % len(scene.file) + scene.file + b"\r\n0\r\n\r\n")),
    archived("a declared size that is wrong", honest, requests=2, kind="transcoded", declared=7,
             disputed=True),
]

CONTENT = [
    waits("HTML with 200", html, says="HTML page"),
    archived("HTML with 200, then the file", html, honest, requests=2),
    waits("HTML with 200 as chat", html, kind="chatdata", says="HTML page"),
    waits("JSON with 200", json, says="JSON document"),
    archived("JSON with 200, then the file", json, honest, requests=2),
    waits("XML with 200", page(b"<?xml version='1.0'?><Error/>", "video/mp4"), says="XML"),
    waits("text with 200", page(b"The file is not ready yet.\n", "video/mp4"), says="plain text"),
    waits("nothing with 200", says("200 OK"), says="empty body"),
    archived("nothing with 200, then the file", says("200 OK"), honest, requests=2),
    waits("gzip nobody asked for", zipped, says="encoded as gzip"),
    archived("gzip once", zipped, honest, requests=2),
    waits("an unknown encoding", says("200 OK", "Content-Encoding: br, x-lie", body=b"x" * 99),
          says="encoded as"),
]

HEADS = [
    waits("2,000 header lines", raw(head("200 OK", *[f"X-{n}: {'y' * 90}" for n in range(2000)])),
          code="unavailable", says="64 KiB of header"),
    waits("one header line of 300 KiB", raw(head("200 OK", "X-Long: " + "y" * (300 << 10))),
          code="unavailable", says="header line"),
    waits("a head without an end", drip(300, 0, lambda _: b"HTTP/1.1 200 OK\r\n" +
                                        b"X-More: yes\r\n" * 30000), code="unavailable"),
    waits("NUL in the head", raw(lambda scene: head("200 OK", "X: a\0b", "Content-Length: 5") +
                                 b"hello"), code="unavailable"),
]

PACE = [
    archived("a slow drip", drip(20, 0.1)),
    waits("a drip that is too slow", drip(MANY, 1), code="timeout", says="stalled"),
    waits("a head that drips", drip(MANY, 1), code="timeout", says="stalled"),
    archived("silence within the body, resumed", stall(0.5), honest, requests=2),
    waits("silence at the start of the body", stall(0), code="timeout", says="stalled"),
    waits("silence instead of an answer", silence, code="timeout", says="stalled"),
    waits("silence instead of TLS", honest, code="timeout", requests=(0, 0),
          greeting=lambda wire: wire.hold()),
]

REDIRECTS = [
    waits("a redirect to itself", to("/file"), code="unavailable", says="more than 5 redirects",
          per_attempt=6),
    waits("two that redirect to each other", to(elsewhere), code="unavailable", per_attempt=6,
          says="more than 5 redirects", hosts=("*",), redirect_hosts=("*",),
          elsewhere=lambda wire, request, scene: to(scene.own_url())(wire, request, scene)),
    archived("five redirects", hops(5), requests=6),
    waits("six redirects", hops(6), code="unavailable", says="more than 5 redirects",
          per_attempt=6),
    waits("a redirect to another host", to(elsewhere), code="invalid", says="redirect_hosts"),
    archived("a redirect to a host that is allowed", to(sent_along), requests=2,
             redirect_hosts=("*",), elsewhere=openly),
    archived("a redirect to another port", to(elsewhere), requests=2, elsewhere_at_home=True,
             elsewhere=openly),
    waits("a host that is allowed refuses", to(elsewhere), per_attempt=2, redirect_hosts=("*",),
          elsewhere=says("403 Forbidden"), code="unavailable", says="the pair is not sent to"),
    archived("there and back again", to(elsewhere), honest, requests=3, redirect_hosts=("*",),
             elsewhere=lambda wire, request, scene: to(scene.own_url())(wire, request, scene)),
    waits("a redirect to http", to(lambda scene: f"http://{scene.host}:{scene.port}/file"),
          code="invalid", says="plain http is not allowed"),
    waits("a redirect to file:///", to("file:///etc/passwd"), code="invalid", says="no URL"),
    waits("a redirect to file://host/", to(lambda scene: f"file://{scene.host}/etc/passwd"),
          code="invalid", says="https only"),
    waits("a redirect to ftp", to(lambda scene: f"ftp://{scene.host}/file"), code="invalid",
          says="https only"),
    waits("a redirect to gopher", to(lambda scene: f"gopher://{scene.host}:{scene.port}/_x"),
          code="invalid", says="https only"),
    waits("a redirect to nowhere", says("302 Found"), code="unavailable", says="without a Location"),
    waits("a redirect to 20 KiB", to("/" + "x" * 20480), code="invalid", says="no URL"),
    waits("a redirect to //host", to(lambda scene: elsewhere(scene).removeprefix("https:")),
          code="invalid", says="redirect_hosts"),
]

# Where nothing from the network leads, whatever hosts say.
INSIDE = ("127.0.0.1", "10.1.2.3", "169.254.169.254", "[fd00::7]", "[::1]", "[::ffff:127.0.0.1]",
          "0.0.0.0", "2130706433", "0177.0.0.1", "0x7f000001", "127.1", "localhost",
          "loopback.provider.test", "loopback6.provider.test", "mapped.provider.test",
          "nobody.provider.test", "inside.provider.test", "metadata.provider.test",
          "unique.provider.test", "rebinds.provider.test")
ADDRESSES = [
    forbidden("a URL with plain http", lambda scene: scene.own_url().replace("https", "http"),
              "plain http is not allowed"),
    forbidden("a URL of another host", lambda scene: "https://attacker.test/file", "is not in hosts"),
    *[forbidden(f"a URL to {host}", at(host), "private address", hosts=(host,), apart=True)
      for host in INSIDE],
    *[waits(f"a redirect to {host}", to(at(host)), code="invalid", says="private address",
            redirect_hosts=(host,), apart=True) for host in INSIDE],
]

CERTIFICATES = [
    waits("a certificate for another name", honest, tls="other", code="unavailable",
          says="another name", requests=(0, 0)),
    waits("a certificate that has expired", honest, tls="expired", code="unavailable",
          says="expired", requests=(0, 0)),
    waits("a certificate of an unknown authority", honest, tls="unknown", code="unavailable",
          says="unknown issuer", requests=(0, 0)),
    waits("TLS 1.1", honest, tls="old", code="unavailable", says="TLS", requests=(0, 0)),
    waits("no TLS", honest, code="unavailable", requests=(0, 0),
          greeting=lambda wire: (wire.send(head("400 Bad Request", "Content-Length: 0")),
                                 wire.close())),
]

LATE = [
    archived("late but there", honest, late=True),
    archived("late, 503 once", says("503 Busy"), honest, requests=2, late=True),
    expired("late, 404", says("404 Not Found"), code="not_found", says="404", requests=(1, 2)),
    expired("late, 410", says("410 Gone"), code="not_found", says="410", requests=(1, 2)),
    expired("late, 503 for ever", says("503 Busy"), code="unavailable", says="503"),
    quarantined("late, HTML", html, says="HTML page"),
    quarantined("late, nothing", says("200 OK"), says="empty body"),
]

# On a small disk, which has to stay of use to the honest.
BOUNDLESS = [
    *[archived(f"honest beside the boundless, {number}", honest) for number in range(12)],
    waits("chunks without an end", endless(chunked=True), code="no_space"),
    waits("a body without an end", endless(), code="no_space"),
    waits("chunks without an end, with an ETag", endless(ETAG, chunked=True), code="no_space"),
    waits("four EiB declared", raw(lambda scene: whole(scene, ETAG, length=1 << 62) + scene.file),
          code="no_space", says="there is room for", attempts=0, requests=(1, MANY)),
    waits("all lengths add up to more than there is", raw(
        lambda scene: whole(scene, ETAG, length=1 << 40) + scene.file), code="no_space",
          says="there is room for", attempts=0, requests=(1, MANY)),
]

TABLE = [*STATUSES, *ENDS, *RANGES, *LENGTHS, *CONTENT, *HEADS, *PACE, *REDIRECTS, *ADDRESSES,
         *CERTIFICATES, *LATE]
