"""TPM attestation, as far as the SDK goes: it carries the messages and makes none.

What answers a challenge takes a TPM, so here the messages end with the challenge.
"""

import base64
import json
import re

import pytest
from azure.security.attestation import AttestationType
from expect import PERMIT, refusal

INIT = json.dumps({"payload": {"type": "aikcert"}})
NO_POLICY = "A VBS attestation policy has not been set on the attestation provider."


def has_no_policy(here):
    said = refusal("Bad request", here.attestation().attest_tpm, INIT)
    assert said.error.message == NO_POLICY


def unpadded(text):
    """Decodes base64url as the service writes it."""
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def challenge(client):
    """Asks for a challenge, looks at it, and returns it with its context."""
    answer = json.loads(client.attest_tpm(INIT))
    assert set(answer) == {"payload"}
    assert set(answer["payload"]) == {"challenge", "service_context"}
    given = unpadded(answer["payload"]["challenge"])
    assert len(given) == 16
    context = json.loads(unpadded(answer["payload"]["service_context"]))
    assert set(context) == {"ProtectionKeyName", "ProtectedContext"}
    assert re.fullmatch(r"[0-9A-F]{64}", context["ProtectionKeyName"])
    assert unpadded(context["ProtectedContext"])
    return given, context["ProtectedContext"]


@pytest.fixture
def policy(here):
    """A policy for TPMs, while the test runs."""
    admin, signing = here.administration(), here.signing.signing
    admin.set_policy(AttestationType.TPM, PERMIT, **signing)
    yield
    admin.reset_policy(AttestationType.TPM, **signing)
    has_no_policy(here)


def test_without_policy(here):
    has_no_policy(here)


@pytest.mark.modes("aad", "isolated")
def test_challenge(here, policy):
    first, second = challenge(here.attestation()), challenge(here.attestation())
    assert first[0] != second[0]
    assert first[1] != second[1]


@pytest.mark.modes("aad", "isolated")
def test_reader_is_enough(here, policy):
    challenge(here.attestation("reader"))
    refusal("Unauthorized", here.attestation("no.such.bearer").attest_tpm, INIT, status=401)


@pytest.mark.modes("aad", "isolated")
def test_no_message(here, policy):
    for message in ("no JSON", "{}", '{"payload":{}}', '{"payload":{"type":"other"}}', '{"payload":{"request":""}}'):
        refusal("InvalidParameter", here.attestation().attest_tpm, message)


@pytest.mark.modes("aad", "isolated")
def test_bad_request(here, policy):
    for request in ("no JWS", "e30.e30.e30"):
        message = json.dumps({"payload": {"request": request}})
        refusal("InvalidQuote", here.attestation().attest_tpm, message)


@pytest.mark.modes("shared")
def test_on_shared(here):
    admin = here.administration()
    for signing in ({}, here.signing.signing):
        refusal("InvalidOperation", admin.set_policy, AttestationType.TPM, PERMIT, **signing)
    has_no_policy(here)
