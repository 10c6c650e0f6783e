"""What the Go test made for the suite: a running service, bearers, evidence, keys.

The environment variable AZATTEST_WORLD names a JSON file that says where they are.
"""

import json
import os
import pathlib


class Pair:
    """A private key and its certificate, both PEM text."""

    def __init__(self, files):
        self.key = pathlib.Path(files["key"]).read_text()
        self.certificate = pathlib.Path(files["certificate"]).read_text()

    @property
    def signing(self):
        """The pair as the SDK's keyword arguments."""
        return {"signing_key": self.key, "signing_certificate": self.certificate}


class Evidence:
    """One enclave's quote and Open Enclave report, and the data that they vouch for."""

    def __init__(self, files):
        self.quote = pathlib.Path(files["quote"]).read_bytes()
        self.report = pathlib.Path(files["report"]).read_bytes()
        self.data = pathlib.Path(files["data"]).read_bytes()


class World:
    def __init__(self, name):
        said = json.loads(pathlib.Path(name).read_text())
        self.ca_file = said["caFile"]
        self.endpoints = said["endpoints"]
        self.bearers = {
            role: pathlib.Path(file).read_text().strip()
            for role, file in said["bearers"].items()
        }
        self.evidence = {name: Evidence(files) for name, files in said["evidence"].items()}
        self.keys = {name: Pair(files) for name, files in said["keys"].items()}


def load():
    name = os.environ.get("AZATTEST_WORLD")
    if not name:
        raise RuntimeError("AZATTEST_WORLD names no file: run `make conformance`, which makes one")
    return World(name)
