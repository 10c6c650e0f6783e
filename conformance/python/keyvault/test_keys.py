"""Keys are looked after: made, imported, read, listed, rotated, changed, deleted."""

import datetime

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.keyvault.keys import ApiVersion, JsonWebKey, KeyReleasePolicy
from cryptography.hazmat.primitives.asymmetric import rsa
from enclave import OTHER_MEASUREMENT, number, policy

BEGIN = datetime.datetime(2024, 2, 29, 12, 0, 1, tzinfo=datetime.timezone.utc)
END = datetime.datetime(2037, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc)


def made(here, client, **options):
    return client.create_ec_key(here.name("key"), **options)


def exportable(here, client, **options):
    return made(here, client, hardware_protected=True, exportable=True, release_policy=KeyReleasePolicy(policy(here.authority), **options))


def same(got, want):
    """Whether two answers are about the same version of a key."""
    members = ("kid", "kty", "key_ops", "n", "e", "crv", "x", "y")
    assert {m: getattr(got.key, m) for m in members} == {m: getattr(want.key, m) for m in members}
    properties = ("id", "name", "version", "vault_url", "enabled", "exportable", "not_before", "expires_on", "created_on", "tags")
    assert {p: getattr(got.properties, p) for p in properties} == {p: getattr(want.properties, p) for p in properties}
    return True


def test_create_rsa(here):
    name = here.name("key")
    key = here.keys().create_rsa_key(
        name, size=3072, hardware_protected=True, exportable=True, key_operations=["decrypt", "unwrapKey"],
        release_policy=KeyReleasePolicy(policy(here.authority)), tags={"team": "Zahlungen"}, not_before=BEGIN, expires_on=END,
    )
    assert (key.name, key.key_type, key.key_operations) == (name, "RSA-HSM", ["decrypt", "unwrapKey"])
    assert len(key.key.n) == 384 and key.key.e == b"\1\0\1" and key.key.d is None
    said = key.properties
    assert key.id == f"{here.vault}/keys/{name}/{said.version}" and said.vault_url == here.vault
    assert (said.enabled, said.exportable, said.tags) == (True, True, {"team": "Zahlungen"})
    assert (said.not_before, said.expires_on) == (BEGIN, END)
    age = datetime.datetime.now(datetime.timezone.utc) - said.created_on
    assert abs(age) < datetime.timedelta(minutes=1) and said.updated_on == said.created_on
    assert said.release_policy.encoded_policy == policy(here.authority)
    assert said.release_policy.content_type == "application/json; charset=utf-8"
    assert said.release_policy.immutable is False


def test_create_ec(here):
    client = here.keys()
    for curve, size in (("P-256", 32), ("P-384", 48), ("P-521", 66)):
        key = made(here, client, curve=curve)
        assert (key.key_type, key.key.crv, key.key_operations) == ("EC", curve, ["sign", "verify"])
        assert (len(key.key.x), len(key.key.y)) == (size, size)
        assert key.properties.exportable is False and key.properties.release_policy is None


def test_create_symmetric(here):
    key = here.keys().create_oct_key(here.name("key"), size=192, hardware_protected=True)
    assert key.key_type == "oct-HSM" and key.key.k is None


def test_create_disabled(here):
    assert made(here, here.keys(), enabled=False).properties.enabled is False


def test_import(here):
    """A key that was made in software, and is to be kept in hardware."""
    client = here.keys()
    numbers = rsa.generate_private_key(65537, 2048).private_numbers()
    public = numbers.public_numbers
    parts = {
        "n": public.n, "e": public.e, "d": numbers.d, "p": numbers.p, "q": numbers.q,
        "dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp,
    }
    jwk = JsonWebKey(kty="RSA", key_ops=["decrypt"], **{name: number(n) for name, n in parts.items()})
    for hardware, kind in ((True, "RSA-HSM"), (None, "RSA")):
        key = client.import_key(here.name("key"), jwk, hardware_protected=hardware, tags={"from": "outside"})
        assert (key.key_type, key.key_operations, key.properties.tags) == (kind, ["decrypt"], {"from": "outside"})
        assert (key.key.n, key.key.e) == (number(public.n), b"\1\0\1")
        assert same(client.get_key(key.name), key)


