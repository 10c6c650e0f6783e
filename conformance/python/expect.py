"""What tests expect more than once."""

import base64
import hashlib

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

PERMIT = 'version= 1.0;authorizationrules{=> permit();};issuancerules{=> issue(type="tried", value="yes");};'
DENY = "version= 1.0;authorizationrules{=> deny();};issuancerules{};"
SILENT = "version= 1.0;authorizationrules{};issuancerules{};"
MALFORMED = "version= 1.0;authorizationrules{=> perhaps();};"


def base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hash_of_text(text):
    """What a token says of the policy that decided: x-ms-policy-hash, decoded."""
    return hashlib.sha256(base64url(text.encode()).encode()).digest()


def hash_of_jws(jws):
    """What the service says of the JWS that it was sent: x-ms-policy-token-hash, decoded."""
    return hashlib.sha256(str(jws).encode()).digest()


def refusal(code, call, *args, status=400, **kwargs):
    """Calls, and expects the SDK's own exception with the service's code. Returns it."""
    kind = ClientAuthenticationError if status == 401 else HttpResponseError
    with pytest.raises(HttpResponseError) as caught:
        call(*args, **kwargs)
    said = caught.value
    assert type(said) is kind
    assert (said.status_code, said.error.code) == (status, code), said.message
    if status != 401:
        # The model that the SDK documents, which its 401 does not carry.
        assert said.model.error.code == code
    assert said.response.headers["x-ms-error-code"] == code
    return said


def same_certificate(a, b):
    """Whether two PEM texts hold the same certificate."""
    return "".join(a.split()) == "".join(b.split())
