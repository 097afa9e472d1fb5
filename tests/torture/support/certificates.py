"""Certificates of an authority of the test's own, made with openssl."""

import ssl
import subprocess


class Authority:
    def __init__(self, folder):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "ca.pem"
        self._openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
                      "-subj /CN=Torture -keyout ca.key -out ca.pem")

    def _openssl(self, arguments):
        subprocess.run(["openssl", *arguments.split()], cwd=self._folder, check=True,
                       capture_output=True, stdin=subprocess.DEVNULL)

    def context(self, name, subject_names, days=2):
        """For a server whose certificate is good for the names, e.g. "DNS:a.test,IP:127.0.0.1"."""
        (self._folder / f"{name}.ext").write_text(f"subjectAltName={subject_names}\n")
        self._openssl("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                      f"-subj /CN={name} -keyout {name}.key -out {name}.csr")
        self._openssl(f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial "
                      f"-days {days} -extfile {name}.ext -out {name}.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        return context