def test_get(here):
    client = here.keys()
    first = exportable(here, client)
    second = client.create_ec_key(first.name, hardware_protected=True, exportable=True, release_policy=first.properties.release_policy)
    reader = here.keys("reader")
    assert same(reader.get_key(first.name), second)
    assert same(reader.get_key(first.name.upper()), second)
    assert same(reader.get_key(first.name, first.properties.version), first)


def test_list(here):
    client = here.keys()
    # More than a page of Key Vault has.
    names = {made(here, client, tags={"n": str(n)}).name for n in range(27)}
    for options in ({}, {"max_page_size": 10}):
        pages = here.sdk.pages(here.keys("reader"), "list_properties_of_keys", **options)
        assert len(pages) > 1 and all(len(page) <= options.get("max_page_size", 25) for page in pages)
        found = [key for page in pages for key in page if key.name in names]
        assert {key.name for key in found} == names and len(found) == len(names)
        for key in found:
            assert (key.version, key.id, key.enabled) == (None, f"{here.vault}/keys/{key.name}", True)
            assert key.tags.keys() == {"n"}


def test_versions(here):
    client = here.keys()
    first = made(here, client)
    ids = [first.id] + [client.rotate_key(first.name).id for _ in range(4)]
    pages = here.sdk.pages(client, "list_properties_of_key_versions", first.name, max_page_size=2)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [version.id for page in pages for version in page] == ids


def test_rotate(here):
    client = here.keys()
    first = exportable(here, client)
    second = client.rotate_key(first.name)
    assert (second.name, second.key_type, second.key.crv) == (first.name, first.key_type, first.key.crv)
    assert second.properties.version != first.properties.version and second.key.x != first.key.x
    assert second.properties.exportable is True
    assert second.properties.release_policy.encoded_policy == policy(here.authority)


def test_update_attributes(here):
    client = here.keys()
    key = exportable(here, client)
    changed = client.update_key_properties(
        key.name, enabled=False, tags={"a": "b"}, not_before=BEGIN, expires_on=END, key_operations=["sign"]
    )
    assert (changed.id, changed.properties.enabled, changed.properties.tags) == (key.id, False, {"a": "b"})
    assert (changed.properties.not_before, changed.properties.expires_on, changed.key_operations) == (BEGIN, END, ["sign"])
    assert changed.properties.release_policy.encoded_policy == policy(here.authority)
    again = client.update_key_properties(key.name, key.properties.version, enabled=True)
    assert (again.properties.enabled, again.properties.tags, again.properties.expires_on) == (True, {"a": "b"}, END)
    assert same(client.get_key(key.name), again)


def test_update_policy(here):
    client = here.keys()
    key = exportable(here, client)
    other = policy(here.authority, OTHER_MEASUREMENT)
    changed = client.update_key_properties(key.name, release_policy=KeyReleasePolicy(other, immutable=True))
    assert changed.properties.release_policy.encoded_policy == other
    assert changed.properties.release_policy.immutable is True
    assert client.get_key(key.name).properties.release_policy.encoded_policy == other


def test_far_future(here):
    end = END.replace(year=2099)
    assert made(here, here.keys(), expires_on=end).properties.expires_on == end


def test_delete(here):
    client = here.keys()
    key = made(here, client)
    client.rotate_key(key.name)
    gone = here.sdk.delete(client, key.name)
    # There is nothing to recover it from, and the clients do not wait for that.
    assert (gone.name, gone.recovery_id) == (key.name, None)
    for version in (None, key.properties.version):
        with pytest.raises(ResourceNotFoundError):
            client.get_key(key.name, version)
    # The name is free for another key at once.
    assert client.create_ec_key(key.name).properties.version not in (None, key.properties.version)


def test_api_versions(here):
    key = made(here, here.keys())
    for version in ApiVersion:
        assert same(here.keys("reader", api_version=version).get_key(key.name), key)
