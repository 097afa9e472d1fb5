"""The file server: nginx with Basic auth on loopback, plain and TLS."""
import os
import pathlib
import shutil
import subprocess

from usage import cpu_of_tree
from workspace import free_port, listens, wait_until

USER, PASSWORD = "files@example.com", "bench"


class Nginx:
    def __init__(self, workspace, root):
        self._folder = pathlib.Path(root).parent / "nginx"
        self._folder.mkdir()
        self.http, self.https, self.plain_answer = free_port(), free_port(), free_port()
        self.certificate = self._folder / "certificate.pem"
        key = self._folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", str(key), "-out", str(self.certificate)],
            check=True, capture_output=True)
        # In the clear: a slow hash would measure the hash.
        (self._folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        user = "user root;" if os.geteuid() == 0 else ""
        configuration = self._folder / "nginx.conf"
        configuration.write_text(f"""
{user}
worker_processes auto;
pid {self._folder}/pid;
error_log {self._folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  client_body_temp_path {self._folder}/body;
  proxy_temp_path {self._folder}/proxy;
  fastcgi_temp_path {self._folder}/fastcgi;
  scgi_temp_path {self._folder}/scgi;
  uwsgi_temp_path {self._folder}/uwsgi;
  server {{
    listen 127.0.0.1:{self.http} backlog=4096;
    listen 127.0.0.1:{self.https} ssl backlog=4096;
    ssl_certificate {self.certificate};
    ssl_certificate_key {key};
    root {root};
    auth_basic files;
    auth_basic_user_file {self._folder}/users;
  }}
  server {{
    listen 127.0.0.1:{self.plain_answer} backlog=4096;
    location / {{ return 200; }}
  }}
}}
""")
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self._workspace = workspace
        self._process = workspace.start(
            [program, "-c", str(configuration), "-g", "daemon off;"], self._folder / "log")
        wait_until(lambda: listens(self.plain_answer), 10, "nginx", self._process)

    def url(self, scheme):
        return (f"https://localhost:{self.https}" if scheme == "https"
                else f"http://127.0.0.1:{self.http}")

    def cpu(self):
        return cpu_of_tree(self._process.pid)

    def stop(self):
        self._workspace.stop(self._process)
