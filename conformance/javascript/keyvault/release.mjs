// An enclave is attested, asks for a key, and opens it.
import assert from "node:assert/strict";
import { createPrivateKey, createSign, generateKeyPairSync } from "node:crypto";
import { Enclave, otherMeasurement, policyOf, released, usual } from "./enclave.mjs";
import { attested, authority, endpoints, keys, nameOf, refusal, scenario } from "./here.mjs";

const unmet = /does not meet key release policy requirements/;
const unverified = /cannot be verified/;

const imported = (key) =>
  keys().importKey(nameOf("imported"), key, { hardwareProtected: true, exportable: true, releasePolicy: policyOf(authority) });
const exportable = (options) =>
  keys().createEcKey(nameOf("made"), { hsm: true, exportable: true, releasePolicy: policyOf(authority), ...options });

async function releasedTo(enclave, key, options = {}) {
  const token = options.token ?? (await attested(enclave));
  const { token: _, ...asked } = options;
  const answer = released(await keys("user").releaseKey(key.name, token, asked), key, asked);
  assert.equal(answer.policy, policyOf(authority).encodedPolicy.toString());
  return enclave.opened(answer.wrapped, asked.algorithm ?? usual);
}

// An RSA key that was made outside comes out of the vault as it was.
for (const [name, algorithm] of [
  ["sha1", "CKM_RSA_AES_KEY_WRAP"],
  ["sha256", "RSA_AES_KEY_WRAP_256"],
  ["sha384", "RSA_AES_KEY_WRAP_384"],
  ["default", undefined],
]) {
  scenario(`release.rsa_${name}`, async () => {
    const mine = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const parts = Object.entries(mine.export({ format: "jwk" })).filter(([member]) => member !== "kty");
    const jwk = Object.fromEntries(parts.map(([member, text]) => [member, Buffer.from(text, "base64url")]));
    const key = await imported({ kty: "RSA-HSM", keyOps: ["decrypt"], ...jwk });
    const got = await releasedTo(new Enclave(), key, algorithm && { algorithm, nonce: "fresh" });
    assert.ok(createPrivateKey({ key: got, format: "der", type: "pkcs8" }).equals(mine));
  });
}

scenario("release.symmetric", async () => {
  const k = Buffer.from("0123456789abcdef0123456789ABCDEF");
  const key = await imported({ kty: "oct-HSM", keyOps: ["encrypt"], k });
  assert.deepEqual(await releasedTo(new Enclave(), key, { algorithm: "RSA_AES_KEY_WRAP_256" }), k);
});

scenario("release.curve", async () => {
  const key = await exportable({ curve: "P-384" });
  const got = createPrivateKey({ key: await releasedTo(new Enclave(), key), format: "der", type: "pkcs8" });
  const { x, y, crv } = got.export({ format: "jwk" });
  assert.deepEqual([crv, Buffer.from(x, "base64url"), Buffer.from(y, "base64url")], ["P-384", Buffer.from(key.key.x), Buffer.from(key.key.y)]);
});

scenario("release.version", async () => {
  const first = await exportable();
  const second = await keys().rotateKey(first.name);
  const enclave = new Enclave();
  const token = await attested(enclave);
  const old = await releasedTo(enclave, first, { version: first.properties.version, token });
  const now = await releasedTo(enclave, second, { token });
  assert.notDeepEqual(old, now);
});

const refused = (key, token, inner = "AccessDenied") =>
  refusal(403, "Forbidden", () => keys("user").releaseKey(key.name, token), inner);

scenario("release.another_measurement", async () => {
  const error = await refused(await exportable(), await attested(new Enclave({ mrenclave: otherMeasurement })));
  assert.match(error.message, unmet);
  // What the policy wants is not for those who do not have it.
  assert.doesNotMatch(error.message, /a1a1a1/);
});

scenario("release.another_authority", async () => {
  const key = await exportable({ releasePolicy: policyOf(endpoints.stranger) });
  const token = await attested(new Enclave({ service: "stranger" }), { service: "stranger" });
  assert.match((await refused(key, token)).message, unverified);
});

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const object = (text) => JSON.parse(Buffer.from(text, "base64url").toString());

scenario("release.unsigned", async () => {
  const key = await exportable();
  const enclave = new Enclave();
  const stripped = `${part({ alg: "none", typ: "JWT" })}.${(await attested(enclave)).split(".")[1]}.`;
  const draft = await attested(enclave, {
    draftPolicyForAttestation: "version= 1.0;authorizationrules{=> permit();};issuancerules{};",
  });
  for (const token of [stripped, draft]) {
    assert.match((await refused(key, token)).message, unverified);
  }
});

scenario("release.forged", async () => {
  const key = await exportable();
  const token = await attested(new Enclave({ mrenclave: otherMeasurement }));
  const [head, payload, signature] = token.split(".");
  const wanted = part({ ...object(payload), "x-ms-sgx-mrenclave": "a1".repeat(32) });
  const mine = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const header = object(head);
  const other = part({ ...header, jwk: { ...mine.publicKey.export({ format: "jwk" }), kid: header.kid } });
  const signed = createSign("sha256").update(`${other}.${wanted}`).sign(mine.privateKey, "base64url");
  for (const forged of [`${head}.${wanted}.${signature}`, `${other}.${wanted}.${signed}`]) {
    assert.match((await refused(key, forged)).message, unverified);
  }
});

scenario("release.debuggable", async () => {
  const token = await attested(new Enclave({ flags: ["--debug"] }));
  assert.match((await refused(await exportable(), token)).message, unverified);
});

scenario("release.no_key", async () => {
  const token = await attested(new Enclave({ jwk: { use: "sig", key_ops: ["verify"] } }));
  assert.match((await refused(await exportable(), token)).message, unverified);
});

scenario("release.disabled", async () => {
  const key = await exportable();
  await keys().updateKeyProperties(key.name, { enabled: false });
  assert.match((await refused(key, await attested(new Enclave()), "KeyDisabled")).message, /disabled/);
});

scenario("release.not_exportable", async () => {
  const key = await keys().createEcKey(nameOf("plain"));
  assert.match((await refused(key, await attested(new Enclave()), "KeyOperationForbidden")).message, /not exportable/);
});

scenario("release.unknown_algorithm", async () => {
  const key = await exportable();
  const token = await attested(new Enclave());
  const error = await refusal(400, "BadParameter", () => keys("user").releaseKey(key.name, token, { algorithm: "ROT13" }));
  assert.match(error.message, /RSA_AES_KEY_WRAP_384/);
});
