// An enclave that wants a key: it holds one of its own, is attested, and opens what is
// released to it. None of this is azattest's code but for the quote, which the
// simulated platform makes: the cryptography is that of Node.js.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  X509Certificate,
  constants,
  createDecipheriv,
  createHash,
  generateKeyPairSync,
  privateDecrypt,
  verify,
} from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { algorithm, platforms, signingCA, vault } from "./here.mjs";

export const measurement = "a1".repeat(32);
export const otherMeasurement = "b2".repeat(32);

// The hash of RSA-OAEP and of its mask, by the names of Key Vault.
export const hashes = { CKM_RSA_AES_KEY_WRAP: "sha1", RSA_AES_KEY_WRAP_256: "sha256", RSA_AES_KEY_WRAP_384: "sha384" };
// What is taken if nothing is asked for.
export const usual = "CKM_RSA_AES_KEY_WRAP";

// policyOf is a release policy for the enclaves of a measurement.
export function policyOf(authority, mrenclave = measurement) {
  const allOf = [
    { claim: "x-ms-attestation-type", equals: "sgx" },
    { claim: "x-ms-sgx-mrenclave", equals: mrenclave },
  ];
  return { encodedPolicy: Buffer.from(JSON.stringify({ version: "1.0.0", anyOf: [{ authority, allOf }] })) };
}

export class Enclave {
  constructor({ service = "authority", mrenclave = measurement, jwk: other = {}, flags = [] } = {}) {
    const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
    this.key = pair.privateKey;
    const jwk = { ...pair.publicKey.export({ format: "jwk" }), kid: "enclave", key_ops: ["encrypt"], ...other };
    this.runtimeData = Buffer.from(JSON.stringify({ keys: [jwk] }));
    this.quote = quote(service, this.runtimeData, ["--mrenclave", mrenclave, ...flags]);
    assert.ok(this.quote.includes(createHash("sha256").update(this.runtimeData).digest()));
  }

  // opened is the released key: PKCS #11's CKM_RSA_AES_KEY_WRAP, with a choice of hash.
  opened(wrapped, name) {
    const size = this.key.asymmetricKeyDetails.modulusLength / 8;
    const secret = privateDecrypt(
      { key: this.key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hashes[name] },
      wrapped.subarray(0, size),
    );
    // The constant of RFC 5649, section 3.
    const cipher = createDecipheriv("id-aes256-wrap-pad", secret, Buffer.from("a65959a6", "hex"));
    return Buffer.concat([cipher.update(wrapped.subarray(size)), cipher.final()]);
  }
}

function quote(service, data, flags) {
  const folder = mkdtempSync(join(tmpdir(), "azattest-"));
  try {
    const [bound, made] = [join(folder, "data"), join(folder, "quote")];
    writeFileSync(bound, data);
    const [command, ...line] = platforms[service];
    execFileSync(command, [...line, "--runtime-data", bound, ...flags, "--out", made], { timeout: 60_000 });
    return readFileSync(made);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const decoded = (text) => Buffer.from(text, "base64url");
const object = (text) => JSON.parse(decoded(text).toString());

// released is the response of a vault, whose signature held and which repeats what was
// asked.
export function released({ value }, key, { algorithm: asked = usual, nonce, version } = {}) {
  const [head, payload, signature] = value.split(".");
  const header = object(head);
  assert.equal(header.alg, algorithm);
  const leaf = signer(header);
  const by = { key: leaf.publicKey, dsaEncoding: "ieee-p1363" };
  assert.equal(leaf.publicKey.asymmetricKeyType, { ES256: "ec", RS256: "rsa" }[algorithm]);
  assert.ok(verify("sha256", Buffer.from(`${head}.${payload}`), by, decoded(signature)));
  const { request, response } = object(payload);
  const kid = `${vault}/keys/${key.name}` + (version ? `/${version}` : "");
  assert.deepEqual(request, { "api-version": "2025-07-01", enc: asked, kid, ...(nonce && { nonce }) });
  const { attributes, key: jwk, release_policy: policy } = response.key;
  assert.equal(attributes.exportable, true);
  assert.deepEqual([jwk.kid, jwk.kty], [key.id, key.keyType]);
  for (const member of ["n", "e", "x", "y"]) {
    assert.equal(jwk[member], key.key[member] && Buffer.from(key.key[member]).toString("base64url"));
  }
  assert.equal(jwk.d, undefined);
  const wrapped = object(jwk.key_hsm);
  assert.deepEqual(wrapped.header, { alg: "dir", enc: asked, kid: "enclave" });
  return { wrapped: decoded(wrapped.ciphertext), policy: decoded(policy.data).toString() };
}

// signer is the certificate that signed: of the vault's host, by somebody trusted for it.
function signer(header) {
  const leaf = new X509Certificate(Buffer.from(header.x5c[0], "base64"));
  const ca = new X509Certificate(signingCA);
  assert.ok(ca.ca && leaf.checkIssued(ca) && leaf.verify(ca.publicKey));
  const now = Date.now();
  assert.ok(Date.parse(leaf.validFrom) <= now && now <= Date.parse(leaf.validTo));
  const { hostname } = new URL(vault);
  assert.ok(isIP(hostname) ? leaf.checkIP(hostname) : leaf.checkHost(hostname));
  assert.equal(header["x5t#S256"], createHash("sha256").update(leaf.raw).digest("base64url"));
  return leaf;
}
