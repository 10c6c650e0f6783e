"""An enclave is attested, asks for a key, and opens it."""

import jwts
import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.keys import JsonWebKey, KeyReleasePolicy
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key
from enclave import DEFAULT, OTHER_MEASUREMENT, number, policy

UNMET = "does not meet key release policy requirements"
UNVERIFIED = "cannot be verified"


def jwk_of(private):
    """An RSA key as it is imported."""
    numbers = private.private_numbers()
    parts = {
        "n": numbers.public_numbers.n, "e": numbers.public_numbers.e, "d": numbers.d, "p": numbers.p, "q": numbers.q,
        "dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp,
    }
    return JsonWebKey(kty="RSA-HSM", key_ops=["encrypt", "decrypt"], **{name: number(n) for name, n in parts.items()})


def imported(here, jwk):
    return here.keys().import_key(
        here.name("imported"), jwk, hardware_protected=True, exportable=True,
        release_policy=KeyReleasePolicy(policy(here.authority)),
    )


def exportable(here, **options):
    return here.keys().create_ec_key(
        here.name("made"), hardware_protected=True, exportable=True, release_policy=KeyReleasePolicy(policy(here.authority)), **options
    )


def released_to(here, enclave, key, algorithm=None, nonce=None, version=None, token=None):
    result = here.keys("user").release_key(
        key.name, target_attestation_token=token or here.token(enclave), algorithm=algorithm, nonce=nonce, version=version
    )
    answer = here.released(result, key=key, algorithm=algorithm or DEFAULT, nonce=nonce, version=version)
    assert answer.policy == policy(here.authority)
    assert answer.attributes["exportable"] is True and answer.attributes["enabled"] is True
    return enclave.opened(answer.wrapped, algorithm or DEFAULT)


def rsa_by(here, algorithm, nonce=None):
    """An RSA key that was made outside comes out of the vault as it was."""
    mine = rsa.generate_private_key(65537, 2048)
    key = imported(here, jwk_of(mine))
    assert key.key_type == "RSA-HSM"
    got = load_der_private_key(released_to(here, here.enclave(), key, algorithm, nonce), None)
    assert got.private_numbers() == mine.private_numbers()


def test_rsa_sha1(here):
    rsa_by(here, "CKM_RSA_AES_KEY_WRAP", "fresh")


def test_rsa_sha256(here):
    rsa_by(here, "RSA_AES_KEY_WRAP_256", "fresh")


def test_rsa_sha384(here):
    rsa_by(here, "RSA_AES_KEY_WRAP_384", "fresh")


def test_rsa_default(here):
    rsa_by(here, None)


def test_symmetric(here):
    key = imported(here, JsonWebKey(kty="oct-HSM", key_ops=["encrypt"], k=bytes(range(32))))
    assert released_to(here, here.enclave(), key, "RSA_AES_KEY_WRAP_256") == bytes(range(32))


def test_curve(here):
    key = exportable(here, curve="P-384")
    got = load_der_private_key(released_to(here, here.enclave(), key), None)
    assert isinstance(got, ec.EllipticCurvePrivateKey)
    numbers = got.public_key().public_numbers()
    assert (numbers.x, numbers.y) == tuple(int.from_bytes(half, "big") for half in (key.key.x, key.key.y))


def test_version(here):
    first = exportable(here)
    second = here.keys().rotate_key(first.name)
    enclave = here.enclave()
    token = here.token(enclave)
    old = released_to(here, enclave, first, version=first.properties.version, token=token)
    new = released_to(here, enclave, second, token=token)
    assert old != new


def test_empty_segment(here):
    """Where a version would be named, this SDK leaves an empty segment."""
    seen = []
    key = exportable(here)
    client = here.keys("user", raw_response_hook=lambda response: seen.append(response.http_request.url))
    client.release_key(key.name, target_attestation_token=here.token(here.enclave()))
    assert f"/keys/{key.name}//release?" in seen[-1]


def refused(here, key, token, inner="AccessDenied", **options):
    with pytest.raises(HttpResponseError) as caught:
        here.keys("user").release_key(key.name, target_attestation_token=token, **options)
    said = caught.value
    assert (said.status_code, said.error.code, said.error.innererror["code"]) == (403, "Forbidden", inner)
    return said.message


def test_another_measurement(here):
    key = exportable(here)
    token = here.token(here.enclave(mrenclave=OTHER_MEASUREMENT))
    message = refused(here, key, token)
    assert UNMET in message
    # What the policy wants is not for those who do not have it.
    assert "a1" * 32 not in message


def test_another_authority(here):
    """A genuine token by a service that the vault does not trust, even if the policy would."""
    stranger = here.world.endpoints["stranger"]
    key = here.keys().create_ec_key(
        here.name("made"), hardware_protected=True, exportable=True, release_policy=KeyReleasePolicy(policy(stranger))
    )
    assert UNVERIFIED in refused(here, key, here.token(here.enclave("stranger"), "stranger"))


def test_unsigned(here):
    """Tokens that nobody signed: one that was stripped, and the service's own under a draft policy."""
    key, enclave = exportable(here), here.enclave()
    draft = "version= 1.0;authorizationrules{=> permit();};issuancerules{};"
    assert UNVERIFIED in refused(here, key, jwts.unsigned(here.token(enclave)))
    assert UNVERIFIED in refused(here, key, here.token(enclave, draft_policy=draft))


def test_forged(here):
    """A token of the service whose claims, or whose signer, are others."""
    key = exportable(here)
    token = here.token(here.enclave(mrenclave=OTHER_MEASUREMENT))
    wanted = {"x-ms-sgx-mrenclave": "a1" * 32}
    assert UNVERIFIED in refused(here, key, jwts.altered(token, wanted))
    assert UNVERIFIED in refused(here, key, jwts.signed_by_another(token, wanted))


def test_debuggable(here):
    """An enclave whose memory its host can read has no secret to keep."""
    key = exportable(here)
    assert UNVERIFIED in refused(here, key, here.token(here.enclave(flags=["--debug"])))


def test_no_key(here):
    """A token whose key is for signatures, so that nothing can be encrypted to it."""
    key = exportable(here)
    enclave = here.enclave(jwk={"use": "sig", "key_ops": ["verify"]})
    assert UNVERIFIED in refused(here, key, here.token(enclave))


def test_disabled(here):
    key = exportable(here)
    token = here.token(here.enclave())
    here.keys().update_key_properties(key.name, enabled=False)
    assert "disabled" in refused(here, key, token, "KeyDisabled")


def test_not_exportable(here):
    key = here.keys().create_ec_key(here.name("plain"))
    assert "not exportable" in refused(here, key, here.token(here.enclave()), "KeyOperationForbidden")


def test_unknown_algorithm(here):
    key = exportable(here)
    with pytest.raises(HttpResponseError) as caught:
        here.keys("user").release_key(key.name, target_attestation_token=here.token(here.enclave()), algorithm="ROT13")
    assert (caught.value.status_code, caught.value.error.code) == (400, "BadParameter")
    assert "RSA_AES_KEY_WRAP_384" in caught.value.message
