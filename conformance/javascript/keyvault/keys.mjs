// Keys are looked after: made, imported, read, listed, rotated, changed, deleted.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { otherMeasurement, policyOf } from "./enclave.mjs";
import { all, authority, keys, nameOf, refusal, scenario, vault } from "./here.mjs";

const begin = new Date("2024-02-29T12:00:01Z");
const end = new Date("2037-12-31T23:59:59Z");

const made = (client, options) => client.createEcKey(nameOf("key"), options);
const exportable = (client) => made(client, { hsm: true, exportable: true, releasePolicy: policyOf(authority) });
const textOf = (key) => Buffer.from(key.properties.releasePolicy.encodedPolicy).toString();

// same holds of two answers about the same version of a key.
function same(got, want) {
  assert.deepEqual(got.key, want.key);
  const { updatedOn: _, ...properties } = want.properties;
  const { updatedOn: __, ...found } = got.properties;
  assert.deepEqual(found, properties);
}

scenario("keys.create_rsa", async () => {
  const name = nameOf("key");
  const key = await keys().createRsaKey(name, {
    keySize: 3072,
    hsm: true,
    exportable: true,
    releasePolicy: policyOf(authority),
    keyOps: ["decrypt", "unwrapKey"],
    tags: { team: "Zahlungen" },
    notBefore: begin,
    expiresOn: end,
  });
  assert.deepEqual([key.name, key.keyType, key.keyOperations], [name, "RSA-HSM", ["decrypt", "unwrapKey"]]);
  assert.deepEqual([key.key.n.length, [...key.key.e], key.key.d], [384, [1, 0, 1], undefined]);
  const { properties } = key;
  assert.equal(key.id, `${vault}/keys/${name}/${properties.version}`);
  assert.deepEqual([properties.vaultUrl, properties.enabled, properties.exportable], [vault, true, true]);
  assert.deepEqual([properties.tags, properties.notBefore, properties.expiresOn], [{ team: "Zahlungen" }, begin, end]);
  assert.ok(Math.abs(Date.now() - properties.createdOn) < 60_000);
  assert.equal(textOf(key), policyOf(authority).encodedPolicy.toString());
  assert.equal(properties.releasePolicy.contentType, "application/json; charset=utf-8");
  assert.equal(properties.releasePolicy.immutable, false);
});

scenario("keys.create_ec", async () => {
  for (const [curve, size] of [["P-256", 32], ["P-384", 48], ["P-521", 66]]) {
    const key = await made(keys(), { curve });
    assert.deepEqual([key.keyType, key.key.crv, key.key.x.length, key.key.y.length], ["EC", curve, size, size]);
    assert.deepEqual([key.properties.exportable, key.properties.releasePolicy], [false, undefined]);
  }
});

scenario("keys.create_symmetric", async () => {
  const key = await keys().createOctKey(nameOf("key"), { keySize: 192, hsm: true });
  assert.deepEqual([key.keyType, key.key.k], ["oct-HSM", undefined]);
});

scenario("keys.create_disabled", async () => {
  assert.equal((await made(keys(), { enabled: false })).properties.enabled, false);
});

scenario("keys.import", async () => {
  const jwk = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
  const parts = Object.entries(jwk).filter(([name]) => name !== "kty");
  const key = { kty: "RSA", keyOps: ["decrypt"], ...Object.fromEntries(parts.map(([name, text]) => [name, Buffer.from(text, "base64url")])) };
  for (const [hardwareProtected, kind] of [[true, "RSA-HSM"], [undefined, "RSA"]]) {
    const got = await keys().importKey(nameOf("key"), key, { hardwareProtected, tags: { from: "outside" } });
    assert.deepEqual([got.keyType, got.keyOperations, got.properties.tags], [kind, ["decrypt"], { from: "outside" }]);
    assert.equal(Buffer.from(got.key.n).toString("base64url"), jwk.n);
    same(await keys().getKey(got.name), got);
  }
});

scenario("keys.get", async () => {
  const client = keys();
  const first = await exportable(client);
  const second = await client.createEcKey(first.name, { hsm: true, exportable: true, releasePolicy: first.properties.releasePolicy });
  const reader = keys("reader");
  same(await reader.getKey(first.name), second);
  same(await reader.getKey(first.name.toUpperCase()), second);
  same(await reader.getKey(first.name, { version: first.properties.version }), first);
});

