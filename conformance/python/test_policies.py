"""Policies are read, set and reset, and decide; what must not change them is refused."""

import pytest
from azure.security.attestation import AttestationPolicyToken, AttestationType, PolicyModification
from expect import DENY, MALFORMED, PERMIT, hash_of_jws, hash_of_text, refusal, same_certificate

TYPES = (AttestationType.SGX_ENCLAVE, AttestationType.OPEN_ENCLAVE)


def attest(here, kind, **kwargs):
    evidence = here.world.evidence["binary"]
    if kind == AttestationType.OPEN_ENCLAVE:
        return here.attestation().attest_open_enclave(evidence.report, **kwargs)
    return here.attestation().attest_sgx_enclave(evidence.quote, **kwargs)


def is_default(here, kind):
    """Expects that the default policy is in force."""
    text, _ = here.administration().get_policy(kind)
    assert text.startswith("version=")
    result, _ = attest(here, kind)
    assert result.policy_hash == hash_of_text(text)
    assert "tried" not in (result.policy_claims or {})


def decides(here, kind, text):
    """Expects that a policy is stored, and is what evidence is judged by."""
    got, token = here.administration().get_policy(kind)
    assert got == text
    assert token.issuer == here.endpoint
    result, _ = attest(here, kind)
    assert result.policy_hash == hash_of_text(text)
    assert result.policy_claims == {"tried": "yes"}
    return result


def set_and_reset(here, kind, **signing):
    """Sets a policy, checks that it is the one that decides, and resets it."""
    admin = here.administration()
    result, token = admin.set_policy(kind, PERMIT, **signing)
    assert token.issuer == here.endpoint
    assert result.policy_resolution == PolicyModification.UPDATED
    (sent,) = [r for r in here.watch.requests if r.method == "PUT"]
    assert result.policy_token_hash == hash_of_jws(sent.body)
    # What a caller does who wants to know.
    assert result.policy_token_hash == hash_of_jws(AttestationPolicyToken(PERMIT, **signing))
    here.watch.requests.clear()
    if signing:
        (certificate,) = result.policy_signer.certificates
        assert same_certificate(certificate, signing["signing_certificate"])
    else:
        assert result.policy_signer is None
    decides(here, kind, PERMIT)
    result, _ = admin.reset_policy(kind, **signing)
    assert result.policy_resolution == PolicyModification.REMOVED
    is_default(here, kind)


def test_get_default(here):
    for kind in TYPES:
        is_default(here, kind)


def test_get_default_tpm(here):
    text, token = here.administration().get_policy(AttestationType.TPM)
    assert text == ""
    assert token.issuer == here.endpoint


@pytest.mark.modes("aad")
def test_set_unsigned(here):
    for kind in TYPES:
        set_and_reset(here, kind)


@pytest.mark.modes("aad", "isolated")
def test_set_signed(here):
    for kind in TYPES:
        set_and_reset(here, kind, **here.signing.signing)


@pytest.mark.modes("aad", "isolated")
def test_set_signed_by_clients_key(here):
    # The pair as the client's own, for all that it sends.
    admin = here.administration(**here.signing.signing)
    result, _ = admin.set_policy(AttestationType.SGX_ENCLAVE, PERMIT)
    assert result.policy_token_hash == hash_of_jws(AttestationPolicyToken(PERMIT, **here.signing.signing))
    admin.reset_policy(AttestationType.SGX_ENCLAVE)
    is_default(here, AttestationType.SGX_ENCLAVE)


@pytest.mark.modes("isolated")
def test_set_signed_by_issued_key(here):
    set_and_reset_by = here.world.keys["issued"].signing
    set_and_reset(here, AttestationType.SGX_ENCLAVE, **set_and_reset_by)


@pytest.mark.modes("aad")
def test_set_signed_by_ec_key_sdk_cannot(here):
    admin = here.administration()
    # It gives the key's method an argument that an EC key's does not have.
    with pytest.raises(TypeError, match="algorithm"):
        admin.set_policy(AttestationType.SGX_ENCLAVE, PERMIT, **here.world.keys["ec"].signing)
    assert here.watch.requests == []


@pytest.mark.modes("aad", "isolated")
def test_set_denying(here):
    signing = here.signing.signing
    for kind in TYPES:
        here.administration().set_policy(kind, DENY, **signing)
        try:
            refusal("PolicyEvaluationError", attest, here, kind)
        finally:
            here.administration().reset_policy(kind, **signing)
        is_default(here, kind)


@pytest.mark.modes("aad", "isolated")
def test_set_tpm(here):
    admin, signing = here.administration(), here.signing.signing
    result, _ = admin.set_policy(AttestationType.TPM, PERMIT, **signing)
    assert result.policy_resolution == PolicyModification.UPDATED
    assert result.policy_token_hash == hash_of_jws(AttestationPolicyToken(PERMIT, **signing))
    assert admin.get_policy(AttestationType.TPM)[0] == PERMIT
    result, _ = admin.reset_policy(AttestationType.TPM, **signing)
    assert result.policy_resolution == PolicyModification.REMOVED
    assert admin.get_policy(AttestationType.TPM)[0] == ""


@pytest.mark.modes("aad", "isolated")
def test_set_malformed(here):
    admin = here.administration()
    for kind in TYPES:
        refusal("PolicyParsingError", admin.set_policy, kind, MALFORMED, **here.signing.signing)
        is_default(here, kind)


@pytest.mark.modes("isolated")
def test_set_unsigned_refused(here):
    for kind in TYPES:
        said = refusal("InvalidOperation", here.administration().set_policy, kind, PERMIT)
        assert "Unsigned JWS specified but enclave is configured with signing certificates." in said.message
        is_default(here, kind)


@pytest.mark.modes("isolated")
def test_reset_unsigned_refused(here):
    kind, signing = AttestationType.SGX_ENCLAVE, here.signing.signing
    here.administration().set_policy(kind, PERMIT, **signing)
    try:
        refusal("InvalidOperation", here.administration().reset_policy, kind)
        decides(here, kind, PERMIT)
    finally:
        here.administration().reset_policy(kind, **signing)


@pytest.mark.modes("isolated")
def test_set_by_stranger_refused(here):
    stranger = here.world.keys["stranger"].signing
    for kind in TYPES:
        refusal("InvalidParameter", here.administration().set_policy, kind, PERMIT, **stranger)
        refusal("InvalidParameter", here.administration().reset_policy, kind, **stranger)
        is_default(here, kind)


@pytest.mark.modes("shared")
def test_set_on_shared_refused(here):
    for kind in TYPES:
        for signing in ({}, here.signing.signing):
            refusal("InvalidOperation", here.administration().set_policy, kind, PERMIT, **signing)
            refusal("InvalidOperation", here.administration().reset_policy, kind, **signing)
        is_default(here, kind)


@pytest.mark.modes("aad", "isolated")
def test_wrong_pair(here):
    admin = here.administration()
    stranger, other = here.world.keys["stranger"], here.world.keys["candidate"]
    for pair, says in (
        ({"signing_key": stranger.key}, "without signing_certificate"),
        ({"signing_certificate": stranger.certificate}, "without signing_key"),
        ({"signing_key": stranger.key, "signing_certificate": other.certificate}, "must match"),
    ):
        with pytest.raises(ValueError, match=says):
            admin.set_policy(AttestationType.SGX_ENCLAVE, PERMIT, **pair)
        with pytest.raises(ValueError, match=says):
            admin.reset_policy(AttestationType.SGX_ENCLAVE, **pair)
    assert here.watch.requests == []


def test_unknown_type(here):
    refusal("InvalidParameter", here.administration().get_policy, "Nonsense")
