"""Microsoft's clients of Key Vault ask the key release server of azattest for keys.

Each scenario runs with either kind of client, on a vault of whose keys the test
makes its own. The Go test reads the names: group.scenario[vault-client], where the
group is the file and the scenario the function, both without `test_`.
"""

import importlib.metadata
import json
import os
import pathlib
import uuid

import kinds
import pytest
from enclave import Platform, Released

# What was tried: other versions are other software.
SDKS = {"azure-keyvault-keys": "4.11.3", "azure-security-attestation": "1.0.0"}


class World:
    """What the Go test made: running services, bearers, and platforms of enclaves."""

    def __init__(self, name):
        said = json.loads(pathlib.Path(name).read_text())
        self.ca_file = said["caFile"]
        self.endpoints = said["endpoints"]
        self.bearers = {name: pathlib.Path(file).read_text().strip() for name, file in said["bearers"].items()}
        self.platforms = said["platforms"]
        self.algorithm = said["algorithm"]
        self.signing_ca = pathlib.Path(said["signingCAFile"]).read_bytes()


def pytest_configure(config):
    for name, version in SDKS.items():
        assert importlib.metadata.version(name) == version
    name = os.environ.get("AZATTEST_WORLD")
    if not name:
        raise RuntimeError("AZATTEST_WORLD names no file: run `make conformance`, which makes one")
    config.world = World(name)


def pytest_generate_tests(metafunc):
    if "here" in metafunc.fixturenames:
        all_kinds = (kinds.Sync, kinds.Aio)
        metafunc.parametrize("here", all_kinds, ids=[f"vault-{kind.name}" for kind in all_kinds], indirect=True)


class Here:
    """The vault and the attestation services, as one kind of client sees them."""

    def __init__(self, world, kind):
        self.world = world
        self.vault = world.endpoints["vault"]
        self.authority = world.endpoints["authority"]
        self.sdk = kind()

    def keys(self, role="officer", **options):
        """The client of somebody with a role, or with a bearer of no role's."""
        bearer = self.world.bearers.get(role, role)
        return self.sdk.keys(
            self.vault,
            self.sdk.credential(bearer, "https://vault.azure.net/.default"),
            connection_verify=self.world.ca_file,
            # The vault is not below vault.azure.net, for which its bearers are.
            verify_challenge_resource=False,
            **options,
        )

    def attestation(self, service="authority"):
        endpoint = self.world.endpoints[service]
        return self.sdk.attestation(
            endpoint,
            self.sdk.credential(self.world.bearers[service], "https://attest.azure.net/.default"),
            connection_verify=self.world.ca_file,
            validate_issuer=True,
            issuer=endpoint,
        )

    def enclave(self, service="authority", **identity):
        return Platform(self.world.platforms[service]).enclave(**identity)

    def token(self, enclave, service="authority", **options):
        """Has an enclave attested and returns the token's text."""
        client = self.attestation(service)
        _, token = client.attest_sgx_enclave(enclave.quote, runtime_json=enclave.runtime_data, **options)
        return token.to_jwt_string()

    def released(self, result, **expected):
        """What a vault released, with its signature verified and its echo compared."""
        return Released(self.world, self.vault, result.value, **expected)

    def name(self, stem):
        """A name that no other test uses."""
        return f"{stem}-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def here(request):
    here = Here(request.config.world, request.param)
    yield here
    here.sdk.close()
