"""What the server offers for one work: files of random bytes, their URLs and digests."""
import argparse
import dataclasses
import random
import re
import shutil
import subprocess

import nginx

_UNITS = {"": 2**20, "K": 2**10, "M": 2**20, "G": 2**30}


@dataclasses.dataclass(frozen=True)
class Work:
    name: str
    count: int
    size: int
    scheme: str

    @property
    def total(self):
        return self.count * self.size


def parse_work(text):
    match = re.fullmatch(r"(\d+)x(\d+)([KMG]?)(-tls)?", text)
    if not match or int(match[1]) == 0 or int(match[2]) == 0:
        raise argparse.ArgumentTypeError(f"{text}: not like 64x64M or 16x256M-tls")
    unit = match[3] or "M"
    return Work(f"{match[1]}x{match[2]}{unit}{match[4] or ''}", int(match[1]),
                int(match[2]) * _UNITS[unit], "https" if match[4] else "http")


class Offer:
    """The files lie in memory: a disk below the server would be measured too."""

    def __init__(self, workspace, work):
        self.work = work
        base = workspace.memory / "offer"
        base.mkdir()
        self._base = base
        self.folder = base / "files"
        self.folder.mkdir()
        names = [f"recording-{number:05}.bin" for number in range(work.count)]
        for number, name in enumerate(names):
            _write_noise(self.folder / name, work.size, number)
        told = subprocess.run(["sha256sum", *names], cwd=self.folder, check=True, capture_output=True,
                              text=True).stdout
        self.digests = {line[66:]: line[:64] for line in told.splitlines()}
        self.server = nginx.Nginx(workspace, self.folder)
        self.urls = [f"{self.server.url(work.scheme)}/{name}" for name in names]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()
        shutil.rmtree(self._base)

    def curl_list(self, target):
        """A configuration of curl; without a target everything is thrown away."""
        path = self._base / "curl"
        with open(path, "w", encoding="utf-8") as file:
            file.write("silent\nshow-error\nfail\n")
            file.write(f'user = "{nginx.USER}:{nginx.PASSWORD}"\ncacert = "{self.server.certificate}"\n')
            for url, name in zip(self.urls, self.digests):
                output = f"{target}/{name}" if target else "/dev/null"
                file.write(f'url = "{url}"\noutput = "{output}"\n')
        return path

    def aria2_list(self):
        path = self._base / "aria2"
        with open(path, "w", encoding="utf-8") as file:
            for url, (name, digest) in zip(self.urls, self.digests.items()):
                file.write(f"{url}\n out={name}\n checksum=sha-256={digest}\n"
                           f" http-user={nginx.USER}\n http-passwd={nginx.PASSWORD}\n")
        return path


def _write_noise(path, size, number):
    """Bytes that look random; the first ones are of no known format."""
    if size <= 2**20:  # a process for each of thousands of files would take longer than the work
        path.write_bytes(random.Random(number).randbytes(size))
        return
    with open(path, "wb") as out:
        cipher = subprocess.Popen(
            ["openssl", "enc", "-aes-128-ctr", "-nosalt", "-K", f"{number + 1:032x}", "-iv", "0" * 32],
            stdin=subprocess.PIPE, stdout=out)
        block = bytes(min(size, 2**20))
        left = size
        while left:
            left -= cipher.stdin.write(block[:left])
        cipher.stdin.close()
        if cipher.wait() != 0:
            raise RuntimeError("openssl enc failed")
