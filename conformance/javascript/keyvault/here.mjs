// Microsoft's clients of Key Vault ask the key release server of azattest for keys.
// The Go test reads the names of the tests: group.scenario[vault]. What it made is in
// the file that the environment variable AZATTEST_WORLD names.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { AttestationClient } from "@azure/attestation";
import { KeyClient } from "@azure/keyvault-keys";

// What was tried: other versions are other software.
for (const [name, version] of Object.entries({ "@azure/attestation": "1.0.0", "@azure/keyvault-keys": "4.10.2" })) {
  const own = readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), "utf8");
  assert.equal(JSON.parse(own).version, version);
}

const file = process.env.AZATTEST_WORLD;
if (!file) {
  throw new Error("AZATTEST_WORLD names no file: run `make conformance`, which makes one");
}
const said = JSON.parse(readFileSync(file, "utf8"));

export const { endpoints, platforms, algorithm } = said;
export const { vault, authority } = endpoints;
export const signingCA = readFileSync(said.signingCAFile, "utf8");
export const bearers = Object.fromEntries(
  Object.entries(said.bearers).map(([name, file]) => [name, readFileSync(file, "utf8").trim()]),
);

export function scenario(name, run) {
  test(`${name}[vault]`, run);
}

// nameOf is a name that no other test uses.
export const nameOf = (stem) => `${stem}-${randomUUID().slice(0, 13)}`;

// credential holds a bearer, and knows for what it will be asked.
const credential = (bearer, scope) => ({
  async getToken(scopes) {
    assert.deepEqual([scopes].flat(), [scope]);
    return { token: bearer, expiresOnTimestamp: Date.now() + 3600_000 };
  },
});

// keys is the client of somebody with a role, or with a bearer of no role's. Every
// request that it sends is put into a list, if there is one.
export function keys(role = "officer", { requests, ...options } = {}) {
  const policy = {
    name: "watch",
    sendRequest(request, next) {
      requests?.push({ method: request.method, path: new URL(request.url).pathname, body: request.body, bearer: request.headers.get("authorization") });
      return next(request);
    },
  };
  return new KeyClient(vault, credential(bearers[role] ?? role, "https://vault.azure.net/.default"), {
    // The vault is not below vault.azure.net, for which its bearers are.
    disableChallengeResourceVerification: true,
    additionalPolicies: [{ policy, position: "perRetry" }],
    ...options,
  });
}

// attested has an enclave attested and returns the token's text.
export async function attested(enclave, { service = "authority", ...options } = {}) {
  const client = new AttestationClient(endpoints[service], credential(bearers[service], "https://attest.azure.net/.default"));
  const answer = await client.attestSgxEnclave(enclave.quote, {
    runTimeJson: enclave.runtimeData,
    validationOptions: { validateToken: true, validateIssuer: true, expectedIssuer: endpoints[service] },
    ...options,
  });
  return answer.token.serialize();
}

// refusal expects that a call fails with the SDK's own error and the vault's code, and
// returns the error.
export async function refusal(status, code, call, inner) {
  let error;
  await assert.rejects(call, (caught) => {
    error = caught;
    return true;
  });
  assert.equal(error.name, "RestError", error.stack);
  assert.deepEqual(
    [error.statusCode, error.code, error.details.error.code, error.details.error.innerError?.code],
    [status, code, code, inner],
    error.message,
  );
  return error;
}

// refusedList expects the same of a call that lists, of whose error the SDK keeps no
// more than the code.
export async function refusedList(status, code, iterator) {
  await assert.rejects(all(iterator), (error) => {
    assert.deepEqual([error.name, error.statusCode, error.code], ["RestError", status, code], error.stack);
    return true;
  });
}

export async function all(iterator) {
  const found = [];
  for await (const item of iterator) {
    found.push(item);
  }
  return found;
}
