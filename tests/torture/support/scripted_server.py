"""Servers over plain sockets and TLS that answer whatever they are told to, and remember who came.

A Place is one listening socket with a behaviour; a Hub accepts for all of them.
"""

import dataclasses
import selectors
import socket
import ssl
import struct
import threading

_LONGEST_HEAD = 64 << 10


@dataclasses.dataclass
class Request:
    method: str
    target: str
    headers: dict   # names in lower case
    head: bytes     # as it came
    encrypted: bool

    @property
    def authorization(self):
        return self.headers.get("authorization")


class Wire:
    """The server's end of one connection."""

    def __init__(self, sock, stopping, encrypted):
        self._sock = sock
        self._stopping = stopping
        self._encrypted = encrypted
        self._received = b""
        self.is_open = True

    def request(self):
        """The next one; None: there is none."""
        while b"\r\n\r\n" not in self._received and len(self._received) < _LONGEST_HEAD:
            block = self._sock.recv(16 << 10)
            if not block:
                return None
            self._received += block
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        headers = {name.strip().lower(): value.strip()
                   for name, _, value in (line.partition(":") for line in lines)}
        return Request(words[0], words[1] if len(words) > 1 else "", headers, head,
                       self._encrypted)

    def send(self, data):
        self._sock.sendall(data)

    def wait(self, seconds):
        """False: the test is over."""
        return not self._stopping.wait(seconds)

    def hold(self):
        """Silence, until the peer has gone."""
        self._sock.settimeout(0.2)
        while not self._stopping.is_set():
            try:
                if not self._sock.recv(4096):
                    break
            except TimeoutError:
                continue
        self.cut()

    def close(self):
        """In order: with TLS's close_notify."""
        if self.is_open and self._encrypted:
            self._sock.settimeout(2)
            try:
                self._sock = self._sock.unwrap()
            except (OSError, ssl.SSLError):
                pass
        self.cut()

    def cut(self):
        """FIN, without close_notify."""
        self.is_open = False
        self._sock.close()

    def reset(self):
        """RST."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.cut()


class Place:
    """`behaviour(wire, request, number)` answers the number-th request, from 1; nothing: whoever
    comes is only noted. `tls` nothing: plain HTTP."""

    def __init__(self, hub, address, behaviour=None, tls=None, greeting=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, 0), family=family, backlog=128)
        self.port = self.listener.getsockname()[1]
        self.behaviour = behaviour
        self.tls = tls
        self.greeting = greeting  # answers the connection itself, before TLS
        self.requests = []
        self.connections = 0
        self.garbage = []  # what came unencrypted and is no request
        self._lock = threading.Lock()
        hub.add(self)

    def serve(self, sock, stopping):
        with self._lock:
            self.connections += 1
        try:
            sock.settimeout(30)
            if self.greeting:
                return self.greeting(Wire(sock, stopping, False))
            first = sock.recv(1, socket.MSG_PEEK)
            encrypted = self.tls is not None and first == b"\x16"
            if encrypted:
                sock = self.tls.wrap_socket(sock, server_side=True)
            elif first == b"\x16":
                return self.garbage.append(sock.recv(4096))
            wire = Wire(sock, stopping, encrypted)
            while wire.is_open and (request := wire.request()):
                with self._lock:
                    self.requests.append(request)
                    number = len(self.requests)
                if self.behaviour is None:
                    return None
                self.behaviour(wire, request, number)
        except (OSError, ssl.SSLError):
            pass  # the peer has gone, or did not like us
        finally:
            sock.close()
        return None


class Hub:
    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.places = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def add(self, place):
        with self._lock:
            self.places.append(place)
        self._selector.register(place.listener, selectors.EVENT_READ, place)

    def _accept(self):
        while not self._stopping.is_set():
            for key, _ in self._selector.select(0.2):
                sock, _ = key.fileobj.accept()
                threading.Thread(target=key.data.serve, args=(sock, self._stopping),
                                 daemon=True).start()

    def close(self):
        self._stopping.set()
        self._acceptor.join(5)
        for place in self.places:
            place.listener.close()
