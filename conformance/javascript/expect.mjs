// What tests expect more than once.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

export const permit =
  'version= 1.0;authorizationrules{=> permit();};issuancerules{=> issue(type="tried", value="yes");};';
export const deny = "version= 1.0;authorizationrules{=> deny();};issuancerules{};";
export const silent = "version= 1.0;authorizationrules{};issuancerules{};";
export const malformed = "version= 1.0;authorizationrules{=> perhaps();};";

const sha256 = (text) => createHash("sha256").update(text).digest();

// hashOfText is what a token says of the policy that decided: x-ms-policy-hash,
// decoded.
export const hashOfText = (text) => sha256(Buffer.from(text).toString("base64url"));

// hashOfJWS is what the service says of the JWS that it was sent:
// x-ms-policy-token-hash, decoded.
export const hashOfJWS = sha256;

export function sameBytes(got, want) {
  assert.equal(Buffer.from(got).toString("hex"), Buffer.from(want).toString("hex"));
}

// sameCertificate compares two PEM texts.
export function sameCertificate(got, want) {
  assert.equal(got.replace(/\s/g, ""), want.replace(/\s/g, ""));
}

// refusal expects that a call fails with the SDK's own error and the service's
// code, and returns the error.
export async function refusal(code, call, status = 400) {
  let error;
  await assert.rejects(call, (caught) => {
    error = caught;
    return true;
  });
  assert.equal(error.name, "RestError", error.stack);
  assert.deepEqual([error.statusCode, error.code, error.details.error.code], [status, code, code], error.message);
  assert.equal(error.response.headers.get("x-ms-error-code"), code);
  return error;
}
