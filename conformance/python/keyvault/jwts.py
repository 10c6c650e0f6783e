"""What attackers make of a genuine token."""

import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from enclave import decoded, encoded, number


def part(value):
    return encoded(json.dumps(value).encode())


def claims(token, **changed):
    return json.loads(decoded(token.split(".")[1])) | changed


def unsigned(token):
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{token.split('.')[1]}."


def altered(token, changed):
    protected, _, signature = token.split(".")
    return f"{protected}.{part(claims(token, **changed))}.{signature}"


def signed_by_another(token, changed):
    """Signed by a key that the token brings along under the name of the service's."""
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_numbers()
    header = json.loads(decoded(token.split(".")[0]))
    header["jwk"] = {"kty": "RSA", "n": encoded(number(public.n)), "e": encoded(number(public.e)), "kid": header["kid"]}
    text = f"{part(header)}.{part(claims(token, **changed))}"
    return f"{text}.{encoded(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
