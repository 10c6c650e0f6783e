// TPM evidence, of which the service says that it takes none yet.
import { refusal } from "./expect.mjs";
import { everywhere, scenario } from "./scenario.mjs";

scenario("tpm.attest_refused", everywhere, (here) =>
  refusal("InvalidOperation", () =>
    here.attestation("contributor").attestTpm(JSON.stringify({ payload: { type: "aikcert" } })),
  ),
);
