"""TPM evidence, of which the service says that it takes none yet."""

import json

import pytest
from azure.security.attestation import AttestationType
from expect import PERMIT, refusal

INIT = json.dumps({"payload": {"type": "aikcert"}})


def test_without_policy(here):
    said = refusal("Bad request", here.attestation().attest_tpm, INIT)
    assert said.error.message == "A VBS attestation policy has not been set on the attestation provider."


@pytest.mark.modes("aad", "isolated")
def test_not_enabled(here):
    admin, signing = here.administration(), here.signing.signing
    admin.set_policy(AttestationType.TPM, PERMIT, **signing)
    try:
        refusal("InvalidOperation", here.attestation().attest_tpm, INIT)
    finally:
        admin.reset_policy(AttestationType.TPM, **signing)
