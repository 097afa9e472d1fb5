"""Posting deliveries as the provider does: several connections, each body until it is answered."""

import base64
import collections
import hashlib
import http.client
import json
import threading
import time
import urllib.parse
import urllib.request

from support.processes import WEBHOOK_USER

AUTHORIZATION = "Basic " + base64.b64encode(":".join(WEBHOOK_USER).encode()).decode()
HEADERS = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}


def get(url, timeout=10):
    """(status, text) of a GET without proxies."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def is_working(agent):
    """Beyond listening: catalog and stores are there as well, so that commands can read."""
    places = agent.addresses()
    try:
        return bool(places) and get(places[1] + "/readyz")[0] == 200
    except OSError:
        return False  # it is about to end


def post(url, body, timeout=20):
    """(status, headers, text) of one POST on a connection of its own."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request("POST", parts.path, body, HEADERS)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def digest(body):
    return hashlib.sha256(body).hexdigest()


class Posters:
    """Threads that post what is put into their queue. A body that got no 200 is posted again.

    answered: SHA-256 of every body answered 200 -> the delivery number of the answer.
    """

    def __init__(self, agent, count=4, noise=None):
        self._agent = agent
        self._noise = noise  # makes a body when the queue is empty
        self._queue = collections.deque()
        self._lock = threading.Lock()
        self._stopping = False
        self._busy = 0
        self.answered = {}
        self.cut_off = 0          # requests that were on their way when the agent died
        self.known_already = 0    # of these, later found to be stored
        self.refused = collections.Counter()  # answers other than 200
        self.broken = []          # defects seen by the threads
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def put(self, bodies):
        with self._lock:
            self._queue.extend(bodies)

    def idle(self):
        with self._lock:
            return not self._queue and self._busy == 0

    def quiet(self):
        """No more noise."""
        self._noise = None

    def stop(self):
        self._stopping = True
        for thread in self._threads:
            thread.join(30)

    def _take(self):
        with self._lock:
            if self._queue:
                self._busy += 1
                return self._queue.popleft()
            noise = self._noise
            if noise is None or self._agent.addresses() is None:
                return None
            self._busy += 1
        time.sleep(0.04)  # a slow trickle
        return noise()

    def _work(self):
        connection, origin = None, None
        cut_off = set()
        while not self._stopping:
            body = self._take()
            if body is None:
                time.sleep(0.005)
                continue
            done = False
            try:
                addresses = self._agent.addresses()
                if addresses is None:
                    time.sleep(0.005)
                    continue
                if origin != addresses[0]:
                    origin = addresses[0]
                    parts = urllib.parse.urlsplit(origin)
                    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
                key = digest(body)
                sent = False
                try:
                    connection.connect() if connection.sock is None else None
                    sent = True
                    connection.request("POST", urllib.parse.urlsplit(origin).path, body, HEADERS)
                    answer = connection.getresponse()
                    text = answer.read()
                except (OSError, http.client.HTTPException):
                    connection.close()
                    if sent:
                        self.cut_off += 1
                        cut_off.add(key)
                    time.sleep(0.005)
                    continue
                done = answer.status == 200
                if not done:
                    self.refused[answer.status] += 1
                    time.sleep(0.05)
                    continue
                told = json.loads(text)
                if key in cut_off and told["duplicate"]:
                    self.known_already += 1
                before = self.answered.setdefault(key, told["delivery"])
                if before != told["delivery"]:
                    self.broken.append(f"one body was numbered {before} and {told['delivery']}")
            finally:
                with self._lock:
                    self._busy -= 1
                    if not done:
                        self._queue.append(body)
