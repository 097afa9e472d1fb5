"""What a provider may answer. Each function here makes a behaviour: (wire, request, scene) -> the
answer. A scene tells the file that is offered, and the places that an answer may point to.
"""

import email.utils
import gzip
import re
import time

def head(status, *lines):
    return ("HTTP/1.1 " + "\r\n".join([status, *lines]) + "\r\n\r\n").encode("latin-1")


def asked_range(request, length):
    """(first, last) of a range request; None: everything is asked for."""
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    return (int(found.group(1)), int(found.group(2) or length - 1)) if found else None


def whole(scene, *more, length=None):
    length = len(scene.file) if length is None else length
    return head("200 OK", f"Content-Length: {length}", *more)


ETAG = 'ETag: "v1"'


def serve(validator=ETAG, ranges=True, cut=None, end="cut", needs_pair=True):
    """A good server, but for what is told: `cut` sends so much (0..1) of what is asked for and ends
    the connection by `end`."""
    def behave(wire, request, scene):
        if needs_pair and request.authorization != scene.pair:
            wire.send(head("403 Forbidden", "Content-Length: 0"))
            return
        content = scene.file
        lines = [validator] if validator else []
        part = asked_range(request, len(content)) if ranges else None
        if part and request.headers.get("if-range") == (validator or "").partition(": ")[2]:
            first, last = part
            body = content[first:last + 1]
            wire.send(head("206 Partial Content", *lines, f"Content-Length: {len(body)}",
                           f"Content-Range: bytes {first}-{last}/{len(content)}"))
        else:
            body = content
            wire.send(whole(scene, *lines, *(["Accept-Ranges: none"] if not ranges else [])))
        if cut is None:
            return wire.send(body)
        wire.send(body[:int(len(body) * cut)])
        getattr(wire, end)()
    return behave


honest = serve()
openly = serve(needs_pair=False)


def says(status, *lines, body=b""):
    def behave(wire, _request, _scene):
        wire.send(head(status, f"Content-Length: {len(body)}", *lines) + body)
    return behave


def raw(data, end="close"):
    """These bytes and the end of the connection."""
    def behave(wire, _request, scene):
        wire.send(data(scene) if callable(data) else data)
        getattr(wire, end)()
    return behave


def retry_after(status, seconds, as_date=False, server_ahead=0):
    """`server_ahead`: seconds that the server's clock differs."""
    def behave(wire, _request, _scene):
        now = time.time() + server_ahead
        wish = email.utils.formatdate(now + seconds, usegmt=True) if as_date else str(seconds)
        wire.send(head(status, f"Date: {email.utils.formatdate(now, usegmt=True)}",
                       f"Retry-After: {wish}", "Content-Length: 0"))
    return behave


def page(body, content_type):
    """Something else as if it was the file."""
    return says("200 OK", f"Content-Type: {content_type}", body=body)


html = page(b"<!DOCTYPE html><html><body>Please sign in</body></html>", "text/html")
json = page(b'{"error": "no such file", "code": 404}', "application/json")


def part(content_range, etag='"v1"', status="206 Partial Content", of=lambda scene: scene.file):
    """An answer to a range that is not what was asked for. `content_range` gets first, last, length."""
    def behave(wire, request, scene):
        content = of(scene)
        wanted = asked_range(request, len(content))
        if wanted is None:
            return honest(wire, request, scene)
        first, last = wanted
        lines = [f"Content-Range: {line}" for line in content_range(first, last, len(content))]
        body = content[first:last + 1]
        return wire.send(head(status, *lines, f"ETag: {etag}", f"Content-Length: {len(body)}") + body)
    return behave


def only_ranges(behaviour, otherwise):
    def behave(wire, request, scene):
        (behaviour if "range" in request.headers else otherwise)(wire, request, scene)
    return behave


def another_file(behaviour):
    """The same place offers another file from now on."""
    def behave(wire, request, scene):
        scene.file = scene.other_file
        behaviour(wire, request, scene)
    return behave


def to(location, status="302 Found"):
    """A redirect; `location` is a text or gets the scene."""
    def behave(wire, _request, scene):
        target = location(scene) if callable(location) else location
        wire.send(head(status, f"Location: {target}", "Content-Length: 0"))
    return behave


def hops(count):
    """So many redirects within the origin, then the file."""
    def behave(wire, request, scene):
        left = int(re.search(r"hops=(\d+)", request.target).group(1)) if "hops=" in request.target \
            else count
        if left == 0:
            return honest(wire, request, scene)
        return to(f"/hop?hops={left - 1}")(wire, request, scene)
    return behave


def zipped(wire, _request, scene):
    body = gzip.compress(scene.file)
    wire.send(head("200 OK", "Content-Encoding: gzip", f"Content-Length: {len(body)}") + body)


def stall(part_of_body, *more):
    """Silence within the body."""
    def behave(wire, _request, scene):
        wire.send(whole(scene, ETAG, *more) + scene.file[:int(len(scene.file) * part_of_body)])
        wire.hold()
    return behave


def silence(wire, _request, _scene):
    wire.hold()


def drip(pieces, pause, of=lambda scene: whole(scene, ETAG) + scene.file):
    """Everything, but in so many pieces with a pause after each."""
    def behave(wire, _request, scene):
        data = of(scene)
        size = max(1, -(-len(data) // pieces))
        for at in range(0, len(data), size):
            wire.send(data[at:at + size])
            if not wire.wait(pause):
                return
    return behave


def endless(*lines, chunked=False, start=b""):
    """A body without an end."""
    def behave(wire, _request, scene):
        wire.send(head("200 OK", *lines, *(["Transfer-Encoding: chunked"] if chunked else [])))
        block = scene.file[:65536].ljust(65536, b"r")
        while wire.wait(0):
            wire.send(b"10000\r\n" + block + b"\r\n" if chunked else start + block)
    return behave
