"""The SDK's clients, synchronous and asynchronous, behind one face.

A test calls the SDK's methods by their names with their arguments; for the
asynchronous clients the call runs on an event loop until it is done. Nothing
of the SDK is changed.
"""

import asyncio
import concurrent.futures
import inspect
import time

import azure.security.attestation as attestation
import azure.security.attestation.aio as attestation_aio
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy


class Bearer:
    """A credential that holds a bearer: the service's own, or a made-up one."""

    def __init__(self, token):
        self._token = AccessToken(token, int(time.time()) + 3600)

    def get_token(self, *scopes, **_):
        assert scopes == ("https://attest.azure.net/.default",)
        return self._token


class AsyncBearer(Bearer):
    async def get_token(self, *scopes, **kwargs):
        return super().get_token(*scopes, **kwargs)


class Watch(SansIOHTTPPolicy):
    """Sees every request that a client sends."""

    def __init__(self):
        self.requests = []
        self.see = lambda request: None

    def on_request(self, request):
        self.requests.append(request.http_request)
        self.see(request.http_request)


class Sync:
    name = "sync"

    def __init__(self):
        self._open = []

    def credential(self, bearer):
        return Bearer(bearer)

    def open(self, kind, endpoint, credential, **options):
        client = getattr(attestation, kind)(endpoint, credential, **options)
        self._open.append(client)
        return client

    def at_once(self, *calls):
        """Runs calls, each a function and its keyword arguments, in threads."""
        with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
            return [f.result() for f in [pool.submit(call, **kwargs) for call, kwargs in calls]]

    def close(self):
        for client in self._open:
            client.close()


class Aio:
    name = "aio"

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._open = []

    def credential(self, bearer):
        return AsyncBearer(bearer)

    def open(self, kind, endpoint, credential, **options):
        client = getattr(attestation_aio, kind)(endpoint, credential, **options)
        self._open.append(client)
        return Awaited(client, self._loop)

    def at_once(self, *calls):
        """Awaits calls, each a method of an Awaited and its keyword arguments, together."""

        async def gather():
            return await asyncio.gather(*(call.begin(**kwargs) for call, kwargs in calls))

        return self._loop.run_until_complete(gather())

    def close(self):
        for client in self._open:
            self._loop.run_until_complete(client.close())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


class Awaited:
    """An asynchronous client whose methods return what their coroutines return."""

    def __init__(self, client, loop):
        self._client, self._loop = client, loop

    @property
    def plain(self):
        """The client itself, for calls that return no coroutine."""
        return self._client

    def __getattr__(self, name):
        method = getattr(self._client, name)
        if name.startswith("_"):
            return method
        assert inspect.iscoroutinefunction(inspect.unwrap(method)), f"{name} is not asynchronous"

        def call(*args, **kwargs):
            return self._loop.run_until_complete(method(*args, **kwargs))

        call.begin = method
        return call