scenario("keys.list", async () => {
  const client = keys();
  const names = new Set();
  // More than a page of Key Vault has.
  for (let n = 0; n < 27; n++) {
    names.add((await made(client, { tags: { n: String(n) } })).name);
  }
  const reader = keys("reader");
  for (const most of [undefined, 10]) {
    const pages = await all(reader.listPropertiesOfKeys().byPage({ maxPageSize: most }));
    assert.ok(pages.length > 1 && pages.every((page) => page.length <= (most ?? 25)));
    const found = pages.flat().filter((key) => names.has(key.name));
    assert.deepEqual([found.length, new Set(found.map((key) => key.name))], [names.size, names]);
    for (const key of found) {
      assert.deepEqual([key.version, key.id, key.enabled], [undefined, `${vault}/keys/${key.name}`, true]);
      assert.deepEqual(Object.keys(key.tags), ["n"]);
    }
  }
  assert.ok((await all(reader.listPropertiesOfKeys())).length >= names.size);
});

scenario("keys.versions", async () => {
  const client = keys();
  const first = await made(client);
  const ids = [first.id];
  for (let n = 0; n < 4; n++) {
    ids.push((await client.rotateKey(first.name)).id);
  }
  const pages = await all(client.listPropertiesOfKeyVersions(first.name).byPage({ maxPageSize: 2 }));
  assert.deepEqual(pages.map((page) => page.length), [2, 2, 1]);
  assert.deepEqual(pages.flat().map((version) => version.id), ids);
});

scenario("keys.rotate", async () => {
  const client = keys();
  const first = await exportable(client);
  const second = await client.rotateKey(first.name);
  assert.deepEqual([second.name, second.keyType, second.key.crv], [first.name, first.keyType, first.key.crv]);
  assert.notEqual(second.properties.version, first.properties.version);
  assert.notDeepEqual(second.key.x, first.key.x);
  assert.deepEqual([second.properties.exportable, textOf(second)], [true, textOf(first)]);
});

scenario("keys.update_attributes", async () => {
  const client = keys();
  const key = await exportable(client);
  const changed = await client.updateKeyProperties(key.name, { enabled: false, tags: { a: "b" }, notBefore: begin, expiresOn: end, keyOps: ["sign"] });
  const { properties } = changed;
  assert.deepEqual([changed.id, properties.enabled, properties.tags], [key.id, false, { a: "b" }]);
  assert.deepEqual([properties.notBefore, properties.expiresOn, changed.keyOperations], [begin, end, ["sign"]]);
  assert.equal(textOf(changed), textOf(key));
  const again = await client.updateKeyProperties(key.name, key.properties.version, { enabled: true });
  assert.deepEqual([again.properties.enabled, again.properties.tags, again.properties.expiresOn], [true, { a: "b" }, end]);
  same(await client.getKey(key.name), again);
});

scenario("keys.update_policy", async () => {
  const client = keys();
  const key = await exportable(client);
  const other = policyOf(authority, otherMeasurement);
  const changed = await client.updateKeyProperties(key.name, { releasePolicy: { ...other, immutable: true } });
  assert.deepEqual([textOf(changed), changed.properties.releasePolicy.immutable], [other.encodedPolicy.toString(), true]);
  assert.equal(textOf(await client.getKey(key.name)), other.encodedPolicy.toString());
});

// The SDK cuts seconds to 32 bits, so that the vault hears of a time long ago.
scenario("keys.far_future_sdk_cannot", async () => {
  const requests = [];
  const expiresOn = new Date("2099-12-31T23:59:59Z");
  await refusal(400, "BadParameter", () => keys("officer", { requests }).createEcKey(nameOf("key"), { expiresOn }));
  assert.equal(JSON.parse(requests.at(-1).body).attributes.exp, (expiresOn / 1000) | 0);
});

scenario("keys.delete", async () => {
  const client = keys();
  const key = await made(client);
  await client.rotateKey(key.name);
  const poller = await client.beginDeleteKey(key.name);
  // There is nothing to recover it from, and the clients do not wait for that.
  assert.equal(poller.isDone(), true);
  const gone = await poller.pollUntilDone();
  assert.deepEqual([gone.name, gone.properties.recoveryId], [key.name, undefined]);
  for (const version of [undefined, key.properties.version]) {
    await refusal(404, "KeyNotFound", () => client.getKey(key.name, { version }));
  }
  // The name is free for another key at once.
  assert.notEqual((await client.createEcKey(key.name)).properties.version, key.properties.version);
});
