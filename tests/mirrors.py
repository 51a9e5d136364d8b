"""Four small files like those of MNIST, and two mirrors on this machine that serve them."""

import gzip
import hashlib
import http.server
import threading
import time

import numpy as np

from backprop import datasets

NAMES = list(datasets._FILES)


def small_files():
    """Files like the four of MNIST, by name: 5 images of 4 x 3 for training and 2 for testing."""
    rng = np.random.default_rng(1)
    files = {}
    for name, n in zip(NAMES, (5, 5, 2, 2), strict=True):
        shape, top = ((n, 4, 3), 256) if "images" in name else ((n,), 10)
        header = b"\0\0\x08" + bytes([len(shape)])
        header += b"".join(size.to_bytes(4, "big") for size in shape)
        body = rng.integers(0, top, shape, dtype=np.uint8).tobytes()
        files[name] = gzip.compress(header + body, mtime=0)
    return files


FILES = small_files()
HASHES = {name: hashlib.sha256(raw).hexdigest() for name, raw in FILES.items()}


class Mirrors(http.server.ThreadingHTTPServer):
    """Two mirrors, /one/ and /two/, on a free port of this machine."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.over = threading.Event()
        self.asked, self.manner = [], {"one": "good", "two": "good"}
        self.urls = [f"http://127.0.0.1:{self.server_port}/{mirror}/" for mirror in self.manner]


class Answer(http.server.BaseHTTPRequestHandler):
    """Serves the files in the manner of the mirror."""

    def do_GET(self):
        _, mirror, name = self.path.split("/")
        self.server.asked.append(f"{mirror}/{name}")
        manner, body = self.server.manner[mirror], FILES[name]
        if manner == "slow":
            time.sleep(0.3)
        if manner == "altered":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if manner == "login page":
            body = b"<html>Please log in</html>"
        self.send_response(404 if manner == "gone" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = manner in ("breaks off", "hangs", f"breaks off at {name}")
        self.wfile.write(body[: len(body) // 2] if half else body)
        if manner == "hangs" and not self.server.over.wait(30):
            self.server.asked.append("nobody lost patience")

    def log_message(self, *args):
        pass
