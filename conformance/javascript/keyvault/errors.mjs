// What is refused comes as the SDK's own error, with Key Vault's codes and words.
import assert from "node:assert/strict";
import { otherMeasurement, policyOf } from "./enclave.mjs";
import { authority, bearers, keys, nameOf, refusal, refusedList, scenario } from "./here.mjs";

const bad = (call) => refusal(400, "BadParameter", call);

scenario("errors.exportable_without_policy", async () => {
  const error = await bad(() => keys().createRsaKey(nameOf("key"), { hsm: true, exportable: true }));
  assert.match(error.message, /AKV\.SKR\.1004: Exportable keys must have release policy\./);
});

scenario("errors.policy_without_exportable", async () => {
  const error = await bad(() => keys().createRsaKey(nameOf("key"), { hsm: true, releasePolicy: policyOf(authority) }));
  assert.match(error.message, /AKV\.SKR\.1005: Non-exportable keys must not have release policy\./);
});

scenario("errors.exportable_changes", async () => {
  const client = keys();
  const key = await client.createEcKey(nameOf("key"));
  const error = await bad(() => client.createEcKey(key.name, { exportable: true, releasePolicy: policyOf(authority) }));
  assert.match(error.message, /AKV\.SKR\.1003: The exportable attribute of an existing key cannot be changed\./);
  assert.equal((await client.getKey(key.name)).id, key.id);
});

scenario("errors.immutable_policy", async () => {
  const client = keys();
  const given = policyOf(authority);
  const key = await client.createEcKey(nameOf("key"), { exportable: true, releasePolicy: { ...given, immutable: true } });
  const releasePolicy = policyOf(authority, otherMeasurement);
  for (const call of [
    () => client.updateKeyProperties(key.name, { releasePolicy }),
    () => client.createEcKey(key.name, { exportable: true, releasePolicy }),
  ]) {
    assert.match((await bad(call)).message, /AKV\.SKR\.1020: Immutable Key Release Policy cannot be modified\./);
  }
  const { encodedPolicy } = (await client.getKey(key.name)).properties.releasePolicy;
  assert.equal(Buffer.from(encodedPolicy).toString(), given.encodedPolicy.toString());
});

scenario("errors.malformed_policy", async () => {
  for (const text of ["{", "{}", '{"version":"1.0.0","anyOf":[]}']) {
    const releasePolicy = { encodedPolicy: Buffer.from(text) };
    const error = await bad(() => keys().createEcKey(nameOf("key"), { exportable: true, releasePolicy }));
    assert.match(error.message, /release_policy/);
  }
});

scenario("errors.malformed_key", async () => {
  const secret = (times) => Buffer.from("secret".repeat(times));
  const key = { kty: "RSA", n: Buffer.alloc(256, 255), e: Buffer.from([1, 0, 1]), d: secret(40), p: secret(20), q: secret(20) };
  const error = await bad(() => keys().importKey(nameOf("key"), key));
  assert.doesNotMatch(JSON.stringify(error.details) + error.message, /secret|c2VjcmV0/);
});

scenario("errors.not_found", async () => {
  const client = keys();
  const name = nameOf("nothing");
  for (const call of [
    () => client.getKey(name),
    () => client.getKey(name, { version: "0".repeat(32) }),
    () => client.rotateKey(name),
    () => client.updateKeyProperties(name, { enabled: true }),
    () => client.beginDeleteKey(name),
    () => keys("user").releaseKey(name, "e30.e30."),
  ]) {
    const error = await refusal(404, "KeyNotFound", call);
    assert.ok(error.message.replaceAll('"', "").includes(`A key with (name/id) ${name}`), error.message);
  }
  await refusedList(404, "KeyNotFound", client.listPropertiesOfKeyVersions(name));
});

scenario("errors.roles", async () => {
  const [officer, reader, user] = ["officer", "reader", "user"].map((role) => keys(role));
  const { name, id } = await officer.createEcKey(nameOf("key"));
  for (const call of [
    () => officer.releaseKey(name, "e30.e30."),
    () => reader.releaseKey(name, "e30.e30."),
    () => reader.createEcKey(name),
    () => reader.rotateKey(name),
    () => reader.updateKeyProperties(name, { enabled: false }),
    () => reader.beginDeleteKey(name),
    () => user.getKey(name),
    () => user.createEcKey(name),
  ]) {
    await refusal(403, "Forbidden", call, "ForbiddenByRbac");
  }
  await refusedList(403, "Forbidden", user.listPropertiesOfKeys());
  assert.equal((await reader.getKey(name)).id, id);
});

scenario("errors.unknown_caller", async () => {
  for (const bearer of ["not.a.token", bearers.authority]) {
    const error = await refusal(401, "Unauthorized", () => keys(bearer).getKey("any"));
    assert.match(error.message, /AKV10022/);
  }
});

scenario("errors.challenge", async () => {
  const requests = [];
  const key = await keys("officer", { requests }).createEcKey(nameOf("key"), { tags: { said: "later" } });
  assert.deepEqual(requests.map((r) => [r.method, Boolean(r.body), Boolean(r.bearer)]), [
    ["POST", false, false],
    ["POST", true, true],
  ]);
  assert.deepEqual(key.properties.tags, { said: "later" });
});

scenario("errors.not_served", async () => {
  const client = keys();
  const { name } = await client.createEcKey(nameOf("key"));
  for (const call of [
    () => client.backupKey(name),
    () => client.getKeyRotationPolicy(name),
    () => client.getKeyAttestation(name),
    () => client.getRandomBytes(16),
  ]) {
    await refusal(404, "NotFound", call);
  }
  await refusedList(404, "NotFound", client.listDeletedKeys());
});
