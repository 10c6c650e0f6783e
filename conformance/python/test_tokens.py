"""What the SDK checks of the service's tokens, and what a caller can have checked beside."""

import pytest
from azure.security.attestation import AttestationTokenValidationException
from cryptography.x509 import load_pem_x509_certificate


def test_callback(here):
    seen = []
    client = here.attestation(validation_callback=lambda token, signer: seen.append((token, signer)))
    _, token = client.attest_sgx_enclave(here.world.evidence["binary"].quote)
    ((checked, signer),) = seen
    assert checked is token
    assert signer.key_id == token.key_id
    leaf = load_pem_x509_certificate(signer.certificates[0].encode())
    assert leaf.subject.rfc4514_string() == "CN=" + token.issuer


def test_callback_refuses(here):
    def refuse(token, signer):
        raise AttestationTokenValidationException("not today")

    client = here.attestation(validation_callback=refuse)
    with pytest.raises(AttestationTokenValidationException, match="not today"):
        client.attest_sgx_enclave(here.world.evidence["binary"].quote)


def test_other_issuer(here):
    client = here.attestation(issuer="https://other.attest.azure.net")
    with pytest.raises(AttestationTokenValidationException, match="is not the expected issuer"):
        client.attest_open_enclave(here.world.evidence["binary"].report)
