"""A row of the table on stage: its places, its file, its pair, and what was seen of all that."""

import base64
import hashlib
import json
import random
import ssl
import time

from support.certificates import Authority
from support.processes import check
from support.scripted_server import Place
from behaviours import head

SIZE = 192 << 10
SPAN = 20  # seconds that the projects of late rows offer their files; as long is tried afterwards


def video(seed):
    """An MP4 whose boxes end where the file ends."""
    ftyp = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
    size = SIZE - len(ftyp)
    return ftyp + size.to_bytes(4, "big") + b"mdat" + random.Random(seed).randbytes(size - 8)


class Certificates:
    """TLS contexts by what is wrong with them."""

    def __init__(self, folder, world):
        authority = Authority(folder / "known")
        self.file = authority.file
        names = f"DNS:{world.host},DNS:{world.other_host},DNS:localhost,IP:127.0.0.1"
        self._contexts = {
            "good": authority.context("good", names),
            "other": authority.context("other", "DNS:other.test"),
            "expired": authority.context("expired", names, days=-1),
            "unknown": Authority(folder / "unknown").context("stranger", names),
            "old": authority.context("old", names),
        }
        old = self._contexts["old"]
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1

    def __getitem__(self, name):
        return self._contexts[name]


class Inside:
    """Listeners at private addresses that nobody may reach."""

    def __init__(self, hub, world, names):
        self.places = {address: Place(hub, address) for address in world.inside}
        self._names = names

    def port(self, host):
        address = host.strip("[]")
        known = self.places.get(address) or self.places.get(self._names.get(address, [""])[-1])
        return (known or self.places["127.0.0.1"]).port


class Scene:
    def __init__(self, hub, world, certificates, inside, number, lie):
        self.lie = lie
        self.app_id = f"app-{number}"
        self.conf_num = f"session-{number}"
        self.password = f"hush-{number}-{random.Random(number).randbytes(6).hex()}"
        self.username = f"user-{number}@example.com"
        self.pair = "Basic " + base64.b64encode(
            f"{self.username}:{self.password}".encode()).decode()
        self.file = lie.file or video(number)
        self.other_file = video(number + 100_000)
        self.host = world.host
        self.elsewhere_host = world.host if lie.elsewhere_at_home else world.other_host
        self._inside = inside
        self.place = Place(hub, world.address, self._answer, certificates[lie.tls], lie.greeting)
        self.port = self.place.port
        self.elsewhere = Place(
            hub, world.address if lie.elsewhere_at_home else world.other_address,
            self._answer_elsewhere, certificates["good"])
        self.first_request = None
        self.last_request = None

    def _answer(self, wire, request, number):
        self.first_request = self.first_request or time.monotonic()
        self.last_request = time.monotonic()
        answers = self.lie.answers
        answers[min(number, len(answers)) - 1](wire, request, self)

    def _answer_elsewhere(self, wire, request, _number):
        if self.lie.elsewhere is None:
            wire.send(head("403 Forbidden", "Content-Length: 0"))
        else:
            self.lie.elsewhere(wire, request, self)

    def own_url(self):
        return f"https://{self.host}:{self.port}/file"

    def inside_port(self, host):
        return self._inside.port(host)

    def project(self):
        lie = self.lie
        everywhere = {"*": self.elsewhere_host}
        hosts = [self.host] if lie.hosts is None else [
            self.host, *[everywhere.get(host, host) for host in lie.hosts]]
        redirect_hosts = [everywhere.get(host, host) for host in lie.redirect_hosts]
        return (f'[[project]]\napp_id = "{self.app_id}"\nusername = "{self.username}"\n'
                f'password = "{self.password}"\nhosts = {json.dumps(hosts)}\n'
                f'redirect_hosts = {json.dumps(redirect_hosts)}\n'
                + (f'offered_for = "{SPAN}s"\n' if lie.late else "") + "\n")

    def body(self):
        """The event that offers the file."""
        lie = self.lie
        url = lie.url(self) if lie.url else self.own_url()
        event = {"type": lie.kind, "app_id": self.app_id, "conf_num": self.conf_num,
                 "room_id": "lies", "trans_date": int(time.time()) - (100 if lie.late else 0),
                 "recording" if lie.kind in ("recording", "transcoded") else "url": url}
        if lie.kind == "transcoded":
            event["stage"] = "mp4"
        if lie.declared is not None:
            event["file_size"] = str(lie.declared)
        return json.dumps(event).encode()

    def digest(self):
        return hashlib.sha256(self.file).hexdigest()

    def requests(self):
        return len(self.place.requests) + len(self.elsewhere.requests)


def check_pairs(scenes, hub):
    """Each pair was seen at its own place, encrypted, in its own header, and nowhere else."""
    owners = {id(scene.place): scene for scene in scenes}
    secrets = [word.encode() for scene in scenes
               for word in (scene.pair.removeprefix("Basic "), scene.password)]
    seen = 0
    for place in hub.places:
        owner = owners.get(id(place))
        for request in place.requests:
            head_ = request.head
            if owner and request.encrypted and request.authorization == owner.pair:
                head_ = head_.replace(owner.pair.encode(), b"")
                seen += 1
            check(request.authorization is None or request.authorization.encode() not in head_,
                  f"{request.authorization} came to port {place.port}: "
                  f"{owner.lie.name if owner else 'another place'}")
            check(not any(secret in head_ for secret in secrets),
                  f"a pair came to port {place.port}: {head_}")
        for bytes_ in place.garbage:
            check(not any(secret in bytes_ for secret in secrets), "a pair came in the clear")
    return seen
