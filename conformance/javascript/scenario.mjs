// Each scenario runs on every kind of instance that it names. The Go test reads
// the names of the tests: group.scenario[mode]. A name that ends in _sdk_cannot
// is a scenario that this SDK makes impossible, and shows that it is the SDK.
import assert from "node:assert/strict";
import dns from "node:dns";
import { createRequire } from "node:module";
import { test } from "node:test";
import { AttestationAdministrationClient, AttestationClient } from "@azure/attestation";
import { bearers, endpoints, keys } from "./world.mjs";

// Released once and never again: other versions are other software.
assert.equal(createRequire(import.meta.url)("@azure/attestation/package.json").version, "1.0.0");

// Names below localhost are this machine (RFC 6761), whether its resolver knows
// or not.
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => lookup(host.endsWith(".localhost") ? "127.0.0.1" : host, ...rest);

export const everywhere = ["aad", "isolated", "shared"];

export function scenario(name, modes, run) {
  for (const mode of modes.filter((m) => m in endpoints)) {
    test(`${name}[${mode}]`, () => run(new Here(mode)));
  }
}

// Here is one instance, as the SDK's clients see it.
class Here {
  constructor(mode) {
    this.mode = mode;
    this.endpoint = endpoints[mode];
    // Every request that the clients with options send.
    this.requests = [];
  }

  // The options with which everything is checked. By default the SDK checks
  // signature and times; an object that does not say validateToken turns all off.
  get checked() {
    return {
      validationOptions: {
        validateToken: true,
        validateExpirationTime: true,
        validateNotBeforeTime: true,
        validateIssuer: true,
        expectedIssuer: this.endpoint,
      },
    };
  }

  // The options of a client that checks everything, and whose requests are kept.
  get watched() {
    const requests = this.requests;
    const policy = {
      name: "watch",
      sendRequest(request, next) {
        requests.push(request);
        return next(request);
      },
    };
    return { ...this.checked, additionalPolicies: [{ policy, position: "perCall" }] };
  }

  // The SDK reads a client's options only where there is no credential.
  attestation(role) {
    return role ? new AttestationClient(this.endpoint, bearer(role)) : new AttestationClient(this.endpoint, this.watched);
  }

  // The administration client of somebody with a role, or with a bearer of no role's.
  administration(role = "contributor") {
    return new AttestationAdministrationClient(this.endpoint, bearer(role), this.watched);
  }

  // What signs the policies of this instance: its own key if it has one, else any.
  get signing() {
    const { key, certificate } = keys[this.mode === "isolated" ? "isolated" : "stranger"];
    return { privateKey: key, certificate };
  }
}

// bearer is a credential that holds the bearer of a role, or is one itself.
function bearer(role) {
  return {
    async getToken(scopes) {
      assert.deepEqual([scopes].flat(), ["https://attest.azure.net/.default"]);
      return { token: bearers[role] ?? role, expiresOnTimestamp: Date.now() + 3600_000 };
    },
  };
}
