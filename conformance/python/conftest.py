"""Each scenario runs on every kind of instance that it names, with either kind of client.

The Go test reads the names of the tests: group.scenario[mode-client], where the
group is the file and the scenario the function, both without `test_`. A name
that ends in `_sdk_cannot` is a scenario that this SDK makes impossible, and
shows that it is the SDK.
"""

import importlib.metadata
import socket

import clients
import pytest
import world as worlds

# Released once and never again: other versions are other software.
SDK = "1.0.0"

MODES = ("aad", "isolated", "shared")


def pytest_configure(config):
    assert importlib.metadata.version("azure-security-attestation") == SDK
    config.world = worlds.load()


def pytest_generate_tests(metafunc):
    if "here" not in metafunc.fixturenames:
        return
    world = metafunc.config.world
    mark = metafunc.definition.get_closest_marker("modes")
    modes = [m for m in (mark.args if mark else MODES) if m in world.endpoints]
    only = metafunc.definition.get_closest_marker("clients")
    kinds = [k for k in (clients.Sync, clients.Aio) if not only or k.name in only.args]
    metafunc.parametrize(
        "here",
        [(mode, kind) for mode in modes for kind in kinds],
        ids=[f"{mode}-{kind.name}" for mode in modes for kind in kinds],
        indirect=True,
    )


def pytest_collection_modifyitems(config, items):
    # A scenario of which this world has no instance is not a skipped test: the
    # Go test knows what to expect, and says what is missing.
    items[:] = [i for i in items if "here" not in i.fixturenames or hasattr(i, "callspec") and "NOTSET" not in i.name]


@pytest.fixture(autouse=True, scope="session")
def loopback():
    """Names below localhost are this machine (RFC 6761), whether its resolver knows or not."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host, *args, **kwargs):
        if isinstance(host, str) and host.endswith(".localhost"):
            host = "127.0.0.1"
        return resolve(host, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo
    yield
    socket.getaddrinfo = resolve


class Here:
    """One instance, as one kind of client sees it."""

    def __init__(self, world, mode, kind):
        self.world, self.mode = world, mode
        self.endpoint = world.endpoints[mode]
        self.sdk = kind()
        self.watch = clients.Watch()

    def _open(self, kind, role, options):
        bearer = self.world.bearers.get(role, role)
        defaults = {
            "connection_verify": self.world.ca_file,
            "per_call_policies": [self.watch],
            # The SDK's default checks signature and times. Who issued the token
            # it checks only if asked to.
            "validate_issuer": True,
            "issuer": self.endpoint,
        }
        return self.sdk.open(kind, self.endpoint, self.sdk.credential(bearer), **{**defaults, **options})

    def attestation(self, role="contributor", **options):
        return self._open("AttestationClient", role, options)

    def administration(self, role="contributor", **options):
        """The administration client of somebody with a role, or with a bearer of no role's."""
        return self._open("AttestationAdministrationClient", role, options)

    @property
    def signing(self):
        """What signs the policies of this instance: its own key if it has one, else any."""
        return self.world.keys["isolated" if self.mode == "isolated" else "stranger"]


@pytest.fixture
def here(request):
    mode, kind = request.param
    here = Here(request.config.world, mode, kind)
    yield here
    here.sdk.close()
