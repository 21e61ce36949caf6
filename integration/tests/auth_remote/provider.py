"""Runs oidc-provider-mock on a free port, prints its issuer, and serves until its standard input ends.

Beside what the provider has of its own, POST /rotate gives it another key.
"""

import logging
import os
import sys
import threading
import warnings

# Before authlib is there: it is to serve without TLS, and what it says of its own future is not for our output.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
warnings.showwarning = lambda *_, **__: None

from authlib.jose import RSAKey  # noqa: E402
import flask  # noqa: E402
import oidc_provider_mock  # noqa: E402
import werkzeug.serving  # noqa: E402

logging.getLogger("werkzeug").setLevel(logging.ERROR)

app = oidc_provider_mock.app()


@app.post("/rotate")
def rotate():
    flask.g.oidc_provider_mock_storage.jwk = RSAKey.generate_key(is_private=True)
    return "", 204


server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
print(f"http://localhost:{server.server_port}", flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
