"""A server that speaks Google Cloud Storage, for tests: python gcs_server.py PORT; with a bucket, bucket.

gcp-storage-emulator, which knows no generations: what is refused for them is added here, as
https://cloud.google.com/storage/docs/request-preconditions says. And a thread for each connection, or one
that a client keeps would let all others wait.
"""

import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from typing import Any

import pytest

# Modules of tests are imported wherever doctests are looked for, also where the emulator is not installed.
server = pytest.importorskip("gcp_storage_emulator.server")
NotFound = pytest.importorskip("gcp_storage_emulator.exceptions").NotFound
objects = pytest.importorskip("gcp_storage_emulator.handlers.objects")


def generation(storage: Any, bucket: str, name: str) -> str:
    """Of an object; 0: there is none."""
    try:
        return str(storage.get_file_obj(bucket, name)["generation"])
    except NotFound:
        return "0"


def refusing(handler: Callable[..., None]) -> Callable[..., None]:
    """A handler of uploads or removals that refuses other generations than the request names."""

    def handle(request: Any, response: Any, storage: Any, *args: Any, **kwargs: Any) -> None:
        name = request.params.get("object_id") or request.query.get("name", [""])[0]
        (expected,) = request.query.get("ifGenerationMatch", [None])
        with one_at_a_time:
            if expected not in (None, generation(storage, request.params["bucket_name"], name)):
                response.status = HTTPStatus.PRECONDITION_FAILED
                return
            handler(request, response, storage, *args, **kwargs)

    return handle


def telling(request: Any, response: Any, storage: Any, *args: Any, **kwargs: Any) -> None:
    """A download, with the generation of what is sent."""
    name, bucket = request.params["object_id"], request.params["bucket_name"]
    with one_at_a_time:
        response["x-goog-generation"] = generation(storage, bucket, name)
        download(request, response, storage, *args, **kwargs)


one_at_a_time, download = threading.Lock(), objects.download
if __name__ == "__main__":
    handlers = {
        objects.insert: refusing(objects.insert),
        objects.delete: refusing(objects.delete),
        objects.download: telling,
    }
    objects.download = telling  # that of a request for an object which wants what is in it
    server.HANDLERS = tuple(
        (path, {verb: handlers.get(handler, handler) for verb, handler in verbs.items()})
        for path, verbs in server.HANDLERS
    )
    server.server.HTTPServer = ThreadingHTTPServer
    server.create_server("127.0.0.1", int(sys.argv[1]), in_memory=True, default_bucket="bucket").run()
