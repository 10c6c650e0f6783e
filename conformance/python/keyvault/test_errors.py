"""What is refused comes as the SDK's own exceptions, with Key Vault's codes and words."""

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.keyvault.keys import JsonWebKey, KeyReleasePolicy
from enclave import OTHER_MEASUREMENT, policy


def refusal(status, code, call, *args, kind=HttpResponseError, inner=None, **kwargs):
    """Calls, and expects the SDK's exception for a status with a code. Returns it."""
    with pytest.raises(HttpResponseError) as caught:
        call(*args, **kwargs)
    said = caught.value
    assert type(said) is kind
    assert (said.status_code, said.error.code) == (status, code), said.message
    assert (said.error.innererror or {}).get("code") == inner
    return said


def test_exportable_without_policy(here):
    said = refusal(400, "BadParameter", here.keys().create_rsa_key, here.name("key"), hardware_protected=True, exportable=True)
    assert "AKV.SKR.1004: Exportable keys must have release policy." in said.message


def test_policy_without_exportable(here):
    given = KeyReleasePolicy(policy(here.authority))
    said = refusal(400, "BadParameter", here.keys().create_rsa_key, here.name("key"), hardware_protected=True, release_policy=given)
    assert "AKV.SKR.1005: Non-exportable keys must not have release policy." in said.message


def test_exportable_changes(here):
    client = here.keys()
    key = client.create_ec_key(here.name("key"))
    given = KeyReleasePolicy(policy(here.authority))
    said = refusal(400, "BadParameter", client.create_ec_key, key.name, exportable=True, release_policy=given)
    assert "AKV.SKR.1003: The exportable attribute of an existing key cannot be changed." in said.message
    assert client.get_key(key.name).id == key.id


def test_immutable_policy(here):
    client = here.keys()
    given = KeyReleasePolicy(policy(here.authority), immutable=True)
    key = client.create_ec_key(here.name("key"), exportable=True, release_policy=given)
    other = KeyReleasePolicy(policy(here.authority, OTHER_MEASUREMENT))
    for call, options in ((client.update_key_properties, {}), (client.create_ec_key, {"exportable": True})):
        said = refusal(400, "BadParameter", call, key.name, release_policy=other, **options)
        assert "AKV.SKR.1020: Immutable Key Release Policy cannot be modified." in said.message
    assert client.get_key(key.name).properties.release_policy.encoded_policy == policy(here.authority)


def test_malformed_policy(here):
    for text in (b"{", b"{}", b'{"version":"1.0.0","anyOf":[]}'):
        said = refusal(
            400, "BadParameter", here.keys().create_ec_key, here.name("key"), exportable=True, release_policy=KeyReleasePolicy(text)
        )
        assert "release_policy" in said.message


def test_malformed_key(here):
    """A key that cannot be imported, of which nothing is repeated."""
    jwk = JsonWebKey(kty="RSA", n=b"\xff" * 256, e=b"\1\0\1", d=b"secret" * 40, p=b"secret" * 20, q=b"secret" * 20)
    said = refusal(400, "BadParameter", here.keys().import_key, here.name("key"), jwk)
    assert "c2VjcmV0" not in said.response.text() and "secret" not in said.response.text()


def test_not_found(here):
    client, name = here.keys(), here.name("nothing")
    version = "0" * 32
    for call in (
        lambda: client.get_key(name),
        lambda: client.get_key(name, version),
        lambda: client.rotate_key(name),
        lambda: client.update_key_properties(name, enabled=True),
        lambda: here.sdk.delete(client, name),
        lambda: here.sdk.pages(client, "list_properties_of_key_versions", name),
        lambda: here.keys("user").release_key(name, target_attestation_token="e30.e30."),
    ):
        said = refusal(404, "KeyNotFound", call, kind=ResourceNotFoundError)
        assert f"A key with (name/id) {name}" in said.message.replace('"', "")


def test_roles(here):
    """Who looks after keys cannot have them released, who has them released cannot look at them."""
    officer, reader, user = (here.keys(role) for role in ("officer", "reader", "user"))
    key = officer.create_ec_key(here.name("key"))
    for call in (
        lambda: officer.release_key(key.name, target_attestation_token="e30.e30."),
        lambda: reader.release_key(key.name, target_attestation_token="e30.e30."),
        lambda: reader.create_ec_key(key.name),
        lambda: reader.rotate_key(key.name),
        lambda: reader.update_key_properties(key.name, enabled=False),
        lambda: here.sdk.delete(reader, key.name),
        lambda: user.get_key(key.name),
        lambda: here.sdk.pages(user, "list_properties_of_keys"),
        lambda: user.create_ec_key(key.name),
    ):
        refusal(403, "Forbidden", call, inner="ForbiddenByRbac")
    assert reader.get_key(key.name).id == key.id


def test_unknown_caller(here):
    """Bearers of nobody, and of the attestation service."""
    for bearer in ("not.a.token", here.world.bearers["authority"]):
        said = refusal(401, "Unauthorized", here.keys(bearer).get_key, "any", kind=ClientAuthenticationError)
        assert "AKV10022" in said.message


def test_not_served(here):
    """Calls for what the vault does not have."""
    client = here.keys()
    key = client.create_ec_key(here.name("key"))
    for call in (
        lambda: client.backup_key(key.name),
        lambda: client.get_key_rotation_policy(key.name),
        lambda: client.get_key_attestation(key.name),
        lambda: here.sdk.pages(client, "list_deleted_keys"),
        lambda: client.get_random_bytes(16),
    ):
        refusal(404, "NotFound", call, kind=ResourceNotFoundError)
