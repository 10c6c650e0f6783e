"""The SDKs' clients, synchronous and asynchronous, behind one face. Nothing of the SDKs is changed."""

import asyncio
import time

import azure.keyvault.keys as keys
import azure.keyvault.keys.aio as keys_aio
import azure.security.attestation as attestation
import azure.security.attestation.aio as attestation_aio
from azure.core.credentials import AccessToken
from clients import Awaited


class Bearer:
    """A credential that holds a bearer, and knows for what it will be asked."""

    def __init__(self, token, scope):
        self._token, self._scope = AccessToken(token, int(time.time()) + 3600), scope

    def get_token(self, *scopes, **_):
        assert scopes == (self._scope,)
        return self._token


class AsyncBearer(Bearer):
    async def get_token(self, *scopes, **kwargs):
        return super().get_token(*scopes, **kwargs)


class Sync:
    name = "sync"
    credential = Bearer

    def __init__(self):
        self._open = []

    def _opened(self, client):
        self._open.append(client)
        return client

    def keys(self, *args, **options):
        return self._opened(keys.KeyClient(*args, **options))

    def attestation(self, *args, **options):
        return self._opened(attestation.AttestationClient(*args, **options))

    def pages(self, client, method, *args, **options):
        """All that a listing call finds, page by page."""
        return [list(page) for page in getattr(client, method)(*args, **options).by_page()]

    def delete(self, client, name):
        poller = client.begin_delete_key(name)
        poller.wait(timeout=10)
        assert poller.done()
        return poller.result()

    def close(self):
        for client in self._open:
            client.close()


class Aio:
    name = "aio"
    credential = AsyncBearer

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._open = []

    def _opened(self, client):
        self._open.append(client)
        return Awaited(client, self._loop)

    def keys(self, *args, **options):
        return self._opened(keys_aio.KeyClient(*args, **options))

    def attestation(self, *args, **options):
        return self._opened(attestation_aio.AttestationClient(*args, **options))

    def pages(self, client, method, *args, **options):
        async def collect():
            found = getattr(client.plain, method)(*args, **options)
            return [[item async for item in page] async for page in found.by_page()]

        return self._loop.run_until_complete(collect())

    def delete(self, client, name):
        return client.delete_key(name)

    def close(self):
        for client in self._open:
            self._loop.run_until_complete(client.close())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
