"""Enclaves are attested, as quotes and as Open Enclave reports."""

import json
import threading

import pytest
from expect import DENY, PERMIT, hash_of_text, refusal


def attest_sgx(here, evidence, client=None, **kwargs):
    return (client or here.attestation()).attest_sgx_enclave(evidence.quote, **kwargs)


def attest_open_enclave(here, evidence, client=None, **kwargs):
    return (client or here.attestation()).attest_open_enclave(evidence.report, **kwargs)


def says_the_enclave(here, result, token):
    """What holds of every token of the suite's enclave."""
    assert token.issuer == result.issuer == here.endpoint
    assert token.key_url == here.endpoint + "/certs"
    assert (result.verifier_type, result.version) == ("sgx", "1.0")
    assert (result.mr_enclave, result.mr_signer) == ("11" * 32, "22" * 32)
    assert (result.product_id, result.svn, result.is_debuggable) == (7, 3, False)
    assert len(result.unique_id) == 64
    assert len(result.sgx_collateral["quotehash"]) == 64


def plain(here, attest):
    result, token = attest(here, here.world.evidence["binary"])
    says_the_enclave(here, result, token)
    assert token.algorithm == "RS256"
    assert result.enclave_held_data is None
    assert result.runtime_claims is None
    assert result.inittime_claims is None


def binary(here, attest):
    evidence = here.world.evidence["binary"]
    result, token = attest(here, evidence, runtime_data=evidence.data)
    says_the_enclave(here, result, token)
    assert result.enclave_held_data == evidence.data
    assert result.runtime_claims is None


def as_json(here, attest):
    evidence = here.world.evidence["json"]
    result, token = attest(here, evidence, runtime_json=evidence.data)
    says_the_enclave(here, result, token)
    assert result.enclave_held_data is None
    assert result.runtime_claims == json.loads(evidence.data)


def draft_permits(here, attest):
    evidence = here.world.evidence["binary"]
    result, token = attest(here, evidence, runtime_data=evidence.data, draft_policy=PERMIT)
    says_the_enclave(here, result, token)
    assert token.algorithm == "none"
    assert token.signature_bytes == b""
    assert result.policy_claims == {"tried": "yes"}
    assert result.policy_hash == hash_of_text(PERMIT)


def draft_denies(here, attest):
    said = refusal("PolicyEvaluationError", attest, here, here.world.evidence["binary"], draft_policy=DENY)
    assert "A Deny claim was issued" in said.message


def test_sgx_plain(here):
    plain(here, attest_sgx)


def test_sgx_binary(here):
    binary(here, attest_sgx)


def test_sgx_json(here):
    as_json(here, attest_sgx)


def test_sgx_draft_permits(here):
    draft_permits(here, attest_sgx)


def test_sgx_draft_denies(here):
    draft_denies(here, attest_sgx)


def test_open_enclave_plain(here):
    plain(here, attest_open_enclave)


def test_open_enclave_binary(here):
    binary(here, attest_open_enclave)


def test_open_enclave_json(here):
    as_json(here, attest_open_enclave)


def test_open_enclave_draft_permits(here):
    draft_permits(here, attest_open_enclave)


def test_open_enclave_draft_denies(here):
    draft_denies(here, attest_open_enclave)


def test_init_time_binary(here):
    evidence = here.world.evidence["initTime"]
    result, token = attest_sgx(here, evidence, inittime_data=evidence.data)
    says_the_enclave(here, result, token)
    assert result.inittime_claims is None


def test_init_time_json_sdk_cannot(here):
    evidence = here.world.evidence["initTime"]
    # Right or wrong, the data is not what is sent: the SDK sends the other argument.
    refusal("InvalidParameter", attest_sgx, here, evidence, inittime_json=evidence.data)
    sent = json.loads([r for r in here.watch.requests if "/attest/" in r.url][0].body)
    assert sent["initTimeData"] == {"dataType": "JSON"}


def test_anonymous_sdk_cannot(here):
    for kind in ("AttestationClient", "AttestationAdministrationClient"):
        with pytest.raises(ValueError, match="Missing credential."):
            here.sdk.open(kind, here.endpoint, None)


def at_once(here, client):
    evidence = here.world.evidence["binary"]
    calls = [(client.attest_sgx_enclave, {"quote": evidence.quote, "runtime_data": evidence.data})] * 8
    calls += [(client.attest_open_enclave, {"report": evidence.report, "runtime_data": evidence.data})] * 8
    tokens = set()
    for result, token in here.sdk.at_once(*calls):
        says_the_enclave(here, result, token)
        tokens.add(result.unique_id)
    assert len(tokens) == len(calls)


def test_many_at_once(here):
    client = here.attestation()
    plain(here, lambda here, evidence: attest_sgx(here, evidence, client))
    at_once(here, client)


@pytest.mark.clients("sync")
def test_first_at_once(here):
    at_once(here, here.attestation())


@pytest.mark.clients("aio")
def test_first_at_once_sdk_cannot(here):
    # Two at once would wait for each other for ever. So this looks at what
    # happens to one: it awaits the signing certificates, and meanwhile holds a
    # lock of threads, for which another on this event loop would stop the loop.
    client, held = here.attestation(), []
    here.watch.see = lambda request: held.append((request.url, client._statelock.locked()))
    plain(here, lambda here, evidence: attest_sgx(here, evidence, client))
    assert isinstance(client._statelock, type(threading.Lock()))
    assert (here.endpoint + "/certs", True) in held
