"""A long fat pipe in front of a server: each connection carries one window per round trip, however
fat the rest of the way is. The kernel's netem would do the same, where there is one."""
import socket
import threading
import time

SLICES = 10  # of a window, so that it comes evenly


class LongPipe:
    def __init__(self, port, round_trip, window):
        self._target, self._round_trip, self._window = port, round_trip, window
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._mutex = threading.Lock()
        self._open = 0
        self.most_open = 0  # connections at once
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client):
        with self._mutex:
            self._open += 1
            self.most_open = max(self.most_open, self._open)
        time.sleep(self._round_trip)  # the handshake
        server = socket.create_connection(("127.0.0.1", self._target))
        asking = threading.Thread(target=self._ask, args=(client, server), daemon=True)
        asking.start()
        self._answer(server, client)
        for end in (client, server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the other side was first
        asking.join()
        client.close()
        server.close()
        with self._mutex:
            self._open -= 1

    def _ask(self, client, server):
        try:
            while question := client.recv(65536):
                time.sleep(self._round_trip)  # there, and the first byte back
                server.sendall(question)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # either side has gone: _answer() sees it too

    def _answer(self, server, client):
        slice_bytes, slice_time = self._window // SLICES, self._round_trip / SLICES
        due = time.monotonic()
        try:
            while piece := server.recv(slice_bytes):
                client.sendall(piece)
                due = max(due, time.monotonic() - slice_time) + slice_time * len(piece) / slice_bytes
                time.sleep(max(0, due - time.monotonic()))
        except OSError:
            pass
